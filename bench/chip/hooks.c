#include "bench/chip/hooks.h"

#include "bench/chip/board.h"
#include "bench/chip/bus.h"
#include "bench/chip/rss.h"

#include <string.h>

/* QEMU's numbers for what UC_HOOK_INTR reports are in exception.c. */

/* -------- memory -------- */

static uint32_t fold(uint32_t addr)
{
	if (addr >= FLASH_S_BASE && addr - FLASH_S_BASE < FLASH_BYTES)
		return addr - (FLASH_S_BASE - FLASH_NS_BASE);
	if (addr >> 28 == 3)
		return addr - BOARD_SECURE_ALIAS;
	return addr;
}

static uint8_t *window(uint8_t *data, uint32_t base, uint32_t size,
		       uint32_t addr, uint32_t len)
{
	uint32_t off = addr - base;

	if (off >= size || len > size - off)
		return NULL;
	return data + off;
}

uint8_t *cpu_memory(struct chip *c, uint32_t addr, uint32_t len)
{
	uint8_t *p;

	addr = fold(addr);
	p = window(c->flash.data, FLASH_NS_BASE, FLASH_BYTES, addr, len);
	if (!p)
		p = window(c->sram, BOARD_SRAM, BOARD_SRAM_BYTES, addr, len);
	if (!p)
		p = window(c->sram4, BOARD_SRAM4, BOARD_SRAM4_BYTES, addr, len);
	if (!p)
		p = window(c->system, BOARD_SYSTEM, BOARD_SYSTEM_BYTES, addr,
			   len);
	return p;
}

/* -------- translations -------- */

static void remove_cache(struct chip *c, uint32_t lo, uint32_t hi)
{
	uc_ctl_remove_cache(c->cpu.uc, (uint64_t)lo, (uint64_t)hi);
}

void hooks_forget_code(struct chip *c)
{
	struct cpu *cpu = &c->cpu;
	uint32_t lo = cpu->dirty_lo, hi = cpu->dirty_hi;

	if (!hi)
		return;
	cpu->dirty_hi = 0;
	memset(cpu->blocks, 0, sizeof(cpu->blocks));
	remove_cache(c, lo, hi);
	if (lo >= FLASH_NS_BASE && lo - FLASH_NS_BASE < FLASH_BYTES)
		remove_cache(c, lo + (FLASH_S_BASE - FLASH_NS_BASE),
			     hi + (FLASH_S_BASE - FLASH_NS_BASE));
	else
		remove_cache(c, lo + BOARD_SECURE_ALIAS,
			     hi + BOARD_SECURE_ALIAS);
}

/* -------- instructions of a block -------- */

static uint32_t count_insns(struct chip *c, uint32_t addr, uint32_t size)
{
	const uint8_t *code = cpu_memory(c, addr, size);
	uint32_t insns = 0;

	if (!code)
		return size / 2u;
	for (uint32_t i = 0; i < size; insns++) {
		/* The first halfword tells the length (DDI0553, C1.2). */
		bool wide = (code[i + 1] >> 3) >= 0x1D;

		i += wide ? 4 : 2;
	}
	return insns;
}

static uint32_t block_insns(struct chip *c, uint32_t addr, uint32_t size)
{
	struct cpu_block *b = &c->cpu.blocks[(addr >> 1) % CPU_TB_CACHE];

	if (b->addr != addr || b->size != size) {
		b->addr = addr;
		b->size = size;
		b->insns = count_insns(c, addr, size);
	}
	return b->insns;
}

/* From hooks that Unicorn calls before an instruction, not in its middle. */
static void stop_now(struct chip *c, enum cpu_stop why)
{
	if (why != CPU_STOP_TIME || c->cpu.stop == CPU_STOP_NONE)
		c->cpu.stop = why;
	uc_emu_stop(c->cpu.uc);
}

static void on_block(uc_engine *uc, uint64_t addr, uint32_t size, void *arg)
{
	struct chip *c = arg;
	struct cpu *cpu = &c->cpu;
	uint32_t insns = block_insns(c, (uint32_t)addr, size);

	(void)uc;
	if (cpu->store_pending)
		hooks_settle_store(c);
	cpu->cycles += cpu->block;
	cpu->block = insns;
	cpu->block_addr = (uint32_t)addr;
	if (cpu->cycles + insns > cpu->limit || cpu->stop != CPU_STOP_NONE) {
		cpu->block = 0;
		cpu->next_pc = (uint32_t)addr | 1u;
		stop_now(c, CPU_STOP_TIME);
	}
}

/* -------- stores to flash -------- */

void hooks_settle_store(struct chip *c)
{
	struct cpu *cpu = &c->cpu;
	uint8_t *at;

	if (!cpu->store_pending)
		return;
	cpu->store_pending = false;
	at = cpu_memory(c, cpu->store_addr, cpu->store_size);
	if (!at)
		return;
	memcpy(at, &cpu->store_old, cpu->store_size);
	if (fold(cpu->store_addr) >= FLASH_NS_BASE &&
	    fold(cpu->store_addr) - FLASH_NS_BASE < FLASH_BYTES)
		flash_store(c, fold(cpu->store_addr) - FLASH_NS_BASE,
			    cpu->store_size, cpu->store_value, board_tzen(c));
}

static bool on_protected_store(uc_engine *uc, uc_mem_type type, uint64_t addr,
			       int size, int64_t value, void *arg)
{
	struct chip *c = arg;
	struct cpu *cpu = &c->cpu;
	const uint8_t *at;

	(void)uc;
	(void)type;
	hooks_settle_store(c);
	if (size != 1 && size != 2 && size != 4)
		return false;
	at = cpu_memory(c, (uint32_t)addr, (uint32_t)size);
	if (!at)
		return false;
	cpu->store_pending = true;
	cpu->store_addr = (uint32_t)addr;
	cpu->store_size = (uint32_t)size;
	cpu->store_old = 0;
	memcpy(&cpu->store_old, at, (size_t)size);
	cpu->store_value = (uint32_t)value;
	return true;
}

/* -------- peripherals, faults, breakpoints -------- */

struct mmio {
	uint32_t base, size;
};

static const struct mmio MMIO[] = {
	{0x40000000u, 0x10000000u},  {0x50000000u, 0x10000000u},
	{OSPI2_MAP, OSPI_MAP_BYTES}, {OSPI1_MAP, OSPI_MAP_BYTES},
	{0xE0000000u, 0x00100000u},
};

/* Unicorn passes the offset, so each region has its own pair. */
#define MMIO_PAIR(n)                                                           \
	static uint64_t mmio_read_##n(uc_engine *uc, uint64_t off,             \
				      unsigned size, void *arg)                \
	{                                                                      \
		(void)uc;                                                      \
		return bus_cpu_read(arg, MMIO[n].base + (uint32_t)off, size);  \
	}                                                                      \
	static void mmio_write_##n(uc_engine *uc, uint64_t off, unsigned size, \
				   uint64_t value, void *arg)                  \
	{                                                                      \
		(void)uc;                                                      \
		bus_cpu_write(arg, MMIO[n].base + (uint32_t)off, size,         \
			      (uint32_t)value);                                \
	}

MMIO_PAIR(0)
MMIO_PAIR(1)
MMIO_PAIR(2)
MMIO_PAIR(3)
MMIO_PAIR(4)

static const uc_cb_mmio_read_t MMIO_READ[] = {
	mmio_read_0, mmio_read_1, mmio_read_2, mmio_read_3, mmio_read_4};
static const uc_cb_mmio_write_t MMIO_WRITE[] = {
	mmio_write_0, mmio_write_1, mmio_write_2, mmio_write_3, mmio_write_4};

static bool on_invalid(uc_engine *uc, uc_mem_type type, uint64_t addr, int size,
		       int64_t value, void *arg)
{
	struct chip *c = arg;

	(void)uc;
	(void)type;
	(void)size;
	(void)value;
	c->cpu.fault_addr = addr;
	return false;
}

static void on_interrupt(uc_engine *uc, uint32_t number, void *arg)
{
	struct chip *c = arg;

	(void)uc;
	c->cpu.intno = number;
	stop_now(c, CPU_STOP_INTERRUPT);
}

static void on_breakpoint(uc_engine *uc, uint64_t addr, uint32_t size,
			  void *arg)
{
	struct chip *c = arg;

	(void)uc;
	(void)size;
	c->cpu.next_pc = (uint32_t)addr | 1u;
	stop_now(c, CPU_STOP_BREAKPOINT);
}

static void on_rss(uc_engine *uc, uint64_t addr, uint32_t size, void *arg)
{
	(void)uc;
	(void)size;
	rss_call(arg, (uint32_t)addr);
}

void cpu_set_breakpoint(struct chip *c, unsigned n, bool on, uint32_t addr)
{
	struct cpu *cpu = &c->cpu;

	if (on == cpu->bp_set[n] && (!on || addr == cpu->bp_addr[n]))
		return;
	if (cpu->bp_set[n]) {
		uc_hook_del(cpu->uc, cpu->bp_hook[n]);
		cpu_dirty(c, cpu->bp_addr[n], 2);
	}
	cpu->bp_set[n] = on;
	cpu->bp_addr[n] = addr;
	if (!on)
		return;
	cpu->bp_set[n] =
		uc_hook_add(cpu->uc, &cpu->bp_hook[n], UC_HOOK_CODE,
			    (void *)on_breakpoint, c, addr, addr) == UC_ERR_OK;
	cpu_dirty(c, addr, 2);
}

/* -------- set-up -------- */

static uc_err map_memory(struct chip *c)
{
	struct {
		uint32_t base, size, perms;
		uint8_t *data;
	} maps[] = {
		{FLASH_NS_BASE, FLASH_BYTES, UC_PROT_READ | UC_PROT_EXEC,
		 c->flash.data},
		{FLASH_S_BASE, FLASH_BYTES, UC_PROT_READ | UC_PROT_EXEC,
		 c->flash.data},
		{BOARD_SYSTEM, BOARD_SYSTEM_BYTES, UC_PROT_READ | UC_PROT_EXEC,
		 c->system},
		{BOARD_SRAM, BOARD_SRAM_BYTES, UC_PROT_ALL, c->sram},
		{BOARD_SRAM + BOARD_SECURE_ALIAS, BOARD_SRAM_BYTES, UC_PROT_ALL,
		 c->sram},
		{BOARD_SRAM4, BOARD_SRAM4_BYTES, UC_PROT_ALL, c->sram4},
		{BOARD_SRAM4 + BOARD_SECURE_ALIAS, BOARD_SRAM4_BYTES,
		 UC_PROT_ALL, c->sram4},
	};
	uc_err err = UC_ERR_OK;

	for (size_t i = 0; !err && i < sizeof(maps) / sizeof(maps[0]); i++)
		err = uc_mem_map_ptr(c->cpu.uc, maps[i].base, maps[i].size,
				     maps[i].perms, maps[i].data);
	for (size_t i = 0; !err && i < sizeof(MMIO) / sizeof(MMIO[0]); i++)
		err = uc_mmio_map(c->cpu.uc, MMIO[i].base, MMIO[i].size,
				  MMIO_READ[i], c, MMIO_WRITE[i], c);
	return err;
}

static uc_err add_hooks(struct chip *c)
{
	uc_engine *uc = c->cpu.uc;
	uc_hook h;
	uc_err err =
		uc_hook_add(uc, &h, UC_HOOK_BLOCK, (void *)on_block, c, 1, 0);

	if (!err)
		err = uc_hook_add(uc, &h, UC_HOOK_MEM_WRITE_PROT,
				  (void *)on_protected_store, c, 1, 0);
	if (!err)
		err = uc_hook_add(uc, &h, UC_HOOK_INTR, (void *)on_interrupt, c,
				  1, 0);
	if (!err)
		err = uc_hook_add(uc, &h,
				  UC_HOOK_MEM_UNMAPPED | UC_HOOK_MEM_READ_PROT |
					  UC_HOOK_MEM_FETCH_PROT,
				  (void *)on_invalid, c, 1, 0);
	if (!err)
		err = uc_hook_add(uc, &h, UC_HOOK_CODE, (void *)on_rss, c,
				  RSS_ENTRY_FIRST, RSS_ENTRY_LAST);
	return err;
}

enum err_code cpu_init(struct chip *c, struct err *e)
{
	uc_err err = uc_open(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS,
			     &c->cpu.uc);

	if (!err)
		err = uc_ctl_set_cpu_model(c->cpu.uc, UC_CPU_ARM_CORTEX_M33);
	if (!err)
		err = map_memory(c);
	if (!err)
		err = add_hooks(c);
	if (err)
		return err_set(e, ERR_FAILED, "CPU model: %s",
			       uc_strerror(err));
	return ERR_OK;
}

void cpu_fini(struct chip *c)
{
	if (c->cpu.uc)
		uc_close(c->cpu.uc);
	c->cpu.uc = NULL;
}
