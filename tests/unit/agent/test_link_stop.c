/* The end of the agent's link while others use it: nobody is on the socket any
 * more when it is closed. The wire is replaced by one that takes its time. */
#define wire_exchange slow_exchange
#define nng_close     checked_close
#include "agent/link/link.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#define CALLERS 4

static unsigned on_socket, closed, exchanges;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

static void add(unsigned *what, int n)
{
	pthread_mutex_lock(&guard);
	*what += (unsigned)n;
	pthread_mutex_unlock(&guard);
}

static unsigned get(const unsigned *what)
{
	unsigned n;

	pthread_mutex_lock(&guard);
	n = *what;
	pthread_mutex_unlock(&guard);
	return n;
}

/* Waits as the real one does; lets go of the socket a little later. */
enum err_code slow_exchange(nng_socket sock, const struct wire_line *line,
			    const uint8_t *request, size_t request_len,
			    void **answer, size_t *answer_len,
			    struct mono deadline, struct err *e)
{
	(void)sock, (void)request, (void)request_len, (void)answer;
	(void)answer_len, (void)deadline;
	add(&exchanges, 1);
	add(&on_socket, 1);
	pthread_mutex_lock(line->lock);
	while (*line->generation == line->expected)
		(void)pthread_cond_wait(line->changed, line->lock);
	pthread_mutex_unlock(line->lock);
	usleep(50000);
	add(&on_socket, -1);
	return err_set(e, ERR_NOT_BOUND, "the connection broke");
}

int checked_close(nng_socket sock)
{
	(void)sock;
	assert_int_equal(get(&on_socket), 0);
	add(&closed, 1);
	return 0;
}

static enum err_code call(struct link *l)
{
	struct msg *m = msg_new(MSG_HEARTBEAT);
	struct link_reply r = {0};
	enum err_code rc;

	assert_non_null(m);
	rc = link_call(l, m, &r, mono_after_ms(10000), NULL);
	link_reply_fini(&r);
	msg_free(m);
	return rc;
}

static void *caller(void *arg)
{
	assert_int_equal(call(arg), ERR_CANCELLED);
	return NULL;
}

static void the_socket_outlives_its_users(void **state)
{
	struct link l = {.bound = true, .pipes = 1};
	pthread_t thread[CALLERS];

	(void)state;
	init_sync(&l);
	for (int i = 0; i < CALLERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, caller, &l),
				 0);
	for (int i = 0; get(&on_socket) < CALLERS; i++) {
		assert_true(i < 5000);
		usleep(1000);
	}
	link_stop(&l);
	assert_int_equal(get(&closed), 1);
	for (int i = 0; i < CALLERS; i++)
		pthread_join(thread[i], NULL);
	/* and nobody comes after */
	assert_int_equal(call(&l), ERR_CANCELLED);
	assert_int_equal(get(&exchanges), CALLERS);
	pthread_cond_destroy(&l.changed);
	pthread_mutex_destroy(&l.lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_socket_outlives_its_users),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
