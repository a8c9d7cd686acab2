/* The target's end of the SWD line, clock edge by clock edge: ADIv5.2 (Arm IHI
 * 0031G), B4. Behind it the debug port (dp.h) and in front of it the SWJ watch
 * (swj.h). Rules kept: the target samples and changes SWDIO on rising edges
 * only, the host therefore reads what stood there before the edge; after a
 * protocol error, or when TARGETSEL chose another target, nothing is driven
 * until the next line reset; the first transfer after a line reset must be a
 * DPIDR read or a TARGETSEL write.
 *
 * The faults here are those of a bad connection; they come from a seed, so a
 * run can be repeated.
 */
#ifndef BENCH_WIRE_SWD_H
#define BENCH_WIRE_SWD_H

#include "bench/wire/dp.h"
#include "bench/wire/wire_rng.h"
#include "bench/wire/swj.h"

#include <stdbool.h>
#include <stdint.h>

/* Injected faults: one in N transfers on average, 0 for never; or exactly the
 * transfer with number `at` (counted from 1 since power-on), 0 for none. WAIT
 * and FAULT concern AP accesses and RDBUFF reads, as B4.2.3 forbids WAIT for
 * the others.
 *  noise  one of the 46 clocks after the request is inverted, the next request
 *         among them: the noise_bit'th, or any (0)
 *  fast   noise again, while a period of SWCLK is shorter than clean_period_ps
 *  lost   the request is not understood
 *  stuck  SWDIO stays at stuck_level for stuck_us: no contact, or a short */
struct swd_faults {
	uint32_t wait_one_in, fault_one_in, parity_one_in, noise_one_in;
	uint64_t wait_at, fault_at, parity_at, noise_at, lost_at, stuck_at;
	uint32_t fast_one_in;
	uint32_t clean_period_ps;
	uint32_t noise_bit;
	uint32_t stuck_us;
	bool stuck_level;
	uint64_t seed;
};

struct swd_counts {
	uint64_t edges;	    /* rising edges of SWCLK */
	uint64_t transfers; /* requests with good parity */
	uint64_t waits, faults;
	uint64_t protocol_errors;
	uint64_t contentions; /* edges at which both ends drove */
};

enum swd_phase {
	SWD_OFFLINE, /* the port is in JTAG or dormant state */
	SWD_LOCKOUT, /* no reply until a line reset */
	SWD_RESET,   /* line reset seen, waiting for two idle cycles */
	SWD_IDLE,
	SWD_REQUEST,
	SWD_TRN_ACK,
	SWD_ACK,
	SWD_READ,
	SWD_TRN_WRITE,
	SWD_WRITE,
	SWD_SKIP, /* data phase that nobody listens to, turnarounds */
};

struct swd {
	struct swj swj;
	struct dp dp;
	const struct wire_bus *bus;
	struct swd_faults faults;
	struct swd_counts counts;
	struct wire_rng rng;
	enum swd_phase phase;
	unsigned left;	  /* clocks left in the phase */
	bool drive, out;  /* what the target does to SWDIO */
	bool after_reset; /* no transfer since the line reset yet */
	bool targetsel;	  /* the request is a TARGETSEL write */
	uint8_t request;  /* bit 0 start .. bit 7 park */
	enum dp_ack ack;
	bool ap, read, bad_parity;
	unsigned a23;
	uint64_t shift; /* data on its way in or out, with parity */
	unsigned noise; /* clocks until the disturbed one; 0 none */
	/* the harness, which knows about time, sets the first and clears the
	 * second */
	bool fast, stuck;
};

/* Power-on state: JTAG selected, registers at reset. faults may be NULL. */
void swd_init(struct swd *s, const struct wire_bus *bus,
	      const struct swd_faults *faults);

/* SWDIO as both ends see it now. The target wins contention: the host's driver
 * is behind a resistor. Released, it is high (pull-up in the target). */
static inline bool swd_level(const struct swd *s, bool host_drives, bool host)
{
	bool level = s->drive ? s->out : (host_drives ? host : true);

	return s->stuck ? s->faults.stuck_level : level != (s->noise == 1);
}

/* The rising edge of SWCLK, with the level returned by swd_level() just
 * before it. */
void swd_rise(struct swd *s, bool level);

/* Would any number of further edges with this level change nothing but their
 * count? So between two transfers, after a while of low. swd_pass() counts
 * them. */
bool swd_is_steady(const struct swd *s, bool level);
void swd_pass(struct swd *s, uint64_t edges);

#endif
