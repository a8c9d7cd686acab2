/* RCC and PWR (RM0456 Rev 6, sections 11 and 10): what selects HCLK, the
 * peripheral clock enables, the reset causes, and ready flags that follow
 * their enable at once. */
#ifndef BENCH_CHIP_RCC_H
#define BENCH_CHIP_RCC_H

#include <stdbool.h>
#include <stdint.h>

struct chip;

struct rcc {
	uint32_t reg[0x140 / 4];
	uint32_t pwr[0x100 / 4];
	uint64_t sysclk_hz, hclk_hz;
};

void rcc_reset(struct chip *c, unsigned reason);
uint32_t rcc_read(struct chip *c, unsigned index, uint32_t off, unsigned size);
void rcc_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
	       uint32_t value);
uint32_t pwr_read(struct chip *c, unsigned index, uint32_t off, unsigned size);
void pwr_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
	       uint32_t value);

/* Is this bit of an enable register set? */
bool rcc_enabled(const struct chip *c, uint32_t off, unsigned bit);
/* APB1 peripherals' and timers' clocks. */
uint64_t rcc_pclk1_hz(const struct chip *c);
uint64_t rcc_timer1_hz(const struct chip *c);

#endif
