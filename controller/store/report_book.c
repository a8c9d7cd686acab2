/* Ledger, yield and the record, read back. */
#include "controller/line/ledger.h"
#include "controller/line/yield.h"
#include "controller/store/db.h"
#include "controller/store/store_line.h"
#include "controller/store/store_report.h"

#include <stdio.h>
#include <string.h>

/* ---- ledger ---- */

static void add_gap(void *arg, const char *text)
{
	struct store_ledger *l = arg;

	if (l->gaps_n == STORE_GAPS_MAX)
		return;
	snprintf(l->gaps[l->gaps_n], sizeof l->gaps[0], "%s", text);
	l->gaps_n++;
}

static enum err_code cards(struct store_db *db, struct store_ledger *out,
			   struct ledger_totals *t, struct err *e)
{
	const enum sql_query q = Q_ledger_cards;
	enum err_code rc;
	bool row;

	db_query(db, q, "t", out->lot);
	while (!(rc = db_next(db, q, &row, e)) && row) {
		struct ledger_card c = {db_text(db, q, 0), db_uint(db, q, 1),
					db_uint(db, q, 2), db_uint(db, q, 3),
					db_uint(db, q, 4)};

		out->gaps_total += ledger_card_check(&c, t, add_gap, out);
	}
	return rc;
}

static enum err_code totals(struct store_db *db, struct store_ledger *out,
			    struct ledger_totals *t, struct err *e)
{
	const enum sql_query q = Q_ledger_totals;
	enum err_code rc = db_one(db, e, q, "t", out->lot);

	if (rc)
		return rc;
	t->licences = db_uint(db, q, 0);
	t->chips = db_uint(db, q, 1);
	t->certificates = db_uint(db, q, 2);
	t->certified = db_uint(db, q, 3);
	t->passed = db_uint(db, q, 4);
	t->passed_unlicensed = db_uint(db, q, 5);
	t->passed_uncertified = db_uint(db, q, 6);
	t->cards_unknown = db_uint(db, q, 7);
	db_end(db, q);
	out->gaps_total += ledger_totals_check(t, add_gap, out);
	return ERR_OK;
}

enum err_code store_ledger(struct store_db *db, const char *lot,
			   struct store_ledger *out, struct err *e)
{
	struct ledger_totals t = {0};
	struct store_lot l;
	enum err_code rc = store_lot_get(db, lot, &l, e);

	*out = (struct store_ledger){0};
	if (rc)
		return rc;
	memcpy(out->lot, l.lot, sizeof out->lot);
	rc = cards(db, out, &t, e);
	if (!rc)
		rc = totals(db, out, &t, e);
	out->card_start = t.card_start;
	out->card_end = t.card_end;
	out->licences = t.licences;
	out->units = t.chips;
	out->certificates = t.certificates;
	out->balanced = !rc && out->gaps_total == 0;
	return rc;
}

/* ---- yield ---- */

enum err_code store_yield_rows(struct store_db *db, const char *lot,
			       store_yield_fn *fn, void *arg, struct err *e)
{
	const enum sql_query q = Q_yield_rows;
	enum err_code rc;
	bool row;

	db_query(db, q, "t", lot);
	while (!(rc = db_next(db, q, &row, e)) && row) {
		struct store_yield_row r = {
			db_text(db, q, 0), db_text(db, q, 1), db_text(db, q, 2),
			db_uint(db, q, 3), db_uint(db, q, 4), 0};

		r.yield = yield_of(r.entered, r.failed);
		rc = fn(arg, &r, e);
		if (rc) {
			db_end(db, q);
			break;
		}
	}
	return rc;
}

static enum err_code rolled(struct store_db *db, const char *lot,
			    struct store_yield_totals *out, struct err *e)
{
	struct yield_rolled r = {0};
	enum err_code rc;
	bool row;

	db_query(db, Q_yield_first, "t", lot);
	while (!(rc = db_next(db, Q_yield_first, &row, e)) && row)
		yield_rolled_add(&r, db_uint(db, Q_yield_first, 0),
				 db_uint(db, Q_yield_first, 1));
	out->rty = yield_rolled_value(&r);
	return rc;
}

static enum err_code units(struct store_db *db, const char *lot,
			   struct store_yield_totals *out, struct err *e)
{
	enum err_code rc = db_one(db, e, Q_yield_units, "t", lot);
	uint64_t finished, first;

	if (rc)
		return rc;
	out->units = db_uint(db, Q_yield_units, 0);
	out->passed = db_uint(db, Q_yield_units, 1);
	finished = db_uint(db, Q_yield_units, 2);
	first = db_uint(db, Q_yield_units, 3);
	out->fpy = yield_of(finished, finished - first);
	db_end(db, Q_yield_units);
	return ERR_OK;
}

static enum err_code cycle(struct store_db *db, const char *lot, uint64_t n,
			   unsigned percent, double *out_s, struct err *e)
{
	enum err_code rc;

	*out_s = 0;
	if (!n)
		return ERR_OK;
	rc = db_one(db, e, Q_yield_cycle, "tu", lot,
		    yield_percentile_rank(n, percent));
	if (rc)
		return rc == ERR_NOT_FOUND ? ERR_OK : rc;
	*out_s = (double)db_int(db, Q_yield_cycle, 0) / 1000.0;
	db_end(db, Q_yield_cycle);
	return ERR_OK;
}

enum err_code store_yield_totals(struct store_db *db, const char *lot,
				 struct store_yield_totals *out, struct err *e)
{
	int64_t first_ms, last_ms;
	uint64_t passed;
	enum err_code rc;

	*out = (struct store_yield_totals){0};
	rc = units(db, lot, out, e);
	if (!rc)
		rc = rolled(db, lot, out, e);
	if (!rc)
		rc = db_one(db, e, Q_yield_span, "t", lot);
	if (rc)
		return rc;
	first_ms = db_int(db, Q_yield_span, 0);
	last_ms = db_int(db, Q_yield_span, 1);
	passed = db_uint(db, Q_yield_span, 2);
	db_end(db, Q_yield_span);
	out->uph = yield_per_hour(out->passed, first_ms, last_ms);
	rc = cycle(db, lot, passed, 50, &out->cycle_median_s, e);
	if (!rc)
		rc = cycle(db, lot, passed, 95, &out->cycle_p95_s, e);
	return rc;
}

/* ---- the record ---- */

enum err_code store_record_head(struct store_db *db, struct store_head *out,
				struct err *e)
{
	enum err_code rc = db_one(db, e, Q_record_head, "");

	*out = (struct store_head){0};
	if (rc)
		return rc == ERR_NOT_FOUND ? ERR_OK : rc;
	out->seq = db_uint(db, Q_record_head, 0);
	DB_COPY(db, Q_record_head, 1, out->hash);
	db_end(db, Q_record_head);
	return ERR_OK;
}

enum err_code store_record_leaves(struct store_db *db, uint64_t first_seq,
				  uint64_t limit, store_leaf_fn *fn, void *arg,
				  struct err *e)
{
	const enum sql_query q = Q_record_leaves;
	enum err_code rc;
	bool row;

	db_query(db, q, "ui", first_seq, limit ? (int64_t)limit : -1);
	while (!(rc = db_next(db, q, &row, e)) && row) {
		struct store_leaf l = {db_uint(db, q, 0), db_int(db, q, 1),
				       db_text(db, q, 2), db_text(db, q, 3),
				       db_text(db, q, 4), db_text(db, q, 5),
				       db_text(db, q, 6)};

		rc = fn(arg, &l, e);
		if (rc) {
			db_end(db, q);
			break;
		}
	}
	return rc;
}

enum err_code store_record_span(struct store_db *db, const char *lot,
				uint64_t *first, uint64_t *last, struct err *e)
{
	enum err_code rc = db_one(db, e, Q_record_span, "t", lot);

	if (rc)
		return rc;
	*first = db_uint(db, Q_record_span, 0);
	*last = db_uint(db, Q_record_span, 1);
	db_end(db, Q_record_span);
	return ERR_OK;
}

enum err_code store_checkpoint_last(struct store_db *db,
				    struct store_checkpoint *out, struct err *e)
{
	const enum sql_query q = Q_checkpoint_last;
	enum err_code rc = db_one(db, e, q, "");
	const void *signature;

	*out = (struct store_checkpoint){0};
	if (rc)
		return rc == ERR_NOT_FOUND ? ERR_OK : rc;
	out->seq = db_uint(db, q, 0);
	DB_COPY(db, q, 1, out->hash);
	out->at_ms = db_int(db, q, 2);
	signature = db_blob(db, q, 3, &out->signature_len);
	if (out->signature_len > sizeof out->signature)
		rc = err_set(e, ERR_INTEGRITY, "checkpoint %llu is damaged",
			     (unsigned long long)out->seq);
	else
		memcpy(out->signature, signature, out->signature_len);
	db_end(db, q);
	return rc;
}
