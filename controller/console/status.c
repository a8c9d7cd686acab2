/* GET /status and the live stream show the same: the store's facts, read in a
 * job, merged on the loop with what only the running controller knows. */
#include "controller/console/handlers.h"
#include "controller/report/report.h"
#include "controller/store/store_line.h"
#include "proto/base/wall.h"

#include <string.h>

#define STATUS_LOTS_MAX 200

/* A lot that is at work also gets its yield figures. */
struct lots_arg {
	struct store_db *db;
	json_t *list;
};

static enum err_code on_lot(void *arg, const struct store_lot *lot,
			    struct err *e)
{
	struct lots_arg *a = arg;

	(void)e;
	if (json_array_size(a->list) < STATUS_LOTS_MAX)
		json_array_append_new(a->list, json_lot(lot));
	return ERR_OK;
}

static bool is_open(const char *state)
{
	return strcmp(state, "closed") != 0 && strcmp(state, "draft") != 0 &&
	       strcmp(state, "released") != 0;
}

static enum err_code add_totals(struct lots_arg *a, struct err *e)
{
	size_t i;
	json_t *lot, *totals;

	json_array_foreach (a->list, i, lot) {
		const char *state =
			json_string_value(json_object_get(lot, "state"));
		const char *name =
			json_string_value(json_object_get(lot, "lot"));

		if (!is_open(state))
			continue;
		totals = report_totals(a->db, name, e);
		if (!totals)
			return e->code;
		json_object_set_new(lot, "totals", totals);
	}
	return ERR_OK;
}

static enum err_code on_station(void *arg, const struct store_station *st,
				struct err *e)
{
	(void)e;
	json_array_append_new(
		arg,
		json_pack("{s:s,s:s,s:o,s:o}", "station", st->station, "state",
			  st->state, "enrolled_at", json_time(st->enrolled_at),
			  "revoked_at", json_time(st->revoked_at)));
	return ERR_OK;
}

static enum err_code on_assignment(void *arg, const struct store_assignment *as,
				   struct err *e)
{
	(void)e;
	json_array_append_new(arg, json_pack("{s:s,s:s,s:s}", "station",
					     as->station, "harness",
					     as->harness, "lot", as->lot));
	return ERR_OK;
}

/* {"stations": [...], "assignments": [...]}, the latter for the merge only. */
static enum err_code read_stations(struct store_db *db, json_t *out,
				   struct err *e)
{
	json_t *stations = json_array(), *assignments = json_array();
	enum err_code rc = store_stations(db, on_station, stations, e);

	if (!rc)
		rc = store_assignments(db, NULL, on_assignment, assignments, e);
	json_object_set_new(out, "stations", stations);
	json_object_set_new(out, "assignments", assignments);
	return rc;
}

json_t *status_facts(struct console *c, struct store_db *db, struct err *e)
{
	json_t *out = json_pack("{s:s,s:{s:s,s:s}}", "type", "status",
				"controller", "version", PROVLINE_VERSION,
				"started_at", c->server_started);
	struct lots_arg lots = {db, json_array()};
	struct store_head head;
	enum err_code rc = store_lots(db, on_lot, &lots, e);

	json_object_set_new(out, "lots", lots.list);
	if (!rc)
		rc = add_totals(&lots, e);
	if (!rc)
		rc = read_stations(db, out, e);
	if (!rc)
		rc = store_record_head(db, &head, e);
	if (rc) {
		json_decref(out);
		return NULL;
	}
	json_object_set_new(out, "record",
			    json_pack("{s:I,s:s}", "seq", (json_int_t)head.seq,
				      "hash", head.hash));
	return out;
}

enum err_code run_status(struct store_db *db, struct request *rq, struct err *e)
{
	json_t *facts = status_facts(rq->c, db, e);

	return facts ? give(rq, facts, e) : e->code;
}

void finish_status(struct request *rq)
{
	live_merge(rq->c, rq->out);
}

enum err_code run_station_list(struct store_db *db, struct request *rq,
			       struct err *e)
{
	json_t *out = json_object();
	enum err_code rc = read_stations(db, out, e);

	if (rc) {
		json_decref(out);
		return rc;
	}
	return give(rq, out, e);
}

void finish_stations(struct request *rq)
{
	live_merge(rq->c, rq->out);
	json_object_del(rq->out, "alarms");
}
