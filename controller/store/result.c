#include "controller/line/result.h"

#include "controller/line/permit.h"
#include "controller/store/unit.h"
#include "proto/base/wall.h"

#include <stdio.h>
#include <string.h>

#define STEPS_MAX 15

/* One RESULT on its way. */
struct reporting {
	struct store_db *db;
	const struct store_unit_actor *who;
	const struct msg_RESULT *r;
	char content_sha256[STORE_HASH_SIZE];
	enum outcome reported, outcome;
	enum failure failure;
	int64_t started_at, finished_at;
	struct unit_lot lot;
	struct unit_permit permit;
	struct unit_row unit;
	struct result_step steps[STEPS_MAX];
	struct result_facts facts;
	const char *why;
	const char *disposition;
	bool counts, first, stale;
	struct store_receipt receipt;
};

static enum err_code parse_steps(struct reporting *p, struct err *e)
{
	const struct msg_RESULT *r = p->r;

	for (size_t i = 0; i < r->steps_n && i < STEPS_MAX; i++) {
		if (!step_parse(r->steps[i].step, &p->steps[i].step) ||
		    !step_state_parse(r->steps[i].state, &p->steps[i].state))
			return err_set(e, ERR_MALFORMED,
				       "step %zu: no such "
				       "step or state",
				       i);
	}
	p->facts.steps = p->steps;
	p->facts.steps_n = r->steps_n;
	return ERR_OK;
}

static enum err_code parse(struct reporting *p, struct err *e)
{
	const struct msg_RESULT *r = p->r;
	enum step failed_in;

	p->failure = FAILURE_NONE;
	if (!outcome_parse(r->outcome, &p->reported))
		return err_set(e, ERR_MALFORMED, "no such outcome");
	if (*r->failure_code && !failure_parse(r->failure_code, &p->failure))
		return err_set(e, ERR_MALFORMED, "no such failure code");
	if (*r->failure_step && !step_parse(r->failure_step, &failed_in))
		return err_set(e, ERR_MALFORMED, "no such step");
	if (!wall_parse(r->started_at, &p->started_at) ||
	    !wall_parse(r->finished_at, &p->finished_at))
		return err_set(e, ERR_MALFORMED, "not a time");
	return parse_steps(p, e);
}

/* The same report again? *found, and then the same answer or a conflict. */
static enum err_code recorded_before(struct reporting *p, bool *found,
				     bool *downgraded, char why[128],
				     struct err *e)
{
	const enum sql_query q = Q_attempt_get;
	struct store_db *db = p->db;
	enum err_code rc = db_one(db, e, q, "t", p->r->attempt);
	bool same;

	*found = rc == ERR_OK;
	if (rc)
		return rc == ERR_NOT_FOUND ? ERR_OK : rc;
	same = strcmp(db_text(db, q, 0), p->content_sha256) == 0 &&
	       strcmp(db_text(db, q, 1), p->who->station) == 0;
	*downgraded = strcmp(db_text(db, q, 2), db_text(db, q, 3)) != 0;
	snprintf(why, 128, "%s", db_text(db, q, 4));
	p->receipt.seq = db_uint(db, q, 5);
	DB_COPY(db, q, 6, p->receipt.hash);
	db_end(db, q);
	if (same)
		return ERR_OK;
	return unit_conflict(db, p->who, p->r->attempt, p->r->lot,
			     "the attempt has another result already", e);
}

/* The unit's row: the permit's, else the one that the board's names lead to,
 * else a new one. A board that has passed elsewhere is not one of this lot. */
static enum err_code find_unit(struct reporting *p, struct err *e)
{
	const struct msg_RESULT *r = p->r;
	enum err_code rc;

	if (p->permit.fence)
		return unit_get(p->db, p->permit.unit_id, &p->unit, e);
	rc = unit_find(p->db, r->lot, r->uid, r->board_serial, &p->unit, e);
	if (rc || p->unit.unit_id || p->failure == FAILURE_PROVISIONED)
		return rc;
	if (!*r->uid && !*r->board_serial)
		return ERR_OK; /* nobody knows which board it was */
	return unit_add(p->db, r->lot, r->uid, r->board_serial, &p->unit, e);
}

/* Is this licence or certificate on record for the unit? A unit that came in
 * locked need not name what an earlier attempt got. */
static enum err_code on_record(struct reporting *p, enum sql_query q,
			       const char *id, bool *yes, struct err *e)
{
	*yes = false;
	if (!*p->r->uid || (!*id && !p->permit.resumed))
		return ERR_OK;
	return unit_exists(p->db, q, p->r->uid, id, yes, e);
}

static enum err_code app_tested(struct reporting *p, struct err *e)
{
	struct unit_app_test test = {0};
	enum err_code rc = ERR_OK;

	if (p->permit.fence)
		rc = unit_app_test_get(p->db, p->permit.unit_id, &test, e);
	p->facts.app_tested = test.attempt_no != 0;
	return rc;
}

static enum err_code gather(struct reporting *p, struct err *e)
{
	const struct msg_RESULT *r = p->r;
	struct result_facts *f = &p->facts;
	enum err_code rc;

	f->outcome = p->reported;
	f->failure = p->failure;
	f->app_test_status = r->app_test_status;
	f->image_is_lots = strcmp(r->image_sha256, p->lot.image_sha256) == 0;
	f->nor_known = *r->nor_sha256 != '\0';
	f->nor_is_image = strcmp(r->nor_sha256, p->lot.image_sha256) == 0;
	f->permitted = p->permit.fence && p->permit.fence == r->fence &&
		       strcmp(p->permit.lot, r->lot) == 0 &&
		       strcmp(p->permit.uid, r->uid) == 0;
	f->newest = p->permit.newest;
	f->resumed = p->permit.resumed;
	rc = app_tested(p, e);
	if (rc)
		return rc;
	f->device_id_ok =
		*r->device_id && strcmp(p->permit.device_id, r->device_id) == 0;
	rc = on_record(p, Q_licence_known, r->licence_id, &f->licence, e);
	if (!rc)
		rc = on_record(p, Q_certificate_known, r->cert_sha256,
			       &f->certificate, e);
	return rc;
}

static void judge(struct reporting *p)
{
	uint64_t used;

	p->outcome = result_judge(&p->facts, &p->why);
	p->counts = permit_attempt_counts(p->outcome, p->failure);
	p->first = p->unit.unit_id && p->unit.attempts == 0;
	p->stale = p->permit.fence && !p->permit.newest;
	used = p->unit.attempts_used + (p->counts ? 1 : 0);
	p->disposition = result_disposition(p->outcome, p->failure,
					    used < p->lot.max_attempts);
}

static enum err_code record(struct reporting *p, struct err *e)
{
	const struct msg_RESULT *r = p->r;
	json_t *body = json_pack("{ssssssssssssssss}", "lot", r->lot, "attempt",
				 r->attempt, "uid", r->uid, "board_serial",
				 r->board_serial, "device_id", r->device_id,
				 "station", p->who->station, "harness",
				 r->harness, "operator", r->operator_);
	json_t *more = json_pack(
		"{sIsIsbssssssssssssss}", "fence", (json_int_t)r->fence,
		"attempt_no", (json_int_t)r->attempt_no, "stale", p->stale,
		"outcome", outcome_name(p->outcome), "reported", r->outcome,
		"why", p->why, "failure_code", r->failure_code, "failure_step",
		r->failure_step, "disposition", p->disposition,
		"content_sha256", p->content_sha256);
	json_t *hashes = json_pack(
		"{ssssssssssssss}", "started_at", r->started_at, "finished_at",
		r->finished_at, "image_sha256", r->image_sha256, "nor_sha256",
		r->nor_sha256, "licence_id", r->licence_id, "csr_sha256",
		r->csr_sha256, "cert_sha256", r->cert_sha256);

	if (!body || !more || !hashes || json_object_update(body, more) ||
	    json_object_update(body, hashes)) {
		json_decref(body);
		body = NULL; /* db_record reports it */
	}
	json_decref(more);
	json_decref(hashes);
	return db_record(p->db, &p->who->who, "result", r->lot, body,
			 &p->receipt.seq, p->receipt.hash, e);
}

static enum err_code add_attempt(struct reporting *p, int64_t *attempt_id,
				 struct err *e)
{
	const struct msg_RESULT *r = p->r;
	enum err_code rc = db_one(
		p->db, e, Q_attempt_add,
		"ttituuittttttttttttti"
		"iuttttittiittiiu",
		r->attempt, p->content_sha256, p->unit.unit_id, r->lot,
		r->fence, r->attempt_no, (int64_t)p->stale, p->who->station,
		r->harness, r->uid, r->board_serial, r->device_id,
		outcome_name(p->reported), outcome_name(p->outcome),
		r->failure_code, r->failure_step, r->failure_text, p->why,
		p->disposition, r->operator_, p->started_at, p->finished_at,
		r->cycle_ms, r->image_sha256, r->nor_sha256,
		r->test_program_version, r->app_version, r->app_test_status,
		r->card_serial, r->licence_id, r->counter_before,
		r->counter_after, r->csr_sha256, r->cert_sha256,
		(int64_t)p->first, p->db->now_ms, p->receipt.seq);

	if (rc)
		return rc;
	*attempt_id = db_int(p->db, Q_attempt_add, 0);
	db_end(p->db, Q_attempt_add);
	return ERR_OK;
}

static enum err_code add_account(struct reporting *p, int64_t attempt_id,
				 struct err *e)
{
	const struct msg_RESULT *r = p->r;

	return db_exec(p->db, e, Q_attempt_account_add, "iuuuuuuuuuuuuui",
		       attempt_id,
#define ACCOUNT(name, what) r->name,
#include "proto/account.def"
#undef ACCOUNT
		       r->rest_ms);
}

static enum err_code add_details(struct reporting *p, int64_t attempt_id,
				 struct err *e)
{
	const struct msg_RESULT *r = p->r;
	enum err_code rc = add_account(p, attempt_id, e);

	for (size_t i = 0; i < r->steps_n && !rc; i++) {
		const struct msg_STEP_RECORD *s = &r->steps[i];

		rc = db_exec(p->db, e, Q_step_add, "iuttuu", attempt_id,
			     (uint64_t)i, s->step, s->state, s->started_ms,
			     s->took_ms);
	}
	for (size_t i = 0; i < r->measurements_n && !rc; i++) {
		const struct msg_MEASUREMENT *m = &r->measurements[i];

		rc = db_exec(p->db, e, Q_measurement_add, "iutttttti",
			     attempt_id, (uint64_t)i, m->step, m->name,
			     m->value, m->unit, m->low, m->high,
			     (int64_t)m->pass);
	}
	if (!rc && *r->log)
		rc = db_exec(p->db, e, Q_attempt_log_add, "it", attempt_id,
			     r->log);
	return rc;
}

/* Does this report end the attempt's permit? An agent that died before it
 * learned of its permit reports without fencing number; nothing was done under
 * it, and the unit must not wait for another word. */
static bool ends_permit(const struct reporting *p)
{
	if (!p->permit.fence)
		return false;
	return p->facts.permitted ||
	       (p->r->fence == 0 && p->outcome != OUTCOME_PASS &&
		strcmp(p->permit.uid, p->r->uid) == 0);
}

/* What the result changes about the unit. Only the newest permit's result
 * does, or that of a board that never got one; what has passed stays so. */
static enum err_code apply(struct reporting *p, struct err *e)
{
	bool ends = ends_permit(p);
	bool decides =
		p->permit.fence ? ends && p->permit.newest : !p->unit.admitted;
	int64_t id = p->unit.unit_id;
	enum err_code rc;

	if (!id)
		return ERR_OK;
	rc = db_exec(p->db, e, Q_unit_attempted, "iit", id, (int64_t)p->counts,
		     outcome_name(p->outcome));
	if (!rc)
		rc = db_exec(p->db, e, Q_unit_serial, "it", id,
			     p->r->board_serial);
	if (!rc && decides)
		rc = db_exec(p->db, e, Q_unit_ended, "ittttit", id,
			     outcome_name(p->outcome), p->r->failure_code,
			     p->r->failure_step, p->disposition, p->finished_at,
			     p->r->device_id);
	if (!rc && ends)
		rc = db_exec(p->db, e, Q_permit_end, "t", p->r->attempt);
	return rc;
}

static enum err_code check_account(const struct msg_RESULT *r, struct err *e)
{
	uint64_t sum_ms = 0;

#define ACCOUNT(name, what) sum_ms += r->name;
#include "proto/account.def"
#undef ACCOUNT
	return result_check_account(r->cycle_ms, sum_ms, r->rest_ms, e);
}

static enum err_code believe(struct reporting *p, struct err *e)
{
	enum err_code rc = parse(p, e);

	if (!rc)
		rc = result_check(p->reported, p->failure, p->started_at,
				  p->finished_at, e);
	if (!rc)
		rc = check_account(p->r, e);
	if (!rc)
		rc = unit_lot_get(p->db, p->r->lot, &p->lot, e);
	if (!rc)
		rc = unit_permit_get(p->db, p->r->attempt, &p->permit, e);
	if (rc)
		return rc;
	if (p->permit.fence && strcmp(p->permit.station, p->who->station) != 0)
		return unit_conflict(p->db, p->who, p->r->attempt, p->r->lot,
				     "the attempt is another station's", e);
	rc = find_unit(p, e);
	return rc ? rc : gather(p, e);
}

enum err_code store_result(struct store_db *db,
			   const struct store_unit_actor *who,
			   const struct msg_RESULT *r, const char *content,
			   struct store_receipt *out, bool *downgraded,
			   char why[128], struct err *e)
{
	struct reporting p = {.db = db, .who = who, .r = r};
	int64_t attempt_id = 0;
	bool found;
	enum err_code rc;

	db_sha256_hex(p.content_sha256, content, strlen(content));
	rc = recorded_before(&p, &found, downgraded, why, e);
	if (rc || found)
		goto out;
	rc = believe(&p, e);
	if (rc)
		goto out;
	judge(&p);
	*downgraded = p.outcome != p.reported;
	snprintf(why, 128, "%s", p.why);
	rc = record(&p, e);
	if (!rc)
		rc = add_attempt(&p, &attempt_id, e);
	if (!rc)
		rc = add_details(&p, attempt_id, e);
	if (!rc)
		rc = apply(&p, e);
out:
	*out = p.receipt;
	return rc;
}
