#include "proto/rules.h"

#include <string.h>

static const struct {
	const char *name;
	bool irreversible;
} steps[] = {
#define STEP(name, text, irreversible, what) {text, irreversible},
#include "proto/steps.def"
#undef STEP
};

static const struct {
	const char *code;
	enum step step;
	const char *text;
	const char *hint;
} failures[] = {
	{"", STEP_DETECT, "no failure", ""},
#define FAILURE(name, code, step, what, hint) {code, STEP_##step, what, hint},
#include "proto/failures.def"
#undef FAILURE
};

static const char *const outcomes[] = {"pass", "fail", "indeterminate"};

const char *step_name(enum step s)
{
	return (unsigned)s < STEP_COUNT ? steps[s].name : "";
}

bool step_irreversible(enum step s)
{
	return (unsigned)s < STEP_COUNT && steps[s].irreversible;
}

bool step_parse(const char *name, enum step *s)
{
	for (int i = 0; i < STEP_COUNT; i++) {
		if (strcmp(steps[i].name, name) == 0) {
			*s = (enum step)i;
			return true;
		}
	}
	return false;
}

const char *failure_code(enum failure f)
{
	return (unsigned)f < FAILURE_COUNT ? failures[f].code : "";
}

enum step failure_step(enum failure f)
{
	return (unsigned)f < FAILURE_COUNT ? failures[f].step : STEP_DETECT;
}

const char *failure_text(enum failure f)
{
	return (unsigned)f < FAILURE_COUNT ? failures[f].text : "";
}

const char *failure_hint(enum failure f)
{
	return (unsigned)f < FAILURE_COUNT ? failures[f].hint : "";
}

bool failure_parse(const char *code, enum failure *f)
{
	for (int i = 1; i < FAILURE_COUNT; i++) {
		if (strcmp(failures[i].code, code) == 0) {
			*f = (enum failure)i;
			return true;
		}
	}
	return false;
}

const char *outcome_name(enum outcome o)
{
	return (unsigned)o < 3 ? outcomes[o] : "indeterminate";
}

bool outcome_parse(const char *name, enum outcome *o)
{
	for (int i = 0; i < 3; i++) {
		if (strcmp(outcomes[i], name) == 0) {
			*o = (enum outcome)i;
			return true;
		}
	}
	return false;
}
