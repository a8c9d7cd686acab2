/* What every dialogue step has in common: a DUT that starts again, gives up,
 * falls silent or is taken away. */
#include "agent/flow/attempt.h"

#include "agent/flow/steps.h"
#include "proto/base/hex.h"
#include "proto/base/log.h"

#include <stdio.h>
#include <string.h>

/* Its installing was not seen by this attempt, perhaps by none: the program
 * must be the image's. The loader had that image under its key, and a program
 * is started only after its content has been checked against it. */
static enum flow_end check_version(struct attempt *a)
{
	static const struct {
		enum layout_program type;
		enum failure wrong;
	} parts[] = {
		[PROGRAM_TEST] = {LAYOUT_PROGRAM_TEST, FAILURE_IMAGE_REJECTED},
		[PROGRAM_KERNEL] = {LAYOUT_PROGRAM_KERNEL, FAILURE_KERNEL},
		[PROGRAM_APP_TEST] = {LAYOUT_PROGRAM_APP_TEST, FAILURE_KERNEL},
		[PROGRAM_APP] = {LAYOUT_PROGRAM_APP, FAILURE_APP_INSTALL}};
	const struct image_part *part =
		image_part(&a->image, parts[a->runs].type);

	if (part != NULL &&
	    strncmp(a->boot_version, part->version, sizeof(part->version)) == 0)
		return FLOW_DONE;
	return attempt_fail(a, parts[a->runs].wrong,
			    "the DUT runs version %s, the image has %s",
			    a->boot_version,
			    part == NULL ? "none" : part->version);
}

/* Where the program that has just started belongs. Back is a reset of the
 * DUT: its programs begin anew, so do the steps. Forward is where a resumed
 * unit stands; for every other unit it would skip a step, and is refused. An
 * application that runs already goes by its test: has it been seen? */
static enum flow_end go_to(struct attempt *a, enum step s)
{
	enum flow_end end;

	if (s == a->now)
		return FLOW_DONE;
	if (s > a->now && !(a->resumed && a->boots == 1))
		return attempt_fail(a, FAILURE_FIRMWARE_UNKNOWN,
				    "the DUT started a program out of turn");
	if (s > a->now && (end = check_version(a)) != FLOW_DONE)
		return end;
	a->next = a->runs == PROGRAM_APP ? STEP_APP_TEST : s;
	a->boot_waits = true;
	return FLOW_GOTO;
}

static enum flow_end check_uid(struct attempt *a, const struct uart_BOOT *boot)
{
	char uid[25];

	hex_encode(uid, boot->uid, sizeof(boot->uid));
	if (strcmp(uid, a->result->u.RESULT.uid) == 0)
		return FLOW_DONE;
	return attempt_fail(a, FAILURE_CONTACT_LOST,
			    "another board answers on the UART: UID %s", uid);
}

static enum flow_end on_boot(struct attempt *a, const struct uart_BOOT *boot)
{
	enum flow_program p = flow_program_parse(boot->program);
	enum flow_end end = check_uid(a, boot);

	if (end != FLOW_DONE)
		return end;
	attempt_log(a, "flow: DUT started %s %s", boot->program, boot->version);
	if (p == PROGRAM_NONE)
		return attempt_fail(a, FAILURE_FIRMWARE_UNKNOWN,
				    "the DUT started an unknown program: %s",
				    boot->program);
	if (++a->boots > ATTEMPT_BOOTS_MAX)
		return attempt_fail(a, FAILURE_CONTACT_LOST,
				    "the DUT resets again and again");
	a->runs = p;
	snprintf(a->boot_version, sizeof(a->boot_version), "%s", boot->version);
	return go_to(a, flow_program_step(p));
}

static enum flow_end on_fail(struct attempt *a, const struct uart_FAIL *fail)
{
	char text[4 * sizeof(fail->text)];
	enum failure f;

	dialogue_escape(text, sizeof(text), fail->text, strlen(fail->text));
	attempt_log(a, "flow: DUT gives up: %s: %s", fail->code, text);
	if (!failure_parse(fail->code, &f))
		return attempt_fail(a, FAILURE_FIRMWARE_UNKNOWN, "%s: %s",
				    fail->code, text);
	return attempt_fail(a, f, "%s", text);
}

enum flow_end attempt_hear(struct attempt *a, struct uart_sentence *s,
			   enum failure usual)
{
	struct err e;

	if (dialogue_next(&a->dlg, s, a->deadline, &e) != ERR_OK)
		return attempt_error(a, usual, &e);
	switch (s->type) {
	case UART_BOOT:
		return on_boot(a, &s->u.BOOT);
	case UART_FAIL:
		return on_fail(a, &s->u.FAIL);
	case UART_STAGE:
		attempt_log(a, "flow: %s %u%%", s->u.STAGE.name,
			    (unsigned)s->u.STAGE.percent);
		station_show_percent(a->st, a->h, s->u.STAGE.percent);
		return FLOW_DONE;
	default:
		return FLOW_DONE;
	}
}

enum flow_end attempt_say(struct attempt *a, struct uart_sentence *s,
			  enum failure usual)
{
	struct uart_sentence boot;
	struct err e;
	enum err_code rc = dialogue_send(&a->dlg, s, a->deadline, &e);

	if (rc == ERR_OK)
		return FLOW_DONE;
	if (rc != ERR_STATE)
		return attempt_error(a, usual, &e);
	/* it started again: its BOOT decides where to go on */
	return attempt_hear(a, &boot, usual);
}
