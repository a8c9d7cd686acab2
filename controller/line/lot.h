/* The states of a lot and who may follow whom. Pure: no I/O, no clock. */
#ifndef CONTROLLER_LINE_LOT_H
#define CONTROLLER_LINE_LOT_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum lot_state {
	LOT_DRAFT,
	LOT_RELEASED,
	LOT_RUNNING,
	LOT_PAUSED,
	LOT_CLOSING,
	LOT_CLOSED,
	LOT_STATE_COUNT
};

enum lot_move { LOT_START, LOT_PAUSE, LOT_RESUME, LOT_CLOSE };

const char *lot_state_name(enum lot_state s);
bool lot_state_parse(const char *name, enum lot_state *s);

/* The state after a move. ERR_STATE when the move is not possible from here:
 * start only from released, pause only from running, resume only from paused,
 * close from running, paused or closing. */
enum err_code lot_move(enum lot_state from, enum lot_move move,
		       enum lot_state *to, struct err *e);

/* May harnesses work on it? Only then are they told the lot and the image. */
bool lot_is_open(enum lot_state s);

/* What closing needs to know. */
struct lot_close_facts {
	uint64_t in_progress; /* units with a permit and no result */
	uint64_t spooled;     /* results that stations still hold */
	uint64_t gaps;	      /* of the ledger */
	const char *first_gap;
};

/* ERR_STATE naming everything that is missing. */
enum err_code lot_close_check(const struct lot_close_facts *f, struct err *e);

#define LOT_QUANTITY_MAX 1000000u
#define LOT_ATTEMPTS_MAX 10u

/* ERR_INPUT for a quantity or a number of attempts outside 1..maximum. */
enum err_code lot_limits_check(uint64_t quantity, uint64_t max_attempts,
			       struct err *e);

/* A name of a lot, station, harness or token: [A-Za-z0-9._-]{1,32}, not
 * starting with a dot or dash. */
bool lot_name_ok(const char *name);

#endif
