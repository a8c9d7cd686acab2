#include "bench/chip/board.h"

#include "proto/base/openssl_names.h"

#include <openssl/evp.h>
#include <string.h>

enum {
	CR = 0x00,
	DIN = 0x04,
	STR = 0x08,
	HRA = 0x0C, /* five words, an older view of HR */
	IMR = 0x20,
	SR = 0x24,
	HR = 0x310, /* eight words */
};

#define CR_INIT	       (1u << 2)
#define CR_DMAE	       (1u << 3)
#define CR_MODE	       (1u << 6)
#define CR_KEPT	       0x00076078u
#define CR_ALGO_SHA256 (3u << 17)
#define CR_NBW_SHIFT   8u
#define CR_DINNE       (1u << 12)
#define STR_NBLW       0x1Fu
#define STR_DCAL       (1u << 8)
#define SR_DINIS       (1u << 0)
#define SR_DCIS	       (1u << 1)
#define SR_BUSY	       (1u << 3)
/* A block of SHA-256: 66 cycles of HCLK (RM0456, HASH processing time). */
#define BLOCK_CYCLES   66u

void hash_reset(struct chip *c)
{
	hash_fini(c);
	memset(&c->hash, 0, sizeof(c->hash));
}

void hash_fini(struct chip *c)
{
	EVP_MD_CTX_free(c->hash.md);
	c->hash.md = NULL;
}

uint64_t hash_next_event(struct chip *c, uint64_t t_ps)
{
	return c->hash.busy_until_ps > t_ps ? c->hash.busy_until_ps
					    : BOARD_NEVER;
}

static bool is_busy(const struct chip *c)
{
	return board_time_ps(c) < c->hash.busy_until_ps;
}

static void work(struct chip *c, unsigned blocks)
{
	uint64_t now = board_time_ps(c);
	uint64_t from =
		c->hash.busy_until_ps > now ? c->hash.busy_until_ps : now;

	c->hash.busy_until_ps = from + blocks * BLOCK_CYCLES * c->cpu.cycle_ps;
}

static void begin(struct chip *c)
{
	struct hash *h = &c->hash;
	bool sha256 = (h->cr & CR_ALGO_SHA256) == CR_ALGO_SHA256;

	hash_fini(c);
	h->fill = 0;
	h->calculated = false;
	h->busy_until_ps = 0;
	if (!sha256 || (h->cr & (CR_MODE | CR_DMAE)) != 0)
		return;
	h->md = EVP_MD_CTX_new();
	if (h->md != NULL && !EVP_DigestInit_ex(h->md, EVP_sha256(), NULL))
		hash_fini(c);
}

/* The message's bytes that a word on the bus stands for, by CR.DATATYPE. */
static void spread(uint32_t cr, uint32_t word, uint8_t out[4])
{
	switch (cr >> 4 & 3u) {
	case 1: /* halfwords swapped */
		word = word >> 16 | word << 16;
		break;
	case 2: /* bytes */
		word = __builtin_bswap32(word);
		break;
	case 3: /* bits */
		word = __builtin_bswap32(word);
		word = (word & 0x0F0F0F0Fu) << 4 | (word >> 4 & 0x0F0F0F0Fu);
		word = (word & 0x33333333u) << 2 | (word >> 2 & 0x33333333u);
		word = (word & 0x55555555u) << 1 | (word >> 1 & 0x55555555u);
		break;
	default:
		break;
	}
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(word >> (24 - 8 * i));
}

static void take(struct hash *h, size_t len)
{
	uint8_t bytes[4 * HASH_BLOCK_WORDS];

	for (unsigned i = 0; i < h->fill; i++)
		spread(h->cr, h->word[i], bytes + 4 * (size_t)i);
	if (h->md != NULL)
		EVP_DigestUpdate(h->md, bytes, len);
	h->fill = 0;
}

/* A full buffer is handed over with the next word: the last block waits for
 * DCAL. The bus is held while the processor is not ready for it. */
static void write_din(struct chip *c, uint32_t value)
{
	struct hash *h = &c->hash;

	if (h->fill == HASH_BLOCK_WORDS) {
		board_stall(c, h->busy_until_ps);
		work(c, 1);
		take(h, sizeof(h->word));
	}
	h->word[h->fill++] = value;
}

static void calculate(struct chip *c)
{
	struct hash *h = &c->hash;
	unsigned last_bits = h->str & STR_NBLW;
	size_t len = 4 * (size_t)h->fill;
	uint8_t digest[32];

	if (h->md == NULL)
		return;
	if (last_bits != 0 && h->fill > 0)
		len -= 4 - last_bits / 8;
	/* The padding may need a block of its own. */
	work(c, len + 9 > 4 * HASH_BLOCK_WORDS ? 2 : 1);
	take(h, len);
	EVP_DigestFinal_ex(h->md, digest, NULL);
	hash_fini(c);
	for (size_t i = 0; i < 8; i++)
		h->hr[i] = (uint32_t)digest[4 * i] << 24 |
			   (uint32_t)digest[4 * i + 1] << 16 |
			   (uint32_t)digest[4 * i + 2] << 8 | digest[4 * i + 3];
	h->calculated = true;
}

static uint32_t read_sr(const struct chip *c)
{
	const struct hash *h = &c->hash;

	if (is_busy(c))
		return SR_BUSY | (h->fill < HASH_BLOCK_WORDS ? SR_DINIS : 0u);
	return SR_DINIS | (h->calculated ? SR_DCIS : 0u);
}

uint32_t hash_read(struct chip *c, unsigned index, uint32_t off, unsigned size)
{
	const struct hash *h = &c->hash;

	(void)index;
	(void)size;
	if (off >= HR && off < HR + sizeof(h->hr))
		return is_busy(c) ? 0 : h->hr[(off - HR) / 4];
	if (off >= HRA && off < HRA + 20)
		return is_busy(c) ? 0 : h->hr[(off - HRA) / 4];
	switch (off) {
	case CR:
		return h->cr | (h->fill & 15u) << CR_NBW_SHIFT |
		       (h->fill ? CR_DINNE : 0u);
	case STR:
		return h->str;
	case IMR:
		return h->imr;
	case SR:
		return read_sr(c);
	default:
		return 0;
	}
}

void hash_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
		uint32_t value)
{
	struct hash *h = &c->hash;

	(void)index;
	(void)size;
	switch (off) {
	case CR:
		h->cr = value & CR_KEPT;
		if (value & CR_INIT)
			begin(c);
		break;
	case DIN:
		write_din(c, value);
		break;
	case STR:
		h->str = value & STR_NBLW;
		if (value & STR_DCAL)
			calculate(c);
		break;
	case IMR:
		h->imr = value & 3u;
		break;
	default:
		break;
	}
}
