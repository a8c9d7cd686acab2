/* Permit, licence and result of an attempt: each is one writing job. */
#include "controller/session/private.h"

#include "proto/base/hex.h"
#include "proto/base/log.h"

#include <string.h>

/* The canonical text of the request, by which repetition is told from
 * conflict. False: the ask is refused. */
static bool take_content(struct ask *a)
{
	struct err e = {0};

	if (!msg_to_json(a->m, &a->content, &e))
		return true;
	ask_refuse(a, &e, 0);
	return false;
}

static void on_done(void *arg, const struct err *e)
{
	struct ask *a = arg;

	if (e->code)
		ask_refuse(a, e, a->retry_ms);
	else
		ask_reply(a);
}

/* ---- permit ---- */

static enum err_code run_permit(struct store_db *db, void *arg, struct err *e)
{
	struct ask *a = arg;
	const struct msg_PERMIT_GET *m = &a->m->u.PERMIT_GET;
	char device_id[CSR_DEVICE_ID_SIZE];
	uint8_t uid[SFI_UID_BYTES];

	if (!hex_decode(uid, sizeof uid, m->uid))
		return err_set(e, ERR_MALFORMED, "a permit without UID");
	csr_device_id(device_id, uid);
	return store_permit(db, &a->actor, m, a->content, device_id,
			    a->s->config.lease_ms, &a->reply->u.PERMIT,
			    &a->retry_ms, e);
}

static void on_permit(void *arg, const struct err *e)
{
	struct ask *a = arg;
	const struct msg_PERMIT_GET *m = &a->m->u.PERMIT_GET;

	if (e->code)
		log_info("PERMIT_REFUSED", "lot=%s uid=%s station=%s code=%s",
			 m->lot, m->uid, a->actor.station, err_name(e->code));
	else
		log_info("PERMIT_GRANTED",
			 "lot=%s uid=%s station=%s fence=%llu", m->lot, m->uid,
			 a->actor.station,
			 (unsigned long long)a->reply->u.PERMIT.fence);
	on_done(a, e);
	live_changed(a->s);
}

void handle_permit_get(struct ask *a, struct peer *p)
{
	(void)p;
	if (take_content(a) && ask_prepare(a, MSG_PERMIT))
		store_write(a->s->config.store, run_permit, on_permit, a);
}

static enum err_code run_renew(struct store_db *db, void *arg, struct err *e)
{
	struct ask *a = arg;

	return store_permit_renew(db, &a->actor, &a->m->u.PERMIT_RENEW,
				  a->s->config.lease_ms, e);
}

void handle_permit_renew(struct ask *a, struct peer *p)
{
	(void)p;
	if (ask_prepare(a, MSG_NOTED))
		store_write_finishing(a->s->config.store, run_renew, on_done,
				      a);
}

/* ---- licence ---- */

static void fill_recorded(struct ask *a, const char *attempt)
{
	struct msg_RECORDED *r = &a->reply->u.RECORDED;

	memcpy(r->attempt, attempt, sizeof r->attempt);
	r->record_seq = a->receipt.seq;
	memcpy(r->record_hash, a->receipt.hash, sizeof r->record_hash);
}

static enum err_code run_licence(struct store_db *db, void *arg, struct err *e)
{
	struct ask *a = arg;

	return store_licence(db, &a->actor, &a->m->u.LICENCE_ISSUED,
			     &a->receipt, e);
}

static void on_licence(void *arg, const struct err *e)
{
	struct ask *a = arg;

	fill_recorded(a, a->m->u.LICENCE_ISSUED.attempt);
	on_done(a, e);
}

void handle_licence_issued(struct ask *a, struct peer *p)
{
	(void)p;
	if (ask_prepare(a, MSG_RECORDED))
		store_write_finishing(a->s->config.store, run_licence,
				      on_licence, a);
}

/* ---- result ---- */

static enum err_code run_result(struct store_db *db, void *arg, struct err *e)
{
	struct ask *a = arg;

	return store_result(db, &a->actor, &a->m->u.RESULT, a->content,
			    &a->receipt, &a->downgraded, a->why, e);
}

static void on_result(void *arg, const struct err *e)
{
	struct ask *a = arg;
	const struct msg_RESULT *m = &a->m->u.RESULT;
	struct err down;

	fill_recorded(a, m->attempt);
	if (e->code) {
		log_warn("RESULT_REFUSED", "attempt=%s station=%s code=%s",
			 m->attempt, a->actor.station, err_name(e->code));
		ask_refuse(a, e, 0);
	} else if (a->downgraded) {
		/* On disk, but not as a pass: the light must not go green. */
		err_set(&down, ERR_STATE, "recorded as indeterminate: %s",
			a->why);
		log_warn("PASS_NOT_BELIEVED", "attempt=%s text=\"%s\"",
			 m->attempt, a->why);
		ask_refuse(a, &down, 0);
	} else {
		log_info("RESULT",
			 "lot=%s uid=%s outcome=%s failure=%s seq=%llu", m->lot,
			 m->uid, m->outcome, m->failure_code,
			 (unsigned long long)a->receipt.seq);
		ask_reply(a);
	}
	live_changed(a->s);
}

void handle_result(struct ask *a, struct peer *p)
{
	(void)p;
	if (take_content(a) && ask_prepare(a, MSG_RECORDED))
		store_write_finishing(a->s->config.store, run_result, on_result,
				      a);
}
