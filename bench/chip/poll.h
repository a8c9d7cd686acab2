/* Poll skipping: firmware that waits reads the same few registers over and
 * over. When a loop of up to POLL_LOOP reads has come round POLL_ROUNDS times
 * with equal values and equal cycle counts and without any write in between,
 * nothing can change before the next event of a peripheral, so time jumps
 * there. What firmware should wait on to have its waits cost nothing:
 *
 *  - flags whose moment is known: TIMx SR (UIF, CCxIF), FLASH xSR, OCTOSPI SR
 *    (also its automatic polling of the NOR), RNG SR, USART ISR, ADC ISR;
 *  - pins: GPIO IDR, EXTI RPR1/FPR1.
 *
 * A loop that also reads a running counter (TIMx CNT, DWT CYCCNT, SysTick)
 * may be waiting for any value of it: time then goes on in small jumps, of
 * 1/256 of what the loop has waited so far, at least POLL_JUMP_CYCLES.
 */
#ifndef BENCH_CHIP_POLL_H
#define BENCH_CHIP_POLL_H

#include <stdbool.h>
#include <stdint.h>

struct chip;

#define POLL_LOOP	 8u
#define POLL_ROUNDS	 4u
#define POLL_LOOP_CYCLES 400u /* longer loops do work */
#define POLL_JUMP_CYCLES 48u

struct poll_read {
	uint32_t addr, value;
	bool counter;
};

struct poll {
	struct poll_read loop[POLL_LOOP];
	unsigned length; /* of the loop; 0 while it is not known */
	unsigned fill;	 /* reads noted so far */
	unsigned at;	 /* the read expected next */
	unsigned rounds;
	bool counter;	     /* a counter is among the reads */
	uint64_t begin_ps;   /* when the first round began */
	uint64_t round_at;   /* cycle count at which this round began */
	uint64_t round_cost; /* cycles of the last round */
	uint64_t next_ps;    /* next event, as seen when the round began */
};

void poll_reset(struct chip *c);
/* The CPU is about to read addr: let time pass if this is a wait. */
void poll_before_read(struct chip *c, uint32_t addr);
/* What it read. */
void poll_after_read(struct chip *c, uint32_t addr, uint32_t value,
		     bool counter);

/* Is the CPU in such a loop, with an input pin among what it reads? */
bool poll_awaits_pin(const struct chip *c);

#endif
