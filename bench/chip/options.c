#include "bench/chip/board.h"

#include <string.h>

/* Option bytes: RM0456 Rev 6, 7.4 and the RDP and TZEN rules of 7.6. */

#define OPTR_TZEN      (1u << 31)
#define OPTR_SWAP_BANK (1u << 20)
#define OPTR_NSWBOOT0  (1u << 26)
#define OPTR_NBOOT0    (1u << 27)
#define RDP_MASK       0xFFu
#define OPTION_NS      5000000ull  /* program and verify the option area */
#define WM_ALL	       0xFF80FF80u /* first page 0, last page 127 */
#define WM_ALL_PAGES   0x007F0000u
#define WM_NONE	       0xFF80FFFFu /* first 127, last 0: no page */
#define BOOT_ROM       0x0BF90000u

static const struct {
	uint8_t off;
	uint32_t value;
} VIRGIN[] = {
	{FLASH_OPTR, FLASH_OPTR_VIRGIN},
	{FLASH_NSBOOTADD0, 0x0800007F},	 /* 0x08000000 */
	{FLASH_NSBOOTADD1, 0x0BF9007F},	 /* system memory */
	{FLASH_SECBOOTADD0, 0x0C00007C}, /* 0x0C000000 */
	{FLASH_SECWM1R1, WM_NONE},
	{FLASH_SECWM1R2, 0x0F00FFFF & 0x7FFFFFFF},
	{FLASH_WRP1AR, 0xFF00FFFF},
	{FLASH_WRP1BR, 0xFF00FFFF},
	{FLASH_SECWM2R1, WM_NONE},
	{FLASH_SECWM2R2, 0x0F00FFFF & 0x7FFFFFFF},
	{FLASH_WRP2AR, 0xFF00FFFF},
	{FLASH_WRP2BR, 0xFF00FFFF},
};

#define FIRST_VOLATILE FLASH_OPT(FLASH_SECBB1R1)

void options_init(struct chip *c)
{
	struct flash *f = &c->flash;

	for (size_t i = 0; i < sizeof(VIRGIN) / sizeof(VIRGIN[0]); i++)
		f->opt_cell[FLASH_OPT(VIRGIN[i].off)] = VIRGIN[i].value;
	if (board_has(c, FAULT_RDP1))
		f->opt_cell[0] = (f->opt_cell[0] & ~RDP_MASK) | 0xDCu;
	options_load(c);
}

void options_load(struct chip *c)
{
	struct flash *f = &c->flash;

	memcpy(f->opt_reg, f->opt_cell, sizeof(f->opt_reg));
	memcpy(f->opt_live, f->opt_cell, sizeof(f->opt_live));
}

uint32_t flash_boot_address(const struct chip *c)
{
	const uint32_t *o = c->flash.opt_live;
	uint32_t optr = o[FLASH_OPT(FLASH_OPTR)];
	/* The BOOT0 pin is low on the board. */
	bool boot0 = !(optr & OPTR_NSWBOOT0) && !(optr & OPTR_NBOOT0);

	if (board_tzen(c))
		return boot0 && !(o[FLASH_OPT(FLASH_SECBOOTADD0)] & 1u)
			       ? BOOT_ROM
			       : o[FLASH_OPT(FLASH_SECBOOTADD0)] & ~0x7Fu;
	return o[FLASH_OPT(boot0 ? FLASH_NSBOOTADD1 : FLASH_NSBOOTADD0)] &
	       ~0x7Fu;
}

static enum board_rdp level(uint32_t optr)
{
	switch (optr & RDP_MASK) {
	case 0xAA:
		return RDP_0;
	case 0xCC:
		return RDP_2;
	case 0x55:
		return optr & OPTR_TZEN ? RDP_0_5 : RDP_1;
	default:
		return RDP_1;
	}
}

/* Is the step from one OPTR to another one that the chip makes? */
static bool allowed(uint32_t from, uint32_t to)
{
	enum board_rdp was = level(from), will = level(to);
	bool tz_was = from & OPTR_TZEN, tz_will = to & OPTR_TZEN;

	if (was == RDP_2)
		return ((from ^ to) & ~OPTR_SWAP_BANK) == 0;
	if (was == RDP_0_5 && will == RDP_0)
		return false;
	if (!tz_was && tz_will)
		return was == RDP_0 && will == RDP_0;
	if (tz_was && !tz_will)
		return was == RDP_1 && will == RDP_0;
	return true;
}

/* 1 to 0 erases all of flash and SRAM; 1 to 0.5 the non-secure part of flash,
 * and nothing of the secure world, which stays shut at that level. */
static void regress(struct chip *c, enum board_rdp was, enum board_rdp will)
{
	if (was == RDP_1 && will == RDP_0_5)
		flash_partial_erase(c);
	if (was != RDP_1 || will != RDP_0)
		return;
	flash_mass_erase(c);
	memset(c->sram, 0, BOARD_SRAM_BYTES);
	memset(c->sram4, 0, BOARD_SRAM4_BYTES);
	cpu_dirty(c, BOARD_SRAM, BOARD_SRAM_BYTES);
}

/* Setting TZEN makes all of flash secure. */
static void trustzone_defaults(struct flash *f)
{
	unsigned wm1 = FLASH_OPT(FLASH_SECWM1R1);
	unsigned wm2 = FLASH_OPT(FLASH_SECWM2R1);

	f->opt_cell[wm1] = WM_ALL | WM_ALL_PAGES;
	f->opt_cell[wm2] = WM_ALL | WM_ALL_PAGES;
	f->opt_reg[wm1] = f->opt_cell[wm1];
	f->opt_reg[wm2] = f->opt_cell[wm2];
}

/* Watermarks and the secure boot address are the secure world's: without
 * TrustZone they keep their values. */
static bool is_secure_option(unsigned word)
{
	return word == FLASH_OPT(FLASH_SECWM1R1) ||
	       word == FLASH_OPT(FLASH_SECWM1R2) ||
	       word == FLASH_OPT(FLASH_SECWM2R1) ||
	       word == FLASH_OPT(FLASH_SECWM2R2);
}

void options_start(struct chip *c)
{
	struct flash *f = &c->flash;
	uint32_t from = f->opt_cell[0], to = f->opt_reg[0];

	if (!allowed(from, to)) {
		f->port[0].sr |= FLASH_SR_OPTWERR;
		f->opt_reg[0] = from;
		return;
	}
	flash_busy(c, OPTION_NS, &c->account.option_program_ns);
	f->port[0].sr |= FLASH_SR_EOP;
	if (board_has(c, FAULT_OPTION_BYTES_STUCK))
		return;
	for (unsigned i = 0; i < FIRST_VOLATILE; i++)
		if (board_tzen(c) || !is_secure_option(i))
			f->opt_cell[i] = f->opt_reg[i];
	if (!(from & OPTR_TZEN) && (to & OPTR_TZEN))
		trustzone_defaults(f);
	regress(c, level(from), level(to));
}
