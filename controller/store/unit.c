#include "controller/store/unit.h"

#include "proto/base/mono.h"

#include <stdio.h>
#include <string.h>

int64_t unit_mono_ms(void)
{
	return mono_diff_ms(mono_now(), (struct mono){0});
}

enum err_code unit_lot_get(struct store_db *db, const char *lot,
			   struct unit_lot *out, struct err *e)
{
	enum err_code rc = db_one(db, e, Q_lot_rules, "t", lot);

	if (rc == ERR_NOT_FOUND)
		return err_set(e, rc, "no lot %.32s", lot);
	if (rc)
		return rc;
	if (!lot_state_parse(db_text(db, Q_lot_rules, 0), &out->state))
		rc = err_set(e, ERR_INTEGRITY, "lot %.32s has no state", lot);
	out->quantity = db_uint(db, Q_lot_rules, 1);
	out->admitted = db_uint(db, Q_lot_rules, 2);
	out->max_attempts = db_uint(db, Q_lot_rules, 3);
	DB_COPY(db, Q_lot_rules, 4, out->image_sha256);
	DB_COPY(db, Q_lot_rules, 5, out->fwid);
	DB_COPY(db, Q_lot_rules, 6, out->attestation_key);
	db_end(db, Q_lot_rules);
	return rc;
}

static void read_unit(struct store_db *db, enum sql_query q, struct unit_row *u)
{
	u->unit_id = db_int(db, q, 0);
	u->admitted = db_int(db, q, 1) != 0;
	DB_COPY(db, q, 2, u->outcome);
	u->attempts = db_uint(db, q, 3);
	u->attempts_used = db_uint(db, q, 4);
	DB_COPY(db, q, 5, u->device_id);
	db_end(db, q);
}

static enum err_code by_key(struct store_db *db, const char *lot,
			    const char *key, struct unit_row *out,
			    struct err *e)
{
	enum err_code rc = db_one(db, e, Q_unit_by_key, "tt", lot, key);

	if (!rc)
		read_unit(db, Q_unit_by_key, out);
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum err_code unit_get(struct store_db *db, int64_t unit_id,
		       struct unit_row *out, struct err *e)
{
	enum err_code rc = db_one(db, e, Q_unit_by_id, "i", unit_id);

	if (!rc)
		read_unit(db, Q_unit_by_id, out);
	return rc;
}

static void serial_key(char out[48], const char *board_serial)
{
	snprintf(out, 48, "serial:%s", board_serial);
}

static enum err_code by_serial(struct store_db *db, const char *lot,
			       const char *board_serial, struct unit_row *out,
			       struct err *e)
{
	enum err_code rc =
		db_one(db, e, Q_unit_by_serial, "tt", lot, board_serial);
	int64_t unit_id;

	if (rc)
		return rc == ERR_NOT_FOUND ? ERR_OK : rc;
	unit_id = db_int(db, Q_unit_by_serial, 0);
	db_end(db, Q_unit_by_serial);
	return unit_get(db, unit_id, out, e);
}

enum err_code unit_find(struct store_db *db, const char *lot, const char *uid,
			const char *board_serial, struct unit_row *out,
			struct err *e)
{
	char key[48];
	enum err_code rc = ERR_OK;

	*out = (struct unit_row){0};
	if (*uid)
		rc = by_key(db, lot, uid, out, e);
	else if (*board_serial)
		return by_serial(db, lot, board_serial, out, e);
	if (rc || out->unit_id || !*uid || !*board_serial)
		return rc;
	serial_key(key, board_serial);
	rc = by_key(db, lot, key, out, e);
	if (!rc && out->unit_id && db->writer)
		rc = db_exec(db, e, Q_unit_known, "it", out->unit_id, uid);
	return rc;
}

enum err_code unit_add(struct store_db *db, const char *lot, const char *uid,
		       const char *board_serial, struct unit_row *out,
		       struct err *e)
{
	char key[48];
	int64_t unit_id;
	enum err_code rc;

	serial_key(key, board_serial);
	rc = db_one(db, e, Q_unit_add, "tttt", lot, *uid ? uid : key, uid,
		    board_serial);
	if (rc)
		return rc;
	unit_id = db_int(db, Q_unit_add, 0);
	db_end(db, Q_unit_add);
	return unit_get(db, unit_id, out, e);
}

enum err_code unit_lock_get(struct store_db *db, const char *lot,
			    const char *uid, struct unit_lock *out,
			    struct err *e)
{
	const enum sql_query q = Q_unit_lock;
	enum err_code rc = db_one(db, e, q, "tt", lot, uid);

	*out = (struct unit_lock){0};
	if (rc)
		return rc == ERR_NOT_FOUND ? ERR_OK : rc;
	out->attempt_id = db_int(db, q, 0);
	DB_COPY(db, q, 1, out->station);
	out->attempt_no = db_uint(db, q, 2);
	DB_COPY(db, q, 3, out->nor_sha256);
	DB_COPY(db, q, 4, out->test_program_version);
	DB_COPY(db, q, 5, out->csr_sha256);
	DB_COPY(db, q, 6, out->cert_sha256);
	db_end(db, q);
	return ERR_OK;
}

enum err_code unit_app_test_get(struct store_db *db, int64_t unit_id,
				struct unit_app_test *out, struct err *e)
{
	enum err_code rc = db_one(db, e, Q_unit_app_test, "i", unit_id);

	*out = (struct unit_app_test){0};
	if (rc)
		return rc == ERR_NOT_FOUND ? ERR_OK : rc;
	out->attempt_no = db_uint(db, Q_unit_app_test, 0);
	db_end(db, Q_unit_app_test);
	return ERR_OK;
}

static void read_permit(struct store_db *db, struct unit_permit *p)
{
	const enum sql_query q = Q_permit_by_attempt;
	const void *challenge;
	size_t len;

	p->fence = db_uint(db, q, 0);
	DB_COPY(db, q, 1, p->request_sha256);
	p->unit_id = db_int(db, q, 2);
	DB_COPY(db, q, 3, p->station);
	DB_COPY(db, q, 4, p->harness);
	p->attempt_no = db_uint(db, q, 5);
	p->retest = db_int(db, q, 6) != 0;
	p->resumed = db_int(db, q, 7) != 0;
	challenge = db_blob(db, q, 8, &len);
	if (len == sizeof p->challenge)
		memcpy(p->challenge, challenge, len);
	p->lease_until_ms = db_int(db, q, 9);
	p->ended = db_int(db, q, 10) != 0;
	DB_COPY(db, q, 11, p->uid);
	DB_COPY(db, q, 12, p->lot);
	DB_COPY(db, q, 13, p->device_id);
	p->newest = db_int(db, q, 14) != 0;
	db_end(db, q);
}

enum err_code unit_permit_get(struct store_db *db, const char *attempt,
			      struct unit_permit *out, struct err *e)
{
	enum err_code rc = db_one(db, e, Q_permit_by_attempt, "t", attempt);

	*out = (struct unit_permit){0};
	if (!rc)
		read_permit(db, out);
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum err_code unit_permit_own(struct store_db *db, const char *station,
			      const char *attempt, uint64_t fence,
			      struct unit_permit *out, struct err *e)
{
	enum err_code rc = unit_permit_get(db, attempt, out, e);

	if (rc)
		return rc;
	if (!out->fence || strcmp(out->station, station) != 0)
		return err_set(e, ERR_NOT_FOUND,
			       "this attempt has no permit of this station");
	if (out->fence != fence)
		return err_set(e, ERR_CONFLICT,
			       "the attempt's fencing number is %llu",
			       (unsigned long long)out->fence);
	return ERR_OK;
}

enum err_code unit_exists(struct store_db *db, enum sql_query q, const char *a,
			  const char *b, bool *yes, struct err *e)
{
	enum err_code rc;

	if (b)
		rc = db_one(db, e, q, "tt", a, b);
	else
		rc = db_one(db, e, q, "t", a);
	*yes = rc == ERR_OK;
	if (!rc)
		db_end(db, q);
	return rc == ERR_NOT_FOUND ? ERR_OK : rc;
}

enum err_code unit_conflict(struct store_db *db,
			    const struct store_unit_actor *who,
			    const char *attempt, const char *lot,
			    const char *what, struct err *e)
{
	db_note_refusal(db, &who->who, "conflict", lot,
			json_pack("{ssss}", "attempt", attempt, "what", what));
	return err_set(e, ERR_CONFLICT, "%s", what);
}

enum err_code store_leases_restart(struct store_db *db, struct err *e)
{
	return db_exec(db, e, Q_leases_restart, "i",
		       unit_mono_ms() + STORE_LEASE_GRACE_MS);
}

enum err_code store_checkpoint_add(struct store_db *db, uint64_t seq,
				   const char *hash, const uint8_t *signature,
				   size_t signature_len, struct err *e)
{
	return db_exec(db, e, Q_checkpoint_add, "utib", seq, hash, db->now_ms,
		       signature, signature_len);
}
