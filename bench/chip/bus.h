/* The bus matrix: one table of peripherals, reached by CPU and debugger alike.
 * Addresses are those of the non-secure alias; bus_find() folds the secure one
 * onto it. */
#ifndef BENCH_CHIP_BUS_H
#define BENCH_CHIP_BUS_H

#include <stdbool.h>
#include <stdint.h>

struct chip;

enum bus_flags {
	BUS_BYTES = 1,	 /* the peripheral minds the access size */
	BUS_STATUS = 2,	 /* reads have no effect: may be poll-skipped */
	BUS_COUNTER = 4, /* a read may be of a counter that always moves */
};

struct bus_region {
	uint32_t base, size;
	/* off counts from the region's base. Unless BUS_BYTES is set, size is
	 * 4 and off a multiple of it. index tells instances apart. */
	uint32_t (*read)(struct chip *c, unsigned index, uint32_t off,
			 unsigned size);
	void (*write)(struct chip *c, unsigned index, uint32_t off,
		      unsigned size, uint32_t value);
	unsigned index;
	uint16_t gate_off; /* RCC enable register; 0: always clocked */
	uint8_t gate_bit;
	uint8_t flags; /* enum bus_flags */
};

/* NULL: nothing there. */
const struct bus_region *bus_find(uint32_t addr);

/* Value in the low `size` bytes; an address without peripheral reads 0, and
 * one without clock too. */
uint32_t bus_read(struct chip *c, uint32_t addr, unsigned size);
void bus_write(struct chip *c, uint32_t addr, unsigned size, uint32_t value);

/* The CPU's way: the same with poll skipping and the CPU's time. */
uint32_t bus_cpu_read(struct chip *c, uint32_t addr, unsigned size);
void bus_cpu_write(struct chip *c, uint32_t addr, unsigned size,
		   uint32_t value);

#endif
