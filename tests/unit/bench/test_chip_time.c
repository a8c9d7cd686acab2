#include "tests/unit/bench/chip_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

static double host_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* When, in modelled time from reset, does RESULT become `value`? */
static uint64_t time_of(const char *program, uint32_t value, uint64_t slice_ns)
{
	struct chip *c = fixture_board(NULL);
	uint64_t start;

	fixture_boot(c, program);
	start = chip_now_ns(c);
	while (fixture_read(c, RESULT) < value) {
		chip_advance(c, slice_ns);
		assert_true(chip_now_ns(c) - start < 20000000000u);
	}
	start = chip_now_ns(c) - start;
	chip_free(c);
	return start;
}

static void slices_do_not_matter(void **state)
{
	static const uint64_t SLICES[] = {1000000, 333333, 70001, 12345};

	(void)state;
	for (unsigned i = 0; i < sizeof(SLICES) / sizeof(SLICES[0]); i++) {
		uint64_t t = time_of("wait", 2, SLICES[i]);

		assert_in_range(t, 2000000000u - 1000000u,
				2000000000u + SLICES[i]);
	}
}

static void waiting_is_cheap(void **state)
{
	struct chip *c = fixture_board(NULL);
	double before;

	(void)state;
	fixture_boot(c, "wait");
	before = host_s();
	for (int i = 0; i < 1000; i++)
		chip_advance(c, 1000000);
	print_message("1 s of polling TIM2_SR: %.2f ms of host time\n",
		      (host_s() - before) * 1e3);
	assert_true(host_s() - before < 0.1);
	assert_true(chip_busy(c));
	assert_false(chip_awaits_pin(c));
	assert_int_equal(fixture_read(c, RESULT), 1);
	chip_free(c);
}

/* A wait for what a debugger writes ends, wherever in the loop it comes. */
static void a_debugger_ends_a_wait(void **state)
{
	struct chip *c = fixture_board(NULL);

	(void)state;
	fixture_boot(c, "mailbox");
	chip_advance(c, 1000000);
	for (uint32_t i = 1; i < 200; i++) {
		fixture_write(c, 0x20000200u, i);
		chip_advance(c, 2001 + 13 * i);
		assert_int_equal(fixture_read(c, RESULT), i);
	}
	chip_free(c);
}

static void a_polled_counter_is_near(void **state)
{
	double before = host_s();
	uint64_t t = time_of("delay", 1, 1000000);

	(void)state;
	assert_in_range(t, 999000000u, 1006000000u);
	print_message("1 s of polling TIM2_CNT: %.2f ms of host time\n",
		      (host_s() - before) * 1e3);
}

struct edges {
	uint64_t at[16];
	bool level[16];
	unsigned count;
};

static void note_edge(void *arg, uint64_t at_ns, bool level)
{
	struct edges *e = arg;

	assert_true(e->count < 16);
	e->at[e->count] = at_ns;
	e->level[e->count++] = level;
}

static void pins_follow_in_time(void **state)
{
	struct chip *c = fixture_board(NULL);
	struct edges e = {.count = 0};
	uint64_t now;

	(void)state;
	fixture_boot(c, "line");
	chip_on_pb0(c, note_edge, &e);
	chip_advance(c, 1000000);
	assert_int_equal(e.count, 0);
	assert_false(chip_busy(c));
	assert_true(chip_awaits_pin(c));
	now = chip_now_ns(c);
	for (unsigned i = 0; i < 10; i++)
		chip_set_pe4(c, now + 50000 + i * 8681, i % 2);
	assert_true(chip_busy(c));
	chip_advance(c, 1000000);
	assert_int_equal(e.count, 10);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(e.level[i], i % 2);
		assert_in_range(e.at[i], now + 50000 + i * 8681,
				now + 50000 + i * 8681 + 300);
	}
	assert_false(chip_busy(c));
	chip_free(c);
}

static void sleep_costs_nothing(void **state)
{
	struct chip *c = fixture_board(NULL);
	double before;

	(void)state;
	fixture_boot(c, "sleep");
	assert_false(chip_busy(c));
	before = host_s();
	chip_advance(c, 3600000000000u);
	assert_true(host_s() - before < 0.05);
	chip_free(c);
}

static void the_account_divides_time(void **state)
{
	struct chip *c = fixture_board(NULL);
	struct chip_account was, a;

	(void)state;
	fixture_boot(c, "wait"); /* a second of polling, again and again */
	chip_account(c, &was);
	chip_advance(c, 500000000u);
	fixture_halt(c);
	chip_advance(c, 30000000u);
	chip_account(c, &a);
	assert_in_range(a.elapsed_ns - was.elapsed_ns, 530000000u, 531000000u);
	assert_in_range(a.cpu_wait_ns - was.cpu_wait_ns, 498000000u,
			500000000u);
	assert_in_range(a.stopped_ns - was.stopped_ns, 30000000u, 31000000u);
	assert_in_range(a.elapsed_ns,
			a.cpu_ns + a.cpu_wait_ns + a.reset_ns +
				a.option_reload_ns + a.stopped_ns,
			a.cpu_ns + a.cpu_wait_ns + a.reset_ns +
				a.option_reload_ns + a.stopped_ns + 5);
	was = a;
	fixture_run(c);
	chip_nrst(c, false);
	chip_advance(c, 1000000u);
	chip_nrst(c, true);
	chip_advance(c, 5000000u);
	chip_account(c, &a);
	assert_int_equal(a.reset_count - was.reset_count, 1);
	assert_int_equal(a.option_reload_count, 0);
	assert_in_range(a.reset_ns - was.reset_ns, 899000u, 901000u);
	assert_in_range(a.stopped_ns - was.stopped_ns, 999000u, 1001000u);
	chip_free(c);
}

/* A program that computes all the time does nothing but compute. */
static void cpu_time_is_executed(void **state)
{
	struct chip *c = fixture_board(NULL);
	struct chip_account was, a;

	(void)state;
	fixture_boot(c, "count");
	chip_account(c, &was);
	chip_advance(c, 100000000u);
	chip_account(c, &a);
	assert_in_range(a.cpu_ns - was.cpu_ns, 99990000u, 100010000u);
	chip_free(c);
}

static void speed(void **state)
{
	struct chip *c = fixture_board(NULL);
	double before;
	uint32_t rounds;

	(void)state;
	fixture_boot(c, "count");
	rounds = fixture_read(c, RESULT);
	before = host_s();
	chip_advance(c, 2000000000u);
	rounds = fixture_read(c, RESULT) - rounds;
	assert_in_range(rounds, 2660000, 2670000);
	print_message("%.1f MIPS\n", 3.0 * rounds / 1e6 / (host_s() - before));
	chip_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_do_not_matter),
		cmocka_unit_test(waiting_is_cheap),
		cmocka_unit_test(a_debugger_ends_a_wait),
		cmocka_unit_test(a_polled_counter_is_near),
		cmocka_unit_test(pins_follow_in_time),
		cmocka_unit_test(sleep_costs_nothing),
		cmocka_unit_test(the_account_divides_time),
		cmocka_unit_test(cpu_time_is_executed),
		cmocka_unit_test(speed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
