#include "controller/line/result.h"

#include <string.h>

bool step_state_parse(const char *name, enum step_state *s)
{
	static const char *const names[] = {"done", "skipped", "failed",
					    "unknown"};

	for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(names[i], name) == 0) {
			*s = (enum step_state)i;
			return true;
		}
	}
	return false;
}

/* Steps that a pass needs even when the unit came in locked: the rest an
 * earlier attempt did, and the certificate and licence recorded here show
 * it. */
static bool needed_when_resumed(enum step s)
{
	return s == STEP_IDENTIFY || s == STEP_PERMIT || s == STEP_APP_TEST ||
	       s == STEP_APP_INSTALL;
}

/* A step that only an earlier attempt can have seen. */
static bool skipped_unseen(const struct result_facts *f,
			   const struct result_step *s)
{
	return s->step == STEP_APP_TEST && s->state == STEP_SKIPPED &&
	       !(f->resumed && f->app_tested);
}

static bool steps_bear_out(const struct result_facts *f)
{
	bool seen[STEP_COUNT] = {false};

	for (size_t i = 0; i < f->steps_n; i++) {
		enum step_state state = f->steps[i].state;

		if (f->steps[i].step == STEP_RECORD)
			continue; /* ends with our answer */
		if (state != STEP_DONE && state != STEP_SKIPPED)
			return false;
		if (skipped_unseen(f, &f->steps[i]))
			return false;
		seen[f->steps[i].step] = true;
	}
	for (int s = 0; s < STEP_RECORD; s++) {
		bool needed = !f->resumed || needed_when_resumed((enum step)s);

		if (needed && !seen[s])
			return false;
	}
	return true;
}

static const char *what_is_missing(const struct result_facts *f)
{
	if (!f->permitted)
		return "no permit with this fencing number";
	if (!f->newest)
		return "stale: a later permit of this unit exists";
	if (!f->device_id_ok)
		return "the device ID is not the UID's";
	if (!f->image_is_lots)
		return "another image than the lot's";
	if (f->nor_known ? !f->nor_is_image : !f->resumed)
		return "the SPI flash was not read back as the image";
	if (!f->licence)
		return "no such licence is recorded for this unit";
	if (!f->certificate)
		return "no such certificate is recorded for this unit";
	if (f->app_test_status != 0)
		return "the application test did not end with 0";
	if (!steps_bear_out(f))
		return "not every step was done";
	return "";
}

enum outcome result_judge(const struct result_facts *f, const char **why)
{
	*why = "";
	if (f->outcome != OUTCOME_PASS)
		return f->outcome;
	*why = what_is_missing(f);
	return **why ? OUTCOME_INDETERMINATE : OUTCOME_PASS;
}

const char *result_disposition(enum outcome o, enum failure f,
			       bool attempts_left)
{
	if (o == OUTCOME_PASS)
		return "good";
	if (o == OUTCOME_INDETERMINATE)
		return "quarantine";
	switch (f) {
	case FAILURE_FOREIGN_CHIP:
	case FAILURE_RDP_LOCKED:
	case FAILURE_CHIP_CERTIFICATE:
	case FAILURE_IDENTITY_WRONG:
	case FAILURE_CSR_INVALID:
		return "quarantine";
	case FAILURE_PROVISIONED:
		return "good";
	default:
		return attempts_left ? "rework" : "scrap";
	}
}

enum err_code result_check(enum outcome o, enum failure failure,
			   int64_t started_ms, int64_t finished_ms,
			   struct err *e)
{
	if (o == OUTCOME_PASS && failure != FAILURE_NONE)
		return err_set(e, ERR_MALFORMED, "a pass with failure code %s",
			       failure_code(failure));
	if (o == OUTCOME_FAIL && failure == FAILURE_NONE)
		return err_set(e, ERR_MALFORMED,
			       "a failure without failure code");
	/* The station's wall clock may jump; records are ordered by their
	 * sequence. Only nonsense is refused: before 2020 there was no line. */
	if (started_ms < 0 || finished_ms < 0)
		return err_set(e, ERR_MALFORMED, "a time before 1970");
	return ERR_OK;
}

enum err_code result_check_account(uint64_t cycle_ms, uint64_t sum_ms,
				   int64_t rest_ms, struct err *e)
{
	if ((int64_t)sum_ms + rest_ms == (int64_t)cycle_ms)
		return ERR_OK;
	return err_set(e, ERR_MALFORMED,
		       "the account of the time is not that of %llu ms",
		       (unsigned long long)cycle_ms);
}
