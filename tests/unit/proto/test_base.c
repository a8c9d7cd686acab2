/* err, wall, dbuf, secret, file, hex: the small things everything stands on. */
#include "proto/base/conf.h"
#include "proto/base/dbuf.h"
#include "proto/base/err.h"
#include "proto/base/file.h"
#include "proto/base/hex.h"
#include "proto/base/log.h"
#include "proto/base/secret.h"
#include "proto/base/wall.h"
#include "proto/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static void test_error_is_one_line_with_hint(void **state)
{
	struct err e;
	char text[600];
	FILE *f = fmemopen(text, sizeof text, "w");

	(void)state;
	err_set(&e, ERR_NO_CARD, "reader\n%s", "2");
	err_prefix(&e, "station %d", 3);
	assert_int_equal(err_print(f, "provline", &e), 1);
	fclose(f);
	assert_string_equal(text, "provline: no-card: station 3: reader 2; "
				  "insert the SFI card\n");
}

static void test_full_disk_wins_over_the_callers_code(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(err_set_errno(&e, ERR_IO, ENOSPC, "x"), ERR_DISK_FULL);
}

static void test_the_code_comes_through_without_a_struct(void **state)
{
	(void)state;
	err_set(NULL, ERR_NO_CARD, "no card");
	assert_int_equal(err_hint(NULL, "insert one"), ERR_NO_CARD);
	assert_int_equal(err_prefix(NULL, "station"), ERR_NO_CARD);
}

static void test_every_error_has_its_own_name(void **state)
{
	(void)state;
	for (int i = 0; i < ERR_COUNT; i++)
		assert_int_equal(err_from_name(err_name((enum err_code)i)), i);
}

static void test_failure_codes_parse_back_and_name_a_step(void **state)
{
	enum failure f;

	(void)state;
	for (int i = 1; i < FAILURE_COUNT; i++) {
		assert_true(failure_parse(failure_code((enum failure)i), &f));
		assert_int_equal(f, i);
		assert_true(strlen(step_name(failure_step(f))) > 0);
	}
	assert_false(failure_parse("", &f));
	assert_false(failure_parse("no-such", &f));
}

static void test_wall_time_round_trip(void **state)
{
	char text[WALL_TEXT_SIZE];
	int64_t back;

	(void)state;
	assert_string_equal(wall_format(text, 0), "1970-01-01T00:00:00.000Z");
	assert_string_equal(wall_format(text, 2208988800123),
			    "2040-01-01T00:00:00.123Z");
	assert_true(wall_parse(text, &back));
	assert_true(back == 2208988800123);
	assert_false(wall_parse("2026-02-30T00:00:00.000Z", &back));
	assert_false(wall_parse("2026-02-03T00:00:00Z", &back));
}

static void test_dbuf_keeps_to_its_maximum(void **state)
{
	struct dbuf b;

	(void)state;
	dbuf_init(&b, 5);
	assert_string_equal(dbuf_text(&b), "");
	assert_int_equal(dbuf_add(&b, "abc", 3), ERR_OK);
	assert_int_equal(dbuf_add(&b, "def", 3), ERR_TOO_BIG);
	assert_int_equal(dbuf_addf(&b, "%d", 42), ERR_OK);
	assert_string_equal(dbuf_text(&b), "abc42");
	dbuf_eat(&b, 4);
	assert_string_equal(dbuf_text(&b), "2");
	dbuf_fini(&b);
}

static void test_secret_file_must_be_private(void **state)
{
	char path[] = "/tmp/provline-secret-XXXXXX";
	int fd = mkstemp(path);
	struct secret s = {0};
	struct err e;

	(void)state;
	assert_int_equal(write(fd, "s3cret\n", 7), 7);
	close(fd);
	chmod(path, 0644);
	assert_int_equal(secret_load(&s, path, &e), ERR_CONFIG);
	assert_int_equal(s.len, 0);
	chmod(path, 0600);
	assert_int_equal(secret_load(&s, path, &e), ERR_OK);
	assert_true(secret_equal(&s, "s3cret", 6));
	assert_false(secret_equal(&s, "s3cres", 6));
	assert_false(secret_equal(&s, "s3cre", 5));
	secret_fini(&s);
	assert_int_equal(s.bytes[0], 0);
	unlink(path);
}

/* What comes in pieces is read to its end. */
static void test_secret_out_of_a_pipe(void **state)
{
	static const char *const pieces[] = {"s3c", "ret", "\n"};
	struct secret s = {0};
	char path[32];
	pid_t child;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < 3; i++) {
			if (write(fds[1], pieces[i], strlen(pieces[i])) < 0)
				_exit(1);
			usleep(20000); /* a quicker reader finds a part */
		}
		_exit(0);
	}
	close(fds[1]);
	snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
	assert_int_equal(secret_load(&s, path, NULL), ERR_OK);
	assert_true(secret_equal(&s, "s3cret", 6));
	secret_fini(&s);
	close(fds[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

/* What others said goes into messages and records, which take UTF-8 only. */
static void test_error_is_utf8(void **state)
{
	static const struct {
		const char *said, *text;
	} rows[] = {
		{"Gl\xC3\xBC"
		 "ck \xE2\x82\xAC \xF0\x9F\x98\x80",
		 "Gl\xC3\xBC"
		 "ck \xE2\x82\xAC \xF0\x9F\x98\x80"},
		{"\xFF\xFE", "??"},
		{"a\xC3", "a?"},
		{"\xC0\xAF", "??"},	      /* overlong */
		{"\xE2\x82", "??"},	      /* cut */
		{"\xED\xA0\x80", "???"},      /* surrogate */
		{"\xF4\x90\x80\x80", "????"}, /* past U+10FFFF */
	};
	char longer[400];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		err_set(&e, ERR_CLOUD, "%s", rows[i].said);
		assert_string_equal(e.text, rows[i].text);
	}
	memset(longer, 'x', sizeof longer);
	memcpy(longer + sizeof e.text - 2, "\xC3\xBC", 3);
	err_set(&e, ERR_CLOUD, "%s", longer);
	assert_int_equal(e.text[sizeof e.text - 2], '?');
}

static void test_long_paths_keep_their_end(void **state)
{
	char path[1000];
	struct err e;

	(void)state;
	memset(path, 'd', sizeof path);
	strcpy(path + sizeof path - 6, "/file");
	err_set(&e, ERR_IO, "%s", "no\xC2\x9Bway");
	assert_string_equal(e.text, "no  way");
	err_prefix(&e, "%s", path);
	assert_int_equal(strlen(e.text), sizeof e.text - 1);
	assert_memory_equal(e.text, "...ddd", 6);
	assert_string_equal(e.text + sizeof e.text - 15, "/file: no  way");
	err_set(&e, ERR_IO, "way");
	err_prefix(&e, "a path");
	assert_string_equal(e.text, "a path: way");
}

/* Nothing but a file is replaced: not a device, not what a link leads to. */
static void test_only_files_are_replaced(void **state)
{
	char folder[] = "/tmp/provline-file-XXXXXX";
	char fifo[64], link[64], file[64];
	struct stat st;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(fifo, sizeof fifo, "%s/fifo", folder);
	snprintf(link, sizeof link, "%s/link", folder);
	snprintf(file, sizeof file, "%s/file", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(file_write(fifo, "x", 1, 0600, &e), ERR_INPUT);
	assert_int_equal(stat(fifo, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(file_write(file, "x", 1, 0600, &e), ERR_OK);
	assert_int_equal(symlink(file, link), 0);
	assert_int_equal(file_write(link, "yy", 2, 0600, &e), ERR_INPUT);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_size, 1);
	unlink(fifo);
	unlink(link);
	unlink(file);
	assert_int_equal(rmdir(folder), 0); /* no temporary file stayed */
}

static void test_new_file_piece_by_piece(void **state)
{
	char path[] = "/tmp/provline-new-XXXXXX";
	struct file_new n;
	char read[4];
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(file_new_open(&n, path, NULL), ERR_OK);
	assert_int_equal(file_new_add(&n, path, "ab", 2, NULL), ERR_OK);
	assert_int_equal(file_new_keep(&n, path, 0600, false, NULL),
			 ERR_EXISTS);
	assert_true(access(n.temp, F_OK) != 0);
	assert_int_equal(file_new_open(&n, path, NULL), ERR_OK);
	assert_int_equal(file_new_add(&n, path, "ab", 2, NULL), ERR_OK);
	assert_int_equal(file_new_add(&n, path, "cd", 2, NULL), ERR_OK);
	assert_int_equal(file_new_keep(&n, path, 0600, true, NULL), ERR_OK);
	file_new_drop(&n);
	close(fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(file_read_at(fd, 1, read, 3));
	assert_memory_equal(read, "bcd", 3);
	assert_false(file_read_at(fd, 1, read, 4));
	close(fd);
	unlink(path);
}

static void test_file_is_replaced_whole(void **state)
{
	char folder[] = "/tmp/provline-file-XXXXXX";
	char path[64], deep[80];
	struct dbuf b;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/x", folder);
	snprintf(deep, sizeof deep, "%s/a/b", folder);
	assert_int_equal(file_write(path, "one", 3, 0600, &e), ERR_OK);
	assert_int_equal(file_write(path, "two!", 4, 0600, &e), ERR_OK);
	dbuf_init(&b, 100);
	assert_int_equal(file_read(path, &b, &e), ERR_OK);
	assert_string_equal(dbuf_text(&b), "two!");
	dbuf_fini(&b);
	dbuf_init(&b, 3);
	assert_int_equal(file_read(path, &b, &e), ERR_TOO_BIG);
	dbuf_fini(&b);
	assert_int_equal(file_mkdir(deep, 0700, &e), ERR_OK);
	assert_int_equal(file_mkdir(deep, 0700, &e), ERR_OK);
	assert_int_equal(file_write(deep, "x", 1, 0600, &e), ERR_IO);
	rmdir(deep);
	snprintf(deep, sizeof deep, "%s/a", folder);
	rmdir(deep);
	unlink(path);
	assert_int_equal(rmdir(folder), 0); /* no temporary file left */
}

static void test_hex_and_quote(void **state)
{
	uint8_t out[2];
	char text[37], quoted[64];

	(void)state;
	assert_string_equal(hex_encode(text, "\x00\xfe", 2), "00fe");
	assert_true(hex_decode(out, 2, "00FE"));
	assert_int_equal(out[1], 0xfe);
	assert_false(hex_decode(out, 2, "00f"));
	assert_false(hex_decode(out, 2, "00fg"));
	assert_int_equal(strlen(hex_uuid(text)), 36);
	assert_int_equal(text[14], '4');
	assert_string_equal(log_quote(quoted, sizeof quoted, "a\"\n\x1b[m", 6),
			    "\"a\\\"\\x0a\\x1b[m\"");
}

static void report(struct err *e, const char *file, int counted,
		   const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	conf_error(e, file, counted, fmt, ap);
	va_end(ap);
}

static void test_configuration_errors_name_the_right_line(void **state)
{
	static const char text[] = "# one\n# two\nport = 1\n\nhost = x\n";
	char path[] = "/tmp/provline-conf-XXXXXX", want[80];
	int fd = mkstemp(path);
	struct err e = {0};

	(void)state;
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	/* libconfuse: three for each comment, and the token behind */
	report(&e, path, 9, "%s: %d is too small", "port", 1);
	snprintf(want, sizeof want, "%s:3: port: 1 is too small", path);
	assert_string_equal(e.text, want);
	report(&e, path, 9, "a later one");
	assert_string_equal(e.text, want);
	e = (struct err){0};
	report(&e, path, 9, "no such option 'host'");
	snprintf(want, sizeof want, "%s:5: no such option 'host'", path);
	assert_string_equal(e.text, want);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_is_one_line_with_hint),
		cmocka_unit_test(test_full_disk_wins_over_the_callers_code),
		cmocka_unit_test(test_the_code_comes_through_without_a_struct),
		cmocka_unit_test(test_every_error_has_its_own_name),
		cmocka_unit_test(test_error_is_utf8),
		cmocka_unit_test(test_failure_codes_parse_back_and_name_a_step),
		cmocka_unit_test(test_wall_time_round_trip),
		cmocka_unit_test(test_dbuf_keeps_to_its_maximum),
		cmocka_unit_test(test_secret_file_must_be_private),
		cmocka_unit_test(test_secret_out_of_a_pipe),
		cmocka_unit_test(test_long_paths_keep_their_end),
		cmocka_unit_test(test_only_files_are_replaced),
		cmocka_unit_test(test_new_file_piece_by_piece),
		cmocka_unit_test(test_file_is_replaced_whole),
		cmocka_unit_test(test_hex_and_quote),
		cmocka_unit_test(test_configuration_errors_name_the_right_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
