/* Running a batch: where a transfer went wrong, what that says about the ones
 * around it, and from where to go on. The ladder itself is in dp.c.
 */
#include "agent/drv/adi_private.h"

#include "proto/base/log.h"

#include <assert.h>

/* How often a stream is streamed before it goes word by word, and how many
 * that may be in a row before there are no streams any more. */
#define STREAM_TRIES	 2
#define STREAMS_LOST_MAX 4
/* Bus errors without progress before one is believed. */
#define FAULT_TRIES	 2

struct run {
	struct adi *a;
	struct swd_transfer *t;
	const struct place *place;
	size_t count;
	enum adi_policy policy;
	size_t at;	 /* to be done next */
	size_t furthest; /* everything before it has been done */
	size_t ended;	 /* the transfer that was not OK */
	bool unsure;	 /* t[at] is a stream that may have failed */
	unsigned stream_tries, faults;
	struct mono wait_deadline;
	int64_t repair_ns; /* spent so far */
	size_t muted;	   /* this one's result has been delivered before */
};

static bool is_drw(const struct swd_transfer *t)
{
	return t->ap && t->addr == AP_DRW;
}

/* A bus error shows at the transfer after the one that caused it. */
static enum err_code bus_error(struct run *r, struct err *e)
{
	size_t at = r->ended;

	while (at > 0 && !is_drw(&r->t[at - 1]))
		at--;
	r->a->fault_addr = r->place[at > 0 ? at - 1 : r->ended].addr;
	return err_set(e, ERR_TARGET_FAULT,
		       "the board refuses the %s of 0x%08x",
		       at > 0 && r->t[at - 1].read ? "read" : "write",
		       (unsigned)r->a->fault_addr);
}

/* Go on from t[i]: point the AP to where it has to be then. */
static enum err_code go_on_from(struct run *r, size_t i, struct err *e)
{
	const struct swd_wire *wire = &r->a->dp.wire;
	struct swd_transfer aim_at[2] = {
		{.ap = true, .addr = AP_CSW, .value = r->place[i].csw},
		{.ap = true, .addr = AP_TAR, .value = r->place[i].addr}};
	size_t done;
	enum swd_end end;
	enum err_code rc;

	r->at = i;
	rc = wire->ops->transfer(wire->ctx, aim_at, 2, &done, &end, e);
	if (rc == ERR_OK && end != SWD_END_ALL)
		rc = err_set(e, ERR_WIRE, "SWD transfer disturbed");
	return rc;
}

/* The last place from which everything that is in doubt can be done again: an
 * AP access. When that is a read, what it brings belongs to the access before
 * it, which is not done again. */
static size_t place_to_repeat(struct run *r)
{
	size_t i = r->at > 0 && !r->unsure ? r->at - 1 : r->at;

	while (i > 0 && !r->t[i].ap)
		i--;
	r->muted = i;
	return i;
}

/* As far back as two data accesses: a port that buffers a write tells of its
 * bus error one transfer later. */
static void step_before_error(struct run *r)
{
	for (int n = 0; n < 2; n++) {
		while (r->at > 0 && !is_drw(&r->t[r->at - 1]))
			r->at--;
		if (r->at > 0)
			r->at--;
	}
	r->unsure = true;
}

/* A wire that can be repaired again and again is of no use either. */
static enum err_code repair(struct run *r, bool lost, const char *why,
			    struct err *e)
{
	struct mono before = mono_now();
	enum err_code rc = dp_repair(&r->a->dp, lost, why, e);

	r->repair_ns += mono_now().ns - before.ns;
	if (rc == ERR_OK && r->repair_ns > ADI_REPAIR_BUDGET_MS * 1000000LL)
		rc = err_set(e, ERR_WIRE,
			     "SWD near 0x%08x was repaired for more than %d ms "
			     "in one go, last for: %s",
			     (unsigned)r->place[r->at].addr,
			     ADI_REPAIR_BUDGET_MS, why);
	return rc;
}

static enum err_code recover(struct run *r, bool lost, const char *why,
			     struct err *e)
{
	enum err_code rc;

	do {
		rc = repair(r, lost, why, e);
		if (rc != ERR_OK)
			return rc;
		if (r->policy == ADI_ONCE)
			return err_set(e, ERR_WIRE,
				       "SWD transfer disturbed near 0x%08x",
				       (unsigned)r->place[r->at].addr);
		rc = go_on_from(r, place_to_repeat(r), e);
	} while (rc == ERR_WIRE);
	return rc;
}

/* A write was dropped for its parity and nothing after it done: it can go
 * again as it is, once; when that does not help, the ladder. */
static enum err_code on_dropped_write(struct run *r, struct err *e)
{
	enum err_code rc;

	r->a->stats.parity_errors++;
	rc = repair(r, false, "a write with wrong parity", e);
	if (rc != ERR_OK)
		return rc;
	if (r->a->dp.rung != 1)
		return recover(r, false, "writes with wrong parity", e);
	if (r->policy == ADI_ONCE && !r->unsure && !r->t[r->at - 1].read) {
		r->at--;
		return ERR_OK;
	}
	/* should the FAULT have been noise and the parity error have come
	 * later, the AP points elsewhere */
	rc = go_on_from(r, place_to_repeat(r), e);
	return rc == ERR_WIRE ? recover(r, true, "no acknowledge", e) : rc;
}

static enum err_code on_sticky_error(struct run *r, struct err *e)
{
	enum err_code rc = dp_write(&r->a->dp, DP_ABORT, DP_ABORT_CLEAR_ALL, e);

	if (rc == ERR_WIRE)
		return recover(r, true, "no acknowledge", e);
	if (rc != ERR_OK)
		return rc;
	/* of a stream only a slow repetition tells which word it was */
	if (!r->unsure) {
		if (r->policy == ADI_ONCE || ++r->faults >= FAULT_TRIES)
			return bus_error(r, e);
		step_before_error(r);
	}
	rc = go_on_from(r, place_to_repeat(r), e);
	return rc == ERR_WIRE ? recover(r, true, "no acknowledge", e) : rc;
}

static enum err_code on_wait(struct run *r, struct err *e)
{
	bool over = mono_passed(r->wait_deadline);
	uint32_t clear = DP_ABORT_ORUNERRCLR | (over ? DP_ABORT_DAPABORT : 0u);
	enum err_code rc = dp_abort(&r->a->dp, clear, e);

	r->a->stats.waits++;
	if (rc == ERR_OK && over)
		return err_set(e, ERR_WIRE,
			       "the bus does not answer at 0x%08x for %d ms",
			       (unsigned)r->place[r->at].addr,
			       ADI_WAIT_BUDGET_MS);
	if (rc == ERR_OK && r->unsure)
		rc = go_on_from(r, r->at, e);
	return rc == ERR_WIRE ? recover(r, true, "no acknowledge", e) : rc;
}

static enum err_code on_fault(struct run *r, struct err *e)
{
	uint32_t stat = 0;
	enum err_code rc = dp_read(&r->a->dp, DP_CTRL_STAT, &stat, e);

	r->a->stats.faults++;
	if (rc == ERR_WIRE)
		return recover(r, true, "no acknowledge", e);
	if (rc != ERR_OK)
		return rc;
	if ((stat & DP_CTRL_WDATAERR) != 0 && r->ended > 0 &&
	    r->a->dp.rung == 0)
		return on_dropped_write(r, e);
	if ((stat & DP_CTRL_STICKYERR) != 0)
		return on_sticky_error(r, e);
	if ((stat & DP_CTRL_STICKYORUN) != 0 && r->unsure)
		return on_wait(r, e); /* somewhere in the stream */
	return recover(r, false, "FAULT, but no flag says why", e);
}

static enum err_code on_end(struct run *r, enum swd_end end, struct err *e)
{
	switch (end) {
	case SWD_END_ALL:
		return ERR_OK;
	case SWD_END_WAIT:
		return on_wait(r, e);
	case SWD_END_FAULT:
		return on_fault(r, e);
	case SWD_END_PARITY:
		r->a->stats.parity_errors++;
		return recover(r, false, "a read with wrong parity", e);
	case SWD_END_NO_ACK:
		r->a->stats.no_acks++;
		return recover(r, true, "no acknowledge", e);
	}
	assert(false);
	return ERR_BUG;
}

static void deliver(struct run *r, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		if (r->place[i].out != NULL && i != r->muted)
			*r->place[i].out = r->t[i].value;
		if (r->t[i].count > 0)
			r->a->streams_lost = 0;
		r->a->stats.transfers += r->t[i].count > 0 ? r->t[i].count : 1;
	}
}

/* done more were OK. Of streams that is known when the transfer after them
 * was. */
static void advance_run(struct run *r, size_t done, enum swd_end end)
{
	size_t from = r->at;

	r->at += done;
	r->ended = r->at;
	if (end != SWD_END_ALL)
		while (r->at > 0 && r->t[r->at - 1].count > 0)
			r->at--;
	r->unsure = r->at != r->ended;
	deliver(r, from, r->at);
	if (r->at > r->furthest) {
		r->furthest = r->at;
		r->stream_tries = r->faults = 0;
		dp_progress(&r->a->dp);
		r->wait_deadline = mono_after_ms(ADI_WAIT_BUDGET_MS);
	}
	r->stream_tries += r->unsure;
}

/* How many transfers from r->at on can go to the wire as they are: all, or
 * those before the next stream where streams are of no use. */
static size_t ready(const struct run *r)
{
	size_t n = 0;

	if (r->stream_tries >= STREAM_TRIES && r->t[r->at].count > 0)
		return 0;
	if (!r->a->stream_off)
		return r->count - r->at;
	while (r->at + n < r->count && r->t[r->at + n].count == 0)
		n++;
	return n;
}

/* Until the end, or until a stream has to go word by word. */
static enum err_code run_through(struct run *r, struct err *e)
{
	const struct swd_wire *wire = &r->a->dp.wire;
	size_t n;

	r->wait_deadline = mono_after_ms(ADI_WAIT_BUDGET_MS);
	while ((n = ready(r)) > 0) {
		size_t done;
		enum swd_end end;
		enum err_code rc = wire->ops->transfer(wire->ctx, r->t + r->at,
						       n, &done, &end, e);

		if (rc != ERR_OK)
			return rc;
		advance_run(r, done, end);
		rc = on_end(r, end, e);
		if (rc != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

static void count_lost_stream(struct adi *a, uint32_t addr)
{
	if (a->stream_off || ++a->streams_lost < STREAMS_LOST_MAX)
		return;
	a->stream_off = true;
	log_warn("SWD_STREAM_OFF",
		 "addr=0x%08x clock_hz=%u reason=\"%u KiB in a row were "
		 "disturbed\"",
		 (unsigned)addr, (unsigned)a->dp.clock_hz, STREAMS_LOST_MAX);
}

/* The stream at r->at as single writes, the last one waited for. */
static enum err_code run_word_by_word(struct run *r, struct err *e)
{
	struct swd_transfer t[SWD_STREAM_MAX + 3];
	struct place place[SWD_STREAM_MAX + 3];
	const struct swd_transfer *s = &r->t[r->at];
	struct place p = r->place[r->at];
	struct run one = {.a = r->a,
			  .t = t,
			  .place = place,
			  .count = s->count + 3u,
			  .policy = ADI_REPEAT,
			  .repair_ns = r->repair_ns,
			  .muted = SIZE_MAX};
	enum err_code rc;

	t[0] = (struct swd_transfer){
		.ap = true, .addr = AP_CSW, .value = p.csw};
	t[1] = (struct swd_transfer){
		.ap = true, .addr = AP_TAR, .value = p.addr};
	place[0] = place[1] = p;
	for (uint32_t i = 0; i < s->count; i++, p.addr += 4) {
		t[2 + i] = (struct swd_transfer){
			.ap = true, .addr = AP_DRW, .value = s->words[i]};
		place[2 + i] = p;
	}
	t[one.count - 1] = (struct swd_transfer){
		.read = true, .addr = DP_RDBUFF, .idle_us = s->idle_us};
	place[one.count - 1] = p;
	count_lost_stream(r->a, r->place[r->at].addr);
	rc = run_through(&one, e);
	r->repair_ns = one.repair_ns;
	r->at++;
	r->stream_tries = r->faults = 0;
	return rc;
}

static enum err_code run_queue(struct run *r, struct err *e)
{
	enum err_code rc;

	for (;;) {
		rc = run_through(r, e);
		if (rc != ERR_OK || r->at == r->count)
			return rc;
		rc = run_word_by_word(r, e);
		if (rc != ERR_OK)
			return rc;
	}
}

static void place_words(struct adi *a)
{
	const uint32_t *words = a->words;

	for (size_t i = 0; i < a->count; i++) {
		a->t[i].words = words;
		words += a->t[i].count;
	}
}

enum err_code adi_run(struct adi *a, enum adi_policy policy, struct err *e)
{
	struct run r = {.a = a, .policy = policy, .muted = SIZE_MAX};
	enum err_code rc;

	if (a->count == 0)
		return ERR_OK;
	adi_queue_end(a);
	if (a->word_count > 0)
		place_words(a);
	r.t = a->t;
	r.place = a->place;
	r.count = a->count;
	rc = run_queue(&r, e);
	adi_drop(a);
	return rc;
}
