#include "controller/report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct writer {
	struct cells cells;
	report_sink *sink;
	void *arg;
	uint64_t rows;
};

enum err_code report_format(const char *name, enum cells_format *format,
			    struct err *e)
{
	if (!strcmp(name, "csv"))
		*format = CELLS_CSV;
	else if (!strcmp(name, "jsonl"))
		*format = CELLS_JSONL;
	else if (!strcmp(name, "json"))
		*format = CELLS_JSON;
	else
		return err_set(e, ERR_INPUT,
			       "format %.32s; csv, jsonl and json are possible",
			       name);
	return ERR_OK;
}

/* What is in the line goes to the sink. */
static enum err_code flush(struct writer *w, struct err *e)
{
	enum err_code rc =
		w->sink(w->arg, w->cells.line.data, w->cells.line.len, e);

	dbuf_clear(&w->cells.line);
	return rc;
}

static enum err_code put(struct writer *w, const char *text, struct err *e)
{
	return w->sink(w->arg, text, strlen(text), e);
}

static enum err_code row_done(struct writer *w, enum err_code rc, struct err *e)
{
	if (!rc)
		rc = cells_end_row(&w->cells);
	if (rc)
		return err_set(e, rc, "a row of the report");
	if (w->cells.format == CELLS_JSON && w->rows++ &&
	    (rc = put(w, ",\n", e)))
		return rc;
	return flush(w, e);
}

/* ---- one row per attempt: two tables of columns ---- */

#define COL_TEXT(name, field) \
	if (!rc)              \
		rc = cells_text(c, #name, t->field);
#define COL_INT(name, field)                             \
	if (!rc)                                         \
		rc = t->field < 0 ? cells_none(c, #name) \
				  : cells_int(c, #name, t->field);
#define COL_SECONDS(name, field)                           \
	if (!rc)                                           \
		rc = t->field < 0 ? cells_none(c, #name)   \
				  : cells_number(c, #name, \
						 (double)t->field / 1000, 3);
#define COL_ACCOUNT(name)                                        \
	if (!rc)                                                 \
		rc = t->accounted ? cells_int(c, #name, t->name) \
				  : cells_none(c, #name);

static enum err_code trace_cells(struct cells *c, const struct store_trace *t)
{
	enum err_code rc = ERR_OK;

#include "controller/report/columns.def"
	return rc;
}

static enum err_code attempt_cells(struct cells *c, const struct store_trace *t)
{
	enum err_code rc = ERR_OK;

#include "controller/report/attempt_columns.def"
	return rc;
}

#undef COL_TEXT
#undef COL_INT
#undef COL_SECONDS
#undef COL_ACCOUNT
#define COL_TEXT(name, field)	 #name,
#define COL_INT(name, field)	 #name,
#define COL_SECONDS(name, field) #name,
#define COL_ACCOUNT(name)	 #name,

static const char *const trace_names[] = {
#include "controller/report/columns.def"
	NULL};
static const char *const attempt_names[] = {
#include "controller/report/attempt_columns.def"
	NULL};

#undef COL_TEXT
#undef COL_INT
#undef COL_SECONDS
#undef COL_ACCOUNT

struct attempts_report {
	struct writer w;
	enum err_code (*cells)(struct cells *c, const struct store_trace *t);
};

static enum err_code put_head(struct writer *w, const char *const *names,
			      struct err *e)
{
	enum err_code rc = ERR_OK;

	for (; !rc && *names != NULL; names++)
		rc = cells_head(&w->cells, *names);
	return row_done(w, rc, e);
}

static enum err_code on_trace(void *arg, const struct store_trace *t,
			      struct err *e)
{
	struct attempts_report *r = arg;

	return row_done(&r->w, r->cells(&r->w.cells, t), e);
}

static enum err_code per_attempt(struct store_db *db, const char *lot,
				 enum cells_format format,
				 const char *const *names,
				 struct attempts_report *r, struct err *e)
{
	enum err_code rc = ERR_OK;

	cells_init(&r->w.cells, format);
	if (format == CELLS_CSV)
		rc = put_head(&r->w, names, e);
	else if (format == CELLS_JSON)
		rc = put(&r->w, "[", e);
	if (!rc)
		rc = store_traceability(db, lot, on_trace, r, e);
	if (!rc && format == CELLS_JSON)
		rc = put(&r->w, "]\n", e);
	cells_fini(&r->w.cells);
	return rc;
}

enum err_code report_traceability(struct store_db *db, const char *lot,
				  enum cells_format format, report_sink *sink,
				  void *arg, struct err *e)
{
	struct attempts_report r = {.w = {.sink = sink, .arg = arg},
				    .cells = trace_cells};

	return per_attempt(db, lot, format, trace_names, &r, e);
}

enum err_code report_attempts(struct store_db *db, const char *lot,
			      enum cells_format format, report_sink *sink,
			      void *arg, struct err *e)
{
	struct attempts_report r = {.w = {.sink = sink, .arg = arg},
				    .cells = attempt_cells};

	return per_attempt(db, lot, format, attempt_names, &r, e);
}

/* ---- yield ---- */

static const char *const yield_names[] = {
	"lot", "station", "step", "entered", "failed", "yield", NULL};

static enum err_code on_yield(void *arg, const struct store_yield_row *r,
			      struct err *e)
{
	struct writer *w = arg;
	struct cells *c = &w->cells;
	enum err_code rc = cells_text(c, "lot", r->lot);

	if (!rc)
		rc = cells_text(c, "station", r->station);
	if (!rc)
		rc = cells_text(c, "step", r->step);
	if (!rc)
		rc = cells_int(c, "entered", (int64_t)r->entered);
	if (!rc)
		rc = cells_int(c, "failed", (int64_t)r->failed);
	if (!rc)
		rc = cells_number(c, "yield", r->yield, 4);
	return row_done(w, rc, e);
}

/* A figure that does not exist yet (nothing finished) is null. */
static json_t *figure(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

json_t *report_totals(struct store_db *db, const char *lot, struct err *e)
{
	struct store_yield_totals t;

	memset(&t, 0, sizeof(t));
	if (store_yield_totals(db, lot, &t, e))
		return NULL;
	return json_pack("{s:I,s:I,s:o,s:o,s:o,s:{s:o,s:o}}", "units",
			 (json_int_t)t.units, "passed", (json_int_t)t.passed,
			 "fpy", figure(t.fpy), "rty", figure(t.rty), "uph",
			 figure(t.uph), "cycle_s", "median",
			 figure(t.cycle_median_s), "p95",
			 figure(t.cycle_p95_s));
}

static enum err_code put_totals(struct writer *w, struct store_db *db,
				const char *lot, struct err *e)
{
	json_t *totals = report_totals(db, lot, e);
	enum err_code rc;
	char *text;

	if (!totals)
		return e && e->code ? e->code : ERR_NO_MEMORY;
	text = json_dumps(totals, JSON_COMPACT | JSON_REAL_PRECISION(9));
	json_decref(totals);
	if (!text)
		return err_set(e, ERR_NO_MEMORY, "totals");
	if (!(rc = put(w, "],\"totals\":", e)) && !(rc = put(w, text, e)))
		rc = put(w, "}\n", e);
	free(text);
	return rc;
}

enum err_code report_yield(struct store_db *db, const char *lot,
			   enum cells_format format, report_sink *sink,
			   void *arg, struct err *e)
{
	struct writer w = {.sink = sink, .arg = arg};
	enum err_code rc = ERR_OK;

	cells_init(&w.cells, format);
	if (format == CELLS_CSV)
		rc = put_head(&w, yield_names, e);
	else if (format == CELLS_JSON)
		rc = put(&w, "{\"rows\":[", e);
	if (!rc)
		rc = store_yield_rows(db, lot, on_yield, &w, e);
	if (!rc && format == CELLS_JSON)
		rc = put_totals(&w, db, lot, e);
	cells_fini(&w.cells);
	return rc;
}
