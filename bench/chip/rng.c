#include "bench/chip/board.h"

enum { CR = 0x00, SR = 0x04, DR = 0x08, NSCR = 0x0C, HTCR = 0x10 };

#define CR_RNGEN (1u << 2)
#define SR_DRDY	 1u
#define WORDS	 4u
#define BATCH_PS 8583333ull /* 412 cycles of 48 MHz */

void rng_init(struct chip *c)
{
	c->rng.state = c->seed ^ 0x9E3779B97F4A7C15ull;
	for (unsigned i = 0; i < sizeof(c->uid); i++)
		c->rng.state = c->rng.state * 0x100000001B3ull ^ c->uid[i];
}

/* The generator's state stays: a reset does not repeat numbers. */
void rng_reset(struct chip *c)
{
	c->rng.cr = 0;
	c->rng.nscr = 0x17CBB;
	c->rng.htcr = 0x6274;
	c->rng.words = 0;
	c->rng.ready_ps = 0;
}

/* splitmix64, Steele, Lea and Flood, OOPSLA 2014 */
static uint32_t next_word(struct rng *r)
{
	uint64_t z = r->state += 0x9E3779B97F4A7C15ull;

	z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
	z = (z ^ z >> 27) * 0x94D049BB133111EBull;
	return (uint32_t)((z ^ z >> 31) >> 16);
}

static void rng_sync(struct chip *c)
{
	struct rng *r = &c->rng;

	if (r->ready_ps && board_time_ps(c) >= r->ready_ps) {
		r->ready_ps = 0;
		r->words = WORDS;
	}
}

uint64_t rng_next_event(struct chip *c, uint64_t t_ps)
{
	return c->rng.ready_ps > t_ps ? c->rng.ready_ps : BOARD_NEVER;
}

static uint32_t read_data(struct chip *c)
{
	struct rng *r = &c->rng;

	if (!r->words)
		return 0;
	if (--r->words == 0)
		r->ready_ps = board_time_ps(c) + BATCH_PS;
	return next_word(r);
}

uint32_t rng_read(struct chip *c, unsigned index, uint32_t off, unsigned size)
{
	(void)index;
	(void)size;
	rng_sync(c);
	switch (off) {
	case CR:
		return c->rng.cr;
	case SR:
		return c->rng.words ? SR_DRDY : 0;
	case DR:
		return read_data(c);
	case NSCR:
		return c->rng.nscr;
	case HTCR:
		return c->rng.htcr;
	default:
		return 0;
	}
}

void rng_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
	       uint32_t value)
{
	struct rng *r = &c->rng;

	(void)index;
	(void)size;
	rng_sync(c);
	if (off == NSCR)
		r->nscr = value;
	if (off == HTCR)
		r->htcr = value;
	if (off != CR)
		return;
	if ((value & CR_RNGEN) && !(r->cr & CR_RNGEN))
		r->ready_ps = board_time_ps(c) + BATCH_PS;
	if (!(value & CR_RNGEN)) {
		r->ready_ps = 0;
		r->words = 0;
	}
	r->cr = value & ~(1u << 30); /* CONDRST done at once */
}
