#include "agent/flow/keeper.h"

#include "agent/flow/cardbox.h"
#include "proto/base/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CALL_MS		 5000
#define RECORD_MS	 15000
#define NEWS_MS		 200 /* shortest time between heartbeats */
#define UNBOUND_MS	 50
#define LOOK_MS		 100 /* at the link */
#define RETRY_REFUSED_MS 60000

/* ---- heartbeat ---- */

static void beat(struct keeper *k)
{
	struct msg *m = msg_new(MSG_HEARTBEAT);
	struct link_reply r = {0};
	struct err e;
	size_t spooled = 0;

	if (m == NULL)
		return;
	(void)spool_count(k->st->spool, &spooled, NULL);
	m->u.HEARTBEAT.spooled = spooled;
	station_fill(k->st, &m->u.HEARTBEAT);
	cardbox_fill(k->st->cards, &m->u.HEARTBEAT);
	if (link_call(k->st->link, m, &r, mono_after_ms(CALL_MS), &e) == ERR_OK)
		station_set_orders(k->st, &r.m->u.ORDERS);
	else
		log_warn("HEARTBEAT_LOST", "error=%s text=\"%s\"",
			 err_name(e.code), e.text);
	link_reply_fini(&r);
	msg_free(m);
	k->next_beat = mono_after_ms(link_heartbeat_ms(k->st->link));
}

/* ---- leases and log lines ---- */

static void renew(struct keeper *k, size_t h)
{
	struct msg *m = msg_new(MSG_PERMIT_RENEW);
	struct link_reply r = {0};
	struct mono asked = mono_now();
	enum err_code rc;
	struct err e;

	if (m == NULL)
		return;
	if (!station_lease_due(k->st, h, &m->u.PERMIT_RENEW))
		goto out;
	rc = link_call(k->st->link, m, &r, mono_after_ms(CALL_MS), &e);
	if (rc == ERR_OK) {
		station_lease_renewed(k->st, h, m->u.PERMIT_RENEW.attempt,
				      asked);
	} else if (!err_retryable(rc)) {
		station_lease_lost(k->st, h, m->u.PERMIT_RENEW.attempt, e.text);
		log_warn("LEASE_LOST", "attempt=%s error=%s text=\"%s\"",
			 m->u.PERMIT_RENEW.attempt, err_name(rc), e.text);
	}
	link_reply_fini(&r);
out:
	msg_free(m);
}

static void send_log(struct keeper *k, size_t h)
{
	struct msg *m = msg_new(MSG_PROGRESS);
	struct link_reply r = {0};
	struct err e;

	if (m == NULL)
		return;
	if (station_take_log(k->st, h, &m->u.PROGRESS) &&
	    link_call(k->st->link, m, &r, mono_after_ms(CALL_MS), &e) != ERR_OK)
		log_debug("PROGRESS_LOST", "error=%s text=\"%s\"",
			  err_name(e.code), e.text);
	link_reply_fini(&r);
	msg_free(m);
}

/* ---- the spool ---- */

/* True when the row has been dealt with, false to stop for now. */
static bool send_row(struct keeper *k, const struct spool_row *row)
{
	struct msg *m = NULL;
	struct link_reply r = {0};
	enum err_code rc;
	struct err e;

	rc = msg_from_json(&m, row->message, strlen(row->message), true, &e);
	if (rc == ERR_OK)
		rc = link_call(k->st->link, m, &r, mono_after_ms(RECORD_MS),
			       &e);
	if (rc == ERR_OK) {
		rc = spool_recorded(k->st->spool, row->id,
				    r.m->u.RECORDED.record_seq,
				    r.m->u.RECORDED.record_hash, &e);
		if (rc == ERR_OK)
			log_info("RECORDED", "attempt=%s kind=%s seq=%" PRIu64,
				 row->attempt, row->kind,
				 r.m->u.RECORDED.record_seq);
	} else if (!err_retryable(rc)) {
		log_error("NOT_RECORDED",
			  "attempt=%s kind=%s error=%s text=\"%s\"",
			  row->attempt, row->kind, err_name(rc), e.text);
		rc = spool_refused(k->st->spool, row->id, e.text, &e);
	}
	link_reply_fini(&r);
	msg_free(m);
	return rc == ERR_OK;
}

static void drain(struct keeper *k)
{
	struct spool_row row;
	bool found = true, go_on = true;
	int64_t after = 0;
	struct err e;

	if (mono_passed(k->retry_refused)) {
		(void)spool_retry(k->st->spool, NULL);
		k->retry_refused = mono_after_ms(RETRY_REFUSED_MS);
	}
	while (go_on && found && !station_stopping(k->st)) {
		if (spool_next(k->st->spool, after, &row, &found, &e) !=
		    ERR_OK) {
			log_error("SPOOL", "error=%s text=\"%s\"",
				  err_name(e.code), e.text);
			return;
		}
		if (found) {
			after = row.id;
			go_on = send_row(k, &row);
			spool_row_fini(&row);
		}
	}
}

/* ---- rounds ---- */

static void log_link(struct keeper *k, enum err_code rc, const struct err *e)
{
	if (rc == k->shown || rc == ERR_CANCELLED)
		return;
	k->shown = rc;
	if (rc != ERR_OK)
		log_warn("LINK_DOWN", "error=%s text=\"%s\"", err_name(rc),
			 e->text);
}

static bool any_news(struct station *s)
{
	bool any;

	pthread_mutex_lock(&s->lock);
	any = s->state_new;
	pthread_mutex_unlock(&s->lock);
	return any;
}

int64_t keeper_round(struct keeper *k)
{
	if (!link_bound(k->st->link)) {
		k->next_beat = mono_now();
		return UNBOUND_MS;
	}
	for (size_t h = 0; h < k->st->harness_n; h++) {
		renew(k, h);
		send_log(k, h);
	}
	drain(k);
	if (mono_passed(k->next_beat) || any_news(k->st))
		beat(k);
	return NEWS_MS;
}

static void *keeper_thread(void *arg)
{
	struct keeper *k = arg;

	while (station_await_message(k->st, keeper_round(k)))
		;
	return NULL;
}

static void *linker_thread(void *arg)
{
	struct keeper *k = arg;
	int64_t wait_ms;
	struct err e;

	do {
		log_link(k, link_service(k->st->link, &e), &e);
		wait_ms = link_service_in_ms(k->st->link);
	} while (station_pause(k->st, wait_ms > LOOK_MS ? LOOK_MS : wait_ms));
	return NULL;
}

enum err_code keeper_start(struct keeper *k, struct station *st, struct err *e)
{
	*k = (struct keeper){.st = st, .shown = ERR_COUNT};
	k->next_beat = mono_now();
	k->retry_refused = mono_after_ms(RETRY_REFUSED_MS);
	(void)spool_retry(st->spool, NULL);
	if (pthread_create(&k->linker, NULL, linker_thread, k) != 0)
		return err_set(e, ERR_NO_MEMORY, "cannot start a thread");
	if (pthread_create(&k->thread, NULL, keeper_thread, k) != 0) {
		station_stop(st);
		(void)pthread_join(k->linker, NULL);
		return err_set(e, ERR_NO_MEMORY, "cannot start a thread");
	}
	return ERR_OK;
}

void keeper_join(struct keeper *k)
{
	(void)pthread_join(k->thread, NULL);
	(void)pthread_join(k->linker, NULL);
}
