/* SFDP decoding against the words of a W25Q64JV as its data sheet prints them,
 * and against nonsense. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "agent/target/sfdp.c"

/* W25Q64JV rev K, 8.2.3x: basic table, words 1 to 16. Word 8 and 9: erase
 * types 4 KiB 0x20, 32 KiB 0x52, 64 KiB 0xD8. Word 10: 45, 120, 150 ms
 * (counts of 16 ms), multiplier 2 -> 6 times. Word 11: 256-byte pages. */
static const uint32_t words[16] = {
	0xFFF920E5, 0x03FFFFFF, 0x6B08EB44, 0xBB423B08, 0xFFFFFFFE, 0x0000FFFF,
	0xEB40FFFF, 0x520F200C, 0x0000D810, 0x00A60236, 0xD314EA82, 0x337663E9,
	0x757A757A, 0x5CD5A2F7, 0xFF4DF719, 0xA5F970E9,
};

static void bytes_of(uint8_t out[64], const uint32_t *w)
{
	for (unsigned i = 0; i < 64; i++)
		out[i] = (uint8_t)(w[i / 4] >> 8 * (i % 4));
}

static void header(void **state)
{
	uint8_t h[16] = {'S',  'F', 'D', 'P', 6,    1, 0, 0xFF,
			 0x00, 6,   1,	 16,  0x80, 0, 0, 0xFF};
	uint32_t at;
	unsigned n;

	(void)state;
	assert_true(sfdp_find_table(h, &at, &n));
	assert_int_equal(at, 0x80);
	assert_int_equal(n, 16);
	h[15] = 0x84; /* some other table */
	assert_false(sfdp_find_table(h, &at, &n));
	h[15] = 0xFF;
	h[11] = 8; /* too short */
	assert_false(sfdp_find_table(h, &at, &n));
	memset(h, 0xFF, sizeof h);
	assert_false(sfdp_find_table(h, &at, &n));
}

static void a_real_part(void **state)
{
	uint8_t t[64];
	struct sfdp s;

	(void)state;
	bytes_of(t, words);
	assert_int_equal(sfdp_decode(&s, t, 16, NULL), ERR_OK);
	assert_int_equal(s.size_bytes, 8u << 20);
	assert_false(s.address4);
	assert_int_equal(s.page_bytes, 256);
	assert_int_equal(s.erase[0].size_bytes, 4096);
	assert_int_equal(s.erase[0].opcode, 0x20);
	assert_int_equal(s.erase[1].size_bytes, 32768);
	assert_int_equal(s.erase[1].opcode, 0x52);
	assert_int_equal(s.erase[2].size_bytes, 65536);
	assert_int_equal(s.erase[2].opcode, 0xD8);
	assert_int_equal(s.erase[3].size_bytes, 0);
	/* word 10, type 1: 0x23 = count 3, unit 16 ms: 64 ms; multiplier 6:
	 * 14 times */
	assert_int_equal(s.erase[0].typical_us, 64000);
	assert_int_equal(s.erase[0].max_ms, 64 * 14);
	/* word 11: count 10 + 1, unit 64 us; multiplier 2: 6 times */
	assert_int_equal(s.page_typical_us, 704);
	assert_int_equal(s.page_max_ms, 5);
	/* word 3: 6Bh with 8 wait states; word 15: quad enable by way 4 */
	assert_int_equal(s.quad_read_opcode, 0x6B);
	assert_int_equal(s.quad_read_dummy_clocks, 8);
	assert_int_equal(s.quad_enable, SFDP_QUAD_SR2_BIT1);
}

static void without_quad(void **state)
{
	uint32_t copy[16];
	uint8_t t[64];
	struct sfdp s;

	(void)state;
	memcpy(copy, words, sizeof copy);
	copy[0] &= ~(1u << 22);
	copy[14] = 2u << 20; /* by a bit of status register 1 */
	bytes_of(t, copy);
	assert_int_equal(sfdp_decode(&s, t, 16, NULL), ERR_OK);
	assert_int_equal(s.quad_read_opcode, 0);
	assert_int_equal(s.quad_enable, SFDP_QUAD_UNKNOWN);
	assert_int_equal(sfdp_decode(&s, t, 14, NULL), ERR_OK);
	assert_int_equal(s.quad_enable, SFDP_QUAD_UNKNOWN);
}

static void without_times(void **state)
{
	uint8_t t[64];
	struct sfdp s;

	(void)state;
	bytes_of(t, words);
	assert_int_equal(sfdp_decode(&s, t, 9, NULL), ERR_OK);
	assert_int_equal(s.page_max_ms, 0);
	assert_int_equal(s.erase[0].max_ms, 0);
	assert_int_equal(sfdp_decode(&s, t, 8, NULL), ERR_MALFORMED);
}

static void densities(void **state)
{
	static const struct {
		uint32_t density;
		uint64_t bytes; /* 0: refused */
	} rows[] = {
		{0x1FFFFFFF, 64u << 20},  {0x00000000, 0}, {0xFFFFFFFF, 0},
		{0x80000020, 1ull << 29}, {0x8000003F, 0}, {0x03FFFFFE, 0},
		{0x0007FFFF, 65536},
	};
	uint32_t copy[16];
	uint8_t t[64];
	struct sfdp s;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		memcpy(copy, words, sizeof copy);
		copy[1] = rows[i].density;
		bytes_of(t, copy);
		assert_int_equal(sfdp_decode(&s, t, 16, NULL),
				 rows[i].bytes != 0 ? ERR_OK : ERR_MALFORMED);
		if (rows[i].bytes != 0)
			assert_int_equal(s.size_bytes, rows[i].bytes);
	}
}

/* Any bytes: no crash, no sanitizer report, and what is accepted is sane. */
static void nonsense(void **state)
{
	uint32_t x = 12345;
	uint8_t t[64];
	struct sfdp s;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		for (unsigned i = 0; i < sizeof t; i++) {
			x = x * 1664525u + 1013904223u;
			t[i] = (uint8_t)(x >> 24);
		}
		if (sfdp_decode(&s, t, 16, NULL) == ERR_OK)
			assert_true(s.size_bytes >= 65536);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header),	 cmocka_unit_test(a_real_part),
		cmocka_unit_test(without_times), cmocka_unit_test(densities),
		cmocka_unit_test(without_quad),	 cmocka_unit_test(nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
