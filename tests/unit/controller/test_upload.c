/* Unfinished imports on the disk: what is there is what the folder says, after
 * whatever happened, within its bounds. The images themselves are judged in
 * the scenarios. */
#include "controller/console/upload.h"
#include "controller/console/upload_check.h"
#include "proto/base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define A   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B   "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C   "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
/* SHA-256 of "abc" (FIPS 180-2, B.1) */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static char dir[64];
static struct upload_limits limits;

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/provline-upload-XXXXXX");
	assert_non_null(mkdtemp(dir));
	limits = (struct upload_limits){
		.image_max_bytes = 1u << 20, .count_max = 2, .keep_s = 100};
	return upload_init(dir, NULL) == ERR_OK ? 0 : 1;
}

static int tear_down(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static enum err_code begin(const char *sha256, uint64_t len,
			   struct upload_state *s)
{
	return upload_begin(dir, &limits, sha256, len, s, NULL);
}

static enum err_code append(const char *sha256, uint64_t offset,
			    const char *text)
{
	struct upload *u;
	enum err_code rc = upload_open(&u, dir, sha256, NULL);

	if (rc)
		return rc;
	rc = upload_append(u, offset, text, strlen(text), NULL);
	upload_close(u);
	return rc;
}

static void count_one(void *arg, const struct upload_state *s)
{
	(void)s;
	++*(unsigned *)arg;
}

static unsigned count(void)
{
	unsigned n = 0;

	assert_int_equal(upload_each(dir, &limits, count_one, &n, NULL),
			 ERR_OK);
	return n;
}

/* As if its last byte had come so long ago. */
static void age(const char *sha256, unsigned len, time_t age_s)
{
	struct timespec t[2] = {{.tv_nsec = UTIME_NOW},
				{.tv_sec = time(NULL) - age_s}};
	char path[200];

	snprintf(path, sizeof(path), "%s/uploads/%s.%u", dir, sha256, len);
	assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
}

static void goes_on_where_it_was(void **state)
{
	struct upload_state s;

	(void)state;
	assert_int_equal(begin(A, 10, &s), ERR_OK);
	assert_int_equal(s.offset, 0);
	assert_int_equal(append(A, 0, "0123"), ERR_OK);
	assert_int_equal(append(A, 3, "3"), ERR_CONFLICT);
	assert_int_equal(append(A, 5, "5"), ERR_CONFLICT);
	assert_int_equal(append(A, 4, "4567"), ERR_OK);
	assert_int_equal(append(A, 8, "89a"), ERR_TOO_BIG);
	assert_int_equal(append(B, 0, "x"), ERR_NOT_FOUND);
	/* nothing but the folder is remembered: any process would see this */
	assert_int_equal(begin(A, 10, &s), ERR_OK);
	assert_int_equal(s.offset, 8);
	assert_int_equal(upload_find(dir, &limits, A, &s, NULL), ERR_OK);
	assert_int_equal(s.offset, 8);
	assert_int_equal(count(), 1);
}

static void one_writer_at_a_time(void **state)
{
	struct upload_state s;
	struct upload *u;

	(void)state;
	assert_int_equal(begin(A, 10, &s), ERR_OK);
	assert_int_equal(upload_open(&u, dir, A, NULL), ERR_OK);
	assert_int_equal(append(A, 0, "x"), ERR_CONFLICT);
	assert_int_equal(upload_drop(dir, A, NULL), ERR_CONFLICT);
	age(A, 10, 1000);
	assert_int_equal(upload_sweep(dir, &limits), 0);
	upload_close(u);
	assert_int_equal(upload_sweep(dir, &limits), 1);
	assert_int_equal(append(A, 0, "x"), ERR_NOT_FOUND);
}

static void number_size_and_age_are_bounded(void **state)
{
	struct upload_state s;

	(void)state;
	assert_int_equal(begin(A, (1u << 20) + 1, &s), ERR_TOO_BIG);
	assert_int_equal(begin(A, 1u << 20, &s), ERR_OK);
	assert_int_equal(begin(B, 10, &s), ERR_OK);
	assert_int_equal(begin(C, 10, &s), ERR_QUOTA);
	assert_int_equal(begin(B, 10, &s), ERR_OK);
	age(A, 1u << 20, 99);
	assert_int_equal(begin(C, 10, &s), ERR_QUOTA);
	age(A, 1u << 20, 101);
	assert_int_equal(begin(C, 10, &s), ERR_OK);
	assert_int_equal(count(), 2);
	assert_int_equal(upload_drop(dir, C, NULL), ERR_OK);
	assert_int_equal(upload_drop(dir, C, NULL), ERR_NOT_FOUND);
	limits.reserve_bytes = UINT64_MAX / 2;
	assert_int_equal(begin(C, 10, &s), ERR_DISK_FULL);
	assert_int_equal(count(), 1);
}

static void odd_names(void **state)
{
	static const char *const bad[] = {"", "../../../../etc/passwd", A "0",
					  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
					  "AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
					  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					  "aaaaaaaaaaaaaaaaaaaaaaaaaaa/"};
	static const char *const strange[] = {"x",     A,	A ".",	A ".0",
					      A ".-1", A ".1x", A "-10"};
	struct upload_state s;
	char path[200];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(begin(bad[i], 10, &s), ERR_INPUT);
	for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++) {
		snprintf(path, sizeof(path), "%s/uploads/%s", dir, strange[i]);
		assert_int_equal(file_write(path, "x", 1, 0600, NULL), ERR_OK);
	}
	assert_int_equal(count(), 0);
	assert_int_equal(upload_find(dir, &limits, A, &s, NULL), ERR_NOT_FOUND);
}

static void the_other_length_loses(void **state)
{
	struct upload_state s;

	(void)state;
	assert_int_equal(begin(A, 10, &s), ERR_OK);
	assert_int_equal(append(A, 0, "0123"), ERR_OK);
	assert_int_equal(begin(A, 20, &s), ERR_OK);
	assert_int_equal(s.offset, 0);
	assert_int_equal(count(), 1);
}

/* Killed between the file's name and its row: nothing is sent again. A file
 * that was altered meanwhile is set aside. */
static void a_file_without_row_is_taken_back(void **state)
{
	struct upload_state s;
	char path[200];

	(void)state;
	snprintf(path, sizeof(path), "%s/%s.pli", dir, ABC);
	assert_int_equal(file_write(path, "abc", 3, 0600, NULL), ERR_OK);
	assert_true(upload_intact(dir, ABC, 3));
	assert_int_equal(begin(ABC, 3, &s), ERR_OK);
	assert_int_equal(s.offset, 3);
	assert_int_equal(upload_drop(dir, ABC, NULL), ERR_OK);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(file_write(path, "abd", 3, 0600, NULL), ERR_OK);
	assert_int_equal(begin(ABC, 3, &s), ERR_OK);
	assert_int_equal(s.offset, 0);
	assert_int_equal(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "%s/%s.bad", dir, ABC);
	assert_int_equal(access(path, F_OK), 0);
}

/* A write that fails is an error, and what came before it stays. */
static void a_failing_disk_is_told(void **state)
{
	struct rlimit old, small = {6, 6};
	struct upload_state s;
	struct upload *u;
	enum err_code rc;

	(void)state;
	assert_int_equal(begin(A, 10, &s), ERR_OK);
	assert_int_equal(append(A, 0, "0123"), ERR_OK);
	assert_int_equal(upload_open(&u, dir, A, NULL), ERR_OK);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	rc = upload_append(u, 4, "456789", 6, NULL);
	setrlimit(RLIMIT_FSIZE, &old);
	upload_close(u);
	assert_int_equal(rc, ERR_IO);
	assert_int_equal(upload_find(dir, &limits, A, &s, NULL), ERR_OK);
	assert_in_range(s.offset, 4, 6);
	/* all of it, from there */
	assert_int_equal(append(A, s.offset, &"0123456789"[s.offset]), ERR_OK);
}

/* A link with an upload's name is none: nothing behind it is written. */
static void links_are_not_followed(void **state)
{
	char victim[96], link[256];
	struct upload_state s;
	struct dbuf text;

	(void)state;
	snprintf(victim, sizeof(victim), "%s/victim", dir);
	snprintf(link, sizeof(link), "%s/uploads/" A ".10", dir);
	assert_int_equal(file_write(victim, "abc", 3, 0600, NULL), ERR_OK);
	assert_int_equal(symlink(victim, link), 0);
	assert_int_equal(upload_find(dir, &limits, A, &s, NULL), ERR_NOT_FOUND);
	assert_int_not_equal(begin(A, 10, &s), ERR_OK);
	assert_int_not_equal(append(A, 3, "defghij"), ERR_OK);
	dbuf_init(&text, 100);
	assert_int_equal(file_read(victim, &text, NULL), ERR_OK);
	assert_string_equal(dbuf_text(&text), "abc");
	dbuf_fini(&text);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(goes_on_where_it_was),
		T(one_writer_at_a_time),
		T(number_size_and_age_are_bounded),
		T(odd_names),
		T(links_are_not_followed),
		T(the_other_length_loses),
		T(a_file_without_row_is_taken_back),
		T(a_failing_disk_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
