#include "controller/line/permit.h"

#include "controller/store/unit.h"
#include "proto/base/hex.h"
#include "proto/base/secret.h"

#include <string.h>

/* One PERMIT_GET on its way. */
struct asking {
	struct store_db *db;
	const struct store_unit_actor *who;
	const struct msg_PERMIT_GET *ask;
	const char *device_id;
	char request_sha256[STORE_HASH_SIZE];
	uint32_t lease_ms;
	struct unit_lot lot;
	struct unit_row unit;
	struct permit_facts facts;
	struct permit_verdict verdict;
	char open_at[STORE_NAME_SIZE];
	uint64_t fence, attempt_no;
	uint8_t challenge[SECRET_MAX_BYTES];
};

static enum err_code gather_open(struct asking *a, struct err *e)
{
	enum err_code rc = db_one(a->db, e, Q_permit_open, "t", a->ask->uid);

	if (rc)
		return rc == ERR_NOT_FOUND ? ERR_OK : rc;
	/* A harness holds one board: when the same one asks anew, its earlier
	 * attempt is over, whatever became of it. */
	a->facts.open_elsewhere =
		strcmp(db_text(a->db, Q_permit_open, 0), a->who->station) ||
		strcmp(db_text(a->db, Q_permit_open, 1), a->ask->harness);
	a->facts.lease_live = db_int(a->db, Q_permit_open, 2) > unit_mono_ms();
	a->facts.open_revoked = db_int(a->db, Q_permit_open, 3) != 0;
	DB_COPY(a->db, Q_permit_open, 0, a->open_at);
	a->facts.open_at = a->open_at;
	db_end(a->db, Q_permit_open);
	return ERR_OK;
}

static enum err_code gather_assigned(struct asking *a, struct err *e)
{
	enum err_code rc = db_one(a->db, e, Q_assignment_of_harness, "tt",
				  a->who->station, a->ask->harness);

	if (rc)
		return rc == ERR_NOT_FOUND ? ERR_OK : rc;
	a->facts.assigned = strcmp(db_text(a->db, Q_assignment_of_harness, 0),
				   a->ask->lot) == 0;
	db_end(a->db, Q_assignment_of_harness);
	return ERR_OK;
}

static enum err_code gather(struct asking *a, struct err *e)
{
	struct permit_facts *f = &a->facts;
	struct unit_lock lock = {0};
	enum err_code rc = unit_lot_get(a->db, a->ask->lot, &a->lot, e);

	if (!rc)
		rc = unit_find(a->db, a->ask->lot, a->ask->uid,
			       a->ask->board_serial, &a->unit, e);
	if (!rc)
		rc = unit_exists(a->db, Q_uid_passed, a->ask->uid, NULL,
				 &f->unit_passed, e);
	if (!rc)
		rc = unit_lock_get(a->db, a->ask->lot, a->ask->uid, &lock, e);
	if (!rc)
		rc = gather_assigned(a, e);
	if (!rc)
		rc = gather_open(a, e);
	f->lot_state = a->lot.state;
	f->quantity = a->lot.quantity;
	f->admitted = a->lot.admitted;
	f->max_attempts = a->lot.max_attempts;
	f->unit_admitted = a->unit.admitted;
	f->lock_known = lock.attempt_id != 0;
	f->attempts_used = a->unit.attempts_used;
	f->resumed = strcmp(a->ask->condition, "resumed") == 0;
	f->dev_id = (unsigned)a->ask->dev_id;
	return rc;
}

static enum err_code admit_unit(struct asking *a, struct err *e)
{
	struct store_db *db = a->db;
	const struct msg_PERMIT_GET *ask = a->ask;
	bool was_admitted = a->unit.admitted;
	enum err_code rc = ERR_OK;

	if (!a->unit.unit_id)
		rc = unit_add(db, ask->lot, ask->uid, ask->board_serial,
			      &a->unit, e);
	if (!rc)
		rc = db_exec(db, e, Q_permits_supersede, "t", ask->uid);
	if (!rc)
		rc = db_exec(db, e, Q_units_superseded, "tti", ask->uid,
			     ask->lot, db->now_ms);
	if (!rc)
		rc = db_exec(db, e, Q_unit_admit, "iit", a->unit.unit_id,
			     db->now_ms, a->device_id);
	if (!rc)
		rc = db_exec(db, e, Q_unit_serial, "it", a->unit.unit_id,
			     ask->board_serial);
	if (!rc && !was_admitted)
		rc = db_exec(db, e, Q_lot_admit, "t", ask->lot);
	return rc;
}

static enum err_code make_challenge(struct asking *a, struct err *e)
{
	struct secret s = {0};
	enum err_code rc = secret_random(&s, 32, e);

	if (!rc)
		memcpy(a->challenge, s.bytes, 32);
	secret_fini(&s);
	return rc;
}

static enum err_code add_permit(struct asking *a, struct err *e)
{
	struct store_db *db = a->db;
	enum err_code rc;

	rc = db_one(db, e, Q_permit_count, "i", a->unit.unit_id);
	if (rc)
		return rc;
	a->attempt_no = db_uint(db, Q_permit_count, 0) + 1;
	db_end(db, Q_permit_count);
	rc = make_challenge(a, e);
	if (!rc)
		rc = db_one(db, e, Q_permit_add, "ttittuiibii", a->ask->attempt,
			    a->request_sha256, a->unit.unit_id, a->who->station,
			    a->ask->harness, a->attempt_no,
			    (int64_t)a->verdict.retest,
			    (int64_t)a->facts.resumed,
			    (const void *)a->challenge, (size_t)32, db->now_ms,
			    unit_mono_ms() + a->lease_ms);
	if (rc)
		return rc;
	a->fence = db_uint(db, Q_permit_add, 0);
	db_end(db, Q_permit_add);
	return ERR_OK;
}

static enum err_code record_grant(struct asking *a, struct err *e)
{
	const struct msg_PERMIT_GET *m = a->ask;

	return db_record(
		a->db, &a->who->who, "permit", m->lot,
		json_pack("{sssssssssssssIsIssss}", "lot", m->lot, "uid",
			  m->uid, "attempt", m->attempt, "harness", m->harness,
			  "device_id", a->device_id, "board_serial",
			  m->board_serial, "fence", (json_int_t)a->fence,
			  "attempt_no", (json_int_t)a->attempt_no, "condition",
			  m->condition, "operator", m->operator_),
		NULL, NULL, e);
}

/* A refusal that the agent will ask about again soon is not a fact yet. */
static void note_refused(struct asking *a, const struct err *e)
{
	if (a->verdict.retry_ms)
		return;
	db_note_refusal(a->db, &a->who->who, "permit-refused", a->ask->lot,
			json_pack("{ssssssssss}", "lot", a->ask->lot, "uid",
				  a->ask->uid, "attempt", a->ask->attempt,
				  "code", err_name(e->code), "why", e->text));
}

static enum err_code add_licence(struct store_db *db, const char *uid,
				 const char *fwid, struct msg_PERMIT *out,
				 struct err *e)
{
	const enum sql_query q = Q_licence_of_uid;
	enum err_code rc = db_one(db, e, q, "tt", uid, fwid);
	const void *licence;
	size_t len;

	if (rc)
		return rc == ERR_NOT_FOUND ? ERR_OK : rc;
	DB_COPY(db, q, 0, out->licence_id);
	DB_COPY(db, q, 1, out->licence_card);
	licence = db_blob(db, q, 2, &len);
	if (len <= sizeof out->licence) {
		memcpy(out->licence, licence, len);
		out->licence_len = len;
	}
	db_end(db, q);
	return ERR_OK;
}

/* What a locked board cannot be asked again, from the attempts before. */
static enum err_code add_earlier(struct store_db *db,
				 const struct unit_permit *p,
				 struct msg_PERMIT *out, struct err *e)
{
	struct unit_lock lock;
	struct unit_app_test test;
	enum err_code rc;

	if (!p->resumed)
		return ERR_OK;
	rc = unit_lock_get(db, p->lot, p->uid, &lock, e);
	if (!rc)
		rc = unit_app_test_get(db, p->unit_id, &test, e);
	if (rc)
		return rc;
	memcpy(out->locked_by, lock.station, sizeof out->locked_by);
	out->locked_in = lock.attempt_no;
	memcpy(out->nor_sha256, lock.nor_sha256, sizeof out->nor_sha256);
	memcpy(out->test_program_version, lock.test_program_version,
	       sizeof out->test_program_version);
	memcpy(out->csr_sha256, lock.csr_sha256, sizeof out->csr_sha256);
	memcpy(out->cert_sha256, lock.cert_sha256, sizeof out->cert_sha256);
	out->app_tested_in = test.attempt_no;
	return ERR_OK;
}

/* The permit as it stands now: what a first and a repeated question get. */
static enum err_code answer(struct asking *a, struct msg_PERMIT *out,
			    struct err *e)
{
	struct unit_permit p;
	enum err_code rc = unit_permit_get(a->db, a->ask->attempt, &p, e);

	if (rc)
		return rc;
	*out = (struct msg_PERMIT){.fence = p.fence,
				   .attempt_no = p.attempt_no,
				   .lease_ms = a->lease_ms,
				   .retest = p.retest};
	memcpy(out->attempt, a->ask->attempt, sizeof out->attempt);
	memcpy(out->device_id, p.device_id, sizeof out->device_id);
	hex_encode(out->challenge, p.challenge, sizeof p.challenge);
	rc = unit_lot_get(a->db, p.lot, &a->lot, e);
	if (!rc)
		rc = add_earlier(a->db, &p, out, e);
	if (rc)
		return rc;
	return add_licence(a->db, p.uid, a->lot.fwid, out, e);
}

static enum err_code repeat(struct asking *a, const struct unit_permit *p,
			    struct err *e)
{
	if (strcmp(p->request_sha256, a->request_sha256) != 0 ||
	    strcmp(p->station, a->who->station) != 0)
		return unit_conflict(a->db, a->who, a->ask->attempt,
				     a->ask->lot,
				     "the attempt asked for another permit", e);
	if (p->ended)
		return err_set(e, ERR_STATE, "the attempt's permit has ended");
	return db_exec(a->db, e, Q_permit_renew, "ui", p->fence,
		       unit_mono_ms() + a->lease_ms);
}

static enum err_code decide(struct asking *a, struct err *e)
{
	enum err_code rc = gather(a, e);

	if (rc)
		return rc;
	rc = permit_decide(&a->facts, &a->verdict, e);
	if (rc) {
		note_refused(a, e);
		return rc;
	}
	rc = admit_unit(a, e);
	if (!rc)
		rc = add_permit(a, e);
	if (!rc)
		rc = record_grant(a, e);
	return rc;
}

enum err_code store_permit(struct store_db *db,
			   const struct store_unit_actor *who,
			   const struct msg_PERMIT_GET *ask,
			   const char *content, const char *device_id,
			   uint32_t lease_ms, struct msg_PERMIT *out,
			   uint32_t *retry_ms, struct err *e)
{
	struct asking a = {.db = db,
			   .who = who,
			   .ask = ask,
			   .device_id = device_id,
			   .lease_ms = lease_ms};
	struct unit_permit p;
	enum err_code rc;

	*retry_ms = 0;
	if (!*ask->uid)
		return err_set(e, ERR_MALFORMED, "a permit without UID");
	db_sha256_hex(a.request_sha256, content, strlen(content));
	rc = unit_permit_get(db, ask->attempt, &p, e);
	if (rc)
		return rc;
	rc = p.fence ? repeat(&a, &p, e) : decide(&a, e);
	*retry_ms = a.verdict.retry_ms;
	return rc ? rc : answer(&a, out, e);
}

enum err_code store_permit_renew(struct store_db *db,
				 const struct store_unit_actor *who,
				 const struct msg_PERMIT_RENEW *ask,
				 uint32_t lease_ms, struct err *e)
{
	struct unit_permit p;
	enum err_code rc = unit_permit_own(db, who->station, ask->attempt,
					   ask->fence, &p, e);

	if (rc)
		return rc;
	if (p.ended || !p.newest)
		return err_set(e, ERR_STATE, "the permit has ended");
	return db_exec(db, e, Q_permit_renew, "ui", p.fence,
		       unit_mono_ms() + lease_ms);
}
