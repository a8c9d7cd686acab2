/* The USB port a probe hangs on: the open handles of client programs, who
 * claimed which interface, and the transfers in flight. Messages are those of
 * bench/usb/link.h. Everything a client sends is checked; a client that breaks
 * the protocol is cut off. One thread: the probe's worker. */
#ifndef BENCH_DAEMON_USB_PORT_H
#define BENCH_DAEMON_USB_PORT_H

#include "bench/probe/probe.h"
#include "bench/usb/link.h"
#include "proto/base/dbuf.h"

#include <poll.h>

#define USB_PORT_HANDLES_MAX 16u
#define USB_PORT_XFERS_MAX   256u

struct usb_xfer {
	struct usb_xfer *next;
	struct usb_handle *handle;
	uint32_t id;
	unsigned channel;
	bool in, begun;
	bool queued;
	size_t len, done; /* OUT */
	struct probe_in rx;
	uint8_t buf[]; /* len bytes */
};

struct usb_handle {
	int fd;	   /* -1: free */
	bool dead; /* its device was unplugged */
	struct dbuf in, out;
	unsigned xfers;
};

struct usb_port {
	struct probe *probe;
	bool plugged;
	struct usb_handle handle[USB_PORT_HANDLES_MAX];
	struct usb_handle *claim[PROBE_CHANNELS_MAX];
	struct usb_xfer *in[PROBE_CHANNELS_MAX], *out[PROBE_CHANNELS_MAX];
};

void usb_port_init(struct usb_port *u, struct probe *p);
void usb_port_fini(struct usb_port *u);

/* A client's connection after its LINK_OPEN was answered. Takes fd; false (fd
 * closed) when there are too many. */
bool usb_port_open(struct usb_port *u, int fd);

/* Unplug: every transfer ends with LINK_NO_DEVICE, every handle is dead. Plug:
 * the chip starts afresh. */
void usb_port_plug(struct usb_port *u, bool plugged);

/* Fill fds (room for USB_PORT_HANDLES_MAX); returns how many. */
nfds_t usb_port_pollfds(const struct usb_port *u, struct pollfd *fds);
/* After poll(): read and answer. True when a client said something. */
bool usb_port_service(struct usb_port *u, const struct pollfd *fds, nfds_t n);

/* Move transfers on as far as modelled time allows. True when one ended. */
bool usb_port_progress(struct usb_port *u);

struct usb_port_wait {
	bool waiting;	   /* a transfer is in flight */
	bool active;	   /* bytes for it are on their way */
	uint64_t until_ps; /* when the next one can end at the latest */
};
struct usb_port_wait usb_port_waits(struct usb_port *u);

#endif
