#include "agent/flow/station.h"

#include <stdio.h>
#include <string.h>

#define CUT_NOTE "[lines left out]\n"

void station_init(struct station *s, const char *const *names, size_t harness_n)
{
	pthread_condattr_t attr;

	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	s->harness_n = harness_n;
	for (size_t h = 0; h < harness_n; h++) {
		struct msg_HARNESS_STATE *st = &s->harness[h].shown;

		snprintf(st->harness, sizeof(st->harness), "%s", names[h]);
		snprintf(st->state, sizeof(st->state), "empty");
		snprintf(s->harness[h].order.harness,
			 sizeof(s->harness[h].order.harness), "%s", names[h]);
	}
}

void station_fini(struct station *s)
{
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
}

/* ---- stopping ---- */

void station_stop(struct station *s)
{
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

bool station_stopping(struct station *s)
{
	bool stopping;

	pthread_mutex_lock(&s->lock);
	stopping = s->stopping;
	pthread_mutex_unlock(&s->lock);
	return stopping;
}

static struct timespec until(struct mono deadline)
{
	return (struct timespec){.tv_sec = deadline.ns / 1000000000,
				 .tv_nsec = deadline.ns % 1000000000};
}

bool station_pause(struct station *s, int64_t wait_ms)
{
	struct mono deadline = mono_after_ms(wait_ms);
	struct timespec ts = until(deadline);
	bool stopping;

	pthread_mutex_lock(&s->lock);
	while (!s->stopping && !mono_passed(deadline))
		(void)pthread_cond_timedwait(&s->changed, &s->lock, &ts);
	stopping = s->stopping;
	pthread_mutex_unlock(&s->lock);
	return !stopping;
}

static void news(struct station *s)
{
	s->state_new = true;
	pthread_cond_broadcast(&s->changed);
}

/* ---- what is shown ---- */

/* Copy text into a field; true when that changes it. */
static bool set(char *field, size_t size, const char *text)
{
	if (strncmp(field, text, size - 1) == 0)
		return false;
	snprintf(field, size, "%s", text);
	return true;
}

void station_show(struct station *s, size_t h, const char *state,
		  enum step step, const char *note)
{
	struct msg_HARNESS_STATE *st = &s->harness[h].shown;
	bool changed;

	pthread_mutex_lock(&s->lock);
	changed = set(st->state, sizeof(st->state), state);
	if (step != STEP_COUNT &&
	    set(st->step, sizeof(st->step), step_name(step))) {
		st->percent = 0;
		changed = true;
	}
	if (note != NULL && set(st->note, sizeof(st->note), note))
		changed = true;
	if (changed)
		news(s);
	pthread_mutex_unlock(&s->lock);
}

void station_show_percent(struct station *s, size_t h, unsigned percent)
{
	pthread_mutex_lock(&s->lock);
	s->harness[h].shown.percent = percent > 100 ? 100 : percent;
	s->state_new = true; /* may wait for the next heartbeat */
	pthread_mutex_unlock(&s->lock);
}

void station_show_unit(struct station *s, size_t h, const char *attempt,
		       const char *uid)
{
	struct msg_HARNESS_STATE *st = &s->harness[h].shown;

	pthread_mutex_lock(&s->lock);
	snprintf(st->attempt, sizeof(st->attempt), "%s", attempt);
	snprintf(st->uid, sizeof(st->uid), "%s", uid);
	news(s);
	pthread_mutex_unlock(&s->lock);
}

void station_show_label(struct station *s, size_t h, const char *serial)
{
	struct msg_HARNESS_STATE *st = &s->harness[h].shown;

	pthread_mutex_lock(&s->lock);
	snprintf(st->board_serial, sizeof(st->board_serial), "%s", serial);
	news(s);
	pthread_mutex_unlock(&s->lock);
}

void station_label(struct station *s, size_t h, char serial[33])
{
	pthread_mutex_lock(&s->lock);
	memcpy(serial, s->harness[h].shown.board_serial, 33);
	pthread_mutex_unlock(&s->lock);
}

void station_show_failure(struct station *s, size_t h, const char *code)
{
	struct msg_HARNESS_STATE *st = &s->harness[h].shown;

	pthread_mutex_lock(&s->lock);
	snprintf(st->failure_code, sizeof(st->failure_code), "%s", code);
	news(s);
	pthread_mutex_unlock(&s->lock);
}

void station_fill(struct station *s, struct msg_HEARTBEAT *hb)
{
	pthread_mutex_lock(&s->lock);
	hb->harnesses_n = s->harness_n;
	for (size_t h = 0; h < s->harness_n; h++)
		hb->harnesses[h] = s->harness[h].shown;
	s->state_new = false;
	pthread_mutex_unlock(&s->lock);
}

void station_message(struct station *s)
{
	pthread_mutex_lock(&s->lock);
	s->message_new = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

bool station_await_message(struct station *s, int64_t wait_ms)
{
	struct mono deadline = mono_after_ms(wait_ms);
	struct timespec ts = until(deadline);
	bool stopping;

	pthread_mutex_lock(&s->lock);
	while (!s->stopping && !s->message_new && !mono_passed(deadline))
		(void)pthread_cond_timedwait(&s->changed, &s->lock, &ts);
	s->message_new = false;
	stopping = s->stopping;
	pthread_mutex_unlock(&s->lock);
	return !stopping;
}

/* ---- log lines ---- */

void station_log(struct station *s, size_t h, const char *attempt,
		 const char *text)
{
	struct station_harness *hs = &s->harness[h];
	size_t len = strlen(text);

	pthread_mutex_lock(&s->lock);
	if (strcmp(hs->log_attempt, attempt) != 0) {
		snprintf(hs->log_attempt, sizeof(hs->log_attempt), "%s",
			 attempt);
		hs->log_len = 0;
		hs->log_cut = false;
	}
	if (hs->log_len + len + 1 + sizeof(CUT_NOTE) <= sizeof(hs->log)) {
		memcpy(hs->log + hs->log_len, text, len);
		hs->log_len += len;
		hs->log[hs->log_len++] = '\n';
	} else {
		hs->log_cut = true;
	}
	pthread_mutex_unlock(&s->lock);
}

bool station_take_log(struct station *s, size_t h, struct msg_PROGRESS *p)
{
	struct station_harness *hs = &s->harness[h];
	bool any;

	pthread_mutex_lock(&s->lock);
	any = hs->log_len > 0;
	if (any) {
		snprintf(p->harness, sizeof(p->harness), "%s",
			 hs->shown.harness);
		memcpy(p->attempt, hs->log_attempt, sizeof(p->attempt));
		memcpy(p->log, hs->log, hs->log_len);
		p->log[hs->log_len] = '\0';
		if (hs->log_cut)
			memcpy(p->log + hs->log_len, CUT_NOTE,
			       sizeof(CUT_NOTE));
		hs->log_len = 0;
		hs->log_cut = false;
	}
	pthread_mutex_unlock(&s->lock);
	return any;
}

/* ---- orders ---- */

static const struct msg_ASSIGNMENT *find(const struct msg_ORDERS *o,
					 const char *harness)
{
	for (size_t i = 0; i < o->assignments_n; i++)
		if (strcmp(o->assignments[i].harness, harness) == 0)
			return &o->assignments[i];
	return NULL;
}

void station_set_orders(struct station *s, const struct msg_ORDERS *orders)
{
	pthread_mutex_lock(&s->lock);
	for (size_t h = 0; h < s->harness_n; h++) {
		struct msg_ASSIGNMENT *mine = &s->harness[h].order;
		const struct msg_ASSIGNMENT *a =
			find(orders, s->harness[h].shown.harness);

		if (a != NULL)
			*mine = *a;
		else
			mine->lot[0] = '\0';
	}
	pthread_mutex_unlock(&s->lock);
}

bool station_order(struct station *s, size_t h, struct msg_ASSIGNMENT *order)
{
	bool work;

	pthread_mutex_lock(&s->lock);
	*order = s->harness[h].order;
	pthread_mutex_unlock(&s->lock);
	work = order->lot[0] != '\0' &&
	       strcmp(order->lot_state, "running") == 0;
	return work;
}

/* ---- leases ---- */

void station_lease_take(struct station *s, size_t h, const char *attempt,
			uint64_t fence, int64_t lease_ms)
{
	struct station_lease *l = &s->harness[h].lease;

	pthread_mutex_lock(&s->lock);
	*l = (struct station_lease){
		.fence = fence, .lease_ms = lease_ms, .renewed = mono_now()};
	snprintf(l->attempt, sizeof(l->attempt), "%s", attempt);
	pthread_mutex_unlock(&s->lock);
}

void station_lease_end(struct station *s, size_t h)
{
	pthread_mutex_lock(&s->lock);
	s->harness[h].lease.attempt[0] = '\0';
	pthread_mutex_unlock(&s->lock);
}

enum err_code station_lease_check(struct station *s, size_t h, struct err *e)
{
	struct station_lease *l = &s->harness[h].lease;
	enum err_code rc = ERR_OK;

	pthread_mutex_lock(&s->lock);
	if (l->attempt[0] == '\0')
		rc = err_set(e, ERR_STATE, "no permit");
	else if (l->lost)
		rc = err_set(e, ERR_STATE, "the permit was taken back: %s",
			     l->why);
	else if (mono_diff_ms(mono_now(), l->renewed) >= l->lease_ms)
		rc = err_set(e, ERR_STATE,
			     "the permit ran out: the controller was away for "
			     "longer than its lease");
	pthread_mutex_unlock(&s->lock);
	return rc;
}

bool station_lease_due(struct station *s, size_t h, struct msg_PERMIT_RENEW *r)
{
	struct station_lease *l = &s->harness[h].lease;
	bool due;

	pthread_mutex_lock(&s->lock);
	due = l->attempt[0] != '\0' && !l->lost &&
	      mono_diff_ms(mono_now(), l->renewed) >= l->lease_ms / 3;
	if (due) {
		memcpy(r->attempt, l->attempt, sizeof(r->attempt));
		r->fence = l->fence;
	}
	pthread_mutex_unlock(&s->lock);
	return due;
}

void station_lease_renewed(struct station *s, size_t h, const char *attempt,
			   struct mono asked)
{
	struct station_lease *l = &s->harness[h].lease;

	pthread_mutex_lock(&s->lock);
	if (strcmp(l->attempt, attempt) == 0)
		l->renewed = asked;
	pthread_mutex_unlock(&s->lock);
}

void station_lease_lost(struct station *s, size_t h, const char *attempt,
			const char *why)
{
	struct station_lease *l = &s->harness[h].lease;

	pthread_mutex_lock(&s->lock);
	if (strcmp(l->attempt, attempt) == 0) {
		l->lost = true;
		snprintf(l->why, sizeof(l->why), "%s", why);
	}
	pthread_mutex_unlock(&s->lock);
}
