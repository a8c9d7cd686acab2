/* What a release expects: read out of a cached image, hostile ones too, and
 * judged by. */
#include "agent/flow/expect.h"
#include "agent/flow/limits.h"
#include "proto/base/file.h"
#include "proto/base/hex.h"
#include "proto/base/log.h"
#include "tests/unit/agent/fake_image.h"

#include <mbedtls/sha256.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define EXPECTED                                                               \
	"{\"nor\":{\"jedec_ids\":[\"ef4017\",\"c22817\"]},\"harness\":"        \
	"{\"fixture\":\"P2 A\",\"modules\":[\"wifi\"],"                        \
	"\"swclk_max_hz\":5000000},\"limits\":{\"wifi-networks\":{\"min\":2}," \
	"\"rssi\":{\"min\":-95,\"max\":-20,\"unit\":\"dBm\"}}}"

static struct {
	char dir[64];
	struct cache *cache;
	struct dbuf image;
	char sha256[65];
} world;

static int set_up(void **state)
{
	struct err e;

	(void)state;
	strcpy(world.dir, "/tmp/provline-expect-XXXXXX");
	assert_non_null(mkdtemp(world.dir));
	fake_image_make(world.dir, EXPECTED, &world.image, world.sha256);
	assert_int_equal(
		cache_new(&world.cache, world.dir, 64u << 20, NULL, &e),
		ERR_OK);
	return 0;
}

static int tear_down(void **state)
{
	char command[96];

	(void)state;
	cache_free(world.cache);
	dbuf_fini(&world.image);
	snprintf(command, sizeof(command), "rm -rf %s", world.dir);
	return system(command);
}

/* Put these bytes into the cache and read what they expect. */
static enum err_code load(const struct dbuf *image, struct product_expect *x,
			  struct err *e)
{
	char path[200], hex[65];
	uint8_t hash[32];

	(void)mbedtls_sha256_ret(image->data, image->len, hash, 0);
	hex_encode(hex, hash, sizeof(hash));
	snprintf(path, sizeof(path), "%s/images/%s.pli", world.dir, hex);
	assert_int_equal(file_write(path, image->data, image->len, 0600, e),
			 ERR_OK);
	return expect_load(x, world.cache, hex, e);
}

static void reads_all_of_it(void **state)
{
	struct product_expect x;
	struct err e;

	(void)state;
	assert_int_equal(load(&world.image, &x, &e), ERR_OK);
	assert_int_equal(x.id_n, 2);
	assert_memory_equal(x.jedec_ids, "\xef\x40\x17\xc2\x28\x17", 6);
	assert_string_equal(x.fixture, "P2 A");
	assert_int_equal(x.swclk_max_hz, 5000000);
	assert_int_equal(x.module_n, 1);
	assert_string_equal(x.modules[0], "wifi");
	assert_int_equal(x.limit_n, 2); /* in the text's order: sorted */
	assert_string_equal(x.limits[0].name, "rssi");
	assert_string_equal(x.limits[0].unit, "dBm");
	assert_true(x.limits[0].has_min && x.limits[0].has_max);
	assert_int_equal(x.limits[0].min, -95);
	assert_int_equal(x.limits[0].max, -20);
	assert_string_equal(x.limits[1].unit, "");
	assert_true(x.limits[1].has_min);
	assert_false(x.limits[1].has_max);
}

static void no_image_is_no_expectation(void **state)
{
	struct product_expect x = {.id_n = 7};
	struct err e;

	(void)state;
	assert_int_equal(expect_load(&x, world.cache, world.sha256, &e),
			 ERR_NOT_FOUND);
	assert_int_equal(x.id_n, 0);
}

/* ---- hostile images ---- */

static uint32_t at32(size_t at)
{
	const uint8_t *p = world.image.data + at;

	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Where the manifest's entry is in the header. */
static size_t entry(void)
{
	size_t at = IMAGE_AT_PARTS;

	while (at32(at) != IMAGE_MANIFEST)
		at += IMAGE_PART_ENTRY_BYTES;
	return at;
}

/* Whoever has no release key can still make all hashes fit. */
static void hash_again(void)
{
	uint8_t *d = world.image.data;
	size_t e = entry();
	mbedtls_sha256_context sha;

	(void)mbedtls_sha256_ret(d + at32(e + IMAGE_PART_AT_OFFSET),
				 at32(e + IMAGE_PART_AT_LENGTH),
				 d + e + IMAGE_PART_AT_STORED, 0);
	memcpy(d + e + IMAGE_PART_AT_INSTALLED, d + e + IMAGE_PART_AT_STORED,
	       32);
	mbedtls_sha256_init(&sha);
	(void)mbedtls_sha256_starts_ret(&sha, 0);
	(void)mbedtls_sha256_update_ret(&sha, d, IMAGE_AT_HEADER_HASH);
	(void)mbedtls_sha256_update_ret(&sha, d + IMAGE_AT_BLOCK_TABLE,
					at32(IMAGE_AT_HEADER_BYTES) -
						IMAGE_AT_BLOCK_TABLE);
	(void)mbedtls_sha256_finish_ret(&sha, d + IMAGE_AT_HEADER_HASH);
	mbedtls_sha256_free(&sha);
}

/* Change the manifest's text from one word to another of the same length. */
static void change(const char *from, const char *to)
{
	uint8_t *text = world.image.data + at32(entry() + IMAGE_PART_AT_OFFSET);
	uint8_t *at = memmem(text, at32(entry() + IMAGE_PART_AT_LENGTH), from,
			     strlen(from));

	assert_non_null(at);
	assert_int_equal(strlen(from), strlen(to));
	memcpy(at, to, strlen(to));
}

static void refused(const char *why)
{
	struct product_expect x;
	struct err e;

	assert_int_equal(load(&world.image, &x, &e), ERR_INTEGRITY);
	assert_non_null(strstr(e.text, "(manifest)"));
	if (strstr(e.text, why) == NULL)
		fail_msg("'%s' is not in '%s'", why, e.text);
	assert_int_equal(x.limit_n + x.id_n + x.module_n, 0);
}

static void refuses_what_is_not_the_manifest(void **state)
{
	struct product_expect x;
	struct err e;

	(void)state;
	change("-95", "-94");
	refused("part does not match its hash");
	hash_again(); /* the station has no release key to see it by */
	assert_int_equal(load(&world.image, &x, &e), ERR_OK);
	assert_int_equal(x.limits[0].min, -94);
	change("-94", "--4");
	hash_again();
	refused("no JSON object");
	change("--4", " 94"); /* min over max */
	hash_again();
	refused("expects what cannot be");
	change(" 94", "-95");
	change("\"fw-1\"", "\"fw-2\"");
	hash_again();
	refused("does not say what the header says");
}

/* No length or place in the header leads out of the image. */
static void keeps_its_bounds(void **state)
{
	static const uint32_t lengths[] = {0, 1, 16384, 16385, 0xFFFFFFFF};
	struct product_expect x;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		memcpy(world.image.data + entry() + IMAGE_PART_AT_LENGTH,
		       &lengths[i], 4);
		if (lengths[i] <= 16384)
			hash_again();
		assert_int_equal(load(&world.image, &x, &e), ERR_INTEGRITY);
	}
}

/* ---- judging ---- */

static struct uart_TEST said(const char *name, const char *value,
			     const char *unit, const char *low,
			     const char *high)
{
	struct uart_TEST t = {.pass = 1};

	snprintf(t.name, sizeof(t.name), "%s", name);
	snprintf(t.value, sizeof(t.value), "%s", value);
	snprintf(t.unit, sizeof(t.unit), "%s", unit);
	snprintf(t.low, sizeof(t.low), "%s", low);
	snprintf(t.high, sizeof(t.high), "%s", high);
	return t;
}

/* Judge a value with own limits by -95 to -20 dBm. */
static void judge(const char *value, const char *own_low, const char *own_high,
		  bool pass, const char *low, const char *high)
{
	struct uart_TEST t = said("rssi", value, "dBm", own_low, own_high);
	struct product_limit l = {"rssi", "dBm", true, true, -95, -20};
	struct msg_MEASUREMENT m;

	limits_record(&m, STEP_HARDWARE_TEST, &t);
	assert_true(limits_tighten(&m, &l));
	if (m.pass != pass || strcmp(m.low, low) != 0 ||
	    strcmp(m.high, high) != 0)
		fail_msg("%s in %s..%s: %d, %s..%s", value, own_low, own_high,
			 m.pass, m.low, m.high);
}

static void the_stricter_limit_decides(void **state)
{
	(void)state;
	judge("-50", "", "", true, "-95", "-20");
	judge("-96", "", "", false, "-95", "-20");
	judge("-95.0", "-99", "-10", true, "-95", "-20");
	judge("-95.01", "-99", "-10", false, "-95", "-20");
	judge("-19.9", "-99", "-10", false, "-95", "-20");
	judge("-92", "-90.5", "-30", false, "-90.5", "-30");
	judge("-40", "-90.5", "-30", true, "-90.5", "-30");
	judge("-40", "-90.5", "-10", true, "-90.5", "-20");
	judge("", "", "", false, "-95", "-20");
	judge("strong", "", "", false, "-95", "-20");
	judge("-5e1", "", "", false, "-95", "-20");
	/* a text that the DUT itself wants has been judged already */
	judge("-50", "READY", "", false, "-95", "-20");
	judge("READY", "READY", "", false, "-95", "-20");
}

static void the_largest_limit_is_recorded_whole(void **state)
{
	struct uart_TEST t = said("n", "0", "", "", "");
	struct product_limit l = {.has_min = true, .min = -PRODUCT_LIMIT_MOST};
	struct msg_MEASUREMENT m;

	(void)state;
	limits_record(&m, STEP_HARDWARE_TEST, &t);
	assert_true(limits_tighten(&m, &l));
	assert_string_equal(m.low, "-999999999999999");
	assert_true(m.pass);
}

static void another_unit_is_no_pass(void **state)
{
	struct uart_TEST t = said("rssi", "-50", "dB", "-90", "");
	struct product_limit l = {"rssi", "dBm", true, true, -95, -20};
	struct msg_MEASUREMENT m;

	(void)state;
	limits_record(&m, STEP_HARDWARE_TEST, &t);
	assert_false(limits_tighten(&m, &l));
	assert_false(m.pass);
	assert_string_equal(m.low, "-90");
	assert_string_equal(m.high, "");
}

/* The code of a measurement that failed. */
static enum failure code_of(const char *name)
{
	static const struct product_expect nothing;
	struct uart_TEST t = said(name, "3", "", "4", "");
	struct msg_MEASUREMENT m;
	struct expect_test test;

	expect_test_begin(&test, &nothing);
	expect_test_take(&test, &t, &m);
	expect_test_end(&test);
	assert_false(m.pass);
	return test.failure;
}

static void a_name_chooses_its_code(void **state)
{
	(void)state;
	assert_int_equal(code_of("wifi"), FAILURE_WIFI);
	assert_int_equal(code_of("wifi-networks"), FAILURE_WIFI);
	assert_int_equal(code_of("qspi-size"), FAILURE_QSPI);
	assert_int_equal(code_of("wifinder"), FAILURE_FIRMWARE_UNKNOWN);
	assert_int_equal(code_of("rail"), FAILURE_FIRMWARE_UNKNOWN);
	/* those would let the same board in once more, uncounted */
	assert_int_equal(code_of("station"), FAILURE_FIRMWARE_UNKNOWN);
	assert_int_equal(code_of("card-missing"), FAILURE_FIRMWARE_UNKNOWN);
}

static void every_part_may_be_listed(void **state)
{
	struct product_expect x = {.id_n = PRODUCT_LIST_MAX};
	char why[EXPECT_WHY_SIZE];

	(void)state;
	for (unsigned i = 0; i < PRODUCT_LIST_MAX; i++)
		x.jedec_ids[i][2] = (uint8_t)(i + 1);
	assert_true(expect_nor(&x, x.jedec_ids[PRODUCT_LIST_MAX - 1], why));
	assert_false(expect_nor(&x, (const uint8_t *)"\xef\x40\x17", why));
	assert_non_null(strstr(why, "ef4017"));
	assert_non_null(strstr(why, "000001, 000002"));
	assert_non_null(strstr(why, ", ..."));
}

#define T(f) cmocka_unit_test(f)
#define I(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		I(reads_all_of_it),
		I(no_image_is_no_expectation),
		I(refuses_what_is_not_the_manifest),
		I(keeps_its_bounds),
		T(the_stricter_limit_decides),
		T(the_largest_limit_is_recorded_whole),
		T(another_unit_is_no_pass),
		T(a_name_chooses_its_code),
		T(every_part_may_be_listed),
	};

	log_init("test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
