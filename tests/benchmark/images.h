/* The SPI-flash images that are programmed: 4 MiB each, made from a seed.
 *
 * 30 % of the pages are blank, as an image with areas kept free has it: 13 of
 * the 64 blocks of 64 KiB altogether, the rest as scattered runs of 1 to 16
 * pages of 0xFF. All other bytes are random.
 *
 * The next release of an image is what a rebuilt application makes of it: one
 * contiguous stretch of 1 % of the image has new content (where it begins is
 * random, to the byte), and so have 96 bytes in the first 4 KiB, the header's
 * version and hash.
 */
#ifndef TESTS_BENCHMARK_IMAGES_H
#define TESTS_BENCHMARK_IMAGES_H

#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define IMAGE_BYTES	  (4u << 20)
#define IMAGE_PAGE_BYTES  256u
#define IMAGE_BLOCK_BYTES 65536u
#define IMAGE_PAGES	  (IMAGE_BYTES / IMAGE_PAGE_BYTES)
#define IMAGE_BLOCKS	  (IMAGE_BYTES / IMAGE_BLOCK_BYTES)

/* Each fills IMAGE_BYTES at out; the same seed gives the same bytes. */
void image_make(uint8_t *out, uint64_t seed);
void image_next_release(uint8_t *out, const uint8_t *image, uint64_t seed);
/* No blank page anywhere. */
void image_random(uint8_t *out, uint64_t seed);

/* Pages of 256 bytes that are not blank. */
unsigned image_used_pages(const uint8_t *image);

/* Blocks of 64 KiB that must be erased before a NOR that holds `old` can hold
 * `wanted`: some bit has to go from 0 to 1. */
unsigned image_blocks_to_erase(const uint8_t *old, const uint8_t *wanted);

#endif
