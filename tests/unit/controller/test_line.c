/* The rules of the line, each by its boundary. */
#include "controller/line/ledger.h"
#include "controller/line/lot.h"
#include "controller/line/permit.h"
#include "controller/line/release.h"
#include "controller/line/result.h"
#include "controller/line/yield.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

/* ---- lots ---- */

static void only_the_listed_moves_exist(void **state)
{
	static const struct {
		enum lot_state from, to;
		enum lot_move move;
	} yes[] = {{LOT_RELEASED, LOT_RUNNING, LOT_START},
		   {LOT_RUNNING, LOT_PAUSED, LOT_PAUSE},
		   {LOT_PAUSED, LOT_RUNNING, LOT_RESUME},
		   {LOT_RUNNING, LOT_CLOSED, LOT_CLOSE},
		   {LOT_PAUSED, LOT_CLOSED, LOT_CLOSE},
		   {LOT_CLOSING, LOT_CLOSED, LOT_CLOSE}};
	unsigned allowed = 0;

	(void)state;
	for (unsigned from = 0; from < LOT_STATE_COUNT; from++) {
		for (unsigned move = LOT_START; move <= LOT_CLOSE; move++) {
			enum lot_state to;

			allowed += lot_move((enum lot_state)from,
					    (enum lot_move)move, &to,
					    NULL) == ERR_OK;
		}
	}
	assert_int_equal(allowed, sizeof yes / sizeof *yes);
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
		enum lot_state to;

		assert_int_equal(lot_move(yes[i].from, yes[i].move, &to, NULL),
				 ERR_OK);
		assert_int_equal(to, yes[i].to);
	}
}

static void closing_names_everything_missing(void **state)
{
	struct lot_close_facts f = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(lot_close_check(&f, &e), ERR_OK);
	f.in_progress = 2;
	f.spooled = 3;
	f.gaps = 1;
	f.first_gap = "card X";
	assert_int_equal(lot_close_check(&f, &e), ERR_STATE);
	assert_non_null(strstr(e.text, "2 units"));
	assert_non_null(strstr(e.text, "3 results"));
	assert_non_null(strstr(e.text, "card X"));
}

static void states_have_names(void **state)
{
	enum lot_state lot;
	enum step_state step;

	(void)state;
	for (unsigned i = 0; i < LOT_STATE_COUNT; i++) {
		assert_true(lot_state_parse(lot_state_name((enum lot_state)i),
					    &lot));
		assert_int_equal(lot, i);
	}
	assert_string_equal(lot_state_name(LOT_STATE_COUNT), "");
	assert_false(lot_state_parse("", &lot));
	assert_true(step_state_parse("done", &step));
	assert_int_equal(step, STEP_DONE);
	assert_true(step_state_parse("unknown", &step));
	assert_int_equal(step, STEP_UNKNOWN);
	assert_false(step_state_parse("pass", &step));
}

static void names_and_limits(void **state)
{
	(void)state;
	assert_true(lot_name_ok("A17.b_c-9"));
	assert_true(lot_name_ok("A"));
	assert_true(lot_name_ok("0123456789012345678901234567890."));
	assert_false(lot_name_ok("0123456789012345678901234567890.1"));
	assert_false(lot_name_ok(""));
	assert_false(lot_name_ok(".a"));
	assert_false(lot_name_ok("-a"));
	assert_false(lot_name_ok("../x"));
	assert_false(lot_name_ok("a b"));
	assert_int_equal(lot_limits_check(1, 1, NULL), ERR_OK);
	assert_int_equal(lot_limits_check(1000000, 10, NULL), ERR_OK);
	assert_int_equal(lot_limits_check(0, 1, NULL), ERR_INPUT);
	assert_int_equal(lot_limits_check(1000001, 1, NULL), ERR_INPUT);
	assert_int_equal(lot_limits_check(1, 0, NULL), ERR_INPUT);
	assert_int_equal(lot_limits_check(1, 11, NULL), ERR_INPUT);
}

/* ---- permits ---- */

static struct permit_facts new_unit(void)
{
	return (struct permit_facts){.lot_state = LOT_RUNNING,
				     .quantity = 10,
				     .max_attempts = 2,
				     .assigned = true,
				     .dev_id = PERMIT_DEV_ID};
}

static enum err_code decide(const struct permit_facts *f)
{
	struct permit_verdict v;

	return permit_decide(f, &v, NULL);
}

static void a_new_unit_needs_quota(void **state)
{
	struct permit_facts f = new_unit();

	(void)state;
	f.admitted = 9;
	assert_int_equal(decide(&f), ERR_OK);
	f.admitted = 10;
	assert_int_equal(decide(&f), ERR_QUOTA);
	f.unit_admitted = true; /* has its place already */
	assert_int_equal(decide(&f), ERR_OK);
}

static void refusals_of_a_permit(void **state)
{
	struct permit_facts f = new_unit();
	struct permit_verdict v;
	struct err e;

	(void)state;
	f.dev_id = 0x481;
	assert_int_equal(decide(&f), ERR_REFUSED);
	f.dev_id = 0; /* unreadable is only fine for a known, locked one */
	assert_int_equal(decide(&f), ERR_REFUSED);
	f.resumed = true;
	assert_int_equal(decide(&f), ERR_NOT_FOUND);
	f.lock_known = true;
	assert_int_equal(decide(&f), ERR_OK);

	f = new_unit();
	f.unit_passed = true;
	assert_int_equal(decide(&f), ERR_EXISTS);

	f = new_unit();
	f.assigned = false;
	assert_int_equal(decide(&f), ERR_STATE);

	f = new_unit();
	for (unsigned s = 0; s < LOT_STATE_COUNT; s++) {
		f.lot_state = (enum lot_state)s;
		assert_int_equal(permit_decide(&f, &v, NULL),
				 s == LOT_RUNNING ? ERR_OK : ERR_STATE);
		/* asking again helps while the lot may run again */
		assert_int_equal(v.retry_ms != 0,
				 s == LOT_PAUSED || s == LOT_CLOSING);
	}

	f = new_unit();
	f.open_elsewhere = true;
	f.open_at = "S7";
	assert_int_equal(decide(&f), ERR_OK); /* its lease has run out */
	f.lease_live = true;
	assert_int_equal(permit_decide(&f, &v, &e), ERR_REFUSED);
	assert_true(v.retry_ms > 0);
	assert_non_null(strstr(e.text, "S7"));
}

/* A locked unit goes on where the last attempt left it: that must be known. */
static void a_locked_unit_waits_for_results(void **state)
{
	struct permit_facts f = new_unit();
	struct permit_verdict v;
	struct err e;

	(void)state;
	f.dev_id = 0;
	f.resumed = f.lock_known = true;
	f.open_elsewhere = true;
	f.open_at = "S7";
	assert_int_equal(permit_decide(&f, &v, &e), ERR_STATE);
	assert_non_null(strstr(e.text, "station S7"));
	f.open_revoked = true; /* it will never tell */
	assert_int_equal(decide(&f), ERR_OK);
	f.lock_known = false;
	assert_int_equal(decide(&f), ERR_NOT_FOUND);
	f.lock_known = true;
	f.attempts_used = f.max_attempts; /* counted as any other */
	assert_int_equal(decide(&f), ERR_REFUSED);
	f.attempts_used = 0;
	f.admitted = f.quantity;
	assert_int_equal(decide(&f), ERR_QUOTA);
}

static void attempts_run_out(void **state)
{
	struct permit_facts f = new_unit();
	struct permit_verdict v;

	(void)state;
	assert_int_equal(permit_decide(&f, &v, NULL), ERR_OK);
	assert_true(v.retest);
	f.attempts_used = 1;
	assert_int_equal(permit_decide(&f, &v, NULL), ERR_OK);
	assert_false(v.retest);
	f.attempts_used = 2;
	assert_int_equal(permit_decide(&f, &v, NULL), ERR_REFUSED);
	assert_true(permit_attempt_counts(OUTCOME_FAIL, FAILURE_MODEM));
	assert_false(permit_attempt_counts(OUTCOME_FAIL, FAILURE_CLOUD_DOWN));
	assert_false(
		permit_attempt_counts(OUTCOME_INDETERMINATE, FAILURE_STATION));
}

/* ---- results ---- */

static struct result_step all_steps[STEP_RECORD + 1];

static struct result_facts good_pass(void)
{
	for (int s = 0; s < STEP_RECORD; s++)
		all_steps[s] = (struct result_step){(enum step)s, STEP_DONE};
	return (struct result_facts){.outcome = OUTCOME_PASS,
				     .image_is_lots = true,
				     .nor_known = true,
				     .nor_is_image = true,
				     .steps = all_steps,
				     .steps_n = STEP_RECORD,
				     .permitted = true,
				     .newest = true,
				     .licence = true,
				     .certificate = true,
				     .device_id_ok = true};
}

static void a_pass_must_be_borne_out(void **state)
{
	const char *why;

	(void)state;
	struct result_facts f = good_pass();

	assert_int_equal(result_judge(&f, &why), OUTCOME_PASS);
#define WITHOUT(change)                                  \
	do {                                             \
		f = good_pass();                         \
		change;                                  \
		assert_int_equal(result_judge(&f, &why), \
				 OUTCOME_INDETERMINATE); \
		assert_true(*why);                       \
	} while (0)
	WITHOUT(f.permitted = false);
	WITHOUT(f.newest = false);
	WITHOUT(f.licence = false);
	WITHOUT(f.certificate = false);
	WITHOUT(f.device_id_ok = false);
	WITHOUT(f.image_is_lots = false);
	WITHOUT(f.nor_is_image = false);
	WITHOUT(f.nor_known = false);
	WITHOUT(f.app_test_status = 1);
	WITHOUT(f.app_test_status = -1);
	for (int s = 0; s < STEP_RECORD; s++) {
		WITHOUT(all_steps[s].state = STEP_FAILED);
		WITHOUT(all_steps[s].state = STEP_UNKNOWN);
	}
	WITHOUT(f.steps_n--);
	/* the application test is skipped only when an earlier attempt saw it
	 */
	WITHOUT(all_steps[STEP_APP_TEST].state = STEP_SKIPPED);
	WITHOUT(all_steps[STEP_APP_TEST].state = STEP_SKIPPED;
		f.resumed = true);
	WITHOUT(all_steps[STEP_APP_TEST].state = STEP_SKIPPED;
		f.app_tested = true);
#undef WITHOUT
	f = good_pass();
	all_steps[STEP_APP_TEST].state = STEP_SKIPPED;
	f.resumed = f.app_tested = true;
	assert_int_equal(result_judge(&f, &why), OUTCOME_PASS);
	f = good_pass();
	f.outcome = OUTCOME_FAIL;
	f.permitted = false; /* a failure needs no proof */
	assert_int_equal(result_judge(&f, &why), OUTCOME_FAIL);
}

/* A locked unit went on where the last attempt left it. */
static void a_resumed_pass_needs_less(void **state)
{
	const char *why;

	(void)state;
	for (int missing = 0; missing < STEP_RECORD; missing++) {
		struct result_facts f = good_pass();
		bool needed =
			missing == STEP_IDENTIFY || missing == STEP_PERMIT ||
			missing == STEP_APP_TEST || missing == STEP_APP_INSTALL;

		all_steps[missing] = all_steps[STEP_RECORD - 1];
		f.steps_n -= missing == STEP_RECORD - 1;
		assert_int_equal(result_judge(&f, &why), OUTCOME_INDETERMINATE);
		f.resumed = true;
		assert_int_equal(result_judge(&f, &why),
				 needed ? OUTCOME_INDETERMINATE : OUTCOME_PASS);
	}
}

/* The step that reports has not ended when it reports. */
static void recording_is_not_judged(void **state)
{
	struct result_facts f = good_pass();
	const char *why;

	(void)state;
	all_steps[STEP_RECORD] =
		(struct result_step){STEP_RECORD, STEP_UNKNOWN};
	f.steps_n++;
	assert_int_equal(result_judge(&f, &why), OUTCOME_PASS);
}

static void what_becomes_of_a_unit(void **state)
{
	(void)state;
	assert_string_equal(result_disposition(OUTCOME_PASS, FAILURE_NONE, 0),
			    "good");
	assert_string_equal(
		result_disposition(OUTCOME_FAIL, FAILURE_MODEM, true),
		"rework");
	assert_string_equal(
		result_disposition(OUTCOME_FAIL, FAILURE_MODEM, false),
		"scrap");
	assert_string_equal(
		result_disposition(OUTCOME_INDETERMINATE, FAILURE_NONE, true),
		"quarantine");
	assert_string_equal(
		result_disposition(OUTCOME_FAIL, FAILURE_IDENTITY_WRONG, true),
		"quarantine");
	assert_string_equal(
		result_disposition(OUTCOME_FAIL, FAILURE_PROVISIONED, false),
		"good");
}

static void a_report_contradicts_itself(void **state)
{
	(void)state;
	assert_int_equal(result_check(OUTCOME_PASS, FAILURE_NONE, 0, 0, NULL),
			 ERR_OK);
	assert_int_equal(result_check(OUTCOME_FAIL, FAILURE_MODEM, 2, 1, NULL),
			 ERR_OK); /* the station's clock may jump */
	assert_int_equal(
		result_check(OUTCOME_INDETERMINATE, FAILURE_NONE, 1, 1, NULL),
		ERR_OK);
	assert_int_equal(result_check(OUTCOME_PASS, FAILURE_NONE, -1, 0, NULL),
			 ERR_MALFORMED);
	assert_int_equal(result_check(OUTCOME_PASS, FAILURE_NONE, 0, -1, NULL),
			 ERR_MALFORMED);
	assert_int_equal(result_check(OUTCOME_PASS, FAILURE_MODEM, 0, 0, NULL),
			 ERR_MALFORMED);
	assert_int_equal(result_check(OUTCOME_FAIL, FAILURE_NONE, 0, 0, NULL),
			 ERR_MALFORMED);
	assert_int_equal(result_check_account(100, 60, 40, NULL), ERR_OK);
	assert_int_equal(result_check_account(100, 130, -30, NULL), ERR_OK);
	assert_int_equal(result_check_account(100, 60, 41, NULL),
			 ERR_MALFORMED);
}

/* ---- ledger ---- */

static char last_gap[200];

static void count_gap(void *arg, const char *text)
{
	assert_true(*text);
	strcpy(last_gap, text);
	++*(unsigned *)arg;
}

static void cards_must_match_licences(void **state)
{
	struct ledger_card c = {"X", 100, 90, 7, 3};
	struct ledger_totals sum = {0};
	unsigned told = 0;

	(void)state;
	assert_int_equal(ledger_card_check(&c, &sum, count_gap, &told), 0);
	assert_int_equal(sum.card_start - sum.card_end, 10);
	c.here = 6;
	assert_int_equal(ledger_card_check(&c, &sum, count_gap, &told), 1);
	assert_non_null(strstr(last_gap, "; 1 installs are unaccounted for"));
	c.here = 8;
	assert_int_equal(ledger_card_check(&c, &sum, count_gap, &told), 1);
	assert_non_null(strstr(last_gap, "yet 11 licences"));
	c.end = 101;
	assert_int_equal(ledger_card_check(&c, &sum, count_gap, &told), 1);
	assert_non_null(strstr(last_gap, "rose from 100 to 101"));
	assert_int_equal(told, 3);
	c.end = c.start; /* a card that was only fitted */
	c.here = c.elsewhere = 0;
	assert_int_equal(ledger_card_check(&c, &sum, count_gap, &told), 0);
}

static void the_book_must_balance(void **state)
{
	struct ledger_totals ok = {.licences = 5,
				   .chips = 5,
				   .certificates = 4,
				   .certified = 4,
				   .passed = 4};
	struct ledger_totals b = ok;
	unsigned told = 0;

	(void)state;
	assert_int_equal(ledger_totals_check(&b, count_gap, &told), 0);
	b.licences = 6;
	b.certificates = 5;
	b.passed_unlicensed = 1;
	b.passed_uncertified = 1;
	b.cards_unknown = 1;
	assert_int_equal(ledger_totals_check(&b, count_gap, &told), 5);
	assert_int_equal(told, 5);
}

/* ---- yield ---- */

static void near(double a, double b)
{
	assert_true(a > b - 1e-9 && a < b + 1e-9);
}

static void yield_arithmetic(void **state)
{
	struct yield_rolled r = {0};

	(void)state;
	near(yield_of(10, 1), 0.9);
	near(yield_of(0, 0), 0);
	near(yield_of(1, 2), 0);
	near(yield_rolled_value(&r), 0);
	yield_rolled_add(&r, 10, 1);
	yield_rolled_add(&r, 0, 0);
	yield_rolled_add(&r, 8, 2);
	near(yield_rolled_value(&r), 0.9 * 0.75);
	assert_int_equal(yield_percentile_rank(1, 50), 0);
	assert_int_equal(yield_percentile_rank(10, 50), 4);
	assert_int_equal(yield_percentile_rank(10, 95), 9);
	assert_int_equal(yield_percentile_rank(100, 95), 94);
	assert_int_equal(yield_percentile_rank(1000, 95), 949);
	assert_int_equal(yield_percentile_rank(0, 95), 0);
	near(yield_per_hour(30, 0, 1800000), 60);
	near(yield_per_hour(30, 1800000, 3600000), 60);
	near(yield_per_hour(30, 5, 5), 0);
}

/* ---- releases ---- */

static void an_image_takes_two_people(void **state)
{
	enum release_state s;
	struct err e;

	(void)state;
	for (unsigned i = 0; i < RELEASE_STATE_COUNT; i++) {
		assert_true(release_state_parse(
			release_state_name((enum release_state)i), &s));
		assert_int_equal(s, i);
	}
	assert_false(release_state_parse("", &s));
	assert_int_equal(
		release_approve_check(RELEASE_IMPORTED, "ann", "bob", NULL),
		ERR_OK);
	assert_int_equal(
		release_approve_check(RELEASE_IMPORTED, "ann", "ann", &e),
		ERR_REFUSED);
	assert_non_null(strstr(e.text, "another person"));
	assert_int_equal(
		release_approve_check(RELEASE_APPROVED, "ann", "bob", NULL),
		ERR_STATE);
	assert_int_equal(
		release_approve_check(RELEASE_RETIRED, "ann", "bob", NULL),
		ERR_STATE);
	assert_int_equal(release_use_check(RELEASE_IMPORTED, &e), ERR_STATE);
	assert_non_null(strstr(e.text, "approval"));
	assert_int_equal(release_use_check(RELEASE_APPROVED, NULL), ERR_OK);
	assert_int_equal(release_use_check(RELEASE_RETIRED, &e), ERR_STATE);
	assert_non_null(strstr(e.text, "retired"));
	assert_int_equal(release_retire_check(RELEASE_IMPORTED, NULL, NULL),
			 ERR_OK);
	assert_int_equal(release_retire_check(RELEASE_APPROVED, NULL, NULL),
			 ERR_OK);
	assert_int_equal(release_retire_check(RELEASE_APPROVED, "L1", &e),
			 ERR_STATE);
	assert_non_null(strstr(e.text, "lot L1"));
	assert_int_equal(release_retire_check(RELEASE_RETIRED, NULL, NULL),
			 ERR_STATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_takes_two_people),
		cmocka_unit_test(only_the_listed_moves_exist),
		cmocka_unit_test(closing_names_everything_missing),
		cmocka_unit_test(states_have_names),
		cmocka_unit_test(names_and_limits),
		cmocka_unit_test(a_new_unit_needs_quota),
		cmocka_unit_test(refusals_of_a_permit),
		cmocka_unit_test(a_locked_unit_waits_for_results),
		cmocka_unit_test(attempts_run_out),
		cmocka_unit_test(a_pass_must_be_borne_out),
		cmocka_unit_test(a_resumed_pass_needs_less),
		cmocka_unit_test(recording_is_not_judged),
		cmocka_unit_test(what_becomes_of_a_unit),
		cmocka_unit_test(a_report_contradicts_itself),
		cmocka_unit_test(cards_must_match_licences),
		cmocka_unit_test(the_book_must_balance),
		cmocka_unit_test(yield_arithmetic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
