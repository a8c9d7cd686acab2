/* Steps in which the DUT works and tells: sfi-install, hardware-test,
 * microvisor-install, app-test, app-install. */
#include "agent/flow/steps.h"

#include "agent/flow/expect.h"
#include "proto/base/hex.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* INSTALLED, and the hash must be that of the image's part. */
static enum flow_end check_installed(struct attempt *a,
				     const struct uart_INSTALLED *in,
				     const char *program,
				     enum layout_program type,
				     enum failure wrong)
{
	const struct image_part *part = image_part(&a->image, type);
	char hex[65];

	hex_encode(hex, in->sha256, sizeof(in->sha256));
	attempt_log(a, "flow: DUT installed %s %s, %s", in->program,
		    in->version, hex);
	if (strcmp(in->program, program) != 0)
		return attempt_fail(a, FAILURE_FIRMWARE_UNKNOWN,
				    "%s was installed, not %s", in->program,
				    program);
	if (part == NULL ||
	    memcmp(part->installed_sha256, in->sha256, sizeof(in->sha256)) != 0)
		return attempt_fail(a, wrong,
				    "%s in flash is not the image's: hash %s",
				    program, hex);
	return FLOW_DONE;
}

/* Wait for the sentence of a type; the others that may come are handled by
 * attempt_hear(), what remains is ignored. */
static enum flow_end hear_type(struct attempt *a, enum uart_type type,
			       struct uart_sentence *s, enum failure usual)
{
	enum flow_end end;

	do
		end = attempt_hear(a, s, usual);
	while (end == FLOW_DONE && s->type != type);
	return end;
}

/* ---- sfi-install ---- */

static enum flow_end await_boot(struct attempt *a, enum failure usual)
{
	struct uart_sentence s;

	if (a->boot_waits) {
		a->boot_waits = false;
		return FLOW_DONE;
	}
	return hear_type(a, UART_BOOT, &s, usual);
}

enum flow_end step_sfi_install(struct attempt *a)
{
	struct uart_sentence s;
	enum flow_end end;
	struct err e;

	if (a->resumed && a->boots == 0 &&
	    dialogue_start(&a->dlg, true, &e) != ERR_OK)
		return attempt_error(a, FAILURE_NO_BOOT, &e);
	end = await_boot(a, FAILURE_NO_BOOT);
	if (end == FLOW_DONE)
		end = hear_type(a, UART_INSTALLED, &s, FAILURE_UART_LOST);
	if (end == FLOW_DONE)
		end = check_installed(a, &s.u.INSTALLED, "hardware-test",
				      LAYOUT_PROGRAM_TEST,
				      FAILURE_IMAGE_REJECTED);
	return end;
}

/* ---- hardware-test ---- */

static enum flow_end take_test(struct attempt *a, const struct uart_TEST *t,
			       struct expect_test *test)
{
	struct msg_RESULT *r = &a->result->u.RESULT;
	struct msg_MEASUREMENT *m;

	if (r->measurements_n ==
	    sizeof(r->measurements) / sizeof(r->measurements[0]))
		return attempt_fail(a, FAILURE_FIRMWARE_UNKNOWN,
				    "more measurements than can be kept");
	m = &r->measurements[r->measurements_n++];
	expect_test_take(test, t, m);
	attempt_log(a, "flow: test %s %s %s [%s..%s] %s", m->name, m->value,
		    m->unit, m->low, m->high, m->pass ? "pass" : "FAIL");
	return FLOW_DONE;
}

static bool wants(const struct uart_sentence *s, const char *what)
{
	return s->type == UART_READY && strcmp(s->u.READY.want, what) == 0;
}

enum flow_end step_hardware_test(struct attempt *a)
{
	struct msg_RESULT *r = &a->result->u.RESULT;
	struct uart_sentence s = {.type = UART_BOOT};
	enum flow_end end = await_boot(a, FAILURE_NO_BOOT);
	struct expect_test test;

	expect_test_begin(&test, a->expect);
	while (end == FLOW_DONE && !wants(&s, "challenge")) {
		if (s.type == UART_BOOT) { /* the tests start, or over */
			r->measurements_n = 0;
			expect_test_begin(&test, a->expect);
			snprintf(r->test_program_version,
				 sizeof(r->test_program_version), "%s",
				 a->boot_version);
		} else if (s.type == UART_TEST) {
			end = take_test(a, &s.u.TEST, &test);
		}
		if (end == FLOW_DONE)
			end = attempt_hear(a, &s, FAILURE_UART_LOST);
	}
	if (end != FLOW_DONE)
		return end;
	expect_test_end(&test);
	return test.failure == FAILURE_NONE
		       ? FLOW_DONE
		       : attempt_fail(a, test.failure, "%s", test.why);
}

/* ---- microvisor-install ---- */

enum flow_end step_microvisor_install(struct attempt *a)
{
	struct uart_sentence s;
	enum flow_end end = hear_type(a, UART_INSTALLED, &s, FAILURE_UART_LOST);

	if (end == FLOW_DONE)
		end = check_installed(a, &s.u.INSTALLED, "kernel",
				      LAYOUT_PROGRAM_KERNEL, FAILURE_KERNEL);
	return end;
}

/* ---- app-test ---- */

/* A resumed unit runs its application already. That shows that its test ended
 * with 0 and was acknowledged, but not to this attempt: it is believed when an
 * earlier one has it on record. */
static enum flow_end tested_before(struct attempt *a)
{
	if (a->app_tested_in == 0)
		return attempt_fail(a, FAILURE_APP_INSTALL,
				    "the application runs, but no attempt has "
				    "seen its test pass");
	a->result->u.RESULT.app_test_status = 0;
	attempt_log(a,
		    "flow: application test ended with status 0 in attempt "
		    "%" PRIu64,
		    a->app_tested_in);
	return FLOW_SKIPPED;
}

enum flow_end step_app_test(struct attempt *a)
{
	struct msg_RESULT *r = &a->result->u.RESULT;
	struct uart_sentence s;
	enum flow_end end;

	r->app_test_status = -1;
	if (a->boot_waits && a->runs == PROGRAM_APP)
		return tested_before(a);
	end = await_boot(a, FAILURE_NO_BOOT);
	if (end == FLOW_DONE)
		end = hear_type(a, UART_APP_TEST, &s, FAILURE_APP_TEST_TIMEOUT);
	if (end != FLOW_DONE)
		return end;
	r->app_test_status = s.u.APP_TEST.status;
	attempt_log(a, "flow: application test ended with status %" PRId64,
		    r->app_test_status);
	if (r->app_test_status != 0)
		return attempt_fail(a, FAILURE_APP_TEST, "status %" PRId64,
				    r->app_test_status);
	return FLOW_DONE;
}

/* ---- app-install ---- */

static enum flow_end check_app(struct attempt *a, const char *program,
			       const char *version)
{
	const struct image_part *app =
		image_part(&a->image, LAYOUT_PROGRAM_APP);
	struct msg_RESULT *r = &a->result->u.RESULT;

	attempt_log(a, "flow: DUT runs %s %s", program, version);
	if (strcmp(program, "app") != 0 || app == NULL ||
	    strncmp(version, app->version, sizeof(app->version)) != 0)
		return attempt_fail(a, FAILURE_APP_INSTALL,
				    "%s %s was installed, not app %s", program,
				    version, app == NULL ? "" : app->version);
	snprintf(r->app_version, sizeof(r->app_version), "%s", version);
	return FLOW_DONE;
}

/* DONE says it, and so does an application that starts after a reset: it is
 * the last thing installed, and its test has been seen. */
enum flow_end step_app_install(struct attempt *a)
{
	struct uart_sentence s = {.type = UART_ACK};
	enum flow_end end = FLOW_DONE;

	if (a->boot_waits) {
		a->boot_waits = false;
		return check_app(a, "app", a->boot_version);
	}
	while (end == FLOW_DONE && s.type != UART_DONE && s.type != UART_BOOT)
		end = attempt_hear(a, &s, FAILURE_UART_LOST);
	if (end != FLOW_DONE)
		return end;
	if (s.type == UART_BOOT)
		return check_app(a, s.u.BOOT.program, s.u.BOOT.version);
	return check_app(a, s.u.DONE.program, s.u.DONE.version);
}
