/* A virtual board for the tests of bench/chip, and what a debugger does to it
 * over the AHB-AP. Every function fails the test when the bus does. */
#ifndef TESTS_UNIT_BENCH_CHIP_FIXTURE_H
#define TESTS_UNIT_BENCH_CHIP_FIXTURE_H

#include "bench/chip/chip.h"

#define DHCSR	 0xE000EDF0u
#define DCRSR	 0xE000EDF4u
#define DCRDR	 0xE000EDF8u
#define DEMCR	 0xE000EDFCu
#define DFSR	 0xE000ED30u
#define HFSR	 0xE000ED2Cu
#define CFSR	 0xE000ED28u
#define AIRCR	 0xE000ED0Cu
#define RESULT	 0x20000100u
#define S_HALT	 (1u << 17)
#define S_LOCKUP (1u << 19)
#define FLASH_R	 0x40022000u
#define OCTOSPI	 0x420D1400u
#define OCTOSPI2 0x420D2400u

/* A powered board with a w25q128jv; faults may be NULL. */
struct chip *fixture_board(const char *const *faults);
struct chip *fixture_board_with(const char *nor, const char *const *faults);

uint32_t fixture_read(struct chip *c, uint32_t addr);
void fixture_write(struct chip *c, uint32_t addr, uint32_t value);
void fixture_halt(struct chip *c);
void fixture_run(struct chip *c);
uint32_t fixture_reg(struct chip *c, unsigned regsel);
void fixture_set_reg(struct chip *c, unsigned regsel, uint32_t value);

/* Unlock, erase what is needed, and program len bytes (rounded up with 0xFF)
 * at offset, through the flash controller. */
void fixture_program(struct chip *c, uint32_t offset, const void *data,
		     size_t len);
/* Program thumb/NAME.S at the start of flash and reset into it. */
void fixture_boot(struct chip *c, const char *name);
/* Advance until the core is in debug state or locked up. */
void fixture_until_stopped(struct chip *c, unsigned budget_ms);

/* Set up OCTOSPI1 with the clock enables that it takes. */
void fixture_ospi(struct chip *c);
/* One single-line command; addr_bytes 0..4. */
void fixture_nor_command(struct chip *c, uint8_t op, unsigned addr_bytes,
			 uint32_t addr);
void fixture_nor_read(struct chip *c, uint8_t op, unsigned addr_bytes,
		      unsigned dummy, uint32_t addr, uint8_t *out, size_t len);
void fixture_nor_write(struct chip *c, uint8_t op, unsigned addr_bytes,
		       uint32_t addr, const uint8_t *data, size_t len);
#endif
