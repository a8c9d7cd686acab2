/* What the demo leaves behind in --out, and what it prints at the end: all of
 * it asked from the controller over REST, as any customer would. */
#ifndef CLI_DEMO_OUTPUTS_H
#define CLI_DEMO_OUTPUTS_H

#include "cli/demo/scenario.h"
#include "cli/rest.h"

#include <jansson.h>
#include <stdio.h>

/* summary.json's content (contracts: provline demo): a new object.
 * wall_s: how long the lot ran. */
enum err_code outputs_summary(struct rest *r, const char *lot, json_t **summary,
			      struct err *e);

/* traceability.csv, traceability.jsonl, yield.csv, evidence.tar,
 * certificates/UID.pem, summary.json. */
enum err_code outputs_save(struct rest *r, const char *lot, const char *dir,
			   const json_t *summary, struct err *e);

/* Yield table, ledger, failures. */
enum err_code outputs_print(FILE *f, struct rest *r, const char *lot,
			    const json_t *summary, struct err *e);

/* Did every board end as its scenario says, and does the ledger balance?
 * ERR_FAILED names the first board that did not; all are printed on f. */
enum err_code outputs_judge(FILE *f, const struct scenario *s,
			    const json_t *summary, struct err *e);

#endif
