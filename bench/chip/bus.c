#include "bench/chip/bus.h"

#include "bench/chip/board.h"
#include "bench/chip/hooks.h"

/* Enable registers in RCC (RM0456 Rev 6, 11.8.28 to 11.8.37). */
#define AHB2ENR1 0x8Cu
#define AHB2ENR2 0x90u
#define APB1ENR1 0x9Cu

#define TIM(n, base)                                              \
	{                                                         \
		base, 0x400, tim_read, tim_write, n, APB1ENR1, n, \
			BUS_STATUS | BUS_COUNTER                  \
	}
#define PORT(n)                                                            \
	{                                                                  \
		GPIO_BASE + 0x400u * (n), 0x400, gpio_read, gpio_write, n, \
			AHB2ENR1, n, BUS_STATUS                            \
	}

static const struct bus_region REGIONS[] = {
	TIM(0, 0x40000000u),
	TIM(1, 0x40000400u),
	TIM(2, 0x40000800u),
	TIM(3, 0x40000C00u),
	TIM(4, 0x40001000u),
	TIM(5, 0x40001400u),
	{0x40004400u, 0x400, usart_read, usart_write, 0, APB1ENR1, 17,
	 BUS_STATUS | BUS_BYTES},
	{0x40004800u, 0x400, usart_read, usart_write, 1, APB1ENR1, 18,
	 BUS_STATUS | BUS_BYTES},
	{0x40022000u, 0x400, flash_read_reg, flash_write_reg, 0, 0, 0,
	 BUS_STATUS},
	PORT(0),
	PORT(1),
	PORT(2),
	PORT(3),
	PORT(4),
	PORT(5),
	PORT(6),
	PORT(7),
	PORT(8),
	{0x42028000u, 0x400, adc_read, adc_write, 0, AHB2ENR1, 10, BUS_STATUS},
	{0x420C0400u, 0x400, hash_read, hash_write, 0, AHB2ENR1, 17,
	 BUS_STATUS},
	{0x420C0800u, 0x400, rng_read, rng_write, 0, AHB2ENR1, 18, BUS_STATUS},
	{0x420D1400u, 0x400, ospi_read, ospi_write, 0, AHB2ENR2, 4,
	 BUS_STATUS | BUS_BYTES},
	{0x420D2400u, 0x400, ospi_read, ospi_write, 1, AHB2ENR2, 8,
	 BUS_STATUS | BUS_BYTES},
	{0x46020800u, 0x400, pwr_read, pwr_write, 0, 0, 0, BUS_STATUS},
	{0x46020C00u, 0x400, rcc_read, rcc_write, 0, 0, 0, BUS_STATUS},
	{EXTI_BASE, 0x400, exti_read, exti_write, 0, 0, 0, BUS_STATUS},
	{OSPI2_MAP, OSPI_MAP_BYTES, ospi_map_read, ospi_map_write, 1, AHB2ENR2,
	 8, BUS_BYTES},
	{OSPI1_MAP, OSPI_MAP_BYTES, ospi_map_read, ospi_map_write, 0, AHB2ENR2,
	 4, BUS_BYTES},
	{0xE0000000u, 0x44000, scs_read, scs_write, 0, 0, 0,
	 BUS_STATUS | BUS_COUNTER},
	{0xE0044000u, 0x1000, dbgmcu_read, dbgmcu_write, 0, 0, 0, BUS_STATUS},
	{0xE00FE000u, 0x2000, scs_read, scs_write, 0xFE000u, 0, 0, BUS_STATUS},
};

const struct bus_region *bus_find(uint32_t addr)
{
	for (size_t i = 0; i < sizeof(REGIONS) / sizeof(REGIONS[0]); i++)
		if (addr - REGIONS[i].base < REGIONS[i].size)
			return &REGIONS[i];
	return NULL;
}

static uint32_t fold(uint32_t addr)
{
	return addr >> 28 == 5 ? addr - BOARD_SECURE_ALIAS : addr;
}

static bool clocked(const struct chip *c, const struct bus_region *r)
{
	return !r->gate_off || rcc_enabled(c, r->gate_off, r->gate_bit);
}

static uint32_t size_mask(unsigned size)
{
	return size >= 4 ? 0xFFFFFFFFu : (1u << (8 * size)) - 1u;
}

static uint32_t region_read(struct chip *c, const struct bus_region *r,
			    uint32_t off, unsigned size)
{
	unsigned shift = 8 * (off & 3u);

	if (!clocked(c, r))
		return 0;
	if (r->flags & BUS_BYTES)
		return r->read(c, r->index, off, size) & size_mask(size);
	return r->read(c, r->index, off & ~3u, 4) >> shift & size_mask(size);
}

static void region_write(struct chip *c, const struct bus_region *r,
			 uint32_t off, unsigned size, uint32_t value)
{
	unsigned shift = 8 * (off & 3u);

	if (!clocked(c, r))
		return;
	if (!(r->flags & BUS_BYTES) && size < 4) {
		uint32_t mask = size_mask(size) << shift;
		uint32_t old = r->read(c, r->index, off & ~3u, 4);

		value = (old & ~mask) | (value << shift & mask);
		off &= ~3u;
		size = 4;
	}
	r->write(c, r->index, off, size, value);
}

uint32_t bus_read(struct chip *c, uint32_t addr, unsigned size)
{
	const struct bus_region *r = bus_find(fold(addr));

	return r ? region_read(c, r, fold(addr) - r->base, size) : 0;
}

void bus_write(struct chip *c, uint32_t addr, unsigned size, uint32_t value)
{
	const struct bus_region *r = bus_find(fold(addr));

	if (r)
		region_write(c, r, fold(addr) - r->base, size, value);
}

/* Is this register one that moves with every cycle? */
static bool is_counter(const struct bus_region *r, uint32_t off)
{
	if (!(r->flags & BUS_COUNTER))
		return false;
	if (r->base >= 0xE0000000u)
		return off == 0x1004 || off == 0xE018; /* CYCCNT, SYST_CVR */
	return off == 0x24;			       /* TIMx CNT */
}

uint32_t bus_cpu_read(struct chip *c, uint32_t addr, unsigned size)
{
	const struct bus_region *r = bus_find(fold(addr));
	uint32_t off, value;

	hooks_settle_store(c);
	if (!r)
		return 0;
	off = fold(addr) - r->base;
	if (r->flags & BUS_STATUS)
		poll_before_read(c, fold(addr));
	value = region_read(c, r, off, size);
	if (r->flags & BUS_STATUS)
		poll_after_read(c, fold(addr), value, is_counter(r, off));
	return value;
}

void bus_cpu_write(struct chip *c, uint32_t addr, unsigned size, uint32_t value)
{
	hooks_settle_store(c);
	poll_reset(c);
	bus_write(c, addr, size, value);
}
