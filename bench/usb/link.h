/* What the libusb look-alike and the bench daemon say to each other over a
 * unix stream socket: a header of 24 bytes, then len bytes. Host byte order;
 * both ends run on one machine.
 *
 * One connection lists devices or is one open device handle. A handle's first
 * message is LINK_OPEN; from then on every request has an id of the client's
 * choice and is answered by exactly one LINK_DONE with that id, in any order.
 * A connection that ends is a handle that closes: its claims are released and
 * its transfers dropped.
 */
#ifndef BENCH_USB_LINK_H
#define BENCH_USB_LINK_H

#include <stdint.h>

#define LINK_ENV	 "PROVLINE_BENCH_SOCKET"
#define LINK_PAYLOAD_MAX (1024u * 1024u)
#define LINK_CONFIG_MAX	 192u

enum link_kind {
	LINK_LIST = 1,	 /* -> DONE, payload struct link_device[] */
	LINK_OPEN,	 /* a: device id out of the list */
	LINK_CLAIM,	 /* a: interface */
	LINK_RELEASE,	 /* a: interface */
	LINK_CONTROL,	 /* payload: 8-byte setup, then OUT data */
	LINK_BULK,	 /* a: endpoint, b: length; payload: OUT data */
	LINK_CANCEL,	 /* a: id of a LINK_BULK; itself not answered */
	LINK_RESET,	 /* USB port reset */
	LINK_CLEAR_HALT, /* a: endpoint */
	LINK_DONE,	 /* status, a: bytes moved; payload: IN data */
};

/* In flags of a LINK_BULK: when it was submitted another transfer of this
 * handle was in flight, so the host controller had its next work at hand. */
#define LINK_FLAG_QUEUED 1u

enum link_status {
	LINK_OK,
	LINK_NO_DEVICE, /* unplugged */
	LINK_BUSY,	/* claimed by another handle */
	LINK_NOT_FOUND, /* no such interface, endpoint, device */
	LINK_STALL,	/* request not supported by the device */
	LINK_CANCELLED,
	LINK_INVALID,  /* interface not claimed, malformed */
	LINK_OVERFLOW, /* a packet was longer than the room for it */
};

struct link_msg {
	uint32_t len; /* of the payload that follows */
	uint16_t kind;
	uint16_t flags;
	uint32_t id;
	uint32_t status;
	uint32_t a;
	uint32_t b;
};

struct link_device {
	uint32_t id;
	uint8_t bus;
	uint8_t address;
	uint8_t port;
	uint8_t reserved;
	uint8_t device[18]; /* USB 2.0, 9.6.1, as on the wire */
	uint16_t config_len;
	uint8_t config[LINK_CONFIG_MAX];
};

#endif
