/* The NOR's own pins, bit by bit: SPI mode 0, one line each way. For a fixture
 * that programs the part on the board while the MCU is held in reset and so
 * leaves the pins alone. Dual, quad and octal phases are out of its reach: such
 * a command is not understood.
 */
#ifndef BENCH_CHIP_NOR_PINS_H
#define BENCH_CHIP_NOR_PINS_H

#include "bench/chip/nor.h"

enum nor_phase {
	NOR_OPCODE,
	NOR_ADDRESS,
	NOR_DUMMY,
	NOR_DATA,
	NOR_COMPLETE, /* only CS# may follow */
	NOR_UNKNOWN,
};

struct nor_pins {
	bool selected; /* CS# is low */
	enum nor_phase phase;
	unsigned clocks; /* of this phase */
	uint8_t in, out;
	struct nor_command command;
};

void nor_pins_cs(struct chip *c, bool level, uint64_t t_ps);
/* A rising edge of SCK with `in` on DI. Returns DO as the host samples it at
 * that edge; a pull-up where the part does not drive it. */
bool nor_pins_clock(struct chip *c, bool in, uint64_t t_ps);

#endif
