/* The account of a harness: account.def has the rows. Everything grows from
 * the making of the harness on; who wants a stretch of it takes differences. */
#ifndef BENCH_PROBE_ACCOUNT_H
#define BENCH_PROBE_ACCOUNT_H

#include <stdint.h>

struct account {
#define ACCOUNT_TIME(name, what)  uint64_t name##_ps;
#define ACCOUNT_COUNT(name, what) uint64_t name;
#include "bench/probe/account.def"
#undef ACCOUNT_TIME
#undef ACCOUNT_COUNT
};

/* to += a - b, row by row. */
void account_add_difference(struct account *to, const struct account *a,
			    const struct account *b);

#endif
