#include "controller/store/store_line.h"

#include "controller/line/lot.h"
#include "controller/line/release.h"
#include "controller/store/db.h"
#include "controller/store/store_access.h"
#include "controller/store/store_report.h"

#include <stdio.h>
#include <string.h>

/* ---- lots ---- */

static enum err_code read_counts(struct store_db *db, struct store_lot *l,
				 struct err *e)
{
	struct store_lot_counts *c = &l->counts;
	enum err_code rc = db_one(db, e, Q_lot_counts, "t", l->lot);

	if (rc)
		return rc;
	c->units = db_uint(db, Q_lot_counts, 0);
	c->passed = db_uint(db, Q_lot_counts, 1);
	c->failed = db_uint(db, Q_lot_counts, 2);
	c->indeterminate = db_uint(db, Q_lot_counts, 3);
	c->in_progress = db_uint(db, Q_lot_counts, 4);
	c->attempts = db_uint(db, Q_lot_counts, 5);
	c->first_pass = db_uint(db, Q_lot_counts, 6);
	c->admitted = db_uint(db, Q_lot_counts, 7);
	db_end(db, Q_lot_counts);
	l->quota_left =
		c->admitted < l->quantity ? l->quantity - c->admitted : 0;
	return ERR_OK;
}

static enum err_code read_lot(struct store_db *db, enum sql_query q,
			      struct store_lot *l, struct err *e)
{
	*l = (struct store_lot){0};
	DB_COPY(db, q, 0, l->lot);
	DB_COPY(db, q, 1, l->product);
	DB_COPY(db, q, 2, l->image_sha256);
	l->quantity = db_uint(db, q, 3);
	l->max_attempts = db_uint(db, q, 4);
	DB_COPY(db, q, 5, l->state);
	l->created_at = db_int(db, q, 6);
	l->started_at = db_int(db, q, 7);
	l->closed_at = db_int(db, q, 8);
	return read_counts(db, l, e);
}

enum err_code store_lot_get(struct store_db *db, const char *lot,
			    struct store_lot *out, struct err *e)
{
	enum err_code rc = db_one(db, e, Q_lot_get, "t", lot);

	if (rc == ERR_NOT_FOUND)
		return err_set(e, rc, "no lot %.32s", lot);
	if (rc)
		return rc;
	rc = read_lot(db, Q_lot_get, out, e);
	db_end(db, Q_lot_get);
	return rc;
}

enum err_code store_lots(struct store_db *db, store_lot_fn *fn, void *arg,
			 struct err *e)
{
	struct store_lot lot;
	enum err_code rc;
	bool row;

	db_query(db, Q_lots, "");
	while (!(rc = db_next(db, Q_lots, &row, e)) && row) {
		rc = read_lot(db, Q_lots, &lot, e);
		if (!rc)
			rc = fn(arg, &lot, e);
		if (rc) {
			db_end(db, Q_lots);
			break;
		}
	}
	return rc;
}

enum err_code store_lot_create(struct store_db *db,
			       const struct store_actor *who,
			       const struct store_lot_new *lot, struct err *e)
{
	struct store_image im;
	enum err_code rc;

	if (!lot_name_ok(lot->lot))
		return err_set(e, ERR_INPUT, "not a lot name");
	rc = lot_limits_check(lot->quantity, lot->max_attempts, e);
	if (!rc)
		rc = store_image_get(db, lot->image_sha256, &im, e);
	if (rc)
		return rc;
	if (strcmp(im.product, lot->product) != 0) {
		err_set(e, ERR_CONFLICT, "the image is for product %s",
			im.product);
		return err_hint(e, "give that product, or another image");
	}
	rc = release_use_check(im.state, e);
	if (rc)
		return rc;
	rc = db_exec(db, e, Q_lot_add, "tttuui", lot->lot, lot->product,
		     lot->image_sha256, lot->quantity, lot->max_attempts,
		     db->now_ms);
	if (rc == ERR_EXISTS)
		return err_set(e, rc, "there is a lot %s", lot->lot);
	if (rc)
		return rc;
	return db_record(db, who, "lot-created", lot->lot,
			 json_pack("{sssssssIsI}", "lot", lot->lot, "product",
				   lot->product, "image_sha256",
				   lot->image_sha256, "quantity",
				   (json_int_t)lot->quantity, "max_attempts",
				   (json_int_t)lot->max_attempts),
			 NULL, NULL, e);
}

static enum err_code move_lot(struct store_db *db,
			      const struct store_actor *who, const char *lot,
			      enum lot_move move, struct err *e)
{
	enum lot_state from = LOT_DRAFT, to;
	enum err_code rc = db_one(db, e, Q_lot_get, "t", lot);

	if (rc == ERR_NOT_FOUND)
		return err_set(e, rc, "no lot %.32s", lot);
	if (rc)
		return rc;
	if (!lot_state_parse(db_text(db, Q_lot_get, 5), &from))
		rc = err_set(e, ERR_INTEGRITY, "lot %.32s has no state", lot);
	db_end(db, Q_lot_get);
	if (!rc)
		rc = lot_move(from, move, &to, e);
	if (!rc)
		rc = db_exec(db, e, Q_lot_state, "tti", lot, lot_state_name(to),
			     db->now_ms);
	if (rc)
		return rc;
	return db_record(db, who, "lot-state", lot,
			 json_pack("{ssssss}", "lot", lot, "before",
				   lot_state_name(from), "after",
				   lot_state_name(to)),
			 NULL, NULL, e);
}

enum err_code store_lot_start(struct store_db *db,
			      const struct store_actor *who, const char *lot,
			      struct err *e)
{
	return move_lot(db, who, lot, LOT_START, e);
}

enum err_code store_lot_pause(struct store_db *db,
			      const struct store_actor *who, const char *lot,
			      struct err *e)
{
	return move_lot(db, who, lot, LOT_PAUSE, e);
}

enum err_code store_lot_resume(struct store_db *db,
			       const struct store_actor *who, const char *lot,
			       struct err *e)
{
	return move_lot(db, who, lot, LOT_RESUME, e);
}

enum err_code store_lot_close(struct store_db *db,
			      const struct store_actor *who, const char *lot,
			      uint64_t spooled, struct err *e)
{
	struct lot_close_facts f = {.spooled = spooled};
	struct store_ledger ledger;
	struct store_lot l;
	enum err_code rc = store_lot_get(db, lot, &l, e);

	if (!rc)
		rc = store_ledger(db, lot, &ledger, e);
	if (rc)
		return rc;
	f.in_progress = l.counts.in_progress;
	f.gaps = ledger.gaps_total;
	f.first_gap = ledger.gaps_n ? ledger.gaps[0] : NULL;
	rc = lot_close_check(&f, e);
	if (!rc)
		rc = move_lot(db, who, lot, LOT_CLOSE, e);
	if (!rc)
		rc = db_exec(db, e, Q_assignments_of_lot_clear, "t", lot);
	if (!rc)
		db->seal_wanted = true;
	return rc;
}

/* ---- assignments ---- */

static enum err_code check_assignable(struct store_db *db, const char *lot,
				      const char *station, const char *harness,
				      struct err *e)
{
	struct store_station st;
	struct store_lot l;
	enum err_code rc = store_station_get(db, station, &st, e);

	if (rc)
		return rc;
	if (*harness && !lot_name_ok(harness))
		return err_set(e, ERR_INPUT, "not a harness name");
	if (strcmp(st.state, "revoked") == 0)
		return err_set(e, ERR_STATE, "station %s is revoked", station);
	if (!*lot)
		return ERR_OK;
	rc = store_lot_get(db, lot, &l, e);
	if (!rc && strcmp(l.state, "closed") == 0)
		rc = err_set(e, ERR_STATE, "lot %s is closed", lot);
	return rc;
}

enum err_code store_assign(struct store_db *db, const struct store_actor *who,
			   const char *lot, const char *station,
			   const char *harness, struct err *e)
{
	enum err_code rc = check_assignable(db, lot, station, harness, e);

	if (!rc && (!*lot || !*harness))
		rc = db_exec(db, e, Q_assignment_clear, "tt", station, harness);
	if (!rc && *lot)
		rc = db_exec(db, e, Q_assignment_set, "ttt", station, harness,
			     lot);
	if (rc)
		return rc;
	return db_record(db, who, "assigned", lot,
			 json_pack("{ssssss}", "lot", lot, "station", station,
				   "harness", harness),
			 NULL, NULL, e);
}

enum err_code store_assignments(struct store_db *db, const char *station,
				store_assignment_fn *fn, void *arg,
				struct err *e)
{
	struct store_assignment a;
	enum err_code rc;
	bool row;

	db_query(db, Q_assignments, "e", station ? station : "");
	while (!(rc = db_next(db, Q_assignments, &row, e)) && row) {
		DB_COPY(db, Q_assignments, 0, a.station);
		DB_COPY(db, Q_assignments, 1, a.harness);
		DB_COPY(db, Q_assignments, 2, a.lot);
		DB_COPY(db, Q_assignments, 3, a.lot_state);
		DB_COPY(db, Q_assignments, 4, a.product);
		DB_COPY(db, Q_assignments, 5, a.image_sha256);
		a.image_len = db_uint(db, Q_assignments, 6);
		DB_COPY(db, Q_assignments, 7, a.fwid);
		rc = fn(arg, &a, e);
		if (rc) {
			db_end(db, Q_assignments);
			break;
		}
	}
	return rc;
}
