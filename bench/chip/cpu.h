/* The Cortex-M33: Unicorn, its memory map and its time.
 *
 * Each instruction costs one cycle of HCLK. Time is counted per translated
 * block, so there is no hook per instruction unless a breakpoint is set. A
 * block is started only when it fits in the time given; what is left over is
 * kept for the next slice, so slicing does not change what happens when.
 *
 * Interrupts are not modelled (firmware and loaders poll). Exceptions that an
 * instruction causes are: exception.h.
 */
#ifndef BENCH_CHIP_CPU_H
#define BENCH_CHIP_CPU_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <unicorn/unicorn.h>

struct chip;

#define CPU_BREAKPOINTS 8u
#define CPU_TB_CACHE	4096u

enum cpu_state {
	CPU_OFF,    /* no supply, or nRST low */
	CPU_RUN,    /* executing, or waiting in WFI or a poll loop */
	CPU_HALTED, /* in debug state */
	CPU_LOCKUP, /* fault without handler; only a reset or halt ends it */
};

/* Why Unicorn came back, noted by the hook that stopped it. */
enum cpu_stop {
	CPU_STOP_NONE,
	CPU_STOP_TIME,
	CPU_STOP_IDLE,
	CPU_STOP_BREAKPOINT,
	CPU_STOP_INTERRUPT,
	CPU_STOP_RESET,
};

struct cpu_block {
	uint32_t addr, size, insns;
};

struct cpu {
	uc_engine *uc;
	enum cpu_state state;
	bool inside; /* between uc_emu_start() and its return */

	uint64_t base_ps;    /* time when cycles was 0 */
	uint64_t cycle_ps;   /* one cycle of HCLK */
	uint64_t cycles;     /* done since base_ps, without this block */
	uint64_t block;	     /* instructions of the block being run */
	uint64_t limit;	     /* cycles may not exceed this */
	uint64_t until_ps;   /* end of the slice */
	uint64_t count_base; /* HCLK cycles up to count_ps, for CYCCNT */
	uint64_t count_ps;
	bool idle; /* nothing can happen before wake_ps */
	uint64_t wake_ps;

	/* For the account: what was executed, what was skipped, and what the
	 * resets took; `resetting` says which the present idling is. */
	uint64_t run_ps, wait_ps, reset_ps, option_reload_ps;
	enum cpu_resetting {
		CPU_NOT_RESETTING,
		CPU_RESETTING,
		CPU_RELOADING_OPTIONS,
	} resetting;

	enum cpu_stop stop;
	uint32_t block_addr; /* of the block being run */
	uint32_t next_pc;    /* of the block that was not begun; 0: none */
	uint32_t intno;
	uint64_t fault_addr;
	unsigned pending_reset; /* enum board_reset */

	/* A store to flash that Unicorn has made raw (flash_guard.c). */
	bool store_pending;
	uint32_t store_addr, store_size, store_old, store_value;

	uint32_t dirty_lo, dirty_hi; /* code changed behind Unicorn's back */
	uc_hook bp_hook[CPU_BREAKPOINTS];
	bool bp_set[CPU_BREAKPOINTS];
	uint32_t bp_addr[CPU_BREAKPOINTS];

	struct cpu_block blocks[CPU_TB_CACHE];
};

enum err_code cpu_init(struct chip *c, struct err *e);
void cpu_fini(struct chip *c);

/* Registers by their DCRSR.REGSEL number (Armv8-M ARM D1.2.44). */
uint32_t cpu_reg(struct chip *c, unsigned regsel);
void cpu_set_reg(struct chip *c, unsigned regsel, uint32_t value);

/* Start from the vector table at vtor. */
void cpu_start(struct chip *c, uint32_t vtor);

/* Execute until the world's now. */
void cpu_catch_up(struct chip *c);
/* One instruction. */
void cpu_step(struct chip *c);
/* A fault that nothing handles. */
void cpu_lock_up(struct chip *c);
/* Enter debug state now. */
void cpu_halt(struct chip *c, uint32_t dfsr);
/* Leave debug state. */
void cpu_resume(struct chip *c);

uint64_t cpu_time_ps(const struct cpu *cpu);
/* Time passes without instructions; not past the end of the slice. */
void cpu_skip(struct chip *c, uint64_t to_ps);
/* HCLK has changed. */
void cpu_set_clock(struct chip *c, uint64_t hz);
/* HCLK cycles since power-on, for CYCCNT. */
uint64_t cpu_cycle_count(const struct chip *c);

/* Code at [addr, addr + len) may have changed: forget translations. */
void cpu_dirty(struct chip *c, uint32_t addr, uint32_t len);
/* The FPB's comparators have changed. */
void cpu_set_breakpoint(struct chip *c, unsigned n, bool on, uint32_t addr);

/* Unicorn is inside code: return from it before the next block. To stop it
 * right away from a peripheral's callback would leave the registers of a
 * half-executed block with the PC of its begin. */
void cpu_request_stop(struct chip *c, enum cpu_stop why);

/* Access to memory as the CPU sees it (SRAM, flash, system memory); NULL when
 * [addr, addr + len) is not plain memory. */
uint8_t *cpu_memory(struct chip *c, uint32_t addr, uint32_t len);

#endif
