/* What the sessions know, laid over what the store knows. The loop only. */
#include "controller/console/private.h"

#include <string.h>

static const char *text_of(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static json_t *find_station(json_t *list, const char *station)
{
	size_t i;
	json_t *st;

	json_array_foreach (list, i, st)
		if (!strcmp(text_of(st, "station"), station))
			return st;
	return NULL;
}

/* The row for one harness wins over that for all of the station. */
static const char *assigned_lot(const json_t *assignments, const char *station,
				const char *harness)
{
	const char *lot = "";
	size_t i;
	json_t *as;

	json_array_foreach ((json_t *)assignments, i, as) {
		const char *h = text_of(as, "harness");

		if (strcmp(text_of(as, "station"), station))
			continue;
		if (!strcmp(h, harness))
			return text_of(as, "lot");
		if (!*h)
			lot = text_of(as, "lot");
	}
	return lot;
}

static void add_assigned(json_t *st, const json_t *assignments)
{
	const char *station = text_of(st, "station");
	json_t *harness;
	size_t i;

	json_array_foreach (json_object_get(st, "harnesses"), i, harness)
		json_object_set_new(
			harness, "assigned_lot",
			json_string(assigned_lot(assignments, station,
						 text_of(harness, "harness"))));
}

static void add_defaults(json_t *st)
{
	json_t *defaults =
		json_pack("{s:s,s:n,s:i,s:[],s:[]}", "agent_version", "",
			  "last_seen", "spooled", 0, "harnesses", "cards");

	json_object_update_missing(st, defaults);
	json_decref(defaults);
}

/* "online" is what a session says; everything else the store's state. */
static void merge_one(json_t *st, const json_t *session)
{
	static const char *const keys[] = {"agent_version", "last_seen",
					   "spooled", "harnesses", "cards"};
	bool enrolled = !strcmp(text_of(st, "state"), "enrolled");
	json_t *value;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if ((value = json_object_get(session, keys[i])))
			json_object_set_new(st, keys[i], json_deep_copy(value));
	if (enrolled)
		json_object_set_new(st, "state",
				    json_string(json_is_true(json_object_get(
							session, "online"))
							? "online"
							: "offline"));
}

static json_t *ask(json_t *(*fn)(void *ctx), void *ctx)
{
	json_t *list = fn ? fn(ctx) : NULL;

	return list ? list : json_array();
}

void live_merge(struct console *c, json_t *facts)
{
	const struct console_live *live = &c->config.live;
	json_t *sessions = ask(live->stations, live->ctx);
	json_t *assignments = json_object_get(facts, "assignments"), *st;
	size_t i;

	json_array_foreach (json_object_get(facts, "stations"), i, st) {
		json_t *session =
			find_station(sessions, text_of(st, "station"));

		if (session)
			merge_one(st, session);
		add_defaults(st);
		add_assigned(st, assignments);
	}
	json_object_del(facts, "assignments");
	json_object_set_new(facts, "alarms", ask(live->alarms, live->ctx));
	json_decref(sessions);
}

uint64_t live_spooled(struct console *c)
{
	const struct console_live *live = &c->config.live;
	json_t *sessions = ask(live->stations, live->ctx), *session;
	uint64_t n = 0;
	size_t i;

	json_array_foreach (sessions, i, session)
		n += (uint64_t)json_integer_value(
			json_object_get(session, "spooled"));
	json_decref(sessions);
	return n;
}

unsigned live_online(struct console *c)
{
	const struct console_live *live = &c->config.live;
	json_t *sessions = ask(live->stations, live->ctx), *session;
	unsigned n = 0;
	size_t i;

	json_array_foreach (sessions, i, session)
		n += json_is_true(json_object_get(session, "online"));
	json_decref(sessions);
	return n;
}
