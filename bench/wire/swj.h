/* The SWJ-DP's watch for switching sequences on SWDIO/TMS (ADIv5.2, B5): every
 * bit the host sends passes here, least significant bit of a sequence first. */
#ifndef BENCH_WIRE_SWJ_H
#define BENCH_WIRE_SWJ_H

#include <stdbool.h>
#include <stdint.h>

enum swj_mode { SWJ_JTAG, SWJ_SWD, SWJ_DORMANT };

enum swj_event {
	SWJ_NOTHING,
	SWJ_TO_SWD, /* mode is SWJ_SWD now; a line reset must follow */
	SWJ_TO_JTAG,
	SWJ_TO_DORMANT,
};

struct swj {
	enum swj_mode mode;
	uint64_t lo, hi;    /* the last 128 bits, newest in bit 63 of hi */
	unsigned ones;	    /* length of the run of ones that ends here */
	unsigned alerted;   /* bits since a selection alert, 0: none seen */
	unsigned last_ones; /* length of the last run of 50 ones or more, 0
			     * when it is further back than a sequence */
	unsigned since;	    /* bits since that run ended */
};

void swj_init(struct swj *s);
enum swj_event swj_bit(struct swj *s, bool level);

/* Has it seen so many zeros that one more makes no difference? */
bool swj_is_quiet(const struct swj *s);

#endif
