/* The writer thread. One group: take all jobs that wait (at most GROUP_MAX),
 * one transaction, a savepoint each, one commit, then the completions. What
 * one job does wrong undoes that job; what the disk does wrong undoes the
 * group, and unless the disk was merely full it is the last one.
 */
#include "controller/store/internal.h"

#include "proto/base/log.h"
#include "proto/base/wall.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#define GROUP_MAX	  256
#define QUEUE_MAX	  4096
#define CHECKPOINT_FRAMES 1000 /* 4 MiB of WAL */

struct job {
	struct loop_letter letter; /* first: the letter is the job */
	struct job *next;
	struct store *s;
	store_run_fn *run;
	store_done_fn *done;
	void *arg;
	bool finishing;
	bool ran; /* its outcome depends on the commit */
	struct err err;
};

/* ---- one group ---- */

static enum err_code begin(struct store_db *db, struct err *e)
{
	return db_exec(db, e, Q_begin, "");
}

/* Whether the group's transaction is still there: SQLite undoes all of it by
 * itself after some errors (disk full, I/O). */
static bool in_transaction(struct store_db *db)
{
	return !sqlite3_get_autocommit(db->h);
}

static enum err_code record_refusal(struct store_db *db, struct err *e)
{
	enum err_code rc;

	if (!db->refusal.set)
		return ERR_OK;
	rc = db_exec(db, e, Q_savepoint, "");
	if (rc)
		return rc;
	rc = db_record_refusal(db, e);
	if (rc && in_transaction(db))
		db_exec(db, NULL, Q_rollback_to, "");
	if (in_transaction(db) && db_exec(db, NULL, Q_release, ""))
		rc = db_error(db, "release", e);
	return rc;
}

/* Returns an error only when the whole group is lost. */
static enum err_code run_in_savepoint(struct store_db *db, store_run_fn *run,
				      void *arg, struct err *job_err,
				      struct err *e)
{
	enum err_code rc = db_exec(db, e, Q_savepoint, "");

	if (rc)
		return rc;
	db_forget_refusal(db);
	rc = run(db, arg, job_err);
	if (rc && job_err->code == ERR_OK)
		err_set(job_err, rc, "%s", err_text(rc));
	if (!rc) /* what it met and dealt with on the way is no news */
		*job_err = (struct err){0};
	if (!in_transaction(db)) {
		*e = *job_err;
		return rc ? rc : err_set(e, ERR_IO, "transaction was lost");
	}
	if (!rc) {
		db_forget_refusal(db);
		return db_exec(db, e, Q_release, "");
	}
	if (db_exec(db, e, Q_rollback_to, "") || db_exec(db, e, Q_release, ""))
		return e->code;
	rc = record_refusal(db, job_err); /* no unaudited refusal */
	if (rc && !in_transaction(db)) {
		*e = *job_err;
		return rc;
	}
	return ERR_OK;
}

static bool below_reserve(struct store *s)
{
	struct statvfs v;

	if (statvfs(s->path, &v) == 0)
		atomic_store(&s->free_bytes, (uint64_t)v.f_bavail * v.f_frsize);
	return s->reserve_bytes &&
	       atomic_load(&s->free_bytes) < s->reserve_bytes;
}

/* A checkpoint that fails undoes nothing: the next one signs what this one
 * would have. */
static enum err_code seal(struct store *s, struct err *e)
{
	struct err own = {0};
	enum err_code rc =
		run_in_savepoint(&s->db, s->seal, s->seal_arg, &own, e);

	if (!rc && own.code)
		log_error("CHECKPOINT", "code=%s text=\"%s\"",
			  err_name(own.code), own.text);
	return rc;
}

static enum err_code run_group(struct store *s, struct job *first,
			       struct err *e)
{
	bool low = below_reserve(s);
	enum err_code rc = begin(&s->db, e);

	for (struct job *j = first; j && !rc; j = j->next) {
		if (low && !j->finishing) {
			err_set(&j->err, ERR_DISK_FULL,
				"less than %llu bytes are free",
				(unsigned long long)s->reserve_bytes);
			continue;
		}
		j->ran = true;
		s->db.now_ms = s->wall_ms();
		rc = run_in_savepoint(&s->db, j->run, j->arg, &j->err, e);
	}
	if (!rc && s->seal && s->db.seal_wanted)
		rc = seal(s, e);
	s->db.seal_wanted = false;
	if (!rc)
		rc = db_exec(&s->db, e, Q_commit, "");
	if (rc && in_transaction(&s->db) &&
	    db_exec(&s->db, NULL, Q_rollback, ""))
		rc = err_set(e, ERR_IO, "the transaction cannot be undone");
	return rc;
}

/* A failed sync must never be tried again on the same file (the kernel marks
 * the pages clean): so this is fatal too. */
static enum err_code checkpoint(struct store *s, struct err *e)
{
	int frames = 0, done = 0, rv;

	rv = sqlite3_wal_checkpoint_v2(s->db.h, NULL, SQLITE_CHECKPOINT_PASSIVE,
				       &frames, &done);
	if (rv == SQLITE_OK || (rv & 0xff) == SQLITE_BUSY ||
	    (rv & 0xff) == SQLITE_FULL)
		return ERR_OK;
	return db_error(&s->db, "checkpoint", e);
}

static int count_frames(void *arg, sqlite3 *h, const char *name, int frames)
{
	struct store *s = arg;

	(void)h;
	(void)name;
	s->wal_frames = frames;
	return SQLITE_OK;
}

static bool is_fatal(enum err_code rc)
{
	return rc && rc != ERR_DISK_FULL && rc != ERR_NO_MEMORY;
}

static void on_failed_letter(struct loop_letter *letter)
{
	struct store *s =
		(struct store *)((char *)letter -
				 offsetof(struct store, failed_letter));

	if (s->failed)
		s->failed(s->failed_arg, &s->dead_err);
}

static void die(struct store *s, const struct err *e)
{
	if (atomic_exchange(&s->dead, true))
		return;
	s->dead_err = *e;
	log_error("STORE_FAILED", "code=%s text=\"%s\"", err_name(e->code),
		  e->text);
	if (s->loop) {
		s->failed_letter.fn = on_failed_letter;
		loop_box_post(&s->box, &s->failed_letter);
	}
}

static void group_failed(struct job *first, const struct err *e)
{
	for (struct job *j = first; j; j = j->next) {
		if (j->ran || j->err.code == ERR_OK)
			j->err = *e;
	}
}

static void do_group(struct store *s, struct job *first)
{
	struct err e = {0};
	enum err_code rc;

	if (atomic_load(&s->dead)) {
		group_failed(first, &s->dead_err);
		return;
	}
	rc = run_group(s, first, &e);
	if (rc)
		group_failed(first, &e);
	else if (s->wal_frames > CHECKPOINT_FRAMES)
		rc = checkpoint(s, &e);
	if (is_fatal(rc))
		die(s, &e);
}

/* ---- the queue ---- */

static void on_job_letter(struct loop_letter *letter)
{
	struct job *j = (struct job *)letter;

	if (j->done)
		j->done(j->arg, &j->err);
	free(j);
}

static void finish_group(struct store *s, struct job *first)
{
	while (first) {
		struct job *next = first->next;

		loop_box_post(&s->box, &first->letter);
		first = next;
	}
}

/* Up to GROUP_MAX jobs off the queue; NULL when closing and none is left. */
static struct job *take_group(struct store *s)
{
	struct job *first, *last;
	unsigned n = 1;

	uv_mutex_lock(&s->lock);
	while (!s->first && !s->closing)
		uv_cond_wait(&s->wake, &s->lock);
	first = last = s->first;
	while (last && last->next && n < GROUP_MAX) {
		last = last->next;
		n++;
	}
	if (first) {
		s->first = last->next;
		if (!s->first)
			s->last = NULL;
		last->next = NULL;
		s->queued -= n;
	}
	uv_mutex_unlock(&s->lock);
	return first;
}

static void writer_main(void *arg)
{
	struct store *s = arg;
	struct job *first;

	while ((first = take_group(s)) != NULL) {
		do_group(s, first);
		finish_group(s, first);
	}
}

static void enqueue(struct store *s, struct job *j)
{
	bool full;

	uv_mutex_lock(&s->lock);
	full = s->queued >= s->queue_max;
	if (!full) {
		if (s->last)
			s->last->next = j;
		else
			s->first = j;
		s->last = j;
		s->queued++;
		uv_cond_signal(&s->wake);
	}
	uv_mutex_unlock(&s->lock);
	if (full) {
		err_set(&j->err, ERR_TIMEOUT, "%u writes are waiting already",
			s->queue_max);
		loop_box_post(&s->box, &j->letter);
	}
}

static void write_job(struct store *s, store_run_fn *run, store_done_fn *done,
		      void *arg, bool finishing)
{
	struct job *j = calloc(1, sizeof *j);
	struct err e;

	assert(s->loop && !s->closing);
	/* without memory for 600 bytes or a thread: the supervisor starts us
	 * anew */
	if (!j || store_thread_start(s, &e))
		abort();
	j->letter.fn = on_job_letter;
	j->s = s;
	j->run = run;
	j->done = done;
	j->arg = arg;
	j->finishing = finishing;
	enqueue(s, j);
}

void store_write(struct store *s, store_run_fn *run, store_done_fn *done,
		 void *arg)
{
	write_job(s, run, done, arg, false);
}

void store_write_finishing(struct store *s, store_run_fn *run,
			   store_done_fn *done, void *arg)
{
	write_job(s, run, done, arg, true);
}

enum err_code store_run(struct store *s, store_run_fn *run, void *arg,
			struct err *e)
{
	struct job j = {.run = run, .arg = arg, .finishing = true};

	assert(!s->started);
	do_group(s, &j);
	if (j.err.code && e)
		*e = j.err;
	return j.err.code;
}

uint64_t store_free_bytes(const struct store *s)
{
	return atomic_load(&s->free_bytes);
}

unsigned store_queue_len(struct store *s)
{
	unsigned n;

	uv_mutex_lock(&s->lock);
	n = s->queued;
	uv_mutex_unlock(&s->lock);
	return n;
}

/* ---- open and close ---- */

enum err_code store_thread_start(struct store *s, struct err *e)
{
	if (s->started || !s->loop)
		return ERR_OK;
	if (uv_thread_create(&s->thread, writer_main, s))
		return err_set(e, ERR_NO_MEMORY, "writer thread");
	s->started = true;
	return ERR_OK;
}

void store_thread_stop(struct store *s)
{
	uv_mutex_lock(&s->lock);
	s->closing = true;
	uv_cond_signal(&s->wake);
	uv_mutex_unlock(&s->lock);
	if (s->started)
		uv_thread_join(&s->thread);
	s->started = false;
}

void store_watch_wal(struct store *s)
{
	sqlite3_wal_hook(s->db.h, count_frames, s);
}
