/* The agent's configuration: harnesses, their wiring and their loader; and that
 * the loader is the one for the wiring. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "agent/config.h"
#include "agent/sfi_loader.h"
#include "proto/base/file.h"
#include "proto/board/layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char dir[] = "/tmp/provline-config-XXXXXX";
static char path[64], loader_path[64];
static struct config c;
static struct dbuf loader;
static struct err e;

static enum err_code load(const char *station, const char *harness)
{
	char text[1024];
	int n = snprintf(text, sizeof text,
			 "station = \"S1\"\n"
			 "controllers = { \"tls+tcp://localhost:1\" }\n"
			 "enrol_url = \"https://localhost:2\"\n"
			 "data_dir = \"/nowhere\"\n%s"
			 "harness \"H1\" {\n  probe = \"P1\"\n%s}\n",
			 station, harness);

	assert_int_equal(file_write(path, text, (size_t)n, 0600, &e), ERR_OK);
	e = (struct err){0};
	return config_load(&c, path, &e);
}

static void expect(const char *text)
{
	if (strstr(e.text, text) == NULL)
		fail_msg("\"%s\" is not in: %s", text, e.text);
	config_fini(&c);
}

static void test_wiring(void **state)
{
	(void)state;
	assert_int_equal(load("sfi_loader = \"a\"\n", ""), ERR_OK);
	assert_string_equal(c.harness[0].target.wiring, "bench");
	config_fini(&c);
	assert_int_equal(
		load("sfi_loader = \"a\"\n", "  wiring = \"b-u585i-iot02a\"\n"),
		ERR_OK);
	assert_string_equal(c.harness[0].target.wiring, "b-u585i-iot02a");
	config_fini(&c);
	assert_int_equal(
		load("sfi_loader = \"a\"\n", "  wiring = \"breadboard\"\n"),
		ERR_CONFIG);
	expect("agent.conf:8: wiring: bench or b-u585i-iot02a");
}

static void test_loader_path(void **state)
{
	(void)state;
	assert_int_equal(load("sfi_loader = \"a\"\n", "  sfi_loader = \"b\"\n"),
			 ERR_OK);
	assert_string_equal(c.harness[0].sfi_loader, "b");
	config_fini(&c);
	assert_int_equal(load("sfi_loader = \"a\"\n", ""), ERR_OK);
	assert_string_equal(c.harness[0].sfi_loader, "a");
	config_fini(&c);
	assert_int_equal(load("", "  sfi_loader = \"b\"\n"), ERR_OK);
	config_fini(&c);
	assert_int_equal(load("", ""), ERR_CONFIG);
	expect("sfi_loader is missing, and harness H1 has none of its own");
}

/* -------- the loader itself -------- */

static enum err_code read_loader(struct layout_program_header h, size_t len,
				 const char *wiring)
{
	uint8_t bytes[2048] = {0};
	enum err_code rc;

	memcpy(bytes + LAYOUT_HEADER_OFFSET, &h, sizeof h);
	assert_int_equal(file_write(loader_path, bytes, len, 0600, &e), ERR_OK);
	e = (struct err){0};
	rc = sfi_loader_read(&loader, loader_path, wiring, &e);
	if (rc == ERR_OK)
		assert_int_equal(loader.len, len);
	dbuf_fini(&loader);
	return rc;
}

static void test_loader(void **state)
{
	const struct layout_program_header good = {
		.magic = LAYOUT_HEADER_MAGIC,
		.program = LAYOUT_PROGRAM_LOADER,
		.version = "1.0.0-b-u585i-iot02a"};
	struct layout_program_header h = good;

	(void)state;
	assert_int_equal(read_loader(good, 2048, "b-u585i-iot02a"), ERR_OK);
	assert_int_equal(read_loader(good, 2048, "bench"), ERR_CONFIG);
	assert_non_null(strstr(e.text, "not for boards wired as bench"));
	snprintf(h.version, sizeof h.version, "1.0.0");
	assert_int_equal(read_loader(h, 2048, "bench"), ERR_OK);
	assert_int_equal(read_loader(h, 2048, "b-u585i-iot02a"), ERR_CONFIG);
	assert_int_equal(read_loader(h, 0, "bench"), ERR_CONFIG);
	assert_int_equal(
		read_loader(h, LAYOUT_HEADER_OFFSET + sizeof h - 1, "bench"),
		ERR_CONFIG);
	h.program = LAYOUT_PROGRAM_TEST;
	assert_int_equal(read_loader(h, 2048, "bench"), ERR_CONFIG);
	h = good;
	memset(h.version, 'x', sizeof h.version);
	assert_int_equal(read_loader(h, 2048, "bench"), ERR_CONFIG);
	assert_non_null(strstr(e.text, "no SFI loader"));
	unlink(loader_path);
	assert_int_equal(sfi_loader_read(&loader, loader_path, "bench", &e),
			 ERR_IO);
	dbuf_fini(&loader);
}

static int make_dir(void **state)
{
	(void)state;
	if (mkdtemp(dir) == NULL)
		return -1;
	snprintf(path, sizeof path, "%s/agent.conf", dir);
	snprintf(loader_path, sizeof loader_path, "%s/loader.bin", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wiring),
		cmocka_unit_test(test_loader_path),
		cmocka_unit_test(test_loader),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
