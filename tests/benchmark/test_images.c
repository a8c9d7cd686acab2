/* The images are what images.h says, for many seeds. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/benchmark/images.h"

#include <string.h>

#define SEEDS 20u

static uint8_t image[IMAGE_BYTES], other[IMAGE_BYTES];

static void a_share_is_blank(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		image_make(image, seed);
		assert_int_equal(image_used_pages(image),
				 IMAGE_PAGES - IMAGE_PAGES * 30 / 100);
		image_make(other, seed);
		assert_memory_equal(image, other, IMAGE_BYTES);
	}
	image_make(other, SEEDS);
	assert_memory_not_equal(image, other, IMAGE_BYTES);
}

/* From 4 KiB on, all that differs lies in one stretch of 1 %. */
static void a_release_changes_little(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		size_t first = 0, last = 0, header = 0;

		image_make(image, seed);
		image_next_release(other, image, seed + 1);
		for (size_t i = 0; i < IMAGE_BYTES; i++) {
			if (image[i] == other[i])
				continue;
			header += i < 4096;
			first = i >= 4096 && first == 0 ? i : first;
			last = i;
		}
		assert_in_range(header, 80, 96);
		assert_in_range(last - first + 1, IMAGE_BYTES / 100 - 16,
				IMAGE_BYTES / 100);
	}
}

static void what_must_be_erased(void **state)
{
	(void)state;
	memset(image, 0xFF, IMAGE_BYTES);
	image_random(other, 1);
	assert_int_equal(image_blocks_to_erase(image, other), 0);
	assert_int_equal(image_blocks_to_erase(other, image), IMAGE_BLOCKS);
	assert_int_equal(image_blocks_to_erase(other, other), 0);
	image[0] = 0xFE; /* a bit goes to 0: no erasing */
	memset(other, 0xFF, IMAGE_BYTES);
	assert_int_equal(image_blocks_to_erase(other, image), 0);
	assert_int_equal(image_blocks_to_erase(image, other), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_share_is_blank),
		cmocka_unit_test(a_release_changes_little),
		cmocka_unit_test(what_must_be_erased),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
