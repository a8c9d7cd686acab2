/* What the link takes for an answer: of the right kind, about the attempt that
 * was asked about. The wire is replaced by one that gives what the test has
 * put there. */
#define wire_exchange given_exchange
#include "agent/link/link.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ONE   "00000000-0000-4000-8000-000000000001"
#define OTHER "00000000-0000-4000-8000-000000000002"

static struct msg *answer;

enum err_code given_exchange(nng_socket sock, const struct wire_line *line,
			     const uint8_t *request, size_t request_len,
			     void **out, size_t *out_len, struct mono deadline,
			     struct err *e)
{
	uint8_t *wire;
	enum err_code rc = msg_encode(answer, &wire, out_len, e);

	(void)sock;
	(void)line;
	(void)request;
	(void)request_len;
	(void)deadline;
	*out = rc == ERR_OK ? wire : NULL;
	return rc;
}

/* Ask with the request, be given the answer. */
static enum err_code exchange(struct msg *request, struct msg *given)
{
	struct link_reply r;
	struct link l = {.pipes = 1, .bound = true};
	enum err_code rc;
	struct err e;

	init_sync(&l);
	answer = given;
	rc = ask(&l, 0, request, &r, mono_after_ms(1000), &e);
	assert_true(rc == ERR_OK || r.m == NULL);
	link_reply_fini(&r);
	msg_free(request);
	msg_free(given);
	pthread_cond_destroy(&l.changed);
	pthread_mutex_destroy(&l.lock);
	return rc;
}

static struct msg *renew(void)
{
	struct msg *m = msg_new(MSG_PERMIT_RENEW);

	strcpy(m->u.PERMIT_RENEW.attempt, ONE);
	return m;
}

static struct msg *licence(void)
{
	struct msg *m = msg_new(MSG_LICENCE_ISSUED);

	strcpy(m->u.LICENCE_ISSUED.attempt, ONE);
	return m;
}

static struct msg *recorded(const char *attempt)
{
	struct msg *m = msg_new(MSG_RECORDED);

	strcpy(m->u.RECORDED.attempt, attempt);
	return m;
}

static struct msg *refusal(const char *code)
{
	struct msg *m = msg_new(MSG_REFUSED);

	strcpy(m->u.REFUSED.code, code);
	return m;
}

static void test_the_answer_is_about_the_same_attempt(void **state)
{
	struct msg *request = msg_new(MSG_RESULT);

	(void)state;
	assert_int_equal(exchange(licence(), recorded(ONE)), ERR_OK);
	assert_int_equal(exchange(licence(), recorded(OTHER)), ERR_MALFORMED);
	strcpy(request->u.RESULT.attempt, ONE);
	strcpy(request->u.RESULT.outcome, "pass");
	assert_int_equal(exchange(request, recorded(OTHER)), ERR_MALFORMED);
}

static void test_the_answer_is_of_the_right_kind(void **state)
{
	(void)state;
	assert_int_equal(exchange(renew(), msg_new(MSG_NOTED)), ERR_OK);
	assert_int_equal(exchange(renew(), recorded(ONE)), ERR_MALFORMED);
	assert_int_equal(exchange(renew(), licence()), ERR_REFUSED);
	assert_int_equal(exchange(renew(), refusal("state")), ERR_STATE);
	/* a refusal without an error is none to go on from */
	assert_int_equal(exchange(renew(), refusal("ok")), ERR_FAILED);
	assert_int_equal(exchange(renew(), refusal("no-such")), ERR_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_answer_is_about_the_same_attempt),
		cmocka_unit_test(test_the_answer_is_of_the_right_kind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
