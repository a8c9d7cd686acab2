#include "bench/chip/board.h"
#include "bench/chip/exception.h"
#include "bench/chip/hooks.h"

#include <assert.h>
#include <string.h>

/* Where a locked-up core stands (Armv8-M ARM, B3.32). */
#define LOCKUP_PC 0xFFFFFFFEu

uint64_t cpu_time_ps(const struct cpu *cpu)
{
	return cpu->base_ps + cpu->cycles * cpu->cycle_ps;
}

static void set_limit(struct cpu *cpu)
{
	cpu->limit = cpu->until_ps > cpu->base_ps
			     ? (cpu->until_ps - cpu->base_ps) / cpu->cycle_ps
			     : 0;
}

static void set_time(struct cpu *cpu, uint64_t t_ps)
{
	cpu->base_ps = t_ps;
	cpu->cycles = 0;
	set_limit(cpu);
}

void cpu_skip(struct chip *c, uint64_t to_ps)
{
	struct cpu *cpu = &c->cpu;
	uint64_t t = cpu_time_ps(cpu);

	if (to_ps > t) {
		cpu->base_ps += to_ps - t;
		cpu->wait_ps += to_ps - t;
		set_limit(cpu);
	}
}

uint64_t cpu_cycle_count(const struct chip *c)
{
	uint64_t t = board_time_ps(c);
	uint64_t since = t > c->cpu.count_ps ? t - c->cpu.count_ps : 0;

	return c->cpu.count_base + since / c->cpu.cycle_ps;
}

void cpu_set_clock(struct chip *c, uint64_t hz)
{
	struct cpu *cpu = &c->cpu;
	uint64_t t = board_time_ps(c);

	assert(hz > 0);
	if (cpu->cycle_ps) {
		cpu->count_base = cpu_cycle_count(c);
		cpu->count_ps = t;
	}
	t = cpu->cycle_ps ? cpu_time_ps(cpu) : t;
	cpu->cycle_ps = 1000000000000ull / hz;
	set_time(cpu, t);
}

void cpu_request_stop(struct chip *c, enum cpu_stop why)
{
	if (c->cpu.inside && c->cpu.stop == CPU_STOP_NONE)
		c->cpu.stop = why;
}

/* -------- translations -------- */

void cpu_dirty(struct chip *c, uint32_t addr, uint32_t len)
{
	struct cpu *cpu = &c->cpu;
	uint32_t lo = addr & ~BOARD_SECURE_ALIAS;

	/* One range is enough: debuggers write runs of words. Flash aliases
	 * differ in another bit, so they are folded here too. */
	if (lo >= FLASH_S_BASE && lo < FLASH_S_BASE + FLASH_BYTES)
		lo -= FLASH_S_BASE - FLASH_NS_BASE;
	if (cpu->dirty_hi != 0 &&
	    (lo >> 28 != cpu->dirty_lo >> 28 || lo > cpu->dirty_hi + 0x10000u ||
	     lo + 0x10000u < cpu->dirty_lo))
		hooks_forget_code(c);
	if (cpu->dirty_hi == 0) {
		cpu->dirty_lo = lo;
		cpu->dirty_hi = lo + len;
		return;
	}
	if (lo < cpu->dirty_lo)
		cpu->dirty_lo = lo;
	if (lo + len > cpu->dirty_hi)
		cpu->dirty_hi = lo + len;
}

/* -------- running -------- */

static void lock_up(struct chip *c)
{
	uint32_t pc = LOCKUP_PC;

	uc_reg_write(c->cpu.uc, UC_ARM_REG_PC, &pc);
	c->cpu.state = CPU_LOCKUP;
}

void cpu_lock_up(struct chip *c)
{
	lock_up(c);
	if (c->scs.debug_enabled && c->scs.halt_request && scs_may_halt(c))
		cpu_halt(c, SCS_DFSR_HALTED);
}

/* What made Unicorn return, other than the end of the slice. */
static void handle_stop(struct chip *c, uc_err err)
{
	struct cpu *cpu = &c->cpu;

	if (cpu->pending_reset) {
		enum board_reset reason = (enum board_reset)cpu->pending_reset;

		cpu->pending_reset = 0;
		board_reset(c, reason);
		return;
	}
	if (err != UC_ERR_OK) {
		exception_unicorn(c, err);
		return;
	}
	switch (cpu->stop) {
	case CPU_STOP_BREAKPOINT:
		cpu_halt(c, SCS_DFSR_BKPT);
		break;
	case CPU_STOP_INTERRUPT:
		exception_interrupt(c);
		break;
	case CPU_STOP_NONE: /* WFI or WFE: the core sleeps */
		cpu->idle = true;
		cpu->wake_ps = board_next_event(c, cpu_time_ps(cpu));
		break;
	case CPU_STOP_TIME:
	case CPU_STOP_IDLE:
	case CPU_STOP_RESET:
		break;
	}
}

static void run_slice(struct chip *c, size_t insns)
{
	struct cpu *cpu = &c->cpu;
	uint64_t from_ps = cpu_time_ps(cpu), waited_ps = cpu->wait_ps;
	uint32_t pc = 0;
	uc_err err;

	hooks_forget_code(c);
	uc_reg_read(cpu->uc, UC_ARM_REG_PC, &pc);
	cpu->stop = CPU_STOP_NONE;
	cpu->next_pc = 0;
	cpu->block = 0;
	cpu->inside = true;
	/* The end address is odd, so that no instruction has it. */
	err = uc_emu_start(cpu->uc, pc | 1u, 1, 0, insns);
	/* Between linked blocks Unicorn leaves the PC where the chain began. */
	if (cpu->next_pc != 0)
		uc_reg_write(cpu->uc, UC_ARM_REG_PC, &cpu->next_pc);
	hooks_settle_store(c);
	cpu->inside = false;
	cpu->cycles += cpu->block;
	cpu->block = 0;
	cpu->run_ps += cpu_time_ps(cpu) - from_ps - (cpu->wait_ps - waited_ps);
	if (insns && err == UC_ERR_OK && cpu->stop == CPU_STOP_NONE)
		cpu->stop = CPU_STOP_TIME;
	handle_stop(c, err);
}

/* Time goes on without instructions. */
static void idle_until(struct cpu *cpu, uint64_t to_ps)
{
	uint64_t passed = to_ps - cpu_time_ps(cpu);

	if (cpu->resetting == CPU_RESETTING)
		cpu->reset_ps += passed;
	else if (cpu->resetting == CPU_RELOADING_OPTIONS)
		cpu->option_reload_ps += passed;
	else
		cpu->wait_ps += passed;
	set_time(cpu, to_ps);
}

void cpu_catch_up(struct chip *c)
{
	struct cpu *cpu = &c->cpu;

	while (cpu->state == CPU_RUN && cpu_time_ps(cpu) < c->now_ps) {
		uint64_t before = cpu_time_ps(cpu);

		cpu->until_ps = c->now_ps;
		if (cpu->idle) {
			uint64_t to = cpu->wake_ps < c->now_ps ? cpu->wake_ps
							       : c->now_ps;

			cpu->idle = cpu->wake_ps > c->now_ps;
			if (to > before)
				idle_until(cpu, to);
			if (cpu->idle)
				break;
			cpu->resetting = CPU_NOT_RESETTING;
		}
		set_limit(cpu);
		before = cpu_time_ps(cpu);
		run_slice(c, 0);
		if (cpu->stop == CPU_STOP_TIME && cpu_time_ps(cpu) == before)
			break; /* the next block does not fit yet */
	}
}

void cpu_step(struct chip *c)
{
	struct cpu *cpu = &c->cpu;
	uint32_t pc = 0;

	uc_reg_read(cpu->uc, UC_ARM_REG_PC, &pc);
	/* Only blocks translated while a count is set heed it. */
	cpu_dirty(c, pc & ~1u, 4);
	cpu->until_ps = BOARD_NEVER;
	cpu->base_ps = c->now_ps;
	cpu->cycles = 0;
	cpu->limit = BOARD_NEVER;
	cpu->state = CPU_RUN;
	poll_reset(c);
	run_slice(c, 1);
	cpu_dirty(c, pc & ~1u, 4);
	cpu->idle = false;
	if (cpu->state == CPU_RUN)
		cpu_halt(c, SCS_DFSR_HALTED);
}

void cpu_halt(struct chip *c, uint32_t dfsr)
{
	c->scs.dfsr |= dfsr;
	c->scs.halt_request = true;
	c->cpu.state = CPU_HALTED;
	c->cpu.idle = false;
	cpu_request_stop(c, CPU_STOP_RESET);
}

void cpu_resume(struct chip *c)
{
	c->cpu.state = CPU_RUN;
	c->cpu.idle = false;
	c->cpu.resetting = CPU_NOT_RESETTING;
	c->cpu.until_ps = c->now_ps;
	poll_reset(c);
	set_time(&c->cpu, c->now_ps);
}

/* -------- reset -------- */

static void clear_registers(struct chip *c)
{
	for (unsigned i = 0; i <= 12; i++)
		cpu_set_reg(c, i, 0);
	cpu_set_reg(c, 20, 0);
	cpu_set_reg(c, 14, 0xFFFFFFFFu);
	cpu_set_reg(c, 16, 0x01000000u);
}

void cpu_start(struct chip *c, uint32_t vtor)
{
	const uint8_t *at = cpu_memory(c, vtor, 8);
	uint32_t vector[2] = {0xFFFFFFFFu, 0xFFFFFFFFu};
	bool valid;

	if (at)
		memcpy(vector, at, sizeof(vector));
	clear_registers(c);
	cpu_set_reg(c, 13, vector[0] & ~3u);
	cpu_resume(c);
	/* A vector without Thumb bit faults at once, and there is no handler
	 * to be found in a blank table: lockup, as on silicon. */
	valid = vector[1] != 0xFFFFFFFFu && (vector[1] & 1u) &&
		cpu_memory(c, vector[1] & ~1u, 2) != NULL;
	if (valid)
		cpu_set_reg(c, 15, vector[1] & ~1u);
	else
		lock_up(c);
	if (c->scs.debug_enabled && scs_may_halt(c)) {
		if (c->scs.demcr & SCS_DEMCR_VC_CORERESET)
			cpu_halt(c, SCS_DFSR_VCATCH);
		else if (c->scs.halt_request)
			cpu_halt(c, SCS_DFSR_HALTED);
	}
}
