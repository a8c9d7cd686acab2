/* The enrolment token: TOKEN.CASHA256, and nothing else. */
#include "agent/enrol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static enum err_code parse(const char *text)
{
	struct enrol_token t;
	enum err_code rc = enrol_token_parse(&t, text, NULL);

	enrol_token_fini(&t);
	return rc;
}

static void accepts(void **state)
{
	struct enrol_token t;

	(void)state;
	assert_int_equal(enrol_token_parse(&t, "a.b-c_9." HASH, NULL), ERR_OK);
	assert_true(secret_equal(&t.token, "a.b-c_9", 7));
	assert_int_equal(t.ca_sha256[1], 0x11);
	enrol_token_fini(&t);
	assert_false(secret_equal(&t.token, "a.b-c_9", 7)); /* wiped */
}

static void refuses(void **state)
{
	char longest[ENROL_TOKEN_MAX + 80];

	(void)state;
	assert_int_equal(parse(""), ERR_INPUT);
	assert_int_equal(parse("token"), ERR_INPUT);
	assert_int_equal(parse("." HASH), ERR_INPUT);
	assert_int_equal(parse("token."), ERR_INPUT);
	assert_int_equal(parse("token." HASH "0"), ERR_INPUT);
	assert_int_equal(parse("token.x0112233445566778899aabbccddeeff0011223"
			       "3445566778899aabbccddeeff"),
			 ERR_INPUT);
	assert_int_equal(parse("to ken." HASH), ERR_INPUT);
	assert_int_equal(parse("to\"ken." HASH), ERR_INPUT);
	assert_int_equal(parse("to\nken." HASH), ERR_INPUT);
	memset(longest, 'a', sizeof(longest));
	strcpy(longest + ENROL_TOKEN_MAX, "." HASH);
	assert_int_equal(parse(longest), ERR_OK);
	strcpy(longest + ENROL_TOKEN_MAX, "a." HASH);
	assert_int_equal(parse(longest), ERR_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
