#include "controller/session/private.h"

#include "proto/base/wall.h"

#include <stdlib.h>
#include <string.h>

struct live *live_get(struct sessions *s, const char *station)
{
	struct live *l;

	for (l = s->lives; l; l = l->next) {
		if (strcmp(l->station, station) == 0)
			return l;
	}
	if (s->lives_n >= STATIONS_MAX)
		return NULL;
	l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	snprintf(l->station, sizeof l->station, "%s", station);
	l->next = s->lives;
	s->lives = l;
	s->lives_n++;
	return l;
}

void live_bound(struct sessions *s, struct peer *p)
{
	struct live *l = live_get(s, p->station);

	if (!l)
		return;
	l->peers++;
	l->cards_new = true;
	l->last_seen_at = wall_now_ms();
	memcpy(l->agent_version, p->agent_version, sizeof l->agent_version);
	live_changed(s);
}

void live_lost(struct sessions *s, const char *station)
{
	struct live *l = live_get(s, station);

	if (l && l->peers)
		l->peers--;
}

void lives_free(struct sessions *s)
{
	while (s->lives) {
		struct live *next = s->lives->next;

		free(s->lives);
		s->lives = next;
	}
}

void live_changed(struct sessions *s)
{
	if (s->config.hooks.changed && !s->closing)
		s->config.hooks.changed(s->config.hooks.ctx);
}

static json_t *harnesses_json(const struct msg_HEARTBEAT *b)
{
	json_t *all = json_array();

	for (size_t i = 0; i < b->harnesses_n; i++) {
		const struct msg_HARNESS_STATE *h = &b->harnesses[i];

		json_array_append_new(
			all,
			json_pack("{ssssssssssssss sI ss}", "harness",
				  h->harness, "state", h->state, "step",
				  h->step, "attempt", h->attempt, "uid", h->uid,
				  "board_serial", h->board_serial,
				  "failure_code", h->failure_code, "percent",
				  (json_int_t)h->percent, "note", h->note));
	}
	return all;
}

static json_t *cards_json(const struct msg_HEARTBEAT *b)
{
	json_t *all = json_array();

	for (size_t i = 0; i < b->cards_n; i++) {
		const struct msg_CARD_STATE *c = &b->cards[i];

		json_array_append_new(
			all,
			json_pack("{ssss sI sI ss}", "card_serial",
				  c->card_serial, "fwid", c->fwid, "counter",
				  (json_int_t)c->counter, "maximum",
				  (json_int_t)c->maximum, "state", c->state));
	}
	return all;
}

json_t *sessions_stations(struct sessions *s)
{
	json_t *all = json_array();
	char at[WALL_TEXT_SIZE];

	for (struct live *l = s->lives; l; l = l->next) {
		json_array_append_new(
			all,
			json_pack("{ss sb ss ss sI so so}", "station",
				  l->station, "online", l->peers > 0,
				  "agent_version", l->agent_version,
				  "last_seen", wall_format(at, l->last_seen_at),
				  "spooled", (json_int_t)l->beat.spooled,
				  "harnesses", harnesses_json(&l->beat),
				  "cards", cards_json(&l->beat)));
	}
	return all;
}
