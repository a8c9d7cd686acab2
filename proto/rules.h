/* The shared vocabulary as enums and names, from steps.def and failures.def,
 * with the few small enums that need no table file. */
#ifndef PROTO_RULES_H
#define PROTO_RULES_H

#include <stdbool.h>

enum step {
#define STEP(name, text, irreversible, what) STEP_##name,
#include "proto/steps.def"
#undef STEP
	STEP_COUNT
};

enum failure {
	FAILURE_NONE,
#define FAILURE(name, code, step, what, hint) FAILURE_##name,
#include "proto/failures.def"
#undef FAILURE
	FAILURE_COUNT
};

/* Everything that is not clearly one of the first two is indeterminate. */
enum outcome { OUTCOME_PASS, OUTCOME_FAIL, OUTCOME_INDETERMINATE };

const char *step_name(enum step s);
bool step_irreversible(enum step s);
bool step_parse(const char *name, enum step *s);

const char *failure_code(enum failure f); /* "" for FAILURE_NONE */
enum step failure_step(enum failure f);
const char *failure_text(enum failure f);
const char *failure_hint(enum failure f);
bool failure_parse(const char *code, enum failure *f);

const char *outcome_name(enum outcome o); /* pass, fail, indeterminate */
bool outcome_parse(const char *name, enum outcome *o);

#endif
