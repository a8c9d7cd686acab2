/* Images: what was imported, who approved it, what is retired. */
#include "controller/store/db.h"
#include "controller/store/store_line.h"

#include <stdio.h>
#include <string.h>

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
	DB_COPY(db, q, 8, im->release_key_id);
	DB_COPY(db, q, 9, im->imported_by);
	DB_COPY(db, q, 10, im->approved_by);
	im->approved_at = db_int(db, q, 11);
	im->retired_at = db_int(db, q, 12);
	if (!release_state_parse(db_text(db, q, 7), &im->state))
		return err_set(e, ERR_INTEGRITY, "image %s has no state",
			       im->sha256);
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
	rc = db_exec(db, e, Q_image_add, "tutttttti", im->sha256, im->len_bytes,
		     im->product, im->version, im->fwid, im->attestation_key,
		     im->release_key_id, who->by, db->now_ms);
	if (!rc)
		rc = add_parts(db, im, e);
	if (rc)
		return rc;
	return db_record(db, who, "image-imported", "",
			 json_pack("{sssIssssssssss}", "sha256", im->sha256,
				   "len_bytes", (json_int_t)im->len_bytes,
				   "product", im->product, "version",
				   im->version, "fwid", im->fwid,
				   "attestation_key", im->attestation_key,
				   "release_key_id", im->release_key_id),
			 NULL, NULL, e);
}

/* Read it, ask the rule, change the state, record who did. */
static enum err_code move_image(struct store_db *db,
				const struct store_actor *who,
				const struct store_image *im,
				enum release_state to, struct err *e)
{
	enum err_code rc = db_exec(db, e, Q_image_state, "ttti", im->sha256,
				   release_state_name(to), who->by, db->now_ms);

	if (rc)
		return rc;
	return db_record(
		db, who,
		to == RELEASE_APPROVED ? "image-approved" : "image-retired", "",
		json_pack("{ssssssssss}", "sha256", im->sha256, "product",
			  im->product, "version", im->version, "before",
			  release_state_name(im->state), "imported_by",
			  im->imported_by),
		NULL, NULL, e);
}

enum err_code store_image_approve(struct store_db *db,
				  const struct store_actor *who,
				  const char *sha256, struct err *e)
{
	struct store_image im;
	enum err_code rc = store_image_get(db, sha256, &im, e);

	if (!rc)
		rc = release_approve_check(im.state, im.imported_by, who->by,
					   e);
	if (rc == ERR_REFUSED)
		db_note_refusal(db, who, "image-approval-refused", "",
				json_pack("{ssss}", "sha256", im.sha256,
					  "reason", "imported it themselves"));
	return rc ? rc : move_image(db, who, &im, RELEASE_APPROVED, e);
}

static enum err_code find_open_lot(struct store_db *db, const char *sha256,
				   char lot[STORE_NAME_SIZE], struct err *e)
{
	enum err_code rc = db_one(db, e, Q_image_open_lot, "t", sha256);

	lot[0] = '\0';
	if (rc == ERR_NOT_FOUND)
		return ERR_OK;
	if (rc)
		return rc;
	db_copy(db, Q_image_open_lot, 0, lot, STORE_NAME_SIZE);
	db_end(db, Q_image_open_lot);
	return ERR_OK;
}

enum err_code store_image_retire(struct store_db *db,
				 const struct store_actor *who,
				 const char *sha256, struct err *e)
{
	char lot[STORE_NAME_SIZE];
	struct store_image im;
	enum err_code rc = store_image_get(db, sha256, &im, e);

	if (!rc)
		rc = find_open_lot(db, sha256, lot, e);
	if (!rc)
		rc = release_retire_check(im.state, *lot ? lot : NULL, e);
	return rc ? rc : move_image(db, who, &im, RELEASE_RETIRED, e);
}
