#include "tests/unit/bench/chip_fixture.h"

#include "bench/chip/board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static uint8_t status(struct chip *c)
{
	uint8_t s = 0;

	fixture_nor_read(c, 0x05, 0, 0, 0, &s, 1);
	return s;
}

static void wait_ready(struct chip *c, unsigned budget_ms)
{
	for (unsigned i = 0; status(c) & 1u; i++) {
		assert_true(i < budget_ms);
		chip_advance(c, 1000000);
	}
}

static void identifies(void **state)
{
	struct chip *c = fixture_board(NULL);
	uint8_t id[3], sfdp[8];

	(void)state;
	fixture_ospi(c);
	fixture_nor_read(c, 0x9F, 0, 0, 0, id, sizeof(id));
	assert_memory_equal(id, ((uint8_t[]){0xEF, 0x40, 0x18}), 3);
	fixture_nor_read(c, 0x5A, 3, 8, 0, sfdp, sizeof(sfdp));
	assert_memory_equal(sfdp, "SFDP", 4);
	/* Without its dummy clocks the read is not SFDP. */
	fixture_nor_read(c, 0x5A, 3, 0, 0, sfdp, sizeof(sfdp));
	assert_memory_not_equal(sfdp, "SFDP", 4);
	chip_free(c);
}

static void density(const char *part, uint32_t bytes)
{
	struct chip *c = fixture_board_with(part, NULL);
	uint8_t header[16], word[4];
	uint32_t bits;

	fixture_ospi(c);
	fixture_nor_read(c, 0x5A, 3, 8, 0, header, sizeof(header));
	fixture_nor_read(c, 0x5A, 3, 8, header[12] + 4u, word, sizeof(word));
	memcpy(&bits, word, 4);
	assert_int_equal(bits, bytes * 8u - 1u);
	chip_free(c);
}

static void sfdp_tells_the_size(void **state)
{
	(void)state;
	density("w25q64jv", 8u << 20);
	density("w25q128jv", 16u << 20);
	density("mx25lm51245g", 64u << 20);
}

static void programming_only_clears_bits(void **state)
{
	struct chip *c = fixture_board(NULL);
	uint8_t a[4] = {0xF0, 0xFF, 0x55, 0x00}, b[4] = {0x3C, 1, 0xFF, 0xFF};
	uint8_t got[4];

	(void)state;
	fixture_ospi(c);
	fixture_nor_write(c, 0x02, 3, 0x1000, a, 4); /* no WREN: ignored */
	fixture_nor_read(c, 0x03, 3, 0, 0x1000, got, 4);
	assert_memory_equal(got, "\xff\xff\xff\xff", 4);
	fixture_nor_command(c, 0x06, 0, 0);
	assert_int_equal(status(c), 2);
	fixture_nor_write(c, 0x02, 3, 0x1000, a, 4);
	assert_int_equal(status(c) & 1, 1);
	wait_ready(c, 3);
	fixture_nor_command(c, 0x06, 0, 0);
	fixture_nor_write(c, 0x02, 3, 0x1000, b, 4);
	wait_ready(c, 3);
	fixture_nor_read(c, 0x0B, 3, 8, 0x1000, got, 4);
	assert_memory_equal(got, ((uint8_t[]){0x30, 1, 0x55, 0}), 4);
	fixture_nor_command(c, 0x06, 0, 0);
	fixture_nor_command(c, 0x20, 3, 0x1234);
	chip_advance(c, 40000000);
	assert_int_equal(status(c) & 1, 1); /* 45 ms */
	wait_ready(c, 10);
	fixture_nor_read(c, 0x03, 3, 0, 0x1000, got, 4);
	assert_memory_equal(got, "\xff\xff\xff\xff", 4);
	chip_free(c);
}

static void busy_times_are_accounted(void **state)
{
	struct chip *c = fixture_board(NULL);
	struct chip_account a;

	(void)state;
	fixture_ospi(c);
	for (unsigned i = 0; i < 3; i++) {
		fixture_nor_command(c, 0x06, 0, 0);
		fixture_nor_write(c, 0x02, 3, i * 256, (const uint8_t *)"abcd",
				  4);
		wait_ready(c, 3);
	}
	fixture_nor_write(c, 0x02, 3, 0, (const uint8_t *)"ab",
			  2); /* no WREN */
	fixture_nor_command(c, 0x06, 0, 0);
	fixture_nor_command(c, 0x20, 3, 0);
	wait_ready(c, 50);
	chip_account(c, &a);
	assert_int_equal(a.nor_program_count, 3);
	assert_int_equal(a.nor_program_bytes, 12);
	assert_int_equal(a.nor_program_ns, 3 * 400000);
	assert_int_equal(a.nor_erase_count, 1);
	assert_int_equal(a.nor_erase_ns, 45000000);
	chip_free(c);
}

static void pages_wrap(void **state)
{
	struct chip *c = fixture_board(NULL);
	uint8_t data[4] = {1, 2, 3, 4}, got[4];

	(void)state;
	fixture_ospi(c);
	fixture_nor_command(c, 0x06, 0, 0);
	fixture_nor_write(c, 0x02, 3, 0x20FE, data, 4);
	wait_ready(c, 3);
	fixture_nor_read(c, 0x03, 3, 0, 0x2000, got, 2);
	assert_memory_equal(got, data + 2, 2);
	fixture_nor_read(c, 0x03, 3, 0, 0x20FE, got, 4);
	assert_memory_equal(got, ((uint8_t[]){1, 2, 0xFF, 0xFF}), 4);
	chip_free(c);
}

static void big_parts_take_four_bytes(void **state)
{
	struct chip *c = fixture_board_with("mx25lm51245g", NULL);
	uint8_t data[2] = {0xAB, 0xCD}, got[2];
	const uint8_t *nor;
	size_t len;

	(void)state;
	fixture_ospi(c);
	fixture_nor_command(c, 0x06, 0, 0);
	fixture_nor_write(c, 0x12, 4, 0x03456700u, data, 2);
	wait_ready(c, 3);
	fixture_nor_read(c, 0x0C, 4, 8, 0x03456700u, got, 2);
	assert_memory_equal(got, data, 2);
	nor = chip_nor(c, &len);
	assert_int_equal(len, 64u << 20);
	assert_int_equal(nor[0x03456700u], 0xAB);
	chip_free(c);
}

static void mapped_reads(void **state)
{
	struct chip *c = fixture_board(NULL);
	uint8_t data[4] = {0x78, 0x56, 0x34, 0x12};

	(void)state;
	fixture_ospi(c);
	fixture_nor_command(c, 0x06, 0, 0);
	fixture_nor_write(c, 0x02, 3, 0x5000, data, 4);
	wait_ready(c, 3);
	assert_int_equal(fixture_read(c, 0x90005000u), 0); /* not mapped */
	fixture_write(c, OCTOSPI + 0x108, 0);
	fixture_write(c, OCTOSPI + 0x100, 1u << 24 | 2u << 12 | 1u << 8 | 1u);
	fixture_write(c, OCTOSPI + 0x110, 0x03);
	fixture_write(c, OCTOSPI, 3u << 28 | 1u);
	assert_int_equal(fixture_read(c, 0x90005000u), 0x12345678u);
	assert_int_equal(fixture_read(c, 0x90005004u), 0xFFFFFFFFu);
	assert_int_equal(fixture_read(c, 0x90005000u), 0x12345678u);
	assert_true(fixture_read(c, OCTOSPI + 0x20) & 0x20u);
	fixture_write(c, OCTOSPI, 3u << 28 | 3u); /* abort */
	assert_false(fixture_read(c, OCTOSPI + 0x20) & 0x20u);
	chip_free(c);
}

/* Poll the status until the NOR is ready, every `interval` clocks. */
static void start_polling(struct chip *c, uint32_t interval)
{
	fixture_write(c, OCTOSPI, 2u << 28 | 1u << 22 | 1u);
	fixture_write(c, OCTOSPI + 0x40, 0);
	fixture_write(c, OCTOSPI + 0x80, 1);
	fixture_write(c, OCTOSPI + 0x88, 0);
	fixture_write(c, OCTOSPI + 0x90, interval);
	fixture_write(c, OCTOSPI + 0x100, 1u << 24 | 1u);
	fixture_write(c, OCTOSPI + 0x110, 0x05);
}

static void polls_by_itself(void **state)
{
	struct chip *c = fixture_board(NULL);

	(void)state;
	fixture_ospi(c);
	fixture_nor_command(c, 0x06, 0, 0);
	fixture_nor_command(c, 0x20, 3, 0);
	start_polling(c, 0);
	chip_advance(c, 40000000);
	assert_false(fixture_read(c, OCTOSPI + 0x20) & 8u);
	chip_advance(c, 10000000);
	assert_true(fixture_read(c, OCTOSPI + 0x20) & 8u);
	assert_false(fixture_read(c, OCTOSPI + 0x20) & 0x20u);
	chip_free(c);
}

/* The NOR becomes ready between two polls: firmware that sleeps until
 * something happens must not miss the second. */
static void a_poll_to_come_is_an_event(void **state)
{
	struct chip *c = fixture_board(NULL);
	unsigned late = 0;

	(void)state;
	fixture_ospi(c);
	fixture_nor_command(c, 0x06, 0, 0);
	fixture_nor_write(c, 0x02, 3, 0, (const uint8_t *)"abcd", 4);
	start_polling(c, 0xFFFF);
	for (unsigned i = 0; !(fixture_read(c, OCTOSPI + 0x20) & 8u); i++) {
		assert_true(i < 100000);
		assert_true(ospi_next_event(c, c->now_ps) != BOARD_NEVER);
		late += c->nor.busy_until_ps <= c->now_ps;
		chip_advance(c, 10000);
	}
	assert_true(late > 0);
	assert_true(ospi_next_event(c, c->now_ps) == BOARD_NEVER);
	chip_free(c);
}

/* A NOR on OCTOSPI2 answers there, mapped at 0x70000000, and nowhere else. */
static void hangs_where_it_is_wired(void **state)
{
	struct chip_config config = {.dev_id = 0x482,
				     .nor_part = "mx25lm51245g",
				     .wiring = "b-u585i-iot02a"};
	struct chip *c;
	uint8_t id[3];
	uint32_t word;

	(void)state;
	assert_int_equal(chip_new(&c, &config, NULL), ERR_OK);
	chip_power(c, true);
	chip_advance(c, 2000000);
	fixture_ospi(c);
	fixture_nor_read(c, 0x9F, 0, 0, 0, id, sizeof(id));
	assert_memory_equal(id, "\xff\xff\xff", 3);
	fixture_write(c, 0x46020C90u, 1u << 8);
	fixture_write(c, OCTOSPI2 + 0x108, 8);
	fixture_write(c, OCTOSPI2 + 0x100, 1u << 24 | 2u << 12 | 1u << 8 | 1u);
	fixture_write(c, OCTOSPI2 + 0x110, 0x5A);
	fixture_write(c, OCTOSPI2, 3u << 28 | 1u);
	word = fixture_read(c, 0x70000000u);
	assert_memory_equal(&word, "SFDP", 4);
	chip_free(c);
	config.wiring = "breadboard";
	assert_int_equal(chip_new(&c, &config, NULL), ERR_INPUT);
}

/* What OpenOCD's stmqspi driver looks at to tell OCTOSPI from QUADSPI. */
static void is_no_quadspi(void **state)
{
	struct chip *c = fixture_board(NULL);

	(void)state;
	fixture_ospi(c);
	fixture_write(c, OCTOSPI + 0x1C, 0xDEADBEEFu);
	assert_int_equal(fixture_read(c, OCTOSPI + 0x1C), 0);
	assert_int_equal(fixture_read(c, OCTOSPI + 0x3FC), 0xA3C5DD01u);
	chip_free(c);
}

static void nothing_without_its_clock(void **state)
{
	struct chip *c = fixture_board(NULL);

	(void)state;
	fixture_write(c, OCTOSPI, 1);
	assert_int_equal(fixture_read(c, OCTOSPI), 0);
	chip_free(c);
}

static void faults_show(void **state)
{
	const char *const missing[] = {"nor-missing", NULL};
	const char *const half[] = {"nor-wrong-size", NULL};
	const char *const stuck[] = {"nor-stuck-busy", NULL};
	const char *const bit[] = {"nor-bit-error", NULL};
	uint8_t page[256], got[256];
	struct chip *c = fixture_board(missing);
	unsigned different = 0;

	(void)state;
	fixture_ospi(c);
	fixture_nor_read(c, 0x9F, 0, 0, 0, got, 3);
	assert_memory_equal(got, "\xff\xff\xff", 3);
	chip_free(c);
	c = fixture_board(half);
	fixture_ospi(c);
	fixture_nor_read(c, 0x9F, 0, 0, 0, got, 3);
	assert_int_equal(got[2], 0x17);
	chip_free(c);
	c = fixture_board(stuck);
	fixture_ospi(c);
	fixture_nor_command(c, 0x06, 0, 0);
	fixture_nor_write(c, 0x02, 3, 0, (const uint8_t *)"ab", 2);
	chip_advance(c, 1000000000u);
	assert_int_equal(status(c) & 1, 1);
	chip_free(c);
	c = fixture_board(bit);
	fixture_ospi(c);
	for (unsigned i = 0; i < sizeof(page); i++)
		page[i] = (uint8_t)(i * 7);
	fixture_nor_command(c, 0x06, 0, 0);
	fixture_nor_write(c, 0x02, 3, 0, page, sizeof(page));
	wait_ready(c, 3);
	fixture_nor_read(c, 0x03, 3, 0, 0, got, sizeof(got));
	for (unsigned i = 0; i < sizeof(page); i++)
		different += got[i] != page[i];
	assert_int_equal(different, 1);
	chip_free(c);
}

/* -------- the part's own pins, past a chip in reset -------- */

#define SCK_NS 33u

struct pins {
	struct chip *c;
	uint64_t now_ns;
};

static void cs(struct pins *p, bool level)
{
	p->now_ns += SCK_NS;
	chip_nor_cs(p->c, p->now_ns, level);
}

/* n bits, MSB first: out on DI; returns DO. */
static uint32_t bits(struct pins *p, uint32_t out, unsigned n)
{
	uint32_t in = 0;

	while (n-- > 0) {
		p->now_ns += SCK_NS;
		in = in << 1 | chip_nor_clock(p->c, p->now_ns, out >> n & 1);
	}
	return in;
}

/* CS# low, n bits of at most 32, CS# high. */
static void command(struct pins *p, uint32_t out, unsigned n)
{
	cs(p, false);
	bits(p, out, n);
	cs(p, true);
}

static uint32_t answer(struct pins *p, uint32_t out, unsigned n, unsigned got)
{
	uint32_t in;

	cs(p, false);
	bits(p, out, n);
	in = bits(p, 0, got);
	cs(p, true);
	return in;
}

static struct pins pins_of(const char *part)
{
	struct pins p = {.c = fixture_board_with(part, NULL)};

	chip_nrst(p.c, false);
	return p;
}

static void bits_read(void **state)
{
	struct pins p = pins_of("w25q64jv");

	(void)state;
	assert_int_equal(bits(&p, 0x9F, 8), 0xFF); /* CS# is high */
	assert_int_equal(answer(&p, 0x9F, 8, 24), 0xEF4017);
	cs(&p, false);
	bits(&p, 0x5A000000, 32);
	assert_int_equal(bits(&p, 0, 8), 0xFF); /* dummy: DO is not driven */
	assert_int_equal(bits(&p, 0, 32), 0x53464450);
	cs(&p, true);
	/* Over two lines, which these pins do not have. */
	assert_int_equal(answer(&p, 0x3B000000, 32, 16), 0xFFFF);
	assert_int_equal(answer(&p, 0x05, 8, 16), 0); /* again and again */
	chip_free(p.c);
}

static void bits_write(void **state)
{
	struct pins p = pins_of("w25q64jv");

	(void)state;
	cs(&p, false);
	bits(&p, 0x06, 8);
	bits(&p, 0, 1); /* one clock too many: no command */
	cs(&p, true);
	assert_int_equal(answer(&p, 0x05, 8, 8), 0);
	command(&p, 0x06, 8);
	assert_int_equal(answer(&p, 0x05, 8, 8), 2);
	cs(&p, false);
	bits(&p, 0x02000100, 32);
	bits(&p, 0xA5, 7); /* not a whole byte: not executed */
	cs(&p, true);
	assert_int_equal(answer(&p, 0x05, 8, 8), 2);
	cs(&p, false);
	bits(&p, 0x02000100, 32);
	bits(&p, 0xA53C, 16);
	cs(&p, true);
	assert_int_equal(answer(&p, 0x05, 8, 8) & 1, 1);
	assert_int_equal(answer(&p, 0x03000100, 32, 16), 0xFFFF); /* busy */
	p.now_ns += 400000;
	assert_int_equal(answer(&p, 0x05, 8, 8), 0);
	assert_int_equal(answer(&p, 0x03000100, 32, 24), 0xA53CFF);
	command(&p, 0x06, 8);
	command(&p, 0x20000800, 32);
	p.now_ns += 45000000;
	assert_int_equal(answer(&p, 0x03000100, 32, 16), 0xFFFF);
	assert_int_equal(answer(&p, 0x05, 8, 8), 0);
	chip_free(p.c);
}

/* AB wakes a sleeping part, and with three more bytes tells its id as well. */
static void bits_sleep(void **state)
{
	struct pins p = pins_of("w25q64jv");

	(void)state;
	command(&p, 0xB9, 8);
	assert_int_equal(answer(&p, 0x9F, 8, 24), 0xFFFFFF);
	command(&p, 0xAB, 8);
	assert_int_equal(answer(&p, 0x9F, 8, 24), 0xEF4017);
	command(&p, 0xB9, 8);
	assert_int_equal(answer(&p, 0xAB000000, 32, 8), 0x16);
	assert_int_equal(answer(&p, 0x9F, 8, 24), 0xEF4017);
	chip_free(p.c);
}

static void bits_of_four_byte_addresses(void **state)
{
	struct pins p = pins_of("mx25lm51245g");

	(void)state;
	assert_int_equal(answer(&p, 0x9F, 8, 24), 0xC2853A);
	command(&p, 0x06, 8);
	cs(&p, false);
	bits(&p, 0x12, 8);
	bits(&p, 0x03000010, 32);
	bits(&p, 0x42, 8);
	cs(&p, true);
	p.now_ns += 150000;
	cs(&p, false);
	bits(&p, 0x13, 8);
	bits(&p, 0x03000010, 32);
	assert_int_equal(bits(&p, 0, 8), 0x42);
	cs(&p, true);
	chip_free(p.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identifies),
		cmocka_unit_test(sfdp_tells_the_size),
		cmocka_unit_test(programming_only_clears_bits),
		cmocka_unit_test(busy_times_are_accounted),
		cmocka_unit_test(pages_wrap),
		cmocka_unit_test(big_parts_take_four_bytes),
		cmocka_unit_test(mapped_reads),
		cmocka_unit_test(polls_by_itself),
		cmocka_unit_test(a_poll_to_come_is_an_event),
		cmocka_unit_test(hangs_where_it_is_wired),
		cmocka_unit_test(is_no_quadspi),
		cmocka_unit_test(nothing_without_its_clock),
		cmocka_unit_test(faults_show),
		cmocka_unit_test(bits_read),
		cmocka_unit_test(bits_write),
		cmocka_unit_test(bits_sleep),
		cmocka_unit_test(bits_of_four_byte_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
