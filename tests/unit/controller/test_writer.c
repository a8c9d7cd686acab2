/* The writer thread: groups, undoing one job, and refusing new work when the
 * disk is nearly full. */
#include "controller/store/store.h"
#include "controller/store/store_access.h"
#include "controller/store/store_report.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define JOBS 500

static struct {
	char dir[64], path[96];
	uv_loop_t loop;
	struct store *s;
	unsigned done, failed, died;
	enum err_code last, last_failure;
} t;

static void on_failed(void *arg, const struct err *e)
{
	(void)arg;
	t.last = e->code;
	t.died++;
}

static void open_store(uint64_t reserve_bytes, unsigned queue_max)
{
	struct store_config c = {.path = t.path,
				 .loop = &t.loop,
				 .failed = on_failed,
				 .queue_max = queue_max,
				 .reserve_bytes = reserve_bytes};
	struct err e = {0};

	if (store_open(&t.s, &c, &e))
		fail_msg("%s", e.text);
}

static int set_up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof t);
	strcpy(t.dir, "/tmp/provline-writer-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	snprintf(t.path, sizeof t.path, "%s/line.db", t.dir);
	return uv_loop_init(&t.loop);
}

static int tear_down(void **state)
{
	char command[96];

	(void)state;
	store_close(t.s);
	uv_run(&t.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&t.loop), 0);
	snprintf(command, sizeof command, "rm -rf %s", t.dir);
	return system(command);
}

static enum err_code add_record(struct store_db *db, void *arg, struct err *e)
{
	struct store_actor who = {"test", ""};

	(void)arg;
	return store_record(db, &who, "note", "", "{\"n\":1}", e);
}

/* Writes, then fails: nothing but the refusal may stay. */
static enum err_code add_and_fail(struct store_db *db, void *arg, struct err *e)
{
	struct store_actor who = {"test", ""};
	enum err_code rc = add_record(db, arg, e);

	if (rc)
		return rc;
	store_note_refusal(db, &who, "refused", "", "{\"why\":\"test\"}");
	return err_set(e, ERR_REFUSED, "no");
}

static void on_done(void *arg, const struct err *e)
{
	(void)arg;
	t.done++;
	t.last = e->code;
	if (e->code != ERR_OK) {
		t.failed++;
		t.last_failure = e->code;
	}
}

static void run_until(unsigned done)
{
	while (t.done < done)
		uv_run(&t.loop, UV_RUN_ONCE);
}

static enum err_code count(void *arg, const struct store_leaf *l, struct err *e)
{
	unsigned *n = arg;

	(void)e;
	n[0] += strcmp(l->kind, "note") == 0;
	n[1] += strcmp(l->kind, "refused") == 0;
	return ERR_OK;
}

static enum err_code read_counts(struct store_db *db, void *arg, struct err *e)
{
	return store_record_leaves(db, 1, 0, count, arg, e);
}

static void one_job_fails_alone(void **state)
{
	unsigned n[2] = {0, 0};

	(void)state;
	open_store(0, 0);
	for (unsigned i = 0; i < JOBS; i++)
		store_write(t.s, i % 5 ? add_record : add_and_fail, on_done,
			    NULL);
	assert_int_equal(t.done, 0); /* never inside the call */
	run_until(JOBS);
	assert_int_equal(t.failed, JOBS / 5);
	store_read(t.s, read_counts, on_done, n);
	run_until(JOBS + 1);
	assert_int_equal(n[0], JOBS - JOBS / 5);
	assert_int_equal(n[1], JOBS / 5);
}

static void closing_finishes_what_waits(void **state)
{
	unsigned n[2] = {0, 0};

	(void)state;
	open_store(0, 0);
	for (unsigned i = 0; i < JOBS; i++)
		store_write(t.s, add_record, on_done, NULL);
	store_close(t.s);
	assert_int_equal(t.done, JOBS);
	assert_int_equal(t.failed, 0);
	open_store(0, 0);
	store_read(t.s, read_counts, on_done, n);
	run_until(JOBS + 1);
	assert_int_equal(n[0], JOBS);
}

static void a_nearly_full_disk_takes_no_new_work(void **state)
{
	(void)state;
	open_store(UINT64_MAX, 0);
	store_write(t.s, add_record, on_done, NULL);
	run_until(1);
	assert_int_equal(t.last, ERR_DISK_FULL);
	store_write_finishing(t.s, add_record, on_done, NULL);
	run_until(2);
	assert_int_equal(t.last, ERR_OK);
	assert_int_equal(t.died, 0);
}

static void the_queue_has_an_end(void **state)
{
	(void)state;
	open_store(0, 10);
	for (unsigned i = 0; i < 100000 && !t.failed; i++) {
		store_write(t.s, add_record, on_done, NULL);
		if (i % 1000 == 999)
			uv_run(&t.loop, UV_RUN_NOWAIT);
	}
	/* others may have ended well after it */
	assert_int_equal(t.last_failure, ERR_TIMEOUT);
}

static void a_damaged_file_is_refused(void **state)
{
	(void)state;
	open_store(0, 0);
	store_write(t.s, add_record, on_done, NULL);
	run_until(1);
	store_close(t.s);
	t.s = NULL;
	/* not a database any more: the next start says so */
	int fd = open(t.path, O_WRONLY);

	assert_int_equal(pwrite(fd, "garbage garbage", 15, 0), 15);
	close(fd);
	struct store_config c = {.path = t.path};
	struct err e = {0};

	assert_int_equal(store_open(&t.s, &c, &e), ERR_INTEGRITY);
	t.s = NULL;
}

static enum err_code fail_plainly(struct store_db *db, void *arg, struct err *e)
{
	(void)db;
	(void)arg;
	return err_set(e, ERR_FAILED, "no");
}

static void one_process_writes(void **state)
{
	struct store_config c = {.path = t.path};
	struct store *second = NULL;
	struct err e = {0};

	(void)state;
	open_store(0, 0);
	assert_int_equal(store_open(&second, &c, &e), ERR_STATE);
	store_write(t.s, fail_plainly, on_done, NULL);
	run_until(1);
	assert_int_equal(t.last, ERR_FAILED);
	assert_int_equal(t.died, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(one_job_fails_alone),
		T(closing_finishes_what_waits),
		T(a_nearly_full_disk_takes_no_new_work),
		T(the_queue_has_an_end),
		T(a_damaged_file_is_refused),
		T(one_process_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
