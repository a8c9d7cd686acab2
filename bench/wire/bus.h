/* What the debug port needs from the chip behind it: the AHB, and who may use
 * it. The bench connects bench/chip; unit tests connect a small memory. */
#ifndef BENCH_WIRE_BUS_H
#define BENCH_WIRE_BUS_H

#include <stdbool.h>
#include <stdint.h>

struct wire_bus {
	/* Aligned accesses of 1, 2 or 4 bytes; false is a bus fault. */
	bool (*read)(void *arg, uint32_t addr, unsigned size, bool secure,
		     uint32_t *value);
	bool (*write)(void *arg, uint32_t addr, unsigned size, bool secure,
		      uint32_t value);
	/* Does the port answer on the wire at all? */
	bool (*alive)(void *arg);
	/* CSW.DeviceEn and CSW.SPIDEN. */
	bool (*enabled)(void *arg);
	bool (*secure)(void *arg);
	void *arg;
};

#endif
