#include "tests/benchmark/images.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define BLANK_PERCENT 30u
#define BLANK_BLOCKS  13u
#define RUN_PAGES_MAX 16u
#define HEADER_BYTES  4096u
#define CHANGED_BYTES (IMAGE_BYTES / 100u)
#define VERSION_AT    64u
#define VERSION_BYTES 96u

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t next(uint64_t *state)
{
	uint64_t z = *state += 0x9E3779B97F4A7C15u;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
	z = (z ^ z >> 27) * 0x94D049BB133111EBu;
	return z ^ z >> 31;
}

static unsigned below(uint64_t *state, unsigned n)
{
	return (unsigned)(next(state) % n);
}

static void fill_random(uint8_t *p, size_t len, uint64_t *state)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(next(state) >> 32);
}

static bool is_blank(const uint8_t *p, size_t len)
{
	return p[0] == 0xFF && memcmp(p, p + 1, len - 1) == 0;
}

unsigned image_used_pages(const uint8_t *image)
{
	unsigned used = 0;

	for (unsigned i = 0; i < IMAGE_PAGES; i++)
		used += !is_blank(image + i * IMAGE_PAGE_BYTES,
				  IMAGE_PAGE_BYTES);
	return used;
}

void image_random(uint8_t *out, uint64_t seed)
{
	uint64_t state = seed;

	fill_random(out, IMAGE_BYTES, &state);
	assert(image_used_pages(out) == IMAGE_PAGES);
}

static void blank_blocks(uint8_t *out, uint64_t *state)
{
	unsigned left = BLANK_BLOCKS;

	while (left > 0) {
		uint8_t *b = out + (1 + below(state, IMAGE_BLOCKS - 1)) *
					   (size_t)IMAGE_BLOCK_BYTES;

		if (is_blank(b, IMAGE_BLOCK_BYTES))
			continue;
		memset(b, 0xFF, IMAGE_BLOCK_BYTES);
		left--;
	}
}

/* Runs may touch each other and blank blocks; what counts is the sum. */
static void blank_runs(uint8_t *out, uint64_t *state)
{
	const unsigned header_pages = HEADER_BYTES / IMAGE_PAGE_BYTES;
	unsigned left = IMAGE_PAGES * BLANK_PERCENT / 100 -
			BLANK_BLOCKS * (IMAGE_BLOCK_BYTES / IMAGE_PAGE_BYTES);

	while (left > 0) {
		unsigned run = 1 + below(state, RUN_PAGES_MAX);
		unsigned at =
			header_pages + below(state, IMAGE_PAGES - header_pages);

		for (; run > 0 && left > 0 && at < IMAGE_PAGES; run--, at++) {
			uint8_t *p = out + at * (size_t)IMAGE_PAGE_BYTES;

			left -= !is_blank(p, IMAGE_PAGE_BYTES);
			memset(p, 0xFF, IMAGE_PAGE_BYTES);
		}
	}
}

void image_make(uint8_t *out, uint64_t seed)
{
	uint64_t state = seed;

	image_random(out, next(&state));
	blank_blocks(out, &state);
	blank_runs(out, &state);
	assert(image_used_pages(out) ==
	       IMAGE_PAGES - IMAGE_PAGES * BLANK_PERCENT / 100);
}

/* An application does not grow into a block that is kept free. */
static bool in_used_blocks(const uint8_t *image, size_t at, size_t len)
{
	for (size_t b = at / IMAGE_BLOCK_BYTES;
	     b <= (at + len - 1) / IMAGE_BLOCK_BYTES; b++)
		if (is_blank(image + b * IMAGE_BLOCK_BYTES, IMAGE_BLOCK_BYTES))
			return false;
	return true;
}

void image_next_release(uint8_t *out, const uint8_t *image, uint64_t seed)
{
	uint64_t state = seed;
	size_t at;

	memcpy(out, image, IMAGE_BYTES);
	do
		at = HEADER_BYTES +
		     below(&state, IMAGE_BYTES - HEADER_BYTES - CHANGED_BYTES);
	while (!in_used_blocks(image, at, CHANGED_BYTES));
	fill_random(out + at, CHANGED_BYTES, &state);
	fill_random(out + VERSION_AT, VERSION_BYTES, &state);
}

unsigned image_blocks_to_erase(const uint8_t *old, const uint8_t *wanted)
{
	bool erase[IMAGE_BLOCKS] = {false};
	unsigned count = 0;

	for (size_t i = 0; i < IMAGE_BYTES; i++)
		if ((wanted[i] & ~old[i]) != 0)
			erase[i / IMAGE_BLOCK_BYTES] = true;
	for (unsigned i = 0; i < IMAGE_BLOCKS; i++)
		count += erase[i];
	return count;
}
