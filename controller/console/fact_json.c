/* Rows of the store as the REST contract shows them. */
#include "controller/console/private.h"
#include "controller/store/store_line.h"
#include "proto/base/wall.h"

json_t *json_time(int64_t wall_ms)
{
	char text[WALL_TEXT_SIZE];

	return wall_ms ? json_string(wall_format(text, wall_ms)) : json_null();
}

static json_t *counts(const struct store_lot_counts *n)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "units",
			 (json_int_t)n->units, "passed", (json_int_t)n->passed,
			 "failed", (json_int_t)n->failed, "indeterminate",
			 (json_int_t)n->indeterminate, "in_progress",
			 (json_int_t)n->in_progress, "attempts",
			 (json_int_t)n->attempts, "first_pass",
			 (json_int_t)n->first_pass);
}

json_t *json_lot(const struct store_lot *lot)
{
	return json_pack(
		"{s:s,s:s,s:s,s:I,s:I,s:s,s:o,s:o,s:o,s:o,s:I}", "lot",
		lot->lot, "product", lot->product, "image_sha256",
		lot->image_sha256, "quantity", (json_int_t)lot->quantity,
		"max_attempts", (json_int_t)lot->max_attempts, "state",
		lot->state, "created_at", json_time(lot->created_at),
		"started_at", json_time(lot->started_at), "closed_at",
		json_time(lot->closed_at), "counts", counts(&lot->counts),
		"quota_left", (json_int_t)lot->quota_left);
}

json_t *json_image(const struct store_image *im)
{
	json_t *parts = json_array();

	for (size_t i = 0; i < im->parts_n; i++) {
		const struct store_image_part *p = &im->parts[i];

		json_array_append_new(
			parts, json_pack("{s:s,s:s,s:I,s:s}", "type", p->type,
					 "version", p->version, "length",
					 (json_int_t)p->len_bytes, "sha256",
					 p->sha256));
	}
	return json_pack(
		"{s:s,s:I,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:o,s:s,s:o,s:o,s:o}",
		"sha256", im->sha256, "len_bytes", (json_int_t)im->len_bytes,
		"product", im->product, "version", im->version, "fwid",
		im->fwid, "attestation_key", im->attestation_key,
		"release_key_id", im->release_key_id, "state",
		release_state_name(im->state), "imported_by", im->imported_by,
		"imported_at", json_time(im->imported_at), "approved_by",
		im->approved_by, "approved_at", json_time(im->approved_at),
		"retired_at", json_time(im->retired_at), "parts", parts);
}

json_t *json_unit(const struct store_unit *u)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:s,s:o}", "lot",
			 u->lot, "uid", u->uid, "device_id", u->device_id,
			 "board_serial", u->board_serial, "outcome", u->outcome,
			 "failure_code", u->failure_code, "failure_step",
			 u->failure_step, "disposition", u->disposition,
			 "attempts", (json_int_t)u->attempts, "cert_sha256",
			 u->cert_sha256, "finished_at",
			 json_time(u->finished_at));
}

static json_t *number(int64_t n)
{
	return n < 0 ? json_null() : json_integer(n);
}

static json_t *account(const struct store_trace *t)
{
	json_t *out;

	if (!t->accounted)
		return json_null();
	out = json_object();
#define ACCOUNT(name, what) \
	json_object_set_new(out, #name, json_integer(t->name));
#include "proto/account.def"
#undef ACCOUNT
	json_object_set_new(out, "rest_ms", json_integer(t->rest_ms));
	return out;
}

json_t *json_trace(const struct store_trace *t)
{
	json_t *out = json_object();

#define COL_TEXT(name, field) \
	json_object_set_new(out, #name, json_string(t->field));
#define COL_INT(name, field) json_object_set_new(out, #name, number(t->field));
#define COL_SECONDS(name, field)                  \
	json_object_set_new(out, #name,           \
			    t->field < 0          \
				    ? json_null() \
				    : json_real((double)t->field / 1000));
#include "controller/report/columns.def"
#undef COL_TEXT
#undef COL_INT
#undef COL_SECONDS
	json_object_set_new(out, "attempt_no", number(t->attempt_no));
	json_object_set_new(out, "failure_text", json_string(t->failure_text));
	json_object_set_new(out, "recorded_at", json_time(t->recorded_at));
	json_object_set_new(out, "stale", json_boolean(t->stale));
	json_object_set_new(out, "account", account(t));
	return out;
}
