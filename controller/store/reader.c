/* Reading jobs: libuv's thread pool, a few read-only connections kept open. */
#include "controller/store/internal.h"

#include <assert.h>
#include <stdlib.h>

struct read {
	uv_work_t work;
	struct store *s;
	store_run_fn *run;
	store_done_fn *done;
	void *arg;
	struct err err;
};

static struct store_db *reader_get(struct store *s, struct err *e)
{
	struct store_db *db = NULL;

	uv_mutex_lock(&s->lock);
	if (s->idle_n)
		db = s->idle[--s->idle_n];
	uv_mutex_unlock(&s->lock);
	if (db)
		return db;
	db = calloc(1, sizeof *db);
	if (!db) {
		err_set(e, ERR_NO_MEMORY, "connection");
		return NULL;
	}
	if (db_open(db, s->path, false, e)) {
		free(db);
		return NULL;
	}
	return db;
}

static void reader_put(struct store *s, struct store_db *db)
{
	bool kept = false;

	uv_mutex_lock(&s->lock);
	if (s->idle_n < STORE_READERS_MAX) {
		s->idle[s->idle_n++] = db;
		kept = true;
	}
	uv_mutex_unlock(&s->lock);
	if (!kept) {
		db_close(db);
		free(db);
	}
}

static void read_main(uv_work_t *work)
{
	struct read *r = work->data;
	struct store_db *db = reader_get(r->s, &r->err);
	enum err_code rc;

	if (!db)
		return;
	db->now_ms = r->s->wall_ms();
	rc = db_exec(db, &r->err, Q_begin_read, "");
	if (!rc) {
		rc = r->run(db, r->arg, &r->err);
		if (rc && !r->err.code)
			err_set(&r->err, rc, "%s", err_text(rc));
		if (!rc)
			r->err = (struct err){0};
		/* nothing was written: how it ends does not matter */
		(void)db_exec(db, NULL, Q_rollback, "");
	}
	reader_put(r->s, db);
}

static void read_done(uv_work_t *work, int status)
{
	struct read *r = work->data;

	if (status)
		err_set(&r->err, ERR_CANCELLED, "%s", uv_strerror(status));
	r->s->reads--;
	if (r->done)
		r->done(r->arg, &r->err);
	free(r);
}

void store_read(struct store *s, store_run_fn *run, store_done_fn *done,
		void *arg)
{
	struct read *r = calloc(1, sizeof *r);

	assert(s->loop && !s->closing);
	if (!r)
		abort();
	r->work.data = r;
	r->s = s;
	r->run = run;
	r->done = done;
	r->arg = arg;
	s->reads++;
	if (uv_queue_work(s->loop, &r->work, read_main, read_done))
		abort(); /* only for a missing callback */
}

void store_readers_close(struct store *s)
{
	while (s->idle_n) {
		struct store_db *db = s->idle[--s->idle_n];

		db_close(db);
		free(db);
	}
}
