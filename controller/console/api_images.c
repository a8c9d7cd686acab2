/* Endpoints about images: how they come in, piece by piece, who releases and
 * who retires them. */
#include "controller/console/handlers.h"
#include "controller/console/upload_check.h"
#include "proto/base/log.h"

#include <stdlib.h>
#include <string.h>

#define SWEEP_MS_MAX 60000

static const char *image_dir(const struct request *rq)
{
	return rq->c->config.image_dir;
}

/* ---- pieces ---- */

static json_t *json_upload(const struct upload_state *s)
{
	return json_pack("{s:s,s:I,s:I,s:I,s:o}", "sha256", s->sha256,
			 "len_bytes", (json_int_t)s->len_bytes, "offset",
			 (json_int_t)s->offset, "chunk_max_bytes",
			 (json_int_t)UPLOAD_CHUNK_MAX_BYTES, "expires_at",
			 json_time(s->expires_at));
}

/* What a client needs to know of an image that is here: nothing to send. */
static enum err_code give_known(struct request *rq,
				const struct store_image *im, struct err *e)
{
	return give(rq,
		    json_pack("{s:s,s:I,s:I,s:b,s:o}", "sha256", im->sha256,
			      "len_bytes", (json_int_t)im->len_bytes, "offset",
			      (json_int_t)im->len_bytes, "known", 1, "image",
			      json_image(im)),
		    e);
}

enum err_code run_upload_begin(struct store_db *db, struct request *rq,
			       struct err *e)
{
	const char *sha256 = body_text(rq, "sha256");
	uint64_t len = (uint64_t)json_integer_value(
		json_object_get(rq->in, "len_bytes"));
	struct upload_state s;
	struct store_image im;
	enum err_code rc = store_image_get(db, sha256, &im, e);

	if (!rc && upload_intact(image_dir(rq), sha256, im.len_bytes))
		return give_known(rq, &im, e);
	if (rc && rc != ERR_NOT_FOUND)
		return rc;
	rc = upload_begin(image_dir(rq), &rq->c->config.upload, sha256, len, &s,
			  e);
	if (!rc)
		rc = give(rq, json_upload(&s), e);
	if (!rc)
		json_object_set_new(rq->out, "known", json_false());
	return rc;
}

static void add_upload(void *arg, const struct upload_state *s)
{
	json_array_append_new(arg, json_upload(s));
}

enum err_code run_upload_list(struct store_db *db, struct request *rq,
			      struct err *e)
{
	json_t *list = json_array();
	enum err_code rc = upload_each(image_dir(rq), &rq->c->config.upload,
				       add_upload, list, e);

	(void)db;
	if (rc) {
		json_decref(list);
		return rc;
	}
	return give(rq, json_pack("{s:o}", "uploads", list), e);
}

enum err_code run_upload_get(struct store_db *db, struct request *rq,
			     struct err *e)
{
	struct upload_state s;
	enum err_code rc = upload_find(image_dir(rq), &rq->c->config.upload,
				       rq->match.param[0], &s, e);

	(void)db;
	return rc ? rc : give(rq, json_upload(&s), e);
}

enum err_code run_upload_drop(struct store_db *db, struct request *rq,
			      struct err *e)
{
	(void)db;
	return upload_drop(image_dir(rq), rq->match.param[0], e);
}

/* It is no image of ours: gone, and why is recorded by a second job, which
 * answers. Takes u. */
static enum err_code refuse(struct request *rq, struct upload *u,
			    const struct err *e)
{
	upload_discard(u);
	rq->upload = u;
	rq->refusal = *e;
	return ERR_OK;
}

static enum err_code read_offset(const struct request *rq, uint64_t *offset,
				 struct err *e)
{
	size_t len = strspn(rq->query_offset, "0123456789");

	if (!len || rq->query_offset[len])
		return err_set(e, ERR_INPUT,
			       "offset is missing, or no number of bytes");
	*offset = strtoull(rq->query_offset, NULL, 10);
	return ERR_OK;
}

enum err_code run_upload_append(struct store_db *db, struct request *rq,
				struct err *e)
{
	uint64_t offset = 0;
	struct upload *u;
	enum err_code rc = read_offset(rq, &offset, e);

	(void)db;
	if (!rc)
		rc = upload_open(&u, image_dir(rq), rq->match.param[0], e);
	if (rc)
		return rc;
	rc = upload_append(u, offset, rq->body.data, rq->body.len, e);
	/* a wrong header is told after the first piece, not after the last */
	if (!rc && offset < UPLOAD_CHUNK_MAX_BYTES)
		rc = upload_check_head(u, rq->c->config.key_dir, e);
	if (rc == ERR_INTEGRITY)
		return refuse(rq, u, e);
	if (!rc)
		rc = give(rq,
			  json_pack("{s:s,s:I,s:I}", "sha256", upload_sha256(u),
				    "len_bytes", (json_int_t)upload_len(u),
				    "offset", (json_int_t)upload_offset(u)),
			  e);
	upload_close(u);
	return rc;
}

/* ---- the whole ---- */

/* Someone else may have finished it. */
static enum err_code finished_before(struct store_db *db, struct request *rq,
				     struct err *e)
{
	struct store_image im;
	enum err_code rc = store_image_get(db, rq->match.param[0], &im, NULL);

	if (rc)
		return err_set(e, ERR_NOT_FOUND, "there is no such upload");
	rq->status = 200;
	return give(rq, json_image(&im), e);
}

/* First half, in a reading job: verified before anybody can see it, without
 * holding up the writer. What is wrong with it is recorded by the second. */
enum err_code run_upload_finish(struct store_db *db, struct request *rq,
				struct err *e)
{
	struct upload *u;
	enum err_code rc =
		upload_open(&u, image_dir(rq), rq->match.param[0], e);

	if (rc == ERR_NOT_FOUND)
		return finished_before(db, rq, e);
	if (rc)
		return rc;
	rq->upload = u;
	rq->image = malloc(sizeof(*rq->image));
	if (!rq->image)
		return err_set(e, ERR_NO_MEMORY, "import");
	rc = upload_check(u, rq->c->config.key_dir, rq->image, e);
	if (rc == ERR_INTEGRITY)
		return refuse(rq, u, e);
	return rc ? rc : upload_keep(u, e);
}

static enum err_code record_refusal(struct store_db *db, struct request *rq,
				    struct err *e)
{
	json_t *body =
		json_pack("{s:s,s:s}", "sha256", upload_sha256(rq->upload),
			  "reason", rq->refusal.text);
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	enum err_code rc =
		text ? store_record(db, &rq->who, "image-refused", "", text, e)
		     : err_set(e, ERR_NO_MEMORY, "import");

	free(text);
	json_decref(body);
	return rc;
}

/* Second half: its row, or the record of why there is none. */
static enum err_code import_add(struct store_db *db, void *arg, struct err *e)
{
	struct request *rq = arg;
	bool added = false;
	enum err_code rc;

	if (rq->refusal.code)
		return record_refusal(db, rq, e);
	rc = store_image_add(db, &rq->who, rq->image, &added, e);
	if (!rc)
		rc = store_image_get(db, upload_sha256(rq->upload), rq->image,
				     e);
	if (rc)
		return rc;
	rq->status = added ? 201 : 200;
	return give(rq, json_image(rq->image), e);
}

static void import_done(void *arg, const struct err *e)
{
	struct request *rq = arg;

	if (e->code)
		request_fail(rq, e);
	else if (rq->refusal.code)
		request_fail(rq, &rq->refusal);
	else
		console_changed(rq->c);
	/* whoever waits for it may look now */
	upload_close(rq->upload);
	rq->upload = NULL;
	answer_send(rq);
	rq->c->jobs--;
	request_release(rq);
}

void finish_import(struct request *rq)
{
	if (!rq->upload) {
		answer_send(rq);
		return;
	}
	request_hold(rq);
	rq->c->jobs++;
	store_write(rq->c->config.store, import_add, import_done, rq);
}

/* ---- expiry ---- */

static enum err_code sweep_run(struct store_db *db, void *arg, struct err *e)
{
	struct console *c = arg;

	(void)db, (void)e;
	(void)upload_sweep(c->config.image_dir, &c->config.upload);
	return ERR_OK;
}

static void sweep_done(void *arg, const struct err *e)
{
	struct console *c = arg;

	(void)e;
	c->sweeping = false;
	c->jobs--;
}

static void on_sweep(uv_timer_t *t)
{
	struct console *c = t->data;

	if (c->sweeping || c->closing)
		return;
	c->sweeping = true;
	c->jobs++;
	store_read(c->config.store, sweep_run, sweep_done, c);
}

void uploads_start(struct console *c)
{
	uint64_t each_ms = (uint64_t)c->config.upload.keep_s * 1000;

	uv_timer_init(c->loop, &c->upload_timer);
	c->upload_timer.data = c;
	uv_timer_start(&c->upload_timer, on_sweep, 0,
		       each_ms < SWEEP_MS_MAX ? each_ms : SWEEP_MS_MAX);
}

void uploads_stop(struct console *c)
{
	uv_timer_stop(&c->upload_timer);
}

/* ---- images ---- */

static enum err_code on_image(void *arg, const struct store_image *im,
			      struct err *e)
{
	(void)e;
	json_array_append_new(arg, json_image(im));
	return ERR_OK;
}

enum err_code run_image_list(struct store_db *db, struct request *rq,
			     struct err *e)
{
	json_t *list = json_array();
	enum err_code rc = store_images(db, on_image, list, e);

	if (rc) {
		json_decref(list);
		return rc;
	}
	return give(rq, json_pack("{s:o}", "images", list), e);
}

static enum err_code give_image(struct store_db *db, struct request *rq,
				struct err *e)
{
	struct store_image im;
	enum err_code rc = store_image_get(db, rq->match.param[0], &im, e);

	return rc ? rc : give(rq, json_image(&im), e);
}

enum err_code run_image_approve(struct store_db *db, struct request *rq,
				struct err *e)
{
	enum err_code rc =
		store_image_approve(db, &rq->who, rq->match.param[0], e);

	return rc ? rc : give_image(db, rq, e);
}

enum err_code run_image_retire(struct store_db *db, struct request *rq,
			       struct err *e)
{
	enum err_code rc =
		store_image_retire(db, &rq->who, rq->match.param[0], e);

	return rc ? rc : give_image(db, rq, e);
}
