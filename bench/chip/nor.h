/* A SPI NOR as seen at its pins, one command at a time: select with opcode and
 * address, move data bytes, deselect. Follows the Winbond W25Q64JV/W25Q128JV
 * and Macronix MX25LM51245G (SPI mode) data sheets: programming only clears
 * bits and wraps inside a page, erases take their typical time, a busy part
 * answers nothing but its status register and a reset, and then nothing.
 */
#ifndef BENCH_CHIP_NOR_H
#define BENCH_CHIP_NOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chip;

#define NOR_SFDP_BYTES 256u
#define NOR_PAGE_BYTES 256u

struct nor_part {
	const char *name;
	uint8_t id[3];
	uint32_t size_bytes;
	bool quad;	/* 1-1-2, 1-1-4 and 1-4-4 reads */
	bool four_byte; /* 4-byte commands, B7/E9 */
	uint32_t program_us, erase4_us, erase32_us, erase64_us, chip_us;
	uint32_t reset_us, reset_busy_us; /* deaf after a reset: idle, busy */
};

/* NULL for an unknown name. */
const struct nor_part *nor_find_part(const char *name);
/* The part's SFDP area (JESD216B). */
void nor_build_sfdp(const struct nor_part *part, uint8_t out[NOR_SFDP_BYTES]);

/* How a command came over the wires. */
struct nor_command {
	uint8_t op;
	unsigned op_lines, addr_lines, data_lines; /* 0: phase left out */
	unsigned addr_bytes;			   /* 0..4 */
	uint32_t addr;
	unsigned dummy_clocks; /* alternate bytes and dummy cycles */
};

struct nor_op;

struct nor {
	const struct nor_part *part; /* NULL: not fitted */
	struct nor_part custom;	     /* storage of a changed part */
	uint8_t *data;
	uint8_t sfdp[NOR_SFDP_BYTES];

	bool wel, deep_sleep, reset_enabled, addr4;
	uint8_t sr2, sr3;
	uint64_t busy_until_ps; /* BOARD_NEVER: stuck */
	bool resetting;		/* busy with that: hears nothing at all */

	const struct nor_op *op; /* selected; NULL: not understood */
	uint32_t addr;
	uint32_t pos;
	uint8_t page[NOR_PAGE_BYTES];
	uint32_t page_bytes;

	bool bad_bit_chosen; /* nor-bit-error */
	uint32_t bad_addr;
	uint8_t bad_mask;
};

/* part "" for none. False: unknown name or no memory. */
bool nor_init(struct chip *c, const char *part);
void nor_fini(struct chip *c);
void nor_power_on(struct chip *c);

void nor_select(struct chip *c, const struct nor_command *cmd, uint64_t t_ps);
uint8_t nor_shift_out(struct chip *c, uint64_t t_ps);
void nor_shift_in(struct chip *c, uint8_t byte);
void nor_deselect(struct chip *c, uint64_t t_ps);

/* A command as it comes over one line each way; false when the part knows
 * none such. The longest of an opcode's forms, the address left at 0. */
bool nor_serial(const struct nor *n, uint8_t op, struct nor_command *cmd);
/* The selected command's data come from the part. */
bool nor_drives(const struct nor *n);

uint8_t nor_status(const struct chip *c, uint64_t t_ps);
uint64_t nor_next_event(struct chip *c, uint64_t t_ps);

#endif
