#include "tests/unit/bench/chip_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void identity(void **state)
{
	struct chip *c = fixture_board(NULL);
	uint32_t kib = 0;

	(void)state;
	assert_int_equal(fixture_read(c, 0xE000ED00u), 0x410FD214u);
	assert_int_equal(fixture_read(c, 0xE0044000u) & 0xFFFu, 0x482);
	assert_int_equal(fixture_read(c, 0x0BFA0700u), 0x04030201u);
	assert_int_equal(fixture_read(c, 0x40022040u), 0x1FEFF8AAu);
	assert_int_equal(chip_ahb_read(c, 0x0BFA07A0u, 2, false, &kib), 0);
	assert_int_equal(kib, 2048);
	chip_free(c);
}

static void blank_flash_locks_up(void **state)
{
	struct chip *c = fixture_board(NULL);

	(void)state;
	assert_true(fixture_read(c, DHCSR) & S_LOCKUP);
	assert_false(chip_busy(c));
	fixture_halt(c);
	assert_int_equal(fixture_reg(c, 15), 0xFFFFFFFEu);
	chip_free(c);
}

static void runs_halts_and_steps(void **state)
{
	struct chip *c = fixture_board(NULL);
	uint32_t first, pc;

	(void)state;
	fixture_boot(c, "count");
	chip_advance(c, 1000000);
	first = fixture_read(c, RESULT);
	/* 4 MHz, three instructions a round: about 1333 rounds a ms */
	assert_in_range(first, 1200, 2800);
	chip_advance(c, 1000000);
	assert_in_range(fixture_read(c, RESULT) - first, 1330, 1337);
	fixture_halt(c);
	first = fixture_read(c, RESULT);
	chip_advance(c, 1000000);
	assert_int_equal(fixture_read(c, RESULT), first);
	for (int i = 0; i < 6; i++) {
		pc = fixture_reg(c, 15);
		fixture_write(c, DFSR, 0x1F);
		fixture_write(c, DHCSR, 0xA05F0005u);
		assert_true(fixture_read(c, DHCSR) & S_HALT);
		assert_int_equal(fixture_read(c, DFSR), 1);
		assert_int_not_equal(fixture_reg(c, 15), pc);
	}
	assert_int_equal(fixture_read(c, RESULT), first + 2);
	chip_free(c);
}

static void breakpoint_hits_again_and_goes(void **state)
{
	struct chip *c = fixture_board(NULL);
	uint32_t at, count;

	(void)state;
	fixture_boot(c, "count");
	chip_advance(c, 1000000);
	fixture_halt(c);
	at = 0x08000010u + 8 + 2; /* the loop's first instruction */
	fixture_write(c, 0xE0002000u, 3);
	fixture_write(c, 0xE0002008u, at | 1);
	fixture_run(c);
	fixture_until_stopped(c, 2);
	assert_int_equal(fixture_reg(c, 15), at);
	assert_true(fixture_read(c, DFSR) & 2);
	count = fixture_reg(c, 5);
	fixture_write(c, DHCSR, 0xA05F0001u);
	chip_advance(c, 100000);
	assert_int_equal(fixture_reg(c, 5), count);
	fixture_write(c, 0xE0002008u, 0);
	fixture_run(c);
	chip_advance(c, 1000000);
	assert_false(fixture_read(c, DHCSR) & S_HALT);
	assert_true(fixture_read(c, RESULT) > count + 1000);
	chip_free(c);
}

static void registers_keep_what_is_written(void **state)
{
	static const unsigned SELS[] = {0, 1, 7, 8, 12, 14, 17, 18, 64, 95};
	struct chip *c = fixture_board(NULL);

	(void)state;
	fixture_halt(c);
	for (unsigned i = 0; i < sizeof(SELS) / sizeof(SELS[0]); i++)
		fixture_set_reg(c, SELS[i], 0x20001000u + 16 * i);
	for (unsigned i = 0; i < sizeof(SELS) / sizeof(SELS[0]); i++)
		assert_int_equal(fixture_reg(c, SELS[i]), 0x20001000u + 16 * i);
	fixture_set_reg(c, 16, 0xF1000000u);
	assert_int_equal(fixture_reg(c, 16), 0xF1000000u);
	fixture_set_reg(c, 20, 0x00000001u);
	assert_int_equal(fixture_reg(c, 20), 0x00000001u);
	chip_free(c);
}

static void vector_catch_and_reset_request(void **state)
{
	struct chip *c = fixture_board(NULL);

	(void)state;
	fixture_boot(c, "count");
	fixture_write(c, DHCSR, 0xA05F0001u);
	fixture_write(c, DEMCR, 1);
	fixture_read(c, DHCSR);
	fixture_write(c, AIRCR, 0x05FA0004u);
	assert_true(fixture_read(c, DHCSR) & (1u << 25));
	assert_true(fixture_read(c, DHCSR) & S_HALT);
	assert_true(fixture_read(c, DFSR) & 8);
	assert_int_equal(fixture_reg(c, 15), 0x08000010u);
	assert_int_equal(fixture_reg(c, 13), 0x20010000u);
	assert_int_equal(fixture_read(c, 0xE000ED08u), 0x08000000u);
	chip_free(c);
}

static void fault_without_handler_stops(void **state)
{
	struct chip *c = fixture_board(NULL);

	(void)state;
	fixture_boot(c, "fault");
	fixture_until_stopped(c, 2);
	assert_true(fixture_read(c, DHCSR) & S_LOCKUP);
	assert_true(fixture_read(c, HFSR) & (1u << 30));
	assert_true(fixture_read(c, CFSR) & (1u << 9));
	assert_int_equal(fixture_read(c, 0xE000ED38u), 0x60000004u);
	assert_false(chip_busy(c));
	chip_free(c);
}

static void fault_is_caught(void **state)
{
	struct chip *c = fixture_board(NULL);

	(void)state;
	fixture_write(c, DHCSR, 0xA05F0001u);
	fixture_write(c, DEMCR, 1u << 10);
	fixture_boot(c, "fault");
	fixture_until_stopped(c, 2);
	assert_true(fixture_read(c, DHCSR) & S_HALT);
	assert_true(fixture_read(c, DFSR) & 8);
	chip_free(c);
}

static void cycles_are_counted(void **state)
{
	struct chip *c = fixture_board(NULL);
	uint32_t first;

	(void)state;
	fixture_boot(c, "count");
	fixture_write(c, 0xE0001000u, 1);
	chip_advance(c, 1000000);
	assert_int_equal(fixture_read(c, 0xE0001004u), 0); /* no TRCENA */
	fixture_write(c, DEMCR, 1u << 24);
	first = fixture_read(c, 0xE0001004u);
	chip_advance(c, 1000000);
	assert_int_equal(fixture_read(c, 0xE0001004u) - first, 4000);
	chip_free(c);
}

/* Code that a debugger puts where other code has run must run. */
static void new_code_replaces_old(void **state)
{
	static const uint16_t FIRST[] = {0x2011, 0xBE00}; /* movs r0,#0x11 */
	static const uint16_t SECOND[] = {0x2022, 0xBE00};
	struct chip *c = fixture_board(NULL);
	uint32_t word;

	(void)state;
	fixture_halt(c);
	for (int i = 0; i < 4; i++) {
		memcpy(&word, i % 2 ? SECOND : FIRST, 4);
		fixture_write(c, 0x20000400u, word);
		fixture_set_reg(c, 16, 0x01000000u);
		fixture_set_reg(c, 15, 0x20000400u);
		fixture_run(c);
		fixture_until_stopped(c, 1);
		assert_int_equal(fixture_reg(c, 0), i % 2 ? 0x22 : 0x11);
		assert_int_equal(fixture_reg(c, 15), 0x20000402u);
	}
	chip_free(c);
}

static void rss_gives_the_certificate(void **state)
{
	/* ldr r1,[pc,#8]; ldr r1,[r1]; blx r1; bkpt */
	static const uint16_t STUB[] = {0x4902, 0x6809, 0x4788, 0xBE00,
					0x46C0, 0x46C0, 0x9E40, 0x0BF9};
	struct chip *c = fixture_board(NULL);

	(void)state;
	fixture_halt(c);
	for (unsigned i = 0; i < sizeof(STUB); i += 4) {
		uint32_t word;

		memcpy(&word, (const uint8_t *)STUB + i, 4);
		fixture_write(c, 0x20000400u + i, word);
	}
	fixture_set_reg(c, 16, 0x01000000u);
	fixture_set_reg(c, 0, 0x20001000u);
	fixture_set_reg(c, 15, 0x20000400u);
	fixture_run(c);
	fixture_until_stopped(c, 1);
	assert_int_equal(fixture_reg(c, 0), 0xEAEAEAEAu);
	assert_int_equal(fixture_read(c, 0x20001000u), 0xC3C3C3C3u);
	assert_int_equal(fixture_read(c, 0x20001084u), 0xC3C3C3C3u);
	assert_int_equal(fixture_read(c, 0x20001088u), 0);
	/* An argument outside of memory is refused. */
	fixture_set_reg(c, 0, 0x200BFFF0u);
	fixture_set_reg(c, 15, 0x20000400u);
	fixture_run(c);
	fixture_until_stopped(c, 1);
	assert_int_equal(fixture_reg(c, 0), 0xF5F5F5F5u);
	chip_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity),
		cmocka_unit_test(blank_flash_locks_up),
		cmocka_unit_test(runs_halts_and_steps),
		cmocka_unit_test(breakpoint_hits_again_and_goes),
		cmocka_unit_test(registers_keep_what_is_written),
		cmocka_unit_test(vector_catch_and_reset_request),
		cmocka_unit_test(fault_without_handler_stops),
		cmocka_unit_test(fault_is_caught),
		cmocka_unit_test(cycles_are_counted),
		cmocka_unit_test(new_code_replaces_old),
		cmocka_unit_test(rss_gives_the_certificate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
