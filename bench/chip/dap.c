/* What the AHB-AP may reach (RM0456 Rev 6, debug access rules by RDP level). */
#include "bench/chip/board.h"
#include "bench/chip/bus.h"

#include <string.h>

#define FLASH_R	      0x40022000u /* registers of the flash interface */
#define FLASH_R_BYTES 0x400u

enum board_rdp board_rdp(const struct chip *c)
{
	uint32_t rdp = c->flash.opt_live[FLASH_OPT(FLASH_OPTR)] & 0xFFu;

	if (rdp == 0xAA)
		return RDP_0;
	if (rdp == 0xCC)
		return RDP_2;
	return rdp == 0x55 && board_tzen(c) ? RDP_0_5 : RDP_1;
}

bool board_tzen(const struct chip *c)
{
	return c->flash.opt_live[FLASH_OPT(FLASH_OPTR)] >> 31;
}

bool chip_dap_alive(const struct chip *c)
{
	return c->powered && board_rdp(c) != RDP_2;
}

bool chip_secure_debug(const struct chip *c)
{
	return board_tzen(c) && board_rdp(c) == RDP_0;
}

bool chip_device_enabled(const struct chip *c)
{
	return chip_dap_alive(c);
}

bool scs_may_halt(const struct chip *c)
{
	/* The modelled core never leaves the secure state when TZEN is set,
	 * and halting in that state takes secure debug. */
	if (!chip_dap_alive(c))
		return false;
	return !board_tzen(c) || chip_secure_debug(c);
}

static bool in_range(uint32_t addr, uint32_t base, uint32_t size)
{
	return addr - base < size;
}

static bool is_secure_alias(uint32_t addr)
{
	return addr >> 28 == 3 || addr >> 28 == 5 ||
	       in_range(addr, FLASH_S_BASE, FLASH_BYTES);
}

static bool is_flash(uint32_t addr)
{
	return in_range(addr, FLASH_NS_BASE, FLASH_BYTES) ||
	       in_range(addr, FLASH_S_BASE, FLASH_BYTES);
}

static bool is_sram(uint32_t addr)
{
	return addr >> 28 == 2 || addr >> 28 == 3;
}

/* After TZEN is set all SRAM blocks are secure (GTZC reset state). A
 * non-secure access to them, or to secure flash through the non-secure alias,
 * reads 0 and writes nothing; a non-secure access to a secure alias faults. */
enum grant { GRANT_FULL, GRANT_NOTHING, GRANT_FAULT };

static enum grant check(const struct chip *c, uint32_t addr, bool secure)
{
	enum board_rdp rdp = board_rdp(c);

	if (!chip_dap_alive(c))
		return GRANT_FAULT;
	if (addr >> 28 == 0xE)
		return GRANT_FULL;
	if (is_secure_alias(addr) && !secure)
		return GRANT_FAULT;
	if (rdp == RDP_1 &&
	    (is_flash(addr) || in_range(addr & ~BOARD_SECURE_ALIAS, BOARD_SRAM2,
					BOARD_SRAM2_BYTES)))
		return GRANT_FAULT;
	if (!board_tzen(c) || secure)
		return GRANT_FULL;
	if (is_sram(addr))
		return GRANT_NOTHING;
	if (in_range(addr, FLASH_R, FLASH_R_BYTES) &&
	    flash_is_secure_reg((addr - FLASH_R) & ~3u))
		return GRANT_NOTHING;
	if (is_flash(addr) && flash_is_secure(c, addr & (FLASH_BYTES - 1u)))
		return GRANT_NOTHING;
	return GRANT_FULL;
}

/* Secure transactions are granted only with secure debug; without TrustZone
 * there is one world and both kinds reach it. */
static bool granted_secure(const struct chip *c, bool asked)
{
	return board_tzen(c) ? asked && chip_secure_debug(c) : asked;
}

static bool aligned(uint32_t addr, unsigned size)
{
	return (size == 1 || size == 2 || size == 4) && addr % size == 0;
}

/* Addresses behind which something answers. */
static bool exists(uint32_t addr)
{
	uint32_t top = addr >> 28;

	return top == 4 || top == 5 || top == 7 || top == 9 || top == 0xE;
}

/* A debugger may change what firmware waits for, so a wait has to be looked at
 * anew: the next read of its loop must not skip time before the rest of the
 * loop has been read once more. */
static void wake(struct chip *c)
{
	c->cpu.idle = false;
	poll_reset(c);
}

enum chip_bus chip_ahb_read(struct chip *c, uint32_t addr, unsigned size,
			    bool secure, uint32_t *value)
{
	const uint8_t *mem;

	*value = 0;
	if (!aligned(addr, size))
		return CHIP_BUS_FAULT;
	switch (check(c, addr, granted_secure(c, secure))) {
	case GRANT_FAULT:
		return CHIP_BUS_FAULT;
	case GRANT_NOTHING:
		return CHIP_BUS_OK;
	case GRANT_FULL:
		break;
	}
	mem = cpu_memory(c, addr, size);
	if (mem) {
		memcpy(value, mem, size);
		return CHIP_BUS_OK;
	}
	if (!exists(addr))
		return CHIP_BUS_FAULT;
	if (addr >> 28 != 0xE)
		wake(c); /* a read may pop a FIFO */
	*value = bus_read(c, addr, size);
	return CHIP_BUS_OK;
}

static void write_memory(struct chip *c, uint32_t addr, unsigned size,
			 uint32_t value, bool secure, uint8_t *mem)
{
	if (is_flash(addr)) {
		flash_store(c, addr & (FLASH_BYTES - 1u), size, value,
			    secure && board_tzen(c));
		return;
	}
	if (!is_sram(addr))
		return; /* system memory */
	memcpy(mem, &value, size);
	cpu_dirty(c, addr, size);
}

enum chip_bus chip_ahb_write(struct chip *c, uint32_t addr, unsigned size,
			     bool secure, uint32_t value)
{
	bool granted = granted_secure(c, secure);
	uint8_t *mem;

	if (!aligned(addr, size))
		return CHIP_BUS_FAULT;
	switch (check(c, addr, granted)) {
	case GRANT_FAULT:
		return CHIP_BUS_FAULT;
	case GRANT_NOTHING:
		return CHIP_BUS_OK;
	case GRANT_FULL:
		break;
	}
	wake(c);
	mem = cpu_memory(c, addr, size);
	if (mem) {
		write_memory(c, addr, size, value, granted, mem);
		return CHIP_BUS_OK;
	}
	if (!exists(addr))
		return CHIP_BUS_FAULT;
	bus_write(c, addr, size, value);
	return CHIP_BUS_OK;
}
