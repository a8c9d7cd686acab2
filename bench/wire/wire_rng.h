/* Small deterministic random numbers for injected faults: the same seed gives
 * the same run. Not for secrets. (xorshift64*, S. Vigna, "An experimental
 * exploration of Marsaglia's xorshift generators, scrambled", 2016.) */
#ifndef BENCH_WIRE_WIRE_RNG_H
#define BENCH_WIRE_WIRE_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct wire_rng {
	uint64_t state;
};

void wire_rng_init(struct wire_rng *r, uint64_t seed);
uint32_t wire_rng_next(struct wire_rng *r);
/* 0 .. n-1; n > 0 */
uint32_t wire_rng_below(struct wire_rng *r, uint32_t n);
/* True once in n on average; never when n is 0. */
bool wire_rng_one_in(struct wire_rng *r, uint32_t n);

#endif
