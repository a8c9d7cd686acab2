/* The programs for the B-U585I-IOT02A on a virtual board wired like it: the
 * NOR, an MX25LM51245G, on OCTOSPI2. What this shows of the kit is in
 * docs/b-u585i-iot02a.md. */
#include "tests/unit/firmware/rig.h"
#include "tests/unit/firmware/station.h"

#include "proto/board/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define DIALOGUE_MS 120000u
#define GPIO(port)  (0x42020000u + 0x400u * ((port) - 'A'))
#define RCC	    0x46020C00u
#define PWR	    0x46020800u
#define FLASH	    0x40022000u

static struct rig rig;
static struct station st;

static uint32_t get(uint32_t addr)
{
	uint32_t value = 0;

	assert_int_equal(chip_ahb_read(rig.chip, addr, 4, false, &value),
			 CHIP_BUS_OK);
	return value;
}

static void run(const struct rig_target *target)
{
	rig_init(&rig, target);
	rig_board(&rig, NULL);
	station_init(&st);
	station_talk(&st, &rig, DIALOGUE_MS);
}

static void finish(void)
{
	rig_board_free(&rig);
	rig_fini(&rig);
}

static void assert_pin(char port, unsigned pin, unsigned function)
{
	uint32_t moder = get(GPIO(port)) >> 2 * pin & 3u;
	uint32_t afr = get(GPIO(port) + (pin < 8 ? 0x20 : 0x24));

	if (moder != 2 || (afr >> 4 * (pin & 7u) & 15u) != function)
		fail_msg("P%c%u is not in AF%u", port, pin, function);
}

/* By ST's board support package for the kit, b_u585i_iot02a_ospi.h, and the
 * devicetree in Zephyr. */
static void assert_pins(void)
{
	assert_pin('F', 4, 5); /* CLK */
	assert_pin('I', 5, 5); /* NCS */
	for (unsigned io = 0; io < 4; io++)
		assert_pin('F', io, 5);
	assert_int_equal(get(GPIO('B')) & 3u, 1);	      /* PB0 out */
	assert_int_equal(get(GPIO('E')) >> 8 & 3u, 0);	      /* PE4 in */
	assert_int_equal(get(GPIO('E') + 0x0C) >> 8 & 3u, 1); /* pulled up */
	assert_int_equal(get(GPIO('H')) >> 14 & 3u, 1);	      /* LD7 out */
	/* the kit's other users of USART2 and 3 are left alone, and OCTOSPI1's
	 * pins, where its PSRAM sits */
	assert_int_equal(get(RCC + 0x8C) & 1u << ('D' - 'A'), 0);
	assert_int_equal(get(RCC + 0x90), 1u << 8);
}

/* 160 MHz: range 1, booster, 4 wait states, bus clock not divided. */
static void assert_clock(void)
{
	char text[300];

	chip_describe(rig.chip, text, sizeof(text));
	assert_non_null(strstr(text, "hclk=160000000"));
	assert_int_equal(get(PWR + 0x0C) & 0x7C000u, 0x7C000u);
	assert_int_equal(get(FLASH) & 15u, 4);
	assert_int_equal(get(RCC + 0x20) & 15u, 0);
}

static void test_whole_dialogue(void **state)
{
	(void)state;
	run(&rig_iot02a);
	if (st.fail[0] != '\0')
		fail_msg("%s: %s", st.fail, st.fail_text);
	assert_true(st.done && st.csr_good && st.attest_good && st.stored);
	assert_string_equal(st.boots, "sfi-loader hardware-test kernel");
	/* QSPI and RNG; no modem, no WiFi module */
	assert_int_equal(st.tests, 6);
	assert_non_null(strstr(st.values, "qspi-id=c2853a qspi-size=67108864 "
					  "qspi-status=0 rng-health=ok"));
	assert_non_null(strstr(st.log, "rail within limits"));
	assert_non_null(strstr(st.log, "application running"));
	assert_pins();
	assert_clock();
	finish();
}

/* The build for the other board finds no NOR where it looks. */
static void wrong_build(const char *programs, const struct rig_target *wired)
{
	struct rig_target t = *wired;

	t.programs = programs;
	run(&t);
	assert_string_equal(st.fail, "image-rejected");
	assert_string_equal(st.boots, "sfi-loader");
	finish();
}

static void test_wrong_build(void **state)
{
	(void)state;
	wrong_build(rig_bench.programs, &rig_iot02a);
	wrong_build(rig_iot02a.programs, &rig_bench);
}

/* Who reads a record or an image knows for which board a program is. */
static void test_version_names_the_board(void **state)
{
	struct layout_program_header h;

	(void)state;
	rig_init(&rig, &rig_iot02a);
	memcpy(&h, rig.loader.data + LAYOUT_HEADER_OFFSET, sizeof(h));
	assert_int_equal(h.magic, LAYOUT_HEADER_MAGIC);
	assert_non_null(strstr(h.version, "-b-u585i-iot02a"));
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_version_names_the_board),
		cmocka_unit_test(test_whole_dialogue),
		cmocka_unit_test(test_wrong_build),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
