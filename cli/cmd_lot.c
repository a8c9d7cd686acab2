/* lot ..., assign, status, unit ..., ledger: what the manager asks. */
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>

static const struct table_column lot_columns[] = {
	{"LOT", "lot", 0},
	{"PRODUCT", "product", 0},
	{"STATE", "state", 0},
	{"QUANTITY", "quantity", 0},
	{"PASSED", "counts.passed", 0},
	{"FAILED", "counts.failed", 0},
	{"INDETERMINATE", "counts.indeterminate", 0},
	{"RUNNING", "counts.in_progress", 0},
	{"ATTEMPTS", "counts.attempts", 0},
	{"QUOTA LEFT", "quota_left", 0},
	{NULL, NULL, 0},
};

static const struct table_column unit_columns[] = {
	{"UID", "uid", 0},
	{"DEVICE ID", "device_id", 0},
	{"SERIAL", "board_serial", 0},
	{"OUTCOME", "outcome", 0},
	{"FAILURE", "failure_code", 0},
	{"STEP", "failure_step", 0},
	{"ATTEMPTS", "attempts", 0},
	{NULL, NULL, 0},
};

/* One thing as a table of one row, or as JSON. */
static void print_one(const struct cli *c, const struct table_column *columns,
		      const json_t *thing)
{
	json_t *rows;

	if (c->json) {
		cli_print_json(thing);
		return;
	}
	rows = json_pack("[O]", thing);
	table_print(stdout, columns, rows);
	json_decref(rows);
}

static enum err_code take_none(void *arg, int val, const char *value,
			       struct err *e)
{
	(void)arg, (void)val, (void)value;
	return err_set(e, ERR_BUG, "no such option");
}

/* The one word that commands about one thing take. */
static enum err_code one_word(struct cli *c, int argc, char **argv,
			      const char *what, char **word, struct err *e)
{
	int first;
	enum err_code rc =
		cli_options(c, argc, argv, NULL, take_none, NULL, &first, e);

	if (rc)
		return rc;
	if (first + 1 != argc)
		return err_set(e, ERR_USAGE, "give one %s", what);
	*word = argv[first];
	return cli_connect(c, e);
}

static enum err_code no_words(struct cli *c, int argc, char **argv,
			      struct err *e)
{
	int first;
	enum err_code rc =
		cli_options(c, argc, argv, NULL, take_none, NULL, &first, e);

	if (rc)
		return rc;
	if (first != argc)
		return err_set(e, ERR_USAGE, "\"%s\" is one word too many",
			       argv[first]);
	return cli_connect(c, e);
}

struct lot_options {
	const char *product, *image;
	long quantity, max_attempts;
};

enum {
	OPT_PRODUCT = 1000,
	OPT_IMAGE,
	OPT_QUANTITY,
	OPT_ATTEMPTS,
	OPT_LOT,
	OPT_CURSOR
};

static enum err_code take_lot_option(void *arg, int val, const char *value,
				     struct err *e)
{
	struct lot_options *o = arg;

	switch (val) {
	case OPT_PRODUCT:
		o->product = value;
		return ERR_OK;
	case OPT_IMAGE:
		o->image = value;
		return ERR_OK;
	case OPT_QUANTITY:
		return cli_number("--quantity", value, 1, 10000000,
				  &o->quantity, e);
	default:
		return cli_number("--max-attempts", value, 1, 100,
				  &o->max_attempts, e);
	}
}

enum err_code cmd_lot_create(struct cli *c, int argc, char **argv,
			     struct err *e)
{
	static const struct option own[] = {
		{"product", required_argument, NULL, OPT_PRODUCT},
		{"image", required_argument, NULL, OPT_IMAGE},
		{"quantity", required_argument, NULL, OPT_QUANTITY},
		{"max-attempts", required_argument, NULL, OPT_ATTEMPTS},
		{0}};
	struct lot_options o = {.max_attempts = 2};
	json_t *body, *lot = NULL;
	enum err_code rc;
	int first;

	rc = cli_options(c, argc, argv, own, take_lot_option, &o, &first, e);
	if (rc)
		return rc;
	if (first + 1 != argc || !o.product || !o.image || !o.quantity)
		return err_set(e, ERR_USAGE,
			       "give LOT, --product, --image and "
			       "--quantity");
	rc = cli_connect(c, e);
	if (rc)
		return rc;
	body = json_pack("{ss ss ss sI sI}", "lot", argv[first], "product",
			 o.product, "image_sha256", o.image, "quantity",
			 (json_int_t)o.quantity, "max_attempts",
			 (json_int_t)o.max_attempts);
	rc = rest_call(c->rest, "POST", "/lots", body, &lot, e);
	json_decref(body);
	if (!rc)
		print_one(c, lot_columns, lot);
	json_decref(lot);
	return rc;
}

static enum err_code lot_action(struct cli *c, int argc, char **argv,
				const char *method, const char *action,
				struct err *e)
{
	json_t *lot = NULL;
	char path[300], *word, *escaped;
	enum err_code rc = one_word(c, argc, argv, "lot", &word, e);

	if (rc)
		return rc;
	escaped = rest_escape(word);
	snprintf(path, sizeof path, "/lots/%.200s%s", escaped, action);
	rc = rest_call(c->rest, method, path, NULL, &lot, e);
	if (!rc)
		print_one(c, lot_columns, lot);
	json_decref(lot);
	free(escaped);
	return rc;
}

enum err_code cmd_lot_start(struct cli *c, int argc, char **argv, struct err *e)
{
	return lot_action(c, argc, argv, "POST", "/start", e);
}

enum err_code cmd_lot_pause(struct cli *c, int argc, char **argv, struct err *e)
{
	return lot_action(c, argc, argv, "POST", "/pause", e);
}

enum err_code cmd_lot_resume(struct cli *c, int argc, char **argv,
			     struct err *e)
{
	return lot_action(c, argc, argv, "POST", "/resume", e);
}

enum err_code cmd_lot_close(struct cli *c, int argc, char **argv, struct err *e)
{
	return lot_action(c, argc, argv, "POST", "/close", e);
}

enum err_code cmd_lot_show(struct cli *c, int argc, char **argv, struct err *e)
{
	return lot_action(c, argc, argv, "GET", "", e);
}

/* GET a listing and print its rows. */
static enum err_code list(struct cli *c, const char *path, const char *member,
			  const struct table_column *columns, struct err *e)
{
	json_t *reply = NULL;
	enum err_code rc = rest_call(c->rest, "GET", path, NULL, &reply, e);

	if (!rc && c->json)
		cli_print_json(reply);
	else if (!rc)
		table_print(stdout, columns, json_object_get(reply, member));
	json_decref(reply);
	return rc;
}

enum err_code cmd_lot_list(struct cli *c, int argc, char **argv, struct err *e)
{
	enum err_code rc = no_words(c, argc, argv, e);

	return rc ? rc : list(c, "/lots", "lots", lot_columns, e);
}

enum err_code cmd_assign(struct cli *c, int argc, char **argv, struct err *e)
{
	enum err_code rc;
	json_t *body;
	int first;

	rc = cli_options(c, argc, argv, NULL, take_none, NULL, &first, e);
	if (rc)
		return rc;
	if (argc - first < 2 || argc - first > 3)
		return err_set(e, ERR_USAGE,
			       "give LOT, STATION and, for one "
			       "harness only, HARNESS");
	rc = cli_connect(c, e);
	if (rc)
		return rc;
	body = json_pack("{ss ss ss}", "lot",
			 strcmp(argv[first], "-") ? argv[first] : "", "station",
			 argv[first + 1], "harness",
			 argc - first == 3 ? argv[first + 2] : "");
	rc = rest_call(c->rest, "POST", "/assignments", body, NULL, e);
	json_decref(body);
	return rc;
}

static enum err_code take_lot(void *arg, int val, const char *value,
			      struct err *e)
{
	(void)val, (void)e;
	*(const char **)arg = value;
	return ERR_OK;
}

/* "--lot LOT" and nothing else; path gets "?lot=" appended. */
static enum err_code lot_query(struct cli *c, int argc, char **argv,
			       const char *base, char *path, size_t path_size,
			       struct err *e)
{
	static const struct option own[] = {
		{"lot", required_argument, NULL, OPT_LOT}, {0}};
	const char *lot = NULL;
	char *escaped;
	enum err_code rc;
	int first;

	rc = cli_options(c, argc, argv, own, take_lot, &lot, &first, e);
	if (rc)
		return rc;
	if (first != argc || !lot)
		return err_set(e, ERR_USAGE, "give --lot LOT");
	escaped = rest_escape(lot);
	snprintf(path, path_size, "%s?lot=%.200s", base, escaped);
	free(escaped);
	return cli_connect(c, e);
}

/* Page by page, so that memory does not grow with the lot. */
enum err_code cmd_unit_list(struct cli *c, int argc, char **argv, struct err *e)
{
	char base[300], path[600];
	enum err_code rc =
		lot_query(c, argc, argv, "/units", base, sizeof base, e);
	const char *next;
	json_t *page;

	snprintf(path, sizeof path, "%s", base);
	while (!rc) {
		rc = rest_call(c->rest, "GET", path, NULL, &page, e);
		if (rc)
			break;
		if (c->json)
			cli_print_json(json_object_get(page, "units"));
		else
			table_print(stdout, unit_columns,
				    json_object_get(page, "units"));
		next = json_string_value(json_object_get(page, "next"));
		if (next) {
			char *escaped = rest_escape(next);

			snprintf(path, sizeof path, "%s&cursor=%.200s", base,
				 escaped);
			free(escaped);
		}
		json_decref(page);
		if (!next)
			break;
	}
	return rc;
}

enum err_code cmd_ledger_show(struct cli *c, int argc, char **argv,
			      struct err *e)
{
	static const struct table_column columns[] = {
		{"LOT", "lot", 0},
		{"CARDS BEFORE", "card_start", 0},
		{"CARDS NOW", "card_end", 0},
		{"LICENCES", "licences", 0},
		{"UNITS", "units", 0},
		{"CERTIFICATES", "certificates", 0},
		{"BALANCED", "balanced", 0},
		{NULL, NULL, 0},
	};
	json_t *ledger = NULL, *gap;
	char path[300];
	size_t i;
	enum err_code rc =
		lot_query(c, argc, argv, "/ledger", path, sizeof path, e);

	if (!rc)
		rc = rest_call(c->rest, "GET", path, NULL, &ledger, e);
	if (rc)
		return rc;
	print_one(c, columns, ledger);
	json_array_foreach (json_object_get(ledger, "gaps"), i, gap) {
		if (!c->json)
			printf("gap: %s\n", json_string_value(gap));
	}
	if (!json_is_true(json_object_get(ledger, "balanced")))
		rc = err_set(e, ERR_INTEGRITY,
			     "the ledger does not balance: %zu gaps",
			     json_array_size(json_object_get(ledger, "gaps")));
	json_decref(ledger);
	return rc;
}

static const struct table_column harness_columns[] = {
	{"STATION", "station", 0},	   {"STATE", "state", 0},
	{"HARNESS", "harness.harness", 0}, {"LOT", "harness.assigned_lot", 0},
	{"DOING", "harness.state", 0},	   {"STEP", "harness.step", 0},
	{"%", "harness.percent", 0},	   {"UNIT", "harness.uid", 0},
	{"NOTE", "harness.note", 0},	   {NULL, NULL, 0},
};

static const struct table_column card_columns[] = {
	{"STATION", "station", 0}, {"CARD", "card.card_serial", 0},
	{"FOR", "card.fwid", 0},   {"LEFT", "card.counter", 0},
	{"OF", "card.maximum", 0}, {"STATE", "card.state", 0},
	{NULL, NULL, 0},
};

/* Step and progress are those of the board last in the harness: shown while it
 * is there. */
static void forget_last_board(json_t *harness)
{
	const char *state =
		json_string_value(json_object_get(harness, "state"));

	if (state && strcmp(state, "empty") == 0) {
		json_object_del(harness, "step");
		json_object_del(harness, "percent");
	}
}

/* A row for each item of each station's list; a station without any still
 * gets one row. */
static json_t *rows_of(const json_t *stations, const char *list_name,
		       const char *item_name, bool keep_empty)
{
	json_t *rows = json_array(), *station, *item;
	size_t i, k;

	json_array_foreach (stations, i, station) {
		const json_t *items = json_object_get(station, list_name);

		json_array_foreach (items, k, item)
			json_array_append_new(
				rows,
				json_pack("{sO sO sO}", "station",
					  json_object_get(station, "station"),
					  "state",
					  json_object_get(station, "state"),
					  item_name, item));
		if (keep_empty && json_array_size(items) == 0)
			json_array_append(rows, station);
	}
	return rows;
}

static void print_stations(const json_t *stations)
{
	json_t *rows = rows_of(stations, "harnesses", "harness", true);
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row)
		forget_last_board(json_object_get(row, "harness"));
	table_print(stdout, harness_columns, rows);
	json_decref(rows);
	rows = rows_of(stations, "cards", "card", false);
	if (json_array_size(rows)) {
		putchar('\n');
		table_print(stdout, card_columns, rows);
	}
	json_decref(rows);
}

enum err_code cmd_station_list(struct cli *c, int argc, char **argv,
			       struct err *e)
{
	bool one = strcmp(argv[0], "show") == 0;
	json_t *reply = NULL, *stations, *station;
	char *word = NULL;
	enum err_code rc = one ? one_word(c, argc, argv, "station", &word, e)
			       : no_words(c, argc, argv, e);
	size_t i;

	if (!rc)
		rc = rest_call(c->rest, "GET", "/stations", NULL, &reply, e);
	if (rc)
		return rc;
	stations = json_array();
	json_array_foreach (json_object_get(reply, "stations"), i, station) {
		const char *name =
			json_string_value(json_object_get(station, "station"));

		if (!one || (name && strcmp(name, word) == 0))
			json_array_append(stations, station);
	}
	if (one && !json_array_size(stations))
		rc = err_set(e, ERR_NOT_FOUND, "there is no station \"%s\"",
			     word);
	else if (c->json)
		cli_print_json(one ? json_array_get(stations, 0) : stations);
	else
		print_stations(stations);
	json_decref(stations);
	json_decref(reply);
	return rc;
}

enum err_code cmd_station_enroll(struct cli *c, int argc, char **argv,
				 struct err *e)
{
	json_t *body, *reply = NULL;
	char *word;
	enum err_code rc = one_word(c, argc, argv, "station", &word, e);

	if (rc)
		return rc;
	body = json_pack("{ss}", "station", word);
	rc = rest_call(c->rest, "POST", "/stations", body, &reply, e);
	json_decref(body);
	if (!rc && c->json)
		cli_print_json(reply);
	else if (!rc)
		printf("On the station, before %s, run\n\n"
		       "  provline-agent --config FILE --enrol -\n\n"
		       "and give it this token, once:\n\n  %s.%s\n",
		       json_string_value(json_object_get(reply, "expires_at")),
		       json_string_value(json_object_get(reply, "token")),
		       json_string_value(json_object_get(reply, "ca_sha256")));
	json_decref(reply);
	return rc;
}

enum err_code cmd_station_revoke(struct cli *c, int argc, char **argv,
				 struct err *e)
{
	char path[300], *word, *escaped;
	enum err_code rc = one_word(c, argc, argv, "station", &word, e);

	if (rc)
		return rc;
	escaped = rest_escape(word);
	snprintf(path, sizeof path, "/stations/%.200s/revoke", escaped);
	rc = rest_call(c->rest, "POST", path, NULL, NULL, e);
	free(escaped);
	return rc;
}

enum err_code cmd_status(struct cli *c, int argc, char **argv, struct err *e)
{
	json_t *reply = NULL, *alarm;
	enum err_code rc = no_words(c, argc, argv, e);
	size_t i;

	if (!rc)
		rc = rest_call(c->rest, "GET", "/status", NULL, &reply, e);
	if (rc)
		return rc;
	if (c->json) {
		cli_print_json(reply);
	} else {
		json_array_foreach (json_object_get(reply, "alarms"), i, alarm)
			printf("ALARM %s\n", json_string_value(json_object_get(
						     alarm, "text")));
		table_print(stdout, lot_columns,
			    json_object_get(reply, "lots"));
		putchar('\n');
		print_stations(json_object_get(reply, "stations"));
	}
	json_decref(reply);
	return rc;
}
