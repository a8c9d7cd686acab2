#include "controller/store/store_line.h"

#include "controller/line/lot.h"
#include "controller/store/db.h"
#include "controller/store/store_access.h"
#include "controller/store/store_report.h"

#include <stdio.h>
#include <string.h>

/* ---- images ---- */

void store_image_path(char *out, size_t out_size, const char *image_dir,
		      const char *sha256)
{
	snprintf(out, out_size, "%s/%.64s.pli", image_dir, sha256);
}

static enum err_code read_parts(struct store_db *db, struct store_image *im,
				struct err *e)
{
	enum err_code rc;
	bool row;

	db_query(db, Q_image_parts, "t", im->sha256);
	while (!(rc = db_next(db, Q_image_parts, &row, e)) && row) {
		struct store_image_part *p = &im->parts[im->parts_n];

		if (im->parts_n == STORE_IMAGE_PARTS_MAX) {
			db_end(db, Q_image_parts);
			break;
		}
		DB_COPY(db, Q_image_parts, 0, p->type);
		DB_COPY(db, Q_image_parts, 1, p->version);
		p->len_bytes = db_uint(db, Q_image_parts, 2);
		DB_COPY(db, Q_image_parts, 3, p->sha256);
		im->parts_n++;
	}
	return rc;
}

static enum err_code read_image(struct store_db *db, enum sql_query q,
				struct store_image *im, struct err *e)
{
	*im = (struct store_image){0};
	DB_COPY(db, q, 0, im->sha256);
	im->len_bytes = db_uint(db, q, 1);
	DB_COPY(db, q, 2, im->product);
	DB_COPY(db, q, 3, im->version);
	DB_COPY(db, q, 4, im->fwid);
	DB_COPY(db, q, 5, im->attestation_key);
	im->imported_at = db_int(db, q, 6);
	return read_parts(db, im, e);
}

enum err_code store_image_get(struct store_db *db, const char *sha256,
			      struct store_image *out, struct err *e)
{
	enum err_code rc = db_one(db, e, Q_image_get, "t", sha256);

	if (rc == ERR_NOT_FOUND)
		return err_set(e, rc, "no image %.64s", sha256);
	if (rc)
		return rc;
	rc = read_image(db, Q_image_get, out, e);
	db_end(db, Q_image_get);
	return rc;
}

enum err_code store_images(struct store_db *db, store_image_fn *fn, void *arg,
			   struct err *e)
{
	struct store_image im;
	enum err_code rc;
	bool row;

	db_query(db, Q_images, "");
	while (!(rc = db_next(db, Q_images, &row, e)) && row) {
		rc = read_image(db, Q_images, &im, e);
		if (!rc)
			rc = fn(arg, &im, e);
		if (rc) {
			db_end(db, Q_images);
			break;
		}
	}
	return rc;
}

static enum err_code add_parts(struct store_db *db,
			       const struct store_image *im, struct err *e)
{
	for (size_t i = 0; i < im->parts_n; i++) {
		const struct store_image_part *p = &im->parts[i];
		enum err_code rc = db_exec(db, e, Q_image_part_add, "tuttut",
					   im->sha256, (uint64_t)i, p->type,
					   p->version, p->len_bytes, p->sha256);

		if (rc)
			return rc;
	}
	return ERR_OK;
}

enum err_code store_image_add(struct store_db *db,
			      const struct store_actor *who,
			      const struct store_image *im, bool *added,
			      struct err *e)
{
	struct store_image known;
	enum err_code rc = store_image_get(db, im->sha256, &known, e);

	*added = rc == ERR_NOT_FOUND;
	if (rc != ERR_NOT_FOUND)
		return rc;
	if (strlen(im->sha256) != 64 || !im->len_bytes || !*im->product)
		return err_set(e, ERR_INPUT, "not an image");
	rc = db_exec(db, e, Q_image_add, "tutttti", im->sha256, im->len_bytes,
		     im->product, im->version, im->fwid, im->attestation_key,
		     db->now_ms);
	if (!rc)
		rc = add_parts(db, im, e);
	if (rc)
		return rc;
	return db_record(db, who, "image-imported", "",
			 json_pack("{sssIssssssss}", "sha256", im->sha256,
				   "len_bytes", (json_int_t)im->len_bytes,
				   "product", im->product, "version",
				   im->version, "fwid", im->fwid,
				   "attestation_key", im->attestation_key),
			 NULL, NULL, e);
}

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
	if (strcmp(im.product, lot->product) != 0)
		return err_set(e, ERR_CONFLICT, "the image is for product %s",
			       im.product);
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
