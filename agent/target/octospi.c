#include "agent/target/octospi.h"

#include "agent/target/u5_regs.h"

#include <assert.h>
#include <string.h>

#define READY_BUDGET_MS 50
#define MSI_BUDGET_MS	10
/* Clocks between two reads of the status register while polling. */
#define POLL_INTERVAL	16u
#define PLL_PRESCALER	8u

static uint32_t reg(const struct octospi *o, uint32_t offset)
{
	return o->wiring->ospi + offset;
}

/* Registers to be changed in some bits: all are read in one exchange and all
 * written in the next. */
struct change {
	uint32_t addr, clear, set;
};
#define CHANGES_MAX 8u

static enum err_code change_bits(struct adi *a, const struct change *c,
				 size_t count, struct err *e)
{
	uint32_t v[CHANGES_MAX];
	enum err_code rc;

	assert(count <= CHANGES_MAX);
	for (size_t i = 0; i < count; i++)
		adi_get32(a, c[i].addr, &v[i]);
	rc = adi_run(a, ADI_REPEAT, e);
	if (rc != ERR_OK)
		return rc;
	for (size_t i = 0; i < count; i++)
		adi_put32(a, c[i].addr, (v[i] & ~c[i].clear) | c[i].set);
	return adi_run(a, ADI_REPEAT, e);
}

/* MSI from its 4 MHz after reset to 24 MHz, the most that the voltage range
 * after reset allows (RM0456 table 104); flash wait states first. */
static enum err_code start_clock(struct adi *a, struct err *e)
{
	const struct change clock[] = {
		{U5_FLASH + U5_FLASH_ACR, U5_FLASH_ACR_LATENCY, 3u},
		{U5_RCC + U5_RCC_ICSCR1, U5_RCC_ICSCR1_RANGE,
		 U5_RCC_ICSCR1_24MHZ | U5_RCC_ICSCR1_MSIRGSEL},
	};
	enum err_code rc = change_bits(a, clock, 2, e);

	if (rc == ERR_OK)
		rc = adi_wait32(a, U5_RCC + U5_RCC_CR, U5_RCC_CR_MSISRDY,
				U5_RCC_CR_MSISRDY, MSI_BUDGET_MS, NULL, e);
	return rc;
}

static enum err_code start_bus_clocks(struct octospi *o, struct err *e)
{
	const struct wiring *w = o->wiring;
	struct change clocks[] = {
		{U5_RCC + U5_RCC_AHB2ENR1, 0, U5_RCC_AHB2ENR1_OCTOSPIM},
		{U5_RCC + U5_RCC_AHB2ENR2, 0, w->ospi_clock},
	};

	for (unsigned i = 0; i < WIRING_ROLES; i++)
		clocks[0].set |= 1u << w->nor[i].port;
	return change_bits(o->adi, clocks, 2, e);
}

/* The NOR's pins on one port. What the NOR says is pulled up, so that one which
 * is not there reads as all ones. */
static enum err_code start_port(struct octospi *o, unsigned port, struct err *e)
{
	const struct wiring *w = o->wiring;
	uint32_t base = U5_GPIOA + port * U5_GPIO_STRIDE;
	uint32_t both = 0, up = 0, af[2] = {0}, af_mask[2] = {0};
	struct change c[CHANGES_MAX];
	size_t n = 0;

	for (unsigned i = 0; i < WIRING_ROLES; i++) {
		struct wiring_pin p = w->nor[i];

		if (p.port != port)
			continue;
		both |= 3u << p.pin * 2;
		up |= i == WIRING_IO1 ? 1u << p.pin * 2 : 0u;
		af_mask[p.pin / 8] |= 0xFu << p.pin % 8 * 4;
		af[p.pin / 8] |= (uint32_t)p.function << p.pin % 8 * 4;
	}
	for (unsigned i = 0; i < 2; i++)
		if (af_mask[i] != 0)
			c[n++] = (struct change){base + U5_GPIO_AFRL + 4 * i,
						 af_mask[i], af[i]};
	c[n++] = (struct change){base + U5_GPIO_OSPEEDR, 0, both};
	c[n++] = (struct change){base + U5_GPIO_PUPDR, both, up};
	c[n++] =
		(struct change){base + U5_GPIO_MODER, both, both & 0xAAAAAAAAu};
	return change_bits(o->adi, c, n, e);
}

/* The NOR's pins, once their ports have their clock. */
static enum err_code start_pins(struct octospi *o, struct err *e)
{
	enum err_code rc = start_bus_clocks(o, e);
	uint32_t started = 0;

	for (unsigned i = 0; i < WIRING_ROLES && rc == ERR_OK; i++) {
		unsigned port = o->wiring->nor[i].port;

		if ((started & 1u << port) == 0)
			rc = start_port(o, port, e);
		started |= 1u << port;
	}
	return rc;
}

/* Back to idle from whatever it was doing. */
static enum err_code abort_all(struct octospi *o, struct err *e)
{
	enum err_code rc = adi_write32(o->adi, reg(o, U5_OSPI_CR),
				       U5_OSPI_CR_EN | U5_OSPI_CR_ABORT, e);

	o->mapped = false;
	if (rc == ERR_OK)
		rc = adi_wait32(o->adi, reg(o, U5_OSPI_SR), U5_OSPI_SR_BUSY, 0,
				READY_BUDGET_MS, NULL, e);
	return rc;
}

void octospi_set_size(struct octospi *o, unsigned size_log2)
{
	adi_put32(o->adi, reg(o, U5_OSPI_DCR1),
		  U5_OSPI_DCR1_STANDARD | 1u << U5_OSPI_DCR1_CSHT_SHIFT |
			  (size_log2 - 1u) << U5_OSPI_DCR1_SIZE_SHIFT);
}

enum err_code octospi_start(struct octospi *o, unsigned size_log2,
			    struct err *e)
{
	uint32_t cfgr1 = 0, prescaler = 1;
	enum err_code rc = adi_read32(o->adi, U5_RCC + U5_RCC_CFGR1, &cfgr1, e);

	/* 160 MHz, if somebody has been here before */
	if ((cfgr1 & U5_RCC_CFGR1_SWS) == U5_RCC_CFGR1_SWS_PLL)
		prescaler = PLL_PRESCALER;
	else if (rc == ERR_OK)
		rc = start_clock(o->adi, e);
	if (rc == ERR_OK)
		rc = start_pins(o, e);
	if (rc == ERR_OK)
		rc = abort_all(o, e);
	if (rc != ERR_OK)
		return rc;
	octospi_set_size(o, size_log2);
	adi_put32(o->adi, reg(o, U5_OSPI_DCR2), prescaler - 1u);
	adi_put32(o->adi, reg(o, U5_OSPI_FCR), U5_OSPI_FCR_ALL);
	return adi_run(o->adi, ADI_REPEAT, e);
}

/* ---- commands, as batches ---- */

static uint32_t ccr(const struct octospi_command *c, bool data)
{
	uint32_t v = U5_OSPI_CCR_I1;

	if (c->addr_bytes == 3)
		v |= U5_OSPI_CCR_A1 | U5_OSPI_CCR_A24;
	else if (c->addr_bytes == 4)
		v |= U5_OSPI_CCR_A1 | U5_OSPI_CCR_A32;
	return v | (data ? U5_OSPI_CCR_D1 : 0u);
}

/* Everything up to the write that starts the command: IR when there is no
 * address, AR when there is (28.4.6). len 0: no data phase. */
static void queue_command(struct octospi *o, uint32_t mode,
			  const struct octospi_command *c, size_t len)
{
	adi_put32(o->adi, reg(o, U5_OSPI_FCR), U5_OSPI_FCR_ALL);
	adi_put32(o->adi, reg(o, U5_OSPI_CR), U5_OSPI_CR_EN | mode);
	if (len > 0)
		adi_put32(o->adi, reg(o, U5_OSPI_DLR), (uint32_t)len - 1);
	adi_put32(o->adi, reg(o, U5_OSPI_TCR), c->dummy_clocks);
	adi_put32(o->adi, reg(o, U5_OSPI_CCR), ccr(c, len > 0));
	adi_put32(o->adi, reg(o, U5_OSPI_IR), c->opcode);
	if (c->addr_bytes > 0)
		adi_put32(o->adi, reg(o, U5_OSPI_AR), c->addr);
}

static enum err_code leave_map(struct octospi *o, struct err *e)
{
	return o->mapped ? abort_all(o, e) : ERR_OK;
}

static enum err_code wait_flag(struct octospi *o, uint32_t flag, int budget_ms,
			       struct err *e)
{
	uint32_t sr = 0;
	enum err_code rc = adi_wait32(o->adi, reg(o, U5_OSPI_SR), flag, flag,
				      budget_ms, &sr, e);

	if (rc == ERR_OK && (sr & U5_OSPI_SR_TEF) != 0)
		rc = err_set(e, ERR_INTEGRITY, "OCTOSPI transfer error");
	return rc;
}

enum err_code octospi_command(struct octospi *o, uint8_t opcode, struct err *e)
{
	const struct octospi_command c = {.opcode = opcode};
	enum err_code rc = leave_map(o, e);

	if (rc != ERR_OK)
		return rc;
	queue_command(o, U5_OSPI_CR_WRITE, &c, 0);
	rc = adi_run(o->adi, ADI_ONCE, e);
	return rc == ERR_OK ? wait_flag(o, U5_OSPI_SR_TCF, READY_BUDGET_MS, e)
			    : rc;
}

enum err_code octospi_read(struct octospi *o, const struct octospi_command *c,
			   void *buf, size_t len, struct err *e)
{
	uint32_t words[OCTOSPI_READ_MAX / 4];
	enum err_code rc = leave_map(o, e);

	assert(len > 0 && len % 4 == 0 && len <= OCTOSPI_READ_MAX);
	if (rc != ERR_OK)
		return rc;
	queue_command(o, U5_OSPI_CR_READ, c, len);
	rc = adi_run(o->adi, ADI_ONCE, e);
	if (rc == ERR_OK)
		rc = wait_flag(o, U5_OSPI_SR_TCF, READY_BUDGET_MS, e);
	if (rc != ERR_OK)
		return rc;
	adi_get32_fifo(o->adi, reg(o, U5_OSPI_DR), words, len / 4);
	rc = adi_run(o->adi, ADI_ONCE, e);
	if (rc == ERR_OK)
		memcpy(buf, words, len);
	return rc;
}

/* The peripheral reads the status register again and again and stops by itself
 * when bit 0 is clear (28.4.8). */
enum err_code octospi_wait_ready(struct octospi *o, int budget_ms,
				 struct err *e)
{
	const struct octospi_command c = {.opcode = 0x05};
	enum err_code rc = leave_map(o, e);

	if (rc != ERR_OK)
		return rc;
	adi_put32(o->adi, reg(o, U5_OSPI_PSMKR), 1);
	adi_put32(o->adi, reg(o, U5_OSPI_PSMAR), 0);
	adi_put32(o->adi, reg(o, U5_OSPI_PIR), POLL_INTERVAL);
	queue_command(o, U5_OSPI_CR_POLL | U5_OSPI_CR_APMS, &c, 1);
	rc = adi_run(o->adi, ADI_ONCE, e);
	if (rc == ERR_OK)
		rc = wait_flag(o, U5_OSPI_SR_SMF, budget_ms, e);
	if (rc == ERR_TIMEOUT) {
		(void)abort_all(o, NULL);
		rc = err_set(e, ERR_TIMEOUT, "NOR busy for more than %d ms",
			     budget_ms);
	}
	return rc;
}

static enum err_code enter_map(struct octospi *o,
			       const struct octospi_command *c, struct err *e)
{
	enum err_code rc = abort_all(o, e);

	if (rc != ERR_OK)
		return rc;
	adi_put32(o->adi, reg(o, U5_OSPI_FCR), U5_OSPI_FCR_ALL);
	adi_put32(o->adi, reg(o, U5_OSPI_TCR), c->dummy_clocks);
	adi_put32(o->adi, reg(o, U5_OSPI_CR), U5_OSPI_CR_EN | U5_OSPI_CR_MAP);
	adi_put32(o->adi, reg(o, U5_OSPI_CCR), ccr(c, true));
	adi_put32(o->adi, reg(o, U5_OSPI_IR), c->opcode);
	rc = adi_run(o->adi, ADI_REPEAT, e);
	o->mapped = rc == ERR_OK;
	return rc;
}

enum err_code octospi_map_read(struct octospi *o,
			       const struct octospi_command *read_command,
			       uint32_t addr, void *buf, size_t len,
			       struct err *e)
{
	enum err_code rc = ERR_OK;

	assert(addr % 4 == 0 && len % 4 == 0);
	if (!o->mapped)
		rc = enter_map(o, read_command, e);
	return rc == ERR_OK ? adi_read(o->adi, o->wiring->ospi_map + addr, buf,
				       len, e)
			    : rc;
}
