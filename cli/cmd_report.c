/* report, export, evidence: what leaves the factory. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

enum { OPT_LOT = 1000, OPT_FORMAT, OPT_OUTPUT };

struct report_options {
	const char *lot, *format, *output;
};

static enum err_code take_option(void *arg, int val, const char *value,
				 struct err *e)
{
	struct report_options *o = arg;

	(void)e;
	if (val == OPT_LOT)
		o->lot = value;
	else if (val == OPT_FORMAT)
		o->format = value;
	else
		o->output = value;
	return ERR_OK;
}

static enum err_code options(struct cli *c, int argc, char **argv,
			     struct report_options *o, struct err *e)
{
	static const struct option own[] = {
		{"lot", required_argument, NULL, OPT_LOT},
		{"format", required_argument, NULL, OPT_FORMAT},
		{"output", required_argument, NULL, OPT_OUTPUT},
		{0}};
	enum err_code rc;
	int first;

	rc = cli_options(c, argc, argv, own, take_option, o, &first, e);
	if (rc)
		return rc;
	if (first != argc)
		return err_set(e, ERR_USAGE, "\"%s\" is one word too many",
			       argv[first]);
	if (!o->lot)
		return err_set(e, ERR_USAGE, "give --lot LOT");
	return cli_connect(c, e);
}

static enum err_code save(struct cli *c, const char *base,
			  const struct report_options *o, struct err *e)
{
	char path[400];
	char *lot = rest_escape(o->lot);
	char *format = rest_escape(o->format ? o->format : "");
	enum err_code rc;

	snprintf(path, sizeof path, "%s?lot=%.200s%s%.20s", base, lot,
		 o->format ? "&format=" : "", format);
	rc = rest_save(c->rest, path, o->output, e);
	free(lot);
	free(format);
	return rc;
}

static enum err_code one_of(const char *format, const char *a, const char *b,
			    struct err *e)
{
	if (strcmp(format, a) == 0 || strcmp(format, b) == 0)
		return ERR_OK;
	return err_set(e, ERR_USAGE, "--format \"%s\": it is %s or %s here",
		       format, a, b);
}

const struct table_column cli_yield_columns[] = {
	{"STATION", "station", 0}, {"STEP", "step", 0},
	{"ENTERED", "entered", 0}, {"FAILED", "failed", 0},
	{"YIELD", "yield", 3},	   {NULL, NULL, 0},
};

static const struct table_column total_columns[] = {
	{"UNITS", "units", 0},	     {"PASSED", "passed", 0},
	{"FPY", "fpy", 3},	     {"RTY", "rty", 3},
	{"UPH", "uph", 1},	     {"CYCLE MEDIAN S", "cycle_s.median", 1},
	{"P95 S", "cycle_s.p95", 1}, {NULL, NULL, 0},
};

static enum err_code print_yield(struct cli *c, const char *lot, struct err *e)
{
	char path[300], *escaped = rest_escape(lot);
	json_t *reply = NULL, *totals;
	enum err_code rc;

	snprintf(path, sizeof path, "/reports/yield?lot=%.200s&format=json",
		 escaped);
	free(escaped);
	rc = rest_call(c->rest, "GET", path, NULL, &reply, e);
	if (rc)
		return rc;
	table_print(stdout, cli_yield_columns, json_object_get(reply, "rows"));
	putchar('\n');
	totals = json_pack("[O]", json_object_get(reply, "totals"));
	table_print(stdout, total_columns, totals);
	json_decref(totals);
	json_decref(reply);
	return rc;
}

enum err_code cmd_report_yield(struct cli *c, int argc, char **argv,
			       struct err *e)
{
	struct report_options o = {0};
	enum err_code rc = options(c, argc, argv, &o, e);

	if (rc)
		return rc;
	if (c->json && !o.format)
		o.format = "json";
	if (!o.format && !o.output)
		return print_yield(c, o.lot, e);
	if (!o.format)
		o.format = "csv";
	rc = one_of(o.format, "csv", "json", e);
	return rc ? rc : save(c, "/reports/yield", &o, e);
}

static enum err_code export_rows(struct cli *c, int argc, char **argv,
				 const char *path, struct err *e)
{
	struct report_options o = {0};
	enum err_code rc = options(c, argc, argv, &o, e);

	if (rc)
		return rc;
	if (!o.format)
		o.format = c->json ? "jsonl" : "csv";
	rc = one_of(o.format, "csv", "jsonl", e);
	return rc ? rc : save(c, path, &o, e);
}

enum err_code cmd_export_traceability(struct cli *c, int argc, char **argv,
				      struct err *e)
{
	return export_rows(c, argc, argv, "/exports/traceability", e);
}

enum err_code cmd_export_attempts(struct cli *c, int argc, char **argv,
				  struct err *e)
{
	return export_rows(c, argc, argv, "/exports/attempts", e);
}

enum err_code cmd_evidence_export(struct cli *c, int argc, char **argv,
				  struct err *e)
{
	struct report_options o = {0};
	enum err_code rc = options(c, argc, argv, &o, e);

	if (rc)
		return rc;
	if (!o.output)
		return err_set(e, ERR_USAGE, "give --output FILE.tar");
	return save(c, "/exports/evidence", &o, e);
}
