/* Where modelled time went: what the bench counts for one probe and the board
 * in it, as a difference of two looks at it.
 */
#ifndef TESTS_BENCHMARK_ACCOUNT_H
#define TESTS_BENCHMARK_ACCOUNT_H

#include "proto/base/err.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

enum account_row {
#define ROW(id, section, of, key, scale, what) ACCOUNT_##id,
#include "tests/benchmark/account.def"
#undef ROW
	ACCOUNT_ROWS
};

struct account {
	uint64_t row[ACCOUNT_ROWS];
};

/* Out of a probe's member of the bench's `state` (bench/daemon/control.h).
 * ERR_MALFORMED names the row that is not there. */
enum err_code account_take(struct account *a, const json_t *probe,
			   struct err *e);

struct account account_minus(const struct account *later,
			     const struct account *earlier);

/* Seconds of modelled time. */
double account_s(const struct account *a);

/* The rows with one column each for `count` accounts. */

void account_print(FILE *f, const char *const title[],
		   const struct account *const a[], unsigned count);

#endif
