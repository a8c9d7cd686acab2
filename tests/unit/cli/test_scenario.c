/* What a demo expects of its boards. */
#include "cli/demo/scenario.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static enum err_code load(const char *text, struct scenario *s, struct err *e)
{
	char path[] = "/tmp/provline-scenario-XXXXXX";
	int fd = mkstemp(path);
	enum err_code rc;

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	rc = scenario_load(s, path, e);
	unlink(path);
	return rc;
}

static void test_a_file_is_taken_whole(void **state)
{
	struct scenario s;
	struct err e;

	(void)state;
	assert_int_equal(load("{\"seed\":9,\"boards\":[{\"serial\":\"B1\"},"
			      "{\"serial\":\"B2\",\"faults\":[\"nor-missing\","
			      "\"uart-noise\"]}]}",
			      &s, &e),
			 ERR_OK);
	assert_int_equal(s.seed, 9);
	assert_int_equal(s.count, 2);
	assert_true(scenario_expected(&s.boards[0], "pass", ""));
	assert_true(scenario_expected(&s.boards[1], "fail", "nor-missing"));
	assert_false(scenario_expected(&s.boards[1], "pass", ""));
	assert_false(scenario_expected(&s.boards[1], "fail", "modem"));
	assert_false(scenario_expected(&s.boards[0], "indeterminate", ""));
	scenario_fini(&s);
}

static void test_what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"{", "1:"},
		{"[]", "it must be"},
		{"{\"boards\":[],\"more\":1}", "it must be"},
		{"{\"boards\":[{}]}", "board 1 has no serial"},
		{"{\"boards\":[{\"serial\":\"A\"},{\"serial\":\"A\"}]}",
		 "A is there twice"},
		{"{\"boards\":[{\"serial\":\"A\",\"faults\":[\"bent\"]}]}",
		 "no fault \"bent\""},
		{"{\"boards\":[{\"serial\":\"A\",\"colour\":\"red\"}]}",
		 "only serial and faults"},
	};
	struct scenario s;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(load(rows[i].text, &s, &e), ERR_INPUT);
		if (!strstr(e.text, rows[i].says))
			fail_msg("'%s' does not say '%s'", e.text,
				 rows[i].says);
	}
}

static void test_the_seed_decides(void **state)
{
	struct scenario a, b, c;
	struct err e;

	(void)state;
	assert_int_equal(scenario_make(&a, 200, 7, &e), ERR_OK);
	assert_int_equal(scenario_make(&b, 200, 7, &e), ERR_OK);
	assert_int_equal(scenario_make(&c, 200, 8, &e), ERR_OK);
	assert_memory_equal(a.boards, b.boards, 200 * sizeof *a.boards);
	assert_memory_not_equal(a.boards, c.boards, 200 * sizeof *a.boards);
	scenario_fini(&a);
	scenario_fini(&b);
	scenario_fini(&c);
}

/* A fault that the demo has no ending for would count as healthy. */
static void test_every_fault_has_an_ending(void **state)
{
	static const char *const harmless[] = {
		"uart-noise", "swd-noise", "swd-slow-cable",
		"removed-in-program", "removed-in-install"};
	struct scenario_board b = {.fault_count = 1};

	(void)state;
	for (unsigned i = 0; i < scenario_fault_count(); i++) {
		bool passes = false;

		for (size_t k = 0; k < sizeof harmless / sizeof *harmless; k++)
			passes |= strcmp(harmless[k], scenario_fault_name(i)) ==
				  0;
		b.faults[0] = i;
		if (scenario_expected(&b, "pass", "") != passes)
			fail_msg("%s has no ending", scenario_fault_name(i));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_file_is_taken_whole),
		cmocka_unit_test(test_what_is_wrong_is_named),
		cmocka_unit_test(test_the_seed_decides),
		cmocka_unit_test(test_every_fault_has_an_ending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
