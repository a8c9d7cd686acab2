/* What is believed of a reported result. Pure. "Unknown" never becomes a
 * pass: a reported pass that the record does not bear out is recorded as
 * indeterminate. */
#ifndef CONTROLLER_LINE_RESULT_H
#define CONTROLLER_LINE_RESULT_H

#include "proto/base/err.h"
#include "proto/rules.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum step_state { STEP_DONE, STEP_SKIPPED, STEP_FAILED, STEP_UNKNOWN };

bool step_state_parse(const char *name, enum step_state *s);

struct result_step {
	enum step step;
	enum step_state state;
};

struct result_facts {
	/* as reported */
	enum outcome outcome;
	enum failure failure; /* FAILURE_NONE on pass */
	int64_t app_test_status;
	bool image_is_lots; /* image_sha256 is the lot's */
	bool nor_known;	    /* a read-back hash was reported */
	bool nor_is_image;  /* and it is the image's */
	const struct result_step *steps;
	size_t steps_n;
	/* as recorded here before */
	bool permitted;	   /* the attempt has a permit with this fence */
	bool newest;	   /* no later permit of the unit exists */
	bool resumed;	   /* the permit was for a resumed unit */
	bool licence;	   /* this licence is recorded for this unit */
	bool certificate;  /* this certificate is recorded for this unit */
	bool device_id_ok; /* the one derived from the UID */
	bool app_tested;   /* an earlier attempt saw the application test end
			    * with 0: this one may have skipped it */
};

/* The outcome to record. When it is not the reported one, why (borrowed,
 * constant) says why; else it is set to "". */
enum outcome result_judge(const struct result_facts *f, const char **why);

/* good, rework, scrap or quarantine: what becomes of the unit after an attempt
 * that ended so. */
const char *result_disposition(enum outcome o, enum failure f,
			       bool attempts_left);

/* ERR_MALFORMED when the parts of a report contradict each other: a pass with
 * a failure, a failure without, times that run backwards. */
enum err_code result_check(enum outcome o, enum failure failure,
			   int64_t started_ms, int64_t finished_ms,
			   struct err *e);

/* ERR_MALFORMED when the account of the time does not add up to the cycle:
 * sum_ms of its rows and rest_ms, all within the ranges of the message. */
enum err_code result_check_account(uint64_t cycle_ms, uint64_t sum_ms,
				   int64_t rest_ms, struct err *e);

#endif
