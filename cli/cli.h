/* What every command of `provline` shares: its options, the connection to the
 * controller, and how it reports. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/rest.h"
#include "cli/table.h"
#include "proto/base/err.h"

#include <getopt.h>
#include <stdbool.h>

/* Options that all commands take. */
struct cli {
	const char *url, *token_path, *ca_path;
	bool json;
	struct rest *rest; /* see cli_connect() */
};

/* A command: argv[0] is its last word. Returns an error to be printed; usage
 * errors print nothing themselves. */
typedef enum err_code cli_run_fn(struct cli *c, int argc, char **argv,
				 struct err *e);

struct cli_command {
	const char *words; /* "lot create" */
	const char *args;  /* "ID --image SHA256 ..." for the usage line */
	const char *what;  /* one line */
	const char *help;  /* the options, a line each, may be "" */
	cli_run_fn *run;
};

extern const struct cli_command cli_commands[]; /* ends with NULL words */

/* Parse options shared by all commands and those in `own` (terminated by
 * a zeroed option; val >= 1000 so that they cannot collide, or a letter, which
 * then is the short form). For each own
 * option the callback gets its val and argument. Stops at "--". The rest of
 * argv, in order, begins at *first. --help prints the command's help and
 * exits 0. */
typedef enum err_code cli_option_fn(void *arg, int val, const char *value,
				    struct err *e);
enum err_code cli_options(struct cli *c, int argc, char **argv,
			  const struct option *own, cli_option_fn *fn,
			  void *arg, int *first, struct err *e);

/* Connect as told by options or environment (PROVLINE_URL, PROVLINE_TOKEN_FILE,
 * PROVLINE_CA). Fills c->rest. */
enum err_code cli_connect(struct cli *c, struct err *e);

/* A whole decimal number within limits. ERR_USAGE names the option. */
enum err_code cli_number(const char *option, const char *text, long min,
			 long max, long *value, struct err *e);

/* json on stdout, indented, with a newline. */
void cli_print_json(const json_t *j);

/* Rows of the yield report, as `report yield` and the demo show them. */
extern const struct table_column cli_yield_columns[];

/* The commands, by family. */
cli_run_fn cmd_init, cmd_station_enroll, cmd_station_list, cmd_station_revoke,
	cmd_image_build, cmd_image_inspect, cmd_image_verify, cmd_image_diff,
	cmd_image_extract, cmd_image_import, cmd_image_list, cmd_image_approve,
	cmd_image_retire, cmd_user_add, cmd_bundle_build, cmd_bundle_inspect,
	cmd_bundle_verify, cmd_keys_new, cmd_keys_show, cmd_card_personalise,
	cmd_card_inspect, cmd_lot_create, cmd_lot_start, cmd_lot_pause,
	cmd_lot_resume, cmd_lot_close, cmd_lot_show, cmd_lot_list, cmd_assign,
	cmd_status, cmd_unit_show, cmd_unit_list, cmd_ledger_show,
	cmd_report_yield, cmd_export_traceability, cmd_export_attempts,
	cmd_evidence_export, cmd_evidence_verify, cmd_demo;

#endif
