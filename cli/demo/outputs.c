#include "cli/demo/outputs.h"

#include "cli/cli.h"
#include "proto/base/file.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static enum err_code get(struct rest *r, const char *base, const char *lot,
			 const char *more, json_t **reply, struct err *e)
{
	char path[600], *escaped = rest_escape(lot);

	snprintf(path, sizeof path, "%s?lot=%.200s%s", base, escaped, more);
	free(escaped);
	return rest_call(r, "GET", path, NULL, reply, e);
}

/* All units of the lot, page by page. */
static enum err_code get_units(struct rest *r, const char *lot, json_t **units,
			       struct err *e)
{
	char more[300] = "";
	enum err_code rc;
	json_t *page;

	*units = json_array();
	for (;;) {
		const char *next;

		rc = get(r, "/units", lot, more, &page, e);
		if (rc)
			return rc;
		json_array_extend(*units, json_object_get(page, "units"));
		next = json_string_value(json_object_get(page, "next"));
		if (next) {
			char *escaped = rest_escape(next);

			snprintf(more, sizeof more, "&cursor=%.250s", escaped);
			free(escaped);
		}
		json_decref(page);
		if (!next)
			return ERR_OK;
	}
}

static size_t count_outcome(const json_t *units, const char *outcome)
{
	const json_t *u;
	size_t i, n = 0;

	json_array_foreach (units, i, u) {
		const char *o =
			json_string_value(json_object_get(u, "outcome"));

		n += o && strcmp(o, outcome) == 0;
	}
	return n;
}

/* The members of the contract, out of the controller's richer row. */
static json_t *unit_rows(const json_t *units)
{
	static const char *const keys[][2] = {
		{"serial", "board_serial"},
		{"uid", "uid"},
		{"device_id", "device_id"},
		{"outcome", "outcome"},
		{"failure_code", "failure_code"},
		{"failure_step", "failure_step"},
		{"attempts", "attempts"},
	};
	json_t *rows = json_array(), *row, *value;
	const json_t *u;
	size_t i;

	json_array_foreach (units, i, u) {
		row = json_object();
		for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
			value = json_object_get(u, keys[k][1]);
			json_object_set(row, keys[k][0], value);
		}
		json_array_append_new(rows, row);
	}
	return rows;
}

enum err_code outputs_summary(struct rest *r, const char *lot, json_t **summary,
			      struct err *e)
{
	json_t *units = NULL, *yield = NULL, *ledger = NULL, *totals, *cycle;
	enum err_code rc = get_units(r, lot, &units, e);

	if (!rc)
		rc = get(r, "/reports/yield", lot, "&format=json", &yield, e);
	if (!rc)
		rc = get(r, "/ledger", lot, "", &ledger, e);
	if (rc)
		goto out;
	totals = json_object_get(yield, "totals");
	cycle = json_object_get(totals, "cycle_s");
	json_object_del(ledger, "lot");
	json_object_del(ledger, "gaps");
	*summary = json_pack("{ss sI sI sI sI sO sO sO sO so}", "lot", lot,
			     "boards", (json_int_t)json_array_size(units),
			     "passed", (json_int_t)count_outcome(units, "pass"),
			     "failed", (json_int_t)count_outcome(units, "fail"),
			     "indeterminate",
			     (json_int_t)count_outcome(units, "indeterminate"),
			     "fpy", json_object_get(totals, "fpy"), "uph",
			     json_object_get(totals, "uph"), "cycle_s", cycle,
			     "ledger", ledger, "units", unit_rows(units));
	if (!*summary)
		rc = err_set(e, ERR_MALFORMED,
			     "the controller's yield report lacks a figure");
out:
	json_decref(units);
	json_decref(yield);
	json_decref(ledger);
	return rc;
}

static enum err_code save(struct rest *r, const char *dir, const char *file,
			  const char *base, const char *lot, const char *more,
			  struct err *e)
{
	char path[600], to[PATH_MAX], *escaped = rest_escape(lot);

	snprintf(path, sizeof path, "%s?lot=%.200s%s", base, escaped, more);
	free(escaped);
	snprintf(to, sizeof to, "%s/%s", dir, file);
	return rest_save(r, path, to, e);
}

/* What each device holds. */
static enum err_code save_certificates(struct rest *r, const char *lot,
				       const char *dir, struct err *e)
{
	json_t *units = NULL;
	char path[PATH_MAX], file[64], from[64];
	enum err_code rc;
	const json_t *u;
	size_t i;

	snprintf(path, sizeof path, "%s/certificates", dir);
	rc = file_mkdir(path, 0755, e);
	if (!rc)
		rc = get_units(r, lot, &units, e);
	if (rc)
		goto out;
	json_array_foreach (units, i, u) {
		const char *uid = json_string_value(json_object_get(u, "uid"));
		const char *sha =
			json_string_value(json_object_get(u, "cert_sha256"));

		if (!uid || !sha || !sha[0])
			continue;
		snprintf(from, sizeof from, "/certificates/%.24s.pem", uid);
		snprintf(file, sizeof file, "certificates/%.24s.pem", uid);
		rc = save(r, dir, file, from, lot, "", e);
		if (rc)
			break;
	}
out:
	json_decref(units);
	return rc;
}

enum err_code outputs_save(struct rest *r, const char *lot, const char *dir,
			   const json_t *summary, struct err *e)
{
	static const struct {
		const char *file, *base, *more;
	} files[] = {
		{"traceability.csv", "/exports/traceability", "&format=csv"},
		{"attempts.csv", "/exports/attempts", "&format=csv"},
		{"traceability.jsonl", "/exports/traceability",
		 "&format=jsonl"},
		{"yield.csv", "/reports/yield", "&format=csv"},
		{"evidence.tar", "/exports/evidence", ""},
	};
	enum err_code rc = ERR_OK;
	char path[PATH_MAX], *text;

	for (size_t i = 0; i < sizeof files / sizeof files[0] && !rc; i++)
		rc = save(r, dir, files[i].file, files[i].base, lot,
			  files[i].more, e);
	if (!rc)
		rc = save_certificates(r, lot, dir, e);
	if (rc)
		return rc;
	text = json_dumps(summary, JSON_INDENT(2));
	snprintf(path, sizeof path, "%s/summary.json", dir);
	rc = file_write(path, text, strlen(text), 0644, e);
	free(text);
	return rc;
}

static const struct table_column failure_columns[] = {
	{"SERIAL", "serial", 0},
	{"UID", "uid", 0},
	{"OUTCOME", "outcome", 0},
	{"FAILURE", "failure_code", 0},
	{"STEP", "failure_step", 0},
	{"ATTEMPTS", "attempts", 0},
	{NULL, NULL, 0},
};

static void print_failures(FILE *f, const json_t *summary)
{
	json_t *rows = json_array(), *u;
	size_t i;

	json_array_foreach (json_object_get(summary, "units"), i, u) {
		const char *o =
			json_string_value(json_object_get(u, "outcome"));

		if (!o || strcmp(o, "pass") != 0)
			json_array_append(rows, u);
	}
	if (json_array_size(rows)) {
		fputc('\n', f);
		table_print(f, failure_columns, rows);
	}
	json_decref(rows);
}

static double real(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static json_int_t integer(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

enum err_code outputs_print(FILE *f, struct rest *r, const char *lot,
			    const json_t *summary, struct err *e)
{
	const json_t *ledger = json_object_get(summary, "ledger");
	const json_t *cycle = json_object_get(summary, "cycle_s");
	json_t *yield = NULL;
	enum err_code rc =
		get(r, "/reports/yield", lot, "&format=json", &yield, e);

	if (rc)
		return rc;
	fprintf(f, "\nYield of lot %s\n\n", lot);
	table_print(f, cli_yield_columns, json_object_get(yield, "rows"));
	json_decref(yield);
	print_failures(f, summary);
	fprintf(f,
		"\n%lld boards: %lld passed, %lld failed, %lld indeterminate; "
		"FPY %.1f %%, %.0f units/h, cycle median %.2f s, p95 %.2f s\n",
		(long long)integer(summary, "boards"),
		(long long)integer(summary, "passed"),
		(long long)integer(summary, "failed"),
		(long long)integer(summary, "indeterminate"),
		100 * real(summary, "fpy"), real(summary, "uph"),
		real(cycle, "median"), real(cycle, "p95"));
	fprintf(f,
		"Ledger: cards %lld -> %lld, %lld licences, %lld units, %lld "
		"certificates: %s\n",
		(long long)integer(ledger, "card_start"),
		(long long)integer(ledger, "card_end"),
		(long long)integer(ledger, "licences"),
		(long long)integer(ledger, "units"),
		(long long)integer(ledger, "certificates"),
		json_is_true(json_object_get(ledger, "balanced"))
			? "balanced"
			: "NOT BALANCED");
	return ERR_OK;
}

static const json_t *find_unit(const json_t *summary, const char *serial)
{
	const json_t *u;
	size_t i;

	json_array_foreach (json_object_get(summary, "units"), i, u) {
		const char *s = json_string_value(json_object_get(u, "serial"));

		if (s && strcmp(s, serial) == 0)
			return u;
	}
	return NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

enum err_code outputs_judge(FILE *f, const struct scenario *s,
			    const json_t *summary, struct err *e)
{
	const json_t *ledger = json_object_get(summary, "ledger");
	size_t wrong = 0;

	for (size_t i = 0; i < s->count; i++) {
		const struct scenario_board *b = &s->boards[i];
		const json_t *u = find_unit(summary, b->serial);
		const char *outcome = u ? text_of(u, "outcome") : "no record";
		const char *code = u ? text_of(u, "failure_code") : "";

		if (u && scenario_expected(b, outcome, code))
			continue;
		fprintf(f, "%s: expected %s, ended as %s %s\n", b->serial,
			scenario_expectation(b), outcome, code);
		wrong++;
	}
	if (wrong)
		return err_set(e, ERR_FAILED,
			       "%zu of %zu boards did not end as the scenario "
			       "says",
			       wrong, s->count);
	if (!json_is_true(json_object_get(ledger, "balanced")))
		return err_set(e, ERR_INTEGRITY, "the ledger does not balance");
	return ERR_OK;
}
