/* Which station a connection speaks for, whatever it says while its proof is
 * judged, and what it may take of everybody's asks: bind.c and peer.c over a
 * store whose reading job ends when the test says so. */
#include "controller/session/bind.c"
#include "controller/session/peer.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct sessions s;
static struct peer *peer;
static struct ask asks[8];
static size_t asks_n;
static char bound_as[STORE_NAME_SIZE];
static unsigned bound_n, records_n;

/* ---- the neighbours ---- */

static store_done_fn *judged; /* the reading job that is under way */

void store_read(struct store *store, store_run_fn *run, store_done_fn *done,
		void *arg)
{
	(void)store;
	(void)run;
	(void)arg;
	judged = done;
}

void store_write(struct store *store, store_run_fn *run, store_done_fn *done,
		 void *arg)
{
	struct err ok = {0};

	(void)store;
	(void)run;
	records_n++;
	done(arg, &ok);
}

enum err_code store_station_get(struct store_db *db, const char *station,
				struct store_station *out, struct err *e)
{
	(void)db;
	(void)station;
	(void)out;
	return err_set(e, ERR_NOT_FOUND, "not asked here");
}

enum err_code store_checkpoint_last(struct store_db *db,
				    struct store_checkpoint *out, struct err *e)
{
	(void)db;
	(void)out;
	return err_set(e, ERR_NOT_FOUND, "not asked here");
}

enum err_code store_record(struct store_db *db, const struct store_actor *who,
			   const char *kind, const char *lot, const char *body,
			   struct err *e)
{
	(void)db;
	(void)who;
	(void)kind;
	(void)lot;
	(void)body;
	return err_set(e, ERR_NOT_FOUND, "not asked here");
}

static unsigned closed_n;

int nng_pipe_close(nng_pipe pipe)
{
	assert_int_equal(pipe.id, peer->pipe);
	closed_n++;
	return 0;
}

void live_bound(struct sessions *all, struct peer *p)
{
	(void)all;
	strcpy(bound_as, p->station);
	bound_n++;
}

void live_lost(struct sessions *all, const char *station)
{
	(void)all;
	(void)station;
}

void live_changed(struct sessions *all)
{
	(void)all;
}

bool ask_prepare(struct ask *a, enum msg_type type)
{
	a->reply = msg_new(type);
	return a->reply != NULL;
}

void ask_reply(struct ask *a)
{
	a->state = ASK_SENDING;
}

void ask_refuse(struct ask *a, const struct err *e, uint32_t retry_ms)
{
	(void)retry_ms;
	a->refusal = *e;
	a->state = ASK_OVER;
}

/* ---- what a connection says ---- */

static struct ask *ask_new(enum msg_type type)
{
	struct ask *a = &asks[asks_n++];

	assert_true(asks_n <= sizeof asks / sizeof *asks);
	a->s = &s;
	a->pipe = peer->pipe;
	a->m = msg_new(type);
	a->state = ASK_WORKING;
	return a;
}

static struct ask *say_hello(const char *station)
{
	struct ask *a = ask_new(MSG_HELLO);

	strcpy(a->m->u.HELLO.station, station);
	handle_hello(a, peer);
	return a;
}

/* With the nonce that is out. */
static struct ask *say_prove(const char *station)
{
	struct ask *a = ask_new(MSG_PROVE);

	strcpy(a->m->u.PROVE.station, station);
	strcpy(a->m->u.PROVE.nonce, *peer->nonce ? peer->nonce : "none");
	handle_prove(a, peer);
	return a;
}

static void judge(struct ask *a, bool right)
{
	struct err ok = {0};

	assert_non_null(judged);
	a->proven = right;
	if (!right)
		err_set(&a->refusal, ERR_UNAUTHORISED, "another key");
	judged(a, &ok);
}

static int connect_peer(void **state)
{
	(void)state;
	s = (struct sessions){0};
	judged = NULL;
	bound_n = records_n = closed_n = 0;
	bound_as[0] = '\0';
	assert_int_equal(peer_add(&s, 7, "192.0.2.1"), ERR_OK);
	peer = s.peers;
	return 0;
}

static int drop_peer(void **state)
{
	(void)state;
	for (; asks_n; asks_n--) {
		msg_free(asks[asks_n - 1].m);
		msg_free(asks[asks_n - 1].reply);
		asks[asks_n - 1] = (struct ask){0};
	}
	peers_free(&s);
	return 0;
}

/* ---- the tests ---- */

static void test_a_proof_binds(void **state)
{
	struct ask *proof;

	(void)state;
	assert_int_equal(say_hello("A")->state, ASK_SENDING);
	proof = say_prove("A");
	assert_int_equal(proof->state, ASK_WORKING);
	judge(proof, true);
	assert_int_equal(proof->state, ASK_SENDING);
	assert_true(peer->bound);
	assert_string_equal(bound_as, "A");
}

/* Station A must not become B by saying so while A's proof is judged. */
static void test_no_other_name_while_a_proof_is_judged(void **state)
{
	struct ask *proof;

	(void)state;
	say_hello("A");
	proof = say_prove("A");
	assert_int_equal(say_hello("B")->refusal.code, ERR_STATE);
	assert_int_equal(say_prove("B")->refusal.code, ERR_NOT_BOUND);
	judge(proof, true);
	assert_string_equal(peer->station, "A");
	assert_string_equal(bound_as, "A");
	assert_int_equal(bound_n, 1);
}

static void test_a_revoked_station_is_not_bound_after_all(void **state)
{
	struct ask *proof;

	(void)state;
	say_hello("A");
	proof = say_prove("A");
	peer->station[0] = '\0'; /* as sessions_revoked() does */
	judge(proof, true);
	assert_int_equal(proof->refusal.code, ERR_NOT_BOUND);
	assert_false(peer->bound);
	assert_int_equal(bound_n, 0);
}

/* Each failure is on record, and costs a connection. */
static void test_one_proof_a_connection(void **state)
{
	struct ask *proof;

	(void)state;
	say_hello("A");
	assert_int_equal(say_hello("B")->state, ASK_SENDING); /* no proof yet */
	proof = say_prove("B");
	judge(proof, false);
	assert_int_equal(proof->refusal.code, ERR_UNAUTHORISED);
	assert_int_equal(records_n, 1);
	assert_int_equal(say_hello("B")->refusal.code, ERR_STATE);
	assert_int_equal(say_prove("B")->refusal.code, ERR_NOT_BOUND);
	assert_int_equal(records_n, 1);
	assert_false(peer->bound);
}

/* Who reads may ask for ever; who does not holds a part of the asks at most. */
static void test_unread_answers_cut_the_connection(void **state)
{
	(void)state;
	assert_true(PEER_UNREAD_MAX < ASKS / 2);
	for (unsigned i = 0; i < 10 * PEER_UNREAD_MAX; i++) {
		assert_true(peer_answer(peer));
		peer->unread--; /* as when it has been sent */
	}
	for (unsigned i = 0; i < PEER_UNREAD_MAX; i++)
		assert_true(peer_answer(peer));
	assert_int_equal(closed_n, 0);
	assert_false(peer_answer(peer));
	assert_int_equal(closed_n, 1);
	peer->unread = 0; /* what was on its way ended with the connection */
	assert_false(peer_answer(peer));
	assert_int_equal(closed_n, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, connect_peer, drop_peer)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_proof_binds),
		TEST(test_no_other_name_while_a_proof_is_judged),
		TEST(test_a_revoked_station_is_not_bound_after_all),
		TEST(test_one_proof_a_connection),
		TEST(test_unread_answers_cut_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
