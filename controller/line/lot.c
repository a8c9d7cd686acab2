#include "controller/line/lot.h"

#include <stdio.h>
#include <string.h>

static const char *const state_names[] = {"draft",  "released", "running",
					  "paused", "closing",	"closed"};

static const char *const move_names[] = {"start", "pause", "resume", "close"};

static const struct {
	enum lot_state from;
	enum lot_move move;
	enum lot_state to;
} moves[] = {
	{LOT_RELEASED, LOT_START, LOT_RUNNING},
	{LOT_RUNNING, LOT_PAUSE, LOT_PAUSED},
	{LOT_PAUSED, LOT_RESUME, LOT_RUNNING},
	{LOT_RUNNING, LOT_CLOSE, LOT_CLOSED},
	{LOT_PAUSED, LOT_CLOSE, LOT_CLOSED},
	{LOT_CLOSING, LOT_CLOSE, LOT_CLOSED},
};

const char *lot_state_name(enum lot_state s)
{
	return (unsigned)s < LOT_STATE_COUNT ? state_names[s] : "";
}

bool lot_state_parse(const char *name, enum lot_state *s)
{
	for (unsigned i = 0; i < LOT_STATE_COUNT; i++) {
		if (strcmp(state_names[i], name) == 0) {
			*s = (enum lot_state)i;
			return true;
		}
	}
	return false;
}

enum err_code lot_move(enum lot_state from, enum lot_move move,
		       enum lot_state *to, struct err *e)
{
	for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
		if (moves[i].from == from && moves[i].move == move) {
			*to = moves[i].to;
			return ERR_OK;
		}
	}
	return err_set(e, ERR_STATE, "a lot that is %s cannot %s",
		       lot_state_name(from), move_names[move]);
}

bool lot_is_open(enum lot_state s)
{
	return s == LOT_RUNNING || s == LOT_PAUSED || s == LOT_CLOSING;
}

enum err_code lot_close_check(const struct lot_close_facts *f, struct err *e)
{
	char text[300] = "";
	size_t n = 0;

	if (f->in_progress)
		n += (size_t)snprintf(text + n, sizeof text - n,
				      "; %llu units are in progress",
				      (unsigned long long)f->in_progress);
	if (f->spooled)
		n += (size_t)snprintf(text + n, sizeof text - n,
				      "; stations still hold %llu results",
				      (unsigned long long)f->spooled);
	if (f->gaps)
		n += (size_t)snprintf(
			text + n, sizeof text - n,
			"; the ledger has %llu gaps, the first: %.160s",
			(unsigned long long)f->gaps,
			f->first_gap ? f->first_gap : "");
	if (!n)
		return ERR_OK;
	return err_set(e, ERR_STATE, "%s", text + 2);
}

enum err_code lot_limits_check(uint64_t quantity, uint64_t max_attempts,
			       struct err *e)
{
	if (quantity < 1 || quantity > LOT_QUANTITY_MAX)
		return err_set(e, ERR_INPUT, "quantity must be 1 to %u",
			       LOT_QUANTITY_MAX);
	if (max_attempts < 1 || max_attempts > LOT_ATTEMPTS_MAX)
		return err_set(e, ERR_INPUT, "max_attempts must be 1 to %u",
			       LOT_ATTEMPTS_MAX);
	return ERR_OK;
}

bool lot_name_ok(const char *name)
{
	static const char ok[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz"
				 "0123456789._-";
	size_t len = strlen(name);

	return len >= 1 && len <= 32 && strspn(name, ok) == len &&
	       name[0] != '.' && name[0] != '-';
}
