#include "agent/flow/attempt.h"

#include "agent/flow/steps.h"
#include "proto/base/hex.h"
#include "proto/base/log.h"
#include "proto/base/wall.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_SLICE_MS 500

/* ---- what is known, as RESULT ---- */

static void fill_steps(struct attempt *a)
{
	struct msg_RESULT *r = &a->result->u.RESULT;

	r->steps_n = 0;
	for (int s = 0; s < STEP_COUNT; s++) {
		const struct attempt_step *from = &a->steps[s];
		struct msg_STEP_RECORD *to = &r->steps[r->steps_n];

		if (!from->entered)
			continue;
		r->steps_n++;
		snprintf(to->step, sizeof(to->step), "%s",
			 step_name((enum step)s));
		snprintf(to->state, sizeof(to->state), "%s", from->state);
		to->started_ms = (uint64_t)from->started_ms;
		to->took_ms = (uint64_t)from->took_ms;
	}
}

enum err_code attempt_json(struct attempt *a, char **json, struct err *e)
{
	fill_steps(a);
	return msg_to_json(a->result, json, e);
}

static int64_t since_start(const struct attempt *a)
{
	return mono_diff_ms(mono_now(), a->started);
}

/* ---- log ---- */

/* Room for len more bytes: the oldest lines go. */
static void log_room(char *log, size_t len)
{
	size_t have = strlen(log), cut;
	char *line;

	if (have + len + 1 <= ATTEMPT_LOG_BYTES)
		return;
	cut = ATTEMPT_LOG_BYTES / 4;
	line = strchr(log + cut, '\n');
	line = line == NULL ? log + have : line + 1;
	memmove(log, line, strlen(line) + 1);
}

void attempt_log(struct attempt *a, const char *fmt, ...)
{
	struct msg_RESULT *r = &a->result->u.RESULT;
	char raw[DIALOGUE_LOG_MAX + 64], text[DIALOGUE_LOG_MAX + 64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	/* all text but ours is escaped already; this keeps it ASCII */
	for (char *p = raw; *p != '\0'; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	snprintf(text, sizeof(text), "%s", raw);
	log_room(r->log, strlen(text) + 1);
	strcat(r->log, text);
	strcat(r->log, "\n");
	station_log(a->st, a->h, r->attempt, text);
}

static void on_uart_text(void *arg, const char *line)
{
	attempt_log(arg, "dut: %s", line);
}

/* ---- how a step ends ---- */

static void set_failure(struct attempt *a, enum failure f, const char *text)
{
	char clean[sizeof(a->failure_text)];

	snprintf(clean, sizeof(clean), "%s", text);
	for (char *p = clean; *p != '\0'; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
	memcpy(a->failure_text, clean, sizeof(clean));
	a->failure = f;
}

enum flow_end attempt_fail(struct attempt *a, enum failure f, const char *fmt,
			   ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	set_failure(a, f, text);
	return FLOW_FAILED;
}

enum flow_end attempt_error(struct attempt *a, enum failure usual,
			    const struct err *e)
{
	enum flow_end lost = a->crossed ? FLOW_UNKNOWN : FLOW_FAILED;

	switch (e->code) {
	case ERR_PROBE_GONE:
		set_failure(a, FAILURE_PROBE_LOST, e->text);
		return lost;
	case ERR_NO_TARGET:
	case ERR_WIRE:
		set_failure(a, FAILURE_CONTACT_LOST, e->text);
		return lost;
	case ERR_CANCELLED:
	case ERR_NO_MEMORY:
	case ERR_IO:
	case ERR_DISK_FULL:
	case ERR_BUG:
		set_failure(a, FAILURE_STATION, e->text);
		return lost;
	default:
		set_failure(a, usual, e->text);
		return FLOW_FAILED;
	}
}

/* ---- journal ---- */

static enum err_code journal(struct attempt *a, bool irreversible,
			     struct err *e)
{
	const struct msg_RESULT *r = &a->result->u.RESULT;
	char *json = NULL;
	enum err_code rc = attempt_json(a, &json, e);

	if (rc == ERR_OK)
		rc = spool_attempt_step(a->st->spool, r->attempt, r->uid,
					a->now, irreversible, json, e);
	free(json);
	return rc;
}

bool attempt_cross(struct attempt *a, enum flow_end *end)
{
	struct err e;

	assert(flow_steps[a->now].irreversible);
	if (station_stopping(a->st)) {
		*end = attempt_fail(a, FAILURE_STATION, "the agent stops");
		return false;
	}
	if (station_lease_check(a->st, a->h, &e) != ERR_OK) {
		*end = attempt_fail(a, FAILURE_PERMIT_REFUSED, "%s", e.text);
		return false;
	}
	if (journal(a, true, &e) != ERR_OK) {
		*end = attempt_fail(a, FAILURE_STATION, "%s", e.text);
		return false;
	}
	a->crossed = true;
	return true;
}

/* ---- the machine ---- */

static const char *const end_state[] = {
	[FLOW_DONE] = "done",	       [FLOW_SKIPPED] = "skipped",
	[FLOW_FAILED] = "failed",      [FLOW_UNKNOWN] = "unknown",
	[FLOW_GOTO] = "skipped",       [FLOW_NOTHING] = "skipped",
	[FLOW_UNLABELLED] = "skipped",
};

static enum flow_end enter(struct attempt *a, enum step s, struct err *e)
{
	struct attempt_step *rec = &a->steps[s];

	a->now = s;
	a->crossed = false;
	a->deadline = mono_after_ms(flow_steps[s].budget_ms);
	rec->entered = true;
	rec->state = "unknown"; /* what a crash would leave behind */
	rec->started_ms = since_start(a);
	rec->took_ms = 0;
	if (journal(a, false, e) != ERR_OK) {
		log_error("SPOOL", "error=%s text=\"%s\"", err_name(e->code),
			  e->text);
		return attempt_fail(a, FAILURE_STATION, "%s", e->text);
	}
	station_show(a->st, a->h, "busy", s, "");
	log_info("STEP", "attempt=%s step=%s", a->result->u.RESULT.attempt,
		 step_name(s));
	return FLOW_DONE;
}

static void leave(struct attempt *a, enum step s, enum flow_end end)
{
	struct attempt_step *rec = &a->steps[s];

	rec->state = end_state[end];
	rec->took_ms = since_start(a) - rec->started_ms;
}

static enum flow_end run_step(struct attempt *a, enum step s, struct err *e)
{
	enum flow_end end;

	if (station_stopping(a->st))
		return attempt_fail(a, FAILURE_STATION, "the agent stops");
	end = enter(a, s, e);
	if (end == FLOW_DONE)
		end = flow_steps[s].run(a);
	leave(a, s, end);
	return end;
}

/* All steps but record. */
static enum flow_end run_steps(struct attempt *a, struct err *e)
{
	enum step s = STEP_DETECT;
	enum flow_end end = FLOW_DONE;

	while (s < STEP_RECORD) {
		end = run_step(a, s, e);
		if (end == FLOW_DONE || end == FLOW_SKIPPED)
			s = (enum step)(s + 1);
		else if (end == FLOW_GOTO)
			s = a->next;
		else
			break;
	}
	return end;
}

/* ---- begin and end ---- */

static void init_result(struct attempt *a)
{
	struct msg_RESULT *r = &a->result->u.RESULT;

	hex_uuid(r->attempt);
	snprintf(r->lot, sizeof(r->lot), "%s", a->job.lot);
	snprintf(r->harness, sizeof(r->harness), "%s",
		 a->st->harness[a->h].shown.harness);
	memcpy(r->image_sha256, a->job.image_sha256, sizeof(r->image_sha256));
	station_label(a->st, a->h, r->board_serial);
	r->app_test_status = r->counter_before = r->counter_after = -1;
	wall_format(r->started_at, wall_now_ms());
	wall_format(r->finished_at, wall_now_ms());
	/* what a crash before any end would have to say */
	snprintf(r->outcome, sizeof(r->outcome), "%s",
		 outcome_name(OUTCOME_FAIL));
	snprintf(r->failure_code, sizeof(r->failure_code), "%s",
		 failure_code(FAILURE_STATION));
	snprintf(r->failure_step, sizeof(r->failure_step), "%s",
		 step_name(STEP_DETECT));
}

static enum err_code begin(struct attempt *a, struct err *e)
{
	const struct msg_RESULT *r = &a->result->u.RESULT;
	char *json = NULL;
	enum err_code rc;

	init_result(a);
	rc = attempt_json(a, &json, e);
	if (rc == ERR_OK)
		rc = spool_attempt_begin(a->st->spool, r->attempt, r->harness,
					 json, e);
	free(json);
	if (rc != ERR_OK)
		return rc;
	station_show_unit(a->st, a->h, r->attempt, "");
	station_show_failure(a->st, a->h, "");
	log_info("ATTEMPT_BEGIN", "attempt=%s harness=%s lot=%s", r->attempt,
		 r->harness, r->lot);
	return ERR_OK;
}

static void set_outcome(struct attempt *a, enum outcome o)
{
	struct msg_RESULT *r = &a->result->u.RESULT;

	snprintf(r->outcome, sizeof(r->outcome), "%s", outcome_name(o));
	r->failure_code[0] = r->failure_step[0] = r->failure_text[0] = '\0';
	if (o != OUTCOME_PASS) {
		snprintf(r->failure_code, sizeof(r->failure_code), "%s",
			 failure_code(a->failure));
		snprintf(r->failure_step, sizeof(r->failure_step), "%s",
			 step_name(a->now));
		snprintf(r->failure_text, sizeof(r->failure_text), "%s",
			 a->failure_text);
	}
	wall_format(r->finished_at, wall_now_ms());
	r->cycle_ms = (uint64_t)since_start(a);
	account_fill(&a->account, r);
}

static void log_end(const struct attempt *a)
{
	const struct msg_RESULT *r = &a->result->u.RESULT;
	char quoted[600];

	log_info("ATTEMPT_END",
		 "attempt=%s uid=%s outcome=%s failure=%s step=%s text=%s "
		 "cycle_ms=%llu",
		 r->attempt, r->uid, r->outcome, r->failure_code,
		 r->failure_step,
		 log_quote(quoted, sizeof(quoted), r->failure_text,
			   strlen(r->failure_text)),
		 (unsigned long long)r->cycle_ms);
}

/* Wait for RECORDED as long as it takes: green means recorded. */
static void await_record(struct attempt *a, int64_t id, struct attempt_end *end)
{
	enum spool_fate fate = SPOOL_WAITING;
	char text[321];

	station_show(a->st, a->h, "busy", STEP_RECORD,
		     "waiting for the controller to record the result");
	while (fate == SPOOL_WAITING && !station_stopping(a->st))
		if (spool_wait(a->st->spool, id, mono_after_ms(RECORD_SLICE_MS),
			       &fate, text, NULL) != ERR_OK)
			return;
	end->recorded = fate == SPOOL_RECORDED;
	if (fate == SPOOL_REFUSED)
		snprintf(end->text, sizeof(end->text), "not recorded: %.200s",
			 text);
}

static enum err_code finish(struct attempt *a, enum flow_end how,
			    struct attempt_end *end, struct err *e)
{
	const struct msg_RESULT *r = &a->result->u.RESULT;
	char *json = NULL;
	int64_t id = 0;
	enum err_code rc;

	end->outcome = how == FLOW_UNKNOWN  ? OUTCOME_INDETERMINATE
		       : how == FLOW_FAILED ? OUTCOME_FAIL
					    : OUTCOME_PASS;
	end->failure = a->failure;
	end->retry = end->outcome == OUTCOME_FAIL && a->retest &&
		     flow_reseat_helps(a->failure);
	snprintf(end->text, sizeof(end->text), "%s", a->failure_text);
	set_outcome(a, end->outcome);
	station_lease_end(a->st, a->h);
	rc = attempt_json(a, &json, e);
	if (rc == ERR_OK)
		rc = spool_attempt_end(a->st->spool, r->attempt, r->uid,
				       end->outcome, json, &id, e);
	free(json);
	if (rc != ERR_OK)
		return rc;
	station_message(a->st);
	log_end(a);
	station_show_failure(a->st, a->h, r->failure_code);
	if (end->outcome == OUTCOME_PASS)
		await_record(a, id, end);
	return ERR_OK;
}

static struct attempt *attempt_new(struct station *st, size_t h,
				   struct target *t,
				   const struct msg_ASSIGNMENT *job,
				   const struct product_expect *expect)
{
	struct attempt *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->result = msg_new(MSG_RESULT);
	if (a->result == NULL) {
		free(a);
		return NULL;
	}
	a->st = st;
	a->h = h;
	a->target = t;
	a->job = *job;
	a->expect = expect;
	a->started = mono_now();
	account_begin(&a->account, t);
	dialogue_init(&a->dlg, t, st->silence_ms, on_uart_text, a);
	return a;
}

static void attempt_free(struct attempt *a)
{
	cache_close(a->file);
	msg_free(a->result);
	free(a);
}

enum err_code attempt_run(struct station *st, size_t h, struct target *t,
			  const struct msg_ASSIGNMENT *job,
			  const struct product_expect *expect,
			  struct attempt_end *end, struct err *e)
{
	struct attempt *a = attempt_new(st, h, t, job, expect);
	enum flow_end how;
	enum err_code rc;

	*end = (struct attempt_end){.outcome = OUTCOME_INDETERMINATE};
	if (a == NULL)
		return err_set(e, ERR_NO_MEMORY, "attempt");
	rc = begin(a, e);
	if (rc != ERR_OK)
		goto out;
	how = run_steps(a, e);
	if (how == FLOW_NOTHING || how == FLOW_UNLABELLED) {
		end->nothing = how == FLOW_NOTHING;
		end->unlabelled = how == FLOW_UNLABELLED;
		rc = spool_attempt_drop(st->spool, a->result->u.RESULT.attempt,
					e);
		log_info(end->nothing ? "PASSED_BEFORE" : "UNLABELLED",
			 "uid=%s", a->result->u.RESULT.uid);
	} else {
		rc = finish(a, how, end, e);
	}
out:
	attempt_free(a);
	return rc;
}
