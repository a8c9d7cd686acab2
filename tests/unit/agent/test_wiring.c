/* agent/target on boards of both wirings: the pins it sets up, and the NOR that
 * it finds, programs and tells apart. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "agent/target/target.h"
#include "agent/target/wiring.h"
#include "tests/unit/agent/rig/board_rig.h"

#include <stdlib.h>
#include <string.h>

#define GPIO(port)  (0x42020000u + 0x400u * ((port) - 'A'))
#define AHB2ENR1    0x46020C8Cu
#define AHB2ENR2    0x46020C90u
#define IMAGE_BYTES (3u * 65536u + 5000u)

static struct target *target;
static struct target_nor nor;
static struct err e;

static void board(const char *agents, const char *boards, const char *part)
{
	const struct target_config c = {.probe_serial = "S1",
					.layout = TARGET_LAYOUT_RESISTOR,
					.uart_baud = 115200,
					.wiring = agents};
	struct target_identity id;

	rig_insert(false, part, boards, 0);
	assert_int_equal(target_open(&target, &c, &e), ERR_OK);
	assert_int_equal(target_identify(target, &id, &e), ERR_OK);
	assert_int_equal(id.lock, TARGET_OPEN);
}

static int finish(void **state)
{
	(void)state;
	target_close(target);
	target = NULL;
	rig_end();
	return 0;
}

/* -------- pins -------- */

static void assert_pin(char port, unsigned pin, unsigned function)
{
	uint32_t moder = rig_word(GPIO(port)) >> 2 * pin & 3u;
	uint32_t speed = rig_word(GPIO(port) + 0x08) >> 2 * pin & 3u;
	uint32_t afr = rig_word(GPIO(port) + (pin < 8 ? 0x20 : 0x24));

	if (moder != 2 || speed != 3 ||
	    (afr >> 4 * (pin & 7u) & 15u) != function)
		fail_msg("P%c%u is not in AF%u", port, pin, function);
}

/* By STM32CubeU5's b_u585i_iot02a_ospi.h. Everything else stays analogue: the
 * kit has other parts on the reference board's pins. */
static void test_kit(void **state)
{
	(void)state;
	board("b-u585i-iot02a", "b-u585i-iot02a", "mx25lm51245g");
	assert_int_equal(target_nor_identify(target, &nor, &e), ERR_OK);
	assert_string_equal(nor.part, "MX25LM51245G");
	assert_int_equal(nor.size_bytes, 64u << 20);
	assert_pin('F', 4, 5); /* CLK */
	assert_pin('I', 5, 5); /* NCS */
	for (unsigned io = 0; io < 4; io++)
		assert_pin('F', io, 5);
	/* what the NOR says is pulled up */
	assert_int_equal(rig_word(GPIO('F') + 0x0C), 1u << 2 * 1);
	assert_int_equal(rig_word(GPIO('F')), 0xFFFFFC00u | 0x2AAu);
	assert_int_equal(rig_word(GPIO('I')), 0xFFFFF3FFu | 2u << 10);
	assert_int_equal(rig_word(AHB2ENR1) & 0x1FFu, 1u << 5 | 1u << 8);
	assert_int_equal(rig_word(AHB2ENR2), 1u << 8);
}

static void test_reference(void **state)
{
	(void)state;
	board(NULL, "bench", "w25q64jv");
	assert_int_equal(target_nor_identify(target, &nor, &e), ERR_OK);
	assert_string_equal(nor.part, "W25Q64JV");
	for (unsigned pin = 10; pin <= 15; pin++)
		assert_pin('E', pin, 10);
	assert_int_equal(rig_word(GPIO('E') + 0x0C), 1u << 2 * 13);
	assert_int_equal(rig_word(GPIO('E')), 0xAAAFFFFFu);
	assert_int_equal(rig_word(AHB2ENR1) & 0x1FFu, 1u << 4);
	assert_int_equal(rig_word(AHB2ENR2), 1u << 4);
}

static void test_other_board(void **state)
{
	(void)state;
	board("b-u585i-iot02a", "bench", "w25q64jv");
	assert_int_equal(target_nor_identify(target, &nor, &e), ERR_NOT_FOUND);
	finish(NULL);
	board("bench", "b-u585i-iot02a", "mx25lm51245g");
	assert_int_equal(target_nor_identify(target, &nor, &e), ERR_NOT_FOUND);
}

static void test_unknown(void **state)
{
	const struct target_config c = {.probe_serial = "S1",
					.wiring = "breadboard"};
	struct target *t;

	(void)state;
	assert_int_equal(target_open(&t, &c, &e), ERR_CONFIG);
	assert_null(t);
}

/* -------- programming -------- */

static uint8_t image[IMAGE_BYTES];
static bool stopped;

static enum err_code give(void *arg, uint64_t offset, void *buf, size_t len,
			  struct err *err)
{
	(void)arg;
	if (stopped)
		return err_set(err, ERR_CANCELLED, "stopped");
	assert_true(offset + len <= sizeof image);
	memcpy(buf, image + offset, len);
	return ERR_OK;
}

static struct target_nor_report program(void)
{
	struct target_nor_report r;
	uint8_t sha[32];
	size_t len;

	if (target_nor_program(target, sizeof image, give, NULL, NULL, NULL, &r,
			       &e) != ERR_OK)
		fail_msg("%s", e.text);
	assert_memory_equal(rig_nor(&len), image, sizeof image);
	assert_int_equal(len, nor.size_bytes);
	assert_int_equal(target_nor_sha256(target, sizeof image, sha, &e),
			 ERR_OK);
	assert_memory_equal(sha, r.sha256, 32);
	return r;
}

/* Sector and block erases, pages and reads, all with 4-byte addresses. */
static void test_kit_program(void **state)
{
	struct target_nor_report r;

	(void)state;
	srand(1);
	for (size_t i = 0; i < sizeof image; i++)
		image[i] = (uint8_t)(rand() >> 7);
	board("b-u585i-iot02a", "b-u585i-iot02a", "mx25lm51245g");
	assert_int_equal(target_nor_identify(target, &nor, &e), ERR_OK);
	r = program();
	assert_int_equal(r.bytes_erased, 0);
	image[70000] ^= 0xFF;
	r = program();
	assert_int_equal(r.bytes_erased, 4096);
	assert_int_equal(r.bytes_programmed, 4096);
	for (size_t i = 65536; i < 2u * 65536u; i++)
		image[i] ^= 0x5A;
	r = program();
	assert_int_equal(r.bytes_erased, 65536);
	assert_int_equal(r.erase_us / 10000, 22); /* one block, 220 ms */
}

static void stop_when_busy(void *arg, unsigned percent)
{
	(void)arg;
	stopped = percent > 10; /* the first block is being erased */
}

/* A part that is reset in the middle of an erase is not one that is missing. */
static void test_busy_part(void **state)
{
	struct target_nor_report r;
	struct target_identity id;

	(void)state;
	board("b-u585i-iot02a", "b-u585i-iot02a", "mx25lm51245g");
	assert_int_equal(target_nor_identify(target, &nor, &e), ERR_OK);
	memset(image, 0x11, sizeof image);
	program();
	memset(image, 0x22, sizeof image);
	assert_int_equal(target_nor_program(target, sizeof image, give, NULL,
					    stop_when_busy, NULL, &r, &e),
			 ERR_CANCELLED);
	stopped = false;
	assert_int_equal(target_identify(target, &id, &e), ERR_OK);
	assert_int_equal(target_nor_identify(target, &nor, &e), ERR_OK);
	program();
}

/* -------- the table -------- */

static void test_programs(void **state)
{
	const struct wiring *bench = wiring_find("bench");
	const struct wiring *kit = wiring_find("b-u585i-iot02a");
	char names[64], cut[9];

	(void)state;
	assert_ptr_equal(wiring_find(NULL), bench);
	assert_null(wiring_find(""));
	assert_true(wiring_has_program(bench, "1.2.0"));
	assert_false(wiring_has_program(kit, "1.2.0"));
	assert_true(wiring_has_program(kit, "1.2.0-b-u585i-iot02a"));
	assert_false(wiring_has_program(bench, "1.2.0-b-u585i-iot02a"));
	assert_false(wiring_has_program(kit, "1.2.0-b-u585i-iot02a+"));
	assert_string_equal(wiring_names(names, sizeof names),
			    "bench or b-u585i-iot02a");
	assert_string_equal(wiring_names(cut, sizeof cut), "bench or");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test_teardown(test_reference, finish),
		cmocka_unit_test_teardown(test_kit, finish),
		cmocka_unit_test_teardown(test_other_board, finish),
		cmocka_unit_test_teardown(test_kit_program, finish),
		cmocka_unit_test_teardown(test_busy_part, finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
