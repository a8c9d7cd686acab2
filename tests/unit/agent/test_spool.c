/* The spool: what was said to be kept is there after the process died. */
#include "agent/link/spool.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "proto/msg/msg.h"

#define A1 "11111111-1111-4111-8111-111111111111"
#define A2 "22222222-2222-4222-8222-222222222222"

static char dir[64], path[96];
static struct spool *spool;

static void reopen(void)
{
	struct err e;

	spool_close(spool);
	if (spool_open(&spool, path, &e) != ERR_OK)
		fail_msg("%s", e.text);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/provline-spool-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/spool.db", dir);
	spool = NULL;
	reopen();
	return 0;
}

static int tear_down(void **state)
{
	char command[96];

	(void)state;
	spool_close(spool);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void journals(void **state)
{
	struct spool_attempt a;
	bool found;
	int64_t id, again;

	(void)state;
	assert_int_equal(spool_attempt_begin(spool, A1, "h1", "{1}", NULL), 0);
	assert_int_equal(spool_attempt_begin(spool, A1, "h1", "{1}", NULL),
			 ERR_IO); /* the id is new each time */
	assert_int_equal(spool_attempt_step(spool, A1, "aa", STEP_LOCK_DOWN,
					    true, "{2}", NULL),
			 0);
	reopen();
	assert_int_equal(spool_attempt_open(spool, &a, &found, NULL), 0);
	assert_true(found && a.irreversible && a.locked && !a.ended);
	assert_string_equal(a.attempt, A1);
	assert_string_equal(a.harness, "h1");
	assert_string_equal(a.uid, "aa");
	assert_string_equal(a.result, "{2}");
	assert_int_equal(a.step, STEP_LOCK_DOWN);
	spool_attempt_fini(&a);
	assert_int_equal(spool_attempt_end(spool, A1, "aa", OUTCOME_FAIL, "{3}",
					   &id, NULL),
			 0);
	assert_int_equal(spool_attempt_end(spool, A1, "aa", OUTCOME_FAIL, "{4}",
					   &again, NULL),
			 0);
	assert_int_equal(id, again);
	assert_int_equal(spool_attempt_open(spool, &a, &found, NULL), 0);
	assert_false(found);
	assert_int_equal(spool_attempt_step(spool, A1, "aa", STEP_PERMIT, false,
					    "{5}", NULL),
			 ERR_NOT_FOUND);
	assert_int_equal(spool_attempt_of_unit(spool, "aa", &a, &found, NULL),
			 0);
	assert_true(found && a.ended && a.locked);
	assert_string_equal(a.outcome, "fail");
	assert_string_equal(a.result, "{3}");
	spool_attempt_fini(&a);
	assert_int_equal(spool_attempt_of_unit(spool, "bb", &a, &found, NULL),
			 0);
	assert_false(found);
}

static void drops(void **state)
{
	struct spool_attempt a;
	bool found;

	(void)state;
	assert_int_equal(spool_attempt_begin(spool, A1, "h1", "{}", NULL), 0);
	assert_int_equal(spool_attempt_drop(spool, A1, NULL), 0);
	assert_int_equal(spool_attempt_open(spool, &a, &found, NULL), 0);
	assert_false(found);
}

static void messages_wait(void **state)
{
	enum spool_fate fate;
	struct spool_row r;
	char text[321];
	int64_t one, two, same;
	size_t count;
	bool found;

	(void)state;
	assert_int_equal(spool_add(spool, A1, "licence", "m1", &one, NULL), 0);
	assert_int_equal(spool_add(spool, A1, "licence", "m9", &same, NULL), 0);
	assert_int_equal(one, same);
	assert_int_equal(spool_add(spool, A2, "licence", "m2", &two, NULL), 0);
	reopen();
	assert_int_equal(spool_next(spool, 0, &r, &found, NULL), 0);
	assert_true(found);
	assert_string_equal(r.message, "m1");
	assert_string_equal(r.attempt, A1);
	assert_string_equal(r.kind, "licence");
	spool_row_fini(&r);
	assert_int_equal(spool_message(spool, A2, "licence", &same, NULL), 0);
	assert_int_equal(same, two);
	assert_int_equal(spool_message(spool, A2, "result", &same, NULL),
			 ERR_NOT_FOUND);
	assert_int_equal(
		spool_wait(spool, one, mono_after_ms(20), &fate, text, NULL),
		0);
	assert_int_equal(fate, SPOOL_WAITING);
	assert_int_equal(spool_recorded(spool, one, 7, "ab", NULL), 0);
	assert_int_equal(spool_refused(spool, two, "because", NULL), 0);
	assert_int_equal(
		spool_wait(spool, two, mono_after_ms(20), &fate, text, NULL),
		0);
	assert_int_equal(fate, SPOOL_REFUSED);
	assert_string_equal(text, "because");
	assert_int_equal(spool_count(spool, &count, NULL), 0);
	assert_int_equal(count, 1); /* a refused one is not forgotten */
	assert_int_equal(spool_next(spool, 0, &r, &found, NULL), 0);
	assert_false(found);
	assert_int_equal(spool_retry(spool, NULL), 0);
	assert_int_equal(spool_next(spool, 0, &r, &found, NULL), 0);
	assert_true(found && r.id == two);
	spool_row_fini(&r);
}

static void survives_sigkill(void **state)
{
	struct spool_row r;
	bool found = false;
	int64_t id;
	pid_t child;
	int status;

	(void)state;
	spool_close(spool);
	spool = NULL;
	child = fork();
	if (child == 0) {
		if (spool_open(&spool, path, NULL) != ERR_OK ||
		    spool_attempt_begin(spool, A1, "h", "{}", NULL) != ERR_OK ||
		    spool_attempt_end(spool, A1, "", OUTCOME_PASS, "{pass}",
				      &id, NULL) != ERR_OK)
			_exit(1);
		(void)kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	reopen();
	assert_int_equal(spool_next(spool, 0, &r, &found, NULL), 0);
	assert_true(found);
	assert_string_equal(r.message, "{pass}");
	spool_row_fini(&r);
}

static void one_process_only(void **state)
{
	struct spool *other;
	struct err e;

	(void)state;
	assert_int_equal(spool_open(&other, path, &e), ERR_STATE);
	assert_null(other);
}

static void damaged_file(void **state)
{
	struct err e;
	FILE *f;

	(void)state;
	spool_close(spool);
	spool = NULL;
	f = fopen(path, "wb");
	assert_non_null(f);
	for (int i = 0; i < 5000; i++)
		fputc(i * 31, f);
	fclose(f);
	assert_int_equal(spool_open(&spool, path, &e), ERR_INTEGRITY);
}

static void keeps_licences(void **state)
{
	struct spool_licence l = {.licence_id = "0011223344556677",
				  .card = "CARD1"},
			     back;
	bool found;

	(void)state;
	memset(l.licence, 7, sizeof(l.licence));
	assert_int_equal(spool_licence_put(spool, "c1", "fw", &l, NULL), 0);
	reopen();
	assert_int_equal(
		spool_licence_get(spool, "c1", "fw", &back, &found, NULL), 0);
	assert_true(found);
	assert_memory_equal(back.licence, l.licence, sizeof(l.licence));
	assert_string_equal(back.licence_id, l.licence_id);
	assert_string_equal(back.card, l.card);
	assert_int_equal(
		spool_licence_get(spool, "c1", "other", &back, &found, NULL),
		0);
	assert_false(found);
}

static void witnesses(void **state)
{
	(void)state;
	assert_int_equal(spool_witness(spool, 10, "aa", NULL), ERR_OK);
	assert_int_equal(spool_witness(spool, 10, "aa", NULL), ERR_OK);
	reopen();
	assert_int_equal(spool_witness(spool, 9, "bb", NULL), ERR_INTEGRITY);
	assert_int_equal(spool_witness(spool, 10, "cc", NULL), ERR_INTEGRITY);
	assert_int_equal(spool_witness(spool, 11, "dd", NULL), ERR_OK);
	assert_int_equal(spool_witness(spool, 10, "aa", NULL), ERR_INTEGRITY);
}

/* Change the closed file. */
static void alter(const char *sql)
{
	sqlite3 *db;

	spool_close(spool);
	spool = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void a_newer_agents_file_is_left_alone(void **state)
{
	struct err e;

	(void)state;
	alter("PRAGMA user_version = 4");
	assert_int_equal(spool_open(&spool, path, &e), ERR_STATE);
	assert_null(spool);
}

static void an_unknown_step_or_a_short_licence_is_damage(void **state)
{
	struct spool_licence l = {.licence_id = "0011223344556677"};
	struct spool_attempt a;
	bool found;

	(void)state;
	assert_int_equal(spool_attempt_begin(spool, A1, "h1", "{}", NULL), 0);
	assert_int_equal(spool_licence_put(spool, "c1", "fw", &l, NULL), 0);
	alter("UPDATE attempt SET step = 15;"
	      "UPDATE licence SET licence = x'07'");
	reopen();
	assert_int_equal(spool_attempt_open(spool, &a, &found, NULL),
			 ERR_INTEGRITY);
	assert_int_equal(spool_licence_get(spool, "c1", "fw", &l, &found, NULL),
			 ERR_INTEGRITY);
}

/* What was recorded goes when a thousand messages came after it, and its
 * attempt after twenty thousand; what waits stays. */
static void old_entries_go(void **state)
{
	struct spool_attempt a;
	int64_t one, two, id;
	bool found;

	(void)state;
	assert_int_equal(spool_attempt_begin(spool, A1, "h1", "{1}", NULL), 0);
	assert_int_equal(spool_attempt_end(spool, A1, "aa", OUTCOME_PASS, "{1}",
					   &one, NULL),
			 0);
	assert_int_equal(spool_attempt_begin(spool, A2, "h1", "{2}", NULL), 0);
	assert_int_equal(spool_attempt_end(spool, A2, "bb", OUTCOME_PASS, "{2}",
					   &two, NULL),
			 0);
	assert_int_equal(spool_recorded(spool, one, 1, "ab", NULL), 0);
	alter("UPDATE sqlite_sequence SET seq = 1000 WHERE name = 'spool';"
	      "INSERT INTO attempt SELECT 20001, 'x', 'h1', 'cc', 0, 0, 0, 0,"
	      " '', '{}'");
	reopen();
	assert_int_equal(spool_add(spool, "x", "licence", "m", &id, NULL), 0);
	assert_int_equal(id, 1001);
	assert_int_equal(spool_recorded(spool, id, 2, "cd", NULL), 0);
	assert_int_equal(spool_message(spool, A1, "result", &id, NULL),
			 ERR_NOT_FOUND);
	assert_int_equal(spool_message(spool, A2, "result", &id, NULL), 0);
	assert_int_equal(spool_attempt_end(spool, "x", "cc", OUTCOME_FAIL, "{}",
					   &id, NULL),
			 0);
	assert_int_equal(spool_attempt_of_unit(spool, "aa", &a, &found, NULL),
			 0);
	assert_false(found);
	assert_int_equal(spool_attempt_of_unit(spool, "bb", &a, &found, NULL),
			 0);
	assert_true(found);
	spool_attempt_fini(&a);
}

/* As the agent before protocol version 2 left it: without the account. */
static void make_older(void)
{
	static const char sql[] =
		"UPDATE attempt SET result = json_remove(json_set(result, "
		"'$.v', 1)"
#define ACCOUNT(name, what) ", '$." #name "'"
#include "proto/account.def"
#undef ACCOUNT
		", '$.rest_ms');"
		"UPDATE spool SET message = (SELECT result FROM attempt);"
		"PRAGMA user_version = 1;";

	alter(sql);
}

static void results_of_an_older_agent_are_sent(void **state)
{
	struct msg *m = msg_new(MSG_RESULT);
	struct spool_row row;
	char *json = NULL;
	bool found;
	int64_t id;

	(void)state;
	strcpy(m->u.RESULT.attempt, A1);
	m->u.RESULT.cycle_ms = 31000;
	assert_int_equal(msg_to_json(m, &json, NULL), ERR_OK);
	msg_free(m);
	assert_int_equal(spool_attempt_begin(spool, A1, "h1", "{}", NULL), 0);
	assert_int_equal(spool_attempt_end(spool, A1, "aa", OUTCOME_FAIL, json,
					   &id, NULL),
			 0);
	free(json);
	make_older();
	reopen();
	assert_int_equal(spool_next(spool, 0, &row, &found, NULL), ERR_OK);
	assert_true(found);
	assert_int_equal(
		msg_from_json(&m, row.message, strlen(row.message), true, NULL),
		ERR_OK);
	assert_int_equal(m->u.RESULT.cycle_ms, 31000);
	assert_int_equal(m->u.RESULT.rest_ms, 31000);
	msg_free(m);
	spool_row_fini(&row);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(journals),
		T(drops),
		T(messages_wait),
		T(survives_sigkill),
		T(one_process_only),
		T(damaged_file),
		T(keeps_licences),
		T(witnesses),
		T(a_newer_agents_file_is_left_alone),
		T(an_unknown_step_or_a_short_licence_is_damage),
		T(old_entries_go),
		T(results_of_an_older_agent_are_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
