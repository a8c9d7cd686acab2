#include "bench/wire/swj.h"

#define LINE_RESET_ONES 50u /* B4.3.3 */
#define TLR_ONES	5u  /* Test-Logic-Reset */

/* B5.2 and B5.3, as sent, least significant bit first. */
#define JTAG_TO_SWD	0xE79Eu
#define SWD_TO_JTAG	0xE73Cu
#define SWD_TO_DORMANT	0xE3BCu
#define JTAG_TO_DORMANT 0x33BBBBBAu /* 31 bits */
#define ALERT_LO	0x86852D956209F392u
#define ALERT_HI	0x19BC0EA2E3DDAFE9u
#define ACTIVATE_SWD	0x1Au
#define ACTIVATE_JTAG	0x0Au
#define ACTIVATION_BITS 12u /* 4 low, then the code */

void swj_init(struct swj *s)
{
	*s = (struct swj){.mode = SWJ_JTAG};
}

static enum swj_event enter(struct swj *s, enum swj_mode mode)
{
	s->mode = mode;
	s->alerted = 0;
	switch (mode) {
	case SWJ_SWD:
		return SWJ_TO_SWD;
	case SWJ_JTAG:
		return SWJ_TO_JTAG;
	default:
		return SWJ_TO_DORMANT;
	}
}

bool swj_is_quiet(const struct swj *s)
{
	return s->mode == SWJ_SWD && s->hi == 0 && s->lo == 0 && s->ones == 0 &&
	       s->last_ones == 0;
}

static void shift(struct swj *s, bool level)
{
	s->lo = s->lo >> 1 | s->hi << 63;
	s->hi = s->hi >> 1 | (uint64_t)level << 63;
	if (level) {
		s->ones++;
		s->since += s->last_ones != 0;
		return;
	}
	if (s->ones >= LINE_RESET_ONES) {
		s->last_ones = s->ones;
		s->since = 0;
	}
	s->ones = 0;
	s->since += s->last_ones != 0;
	if (s->since > 16)
		s->last_ones = 0;
}

static uint32_t last_bits(const struct swj *s, unsigned n)
{
	return (uint32_t)(s->hi >> (64 - n));
}

static enum swj_event dormant_bit(struct swj *s)
{
	if (s->hi == ALERT_HI && s->lo == ALERT_LO) {
		s->alerted = 1;
		return SWJ_NOTHING;
	}
	if (s->alerted == 0 || s->alerted++ < ACTIVATION_BITS)
		return SWJ_NOTHING;
	s->alerted = 0;
	if (last_bits(s, ACTIVATION_BITS) == ACTIVATE_SWD << 4)
		return enter(s, SWJ_SWD);
	if (last_bits(s, ACTIVATION_BITS) == ACTIVATE_JTAG << 4)
		return enter(s, SWJ_JTAG);
	return SWJ_NOTHING;
}

/* 31 bits after at least five ones; the sequence itself begins with a zero. */
static bool jtag_to_dormant(const struct swj *s)
{
	uint64_t tail = s->hi >> (64 - 31 - TLR_ONES);

	return tail ==
	       ((uint64_t)JTAG_TO_DORMANT << TLR_ONES | ((1u << TLR_ONES) - 1));
}

enum swj_event swj_bit(struct swj *s, bool level)
{
	uint32_t code;

	shift(s, level);
	if (s->mode == SWJ_DORMANT)
		return dormant_bit(s);
	if (s->mode == SWJ_JTAG && jtag_to_dormant(s))
		return enter(s, SWJ_DORMANT);
	if (s->last_ones == 0 || s->since != 16)
		return SWJ_NOTHING;
	code = last_bits(s, 16);
	if (s->mode == SWJ_JTAG && code == JTAG_TO_SWD)
		return enter(s, SWJ_SWD);
	if (s->mode == SWJ_SWD && code == SWD_TO_JTAG)
		return enter(s, SWJ_JTAG);
	if (s->mode == SWJ_SWD && code == SWD_TO_DORMANT)
		return enter(s, SWJ_DORMANT);
	return SWJ_NOTHING;
}
