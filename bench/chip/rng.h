/* The RNG (RM0456 Rev 6, section 48), fed from the board's seed: four words
 * every 412 cycles of its 48 MHz clock. */
#ifndef BENCH_CHIP_RNG_H
#define BENCH_CHIP_RNG_H

#include <stdint.h>

struct chip;

struct rng {
	uint32_t cr, nscr, htcr;
	uint64_t state;
	uint64_t ready_ps;
	unsigned words; /* left in the data register's FIFO */
};

void rng_init(struct chip *c);
void rng_reset(struct chip *c);
uint32_t rng_read(struct chip *c, unsigned index, uint32_t off, unsigned size);
void rng_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
	       uint32_t value);
uint64_t rng_next_event(struct chip *c, uint64_t t_ps);

#endif
