#include "controller/store/db.h"
#include "controller/store/store_report.h"
#include "proto/base/wall.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- units ---- */

static void read_unit(struct store_db *db, enum sql_query q,
		      struct store_unit *u)
{
	DB_COPY(db, q, 1, u->lot);
	DB_COPY(db, q, 2, u->uid);
	DB_COPY(db, q, 3, u->device_id);
	DB_COPY(db, q, 4, u->board_serial);
	DB_COPY(db, q, 5, u->outcome);
	DB_COPY(db, q, 6, u->failure_code);
	DB_COPY(db, q, 7, u->failure_step);
	DB_COPY(db, q, 8, u->disposition);
	u->attempts = db_uint(db, q, 9);
	DB_COPY(db, q, 10, u->cert_sha256);
	u->finished_at = db_int(db, q, 11);
}

static enum err_code parse_cursor(const char *cursor, int64_t *after,
				  struct err *e)
{
	char *end = NULL;

	*after = 0;
	if (!*cursor)
		return ERR_OK;
	errno = 0;
	*after = strtoll(cursor, &end, 10);
	if (errno || *end || *after < 1 || cursor[0] < '1' || cursor[0] > '9')
		return err_set(e, ERR_INPUT, "no such cursor");
	return ERR_OK;
}

enum err_code store_units(struct store_db *db, const char *lot,
			  const char *cursor, unsigned limit,
			  char next[STORE_CURSOR_SIZE], store_unit_fn *fn,
			  void *arg, struct err *e)
{
	const enum sql_query q = Q_report_units;
	struct store_unit u;
	int64_t after;
	unsigned n = 0;
	bool row;
	enum err_code rc = parse_cursor(cursor, &after, e);

	*next = '\0';
	if (rc)
		return rc;
	if (limit < 1 || limit > STORE_PAGE_MAX)
		return err_set(e, ERR_INPUT, "limit must be 1 to %d",
			       STORE_PAGE_MAX);
	/* one more than asked tells whether there is a next page */
	db_query(db, q, "tii", lot, after, (int64_t)limit + 1);
	while (!(rc = db_next(db, q, &row, e)) && row) {
		if (n++ == limit) {
			snprintf(next, STORE_CURSOR_SIZE, "%lld",
				 (long long)after);
			db_end(db, q);
			break;
		}
		read_unit(db, q, &u);
		after = db_int(db, q, 0);
		rc = fn(arg, &u, e);
		if (rc) {
			db_end(db, q);
			break;
		}
	}
	return rc;
}

enum err_code store_unit_get(struct store_db *db, const char *key,
			     struct store_unit *out, struct err *e)
{
	enum err_code rc = db_one(db, e, Q_report_unit, "t", key);

	if (rc == ERR_NOT_FOUND)
		return err_set(e, rc, "no such unit");
	if (rc)
		return rc;
	read_unit(db, Q_report_unit, out);
	db_end(db, Q_report_unit);
	return ERR_OK;
}

/* ---- attempts ---- */

struct trace_times {
	char started[WALL_TEXT_SIZE], finished[WALL_TEXT_SIZE];
};

static void read_trace(struct store_db *db, enum sql_query q,
		       struct store_trace *t, struct trace_times *times)
{
	const char **texts[] = {
		&t->lot,	 &t->product,	   &t->board_serial,
		&t->uid,	 &t->device_id,	   &t->attempt,
		&t->outcome,	 &t->failure_code, &t->failure_step,
		&t->disposition, &t->station,	   &t->harness,
		&t->operator_};

	for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++)
		*texts[i] = db_text(db, q, i);
	t->started_at = wall_format(times->started, db_int(db, q, 13));
	t->finished_at = wall_format(times->finished, db_int(db, q, 14));
	t->cycle_ms = db_int(db, q, 15);
	t->image_sha256 = db_text(db, q, 16);
	t->test_program_version = db_text(db, q, 17);
	t->app_version = db_text(db, q, 18);
	t->app_test_status = db_int(db, q, 19);
	t->card_serial = db_text(db, q, 20);
	t->licence_id = db_text(db, q, 21);
	t->card_counter_before = db_int(db, q, 22);
	t->card_counter_after = db_int(db, q, 23);
	t->csr_sha256 = db_text(db, q, 24);
	t->cert_serial = db_text(db, q, 25);
	t->cert_sha256 = db_text(db, q, 26);
	t->cert_issuer = db_text(db, q, 27);
	t->record_seq = db_int(db, q, 28);
	t->record_hash = db_text(db, q, 29);
	t->attempt_no = db_int(db, q, 30);
	t->fence = db_int(db, q, 31);
	t->recorded_at = db_int(db, q, 32);
	t->failure_text = db_text(db, q, 33);
	t->stale = db_int(db, q, 34) != 0;
}

/* Columns 35 on, in the order of proto/account.def. */
static void read_account(struct store_db *db, enum sql_query q,
			 struct store_trace *t)
{
	int col = 35;

	t->accounted = db_int(db, q, col++) != 0;
#define ACCOUNT(name, what) t->name = db_int(db, q, col++);
#include "proto/account.def"
#undef ACCOUNT
	t->rest_ms = db_int(db, q, col);
}

static enum err_code trace(struct store_db *db, enum sql_query q,
			   const char *key, store_trace_fn *fn, void *arg,
			   struct err *e)
{
	struct trace_times times;
	struct store_trace t;
	enum err_code rc;
	bool row;

	db_query(db, q, "t", key);
	while (!(rc = db_next(db, q, &row, e)) && row) {
		read_trace(db, q, &t, &times);
		read_account(db, q, &t);
		rc = fn(arg, &t, e);
		if (rc) {
			db_end(db, q);
			break;
		}
	}
	return rc;
}

enum err_code store_traceability(struct store_db *db, const char *lot,
				 store_trace_fn *fn, void *arg, struct err *e)
{
	return trace(db, Q_report_trace, lot, fn, arg, e);
}

enum err_code store_unit_attempts(struct store_db *db, const char *key,
				  store_trace_fn *fn, void *arg, struct err *e)
{
	return trace(db, Q_report_unit_trace, key, fn, arg, e);
}

enum err_code store_attempt_steps(struct store_db *db, const char *attempt,
				  store_step_fn *fn, void *arg, struct err *e)
{
	const enum sql_query q = Q_report_steps;
	enum err_code rc;
	bool row;

	db_query(db, q, "t", attempt);
	while (!(rc = db_next(db, q, &row, e)) && row) {
		struct store_step s = {db_text(db, q, 0), db_text(db, q, 1),
				       db_int(db, q, 2), db_int(db, q, 3)};

		rc = fn(arg, &s, e);
		if (rc) {
			db_end(db, q);
			break;
		}
	}
	return rc;
}

enum err_code store_attempt_measurements(struct store_db *db,
					 const char *attempt,
					 store_measurement_fn *fn, void *arg,
					 struct err *e)
{
	const enum sql_query q = Q_report_measurements;
	enum err_code rc;
	bool row;

	db_query(db, q, "t", attempt);
	while (!(rc = db_next(db, q, &row, e)) && row) {
		struct store_measurement m = {
			db_text(db, q, 0),    db_text(db, q, 1),
			db_text(db, q, 2),    db_text(db, q, 3),
			db_text(db, q, 4),    db_text(db, q, 5),
			db_int(db, q, 6) != 0};

		rc = fn(arg, &m, e);
		if (rc) {
			db_end(db, q);
			break;
		}
	}
	return rc;
}

enum err_code store_attempt_log(struct store_db *db, const char *attempt,
				char **log, struct err *e)
{
	enum err_code rc = db_one(db, e, Q_report_log, "t", attempt);

	if (rc)
		return rc;
	*log = strdup(db_text(db, Q_report_log, 0));
	db_end(db, Q_report_log);
	return *log ? ERR_OK : err_set(e, ERR_NO_MEMORY, "log");
}

enum err_code store_certificates(struct store_db *db, const char *lot,
				 const char *uid, store_cert_fn *fn, void *arg,
				 struct err *e)
{
	const enum sql_query q = Q_report_certificates;
	enum err_code rc;
	bool row;

	db_query(db, q, "tt", lot, uid);
	while (!(rc = db_next(db, q, &row, e)) && row) {
		struct store_cert c = {.lot = db_text(db, q, 0),
				       .uid = db_text(db, q, 1),
				       .sha256 = db_text(db, q, 2),
				       .serial = db_text(db, q, 3),
				       .issuer = db_text(db, q, 4),
				       .issued_at = db_int(db, q, 6)};

		c.der = db_blob(db, q, 5, &c.der_len);
		rc = fn(arg, &c, e);
		if (rc) {
			db_end(db, q);
			break;
		}
	}
	return rc;
}
