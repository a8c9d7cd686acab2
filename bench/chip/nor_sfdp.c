#include "bench/chip/nor.h"

#include <string.h>

/* SFDP by JESD216B: header, one basic flash parameter table of 16 words at
 * 0x30, and for parts with 4-byte commands their table at 0x80. Word n of the
 * standard is index n - 1 here. */

#define BFPT_AT	   0x30u
#define BFPT_WORDS 16u
#define FOUR_AT	   0x80u
#define FOUR_WORDS 2u

static void put32(uint8_t *at, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(v >> (8 * i));
}

static void put_header(uint8_t *at, uint8_t id_lsb, unsigned words,
		       uint32_t pointer)
{
	at[0] = id_lsb;
	at[1] = 6; /* minor and major revision: JESD216B */
	at[2] = 1;
	at[3] = (uint8_t)words;
	put32(at + 4, pointer | 0xFF000000u);
}

/* Typical time as count - 1 and a unit: the smallest unit that holds it. */
static uint32_t time_code(uint32_t value_us, const uint32_t units_us[4],
			  unsigned unit_shift)
{
	for (uint32_t u = 0; u < 4; u++) {
		uint32_t count = (value_us + units_us[u] - 1) / units_us[u];

		if (count <= 32)
			return (count ? count - 1 : 0) | u << unit_shift;
	}
	return 31u | 3u << unit_shift;
}

static uint32_t erase_times(const struct nor_part *p)
{
	static const uint32_t UNITS[4] = {1000, 16000, 128000, 1000000};
	uint32_t typical[3] = {p->erase4_us, p->erase32_us, p->erase64_us};
	uint32_t word = 5; /* maximum = 2 x (5 + 1) x typical */

	for (unsigned i = 0; i < 3; i++)
		word |= time_code(typical[i], UNITS, 5) << (4 + 7 * i);
	return word;
}

static uint32_t program_times(const struct nor_part *p)
{
	static const uint32_t UNITS[4] = {16000, 256000, 4000000, 64000000};
	/* page program in units of 8 or 64 us, 5 bits */
	uint32_t unit64 = p->program_us > 32 * 8;
	uint32_t count = p->program_us / (unit64 ? 64 : 8);
	uint32_t word = 3; /* maximum = 2 x (3 + 1) x typical */

	word |= 8u << 4; /* page of 2^8 bytes */
	word |= (count - 1) << 8 | unit64 << 13;
	word |= 3u << 14 | 1u << 18; /* first byte 32 us */
	word |= 1u << 19;	     /* further bytes 2 us */
	word |= time_code(p->chip_us, UNITS, 5) << 24;
	return word | 1u << 31;
}

static void fill_bfpt(const struct nor_part *p, uint32_t w[BFPT_WORDS])
{
	/* 4 KiB erase by 20h, 64-byte write granularity */
	w[0] = 0xFF8000E0u | 0x20u << 8 | 0x4u | 0x1u;
	w[0] |= (p->four_byte ? 1u : 0u) << 17;
	w[0] |= p->quad ? 1u << 16 | 1u << 21 | 1u << 22 : 0u;
	w[1] = p->size_bytes * 8u - 1u; /* in bits */
	if (p->quad) {
		w[2] = 0x6B080000u | 0xEB44u << 0; /* 6B: 8; EB: 2 + 4 */
		w[3] = 0x0000003Bu << 8 | 0x08u;   /* 3B: 8 */
	}
	w[4] = 0xFFFFFFEEu;
	w[5] = 0x0000FFFFu;
	w[6] = 0x0000FFFFu;
	w[7] = 0x200Cu;				    /* 2^12 by 20h */
	w[7] |= p->erase32_us ? 0x520Fu << 16 : 0u; /* 2^15 by 52h */
	w[8] = 0xD810u;				    /* 2^16 by D8h */
	w[9] = erase_times(p);
	w[10] = program_times(p);
	w[11] = 0x80000000u; /* suspend and resume not supported */
	w[13] = 0x80000000u | 1u << 2 | 1u << 3; /* poll WIP; no power-down */
	w[14] = p->quad ? 4u << 20 : 0u;	 /* QE: status 2, bit 1 */
	w[15] = 1u << 12 | 0x80u;		 /* reset by 66h, 99h */
	w[15] |= p->four_byte ? 1u << 24 | 1u << 14 : 0u; /* B7h, E9h */
}

/* 4-byte address instruction table, JESD216B 6.7 */
static void fill_four(const struct nor_part *p, uint32_t w[FOUR_WORDS])
{
	(void)p;
	w[0] = 1u << 0 | 1u << 1 | 1u << 6; /* 13h, 0Ch, 12h */
	w[0] |= 1u << 9 | 1u << 11;	    /* erase types 1 and 3 */
	w[1] = 0x00DC0021u | 0xFF00FF00u;
}

void nor_build_sfdp(const struct nor_part *p, uint8_t out[NOR_SFDP_BYTES])
{
	uint32_t bfpt[BFPT_WORDS] = {0}, four[FOUR_WORDS] = {0};

	memset(out, 0xFF, NOR_SFDP_BYTES);
	memcpy(out, "SFDP", 4);
	out[4] = 6;
	out[5] = 1;
	out[6] = p->four_byte ? 1 : 0; /* headers, less one */
	put_header(out + 8, 0x00, BFPT_WORDS, BFPT_AT);
	if (p->four_byte)
		put_header(out + 16, 0x84, FOUR_WORDS, FOUR_AT);
	fill_bfpt(p, bfpt);
	fill_four(p, four);
	for (unsigned i = 0; i < BFPT_WORDS; i++)
		put32(out + BFPT_AT + 4 * i, bfpt[i]);
	for (unsigned i = 0; p->four_byte && i < FOUR_WORDS; i++)
		put32(out + FOUR_AT + 4 * i, four[i]);
}
