/* Counts the clocks that MPSSE commands make, by reading them on their way to
 * the chip: so nobody who encodes commands has to. Source: FTDI AN_108 rev
 * 1.5, chapter 3. A command may be cut between two calls. Knows the commands
 * that swd_mpsse.c and probe.c use, and more of their kinds; the others have
 * no clocks. */
#ifndef AGENT_DRV_MPSSE_COUNT_H
#define AGENT_DRV_MPSSE_COUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mpsse_count {
	uint64_t clocks;
	uint64_t ps; /* what they took */
	/* the engine's settings */
	uint32_t divisor;
	bool divide_by_5;
	/* inside a command */
	uint8_t head[3]; /* opcode and parameters */
	uint8_t have, want;
	uint32_t skip; /* data bytes to come */
};

/* As after entering MPSSE mode. Counters stay. */
void mpsse_count_start(struct mpsse_count *c);
void mpsse_count_feed(struct mpsse_count *c, const uint8_t *out, size_t len);

#endif
