#include "agent/target/sfdp.h"

#include <string.h>

#define BASIC_TABLE_ID 0xFF00u
#define WORDS_NEEDED   9u

static uint32_t word(const uint8_t *table, unsigned n)
{
	const uint8_t *p = table + 4 * (n - 1);

	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

bool sfdp_find_table(const uint8_t header[SFDP_HEADER_BYTES],
		     uint32_t *table_addr, unsigned *table_words)
{
	const uint8_t *p = header + 8;

	/* the basic table's header always is the first (JESD216D 6.3) */
	if (memcmp(header, "SFDP", 4) != 0 ||
	    (p[0] | (unsigned)p[7] << 8) != BASIC_TABLE_ID)
		return false;
	*table_words = p[3];
	*table_addr = p[4] | (uint32_t)p[5] << 8 | (uint32_t)p[6] << 16;
	return *table_words >= WORDS_NEEDED;
}

/* Word 10: typical time of erase type i is (count + 1) units, its maximum
 * 2 * (multiplier + 1) times that (6.4.13). */
static void decode_erase_time(struct sfdp_erase *t, uint32_t w10, unsigned i)
{
	static const uint32_t unit_ms[4] = {1, 16, 128, 1000};
	uint32_t field = w10 >> (4 + 7 * i) & 0x7Fu;
	uint32_t ms = ((field & 0x1Fu) + 1) * unit_ms[field >> 5];

	t->typical_us = ms * 1000;
	t->max_ms = ms * 2 * ((w10 & 0xFu) + 1);
}

static void decode_erase(struct sfdp *s, const uint8_t *table, bool times)
{
	for (unsigned i = 0; i < 4; i++) {
		uint32_t half = word(table, 8 + i / 2) >> (i % 2 * 16);
		struct sfdp_erase *t = &s->erase[i];

		if ((half & 0xFFu) == 0 || (half & 0xFFu) > 24)
			continue;
		t->size_bytes = 1u << (half & 0xFFu);
		t->opcode = (uint8_t)(half >> 8);
		if (times)
			decode_erase_time(t, word(table, 10), i);
	}
}

/* Word 11: page size, page program time (6.4.14). */
static void decode_page(struct sfdp *s, uint32_t w11)
{
	uint32_t unit_us = (w11 & 1u << 13) != 0 ? 64 : 8;

	s->page_bytes = 1u << (w11 >> 4 & 0xFu);
	s->page_typical_us = ((w11 >> 8 & 0x1Fu) + 1) * unit_us;
	s->page_max_ms =
		(s->page_typical_us * 2 * ((w11 & 0xFu) + 1) + 999) / 1000;
}

/* Words 1 and 3: dummy clocks are wait states and mode clocks together; word
 * 15: the way of the quad enable bit (6.4.4, 6.4.6, 6.4.18). */
static void decode_quad(struct sfdp *s, const uint8_t *table,
			unsigned table_words)
{
	uint32_t w3 = word(table, 3);
	unsigned way = table_words >= 15 ? word(table, 15) >> 20 & 7u : 7u;

	if ((word(table, 1) & 1u << 22) != 0) {
		s->quad_read_opcode = (uint8_t)(w3 >> 24);
		s->quad_read_dummy_clocks =
			(uint8_t)((w3 >> 16 & 0x1Fu) + (w3 >> 21 & 7u));
	}
	s->quad_enable = SFDP_QUAD_UNKNOWN;
	if (way == 0)
		s->quad_enable = SFDP_QUAD_ALWAYS;
	else if (way == 1 || way == 4 || way == 5 || way == 6)
		s->quad_enable = SFDP_QUAD_SR2_BIT1;
}

enum err_code sfdp_decode(struct sfdp *s, const uint8_t *table,
			  unsigned table_words, struct err *e)
{
	uint32_t density;

	memset(s, 0, sizeof *s);
	if (table_words < WORDS_NEEDED)
		return err_set(e, ERR_MALFORMED, "SFDP table of %u words",
			       table_words);
	density = word(table, 2);
	if ((density & 1u << 31) == 0)
		s->size_bytes = ((uint64_t)density + 1) / 8;
	else if ((density & ~(1u << 31)) < 40)
		s->size_bytes = 1ull << (density & 0x3Fu) >> 3;
	if (s->size_bytes < 65536 || (s->size_bytes & (s->size_bytes - 1)) != 0)
		return err_set(e, ERR_MALFORMED, "SFDP density 0x%08x",
			       (unsigned)density);
	s->address4 = (word(table, 1) >> 17 & 3u) != 0;
	s->page_bytes = 256;
	if (table_words >= 11)
		decode_page(s, word(table, 11));
	decode_erase(s, table, table_words >= 10);
	decode_quad(s, table, table_words);
	return ERR_OK;
}
