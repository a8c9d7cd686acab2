/* The accounts of harnesses and boards (bench/probe/account.def,
 * bench/chip/account.def) since the last reset of the counters, as JSON. Each
 * on the thread that owns what it looks at: see board.h, worker.h. */
#ifndef BENCH_DAEMON_ACCOUNT_STATE_H
#define BENCH_DAEMON_ACCOUNT_STATE_H

#include "bench/daemon/worker.h"

#include <jansson.h>

/* The caller owns the object. */
json_t *account_state_probe(const struct worker *w);
/* w: the harness that it is in, or NULL. The rows of the harness count while
 * the board was in one; "chip" has those of the chip. */
json_t *account_state_board(const struct board *b, const struct worker *w);

void account_state_reset_probe(struct worker *w);
void account_state_reset_board(struct board *b, const struct worker *w);

#endif
