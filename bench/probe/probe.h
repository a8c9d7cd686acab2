/* An FTDI Hi-Speed chip on a harness, from its USB side: control requests,
 * bulk transfers, and what they cost. Channel A leads to SWD, B (where there
 * is one) to the provisioning UART; C and D to nothing.
 *
 * Bus time. usb_ps is what the host has seen; the pins (harness now_ps) may be
 * ahead by what the FIFOs hold. A transfer that was not queued behind another
 * one begins with the next micro-frame (125 us, USB 2.0, 8.4.3.1): that is the
 * host's turnaround. A full 512-byte packet takes 1/13 of a micro-frame (the
 * most that fit, table 5-10).
 *
 * One thread at a time.
 */
#ifndef BENCH_PROBE_PROBE_H
#define BENCH_PROBE_PROBE_H

#include "bench/probe/descriptors.h"
#include "bench/probe/harness.h"
#include "bench/probe/mpsse.h"

#define PROBE_UFRAME_PS 125000000u
#define PROBE_PACKET	512u
#define PROBE_STALLED	(-1)

struct probe_config {
	enum probe_type type;
	const char *manufacturer, *product, *serial; /* copied */
};

struct probe_channel {
	bool mpsse_mode;
	uint8_t latency_ms; /* 1..255 */
	uint64_t last_in_ps;
	struct mpsse mpsse; /* FIFOs of an MPSSE that is off hold nothing */
};

struct probe {
	struct probe_config config;
	char manufacturer[PROBE_STRING_MAX + 1];
	char product[PROBE_STRING_MAX + 1];
	char serial[PROBE_STRING_MAX + 1];
	struct harness *h;
	uint64_t usb_ps;
	unsigned channels;
	struct probe_channel channel[PROBE_CHANNELS_MAX];
};

/* h is borrowed. Strings over PROBE_STRING_MAX are ERR_INPUT. */
enum err_code probe_new(struct probe **p, const struct probe_config *c,
			struct harness *h, struct err *e);
void probe_free(struct probe *p);

/* Unplugged and plugged in again, or a USB reset: everything at defaults, pins
 * released. */
void probe_reset(struct probe *p);

/* A control transfer. For IN, data has room for the setup's wLength. Returns
 * the bytes moved or PROBE_STALLED. */
int probe_control(struct probe *p, const uint8_t setup[8], uint8_t *data);

/* Endpoint number to channel; false when there is none. */
bool probe_endpoint(const struct probe *p, uint8_t endpoint, unsigned *channel);

/* A bulk OUT transfer, or the rest of one: how many bytes went in. Fewer than
 * len: the FIFO is full, ask again when time has passed. queued as LINK_FLAG_
 * QUEUED, and for the rest of a transfer. */
size_t probe_out(struct probe *p, unsigned channel, const uint8_t *data,
		 size_t len, bool queued);

/* A bulk IN transfer under way. */
struct probe_in {
	uint8_t *buf;
	size_t len, got;
	bool overflow; /* ended: a packet was longer than the room left */
};

/* Host asks: marks the start. */
void probe_in_begin(struct probe *p, unsigned channel, bool queued);
/* True: complete. False: nothing to send before *until_ps (harness time), when
 * the latency timer ends; or earlier if bytes come. */
bool probe_in(struct probe *p, unsigned channel, struct probe_in *x,
	      uint64_t *until_ps);

/* The host is busy with something else, or sleeps: its time and the pins' pass
 * together. */
void probe_elapse(struct probe *p, uint64_t ps);
/* Pins run ahead to until_ps while the host waits for the board in a transfer;
 * probe_pass(): while it does not. */
void probe_wait(struct probe *p, uint64_t until_ps);
void probe_pass(struct probe *p, uint64_t until_ps);
/* The bus is busy: host and pins wait for it. */
void probe_bus(struct probe *p, uint64_t ps);

/* Bytes are on their way through this channel's pins, or lie in its FIFO
 * towards the host. */
bool probe_active(const struct probe *p, unsigned channel);

#endif
