#include "bench/chip/board.h"

#include <string.h>

enum {
	CR = 0x00,
	ICSCR1 = 0x08,
	CFGR1 = 0x1C,
	CFGR2 = 0x20,
	PLL1CFGR = 0x28,
	PLL1DIVR = 0x34,
	AHB1ENR = 0x88,
	AHB2ENR1 = 0x8C,
	CSR = 0xF4,
	VOSR = 0x0C,
	SVMSR = 0x3C,
};

#define CR_MSIS	   (1u << 0)
#define CR_MSISRDY (1u << 2)
#define CSR_RMVF   (1u << 23)
#define CSR_FLAGS  0xFE000000u
#define HSI_HZ	   16000000ull
#define HSE_HZ	   16000000ull
#define MAX_HZ	   160000000ull

/* MSI ranges (RM0456 Rev 6, RCC_ICSCR1.MSISRANGE) in Hz. */
static const uint32_t MSI_HZ[16] = {48000000, 24000000, 16000000, 12000000,
				    4000000,  2000000,	1330000,  1000000,
				    3072000,  1536000,	1024000,  768000,
				    400000,   200000,	133000,	  100000};

static uint64_t msi_hz(const struct rcc *r)
{
	if (r->reg[ICSCR1 / 4] & (1u << 23))
		return MSI_HZ[r->reg[ICSCR1 / 4] >> 28];
	return 4000000;
}

static uint64_t pll_hz(const struct rcc *r)
{
	uint32_t cfg = r->reg[PLL1CFGR / 4], div = r->reg[PLL1DIVR / 4];
	uint64_t n = (div & 0x1FFu) + 1u, p = (div >> 24 & 0x7Fu) + 1u;
	uint64_t m = (cfg >> 8 & 0xFu) + 1u, in = 0;

	switch (cfg & 3u) {
	case 1:
		in = msi_hz(r);
		break;
	case 2:
		in = HSI_HZ;
		break;
	case 3:
		in = HSE_HZ;
		break;
	default:
		break;
	}
	return in / m * n / p;
}

/* CFGR2's AHB and APB dividers. */
static unsigned ahb_shift(uint32_t code)
{
	static const uint8_t SHIFT[8] = {1, 2, 3, 4, 6, 7, 8, 9};

	return code & 8u ? SHIFT[code & 7u] : 0;
}

static unsigned apb_shift(uint32_t code)
{
	return code & 4u ? (code & 3u) + 1u : 0;
}

static void update_clock(struct chip *c)
{
	struct rcc *r = &c->rcc;
	uint64_t hz = msi_hz(r);

	switch (r->reg[CFGR1 / 4] & 3u) {
	case 1:
		hz = HSI_HZ;
		break;
	case 2:
		hz = HSE_HZ;
		break;
	case 3:
		hz = pll_hz(r);
		break;
	default:
		break;
	}
	if (hz == 0)
		hz = msi_hz(r);
	if (hz > MAX_HZ)
		hz = MAX_HZ;
	tim_settle(c);
	r->sysclk_hz = hz;
	r->hclk_hz = hz >> ahb_shift(r->reg[CFGR2 / 4] & 0xFu);
	cpu_set_clock(c, r->hclk_hz);
}

void rcc_reset(struct chip *c, unsigned reason)
{
	struct rcc *r = &c->rcc;
	uint32_t causes = reason == RESET_POWER ? 0u : r->reg[CSR / 4];

	memset(r->reg, 0, sizeof(r->reg));
	memset(r->pwr, 0, sizeof(r->pwr));
	r->reg[CR / 4] = CR_MSIS | CR_MSISRDY;
	r->reg[ICSCR1 / 4] = 0x44000000u;
	r->reg[PLL1DIVR / 4] = 0x01010280u;
	r->reg[AHB1ENR / 4] = 0xD0200100u;
	r->reg[AHB2ENR1 / 4] = 0xC0000000u;
	/* Every reset but power-on pulls the pin too. */
	r->reg[CSR / 4] = (causes & CSR_FLAGS) | reason | RESET_PIN;
	update_clock(c);
}

bool rcc_enabled(const struct chip *c, uint32_t off, unsigned bit)
{
	return c->rcc.reg[off / 4] >> bit & 1u;
}

uint64_t rcc_pclk1_hz(const struct chip *c)
{
	return c->rcc.hclk_hz >> apb_shift(c->rcc.reg[CFGR2 / 4] >> 4 & 7u);
}

uint64_t rcc_timer1_hz(const struct chip *c)
{
	uint64_t pclk = rcc_pclk1_hz(c);

	return pclk == c->rcc.hclk_hz ? pclk : 2 * pclk;
}

/* Oscillators and PLLs are ready as soon as they are on. */
static uint32_t with_ready_bits(uint32_t cr)
{
	static const struct {
		uint8_t on, ready;
	} PAIRS[] = {{0, 2},   {4, 5},	 {8, 10},  {12, 13}, {14, 15},
		     {16, 17}, {24, 25}, {26, 27}, {28, 29}};

	for (size_t i = 0; i < sizeof(PAIRS) / sizeof(PAIRS[0]); i++) {
		cr &= ~(1u << PAIRS[i].ready);
		cr |= (cr >> PAIRS[i].on & 1u) << PAIRS[i].ready;
	}
	return cr;
}

uint32_t rcc_read(struct chip *c, unsigned index, uint32_t off, unsigned size)
{
	uint32_t v;

	(void)index;
	(void)size;
	if (off >= sizeof(c->rcc.reg))
		return 0;
	v = c->rcc.reg[off / 4];
	if (off == CR)
		return with_ready_bits(v);
	if (off == CFGR1) /* SWS follows SW */
		return (v & ~0xCu) | (v & 3u) << 2;
	return v;
}

void rcc_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
	       uint32_t value)
{
	struct rcc *r = &c->rcc;

	(void)index;
	(void)size;
	if (off >= sizeof(r->reg))
		return;
	if (off == CSR) {
		uint32_t flags =
			value & CSR_RMVF ? 0 : r->reg[CSR / 4] & CSR_FLAGS;

		r->reg[CSR / 4] = flags | (value & 0x7Fu & ~CSR_FLAGS);
		return;
	}
	r->reg[off / 4] = value;
	if (off <= PLL1DIVR)
		update_clock(c);
}

/* -------- PWR -------- */

uint32_t pwr_read(struct chip *c, unsigned index, uint32_t off, unsigned size)
{
	uint32_t v;

	(void)index;
	(void)size;
	if (off >= sizeof(c->rcc.pwr))
		return 0;
	v = c->rcc.pwr[off / 4];
	if (off == VOSR) /* VOSRDY, and BOOSTRDY after BOOSTEN */
		return v | 1u << 15 | (v >> 18 & 1u) << 14;
	if (off == SVMSR) /* ACTVOS, ACTVOSRDY; supplies present */
		return (c->rcc.pwr[VOSR / 4] >> 16 & 3u) << 16 | 1u << 15 |
		       0x1F000000u;
	return v;
}

void pwr_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
	       uint32_t value)
{
	(void)index;
	(void)size;
	if (off < sizeof(c->rcc.pwr))
		c->rcc.pwr[off / 4] = value;
}
