/* The RAM loader: runs on the STM32U585 with TZEN 0 and does what the host
 * asks for in the mailbox (mailbox.h), with the NOR behind the OCTOSPI that the
 * mailbox names, on quad or single lines. Polled throughout, interrupts off, no
 * static data.
 *
 * Waits look only at flags and at a timer's end, never at a running counter;
 * the timer bounds each of them. Sections: RM0456 Rev 6.
 */
#include "agent/target/loader/mailbox.h"
#include "agent/target/u5_regs.h"

#include <stdbool.h>

#define REG(addr)	 (*(volatile uint32_t *)(addr))
#define OSPI(off)	 REG(SETUP->ospi + (off))
#define HASH(off)	 REG(U5_HASH + (off))
#define TIM2(off)	 REG(U5_TIM2 + (off))

#define STATE		 ((volatile struct loader_state *)LOADER_STATE)
#define SETUP		 ((const volatile struct loader_setup *)LOADER_SETUP)
#define RING		 ((volatile struct loader_op *)LOADER_RING)

#define CLOCK_MHZ	 160u
#define CLOCK_ROUNDS	 200000u /* before there is a timer; >= 25 ms at 24 MHz */
#define COMMAND_MS	 10u	 /* OCTOSPI: any one command */
#define HASH_MS		 10u
#define TIMER_KHZ	 10u
#define NOR_WREN	 0x06u
#define NOR_READ_SR	 0x05u
#define PROBE_STEP_WORDS 256u
#define POLL_INTERVAL	 16u /* clocks between two reads of the status */

/* ---- time ---- */

static void timer_start(uint32_t ms)
{
	TIM2(U5_TIM_CR1) = 0;
	TIM2(U5_TIM_PSC) = CLOCK_MHZ * 1000u / TIMER_KHZ - 1u;
	TIM2(U5_TIM_ARR) = ms * TIMER_KHZ;
	TIM2(U5_TIM_EGR) = U5_TIM_EGR_UG;
	TIM2(U5_TIM_SR) = 0;
	TIM2(U5_TIM_CR1) = U5_TIM_CR1_CEN | U5_TIM_CR1_OPM;
}

/* Until a flag of mask is set at reg, or the timer started last has run out. */
static bool wait_set(uint32_t reg, uint32_t mask)
{
	do {
		if ((REG(reg) & mask) != 0)
			return true;
	} while ((TIM2(U5_TIM_SR) & U5_TIM_SR_UIF) == 0);
	return (REG(reg) & mask) != 0;
}

static bool wait_clear(uint32_t reg, uint32_t mask)
{
	do {
		if ((REG(reg) & mask) == 0)
			return true;
	} while ((TIM2(U5_TIM_SR) & U5_TIM_SR_UIF) == 0);
	return (REG(reg) & mask) == 0;
}

static uint32_t cycles(void)
{
	return REG(U5_DWT_CYCCNT);
}

static uint32_t us_since(uint32_t start)
{
	return (cycles() - start) / CLOCK_MHZ;
}

/* ---- clocks ---- */

static bool wait_rounds(uint32_t reg, uint32_t mask, uint32_t want)
{
	for (uint32_t i = 0; i < CLOCK_ROUNDS; i++)
		if ((REG(reg) & mask) == want)
			return true;
	return false;
}

/* MSIS as the host left it, 24 MHz, / 6 x 80 / 2 = 160 MHz; voltage range 1
 * with the booster at 12 MHz, four wait states (7.3.3, 10.5.4, 11.4.6). */
static bool clock_start(void)
{
	REG(U5_RCC + U5_RCC_AHB3ENR) |= U5_RCC_AHB3ENR_PWR;
	if ((REG(U5_RCC + U5_RCC_CFGR1) & U5_RCC_CFGR1_SWS) ==
	    U5_RCC_CFGR1_SWS_PLL)
		return true;
	REG(U5_PWR + U5_PWR_VOSR) |= U5_PWR_VOSR_RANGE1;
	if (!wait_rounds(U5_PWR + U5_PWR_VOSR, U5_PWR_VOSR_VOSRDY,
			 U5_PWR_VOSR_VOSRDY))
		return false;
	REG(U5_RCC + U5_RCC_PLL1CFGR) =
		U5_RCC_PLL1CFGR_MSIS | (6u - 1u) << U5_RCC_PLL1CFGR_M_SHIFT |
		U5_RCC_PLL1CFGR_MBOOST_2 | U5_RCC_PLL1CFGR_REN;
	REG(U5_RCC + U5_RCC_PLL1DIVR) = (80u - 1u) |
					(2u - 1u) << U5_RCC_PLL1DIVR_P_SHIFT |
					(2u - 1u) << U5_RCC_PLL1DIVR_Q_SHIFT |
					(2u - 1u) << U5_RCC_PLL1DIVR_R_SHIFT;
	REG(U5_PWR + U5_PWR_VOSR) |= U5_PWR_VOSR_BOOSTEN;
	if (!wait_rounds(U5_PWR + U5_PWR_VOSR, U5_PWR_VOSR_BOOSTRDY,
			 U5_PWR_VOSR_BOOSTRDY))
		return false;
	REG(U5_RCC + U5_RCC_CR) |= U5_RCC_CR_PLL1ON;
	if (!wait_rounds(U5_RCC + U5_RCC_CR, U5_RCC_CR_PLL1RDY,
			 U5_RCC_CR_PLL1RDY))
		return false;
	REG(U5_FLASH + U5_FLASH_ACR) =
		(REG(U5_FLASH + U5_FLASH_ACR) & ~U5_FLASH_ACR_LATENCY) | 4u;
	REG(U5_RCC + U5_RCC_CFGR1) |= U5_RCC_CFGR1_SW_PLL;
	return wait_rounds(U5_RCC + U5_RCC_CFGR1, U5_RCC_CFGR1_SWS,
			   U5_RCC_CFGR1_SWS_PLL);
}

static bool start(void)
{
	if (!clock_start())
		return false;
	REG(U5_RCC + U5_RCC_AHB2ENR1) |= U5_RCC_AHB2ENR1_HASH;
	REG(U5_RCC + U5_RCC_APB1ENR1) |= U5_RCC_APB1ENR1_TIM2;
	(void)REG(U5_RCC + U5_RCC_APB1ENR1);
	REG(U5_DEMCR) |= U5_DEMCR_TRCENA;
	REG(U5_DWT_CTRL) |= U5_DWT_CTRL_CYCCNTENA;
	return true;
}

/* ---- OCTOSPI ---- */

static bool ospi_idle(void)
{
	OSPI(U5_OSPI_CR) = U5_OSPI_CR_EN | U5_OSPI_CR_ABORT;
	timer_start(COMMAND_MS);
	if (!wait_clear(SETUP->ospi + U5_OSPI_CR, U5_OSPI_CR_ABORT))
		return false;
	return wait_clear(SETUP->ospi + U5_OSPI_SR, U5_OSPI_SR_BUSY);
}

static bool ospi_start(void)
{
	if (!ospi_idle())
		return false;
	OSPI(U5_OSPI_DCR1) = SETUP->dcr1;
	OSPI(U5_OSPI_DCR2) = SETUP->dcr2;
	timer_start(COMMAND_MS);
	return wait_clear(SETUP->ospi + U5_OSPI_SR, U5_OSPI_SR_BUSY);
}

static bool ospi_finish(void)
{
	timer_start(COMMAND_MS);
	return wait_set(SETUP->ospi + U5_OSPI_SR, U5_OSPI_SR_TCF);
}

static bool write_enable(void)
{
	OSPI(U5_OSPI_FCR) = U5_OSPI_FCR_ALL;
	OSPI(U5_OSPI_CR) = U5_OSPI_CR_EN | U5_OSPI_CR_WRITE;
	OSPI(U5_OSPI_TCR) = 0;
	OSPI(U5_OSPI_CCR) = U5_OSPI_CCR_I1;
	OSPI(U5_OSPI_IR) = NOR_WREN;
	return ospi_finish();
}

/* Until the NOR's busy bit falls: the peripheral reads the status register by
 * itself and stops at a match (28.4.8). */
static uint32_t wait_ready(uint32_t max_ms)
{
	OSPI(U5_OSPI_FCR) = U5_OSPI_FCR_ALL;
	OSPI(U5_OSPI_DLR) = 0;
	OSPI(U5_OSPI_PSMKR) = 1;
	OSPI(U5_OSPI_PSMAR) = 0;
	OSPI(U5_OSPI_PIR) = POLL_INTERVAL;
	OSPI(U5_OSPI_CR) = U5_OSPI_CR_EN | U5_OSPI_CR_POLL | U5_OSPI_CR_APMS;
	OSPI(U5_OSPI_TCR) = 0;
	OSPI(U5_OSPI_CCR) = U5_OSPI_CCR_I1 | U5_OSPI_CCR_D1;
	OSPI(U5_OSPI_IR) = NOR_READ_SR;
	timer_start(max_ms);
	if (!wait_set(SETUP->ospi + U5_OSPI_SR, U5_OSPI_SR_SMF))
		return LOADER_NOR_BUSY;
	return LOADER_WORKS;
}

/* ---- erase and program ---- */

static uint32_t erase(const volatile struct loader_op *op)
{
	if (!write_enable())
		return LOADER_OSPI_STUCK;
	OSPI(U5_OSPI_FCR) = U5_OSPI_FCR_ALL;
	OSPI(U5_OSPI_CCR) = SETUP->erase_ccr;
	OSPI(U5_OSPI_IR) = op->opcode;
	OSPI(U5_OSPI_AR) = op->nor_addr;
	if (!ospi_finish())
		return LOADER_OSPI_STUCK;
	return wait_ready(op->max_ms);
}

/* The FIFO takes a word whenever four of its 32 bytes are free; the bus holds
 * the core until then (28.4.6). */
static uint32_t program_page(uint32_t nor_addr, const uint32_t *data,
			     uint32_t len_bytes, uint32_t max_ms)
{
	volatile uint32_t *fifo = &OSPI(U5_OSPI_DR);
	uint32_t words = len_bytes / 4u;

	if (!write_enable())
		return LOADER_OSPI_STUCK;
	OSPI(U5_OSPI_FCR) = U5_OSPI_FCR_ALL;
	OSPI(U5_OSPI_DLR) = len_bytes - 1u;
	OSPI(U5_OSPI_CCR) = SETUP->program_ccr;
	OSPI(U5_OSPI_IR) = SETUP->program_ir;
	OSPI(U5_OSPI_AR) = nor_addr;
	for (uint32_t i = 0; i < words; i++)
		*fifo = data[i];
	if (!ospi_finish())
		return LOADER_OSPI_STUCK;
	return wait_ready(max_ms);
}

static uint32_t program(const volatile struct loader_op *op)
{
	const uint32_t *data = (const uint32_t *)op->data;
	uint32_t at = op->nor_addr;
	uint32_t end = at + op->len_bytes;
	uint32_t rc = LOADER_WORKS;

	while (at < end && rc == LOADER_WORKS) {
		uint32_t page_end = (at | (SETUP->page_bytes - 1u)) + 1u;
		uint32_t len = (page_end < end ? page_end : end) - at;

		STATE->failed_addr = at;
		rc = program_page(at, data, len, op->max_ms);
		at += len;
		data += len / 4u;
		STATE->progress++;
	}
	return rc;
}

/* ---- hash ---- */

static bool map_start(void)
{
	if (!ospi_idle())
		return false;
	OSPI(U5_OSPI_FCR) = U5_OSPI_FCR_ALL;
	OSPI(U5_OSPI_CR) = U5_OSPI_CR_EN | U5_OSPI_CR_MAP;
	OSPI(U5_OSPI_TCR) = SETUP->read_tcr;
	OSPI(U5_OSPI_CCR) = SETUP->read_ccr;
	OSPI(U5_OSPI_IR) = SETUP->read_ir;
	return true;
}

/* Eight words at a time; the processor holds the bus while it is busy with a
 * block. Returns the AND of all whole words. */
static uint32_t feed(const volatile uint32_t *from, uint32_t words)
{
	uint32_t all = UINT32_MAX;

	for (; words >= 8u; words -= 8u, from += 8) {
		uint32_t a = from[0], b = from[1], c = from[2], d = from[3];
		uint32_t e = from[4], f = from[5], g = from[6], h = from[7];

		HASH(U5_HASH_DIN) = a;
		HASH(U5_HASH_DIN) = b;
		HASH(U5_HASH_DIN) = c;
		HASH(U5_HASH_DIN) = d;
		HASH(U5_HASH_DIN) = e;
		HASH(U5_HASH_DIN) = f;
		HASH(U5_HASH_DIN) = g;
		HASH(U5_HASH_DIN) = h;
		all &= a & b & c & d & e & f & g & h;
	}
	for (; words > 0; words--) {
		uint32_t a = *from++;

		HASH(U5_HASH_DIN) = a;
		all &= a;
	}
	return all;
}

static uint32_t hash_unit(uint32_t addr, uint32_t len_bytes,
			  volatile struct loader_digest *out)
{
	const volatile uint32_t *from =
		(const volatile uint32_t *)(SETUP->ospi_map + addr);
	uint32_t rest = len_bytes % 4u;
	uint32_t all;

	HASH(U5_HASH_CR) = U5_HASH_CR_SHA256 | U5_HASH_CR_BYTES;
	HASH(U5_HASH_CR) =
		U5_HASH_CR_SHA256 | U5_HASH_CR_BYTES | U5_HASH_CR_INIT;
	all = feed(from, len_bytes / 4u);
	if (rest > 0) {
		uint32_t last = from[len_bytes / 4u];

		HASH(U5_HASH_DIN) = last;
		all &= last | UINT32_MAX << 8u * rest;
	}
	HASH(U5_HASH_STR) = 8u * rest;
	HASH(U5_HASH_STR) = 8u * rest | U5_HASH_STR_DCAL;
	timer_start(HASH_MS);
	if (!wait_set(U5_HASH + U5_HASH_SR, U5_HASH_SR_DCIS))
		return LOADER_HASH_STUCK;
	for (uint32_t i = 0; i < 8u; i++)
		out->h[i] = HASH(U5_HASH_HR + 4u * i);
	out->blank = all == UINT32_MAX;
	return LOADER_WORKS;
}

/* One word in each KiB, at places without a pattern. */
static uint32_t probe_unit(uint32_t addr, uint32_t len_bytes,
			   volatile struct loader_digest *out)
{
	const volatile uint32_t *from =
		(const volatile uint32_t *)(SETUP->ospi_map + addr);
	uint32_t words = len_bytes / 4u;
	uint32_t random = 1u;
	uint32_t all = UINT32_MAX;

	for (uint32_t i = 0; i < words; i += PROBE_STEP_WORDS) {
		uint32_t left = words - i;
		uint32_t span =
			left < PROBE_STEP_WORDS ? left : PROBE_STEP_WORDS;

		/* Numerical Recipes' generator; its upper bits */
		random = random * 1664525u + 1013904223u;
		all &= from[i + (random >> 16) % span];
	}
	out->blank = all == UINT32_MAX;
	return LOADER_WORKS;
}

typedef uint32_t unit_fn(uint32_t addr, uint32_t len_bytes,
			 volatile struct loader_digest *out);

static uint32_t each_unit(const volatile struct loader_op *op, unit_fn *fn)
{
	volatile struct loader_digest *out =
		(volatile struct loader_digest *)op->result;
	uint32_t rc = LOADER_WORKS;

	if (op->unit_bytes == 0)
		return LOADER_BAD_OP;
	if (!map_start())
		return LOADER_OSPI_STUCK;
	for (uint32_t i = 0; i < op->len_bytes && rc == LOADER_WORKS;
	     i += op->unit_bytes, out++) {
		uint32_t left = op->len_bytes - i;

		STATE->failed_addr = op->nor_addr + i;
		rc = fn(op->nor_addr + i,
			left < op->unit_bytes ? left : op->unit_bytes, out);
		STATE->progress++;
	}
	return ospi_idle() ? rc : LOADER_OSPI_STUCK;
}

/* ---- operations ---- */

static uint32_t run(const volatile struct loader_op *op)
{
	uint32_t begin = cycles();
	uint32_t rc;

	STATE->failed_addr = op->nor_addr;
	switch (op->kind) {
	case LOADER_HASH:
	case LOADER_PROBE:
		rc = each_unit(op, op->kind == LOADER_HASH ? hash_unit
							   : probe_unit);
		STATE->hash_us += us_since(begin);
		return rc;
	case LOADER_ERASE:
		rc = erase(op);
		STATE->erase_us += us_since(begin);
		STATE->progress++;
		return rc;
	case LOADER_PROGRAM:
		rc = program(op);
		STATE->program_us += us_since(begin);
		return rc;
	default:
		return LOADER_BAD_OP;
	}
}

/* Nothing to do until the host says so. Looking at a slow bus in between
 * leaves the SRAM to the host's accesses. */
static void pause_a_little(void)
{
	(void)TIM2(U5_TIM_SR);
}

static void stop(uint32_t status)
{
	STATE->status = status;
	for (;;)
		pause_a_little();
}

static void wait_for_more(uint32_t done)
{
	while (REG(LOADER_HEAD) == done)
		pause_a_little();
}

static void serve(void)
{
	for (uint32_t done = 0;;) {
		uint32_t rc;

		wait_for_more(done);
		rc = run(&RING[done % LOADER_OPS]);
		if (rc != LOADER_WORKS)
			stop(rc);
		done++;
		STATE->done = done;
	}
}

/* The host has set SP and cleared the state. */
__attribute__((section(".text.entry"), noreturn, used)) void loader_entry(void)
{
	if (!start())
		stop(LOADER_NO_CLOCK);
	if (!ospi_start())
		stop(LOADER_OSPI_STUCK);
	STATE->ready = LOADER_READY;
	serve();
	__builtin_unreachable();
}
