#include "tests/unit/bench/chip_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct chip *fixture_board_with(const char *nor, const char *const *faults)
{
	struct chip_config config = {
		.uid = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
		.dev_id = 0x482,
		.nor_part = nor,
		.seed = 7,
		.faults = faults,
	};
	struct chip *c = NULL;
	struct err e;

	memset(config.chip_cert, 0xC3, sizeof(config.chip_cert));
	assert_int_equal(chip_new(&c, &config, &e), ERR_OK);
	chip_power(c, true);
	chip_advance(c, 2000000);
	return c;
}

struct chip *fixture_board(const char *const *faults)
{
	return fixture_board_with("w25q128jv", faults);
}

uint32_t fixture_read(struct chip *c, uint32_t addr)
{
	uint32_t value = 0;

	assert_int_equal(chip_ahb_read(c, addr, 4, false, &value), CHIP_BUS_OK);
	return value;
}

void fixture_write(struct chip *c, uint32_t addr, uint32_t value)
{
	assert_int_equal(chip_ahb_write(c, addr, 4, false, value), CHIP_BUS_OK);
}

void fixture_halt(struct chip *c)
{
	fixture_write(c, DHCSR, 0xA05F0003u);
	assert_true(fixture_read(c, DHCSR) & S_HALT);
}

void fixture_run(struct chip *c)
{
	fixture_write(c, DHCSR, 0xA05F0001u);
}

uint32_t fixture_reg(struct chip *c, unsigned regsel)
{
	fixture_write(c, DCRSR, regsel);
	return fixture_read(c, DCRDR);
}

void fixture_set_reg(struct chip *c, unsigned regsel, uint32_t value)
{
	fixture_write(c, DCRDR, value);
	fixture_write(c, DCRSR, regsel | 0x10000u);
}

static void wait_flash(struct chip *c)
{
	for (int i = 0; fixture_read(c, FLASH_R + 0x20) & 0x10000u; i++) {
		assert_true(i < 1000);
		chip_advance(c, 100000);
	}
}

static void erase_page(struct chip *c, uint32_t page)
{
	uint32_t bank = page >= 128 ? 1u << 11 : 0;

	fixture_write(c, FLASH_R + 0x28,
		      2u | (page % 128) << 3 | bank | 1u << 16);
	wait_flash(c);
}

void fixture_program(struct chip *c, uint32_t offset, const void *data,
		     size_t len)
{
	uint8_t quad[16];

	fixture_write(c, FLASH_R + 0x08, 0x45670123u);
	fixture_write(c, FLASH_R + 0x08, 0xCDEF89ABu);
	for (uint32_t p = offset / 0x2000;
	     p <= (offset + (uint32_t)len - 1) / 0x2000; p++)
		erase_page(c, p);
	fixture_write(c, FLASH_R + 0x28, 1);
	for (size_t at = 0; at < len; at += 16) {
		size_t n = len - at < 16 ? len - at : 16;

		memset(quad, 0xFF, sizeof(quad));
		memcpy(quad, (const uint8_t *)data + at, n);
		for (unsigned i = 0; i < 4; i++) {
			uint32_t word;

			memcpy(&word, quad + 4 * i, 4);
			fixture_write(
				c, 0x08000000u + offset + (uint32_t)at + 4 * i,
				word);
		}
		wait_flash(c);
	}
	fixture_write(c, FLASH_R + 0x28, 1u << 31);
}

void fixture_boot(struct chip *c, const char *name)
{
	uint8_t program[4096];
	char path[512];
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.bin", PROGRAMS, name);
	f = fopen(path, "rb");
	assert_non_null(f);
	len = fread(program, 1, sizeof(program), f);
	fclose(f);
	assert_true(len > 16 && len < sizeof(program));
	fixture_program(c, 0, program, len);
	assert_int_equal(fixture_read(c, FLASH_R + 0x20) & 0x20FAu, 0);
	chip_nrst(c, false);
	chip_nrst(c, true);
	chip_advance(c, 1000000);
}

void fixture_until_stopped(struct chip *c, unsigned budget_ms)
{
	for (unsigned i = 0; i < 10 * budget_ms; i++) {
		if (fixture_read(c, DHCSR) & (S_HALT | S_LOCKUP))
			return;
		chip_advance(c, 100000);
	}
	fail_msg("still running");
}

/* -------- OCTOSPI -------- */

void fixture_ospi(struct chip *c)
{
	fixture_write(c, 0x46020C90u, 1u << 4);
	fixture_write(c, OCTOSPI + 0x00, 0x1);
	fixture_write(c, OCTOSPI + 0x08, 0x00190100u);
	fixture_write(c, OCTOSPI + 0x0C, 0);
}

static void set_command(struct chip *c, unsigned fmode, uint8_t op,
			unsigned addr_bytes, unsigned dummy, bool data,
			size_t len)
{
	uint32_t ccr = 1u | (data ? 1u << 24 : 0u);

	if (addr_bytes)
		ccr |= 1u << 8 | (addr_bytes - 1u) << 12;
	fixture_write(c, OCTOSPI + 0x00, fmode << 28 | 1u);
	fixture_write(c, OCTOSPI + 0x24, 2);
	if (data)
		fixture_write(c, OCTOSPI + 0x40, (uint32_t)len - 1u);
	fixture_write(c, OCTOSPI + 0x108, dummy);
	fixture_write(c, OCTOSPI + 0x100, ccr);
	fixture_write(c, OCTOSPI + 0x110, op);
}

static void wait_idle(struct chip *c)
{
	for (int i = 0; fixture_read(c, OCTOSPI + 0x20) & 0x20u; i++) {
		assert_true(i < 1000);
		chip_advance(c, 10000);
	}
}

void fixture_nor_command(struct chip *c, uint8_t op, unsigned addr_bytes,
			 uint32_t addr)
{
	set_command(c, 0, op, addr_bytes, 0, false, 0);
	if (addr_bytes)
		fixture_write(c, OCTOSPI + 0x48, addr);
	wait_idle(c);
}

void fixture_nor_read(struct chip *c, uint8_t op, unsigned addr_bytes,
		      unsigned dummy, uint32_t addr, uint8_t *out, size_t len)
{
	set_command(c, 1, op, addr_bytes, dummy, true, len);
	if (addr_bytes)
		fixture_write(c, OCTOSPI + 0x48, addr);
	for (size_t i = 0; i < len; i++) {
		uint32_t byte = 0;

		chip_advance(c, 10000);
		assert_int_equal(
			chip_ahb_read(c, OCTOSPI + 0x50, 1, false, &byte),
			CHIP_BUS_OK);
		out[i] = (uint8_t)byte;
	}
	wait_idle(c);
}

void fixture_nor_write(struct chip *c, uint8_t op, unsigned addr_bytes,
		       uint32_t addr, const uint8_t *data, size_t len)
{
	set_command(c, 0, op, addr_bytes, 0, true, len);
	if (addr_bytes)
		fixture_write(c, OCTOSPI + 0x48, addr);
	for (size_t i = 0; i < len; i++) {
		assert_int_equal(
			chip_ahb_write(c, OCTOSPI + 0x50, 1, false, data[i]),
			CHIP_BUS_OK);
		chip_advance(c, 10000);
	}
	wait_idle(c);
}
