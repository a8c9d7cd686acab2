/* GPIO ports A to I with the two pins of the provisioning UART, and EXTI's
 * pending flags (RM0456 Rev 6, sections 13 and 23). PB0 is what port B drives,
 * or high by its pull-up; PE4 follows the edges given from outside.
 */
#ifndef BENCH_CHIP_GPIO_H
#define BENCH_CHIP_GPIO_H

#include "bench/chip/chip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GPIO_PORTS 9u
#define GPIO_BASE  0x42020000u
#define EXTI_BASE  0x46022000u

struct gpio_port {
	uint32_t moder, otyper, ospeedr, pupdr, odr, afrl, afrh, lckr, seccfgr;
};

struct gpio_edge {
	uint64_t at_ps;
	bool level;
};

struct gpio {
	struct gpio_port port[GPIO_PORTS];

	bool pb0;
	chip_pin_fn *pb0_fn;
	void *pb0_arg;

	bool pe4;
	struct gpio_edge *edges; /* still to come, in order of time */
	size_t edge_first, edge_count, edge_room;

	uint32_t rtsr, ftsr, rpr, fpr, imr, emr, exticr[4];
};

void gpio_init(struct chip *c);
void gpio_fini(struct chip *c);
void gpio_reset(struct chip *c);

uint32_t gpio_read(struct chip *c, unsigned index, uint32_t off, unsigned size);
void gpio_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
		uint32_t value);
uint32_t exti_read(struct chip *c, unsigned index, uint32_t off, unsigned size);
void exti_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
		uint32_t value);

void gpio_schedule_pe4(struct chip *c, uint64_t at_ps, bool level);
uint64_t gpio_next_event(struct chip *c, uint64_t t_ps);

#endif
