/* TIM2 to TIM7 (RM0456 Rev 6, sections 55 and 56), as up-counters with update
 * and compare flags: what polled firmware needs. TIM2 to TIM5 have 32 bits. No
 * capture, no slave modes, no DMA. */
#ifndef BENCH_CHIP_TIM_H
#define BENCH_CHIP_TIM_H

#include <stdint.h>

struct chip;

#define TIM_COUNT 6u

struct tim {
	uint32_t cr1, cr2, smcr, dier, sr, ccmr1, ccmr2, ccer, ccr[4];
	uint32_t psc, psc_live; /* the prescaler acts from the next update */
	uint32_t arr;
	uint32_t cnt;	   /* at since_ps */
	uint64_t since_ps; /* running: when cnt was reached */
};

void tim_reset(struct chip *c);
uint32_t tim_read(struct chip *c, unsigned index, uint32_t off, unsigned size);
void tim_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
	       uint32_t value);
uint64_t tim_next_event(struct chip *c, uint64_t t_ps);
/* The counter clock is about to change: settle what has been counted. */
void tim_settle(struct chip *c);

#endif
