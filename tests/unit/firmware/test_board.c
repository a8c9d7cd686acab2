/* The five programs as machine code on a virtual board, from the first reset
 * to the application: the whole dialogue over two pins, with a station that
 * checks what it is told. */
#include "tests/unit/firmware/rig.h"
#include "tests/unit/firmware/station.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define DIALOGUE_MS 120000u

static struct rig rig;

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check_good(const struct station *st)
{
	if (st->fail[0] != '\0')
		fail_msg("%s: %s", st->fail, st->fail_text);
	assert_true(st->done);
	assert_true(st->csr_good);
	assert_true(st->attest_good);
	assert_true(st->stored);
	assert_int_equal(st->tests, 10);
	assert_true(st->have_status);
	assert_int_equal(st->status, 0);
	assert_string_equal(st->boots, "sfi-loader hardware-test kernel");
	assert_string_equal(st->installed, "hardware-test kernel");
	assert_non_null(strstr(st->log, "application running"));
}

static void report(double from_s, uint64_t from_ns)
{
	struct chip_account account;
	char text[300];

	chip_account(rig.chip, &account);
	chip_describe(rig.chip, text, sizeof(text));
	print_message("%s\n", text);
	print_message("dialogue: %.2f s of the board's time, %.0f million "
		      "cycles, %.2f s here\n",
		      (double)(chip_now_ns(rig.chip) - from_ns) / 1e9,
		      (double)account.cpu_ns * 0.16 / 1e6, now_s() - from_s);
}

static void test_good_board(void **state)
{
	struct station st;
	double start = now_s();
	uint64_t start_ns;
	(void)state;

	rig_board(&rig, NULL);
	print_message("programmed after %.2f s here\n", now_s() - start);
	start = now_s();
	start_ns = chip_now_ns(rig.chip);
	station_init(&st);
	station_talk(&st, &rig, DIALOGUE_MS);
	report(start, start_ns);
	check_good(&st);
	/* next power-on: the kernel says so and goes straight to the
	 * application, whether anybody acknowledges or not */
	rig_power_cycle(&rig);
	station_init(&st);
	station_talk(&st, &rig, 500);
	assert_string_equal(st.boots, "app");
	assert_string_equal(st.log, "application running");
	rig_board_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_board),
	};
	int failed;

	rig_init(&rig, &rig_bench);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rig_fini(&rig);
	return failed;
}
