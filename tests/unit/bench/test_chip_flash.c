#include "tests/unit/bench/chip_fixture.h"

#include "proto/board/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define NSSR	 (FLASH_R + 0x20)
#define NSCR	 (FLASH_R + 0x28)
#define OPTR	 (FLASH_R + 0x40)
#define PGSERR	 (1u << 7)
#define VIRGIN	 0x1FEFF8AAu
#define TZEN	 (1u << 31)
#define FLASH_NS 0x08000000u
#define S_REGS	 0x10000000u /* the secure alias of registers */

static void stores_by_the_cpu(void **state)
{
	struct chip *c = fixture_board(NULL);

	(void)state;
	fixture_write(c, DHCSR, 0xA05F0001u);
	fixture_boot(c, "store");
	fixture_until_stopped(c, 5);
	assert_int_equal(fixture_read(c, RESULT), 1); /* EOP */
	for (uint32_t i = 1; i <= 4; i++)
		assert_int_equal(fixture_read(c, RESULT + 4 * i),
				 0x11111111u * i);
	assert_true(fixture_read(c, RESULT + 20) & PGSERR);
	assert_int_equal(fixture_read(c, RESULT + 24), 0xFFFFFFFFu);
	assert_int_equal(fixture_read(c, 0x08040010u), 0xFFFFFFFFu);
	chip_free(c);
}

static void unlock(struct chip *c)
{
	fixture_write(c, FLASH_R + 0x08, 0x45670123u);
	fixture_write(c, FLASH_R + 0x08, 0xCDEF89ABu);
}

static void a_wrong_key_locks_until_reset(void **state)
{
	struct chip *c = fixture_board(NULL);

	(void)state;
	fixture_write(c, FLASH_R + 0x08, 0x12345678u);
	unlock(c);
	assert_true(fixture_read(c, NSCR) & (1u << 31));
	chip_nrst(c, false);
	chip_nrst(c, true);
	unlock(c);
	assert_false(fixture_read(c, NSCR) & (1u << 31));
	chip_free(c);
}

static void stores_without_order_fail(void **state)
{
	struct chip *c = fixture_board(NULL);

	(void)state;
	unlock(c);
	fixture_write(c, 0x08001000u, 1);
	assert_true(fixture_read(c, NSSR) & PGSERR);
	fixture_write(c, NSSR, 0xFFFFFFFFu);
	fixture_write(c, NSCR, 1);
	fixture_write(c, 0x08001004u, 1);
	assert_true(fixture_read(c, NSSR) & (1u << 5)); /* PGAERR */
	fixture_write(c, NSSR, 0xFFFFFFFFu);
	assert_int_equal(chip_ahb_write(c, 0x08001000u, 2, false, 1), 0);
	assert_true(fixture_read(c, NSSR) & (1u << 6)); /* SIZERR */
	assert_int_equal(fixture_read(c, 0x08001000u), 0xFFFFFFFFu);
	chip_free(c);
}

static void programs_only_what_is_blank(void **state)
{
	struct chip *c = fixture_board(NULL);
	uint32_t data[4] = {1, 2, 3, 4};

	(void)state;
	fixture_program(c, 0x4000, data, sizeof(data));
	unlock(c);
	fixture_write(c, NSCR, 1);
	for (uint32_t i = 0; i < 4; i++)
		fixture_write(c, 0x08004000u + 4 * i, 9);
	chip_advance(c, 1000000);
	assert_true(fixture_read(c, NSSR) & (1u << 3)); /* PROGERR */
	assert_int_equal(fixture_read(c, 0x08004008u), 3);
	chip_free(c);
}

static void worn_flash_does_not_take(void **state)
{
	const char *const faults[] = {"flash-worn", NULL};
	struct chip *c = fixture_board(faults);

	(void)state;
	unlock(c);
	fixture_write(c, NSCR, 1);
	for (uint32_t i = 0; i < 4; i++)
		fixture_write(c, 0x08004000u + 4 * i, 9);
	assert_true(fixture_read(c, NSSR) & (1u << 3));
	assert_int_equal(fixture_read(c, 0x08004000u), 0xFFFFFFFFu);
	chip_free(c);
}

static void the_attestation_key_decays(void **state)
{
	const char *const faults[] = {"csr-bad-signature", NULL};
	struct chip *c = fixture_board(faults);
	uint32_t head = LAYOUT_TEST + LAYOUT_HEADER_OFFSET;
	uint8_t program[sizeof(struct layout_program_header)];
	const uint8_t *flash;
	unsigned different = 0;
	size_t len;

	(void)state;
	memset(program, 0x3C, sizeof(program));
	fixture_program(c, head, program, sizeof(program));
	flash = chip_flash(c, &len);
	assert_memory_equal(flash + head, program, sizeof(program));
	chip_nrst(c, false);
	chip_nrst(c, true);
	for (size_t i = 0; i < sizeof(program); i++)
		if (flash[head + i] != program[i]) {
			different++;
			assert_true(i >= sizeof(program) - 32);
		}
	assert_int_equal(different, 1);
	chip_free(c);
}

/* -------- option bytes -------- */

static void write_options(struct chip *c, uint32_t optr)
{
	unlock(c);
	fixture_write(c, FLASH_R + 0x10, 0x08192A3Bu);
	fixture_write(c, FLASH_R + 0x10, 0x4C5D6E7Fu);
	fixture_write(c, OPTR, optr);
	fixture_write(c, NSCR, 1u << 17);
	for (int i = 0; fixture_read(c, NSSR) & (1u << 16); i++) {
		assert_true(i < 100);
		chip_advance(c, 10000000);
	}
}

static void launch(struct chip *c)
{
	fixture_write(c, NSCR, 1u << 27);
	chip_advance(c, 2000000);
}

static void set_options(struct chip *c, uint32_t optr)
{
	write_options(c, optr);
	launch(c);
	assert_int_equal(fixture_read(c, OPTR), optr);
}

static enum chip_bus try_read(struct chip *c, uint32_t addr, bool secure)
{
	uint32_t value;

	return chip_ahb_read(c, addr, 4, secure, &value);
}

static void options_need_a_launch(void **state)
{
	struct chip *c = fixture_board(NULL);
	struct chip_account a;

	(void)state;
	fixture_write(c, OPTR, 0); /* locked: nothing */
	assert_int_equal(fixture_read(c, OPTR), VIRGIN);
	write_options(c, VIRGIN | 1u << 31);
	assert_false(chip_secure_debug(c));
	assert_int_equal(try_read(c, 0x0C000000u, true), CHIP_BUS_OK);
	launch(c);
	assert_true(chip_secure_debug(c));
	chip_account(c, &a);
	assert_int_equal(a.option_reload_count, 1);
	assert_int_equal(a.reset_count, 1); /* power */
	assert_int_equal(a.option_program_ns, 5000000);
	assert_int_equal(a.flash_ns, 0);
	chip_free(c);
}

static void level_0_5_refuses_the_secure_world(void **state)
{
	struct chip *c = fixture_board(NULL);
	uint32_t value = 1, word = 0x12345678u;
	uint32_t data[4] = {word, word, word, word};

	(void)state;
	fixture_program(c, 0x4000, data, sizeof(data));
	set_options(c, VIRGIN | 1u << 31);
	assert_int_equal(try_read(c, 0x0C004000u, true), CHIP_BUS_OK);
	assert_int_equal(try_read(c, 0x0C004000u, false), CHIP_BUS_FAULT);
	fixture_halt(c);
	set_options(c, (VIRGIN & ~0xFFu) | 0x55u | 1u << 31);
	assert_true(chip_dap_alive(c));
	assert_false(chip_secure_debug(c));
	assert_int_equal(try_read(c, 0x0C004000u, true), CHIP_BUS_FAULT);
	assert_int_equal(try_read(c, 0x30000000u, true), CHIP_BUS_FAULT);
	assert_int_equal(chip_ahb_read(c, 0x08004000u, 4, false, &value), 0);
	assert_int_equal(value, 0);
	fixture_write(c, DHCSR, 0xA05F0003u);
	assert_false(fixture_read(c, DHCSR) & S_HALT);
	/* Straight back to level 0 is not a step the chip makes. */
	write_options(c, VIRGIN | 1u << 31);
	assert_true(fixture_read(c, NSSR) & (1u << 13)); /* OPTWERR */
	chip_free(c);
}

static void regression_erases(void **state)
{
	struct chip *c = fixture_board(NULL);
	uint32_t data[4] = {1, 2, 3, 4};

	(void)state;
	fixture_program(c, 0x4000, data, sizeof(data));
	set_options(c, (VIRGIN & ~0xFFu) | 0x11u);
	assert_int_equal(try_read(c, 0x08004000u, false), CHIP_BUS_FAULT);
	assert_int_equal(try_read(c, 0x20030000u, false), CHIP_BUS_FAULT);
	assert_int_equal(try_read(c, 0x20000000u, false), CHIP_BUS_OK);
	/* TZEN cannot be set at level 1. */
	write_options(c, (VIRGIN & ~0xFFu) | 0x11u | 1u << 31);
	assert_true(fixture_read(c, NSSR) & (1u << 13));
	fixture_write(c, NSSR, 0xFFFFFFFFu);
	set_options(c, VIRGIN);
	assert_int_equal(fixture_read(c, 0x08004000u), 0xFFFFFFFFu);
	chip_free(c);
}

static void trustzone_goes_only_with_a_regression(void **state)
{
	struct chip *c = fixture_board(NULL);

	(void)state;
	set_options(c, VIRGIN | 1u << 31);
	write_options(c, VIRGIN);
	assert_true(fixture_read(c, NSSR) & (1u << 13));
	fixture_write(c, NSSR, 0xFFFFFFFFu);
	set_options(c, (VIRGIN & ~0xFFu) | 0x11u | 1u << 31);
	set_options(c, VIRGIN);
	chip_free(c);
}

static void level_2_is_the_end(void **state)
{
	struct chip *c = fixture_board(NULL);

	(void)state;
	write_options(c, (VIRGIN & ~0xFFu) | 0xCCu);
	launch(c);
	assert_false(chip_dap_alive(c));
	assert_int_equal(try_read(c, 0x20000000u, false), CHIP_BUS_FAULT);
	chip_free(c);
}

/* -------- RDP and TZEN: which steps the chip makes (RM0456 7.6.2) -------- */

static uint32_t options_of(uint32_t rdp, bool tzen)
{
	return (VIRGIN & ~0xFFu) | rdp | (tzen ? TZEN : 0);
}

/* By steps that are allowed: TrustZone first, then the level. */
static struct chip *board_at(uint32_t rdp, bool tzen)
{
	struct chip *c = fixture_board(NULL);

	if (tzen)
		set_options(c, options_of(0xAA, true));
	if (rdp != 0xAA)
		set_options(c, options_of(rdp, tzen));
	return c;
}

static void steps_of_the_life_cycle(void **state)
{
	static const struct {
		uint8_t rdp;
		bool tzen;
	} to[] = {
		{0xAA, false}, {0x55, false}, {0xDC, false}, {0xCC, false},
		{0xAA, true},  {0x55, true},  {0x00, true},  {0xCC, true},
	};
	static const struct {
		uint8_t rdp;
		bool tzen;
		const char *taken; /* one letter for each of to[] */
	} from[] = {
		/* 0x55 without TrustZone is level 1 */
		{0xAA, false, "yyyyynnn"}, {0x55, false, "yyyynnnn"},
		{0xDC, false, "yyyynnnn"}, {0xAA, true, "nnnnyyyy"},
		{0x55, true, "nnnnnyyy"},  {0xDC, true, "ynnnyyyy"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++)
		for (size_t j = 0; j < sizeof(to) / sizeof(to[0]); j++) {
			struct chip *c = board_at(from[i].rdp, from[i].tzen);
			bool refused;

			write_options(c, options_of(to[j].rdp, to[j].tzen));
			refused = fixture_read(c, NSSR) & (1u << 13);
			if (refused != (from[i].taken[j] == 'n'))
				fail_msg("from RDP %02X TZEN %d to %02X %d",
					 from[i].rdp, from[i].tzen, to[j].rdp,
					 to[j].tzen);
			chip_free(c);
		}
}

static void write_secure(struct chip *c, uint32_t off, uint32_t value)
{
	assert_int_equal(
		chip_ahb_write(c, FLASH_R + S_REGS + off, 4, true, value),
		CHIP_BUS_OK);
}

#define SECURE_OFF 0x4000u   /* page 2 of bank 1 */
#define OPEN_OFF   0x28000u  /* page 20 of bank 1 */
#define BANK2_OFF  0x10A000u /* page 5 of bank 2 */

/* TrustZone with pages 0 to 15 of bank 1 secure, a word in each area, and one
 * in SRAM1. */
static struct chip *divided_board(void)
{
	struct chip *c = fixture_board(NULL);
	uint32_t data[4] = {1, 2, 3, 4};

	fixture_program(c, SECURE_OFF, data, sizeof(data));
	fixture_program(c, OPEN_OFF, data, sizeof(data));
	fixture_program(c, BANK2_OFF, data, sizeof(data));
	set_options(c, VIRGIN | TZEN);
	unlock(c);
	fixture_write(c, FLASH_R + 0x10, 0x08192A3Bu);
	fixture_write(c, FLASH_R + 0x10, 0x4C5D6E7Fu);
	write_secure(c, 0x50, 0xFF8FFF80u); /* SECWM1R1: 0 to 15 */
	write_secure(c, 0x60, 0xFF80FFFFu); /* SECWM2R1: none */
	write_options(c, VIRGIN | TZEN);
	launch(c);
	return c;
}

static uint32_t flash_word(struct chip *c, uint32_t off)
{
	size_t len;
	uint32_t v;

	memcpy(&v, chip_flash(c, &len) + off, sizeof(v));
	return v;
}

static void regression_to_0_5_spares_the_secure_area(void **state)
{
	struct chip *c = divided_board();
	uint32_t sram;

	(void)state;
	assert_int_equal(chip_ahb_write(c, 0x30000000u, 4, true, 7), 0);
	set_options(c, options_of(0xDC, true));
	assert_int_equal(try_read(c, FLASH_NS + OPEN_OFF, false),
			 CHIP_BUS_FAULT);
	assert_int_equal(flash_word(c, OPEN_OFF), 1); /* raising erases not */
	set_options(c, options_of(0x55, true));
	assert_int_equal(fixture_read(c, FLASH_NS + OPEN_OFF), 0xFFFFFFFFu);
	assert_int_equal(fixture_read(c, FLASH_NS + BANK2_OFF), 0xFFFFFFFFu);
	assert_int_equal(fixture_read(c, FLASH_NS + SECURE_OFF), 0);
	assert_int_equal(flash_word(c, SECURE_OFF), 1);
	/* and on to level 0, all of it, over level 1 */
	set_options(c, options_of(0xDC, true));
	set_options(c, VIRGIN);
	assert_int_equal(flash_word(c, SECURE_OFF), 0xFFFFFFFFu);
	assert_int_equal(chip_ahb_read(c, 0x20000000u, 4, false, &sram), 0);
	assert_int_equal(sram, 0);
	chip_free(c);
}

/* At level 0.5 nobody outside can move the border, or see where it is. */
static void the_secure_worlds_registers_are_its_own(void **state)
{
	static const uint8_t secure[] = {0x4C, 0x50, 0x54, 0x60,
					 0x64, 0x80, 0xAC, 0xC0};
	struct chip *c = divided_board();

	(void)state;
	set_options(c, options_of(0x55, true));
	unlock(c);
	fixture_write(c, FLASH_R + 0x10, 0x08192A3Bu);
	fixture_write(c, FLASH_R + 0x10, 0x4C5D6E7Fu);
	for (size_t i = 0; i < sizeof(secure); i++) {
		uint32_t at = FLASH_R + secure[i];

		fixture_write(c, at, 0xFF80FFFFu);
		assert_int_equal(fixture_read(c, at), 0);
		assert_int_equal(try_read(c, at + S_REGS, true),
				 CHIP_BUS_FAULT);
	}
	write_options(c, options_of(0x55, true));
	launch(c);
	assert_int_equal(fixture_read(c, FLASH_NS + SECURE_OFF), 0);
	assert_int_equal(fixture_read(c, FLASH_NS + OPEN_OFF), 1);
	chip_free(c);
}

static void stuck_options_stay(void **state)
{
	const char *const faults[] = {"option-bytes-stuck", NULL};
	struct chip *c = fixture_board(faults);

	(void)state;
	write_options(c, VIRGIN | 1u << 31);
	launch(c);
	assert_int_equal(fixture_read(c, OPTR), VIRGIN);
	chip_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stores_by_the_cpu),
		cmocka_unit_test(a_wrong_key_locks_until_reset),
		cmocka_unit_test(stores_without_order_fail),
		cmocka_unit_test(programs_only_what_is_blank),
		cmocka_unit_test(worn_flash_does_not_take),
		cmocka_unit_test(the_attestation_key_decays),
		cmocka_unit_test(options_need_a_launch),
		cmocka_unit_test(level_0_5_refuses_the_secure_world),
		cmocka_unit_test(regression_erases),
		cmocka_unit_test(trustzone_goes_only_with_a_regression),
		cmocka_unit_test(level_2_is_the_end),
		cmocka_unit_test(steps_of_the_life_cycle),
		cmocka_unit_test(regression_to_0_5_spares_the_secure_area),
		cmocka_unit_test(the_secure_worlds_registers_are_its_own),
		cmocka_unit_test(stuck_options_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
