/* Steps that need the controller's word: permit and licence. */
#include "agent/flow/steps.h"

#include "agent/flow/cardbox.h"
#include "agent/flow/resume.h"
#include "proto/base/hex.h"
#include "proto/base/log.h"

#include <mbedtls/sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RDP_LEVEL_05	0x55u /* RM0456 Rev 6, FLASH_OPTR */
#define DRAIN_PAUSE_MS	100
#define RECORD_SLICE_MS 500

/* ---- permit ---- */

/* The controller must know how earlier attempts ended before it can judge
 * this one: the same unit may be in what still waits on the disk. */
static enum flow_end drain_first(struct attempt *a)
{
	struct spool_row row;
	bool waiting = true;
	struct err e;

	while (waiting) {
		if (spool_next(a->st->spool, 0, &row, &waiting, &e) != ERR_OK)
			return attempt_error(a, FAILURE_STATION, &e);
		if (!waiting)
			break;
		spool_row_fini(&row);
		if (mono_passed(a->deadline))
			return attempt_fail(a, FAILURE_STATION,
					    "earlier results wait for the "
					    "controller still");
		if (!station_pause(a->st, DRAIN_PAUSE_MS))
			return attempt_fail(a, FAILURE_STATION,
					    "the agent stops");
	}
	return FLOW_DONE;
}

static void fill_request(struct attempt *a, struct msg_PERMIT_GET *p)
{
	const struct msg_RESULT *r = &a->result->u.RESULT;

	memcpy(p->attempt, r->attempt, sizeof(p->attempt));
	memcpy(p->harness, r->harness, sizeof(p->harness));
	memcpy(p->lot, r->lot, sizeof(p->lot));
	memcpy(p->uid, r->uid, sizeof(p->uid));
	memcpy(p->board_serial, r->board_serial, sizeof(p->board_serial));
	memcpy(p->started_at, r->started_at, sizeof(p->started_at));
	snprintf(p->condition, sizeof(p->condition), "%s",
		 a->resumed ? "resumed" : "fresh");
	p->dev_id = a->id.dev_id;
	p->rdp = a->resumed ? RDP_LEVEL_05 : a->id.rdp;
}

static enum flow_end take_permit(struct attempt *a, const struct msg_PERMIT *p)
{
	struct msg_RESULT *r = &a->result->u.RESULT;

	if (strcmp(p->attempt, r->attempt) != 0 || p->fence == 0 ||
	    strlen(p->device_id) != SFI_DEVICE_ID_CHARS ||
	    strlen(p->challenge) != 2 * SFI_CHALLENGE_BYTES)
		return attempt_fail(a, FAILURE_STATION,
				    "the permit is not for this attempt");
	a->fence = r->fence = p->fence;
	a->retest = p->retest;
	r->attempt_no = p->attempt_no;
	memcpy(r->device_id, p->device_id, sizeof(r->device_id));
	memcpy(a->challenge, p->challenge, sizeof(a->challenge));
	a->have_licence = p->licence_len == sizeof(a->licence);
	if (a->have_licence) {
		memcpy(a->licence, p->licence, sizeof(a->licence));
		memcpy(r->licence_id, p->licence_id, sizeof(r->licence_id));
		memcpy(r->card_serial, p->licence_card, sizeof(r->card_serial));
	}
	station_lease_take(a->st, a->h, r->attempt, p->fence,
			   (int64_t)p->lease_ms);
	attempt_log(a, "flow: permit, fence %llu, attempt %llu of the unit",
		    (unsigned long long)p->fence,
		    (unsigned long long)p->attempt_no);
	resume_take(a, p);
	return FLOW_DONE;
}

static enum flow_end refused(struct attempt *a, const struct err *e)
{
	switch (e->code) {
	case ERR_EXISTS:
		return attempt_fail(a, FAILURE_PROVISIONED, "%s", e->text);
	case ERR_NOT_FOUND: /* of a locked board: whoever did that */
		return attempt_fail(a,
				    a->resumed ? FAILURE_RDP_LOCKED
					       : FAILURE_PERMIT_REFUSED,
				    "%s", e->text);
	case ERR_UNREACHABLE:
	case ERR_TIMEOUT:
	case ERR_CANCELLED:
	case ERR_NO_MEMORY:
	case ERR_BUG:
		return attempt_fail(a, FAILURE_STATION, "%s", e->text);
	default:
		return attempt_fail(a, FAILURE_PERMIT_REFUSED, "%s", e->text);
	}
}

enum flow_end step_permit(struct attempt *a)
{
	struct link_reply reply = {0};
	struct account_span span = account_enter(&a->account);
	enum flow_end end = drain_first(a);
	struct msg *m;
	struct err e;

	if (end != FLOW_DONE)
		return end;
	m = msg_new(MSG_PERMIT_GET);
	if (m == NULL)
		return attempt_fail(a, FAILURE_STATION, "out of memory");
	fill_request(a, &m->u.PERMIT_GET);
	if (link_call(a->st->link, m, &reply, a->deadline, &e) == ERR_OK)
		end = take_permit(a, &reply.m->u.PERMIT);
	else
		end = refused(a, &e);
	account_leave(&a->account, ACCOUNT_controller_ms, &span);
	link_reply_fini(&reply);
	msg_free(m);
	return end;
}

/* ---- licence ---- */

/* The licence must be for this lot's firmware, whoever kept it. */
static bool licence_fits(const struct attempt *a)
{
	uint8_t wanted[SFI_FWID_BYTES] = {0};

	memcpy(wanted, a->job.fwid, strnlen(a->job.fwid, sizeof(wanted)));
	return memcmp(a->licence, "PLL1", 4) == 0 &&
	       memcmp(a->licence + SFI_FWID_OFFSET, wanted, sizeof(wanted)) ==
		       0;
}

static void chip_key(const struct attempt *a, char out[65])
{
	uint8_t hash[32];

	(void)mbedtls_sha256_ret(a->chip_cert, sizeof(a->chip_cert), hash, 0);
	hex_encode(out, hash, sizeof(hash));
}

static enum flow_end from_cache(struct attempt *a, const char *chip)
{
	struct msg_RESULT *r = &a->result->u.RESULT;
	struct spool_licence kept;
	bool found = false;
	struct err e;

	if (spool_licence_get(a->st->spool, chip, a->job.fwid, &kept, &found,
			      &e) != ERR_OK)
		return attempt_error(a, FAILURE_STATION, &e);
	if (!found)
		return FLOW_SKIPPED;
	memcpy(a->licence, kept.licence, sizeof(a->licence));
	snprintf(r->licence_id, sizeof(r->licence_id), "%s", kept.licence_id);
	snprintf(r->card_serial, sizeof(r->card_serial), "%.16s", kept.card);
	attempt_log(a, "flow: licence %s of this chip used again",
		    r->licence_id);
	return FLOW_DONE;
}

/* The card is about to count: journal, with what it counts from. */
static enum err_code before_issue(void *arg, const struct card_info *info,
				  struct err *e)
{
	struct attempt *a = arg;
	struct msg_RESULT *r = &a->result->u.RESULT;
	enum flow_end end;

	snprintf(r->card_serial, sizeof(r->card_serial), "%s", info->serial);
	attempt_log(a, "flow: card %s counts %u", info->serial,
		    (unsigned)info->counter);
	if (attempt_cross(a, &end))
		return ERR_OK;
	return err_set(e, ERR_STATE, "%s", a->failure_text);
}

static void note_issued(struct attempt *a, const struct card_licence *l)
{
	struct msg_RESULT *r = &a->result->u.RESULT;

	snprintf(r->card_serial, sizeof(r->card_serial), "%s",
		 l->before.serial);
	r->counter_before = l->before.counter;
	r->counter_after = l->after.counter;
}

static void take_licence(struct attempt *a, const struct card_licence *l)
{
	struct msg_RESULT *r = &a->result->u.RESULT;

	memcpy(a->licence, l->licence, sizeof(a->licence));
	hex_encode(r->licence_id, a->licence + SFI_LICENCE_ID_OFFSET,
		   SFI_LICENCE_ID_BYTES);
	attempt_log(a, "flow: licence %s issued, card %s counts %lld",
		    r->licence_id, r->card_serial, (long long)r->counter_after);
}

/* For this chip, should the controller not know it in time. */
static enum flow_end keep_licence(struct attempt *a, const char *chip)
{
	const struct msg_RESULT *r = &a->result->u.RESULT;
	struct spool_licence keep;
	struct err e;

	memcpy(keep.licence, a->licence, sizeof(keep.licence));
	snprintf(keep.licence_id, sizeof(keep.licence_id), "%s", r->licence_id);
	snprintf(keep.card, sizeof(keep.card), "%s", r->card_serial);
	if (spool_licence_put(a->st->spool, chip, a->job.fwid, &keep, &e) !=
	    ERR_OK)
		return attempt_error(a, FAILURE_STATION, &e);
	return FLOW_DONE;
}

static enum flow_end from_card(struct attempt *a)
{
	struct account_span span = account_enter(&a->account);
	struct card_licence got;
	enum failure blamed;
	enum err_code rc;
	struct err e;

	rc = cardbox_licence(a->st->cards, a->job.fwid, a->chip_cert,
			     before_issue, a, &got, &blamed, &e);
	account_leave(&a->account, ACCOUNT_card_ms, &span);
	if (rc == ERR_STATE && a->failure != FAILURE_NONE)
		return FLOW_FAILED; /* attempt_cross() said why */
	if (got.count == CARD_COUNT_SPENT)
		note_issued(a, &got);
	if (rc == ERR_OK) {
		take_licence(a, &got);
		return FLOW_DONE;
	}
	(void)attempt_fail(a, blamed, "%s", e.text);
	return got.count == CARD_COUNT_KEPT ? FLOW_FAILED : FLOW_UNKNOWN;
}

static enum err_code report_json(struct attempt *a, char **json, struct err *e)
{
	const struct msg_RESULT *r = &a->result->u.RESULT;
	struct msg *m = msg_new(MSG_LICENCE_ISSUED);
	struct msg_LICENCE_ISSUED *l;
	enum err_code rc;

	if (m == NULL)
		return err_set(e, ERR_NO_MEMORY, "licence");
	l = &m->u.LICENCE_ISSUED;
	memcpy(l->attempt, r->attempt, sizeof(l->attempt));
	l->fence = a->fence;
	memcpy(l->card_serial, r->card_serial, sizeof(l->card_serial));
	memcpy(l->licence_id, r->licence_id, sizeof(l->licence_id));
	memcpy(l->licence, a->licence, l->licence_len = sizeof(a->licence));
	memcpy(l->chip_certificate, a->chip_cert,
	       l->chip_certificate_len = sizeof(a->chip_cert));
	l->counter_before = (uint64_t)r->counter_before;
	l->counter_after = (uint64_t)r->counter_after;
	rc = msg_to_json(m, json, e);
	msg_free(m);
	return rc;
}

/* The spent count goes into the spool before anything else, so that it gets
 * into the record even if this agent dies now. */
static enum flow_end spool_issued(struct attempt *a, int64_t *id)
{
	char *json = NULL;
	struct err e;
	enum err_code rc = report_json(a, &json, &e);

	if (rc == ERR_OK)
		rc = spool_add(a->st->spool, a->result->u.RESULT.attempt,
			       "licence", json, id, &e);
	free(json);
	station_message(a->st);
	return rc == ERR_OK ? FLOW_DONE : attempt_error(a, FAILURE_STATION, &e);
}

/* And is in the record before the licence is used. */
static enum flow_end await_recorded(struct attempt *a, int64_t id)
{
	enum spool_fate fate = SPOOL_WAITING;
	char text[321];
	struct err e;

	while (fate == SPOOL_WAITING && !mono_passed(a->deadline) &&
	       !station_stopping(a->st))
		if (spool_wait(a->st->spool, id, mono_after_ms(RECORD_SLICE_MS),
			       &fate, text, &e) != ERR_OK)
			return attempt_error(a, FAILURE_STATION, &e);
	if (fate == SPOOL_REFUSED)
		return attempt_fail(a, FAILURE_PERMIT_REFUSED,
				    "the licence was not recorded: %.150s",
				    text);
	if (fate == SPOOL_WAITING)
		return attempt_fail(a, FAILURE_STATION,
				    "the controller did not record the licence "
				    "in time; it is kept for this chip");
	return FLOW_DONE;
}

static enum flow_end issue(struct attempt *a, const char *chip)
{
	enum flow_end end = from_card(a);
	struct account_span span;
	int64_t id = 0;

	if (end != FLOW_DONE)
		return end;
	span = account_enter(&a->account);
	end = spool_issued(a, &id);
	if (end == FLOW_DONE)
		end = keep_licence(a, chip);
	if (end == FLOW_DONE)
		end = await_recorded(a, id);
	account_leave(&a->account, ACCOUNT_controller_ms, &span);
	return end;
}

enum flow_end step_licence(struct attempt *a)
{
	enum flow_end end;
	char chip[65];
	struct err e;

	if (a->resumed)
		return FLOW_SKIPPED;
	if (target_chip_certificate(a->target, a->chip_cert, &e) != ERR_OK)
		return attempt_error(a, FAILURE_CHIP_CERTIFICATE, &e);
	if (a->have_licence && licence_fits(a)) {
		attempt_log(a, "flow: licence %s, issued before",
			    a->result->u.RESULT.licence_id);
		return FLOW_DONE;
	}
	chip_key(a, chip);
	end = from_cache(a, chip);
	if (end == FLOW_SKIPPED)
		end = issue(a, chip);
	if (end == FLOW_DONE && !licence_fits(a))
		end = attempt_fail(a, FAILURE_CARD_WRONG,
				   "the licence is for another firmware");
	return end;
}
