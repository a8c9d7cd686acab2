#include "bench/chip/board.h"

#include <string.h>

enum {
	ISR = 0x00,
	IER = 0x04,
	CR = 0x08,
	CFGR1 = 0x0C,
	CFGR2 = 0x10,
	SMPR1 = 0x14,
	SMPR2 = 0x18,
	PCSEL = 0x1C,
	SQR1 = 0x30,
	DR = 0x40,
};

#define ISR_ADRDY     (1u << 0)
#define ISR_EOC	      (1u << 2)
#define ISR_EOS	      (1u << 3)
#define ISR_LDORDY    (1u << 12)
#define CR_ADEN	      (1u << 0)
#define CR_ADDIS      (1u << 1)
#define CR_ADSTART    (1u << 2)
#define CR_ADVREGEN   (1u << 28)
#define CR_DEEPPWD    (1u << 29)
#define CR_ADCAL      (1u << 31)
#define FULL_MV	      3300u
#define SENSOR_MV     1650u
#define SENSOR_BAD_MV 400u
#define CALIBRATE_PS  100000000ull
#define CONVERT_PS    2000000ull

void adc_reset(struct chip *c)
{
	memset(&c->adc, 0, sizeof(c->adc));
	c->adc.cr = CR_DEEPPWD;
}

static uint32_t convert(struct chip *c)
{
	struct adc *a = &c->adc;
	unsigned bits = 14u - 2u * (a->cfgr1 >> 2 & 3u);
	unsigned channel = a->sqr1 >> 6 & 0x1Fu;
	uint32_t mv = 0, value;

	if (channel == c->wiring->rail_channel && (a->pcsel >> channel & 1u))
		mv = board_has(c, FAULT_APP_TEST_FAIL) ? SENSOR_BAD_MV
						       : SENSOR_MV;
	value = mv * ((1u << bits) - 1u) / FULL_MV;
	return value + (mv ? a->noise++ % 3u : 0u);
}

/* The operation under way ends. */
static void adc_sync(struct chip *c)
{
	struct adc *a = &c->adc;

	if (!a->ready_ps || board_time_ps(c) < a->ready_ps)
		return;
	a->ready_ps = 0;
	a->cr &= ~CR_ADCAL;
	if (a->cr & CR_ADSTART) {
		a->cr &= ~CR_ADSTART;
		a->dr = convert(c);
		a->isr |= ISR_EOC | ISR_EOS;
	}
}

uint64_t adc_next_event(struct chip *c, uint64_t t_ps)
{
	return c->adc.ready_ps > t_ps ? c->adc.ready_ps : BOARD_NEVER;
}

static uint32_t *plain_register(struct adc *a, uint32_t off)
{
	switch (off) {
	case IER:
		return &a->ier;
	case CFGR1:
		return &a->cfgr1;
	case CFGR2:
		return &a->cfgr2;
	case SMPR1:
		return &a->smpr1;
	case SMPR2:
		return &a->smpr2;
	case PCSEL:
		return &a->pcsel;
	case SQR1:
		return &a->sqr1;
	default:
		return NULL;
	}
}

uint32_t adc_read(struct chip *c, unsigned index, uint32_t off, unsigned size)
{
	struct adc *a = &c->adc;
	const uint32_t *plain = plain_register(a, off);

	(void)index;
	(void)size;
	adc_sync(c);
	if (plain)
		return *plain;
	switch (off) {
	case ISR:
		return a->isr | (a->cr & CR_ADVREGEN ? ISR_LDORDY : 0u);
	case CR:
		return a->cr;
	case DR:
		a->isr &= ~ISR_EOC;
		return a->dr;
	default:
		return 0;
	}
}

static void write_cr(struct chip *c, uint32_t v)
{
	struct adc *a = &c->adc;
	bool regulator = a->cr & CR_ADVREGEN;
	uint64_t now = board_time_ps(c);

	a->cr = (v & (CR_ADVREGEN | CR_DEEPPWD)) |
		(a->cr & (CR_ADEN | CR_ADSTART | CR_ADCAL));
	if (!regulator)
		return;
	if ((v & CR_ADCAL) && !(a->cr & CR_ADEN)) {
		a->cr |= CR_ADCAL;
		a->ready_ps = now + CALIBRATE_PS;
	}
	if (v & CR_ADEN) {
		a->cr |= CR_ADEN;
		a->isr |= ISR_ADRDY;
	}
	if (v & CR_ADDIS) {
		a->cr &= ~(CR_ADEN | CR_ADSTART);
		a->isr &= ~ISR_ADRDY;
	}
	if ((v & CR_ADSTART) && (a->cr & CR_ADEN)) {
		a->cr |= CR_ADSTART;
		a->ready_ps = now + CONVERT_PS;
	}
}

void adc_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
	       uint32_t value)
{
	struct adc *a = &c->adc;
	uint32_t *plain = plain_register(a, off);

	(void)index;
	(void)size;
	adc_sync(c);
	if (plain)
		*plain = value;
	else if (off == ISR)
		a->isr &= ~value;
	else if (off == CR)
		write_cr(c, value);
}
