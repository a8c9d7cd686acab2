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
#define MAX (3u * LEN) /* bytes of the cache */

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
	return cache_new(&cache, dir, MAX, NULL, NULL) == ERR_OK ? 0 : 1;
}

static int tear_down(void **state)
{
	char command[96];

	(void)state;
	cache_free(cache);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static enum err_code ensure_for(unsigned user)
{
	return cache_ensure(cache, user, hash, LEN, mono_after_ms(1000), NULL);
}

static enum err_code ensure(void)
{
	return ensure_for(0);
}

/* From now on bytes, hash and path are those of another image. */
static void next_image(void)
{
	uint8_t raw[32];

	bytes[0]++;
	(void)mbedtls_sha256_ret(bytes, LEN, raw, 0);
	hex_encode(hash, raw, 32);
	snprintf(path, sizeof(path), "%s/images/%s.pli", dir, hash);
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

/* Nobody has to open it first: what was touched is read before a board waits
 * for it, and what was not is not read again. */
static void an_altered_file_comes_anew(void **state)
{
	char bad[220];

	(void)state;
	assert_int_equal(ensure(), ERR_OK);
	assert_int_equal(ensure(), ERR_OK);
	assert_int_equal(fake.image_served, LEN);
	flip(1000);
	assert_int_equal(ensure(), ERR_OK);
	assert_int_equal(fake.image_served, 2 * LEN);
	snprintf(bad, sizeof(bad), "%s/images/%s.bad", dir, hash);
	assert_int_equal(access(bad, F_OK), 0);
	assert_int_equal(truncate(path, 5000), 0);
	assert_int_equal(ensure(), ERR_OK);
	assert_int_equal(fake.image_served, 3 * LEN);
}

static void goes_on_where_it_was_cut_off(void **state)
{
	(void)state;
	fake.image_cut_at = 1000000;
	assert_int_equal(ensure(), ERR_UNREACHABLE);
	assert_int_equal(ensure(), ERR_UNREACHABLE);
	fake.image_cut_at = 0;
	assert_int_equal(ensure(), ERR_OK);
	assert_int_equal(fake.image_served, LEN);
}

/* What was left is altered before it goes on: seen, and fetched anew. */
static void a_damaged_beginning_is_seen(void **state)
{
	(void)state;
	fake.image_cut_at = 1000000;
	assert_int_equal(ensure(), ERR_UNREACHABLE);
	strcpy(strrchr(path, '.'), ".part");
	flip(70000);
	fake.image_cut_at = 0;
	assert_int_equal(ensure(), ERR_INTEGRITY);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(ensure(), ERR_OK);
}

static unsigned long long bytes_on_disk(void)
{
	unsigned long long sum = 0;
	char command[200];
	FILE *p;

	snprintf(command, sizeof(command),
		 "find %s/images -type f -printf '%%s\\n' | "
		 "awk '{n += $1} END {printf \"%%d\", n}'",
		 dir);
	p = popen(command, "r");
	assert_non_null(p);
	assert_int_equal(fscanf(p, "%llu", &sum), 1);
	pclose(p);
	return sum;
}

static void is_bounded(void **state)
{
	(void)state;
	for (int n = 0; n < 8; n++) {
		next_image();
		assert_int_equal(ensure(), ERR_OK);
		assert_in_range(bytes_on_disk(), LEN, MAX);
	}
	assert_int_equal(bytes_on_disk(), MAX);
}

static void the_one_used_longest_ago_goes(void **state)
{
	char first[200], second[200], first_hash[65];
	struct cache_image *i;

	(void)state;
	strcpy(first, path);
	strcpy(first_hash, hash);
	assert_int_equal(ensure(), ERR_OK);
	next_image();
	strcpy(second, path);
	assert_int_equal(ensure(), ERR_OK);
	next_image();
	assert_int_equal(ensure(), ERR_OK);
	assert_int_equal(cache_open(cache, first_hash, &i, NULL), ERR_OK);
	cache_close(i);
	next_image();
	assert_int_equal(ensure(), ERR_OK);
	assert_int_equal(access(first, F_OK), 0);
	assert_int_equal(access(second, F_OK), -1);
	assert_int_equal(access(path, F_OK), 0);
}

/* The image of an attempt in progress stays, whatever others need. */
static void what_is_in_use_stays(void **state)
{
	char first[200];
	struct err e;

	(void)state;
	strcpy(first, path);
	assert_int_equal(ensure_for(7), ERR_OK);
	for (int n = 0; n < 5; n++) {
		next_image();
		assert_int_equal(ensure_for(2), ERR_OK);
		assert_int_equal(access(first, F_OK), 0);
	}
	next_image();
	assert_int_equal(ensure_for(3), ERR_OK);
	next_image();
	assert_int_equal(
		cache_ensure(cache, 4, hash, LEN, mono_after_ms(1000), &e),
		ERR_DISK_FULL);
	assert_non_null(strstr(e.hint, "image_cache_mib"));
	assert_int_equal(access(first, F_OK), 0);
	assert_int_equal(ensure_for(7), ERR_OK);
	assert_int_equal(access(first, F_OK), -1);
}

static void odd_requests(void **state)
{
	(void)state;
	assert_int_equal(
		cache_ensure(cache, 0, "", LEN, mono_after_ms(10), NULL),
		ERR_INPUT);
	assert_int_equal(
		cache_ensure(cache, 0, hash, 0, mono_after_ms(10), NULL),
		ERR_INPUT);
	assert_int_equal(
		cache_ensure(cache, 0, hash, LEN - 1, mono_after_ms(10), NULL),
		ERR_INTEGRITY);
	fake.away = true;
	assert_int_equal(ensure(), ERR_UNREACHABLE);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(fetches_and_reads),
		T(refuses_another_image),
		T(sees_an_altered_file),
		T(sees_a_swap_after_the_check),
		T(an_altered_file_comes_anew),
		T(goes_on_where_it_was_cut_off),
		T(a_damaged_beginning_is_seen),
		T(is_bounded),
		T(the_one_used_longest_ago_goes),
		T(what_is_in_use_stays),
		T(odd_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
