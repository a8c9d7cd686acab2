/* Yield arithmetic in its standard senses. Pure. */
#ifndef CONTROLLER_LINE_YIELD_H
#define CONTROLLER_LINE_YIELD_H

#include <stdint.h>

/* (entered - failed) / entered; 0 when nothing entered, so that "no data" is
 * never read as perfect. */
double yield_of(uint64_t entered, uint64_t failed);

/* Rolled throughput yield: the product of the steps' yields. A zeroed
 * struct is the start; a step that nothing entered does not count. */
struct yield_rolled {
	double product;
	unsigned steps;
};
void yield_rolled_add(struct yield_rolled *r, uint64_t entered,
		      uint64_t failed);
double yield_rolled_value(const struct yield_rolled *r); /* 0: no steps */

/* Index (0-based) of the p-th percentile (1..100) among n sorted values by
 * the nearest-rank method; n > 0. */
uint64_t yield_percentile_rank(uint64_t n, unsigned p);

/* Passed units per hour between two wall times; 0 without time in between. */
double yield_per_hour(uint64_t units, int64_t first_ms, int64_t last_ms);

#endif
