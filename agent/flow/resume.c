#include "agent/flow/resume.h"

#include "proto/base/hex.h"
#include "proto/base/log.h"
#include "proto/base/wall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_SLICE_MS 500

/* ---- a locked board ---- */

/* Reset the board and wait for its first BOOT, as long as a DUT may say
 * nothing. */
static enum err_code ask_uid(struct attempt *a, struct uart_BOOT *boot,
			     struct err *e)
{
	struct uart_sentence s;
	enum err_code rc = dialogue_start(&a->dlg, true, e);

	do {
		if (rc == ERR_OK)
			rc = dialogue_next(&a->dlg, &s, a->deadline, e);
	} while (rc == ERR_OK && s.type != UART_BOOT);
	if (rc == ERR_OK) {
		*boot = s.u.BOOT;
		rc = target_hold_reset(a->target, true, e);
	}
	return rc;
}

/* The unit has passed here. Nothing is done to it; when its result is
 * recorded the light may be green again. A pass that the controller did not
 * believe is none: it is asked what is missing. */
static enum flow_end passed_before(struct attempt *a, const char *earlier)
{
	enum spool_fate fate = SPOOL_WAITING;
	int64_t id = 0;
	char text[321];
	enum err_code rc;
	struct err e;

	rc = spool_message(a->st->spool, earlier, "result", &id, &e);
	if (rc == ERR_NOT_FOUND)
		return FLOW_NOTHING; /* recorded, and long ago */
	if (rc != ERR_OK)
		return attempt_error(a, FAILURE_STATION, &e);
	while (fate == SPOOL_WAITING && !station_stopping(a->st))
		if (spool_wait(a->st->spool, id, mono_after_ms(RECORD_SLICE_MS),
			       &fate, text, &e) != ERR_OK)
			return attempt_error(a, FAILURE_STATION, &e);
	if (fate == SPOOL_WAITING)
		return attempt_fail(a, FAILURE_STATION, "the agent stops");
	if (fate == SPOOL_RECORDED)
		return FLOW_NOTHING;
	attempt_log(a, "flow: its earlier pass was not recorded: %.150s", text);
	a->resumed = true;
	return FLOW_DONE;
}

/* The UID is known. That it has passed here needs no controller; for anything
 * else the permit is asked for, and the controller knows whose lock it is. */
static enum flow_end judge_uid(struct attempt *a)
{
	struct spool_attempt earlier;
	enum flow_end end = FLOW_DONE;
	bool found = false;
	struct err e;

	if (spool_attempt_of_unit(a->st->spool, a->result->u.RESULT.uid,
				  &earlier, &found, &e) != ERR_OK)
		return attempt_error(a, FAILURE_STATION, &e);
	if (found && strcmp(earlier.outcome, outcome_name(OUTCOME_PASS)) == 0)
		end = passed_before(a, earlier.attempt);
	else
		a->resumed = true;
	if (found)
		spool_attempt_fini(&earlier);
	return end;
}

enum flow_end resume_identify(struct attempt *a)
{
	struct msg_RESULT *r = &a->result->u.RESULT;
	struct uart_BOOT boot;
	enum flow_end end;
	enum err_code rc;
	struct err e;

	rc = ask_uid(a, &boot, &e);
	if (rc == ERR_TIMEOUT)
		return attempt_fail(a, FAILURE_RDP_LOCKED,
				    "the debug port is locked and nothing on "
				    "the UART says by whom");
	if (rc != ERR_OK)
		return attempt_error(a, FAILURE_RDP_LOCKED, &e);
	hex_encode(r->uid, boot.uid, sizeof(boot.uid));
	station_show_unit(a->st, a->h, r->attempt, r->uid);
	attempt_log(a, "flow: locked; runs %s %s, UID %s", boot.program,
		    boot.version, r->uid);
	end = resume_label(a);
	return end == FLOW_DONE ? judge_uid(a) : end;
}

enum flow_end resume_half_locked(struct attempt *a)
{
	a->resumed = a->half_locked = true;
	attempt_log(a, "flow: TrustZone is on, the debug port still open");
	return FLOW_DONE;
}

void resume_take(struct attempt *a, const struct msg_PERMIT *p)
{
	struct msg_RESULT *r = &a->result->u.RESULT;

	if (!a->resumed)
		return;
	memcpy(r->nor_sha256, p->nor_sha256, sizeof(r->nor_sha256));
	memcpy(r->test_program_version, p->test_program_version,
	       sizeof(r->test_program_version));
	memcpy(r->csr_sha256, p->csr_sha256, sizeof(r->csr_sha256));
	memcpy(r->cert_sha256, p->cert_sha256, sizeof(r->cert_sha256));
	a->app_tested_in = p->app_tested_in;
	attempt_log(a, "flow: locked by attempt %llu at %s, resumed",
		    (unsigned long long)p->locked_in, p->locked_by);
}

enum flow_end resume_label(struct attempt *a)
{
	struct msg_RESULT *r = &a->result->u.RESULT;
	struct spool_attempt earlier;
	struct msg *m = NULL;
	bool found = false;
	struct err e;

	if (!a->st->harness[a->h].scans || r->board_serial[0] != '\0')
		return FLOW_DONE;
	if (spool_attempt_of_unit(a->st->spool, r->uid, &earlier, &found, &e) !=
	    ERR_OK)
		return attempt_error(a, FAILURE_STATION, &e);
	if (found && msg_from_json(&m, earlier.result, strlen(earlier.result),
				   true, NULL) == ERR_OK) {
		memcpy(r->board_serial, m->u.RESULT.board_serial,
		       sizeof(r->board_serial));
		station_show_label(a->st, a->h, r->board_serial);
	}
	msg_free(m);
	if (found)
		spool_attempt_fini(&earlier);
	return r->board_serial[0] != '\0' ? FLOW_DONE : FLOW_UNLABELLED;
}

/* ---- after a crash ---- */

static void set_end(struct msg_RESULT *r, const struct spool_attempt *open,
		    enum outcome o)
{
	snprintf(r->outcome, sizeof(r->outcome), "%s", outcome_name(o));
	snprintf(r->failure_code, sizeof(r->failure_code), "%s",
		 failure_code(FAILURE_STATION));
	snprintf(r->failure_step, sizeof(r->failure_step), "%s",
		 step_name(open->step));
	snprintf(r->failure_text, sizeof(r->failure_text),
		 o == OUTCOME_INDETERMINATE
			 ? "the agent died inside an irreversible step"
			 : "the agent died");
	wall_format(r->finished_at, wall_now_ms());
}

static enum err_code recover_one(struct spool *s,
				 const struct spool_attempt *open,
				 struct err *e)
{
	enum outcome o =
		open->irreversible ? OUTCOME_INDETERMINATE : OUTCOME_FAIL;
	struct msg *m = NULL;
	char *json = NULL;
	int64_t id;
	enum err_code rc;

	rc = msg_from_json(&m, open->result, strlen(open->result), true, e);
	if (rc != ERR_OK)
		return err_prefix(e, "journal of attempt %s", open->attempt);
	set_end(&m->u.RESULT, open, o);
	rc = msg_to_json(m, &json, e);
	if (rc == ERR_OK)
		rc = spool_attempt_end(s, open->attempt, open->uid, o, json,
				       &id, e);
	if (rc == ERR_OK)
		log_warn("RECOVERED", "attempt=%s uid=%s step=%s outcome=%s",
			 open->attempt, open->uid, step_name(open->step),
			 outcome_name(o));
	free(json);
	msg_free(m);
	return rc;
}

enum err_code resume_recover(struct spool *s, struct err *e)
{
	struct spool_attempt open;
	bool found = true;
	enum err_code rc = ERR_OK;

	while (rc == ERR_OK && found) {
		rc = spool_attempt_open(s, &open, &found, e);
		if (rc == ERR_OK && found) {
			rc = recover_one(s, &open, e);
			spool_attempt_fini(&open);
		}
	}
	return rc;
}
