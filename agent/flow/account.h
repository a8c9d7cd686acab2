/* Where the time of an attempt goes (proto/account.def): what the harness
 * counts, and what the steps measure around their calls. Belongs to one
 * attempt and its thread. */
#ifndef AGENT_FLOW_ACCOUNT_H
#define AGENT_FLOW_ACCOUNT_H

#include "agent/target/target.h"
#include "proto/base/mono.h"
#include "proto/msg/msg.h"

enum account_row {
#define ACCOUNT(name, what) ACCOUNT_##name,
#include "proto/account.def"
#undef ACCOUNT
	ACCOUNT_ROWS
};

struct account {
	struct target *target;
	struct target_counts start;
	int64_t ns[ACCOUNT_ROWS]; /* measured by the steps */
};

void account_begin(struct account *a, struct target *t);

/* A stretch of time for one row. What the wire, USB and waits on purpose took
 * meanwhile is theirs and taken off. Stretches do not nest. */
struct account_span {
	struct mono from;
	uint64_t counted_ns;
};
struct account_span account_enter(const struct account *a);
void account_leave(struct account *a, enum account_row row,
		   const struct account_span *span);

/* Measured elsewhere. */
void account_add_us(struct account *a, enum account_row row, uint64_t us);
/* Sleep, and say so. */
void account_sleep(struct account *a, int64_t ms);

/* All rows of RESULT, and rest_ms so that they add up to its cycle_ms. */
void account_fill(const struct account *a, struct msg_RESULT *r);

#endif
