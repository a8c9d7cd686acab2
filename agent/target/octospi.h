/* The OCTOSPI that the board's NOR hangs on, on single lines, driven from
 * outside over SWD (RM0456 Rev 6, chapter 28). One command at a time; whatever
 * takes part of a run that was disturbed returns ERR_WIRE with the link
 * repaired: call octospi_start() again and repeat the command, or the work it
 * was part of.
 */
#ifndef AGENT_TARGET_OCTOSPI_H
#define AGENT_TARGET_OCTOSPI_H

#include "agent/drv/adi.h"
#include "agent/target/wiring.h"

struct octospi {
	struct adi *adi;
	const struct wiring *wiring;
	bool mapped; /* memory-mapped mode is on */
};

struct octospi_command {
	uint8_t opcode;
	uint8_t addr_bytes; /* 0, 3 or 4 */
	uint8_t dummy_clocks;
	uint32_t addr;
};

#define OCTOSPI_READ_MAX 32u /* the FIFO */

/* Clocks on (SPI at 24 MHz, or 20 when the PLL runs already), pins as the board
 * has them, peripheral enabled for a NOR of 2^size_log2 bytes. Chip must be
 * halted, TZEN 0. 100 ms. */
enum err_code octospi_start(struct octospi *o, unsigned size_log2,
			    struct err *e);

/* Another size, once it is known; in effect with what runs next. */
void octospi_set_size(struct octospi *o, unsigned size_log2);

/* Command without data. */
enum err_code octospi_command(struct octospi *o, uint8_t opcode, struct err *e);

/* Command, then len bytes from the NOR; len a multiple of 4 and at most
 * OCTOSPI_READ_MAX. */
enum err_code octospi_read(struct octospi *o, const struct octospi_command *c,
			   void *buf, size_t len, struct err *e);

/* Wait until bit 0 of the NOR's status register is 0, for at most budget_ms.
 * ERR_TIMEOUT. */
enum err_code octospi_wait_ready(struct octospi *o, int budget_ms,
				 struct err *e);

/* Any number of bytes through the memory-mapped window, with the read command
 * given. addr and len multiples of 4. */
enum err_code octospi_map_read(struct octospi *o,
			       const struct octospi_command *read_command,
			       uint32_t addr, void *buf, size_t len,
			       struct err *e);

#endif
