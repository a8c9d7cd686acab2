/* The HASH processor (RM0456 Rev 6, HASH chapter; register offsets as in ST's
 * stm32u585xx.h): SHA-256 of words written by the CPU. SHA-1, SHA-224, MD5,
 * HMAC, DMA and context swapping are not modelled: a message begun in such a
 * mode never completes.
 */
#ifndef BENCH_CHIP_HASH_H
#define BENCH_CHIP_HASH_H

#include <stdbool.h>
#include <stdint.h>

struct chip;

#define HASH_BLOCK_WORDS 16u

struct hash {
	uint32_t cr, str, imr;
	uint32_t word[HASH_BLOCK_WORDS]; /* of the block being filled */
	unsigned fill;
	void *md;	 /* EVP_MD_CTX of the message; NULL: none */
	bool calculated; /* a digest is in hr, or will be at busy_until */
	uint64_t busy_until_ps;
	uint32_t hr[8];
};

void hash_reset(struct chip *c);
void hash_fini(struct chip *c);
uint32_t hash_read(struct chip *c, unsigned index, uint32_t off, unsigned size);
void hash_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
		uint32_t value);
uint64_t hash_next_event(struct chip *c, uint64_t t_ps);

#endif
