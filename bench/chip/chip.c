#include "bench/chip/board.h"
#include "bench/chip/rss.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PS_PER_NS 1000ull

/* -------- faults -------- */

static const struct {
	const char *name;
	enum board_fault fault;
} FAULTS[] = {
	{"nor-missing", FAULT_NOR_MISSING},
	{"nor-wrong-size", FAULT_NOR_WRONG_SIZE},
	{"nor-stuck-busy", FAULT_NOR_STUCK_BUSY},
	{"nor-bit-error", FAULT_NOR_BIT_ERROR},
	{"foreign-chip", FAULT_FOREIGN_CHIP},
	{"rdp1", FAULT_RDP1},
	{"flash-worn", FAULT_FLASH_WORN},
	{"option-bytes-stuck", FAULT_OPTION_BYTES_STUCK},
	{"modem-fail", FAULT_MODEM_FAIL},
	{"sim-fail", FAULT_SIM_FAIL},
	{"wifi-fail", FAULT_WIFI_FAIL},
	{"app-test-fail", FAULT_APP_TEST_FAIL},
	{"firmware-hang", FAULT_FIRMWARE_HANG},
	{"csr-bad-signature", FAULT_CSR_BAD_SIGNATURE},
};

/* Names that concern other parts of the bench are theirs to act on. */
static unsigned parse_faults(const char *const *names)
{
	unsigned faults = 0;

	for (; names && *names; names++)
		for (size_t i = 0; i < sizeof(FAULTS) / sizeof(FAULTS[0]); i++)
			if (strcmp(*names, FAULTS[i].name) == 0)
				faults |= (unsigned)FAULTS[i].fault;
	return faults;
}

/* -------- wiring -------- */

/* The reference board, and ST's Discovery kit as in firmware/board/. */
static const struct board_wiring WIRINGS[] = {
	{"bench", 0, 5},
	{"b-u585i-iot02a", 1, 1},
};

static const struct board_wiring *find_wiring(const char *name)
{
	if (!name)
		return &WIRINGS[0];
	for (size_t i = 0; i < sizeof(WIRINGS) / sizeof(WIRINGS[0]); i++)
		if (strcmp(WIRINGS[i].name, name) == 0)
			return &WIRINGS[i];
	return NULL;
}

bool chip_has_wiring(const char *name)
{
	return find_wiring(name) != NULL;
}

bool chip_has_nor_part(const char *name)
{
	return !name[0] || nor_find_part(name) != NULL;
}

/* -------- life -------- */

static void *page_alloc(size_t size)
{
	void *p = NULL;

	/* Unicorn maps whole pages. */
	if (posix_memalign(&p, 4096, size))
		return NULL;
	memset(p, 0, size);
	return p;
}

static bool alloc_memory(struct chip *c)
{
	uint8_t *flash = page_alloc(FLASH_BYTES);

	c->sram = page_alloc(BOARD_SRAM_BYTES);
	c->sram4 = page_alloc(BOARD_SRAM4_BYTES);
	c->system = page_alloc(BOARD_SYSTEM_BYTES);
	c->flash.data = flash;
	if (!flash || !c->sram || !c->sram4 || !c->system)
		return false;
	flash_init(c, flash);
	return true;
}

static void take_config(struct chip *c, const struct chip_config *config)
{
	memcpy(c->uid, config->uid, sizeof(c->uid));
	memcpy(c->key, config->chip_key, sizeof(c->key));
	memcpy(c->cert, config->chip_cert, sizeof(c->cert));
	c->seed = config->seed;
	c->faults = parse_faults(config->faults);
	c->dev_id = board_has(c, FAULT_FOREIGN_CHIP) ? 0x481u : config->dev_id;
}

enum err_code chip_new(struct chip **chip, const struct chip_config *config,
		       struct err *e)
{
	struct chip *c = calloc(1, sizeof(*c));
	enum err_code code = ERR_NO_MEMORY;

	*chip = NULL;
	if (!c)
		return err_set(e, code, "virtual board");
	c->wiring = find_wiring(config->wiring);
	if (!c->wiring) {
		code = err_set(e, ERR_INPUT, "no board wiring \"%s\"",
			       config->wiring);
		goto fail;
	}
	take_config(c, config);
	c->nrst = true;
	if (!alloc_memory(c)) {
		err_set(e, code, "virtual board's memory");
		goto fail;
	}
	if (!nor_init(c, config->nor_part ? config->nor_part : "")) {
		code = err_set(e, ERR_INPUT, "no SPI flash model \"%s\"",
			       config->nor_part);
		goto fail;
	}
	gpio_init(c);
	rng_init(c);
	rss_init(c);
	code = cpu_init(c, e);
	if (code)
		goto fail;
	*chip = c;
	return ERR_OK;
fail:
	chip_free(c);
	return code;
}

void chip_free(struct chip *c)
{
	if (!c)
		return;
	cpu_fini(c);
	nor_fini(c);
	hash_fini(c);
	gpio_fini(c);
	free(c->flash.data);
	free(c->sram);
	free(c->sram4);
	free(c->system);
	explicit_bzero(c->key, sizeof(c->key));
	free(c);
}

/* -------- resets -------- */

static void reset_peripherals(struct chip *c, enum board_reset reason)
{
	rcc_reset(c, (unsigned)reason);
	flash_reset(c, reason == RESET_POWER || reason == RESET_OPTIONS);
	scs_reset(c);
	gpio_reset(c);
	tim_reset(c);
	ospi_reset(c);
	usart_reset(c);
	adc_reset(c);
	rng_reset(c);
	hash_reset(c);
	poll_reset(c);
}

/* From reset released to the first instruction (DS13086, t_RSTTEMPO). */
#define RESET_NS 900000ull

static void start(struct chip *c, enum board_reset reason)
{
	c->scs.vtor = flash_boot_address(c);
	cpu_start(c, c->scs.vtor);
	if (c->cpu.state != CPU_RUN)
		return;
	c->cpu.idle = true;
	c->cpu.wake_ps = c->now_ps + RESET_NS * PS_PER_NS;
	c->cpu.resetting =
		reason == RESET_OPTIONS ? CPU_RELOADING_OPTIONS : CPU_RESETTING;
}

static void count_reset(struct chip_account *a, enum board_reset reason)
{
	if (reason == RESET_OPTIONS)
		a->option_reload_count++;
	else
		a->reset_count++;
}

void board_reset(struct chip *c, enum board_reset reason)
{
	if (c->cpu.inside) {
		c->cpu.pending_reset = (unsigned)reason;
		cpu_request_stop(c, CPU_STOP_RESET);
		return;
	}
	reset_peripherals(c, reason);
	c->scs.reset_seen = true;
	c->cpu.state = CPU_OFF;
	c->cpu.idle = false;
	if (c->powered && c->nrst) {
		count_reset(&c->account, reason);
		start(c, reason);
	}
}

void chip_power(struct chip *c, bool on)
{
	if (on == c->powered)
		return;
	c->powered = on;
	if (!on) {
		gpio_reset(c);
		c->cpu.state = CPU_OFF;
		return;
	}
	memset(c->sram, 0, BOARD_SRAM_BYTES);
	memset(c->sram4, 0, BOARD_SRAM4_BYTES);
	cpu_dirty(c, BOARD_SRAM, BOARD_SRAM_BYTES);
	scs_power_on(c);
	nor_power_on(c);
	module_power_on(c);
	board_reset(c, RESET_POWER);
}

void chip_nrst(struct chip *c, bool released)
{
	if (released == c->nrst)
		return;
	c->nrst = released;
	if (c->powered)
		board_reset(c, RESET_PIN);
}

/* -------- time -------- */

uint64_t board_time_ps(const struct chip *c)
{
	return c->cpu.inside ? cpu_time_ps(&c->cpu) : c->now_ps;
}

void board_stall(struct chip *c, uint64_t until_ps)
{
	if (c->cpu.inside && until_ps != BOARD_NEVER)
		cpu_skip(c, until_ps);
}

uint64_t board_next_event(struct chip *c, uint64_t t_ps)
{
	uint64_t (*const PARTS[])(struct chip *, uint64_t) = {
		tim_next_event,	 gpio_next_event, flash_next_event,
		ospi_next_event, nor_next_event,  usart_next_event,
		adc_next_event,	 rng_next_event,  hash_next_event,
	};
	uint64_t next = BOARD_NEVER;

	for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++) {
		uint64_t at = PARTS[i](c, t_ps);

		if (at > t_ps && at < next)
			next = at;
	}
	return next;
}

void chip_advance(struct chip *c, uint64_t ns)
{
	c->now_ps += ns * PS_PER_NS;
	if (c->cpu.state == CPU_RUN)
		cpu_catch_up(c);
}

uint64_t chip_now_ns(const struct chip *c)
{
	return c->now_ps / PS_PER_NS;
}

bool chip_busy(const struct chip *c)
{
	return c->cpu.state == CPU_RUN &&
	       !(c->cpu.idle && c->cpu.wake_ps == BOARD_NEVER);
}

bool chip_awaits_pin(const struct chip *c)
{
	return c->cpu.state == CPU_RUN && poll_awaits_pin(c);
}

/* -------- pins -------- */

void chip_on_pb0(struct chip *c, chip_pin_fn *fn, void *arg)
{
	c->gpio.pb0_fn = fn;
	c->gpio.pb0_arg = arg;
}

void chip_set_pe4(struct chip *c, uint64_t at_ns, bool level)
{
	uint64_t at_ps = at_ns * PS_PER_NS;

	if (at_ps < c->now_ps)
		at_ps = c->now_ps;
	gpio_schedule_pe4(c, at_ps, level);
	if (c->cpu.wake_ps > at_ps)
		c->cpu.wake_ps = at_ps;
}

void chip_nor_cs(struct chip *c, uint64_t at_ns, bool level)
{
	assert(!c->nrst);
	nor_pins_cs(c, level, at_ns * PS_PER_NS);
}

bool chip_nor_clock(struct chip *c, uint64_t at_ns, bool in)
{
	return nor_pins_clock(c, in, at_ns * PS_PER_NS);
}

/* -------- witness -------- */

const uint8_t *chip_nor(const struct chip *c, size_t *len)
{
	*len = c->nor.part ? c->nor.part->size_bytes : 0;
	return c->nor.data;
}

const uint8_t *chip_flash(const struct chip *c, size_t *len)
{
	*len = FLASH_BYTES;
	return c->flash.data;
}

void chip_describe(const struct chip *c, char *out, size_t out_size)
{
	static const char *const STATES[] = {"off", "running", "halted",
					     "locked up"};
	uint32_t optr = c->flash.opt_live[FLASH_OPT(FLASH_OPTR)], pc = 0;

	uc_reg_read(c->cpu.uc, UC_ARM_REG_PC, &pc);
	snprintf(out, out_size,
		 "power=%s cpu=%s pc=0x%08x vtor=0x%08x rdp=0x%02x tzen=%u "
		 "hclk=%llu",
		 c->powered ? "on" : "off", STATES[c->cpu.state], pc,
		 c->scs.vtor, optr & 0xFFu, optr >> 31,
		 (unsigned long long)c->rcc.hclk_hz);
}

void chip_account(const struct chip *c, struct chip_account *out)
{
	const struct cpu *cpu = &c->cpu;
	uint64_t known;

	*out = c->account;
	out->elapsed_ns = chip_now_ns(c);
	out->cpu_ns = cpu->run_ps / PS_PER_NS;
	out->cpu_wait_ns = cpu->wait_ps / PS_PER_NS;
	out->reset_ns = cpu->reset_ps / PS_PER_NS;
	out->option_reload_ns = cpu->option_reload_ps / PS_PER_NS;
	known = out->cpu_ns + out->cpu_wait_ns + out->reset_ns +
		out->option_reload_ns;
	/* A debugger's single step may run ahead of the wire. */
	out->stopped_ns = out->elapsed_ns > known ? out->elapsed_ns - known : 0;
}
