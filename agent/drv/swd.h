/* The SWD wire as a table of functions: what a probe has to offer so that
 * adi.c can talk ADIv5.2 over it (Arm IHI 0031E, chapter B4). A probe engine
 * knows clock edges and turnarounds; what a transfer means is above.
 *
 * Every transfer is clocked with its data phase whatever the ACK says, which
 * a debug port expects once CTRL/STAT.ORUNDETECT is set (IHI 0031E B4.2.3);
 * only so can many transfers travel in one USB exchange. After the first ACK
 * that is not OK nothing that follows in the batch counts: sticky flags make
 * the port refuse it.
 *
 * A stream is a run of writes to one register whose ACKs nobody looks at: an
 * overrun, a fault or a wrong parity sets a sticky flag (B2.2.2), a request
 * that was not understood silences the port until a line reset (B4.2.5), so
 * the first ACK after the stream tells whether all of it went through.
 */
#ifndef AGENT_DRV_SWD_H
#define AGENT_DRV_SWD_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ACK as it reads on the wire, least significant bit first (B4.2.2). */
#define SWD_ACK_OK     1u
#define SWD_ACK_WAIT   2u
#define SWD_ACK_FAULT  4u

#define SWD_STREAM_MAX 256u

struct swd_transfer {
	bool ap;	       /* access port, else debug port */
	bool read;	       /* else write */
	uint8_t addr;	       /* register address: 0x0, 0x4, 0x8 or 0xC */
	uint32_t value;	       /* in for a write, out for a read */
	uint32_t idle_us;      /* SWDIO low and clocked after it, beyond the two
				* cycles that every transfer ends with */
	uint32_t count;	       /* > 0: a stream of so many writes, at most
				* SWD_STREAM_MAX; value is not used */
	const uint32_t *words; /* what they write; borrowed */
};

/* How a batch ended at transfers[done]. */
enum swd_end {
	SWD_END_ALL,	/* done == count */
	SWD_END_WAIT,	/* ACK WAIT */
	SWD_END_FAULT,	/* ACK FAULT */
	SWD_END_PARITY, /* ACK OK, but the data read has wrong parity */
	SWD_END_NO_ACK	/* none of the three ACKs */
};

struct swd_ops {
	/* Clock out count bits, least significant of bits[0] first, SWDIO
	 * driven throughout. At most 512. */
	enum err_code (*sequence)(void *ctx, const uint8_t *bits, size_t count,
				  struct err *e);
	/* Run transfers in order, in as many exchanges as it takes, but stop
	 * between exchanges after the first that is not OK. *done counts those
	 * that were OK, *end says what came then. A stream counts as OK: the
	 * next transfer tells about it, so one has to follow. Errors are the
	 * probe's only: ERR_PROBE_GONE, ERR_TIMEOUT, ERR_CANCELLED. */
	enum err_code (*transfer)(void *ctx, struct swd_transfer *transfers,
				  size_t count, size_t *done, enum swd_end *end,
				  struct err *e);
	/* SWCLK at most hz; *actual_hz gets what it is. */
	enum err_code (*set_clock)(void *ctx, uint32_t hz, uint32_t *actual_hz,
				   struct err *e);
	/* Pull nRST low or let go of it (open drain). */
	enum err_code (*hold_reset)(void *ctx, bool hold, struct err *e);
};

struct swd_wire {
	const struct swd_ops *ops;
	void *ctx;
};

/* The request byte for a transfer: start, APnDP, RnW, A[3:2], parity, stop,
 * park (B4.2.1). */
uint8_t swd_request(const struct swd_transfer *t);
/* Even parity over 32 bits: 1 when the number of ones is odd. */
unsigned swd_parity(uint32_t value);

#endif
