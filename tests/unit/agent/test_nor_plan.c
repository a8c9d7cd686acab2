/* What is erased and programmed to bring a block of 64 KiB about, with the
 * times of a W25Q64JV. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "agent/target/nor_plan.c"

#define SECTORS 16u

static const struct nor_plan_costs winbond = {
	.level = {{4096, 0x20, 45000, 400},
		  {32768, 0x52, 120000, 1600},
		  {65536, 0xD8, 150000, 2000}},
	.levels = 3,
	.page_us = 400,
};

static struct nor_plan_sector s[SECTORS];
static struct nor_plan plan;

/* Every sector: content, wanted pages. */
static void all(bool same, bool blank, unsigned pages)
{
	for (unsigned i = 0; i < SECTORS; i++)
		s[i] = (struct nor_plan_sector){
			.same = same, .blank = blank, .want_pages = pages};
}

static void make_plan(void)
{
	nor_plan_block(&plan, &winbond, s, SECTORS);
}

static void nothing_to_do(void **state)
{
	(void)state;
	all(true, false, 16);
	make_plan();
	assert_int_equal(plan.erases, 0);
	assert_int_equal(plan.program, 0);
	assert_int_equal(plan.cost_us, 0);
}

static void blank_part(void **state)
{
	(void)state;
	all(false, true, 16);
	s[3].want_pages = 0; /* wanted blank, is blank */
	s[3].same = true;
	make_plan();
	assert_int_equal(plan.erases, 0);
	assert_int_equal(plan.program, 0xFFF7);
	assert_int_equal(plan.cost_us, 15 * 16 * 400);
}

static void one_sector(void **state)
{
	(void)state;
	all(true, false, 16);
	s[5].same = false;
	make_plan();
	assert_int_equal(plan.erases, 1);
	assert_int_equal(plan.erase[0].offset, 5 * 4096);
	assert_int_equal(plan.erase[0].level, 0);
	assert_int_equal(plan.program, 1u << 5);
}

/* Sectors that were right are written again when that is quicker. */
static void eleven_sectors(void **state)
{
	(void)state;
	all(true, false, 16);
	for (unsigned i = 2; i < 13; i++)
		s[i].same = false;
	make_plan();
	assert_int_equal(plan.erases, 1);
	assert_int_equal(plan.erase[0].level, 2);
	assert_int_equal(plan.program, 0xFFFF);
	assert_int_equal(plan.cost_us, 150000 + 256 * 400);
}

static void half_a_block(void **state)
{
	(void)state;
	all(true, false, 16);
	for (unsigned i = 8; i < 16; i++)
		s[i].same = false;
	make_plan();
	assert_int_equal(plan.erases, 1);
	assert_int_equal(plan.erase[0].offset, 32768);
	assert_int_equal(plan.erase[0].level, 1);
	assert_int_equal(plan.program, 0xFF00);
}

static void everything_dirty(void **state)
{
	(void)state;
	all(false, false, 16);
	make_plan();
	assert_int_equal(plan.erases, 1);
	assert_int_equal(plan.erase[0].level, 2);
	all(false, false, 0); /* wanted blank */
	make_plan();
	assert_int_equal(plan.erases, 1);
	assert_int_equal(plan.program, 0);
}

/* Sectors beyond the image are never erased. */
static void outside_stays(void **state)
{
	(void)state;
	all(false, false, 16);
	for (unsigned i = 9; i < SECTORS; i++) {
		s[i] = (struct nor_plan_sector){.outside = true};
	}
	make_plan();
	assert_int_equal(plan.erases, 2);
	assert_int_equal(plan.erase[0].level, 1);
	assert_int_equal(plan.erase[1].offset, 8 * 4096);
	assert_int_equal(plan.erase[1].level, 0);
	assert_int_equal(plan.program, 0x1FF);
}

/* A part that can erase blocks only. */
static void blocks_only(void **state)
{
	const struct nor_plan_costs c = {.level = {{65536, 0xD8, 150000, 2000}},
					 .levels = 1,
					 .page_us = 400};
	const struct nor_plan_sector one = {.want_pages = 100};

	(void)state;
	nor_plan_block(&plan, &c, &one, 1);
	assert_int_equal(plan.erases, 1);
	assert_int_equal(plan.program, 1);
	assert_int_equal(plan.cost_us, 150000 + 100 * 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(blank_part),
		cmocka_unit_test(one_sector),
		cmocka_unit_test(eleven_sectors),
		cmocka_unit_test(half_a_block),
		cmocka_unit_test(everything_dirty),
		cmocka_unit_test(outside_stays),
		cmocka_unit_test(blocks_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
