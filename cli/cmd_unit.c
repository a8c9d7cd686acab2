/* unit show: one unit, its attempts, and where the time of each went. */
#include "cli/cli.h"

#include <stdlib.h>

static const struct table_column unit_facts[] = {
	{"LOT", "lot", 0},
	{"BOARD", "board_serial", 0},
	{"UID", "uid", 0},
	{"DEVICE ID", "device_id", 0},
	{"OUTCOME", "outcome", 0},
	{"FAILURE", "failure_code", 0},
	{"DISPOSITION", "disposition", 0},
	{NULL, NULL, 0},
};

static const struct table_column attempt_facts[] = {
	{"ATTEMPT", "attempt_no", 0},
	{"OUTCOME", "outcome", 0},
	{"FAILURE", "failure_code", 0},
	{"IN STEP", "failure_step", 0},
	{"STATION", "station", 0},
	{"HARNESS", "harness", 0},
	{"STARTED", "started_at", 0},
	{"CYCLE S", "cycle_s", 1},
	{NULL, NULL, 0},
};

static const struct table_column account_columns[] = {
	{"MS", "ms", 0},
	{"%", "percent", 1},
	{"TIME", "what", 0},
	{NULL, NULL, 0},
};

static const struct {
	const char *name, *what;
} account_rows[] = {
#define ACCOUNT(name, what) {#name, what},
#include "proto/account.def"
#undef ACCOUNT
	{"rest_ms", "the rest; below 0: done at the same time"},
};

static void add_row(json_t *rows, size_t i, const json_t *account,
		    double cycle_ms)
{
	const json_t *ms = json_object_get(account, account_rows[i].name);
	double share = 0;

	if (!json_is_integer(ms) || json_integer_value(ms) == 0)
		return;
	if (cycle_ms > 0)
		share = 100.0 * (double)json_integer_value(ms) / cycle_ms;
	json_array_append_new(rows,
			      json_pack("{s:I,s:f,s:s}", "ms",
					json_integer_value(ms), "percent",
					share, "what", account_rows[i].what));
}

/* Rows without time are left out. */
static void print_account(const json_t *attempt)
{
	const json_t *account = json_object_get(attempt, "account");
	double cycle_ms =
		1000 * json_number_value(json_object_get(attempt, "cycle_s"));
	json_t *rows = json_array();

	for (size_t i = 0; i < sizeof account_rows / sizeof *account_rows; i++)
		add_row(rows, i, account, cycle_ms);
	if (json_array_size(rows) > 0)
		table_print(stdout, account_columns, rows);
	json_decref(rows);
}

/* A line for a terminal: whoever wrote it. */
static void print_text(const char *text)
{
	if (text == NULL || *text == '\0')
		return;
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		putchar(*p < 0x20 || *p == 0x7f || *p == 0xc2 ? '?' : *p);
	putchar('\n');
}

/* Its place in the unit's history, where and how it ended, and why. An attempt
 * that was refused its permit has no number. */
static void print_attempt(const json_t *attempt)
{
	json_t *shown = json_copy((json_t *)attempt); /* flat */
	json_t *one = json_pack("[O]", shown);
	const char *text =
		json_string_value(json_object_get(attempt, "failure_text"));

	if (json_integer_value(json_object_get(attempt, "attempt_no")) == 0)
		json_object_set_new(shown, "attempt_no", json_string("-"));
	table_print(stdout, attempt_facts, one);
	print_text(text);
	json_decref(one);
	json_decref(shown);
	print_account(attempt);
}

static void print_unit(json_t *unit)
{
	json_t *one = json_pack("[O]", unit), *attempt;
	size_t i;

	table_print(stdout, unit_facts, one);
	json_decref(one);
	json_array_foreach (json_object_get(unit, "history"), i, attempt) {
		putchar('\n');
		print_attempt(attempt);
	}
}

enum err_code cmd_unit_show(struct cli *c, int argc, char **argv, struct err *e)
{
	json_t *unit = NULL;
	char path[300], *escaped;
	enum err_code rc;
	int first;

	rc = cli_options(c, argc, argv, NULL, NULL, NULL, &first, e);
	if (!rc && first + 1 != argc)
		rc = err_set(e, ERR_USAGE, "give one UID or board serial");
	if (!rc)
		rc = cli_connect(c, e);
	if (rc)
		return rc;
	escaped = rest_escape(argv[first]);
	snprintf(path, sizeof path, "/units/%.200s", escaped);
	free(escaped);
	rc = rest_call(c->rest, "GET", path, NULL, &unit, e);
	if (!rc && c->json)
		cli_print_json(unit);
	else if (!rc)
		print_unit(unit);
	json_decref(unit);
	return rc;
}
