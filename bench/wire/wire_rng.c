#include "bench/wire/wire_rng.h"

#include <assert.h>

void wire_rng_init(struct wire_rng *r, uint64_t seed)
{
	/* Spread small seeds over the word (SplitMix64's finaliser); the
	 * generator must not start at 0. */
	seed += 0x9E3779B97F4A7C15u;
	seed = (seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9u;
	seed = (seed ^ (seed >> 27)) * 0x94D049BB133111EBu;
	seed ^= seed >> 31;
	r->state = seed != 0 ? seed : 1;
}

uint32_t wire_rng_next(struct wire_rng *r)
{
	r->state ^= r->state >> 12;
	r->state ^= r->state << 25;
	r->state ^= r->state >> 27;
	return (uint32_t)((r->state * 0x2545F4914F6CDD1Du) >> 32);
}

uint32_t wire_rng_below(struct wire_rng *r, uint32_t n)
{
	assert(n > 0);
	return (uint32_t)(((uint64_t)wire_rng_next(r) * n) >> 32);
}

bool wire_rng_one_in(struct wire_rng *r, uint32_t n)
{
	return n != 0 && wire_rng_below(r, n) == 0;
}
