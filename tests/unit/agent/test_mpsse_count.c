#include "agent/drv/mpsse_count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* 30 MHz, as probe.c sets it up: base clock undivided, divisor 0. */
static struct mpsse_count fast(void)
{
	static const uint8_t setup[] = {0x8A, 0x97, 0x8D, 0x85, 0x86, 0, 0};
	struct mpsse_count c = {0};

	mpsse_count_start(&c);
	mpsse_count_feed(&c, setup, sizeof(setup));
	assert_int_equal(c.clocks, 0);
	return c;
}

static uint64_t clocks_of(const uint8_t *out, size_t len)
{
	struct mpsse_count c = fast();

	mpsse_count_feed(&c, out, len);
	return c.clocks;
}

#define CLOCKS(...)                               \
	clocks_of((const uint8_t[]){__VA_ARGS__}, \
		  sizeof((const uint8_t[]){__VA_ARGS__}))

/* AN_108 rev 1.5, 3.3 to 3.8: what each kind of command clocks. */
static void each_kind(void **state)
{
	(void)state;
	assert_int_equal(CLOCKS(0x80, 0x00, 0x0B), 0);	      /* pins */
	assert_int_equal(CLOCKS(0x82, 0x07, 0x07, 0x87), 0);  /* lights */
	assert_int_equal(CLOCKS(0x19, 1, 0, 0x8F, 0xFF), 16); /* bytes out */
	assert_int_equal(CLOCKS(0x1B, 6, 0x8F), 7);	      /* bits out */
	assert_int_equal(CLOCKS(0x28, 3, 0), 32);	      /* bytes in */
	assert_int_equal(CLOCKS(0x2A, 3), 4);		      /* bits in */
	assert_int_equal(CLOCKS(0x39, 5, 0, 1, 2, 3, 4, 5, 6), 48);
	assert_int_equal(CLOCKS(0x4B, 4, 0x7F), 5); /* TMS */
	assert_int_equal(CLOCKS(0x8E, 2), 3);
	assert_int_equal(CLOCKS(0x8F, 0xFF, 0xFF), 65536 * 8);
}

/* Data that looks like commands is data. */
static void data_is_not_read(void **state)
{
	(void)state;
	assert_int_equal(CLOCKS(0x19, 2, 0, 0x8F, 0xFF, 0xFF, 0x2A, 0), 25);
}

static void cut_anywhere(void **state)
{
	static const uint8_t out[] = {0x80, 0,	  0x0B, 0x39, 1,
				      0,    0x19, 0x1B, 0x1B, 0x07,
				      0x2A, 0x8F, 0x01, 0x00, 0x87};

	(void)state;
	for (size_t cut = 0; cut <= sizeof(out); cut++) {
		struct mpsse_count c = fast();

		mpsse_count_feed(&c, out, cut);
		mpsse_count_feed(&c, out + cut, sizeof(out) - cut);
		assert_int_equal(c.clocks, 16 + 8 + 16);
	}
}

static void time_follows_the_divisor(void **state)
{
	static const uint8_t clock[] = {0x8F, 0xE7, 0x03}; /* 8000 */
	static const uint8_t slow[] = {0x86, 29, 0};	   /* 1 MHz */
	static const uint8_t div5[] = {0x8B};
	struct mpsse_count c = fast();

	(void)state;
	mpsse_count_feed(&c, clock, sizeof(clock));
	assert_in_range(c.ps, 266600000u, 266700000u);
	c.ps = 0;
	mpsse_count_feed(&c, slow, sizeof(slow));
	mpsse_count_feed(&c, clock, sizeof(clock));
	assert_int_equal(c.ps, 8000u * 1000000ull);
	c.ps = 0;
	mpsse_count_feed(&c, div5, sizeof(div5));
	mpsse_count_feed(&c, clock, sizeof(clock));
	assert_int_equal(c.ps, 5u * 8000u * 1000000ull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind),
		cmocka_unit_test(data_is_not_read),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(time_follows_the_divisor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
