/* What a stream costs, counted at the pins and on the bus of a virtual board,
 * in both harness layouts; what it leaves in SRAM; and that the clock self-test
 * finds the fastest clock that a bad cable carries. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "agent/drv/adi.h"
#include "agent/drv/swd_mpsse.h"
#include "proto/base/log.h"
#include "tests/unit/agent/rig/board_rig.h"

#include <string.h>

#define SRAM	 0x20000000u
#define WORDS	 (128u * 1024u / 4u)
#define DHCSR	 0xE000EDF0u
#define HALT	 0xA05F0003u
#define TEST_AT	 0x2002FC00u
#define CLEAN_HZ 10000000u

static struct swd_mpsse *mpsse;
static struct adi *adi;
static uint32_t out[WORDS], in[WORDS];

static void open_board(bool output_enable, uint32_t clean_hz)
{
	struct probe *p;

	rig_insert(output_enable, "w25q64jv", NULL, clean_hz);
	assert_int_equal(probe_open(&p, "S1", NULL), ERR_OK);
	assert_int_equal(swd_mpsse_new(&mpsse, p,
				       output_enable ? SWD_MPSSE_OUTPUT_ENABLE
						     : SWD_MPSSE_RESISTOR,
				       NULL),
			 ERR_OK);
	assert_int_equal(adi_new(&adi, swd_mpsse_wire(mpsse), 0, NULL), ERR_OK);
	assert_int_equal(adi_connect(adi, NULL, NULL), ERR_OK);
	assert_int_equal(adi_power_up(adi, NULL), ERR_OK);
	assert_int_equal(adi_write32(adi, DHCSR, HALT, NULL), ERR_OK);
}

static void close_board(void)
{
	adi_free(adi);
	swd_mpsse_free(mpsse);
	rig_end();
}

struct cost {
	double clocks_a_word, usb_bytes_a_byte, time_of_floor;
};

static struct cost stream(void)
{
	uint64_t edges = rig_edges(), bytes = rig_usb_out_bytes();
	uint64_t ns = rig_now_ns();
	struct cost c;

	for (uint32_t i = 0; i < WORDS; i++)
		out[i] = i * 0x9E3779B9u;
	adi_stream32(adi, SRAM, out, WORDS);
	assert_int_equal(adi_run(adi, ADI_ONCE, NULL), ERR_OK);
	c.clocks_a_word = (double)(rig_edges() - edges) / WORDS;
	c.usb_bytes_a_byte = (double)(rig_usb_out_bytes() - bytes) / 4 / WORDS;
	c.time_of_floor =
		(double)(rig_now_ns() - ns) / (WORDS * 46.0 * 1000 / 30);
	print_message("%.3f clocks a word, %.3f bytes of USB a byte, %.3f of "
		      "the time that 46 clocks take\n",
		      c.clocks_a_word, c.usb_bytes_a_byte, c.time_of_floor);
	memset(in, 0, sizeof in);
	assert_int_equal(adi_read(adi, SRAM, in, sizeof in, NULL), ERR_OK);
	assert_memory_equal(in, out, sizeof in);
	return c;
}

static void resistor(void **state)
{
	struct cost c;

	(void)state;
	open_board(false, 0);
	c = stream();
	assert_true(c.clocks_a_word <= 48.5);
	assert_true(c.usb_bytes_a_byte <= 1.7);
	assert_true(c.time_of_floor <= 1.08);
	close_board();
}

static void output_enable(void **state)
{
	struct cost c;

	(void)state;
	open_board(true, 0);
	c = stream();
	assert_true(c.clocks_a_word <= 48.5);
	assert_true(c.usb_bytes_a_byte <= 4.9);
	close_board();
}

static void clock_of_a_bad_cable(void **state)
{
	(void)state;
	open_board(false, CLEAN_HZ);
	assert_int_equal(adi_choose_clock_port(adi, NULL), ERR_OK);
	assert_int_equal(adi_power_up(adi, NULL), ERR_OK);
	assert_int_equal(adi_choose_clock_memory(adi, TEST_AT, NULL), ERR_OK);
	assert_int_equal(rig_swclk_hz(), CLEAN_HZ);
	(void)stream();
	close_board();
}

static void clock_of_a_good_cable(void **state)
{
	uint64_t ns;

	(void)state;
	open_board(false, 0);
	ns = rig_now_ns();
	assert_int_equal(adi_choose_clock_port(adi, NULL), ERR_OK);
	assert_int_equal(adi_power_up(adi, NULL), ERR_OK);
	assert_int_equal(adi_choose_clock_memory(adi, TEST_AT, NULL), ERR_OK);
	assert_int_equal(rig_swclk_hz(), 30000000);
	assert_true(rig_now_ns() - ns < 4000000);
	close_board();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resistor),
		cmocka_unit_test(output_enable),
		cmocka_unit_test(clock_of_a_bad_cable),
		cmocka_unit_test(clock_of_a_good_cable),
	};

	log_init("test_stream", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
