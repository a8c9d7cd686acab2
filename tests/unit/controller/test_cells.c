/* Rows of reports: RFC 4180 quoting, formulas defused, JSON escaped. */
#include "controller/report/cells.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect_csv(const char *value, const char *want)
{
	struct cells c;

	cells_init(&c, CELLS_CSV);
	assert_int_equal(cells_text(&c, "x", value), ERR_OK);
	assert_string_equal(dbuf_text(&c.line), want);
	cells_fini(&c);
}

static void test_csv(void **state)
{
	(void)state;
	expect_csv("", "");
	expect_csv("plain", "plain");
	expect_csv("a,b", "\"a,b\"");
	expect_csv("say \"x\"", "\"say \"\"x\"\"\"");
	expect_csv("two\nlines", "\"two\nlines\"");
	expect_csv("=1+1", "'=1+1");
	expect_csv("+1", "'+1");
	expect_csv("-1", "'-1");
	expect_csv("@SUM(A1)", "'@SUM(A1)");
	expect_csv("\t=1", "'\t=1");
	expect_csv("\r=1", "\"'\r=1\"");
	expect_csv("=HYPERLINK(\"http://x\",\"y\")",
		   "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"");
	expect_csv("a=b", "a=b");
}

static void test_rows(void **state)
{
	struct cells c;

	(void)state;
	cells_init(&c, CELLS_CSV);
	assert_int_equal(cells_text(&c, "a", "x"), ERR_OK);
	assert_int_equal(cells_int(&c, "b", 7), ERR_OK);
	assert_int_equal(cells_none(&c, "c"), ERR_OK);
	assert_int_equal(cells_number(&c, "d", 0.5, 3), ERR_OK);
	assert_int_equal(cells_end_row(&c), ERR_OK);
	assert_int_equal(cells_text(&c, "a", "y"), ERR_OK);
	assert_string_equal(dbuf_text(&c.line), "x,7,,0.500\r\ny");
	cells_fini(&c);
}

static void test_json(void **state)
{
	struct cells c;

	(void)state;
	cells_init(&c, CELLS_JSONL);
	assert_int_equal(cells_text(&c, "a", "=\"\n\x01"), ERR_OK);
	assert_int_equal(cells_none(&c, "b"), ERR_OK);
	assert_int_equal(cells_number(&c, "c", 1.0 / 0.0, 1), ERR_OK);
	assert_int_equal(cells_end_row(&c), ERR_OK);
	assert_string_equal(dbuf_text(&c.line),
			    "{\"a\":\"=\\\"\\n\\u0001\",\"b\":null,"
			    "\"c\":null}\n");
	cells_fini(&c);
}

static void test_limit(void **state)
{
	static char big[CELLS_ROW_MAX_BYTES + 1];
	struct cells c;

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	cells_init(&c, CELLS_CSV);
	assert_int_equal(cells_text(&c, "a", "first"), ERR_OK);
	assert_int_equal(cells_text(&c, "b", big), ERR_TOO_BIG);
	cells_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
