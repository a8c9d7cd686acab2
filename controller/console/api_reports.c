/* Endpoints that sum up: ledger, reports, exports, metrics, this interface. */
#include "controller/console/handlers.h"
#include "controller/report/report.h"
#include "proto/rules.h"

#include <stdlib.h>
#include <string.h>

enum err_code run_openapi(struct store_db *db, struct request *rq,
			  struct err *e)
{
	(void)db;
	return give(rq, route_openapi(), e);
}

static enum err_code need_lot(const struct request *rq, struct err *e)
{
	return rq->query_lot[0] ? ERR_OK
				: err_set(e, ERR_INPUT, "which lot? ?lot=NAME");
}

enum err_code run_ledger(struct store_db *db, struct request *rq, struct err *e)
{
	struct store_ledger *l;
	json_t *gaps, *out;
	enum err_code rc = need_lot(rq, e);

	if (rc)
		return rc;
	l = calloc(1, sizeof(*l)); /* too large for a job's stack */
	if (!l)
		return err_set(e, ERR_NO_MEMORY, "ledger");
	rc = store_ledger(db, rq->query_lot, l, e);
	if (rc) {
		free(l);
		return rc;
	}
	gaps = json_array();
	for (size_t i = 0; i < l->gaps_n; i++)
		json_array_append_new(gaps, json_string(l->gaps[i]));
	out = json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:b,s:I,s:o}", "lot", l->lot,
			"card_start", (json_int_t)l->card_start, "card_end",
			(json_int_t)l->card_end, "licences",
			(json_int_t)l->licences, "units", (json_int_t)l->units,
			"certificates", (json_int_t)l->certificates, "balanced",
			l->balanced, "gaps_total", (json_int_t)l->gaps_total,
			"gaps", gaps);
	free(l);
	return give(rq, out, e);
}

/* ---- streamed ---- */

/* The lot must exist, so that a typing error is no empty report. */
static enum err_code begin_stream(struct store_db *db, struct request *rq,
				  const char *default_format,
				  enum cells_format *format, struct err *e)
{
	static const char *const types[] = {
		[CELLS_CSV] = "text/csv; charset=utf-8",
		[CELLS_JSONL] = "application/x-ndjson",
		[CELLS_JSON] = "application/json",
	};
	const char *name =
		rq->query_format[0] ? rq->query_format : default_format;
	enum err_code rc = report_format(name, format, e);
	struct store_lot lot;

	if (!rc && rq->query_lot[0])
		rc = store_lot_get(db, rq->query_lot, &lot, e);
	if (rc)
		return rc;
	strcpy(rq->type, types[*format]);
	if (*format != CELLS_JSON)
		snprintf(rq->attachment, sizeof(rq->attachment), "%s%s%s.%s",
			 rq->match.route->name, rq->query_lot[0] ? "-" : "",
			 rq->query_lot, name);
	return ERR_OK;
}

enum err_code run_yield(struct store_db *db, struct request *rq, struct err *e)
{
	enum cells_format format;
	enum err_code rc = begin_stream(db, rq, "json", &format, e);

	return rc ? rc
		  : report_yield(db, rq->query_lot, format, pipe_write,
				 rq->pipe, e);
}

enum err_code run_traceability(struct store_db *db, struct request *rq,
			       struct err *e)
{
	enum cells_format format;
	enum err_code rc = begin_stream(db, rq, "csv", &format, e);

	return rc ? rc
		  : report_traceability(db, rq->query_lot, format, pipe_write,
					rq->pipe, e);
}

enum err_code run_attempts(struct store_db *db, struct request *rq,
			   struct err *e)
{
	enum cells_format format;
	enum err_code rc = begin_stream(db, rq, "csv", &format, e);

	return rc ? rc
		  : report_attempts(db, rq->query_lot, format, pipe_write,
				    rq->pipe, e);
}

/* ---- failures, most frequent first ---- */

#define FAILURE_CODES_MAX 128

struct failure_row {
	char code[33], step[25];
	uint64_t attempts;
};

struct failures {
	size_t n;
	struct failure_row rows[FAILURE_CODES_MAX];
};

static enum err_code on_trace(void *arg, const struct store_trace *t,
			      struct err *e)
{
	struct failures *f = arg;
	size_t i;

	(void)e;
	if (!t->failure_code[0])
		return ERR_OK;
	for (i = 0; i < f->n; i++)
		if (!strcmp(f->rows[i].code, t->failure_code) &&
		    !strcmp(f->rows[i].step, t->failure_step))
			break;
	if (i == FAILURE_CODES_MAX)
		return ERR_OK; /* failures.def has far fewer */
	if (i == f->n) {
		f->n++;
		snprintf(f->rows[i].code, sizeof(f->rows[i].code), "%s",
			 t->failure_code);
		snprintf(f->rows[i].step, sizeof(f->rows[i].step), "%s",
			 t->failure_step);
	}
	f->rows[i].attempts++;
	return ERR_OK;
}

static int by_attempts(const void *a, const void *b)
{
	const struct failure_row *x = a, *y = b;

	if (x->attempts != y->attempts)
		return x->attempts < y->attempts ? 1 : -1;
	return strcmp(x->code, y->code);
}

static json_t *failures_json(const struct failures *f)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < f->n; i++) {
		const struct failure_row *r = &f->rows[i];
		enum failure known;
		bool is_known = failure_parse(r->code, &known);

		json_array_append_new(
			rows,
			json_pack("{s:s,s:s,s:I,s:s,s:s}", "failure_code",
				  r->code, "failure_step", r->step, "attempts",
				  (json_int_t)r->attempts, "what",
				  is_known ? failure_text(known) : "", "hint",
				  is_known ? failure_hint(known) : ""));
	}
	return rows;
}

enum err_code run_failures(struct store_db *db, struct request *rq,
			   struct err *e)
{
	struct failures *f;
	enum err_code rc = need_lot(rq, e);

	if (rc)
		return rc;
	f = calloc(1, sizeof(*f));
	if (!f)
		return err_set(e, ERR_NO_MEMORY, "failures");
	rc = store_traceability(db, rq->query_lot, on_trace, f, e);
	if (!rc) {
		qsort(f->rows, f->n, sizeof(f->rows[0]), by_attempts);
		rc = give(rq,
			  json_pack("{s:s,s:o}", "lot", rq->query_lot, "rows",
				    failures_json(f)),
			  e);
	}
	free(f);
	return rc;
}

enum err_code run_evidence(struct store_db *db, struct request *rq,
			   struct err *e)
{
	const struct console_live *live = &rq->c->config.live;
	enum err_code rc = need_lot(rq, e);
	struct store_lot lot;

	if (!rc)
		rc = store_lot_get(db, rq->query_lot, &lot, e);
	if (rc)
		return rc;
	if (!live->evidence)
		return err_set(e, ERR_NOT_FOUND, "no evidence is kept here");
	snprintf(rq->attachment, sizeof(rq->attachment), "evidence-%s.tar",
		 lot.lot);
	return live->evidence(live->ctx, db, lot.lot, pipe_write, rq->pipe, e);
}
