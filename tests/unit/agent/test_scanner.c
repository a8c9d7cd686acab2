/* The serial-mode scanner, through a pseudo-terminal. */
#include "agent/drv/scanner.h"

#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct scanner *scanner;
static int master, slave;
static char name[128];

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(openpty(&master, &slave, name, NULL, NULL), 0);
	assert_int_equal(scanner_new(&scanner, name, NULL), ERR_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scanner_free(scanner);
	close(master);
	close(slave);
	return 0;
}

static bool scan(const char *typed, char text[SCANNER_TEXT_SIZE])
{
	bool fresh;

	scanner_poll(scanner, text, &fresh); /* opens, sets the line raw */
	assert_false(fresh);
	assert_int_equal(write(master, typed, strlen(typed)), strlen(typed));
	scanner_poll(scanner, text, &fresh);
	return fresh;
}

static void test_a_scan_is_a_line(void **state)
{
	char text[SCANNER_TEXT_SIZE] = "";

	(void)state;
	assert_false(scan("A00", text));
	assert_true(scan("17\r\n", text));
	assert_string_equal(text, "A0017");
}

static void test_the_newest_scan_counts(void **state)
{
	char text[SCANNER_TEXT_SIZE] = "";

	(void)state;
	assert_true(scan("ONE\rTWO\rTH", text));
	assert_string_equal(text, "TWO");
}

static void test_what_is_no_serial_is_dropped(void **state)
{
	char text[SCANNER_TEXT_SIZE] = "old";

	(void)state;
	assert_false(scan("=cmd()\r", text));
	assert_false(scan("\x1b[2J\r", text));
	assert_false(scan("123456789012345678901234567890123\r", text));
	assert_string_equal(text, "old");
	assert_true(scan("12345678901234567890123456789012\r", text));
}

static void test_a_missing_device_is_waited_for(void **state)
{
	struct scanner *s;
	char text[SCANNER_TEXT_SIZE] = "";
	bool fresh;

	(void)state;
	assert_int_equal(scanner_new(&s, "/nonexistent/scanner", NULL), ERR_OK);
	scanner_poll(s, text, &fresh);
	assert_false(fresh);
	scanner_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_scan_is_a_line, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_the_newest_scan_counts,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_what_is_no_serial_is_dropped, set_up, tear_down),
		cmocka_unit_test(test_a_missing_device_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
