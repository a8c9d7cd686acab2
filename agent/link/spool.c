#include "agent/link/spool.h"

#include "proto/base/file.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_ATTEMPTS 20000 /* ended ones, for boards that come again */
#define KEEP_MESSAGES 1000  /* recorded ones, for the curious */
#define SPOOL_VERSION 3	    /* spool_schema.sql */

enum sql {
#define SQL(name, text) SQL_##name,
#include "spool_sql.h"
#undef SQL
	SQL_COUNT
};

static const char *const sql_text[] = {
#define SQL(name, text) text,
#include "spool_sql.h"
#undef SQL
};

static const char *const schema_text =
#define SQL(name, text) text
#include "spool_schema.h"
#undef SQL
	;

static const char *const upgrade_text =
#define SQL(name, text) text
#include "spool_upgrade.h"
#undef SQL
	;

struct spool {
	sqlite3 *db;
	sqlite3_stmt *stmt[SQL_COUNT];
	pthread_mutex_t lock;
	pthread_cond_t settled; /* monotonic clock */
};

static enum err_code db_error(struct spool *s, struct err *e, const char *what)
{
	int rc = sqlite3_errcode(s->db) & 0xff;
	enum err_code code = ERR_IO;

	if (rc == SQLITE_FULL)
		code = ERR_DISK_FULL;
	else if (rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB)
		code = ERR_INTEGRITY;
	else if (rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
		code = ERR_STATE;
	return err_set(e, code, "spool: %s: %s", what, sqlite3_errmsg(s->db));
}

/* ---- opening ---- */

static enum err_code exec(struct spool *s, const char *sql, const char *what,
			  struct err *e)
{
	if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return db_error(s, e, what);
	return ERR_OK;
}

/* *version: 0 for a new file. */
static enum err_code check_version(struct spool *s, int *version, struct err *e)
{
	sqlite3_stmt *q = NULL;

	*version = -1;
	if (sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &q, NULL) !=
	    SQLITE_OK)
		return db_error(s, e, "open");
	if (sqlite3_step(q) == SQLITE_ROW)
		*version = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	if (*version < 0)
		return db_error(s, e, "open");
	if (*version > SPOOL_VERSION)
		return err_set(e, ERR_STATE,
			       "spool: written by a newer agent (version %d)",
			       *version);
	return ERR_OK;
}

static enum err_code prepare_all(struct spool *s, struct err *e)
{
	for (size_t i = 0; i < SQL_COUNT; i++)
		if (sqlite3_prepare_v3(s->db, sql_text[i], -1,
				       SQLITE_PREPARE_PERSISTENT, &s->stmt[i],
				       NULL) != SQLITE_OK)
			return db_error(s, e, sql_text[i]);
	return ERR_OK;
}

static enum err_code set_up(struct spool *s, struct err *e)
{
	/* One connection, exclusive: a second agent on the same data folder
	 * is refused, and the WAL-reset race of SQLite before 3.51.3 needs
	 * two connections. */
	static const char pragmas[] = "PRAGMA locking_mode=EXCLUSIVE;"
				      "PRAGMA journal_mode=WAL;"
				      "PRAGMA synchronous=FULL;"
				      "PRAGMA trusted_schema=OFF;";
	enum err_code rc;
	int version;

	rc = exec(s, pragmas, "open", e);
	if (rc == ERR_OK)
		rc = check_version(s, &version, e);
	if (rc == ERR_OK)
		rc = exec(s, "BEGIN EXCLUSIVE;", "open", e);
	if (rc == ERR_OK)
		rc = exec(s, schema_text, "schema", e);
	if (rc == ERR_OK && version > 0 && version < SPOOL_VERSION)
		rc = exec(s, upgrade_text, "upgrade", e);
	if (rc == ERR_OK)
		rc = exec(s, "COMMIT;", "open", e);
	if (rc == ERR_OK)
		rc = prepare_all(s, e);
	return rc;
}

enum err_code spool_open(struct spool **out, const char *path, struct err *e)
{
	struct spool *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;
	enum err_code rc;

	*out = NULL;
	if (s == NULL)
		return err_set(e, ERR_NO_MEMORY, "spool: out of memory");
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->settled, &attr);
	pthread_condattr_destroy(&attr);
	if (sqlite3_open_v2(path, &s->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
				    SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		rc = db_error(s, e, path);
	else
		rc = set_up(s, e);
	if (rc != ERR_OK) {
		spool_close(s);
		return rc;
	}
	*out = s;
	return ERR_OK;
}

void spool_close(struct spool *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(s->stmt[i]);
	sqlite3_close(s->db);
	pthread_cond_destroy(&s->settled);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- running statements; the lock is held ---- */

/* Bind by a format: s text, i int64_t, b blob (pointer, size_t). */
static sqlite3_stmt *bind(struct spool *s, enum sql which, const char *fmt, ...)
{
	sqlite3_stmt *q = s->stmt[which];
	va_list ap;
	int rc = SQLITE_OK;

	va_start(ap, fmt);
	for (int i = 1; *fmt != '\0' && rc == SQLITE_OK; i++, fmt++) {
		if (*fmt == 's') {
			rc = sqlite3_bind_text(q, i, va_arg(ap, const char *),
					       -1, SQLITE_TRANSIENT);
		} else if (*fmt == 'b') {
			const void *p = va_arg(ap, const void *);
			size_t len = va_arg(ap, size_t);
			rc = sqlite3_bind_blob(q, i, p, (int)len,
					       SQLITE_TRANSIENT);
		} else {
			rc = sqlite3_bind_int64(q, i, va_arg(ap, int64_t));
		}
	}
	va_end(ap);
	/* Binding fails only when out of memory; the step then says so. */
	assert(rc == SQLITE_OK || rc == SQLITE_NOMEM);
	return q;
}

static void done(sqlite3_stmt *q)
{
	sqlite3_reset(q);
	sqlite3_clear_bindings(q);
}

/* Run a statement that gives no rows. changed may be NULL. */
static enum err_code run(struct spool *s, sqlite3_stmt *q, int *changed,
			 const char *what, struct err *e)
{
	enum err_code rc = ERR_OK;

	if (sqlite3_step(q) != SQLITE_DONE)
		rc = db_error(s, e, what);
	else if (changed != NULL)
		*changed = sqlite3_changes(s->db);
	done(q);
	return rc;
}

/* Run a statement that gives one row or none. */
static enum err_code row(struct spool *s, sqlite3_stmt *q, bool *found,
			 const char *what, struct err *e)
{
	int rc = sqlite3_step(q);

	*found = rc == SQLITE_ROW;
	if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		return ERR_OK;
	done(q);
	return db_error(s, e, what);
}

static void column(sqlite3_stmt *q, int i, char *out, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(q, i);

	snprintf(out, size, "%s", text == NULL ? "" : text);
}

static void roll_back(struct spool *s)
{
	/* May itself fail when SQLite has rolled back already: fine. */
	(void)run(s, s->stmt[SQL_rollback], NULL, "rollback", NULL);
}

/* ---- journal ---- */

enum err_code spool_attempt_begin(struct spool *s, const char *attempt,
				  const char *harness, const char *result,
				  struct err *e)
{
	enum err_code rc;

	pthread_mutex_lock(&s->lock);
	rc = run(s, bind(s, SQL_attempt_begin, "sss", attempt, harness, result),
		 NULL, "attempt begin", e);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

enum err_code spool_attempt_step(struct spool *s, const char *attempt,
				 const char *uid, enum step step,
				 bool irreversible, const char *result,
				 struct err *e)
{
	int64_t locked = irreversible && step == STEP_LOCK_DOWN;
	enum err_code rc;
	int changed = 0;

	pthread_mutex_lock(&s->lock);
	rc = run(s,
		 bind(s, SQL_attempt_step, "ssiiis", attempt, uid,
		      (int64_t)step, (int64_t)irreversible, locked, result),
		 &changed, "attempt step", e);
	pthread_mutex_unlock(&s->lock);
	if (rc == ERR_OK && changed != 1)
		rc = err_set(e, ERR_NOT_FOUND, "spool: no open attempt %s",
			     attempt);
	return rc;
}

static enum err_code message_id(struct spool *s, const char *attempt,
				const char *kind, int64_t *id, bool *found,
				struct err *e)
{
	sqlite3_stmt *q = bind(s, SQL_spool_of_attempt, "ss", attempt, kind);
	enum err_code rc = row(s, q, found, "message of attempt", e);

	if (rc == ERR_OK && *found)
		*id = sqlite3_column_int64(q, 0);
	done(q);
	return rc;
}

static enum err_code add_once(struct spool *s, const char *attempt,
			      const char *kind, const char *message,
			      int64_t *id, struct err *e)
{
	enum err_code rc;
	bool found = false;

	rc = message_id(s, attempt, kind, id, &found, e);
	if (rc != ERR_OK || found)
		return rc;
	rc = run(s, bind(s, SQL_spool_add, "sss", attempt, kind, message), NULL,
		 "add message", e);
	if (rc == ERR_OK)
		*id = sqlite3_last_insert_rowid(s->db);
	return rc;
}

static enum err_code end_in_transaction(struct spool *s, const char *attempt,
					const char *uid, enum outcome outcome,
					const char *result, int64_t *id,
					struct err *e)
{
	enum err_code rc;

	rc = run(s,
		 bind(s, SQL_attempt_end, "ssss", attempt, uid,
		      outcome_name(outcome), result),
		 NULL, "attempt end", e);
	if (rc == ERR_OK)
		rc = add_once(s, attempt, "result", result, id, e);
	if (rc == ERR_OK)
		rc = run(
			s,
			bind(s, SQL_attempt_prune, "i", (int64_t)KEEP_ATTEMPTS),
			NULL, "prune", e);
	return rc;
}

enum err_code spool_attempt_end(struct spool *s, const char *attempt,
				const char *uid, enum outcome outcome,
				const char *result, int64_t *id, struct err *e)
{
	enum err_code rc;

	pthread_mutex_lock(&s->lock);
	rc = run(s, s->stmt[SQL_begin], NULL, "begin", e);
	if (rc != ERR_OK)
		goto out;
	rc = end_in_transaction(s, attempt, uid, outcome, result, id, e);
	if (rc == ERR_OK)
		rc = run(s, s->stmt[SQL_commit], NULL, "commit", e);
	if (rc != ERR_OK)
		roll_back(s);
out:
	pthread_mutex_unlock(&s->lock);
	return rc;
}

enum err_code spool_attempt_drop(struct spool *s, const char *attempt,
				 struct err *e)
{
	enum err_code rc;

	pthread_mutex_lock(&s->lock);
	rc = run(s, bind(s, SQL_attempt_drop, "s", attempt), NULL,
		 "attempt drop", e);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static enum err_code read_attempt(struct spool *s, sqlite3_stmt *q,
				  struct spool_attempt *a, bool *found,
				  struct err *e)
{
	enum err_code rc;

	*a = (struct spool_attempt){0};
	rc = row(s, q, found, "read attempt", e);
	if (rc != ERR_OK || !*found)
		goto out;
	column(q, 0, a->attempt, sizeof(a->attempt));
	column(q, 1, a->harness, sizeof(a->harness));
	column(q, 2, a->uid, sizeof(a->uid));
	a->step = (enum step)sqlite3_column_int(q, 3);
	a->irreversible = sqlite3_column_int(q, 4) != 0;
	a->locked = sqlite3_column_int(q, 5) != 0;
	a->ended = sqlite3_column_int(q, 6) != 0;
	column(q, 7, a->outcome, sizeof(a->outcome));
	a->result = strdup((const char *)sqlite3_column_text(q, 8));
	if (a->result == NULL)
		rc = err_set(e, ERR_NO_MEMORY, "spool: out of memory");
	else if ((unsigned)a->step >= STEP_COUNT)
		rc = err_set(e, ERR_INTEGRITY, "spool: unknown step %d",
			     (int)a->step);
out:
	done(q);
	if (rc != ERR_OK)
		spool_attempt_fini(a);
	return rc;
}

enum err_code spool_attempt_open(struct spool *s, struct spool_attempt *a,
				 bool *found, struct err *e)
{
	enum err_code rc;

	pthread_mutex_lock(&s->lock);
	rc = read_attempt(s, s->stmt[SQL_attempt_open], a, found, e);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

enum err_code spool_attempt_of_unit(struct spool *s, const char *uid,
				    struct spool_attempt *a, bool *found,
				    struct err *e)
{
	enum err_code rc;

	pthread_mutex_lock(&s->lock);
	rc = read_attempt(s, bind(s, SQL_attempt_of_unit, "s", uid), a, found,
			  e);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

void spool_attempt_fini(struct spool_attempt *a)
{
	free(a->result);
	a->result = NULL;
}

/* ---- messages ---- */

enum err_code spool_add(struct spool *s, const char *attempt, const char *kind,
			const char *message, int64_t *id, struct err *e)
{
	enum err_code rc;

	pthread_mutex_lock(&s->lock);
	rc = add_once(s, attempt, kind, message, id, e);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

enum err_code spool_message(struct spool *s, const char *attempt,
			    const char *kind, int64_t *id, struct err *e)
{
	enum err_code rc;
	bool found = false;

	pthread_mutex_lock(&s->lock);
	rc = message_id(s, attempt, kind, id, &found, e);
	pthread_mutex_unlock(&s->lock);
	if (rc == ERR_OK && !found)
		rc = err_set(e, ERR_NOT_FOUND, "spool: no %s of attempt %s",
			     kind, attempt);
	return rc;
}

enum err_code spool_next(struct spool *s, int64_t after, struct spool_row *r,
			 bool *found, struct err *e)
{
	sqlite3_stmt *q;
	enum err_code rc;

	*r = (struct spool_row){0};
	pthread_mutex_lock(&s->lock);
	q = bind(s, SQL_spool_next, "i", after);
	rc = row(s, q, found, "next message", e);
	if (rc == ERR_OK && *found) {
		r->id = sqlite3_column_int64(q, 0);
		column(q, 1, r->attempt, sizeof(r->attempt));
		column(q, 2, r->kind, sizeof(r->kind));
		r->message = strdup((const char *)sqlite3_column_text(q, 3));
		if (r->message == NULL)
			rc = err_set(e, ERR_NO_MEMORY, "spool: out of memory");
	}
	done(q);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

void spool_row_fini(struct spool_row *r)
{
	free(r->message);
	r->message = NULL;
}

static enum err_code settle(struct spool *s, int64_t id, enum spool_fate fate,
			    const char *text, uint64_t seq, const char *hash,
			    struct err *e)
{
	enum err_code rc;

	pthread_mutex_lock(&s->lock);
	rc = run(s,
		 bind(s, SQL_spool_settle, "iisis", id, (int64_t)fate, text,
		      (int64_t)seq, hash),
		 NULL, "settle message", e);
	if (rc == ERR_OK)
		rc = run(s,
			 bind(s, SQL_spool_prune, "i", (int64_t)KEEP_MESSAGES),
			 NULL, "prune", e);
	pthread_cond_broadcast(&s->settled);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

enum err_code spool_recorded(struct spool *s, int64_t id, uint64_t seq,
			     const char *hash, struct err *e)
{
	return settle(s, id, SPOOL_RECORDED, "", seq, hash, e);
}

enum err_code spool_refused(struct spool *s, int64_t id, const char *text,
			    struct err *e)
{
	return settle(s, id, SPOOL_REFUSED, text, 0, "", e);
}

enum err_code spool_retry(struct spool *s, struct err *e)
{
	enum err_code rc;

	pthread_mutex_lock(&s->lock);
	rc = run(s, s->stmt[SQL_spool_retry], NULL, "retry", e);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static enum err_code read_fate(struct spool *s, int64_t id,
			       enum spool_fate *fate, char text[321],
			       struct err *e)
{
	sqlite3_stmt *q = bind(s, SQL_spool_fate, "i", id);
	enum err_code rc;
	bool found;

	rc = row(s, q, &found, "read fate", e);
	if (rc != ERR_OK)
		return rc;
	if (found) {
		*fate = (enum spool_fate)sqlite3_column_int(q, 0);
		column(q, 1, text, 321);
	} else {
		/* only recorded ones are ever removed */
		*fate = SPOOL_RECORDED;
		text[0] = '\0';
	}
	done(q);
	return ERR_OK;
}

enum err_code spool_wait(struct spool *s, int64_t id, struct mono deadline,
			 enum spool_fate *fate, char text[321], struct err *e)
{
	struct timespec until = {.tv_sec = deadline.ns / 1000000000,
				 .tv_nsec = deadline.ns % 1000000000};
	enum err_code rc;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		rc = read_fate(s, id, fate, text, e);
		if (rc != ERR_OK || *fate != SPOOL_WAITING ||
		    mono_passed(deadline))
			break;
		(void)pthread_cond_timedwait(&s->settled, &s->lock, &until);
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

enum err_code spool_count(struct spool *s, size_t *count, struct err *e)
{
	sqlite3_stmt *q = s->stmt[SQL_spool_waiting];
	enum err_code rc;
	bool found;

	*count = 0;
	pthread_mutex_lock(&s->lock);
	rc = row(s, q, &found, "count", e);
	if (rc == ERR_OK && found)
		*count = (size_t)sqlite3_column_int64(q, 0);
	done(q);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

/* ---- licences ---- */

enum err_code spool_licence_put(struct spool *s, const char *chip,
				const char *fwid, const struct spool_licence *l,
				struct err *e)
{
	enum err_code rc;

	pthread_mutex_lock(&s->lock);
	rc = run(s,
		 bind(s, SQL_licence_put, "sbsss", chip, l->licence,
		      sizeof(l->licence), l->licence_id, l->card, fwid),
		 NULL, "keep licence", e);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

enum err_code spool_licence_get(struct spool *s, const char *chip,
				const char *fwid, struct spool_licence *l,
				bool *found, struct err *e)
{
	sqlite3_stmt *q;
	enum err_code rc;

	pthread_mutex_lock(&s->lock);
	q = bind(s, SQL_licence_get, "ss", chip, fwid);
	rc = row(s, q, found, "read licence", e);
	if (rc == ERR_OK && *found &&
	    sqlite3_column_bytes(q, 0) != (int)sizeof(l->licence)) {
		rc = err_set(e, ERR_INTEGRITY, "spool: licence of %d bytes",
			     sqlite3_column_bytes(q, 0));
	} else if (rc == ERR_OK && *found) {
		memcpy(l->licence, sqlite3_column_blob(q, 0),
		       sizeof(l->licence));
		column(q, 1, l->licence_id, sizeof(l->licence_id));
		column(q, 2, l->card, sizeof(l->card));
	}
	done(q);
	pthread_mutex_unlock(&s->lock);
	return rc;
}

/* ---- witness ---- */

static enum err_code judge(uint64_t seq, const char *hash, uint64_t seen_seq,
			   const char *seen_hash, struct err *e)
{
	if (seq < seen_seq)
		return err_set(e, ERR_INTEGRITY,
			       "the controller's record ends at %" PRIu64
			       " but this station has seen %" PRIu64,
			       seq, seen_seq);
	if (seq == seen_seq && strcmp(hash, seen_hash) != 0)
		return err_set(e, ERR_INTEGRITY,
			       "the controller's record differs from what this "
			       "station has seen at %" PRIu64,
			       seq);
	return ERR_OK;
}

enum err_code spool_witness(struct spool *s, uint64_t seq, const char *hash,
			    struct err *e)
{
	sqlite3_stmt *q = s->stmt[SQL_witness_get];
	uint64_t seen_seq = 0;
	char seen_hash[65] = "";
	enum err_code rc;
	bool found;

	pthread_mutex_lock(&s->lock);
	rc = row(s, q, &found, "read witness", e);
	if (rc == ERR_OK && found) {
		seen_seq = (uint64_t)sqlite3_column_int64(q, 0);
		column(q, 1, seen_hash, sizeof(seen_hash));
	}
	done(q);
	if (rc == ERR_OK && found)
		rc = judge(seq, hash, seen_seq, seen_hash, e);
	if (rc == ERR_OK && (!found || seq > seen_seq))
		rc = run(s, bind(s, SQL_witness_put, "is", (int64_t)seq, hash),
			 NULL, "keep witness", e);
	pthread_mutex_unlock(&s->lock);
	return rc;
}
