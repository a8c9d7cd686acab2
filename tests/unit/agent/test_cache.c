/* Images on disk: only what has the right hash is ever used. */
#include "agent/link/cache.h"
#include "proto/base/file.h"
#include "proto/base/hex.h"
#include "tests/unit/agent/fake_line.h"

#include <mbedtls/sha256.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define LEN 1300001u

static uint8_t bytes[LEN];
static char dir[64], hash[65], path[200];
static struct cache *cache;

static int set_up(void **state)
{
	uint8_t raw[32];

	(void)state;
	fake_reset();
	for (size_t i = 0; i < LEN; i++)
		bytes[i] = (uint8_t)(i * i >> 7);
	(void)mbedtls_sha256_ret(bytes, LEN, raw, 0);
	hex_encode(hash, raw, 32);
	fake.image = bytes;
	fake.image_len = LEN;
	strcpy(dir, "/tmp/provline-cache-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/images/%s.pli", dir, hash);
	return cache_new(&cache, dir, NULL, NULL) == ERR_OK ? 0 : 1;
}

static int tear_down(void **state)
{
	char command[96];

	(void)state;
	cache_free(cache);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static enum err_code ensure(void)
{
	return cache_ensure(cache, hash, LEN, mono_after_ms(1000), NULL);
}

static void flip(long at)
{
	FILE *f = fopen(path, "r+b");

	assert_non_null(f);
	assert_int_equal(fseek(f, at, SEEK_SET), 0);
	fputc(bytes[at] ^ 0x80, f);
	fclose(f);
}

static void fetches_and_reads(void **state)
{
	struct cache_image *i;
	uint8_t buf[5000];

	(void)state;
	assert_int_equal(ensure(), ERR_OK);
	fake.away = true; /* now it is here */
	assert_int_equal(ensure(), ERR_OK);
	assert_int_equal(cache_open(cache, hash, &i, NULL), ERR_OK);
	assert_int_equal(cache_len(i), LEN);
	assert_int_equal(cache_read(i, 4000, buf, sizeof(buf), NULL), ERR_OK);
	assert_memory_equal(buf, bytes + 4000, sizeof(buf));
	assert_int_equal(cache_read(i, LEN - 10, buf, 10, NULL), ERR_OK);
	assert_int_equal(cache_read(i, LEN - 10, buf, 11, NULL), ERR_IO);
	assert_int_equal(cache_read(i, UINT64_MAX, buf, 2, NULL), ERR_IO);
	assert_int_equal(cache_seal(i, NULL), ERR_OK);
	cache_close(i);
}

static void refuses_another_image(void **state)
{
	struct stat st;

	(void)state;
	bytes[77] ^= 1; /* the controller serves something else */
	assert_int_equal(ensure(), ERR_INTEGRITY);
	assert_int_equal(stat(path, &st), -1);
}

static void sees_an_altered_file(void **state)
{
	struct cache_image *i;

	(void)state;
	assert_int_equal(ensure(), ERR_OK);
	flip(LEN - 1);
	assert_int_equal(cache_open(cache, hash, &i, NULL), ERR_INTEGRITY);
	/* set aside: the next one is fetched anew */
	assert_int_equal(ensure(), ERR_OK);
	assert_int_equal(cache_open(cache, hash, &i, NULL), ERR_OK);
	cache_close(i);
}

static void sees_a_swap_after_the_check(void **state)
{
	struct cache_image *i;
	uint8_t buf[8192];

	(void)state;
	assert_int_equal(ensure(), ERR_OK);
	assert_int_equal(cache_open(cache, hash, &i, NULL), ERR_OK);
	flip(600000);
	assert_int_equal(cache_read(i, 0, buf, sizeof(buf), NULL), ERR_OK);
	assert_int_equal(cache_read(i, 598000, buf, sizeof(buf), NULL),
			 ERR_INTEGRITY);
	assert_int_equal(cache_seal(i, NULL), ERR_INTEGRITY);
	cache_close(i);
}

static void is_bounded(void **state)
{
	char command[200];
	FILE *p;
	int count = 0;

	(void)state;
	assert_int_equal(ensure(), ERR_OK);
	for (int n = 0; n < 8; n++) {
		uint8_t raw[32];
		char hex[65];

		bytes[0]++;
		(void)mbedtls_sha256_ret(bytes, LEN, raw, 0);
		hex_encode(hex, raw, 32);
		assert_int_equal(cache_ensure(cache, hex, LEN,
					      mono_after_ms(1000), NULL),
				 ERR_OK);
	}
	snprintf(command, sizeof(command), "ls %s/images | wc -l", dir);
	p = popen(command, "r");
	assert_non_null(p);
	assert_int_equal(fscanf(p, "%d", &count), 1);
	pclose(p);
	assert_true(count <= (int)CACHE_IMAGES_MAX);
}

static void odd_requests(void **state)
{
	(void)state;
	assert_int_equal(cache_ensure(cache, "", LEN, mono_after_ms(10), NULL),
			 ERR_INPUT);
	assert_int_equal(cache_ensure(cache, hash, 0, mono_after_ms(10), NULL),
			 ERR_INPUT);
	assert_int_equal(
		cache_ensure(cache, hash, LEN - 1, mono_after_ms(10), NULL),
		ERR_INTEGRITY);
	fake.away = true;
	assert_int_equal(ensure(), ERR_UNREACHABLE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(fetches_and_reads),	 T(refuses_another_image),
		T(sees_an_altered_file), T(sees_a_swap_after_the_check),
		T(is_bounded),		 T(odd_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
