#include "bench/wire/swd.h"

#include <stddef.h>

#define LINE_RESET_ONES 50u
#define DATA_BITS	33u /* with parity */
#define ACK_BITS	3u
#define PACKET_BITS	46u

#define REQ_AP		0x02u
#define REQ_READ	0x04u
#define REQ_STOP	0x40u
#define REQ_PARK	0x80u

#define A23_DPIDR	0u
#define A23_RDBUFF	3u
#define A23_TARGETSEL	3u

void swd_init(struct swd *s, const struct wire_bus *bus,
	      const struct swd_faults *faults)
{
	*s = (struct swd){.bus = bus, .phase = SWD_OFFLINE};
	if (faults != NULL)
		s->faults = *faults;
	wire_rng_init(&s->rng, s->faults.seed);
	swj_init(&s->swj);
	dp_init(&s->dp, bus);
}

static void enter(struct swd *s, enum swd_phase phase, unsigned left)
{
	s->phase = phase;
	s->left = left;
	s->drive = phase == SWD_ACK || phase == SWD_READ;
}

static void lock_out(struct swd *s)
{
	s->counts.protocol_errors++;
	enter(s, SWD_LOCKOUT, 0);
}

static bool parity_of(uint32_t v)
{
	return __builtin_parity(v) != 0;
}

/* -------- injected faults -------- */

static bool hit(struct swd *s, uint32_t one_in, uint64_t at)
{
	return wire_rng_one_in(&s->rng, one_in) ||
	       (at != 0 && at == s->counts.transfers);
}

static enum dp_ack inject_ack(struct swd *s, enum dp_ack ack)
{
	const struct swd_faults *f = &s->faults;

	if (ack != DP_ACK_OK || (!s->ap && !(s->read && s->a23 == A23_RDBUFF)))
		return ack;
	if (hit(s, f->wait_one_in, f->wait_at))
		return DP_ACK_WAIT;
	if (hit(s, f->fault_one_in, f->fault_at)) {
		s->dp.ctrl |= DP_STICKYERR;
		return DP_ACK_FAULT;
	}
	return ack;
}

static void inject_noise(struct swd *s)
{
	const struct swd_faults *f = &s->faults;

	if (hit(s, f->noise_one_in, f->noise_at) ||
	    (s->fast && wire_rng_one_in(&s->rng, f->fast_one_in)))
		s->noise = f->noise_bit != 0
				   ? f->noise_bit
				   : 1 + wire_rng_below(&s->rng, PACKET_BITS);
	if (hit(s, 0, f->stuck_at))
		s->stuck = true;
}

/* -------- the request -------- */

static bool request_valid(const struct swd *s)
{
	uint8_t r = s->request;

	return parity_of(r >> 1 & 0x1Fu) == 0 && (r & REQ_STOP) == 0 &&
	       (r & REQ_PARK) != 0;
}

static bool allowed_after_reset(const struct swd *s)
{
	if (s->ap)
		return false;
	return s->read ? s->a23 == A23_DPIDR : s->a23 == A23_TARGETSEL;
}

static void request_done(struct swd *s)
{
	unsigned trn = s->dp.turnround;

	s->ap = (s->request & REQ_AP) != 0;
	s->read = (s->request & REQ_READ) != 0;
	s->a23 = s->request >> 3 & 3u;
	s->targetsel = !s->ap && !s->read && s->a23 == A23_TARGETSEL;
	if (!request_valid(s) || (s->after_reset && !allowed_after_reset(s)) ||
	    (s->targetsel && !s->after_reset) || !s->bus->alive(s->bus->arg)) {
		lock_out(s);
		return;
	}
	s->counts.transfers++;
	if (hit(s, 0, s->faults.lost_at)) {
		lock_out(s);
		return;
	}
	s->after_reset = false;
	inject_noise(s);
	if (s->targetsel)
		/* B4.3.4: the acknowledge is not driven. */
		enter(s, SWD_TRN_WRITE, trn + ACK_BITS + trn);
	else
		enter(s, SWD_TRN_ACK, trn);
}

/* Turnaround over: decide the answer and put its first bit on the line. */
static void answer(struct swd *s)
{
	s->ack = inject_ack(s, dp_ack(&s->dp, s->ap, s->read, s->a23));
	if (s->ack == DP_ACK_WAIT) {
		s->counts.waits++;
		dp_overrun(&s->dp);
	} else if (s->ack == DP_ACK_FAULT) {
		s->counts.faults++;
	} else if (s->read) {
		uint32_t v = dp_read(&s->dp, s->ap, s->a23);
		bool p = parity_of(v);

		if (hit(s, s->faults.parity_one_in, s->faults.parity_at))
			p = !p;
		s->shift = v | (uint64_t)p << 32;
	}
	enter(s, SWD_ACK, ACK_BITS);
	s->out = s->ack & 1;
}

/* B4.2.3, B4.2.4: without overrun detection the transfer ends after a WAIT or
 * FAULT; with it the data phase is always there. */
static void ack_sent(struct swd *s)
{
	unsigned trn = s->dp.turnround;

	if (s->ack == DP_ACK_OK) {
		if (s->read) {
			enter(s, SWD_READ, DATA_BITS);
			s->out = s->shift & 1;
		} else {
			enter(s, SWD_TRN_WRITE, trn);
		}
		return;
	}
	if (s->dp.ctrl & DP_ORUNDETECT)
		trn += DATA_BITS;
	enter(s, SWD_SKIP, trn);
}

/* B4.3.4: stay selected when the ids match. */
static void target_select(struct swd *s, uint32_t value, bool parity)
{
	if (parity_of(value) != parity || !dp_is_target(&s->dp, value)) {
		enter(s, SWD_LOCKOUT, 0);
		return;
	}
	s->after_reset = true; /* DPIDR must be read next */
	enter(s, SWD_IDLE, 0);
}

static void write_done(struct swd *s)
{
	uint32_t value = (uint32_t)s->shift;
	bool parity = s->shift >> 32 & 1;

	if (s->targetsel) {
		target_select(s, value, parity);
		return;
	}
	enter(s, SWD_IDLE, 0);
	if (parity_of(value) != parity)
		dp_write_parity_error(&s->dp);
	else
		dp_write(&s->dp, s->ap, s->a23, value);
}

/* -------- one clock -------- */

static void clock_idle(struct swd *s, bool level)
{
	if (level) {
		s->request = 1;
		enter(s, SWD_REQUEST, 7);
	}
}

static void clock_reset(struct swd *s, bool level)
{
	if (level) {
		if (s->left == 1) /* one idle cycle is not enough */
			lock_out(s);
	} else if (s->left == 1) {
		s->after_reset = true;
		enter(s, SWD_IDLE, 0);
	} else {
		s->left = 1;
	}
}

static void clock_transfer(struct swd *s, bool level)
{
	bool last = --s->left == 0;

	switch (s->phase) {
	case SWD_REQUEST:
		s->request |= (uint8_t)(level << (7 - s->left));
		if (last)
			request_done(s);
		break;
	case SWD_TRN_ACK:
		if (last)
			answer(s);
		break;
	case SWD_ACK:
		s->out = s->ack >> (ACK_BITS - s->left) & 1;
		if (last)
			ack_sent(s);
		break;
	case SWD_READ:
		s->shift >>= 1;
		s->out = s->shift & 1;
		if (last)
			enter(s, SWD_SKIP, s->dp.turnround);
		break;
	case SWD_TRN_WRITE:
		if (last) {
			enter(s, SWD_WRITE, DATA_BITS);
			s->shift = 0;
		}
		break;
	case SWD_WRITE:
		s->shift |= (uint64_t)level << (DATA_BITS - 1 - s->left);
		if (last)
			write_done(s);
		break;
	default:
		if (last)
			enter(s, SWD_IDLE, 0);
		break;
	}
}

static void line_reset(struct swd *s)
{
	if (s->phase == SWD_OFFLINE)
		return;
	dp_line_reset(&s->dp);
	enter(s, SWD_RESET, 0);
}

void swd_rise(struct swd *s, bool level)
{
	enum swj_event event = swj_bit(&s->swj, level);

	s->counts.edges++;
	if (s->noise > 0)
		s->noise--;
	if (event == SWJ_TO_SWD)
		enter(s, SWD_LOCKOUT, 0); /* until the line reset */
	else if (event != SWJ_NOTHING)
		enter(s, SWD_OFFLINE, 0);
	if (s->swj.ones >= LINE_RESET_ONES) {
		if (s->phase != SWD_RESET)
			line_reset(s);
		return;
	}
	switch (s->phase) {
	case SWD_OFFLINE:
	case SWD_LOCKOUT:
		break;
	case SWD_RESET:
		clock_reset(s, level);
		break;
	case SWD_IDLE:
		clock_idle(s, level);
		break;
	default:
		clock_transfer(s, level);
		break;
	}
}

bool swd_is_steady(const struct swd *s, bool level)
{
	return !level && s->phase == SWD_IDLE && !s->drive && s->noise == 0 &&
	       swj_is_quiet(&s->swj);
}

void swd_pass(struct swd *s, uint64_t edges)
{
	s->counts.edges += edges;
}
