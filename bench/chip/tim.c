#include "bench/chip/board.h"

#include <string.h>

enum {
	CR1 = 0x00,
	CR2 = 0x04,
	SMCR = 0x08,
	DIER = 0x0C,
	SR = 0x10,
	EGR = 0x14,
	CCMR1 = 0x18,
	CCMR2 = 0x1C,
	CCER = 0x20,
	CNT = 0x24,
	PSC = 0x28,
	ARR = 0x2C,
	CCR1 = 0x34,
};

#define CR1_CEN	 1u
#define CR1_UDIS 2u
#define CR1_URS	 4u
#define CR1_OPM	 8u
#define SR_UIF	 1u
#define EGR_UG	 1u

static uint32_t width_mask(unsigned index)
{
	return index < 4 ? 0xFFFFFFFFu : 0xFFFFu; /* TIM6, TIM7: 16 bits */
}

void tim_reset(struct chip *c)
{
	memset(c->tim, 0, sizeof(c->tim));
	for (unsigned i = 0; i < TIM_COUNT; i++)
		c->tim[i].arr = width_mask(i);
}

static uint64_t tick_ps(const struct chip *c, const struct tim *t)
{
	return 1000000000000ull / rcc_timer1_hz(c) * (t->psc_live + 1u);
}

/* Flags of the compare channels that the counter has met on its way from
 * `from` (not included) over `ticks` steps. */
static void match(struct tim *t, uint32_t from, uint64_t ticks)
{
	uint64_t period = (uint64_t)t->arr + 1u;

	for (unsigned i = 0; i < 4; i++) {
		uint64_t to;

		if (t->ccr[i] > t->arr)
			continue;
		to = t->ccr[i] > from ? t->ccr[i] - from
				      : t->ccr[i] + period - from;
		if (to <= ticks)
			t->sr |= 2u << i;
	}
}

/* Bring the counter up to now. */
static void sync_one(struct chip *c, struct tim *t)
{
	uint64_t now = board_time_ps(c), ticks, to_wrap;
	uint64_t period = (uint64_t)t->arr + 1u;

	if (!(t->cr1 & CR1_CEN) || now <= t->since_ps || t->arr == 0)
		return;
	ticks = (now - t->since_ps) / tick_ps(c, t);
	if (ticks == 0)
		return;
	to_wrap = t->cnt < period ? period - t->cnt : 1;
	if (ticks < to_wrap) {
		match(t, t->cnt, ticks);
		t->since_ps += ticks * tick_ps(c, t);
		t->cnt += (uint32_t)ticks;
		return;
	}
	match(t, t->cnt, t->cr1 & CR1_OPM ? to_wrap : ticks);
	t->since_ps += to_wrap * tick_ps(c, t);
	t->cnt = 0;
	t->psc_live = t->psc;
	if (!(t->cr1 & CR1_UDIS))
		t->sr |= SR_UIF;
	if (t->cr1 & CR1_OPM) {
		t->cr1 &= ~CR1_CEN;
		return;
	}
	ticks = now > t->since_ps ? (now - t->since_ps) / tick_ps(c, t) : 0;
	t->since_ps += ticks * tick_ps(c, t);
	t->cnt = (uint32_t)(ticks % period);
}

static void tim_sync(struct chip *c, unsigned index)
{
	sync_one(c, &c->tim[index]);
}

void tim_settle(struct chip *c)
{
	if (!c->rcc.hclk_hz)
		return;
	for (unsigned i = 0; i < TIM_COUNT; i++) {
		tim_sync(c, i);
		/* The fraction of a tick under way is lost. */
		if (c->tim[i].cr1 & CR1_CEN)
			c->tim[i].since_ps = board_time_ps(c);
	}
}

static uint64_t next_of(struct chip *c, struct tim *t)
{
	uint64_t period = (uint64_t)t->arr + 1u, least = UINT64_MAX;

	if (!(t->cr1 & CR1_CEN) || t->arr == 0)
		return BOARD_NEVER;
	if (!(t->sr & SR_UIF) || (t->cr1 & CR1_OPM))
		least = t->cnt < period ? period - t->cnt : 1;
	for (unsigned i = 0; i < 4; i++) {
		uint64_t to;

		if ((t->sr & 2u << i) || t->ccr[i] > t->arr)
			continue;
		to = t->ccr[i] > t->cnt ? t->ccr[i] - t->cnt
					: t->ccr[i] + period - t->cnt;
		if (to < least)
			least = to;
	}
	if (least == UINT64_MAX)
		return BOARD_NEVER;
	return t->since_ps + least * tick_ps(c, t);
}

uint64_t tim_next_event(struct chip *c, uint64_t t_ps)
{
	uint64_t next = BOARD_NEVER;

	for (unsigned i = 0; i < TIM_COUNT; i++) {
		uint64_t at;

		tim_sync(c, i);
		at = next_of(c, &c->tim[i]);
		if (at > t_ps && at < next)
			next = at;
	}
	return next;
}

/* -------- registers -------- */

uint32_t tim_read(struct chip *c, unsigned index, uint32_t off, unsigned size)
{
	struct tim *t = &c->tim[index];

	(void)size;
	tim_sync(c, index);
	switch (off) {
	case CR1:
		return t->cr1;
	case CR2:
		return t->cr2;
	case SMCR:
		return t->smcr;
	case DIER:
		return t->dier;
	case SR:
		return t->sr;
	case CCMR1:
		return t->ccmr1;
	case CCMR2:
		return t->ccmr2;
	case CCER:
		return t->ccer;
	case CNT:
		return t->cnt;
	case PSC:
		return t->psc;
	case ARR:
		return t->arr;
	default:
		break;
	}
	if (off >= CCR1 && off < CCR1 + 16)
		return t->ccr[(off - CCR1) / 4];
	return 0;
}

static void generate_update(struct chip *c, struct tim *t)
{
	t->cnt = 0;
	t->since_ps = board_time_ps(c);
	t->psc_live = t->psc;
	if (!(t->cr1 & (CR1_URS | CR1_UDIS)))
		t->sr |= SR_UIF;
}

static void write_cr1(struct chip *c, struct tim *t, uint32_t value)
{
	if ((value & CR1_CEN) && !(t->cr1 & CR1_CEN))
		t->since_ps = board_time_ps(c);
	t->cr1 = value & 0x1BFFu;
}

static uint32_t *plain_register(struct tim *t, uint32_t off)
{
	switch (off) {
	case CR2:
		return &t->cr2;
	case SMCR:
		return &t->smcr;
	case DIER:
		return &t->dier;
	case CCMR1:
		return &t->ccmr1;
	case CCMR2:
		return &t->ccmr2;
	case CCER:
		return &t->ccer;
	default:
		break;
	}
	if (off >= CCR1 && off < CCR1 + 16)
		return &t->ccr[(off - CCR1) / 4];
	return NULL;
}

void tim_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
	       uint32_t value)
{
	struct tim *t = &c->tim[index];
	uint32_t *plain = plain_register(t, off);

	(void)size;
	tim_sync(c, index);
	if (plain) {
		*plain = value;
		return;
	}
	switch (off) {
	case CR1:
		write_cr1(c, t, value);
		break;
	case SR: /* write 0 to clear */
		t->sr &= value;
		break;
	case EGR:
		if (value & EGR_UG)
			generate_update(c, t);
		t->sr |= value & 0x1Eu;
		break;
	case CNT:
		t->cnt = value & width_mask(index);
		t->since_ps = board_time_ps(c);
		break;
	case PSC:
		t->psc = value & 0xFFFFu;
		break;
	case ARR:
		t->arr = value & width_mask(index);
		break;
	default:
		break;
	}
}
