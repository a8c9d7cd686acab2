/* Provisioning-UART sentences: every row of uart.def there and back, and
 * nothing that is damaged, misspelt or sent the wrong way accepted. */
#include "proto/uart/uart.h"
#include "proto/uart/fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static uint32_t random_state = 20260101u;

static uint32_t random_u32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state;
}

static size_t random_len(size_t min, size_t max)
{
	return min + random_u32() % (max - min + 1);
}

static void fill_field(const struct field *f, char *base, bool full)
{
	static const char word[] = "abcXYZ019._-";
	static const char text[] = "ab %=*!\x01\x7f\xc3\xa9~#";
	uint8_t *at = (uint8_t *)base + f->offset;
	size_t len = full ? f->max : random_len(1, f->max);
	uint32_t number = (uint32_t)random_len(f->min, f->max);

	switch (f->kind) {
	case FIELD_U32:
		*(uint32_t *)(void *)at = full ? f->max : number;
		return;
	case FIELD_TEXT:
		/* a long text of escapes alone would not fit a line */
		for (size_t i = 0; i < len; i++)
			at[i] = i < 40 && !full
					? (uint8_t)text[random_u32() %
							(sizeof(text) - 1)]
					: 'x';
		at[len] = '\0';
		return;
	case FIELD_WORD:
		for (size_t i = 0; i < len; i++)
			at[i] = (uint8_t)
				word[random_u32() % (sizeof(word) - 1)];
		at[len] = '\0';
		return;
	case FIELD_HEXB:
		for (size_t i = 0; i < f->max; i++)
			at[i] = (uint8_t)random_u32();
		return;
	case FIELD_B64:
		for (size_t i = 0; i < len; i++)
			at[i] = (uint8_t)random_u32();
		memcpy(base + f->len_offset, &(uint16_t){(uint16_t)len}, 2);
		return;
	}
}

static void make(struct uart_sentence *s, enum uart_type type, bool full)
{
	memset(s, 0, sizeof(*s));
	s->type = type;
	s->seq = full ? 65535 : random_u32() % 65536;
	for (const struct field *f = field_sentences[type].fields(); f->name;
	     f++)
		fill_field(f, (char *)&s->u, full);
}

static bool way(enum uart_type type)
{
	return field_sentences[type].direction == TO_DUT;
}

/* Encoded without its line end. */
static size_t encode(char line[UART_LINE_MAX], const struct uart_sentence *s)
{
	size_t len = uart_encode(line, UART_LINE_MAX, s);

	assert_true(len > 2 && len <= UART_LINE_MAX);
	assert_memory_equal(line + len - 2, "\r\n", 2);
	return len - 2;
}

static void test_round_trip(void **state)
{
	char line[UART_LINE_MAX], again[UART_LINE_MAX];
	struct uart_sentence s, back;
	(void)state;

	for (unsigned i = 0; i < 200 * UART_TYPE_COUNT; i++) {
		make(&s, i % UART_TYPE_COUNT, i < UART_TYPE_COUNT);
		size_t len = encode(line, &s);
		memset(&back, 0, sizeof(back));
		assert_int_equal(uart_decode(&back, line, len, way(s.type)),
				 UART_SENTENCE);
		assert_int_equal(back.seq, s.seq);
		assert_int_equal(back.type, s.type);
		assert_memory_equal(&back.u, &s.u, sizeof(s.u));
		assert_int_equal(encode(again, &back), len);
		assert_memory_equal(again, line, len);
	}
}

static void test_known_line(void **state)
{
	/* CRC: printf '!PL1 7 FAIL code=qspi text=no%%20id ' | gzip -c |
	 * tail -c8 | head -c4, little endian */
	static const char want[] =
		"!PL1 7 FAIL code=qspi text=no%20id *573D742A";
	struct uart_sentence s = {.seq = 7, .type = UART_FAIL};
	char line[UART_LINE_MAX];
	(void)state;

	strcpy(s.u.FAIL.code, "qspi");
	strcpy(s.u.FAIL.text, "no id");
	size_t len = encode(line, &s);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(line, want, strlen(want));
	assert_int_equal(uart_crc32("123456789", 9), 0xCBF43926);
}

static void test_bit_flips(void **state)
{
	char line[UART_LINE_MAX];
	struct uart_sentence s, back;
	(void)state;

	for (unsigned t = 0; t < UART_TYPE_COUNT; t++) {
		make(&s, t, false);
		size_t len = encode(line, &s);
		for (size_t bit = 0; bit < len * 8; bit++) {
			line[bit / 8] ^= (char)(1 << bit % 8);
			assert_int_not_equal(
				uart_decode(&back, line, len, way(s.type)),
				UART_SENTENCE);
			line[bit / 8] ^= (char)(1 << bit % 8);
		}
		for (size_t cut = 0; cut < len; cut++)
			assert_int_not_equal(
				uart_decode(&back, line, cut, way(s.type)),
				UART_SENTENCE);
	}
}

static void test_noise(void **state)
{
	char line[UART_LINE_MAX];
	struct uart_sentence s, back;
	(void)state;

	for (unsigned i = 0; i < 20000; i++) {
		make(&s, i % UART_TYPE_COUNT, false);
		size_t len = encode(line, &s);
		size_t at = random_len(0, len - 1);
		size_t burst = random_len(1, len - at);
		char before[UART_LINE_MAX];

		memcpy(before, line, len);
		for (size_t k = 0; k < burst; k++)
			line[at + k] = (char)random_u32();
		if (memcmp(before, line, len) != 0)
			assert_int_not_equal(
				uart_decode(&back, line, len, way(s.type)),
				UART_SENTENCE);
	}
}

static void test_direction(void **state)
{
	char line[UART_LINE_MAX];
	struct uart_sentence s, back;
	(void)state;

	for (unsigned t = 0; t < UART_TYPE_COUNT; t++) {
		make(&s, t, false);
		size_t len = encode(line, &s);
		enum uart_result other = uart_decode(&back, line, len, !way(t));
		assert_int_equal(other,
				 t == UART_ACK ? UART_SENTENCE : UART_BAD);
	}
}

/* A body with a right CRC, so that only its spelling can be refused. */
static enum uart_result decode_body(const char *body, bool to_dut)
{
	char line[400];
	struct uart_sentence s;
	int len = snprintf(line, sizeof(line), "%s*%08X", body,
			   uart_crc32(body, strlen(body)));

	return uart_decode(&s, line, (size_t)len, to_dut);
}

static void test_spelling(void **state)
{
	static const char *const bad[] = {
		"!PL1 00 STAGE name=a percent=1 ",
		"!PL1 65536 STAGE name=a percent=1 ",
		"!PL1  STAGE name=a percent=1 ",
		"!PL1 -1 STAGE name=a percent=1 ",
		"!PL1 0 STAGES name=a percent=1 ",
		"!PL1 0 STAG name=a percent=1 ",
		"!PL1 0 STAGE name=a percent=101 ",
		"!PL1 0 STAGE name=a percent=01 ",
		"!PL1 0 STAGE name=a percent= ",
		"!PL1 0 STAGE name=a percent=4294967297 ",
		"!PL1 0 STAGE name=a ",
		"!PL1 0 STAGE percent=1 name=a ",
		"!PL1 0 STAGE name=a percent=1 percent=1 ",
		"!PL1 0 STAGE name=a  percent=1 ",
		"!PL1 0 STAGE name=a percent=1",
		"!PL1 0 STAGE name= percent=1 ",
		"!PL1 0 STAGE name=a+b percent=1 ",
		"!PL1 0 STAGE name=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
		"percent=1 ",
		"!PL1 0 FAIL code=a text= ",
		"!PL1 0 FAIL code=a text=%2 ",
		"!PL1 0 FAIL code=a text=%2g ",
		"!PL1 0 FAIL code=a text=%3d ",
		"!PL1 0 FAIL code=a text=%41 ",
		"!PL1 0 FAIL code=a text=%00 ",
		"!PL1 0 FAIL code=a text=% % ",
		"!PL1 0 FAIL code=a text=a=b ",
		"!PL1 0 ATTEST signature=QQ ",
		"!PL1 0 ATTEST signature=QR== ",
		"!PL1 0 ATTEST signature==QQ= ",
		"!PL1 0 ATTEST signature=QQ==QUJD ",
		"!PL1 0 ATTEST signature=QU=D ",
		"!PL1 0 ATTEST signature=QU?D ",
		"!PL1 0 BOOT program=a version=b uid=0102030405060708090a0b0C ",
		"!PL1 0 BOOT program=a version=b uid=0102030405060708090a0b ",
	};
	(void)state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(decode_body(bad[i], false), UART_BAD);
	assert_int_equal(decode_body("!PL1 0 STAGE name=a percent=1 ", false),
			 UART_SENTENCE);
	assert_int_equal(decode_body("!PL1 0 FAIL code=a text=% ", false),
			 UART_SENTENCE);
	assert_int_equal(decode_body("!PL1 0 ATTEST signature=QQ== ", false),
			 UART_SENTENCE);
	assert_int_equal(decode_body("!PL2 0 STAGE name=a percent=1 ", false),
			 UART_LOG);
	assert_int_equal(decode_body("temperature 21 C ", false), UART_LOG);
}

/* The longest line that anyone can send leaves room for its end. */
static void test_longest(void **state)
{
	(void)state;
	for (size_t len = UART_LINE_MAX - 4; len <= UART_LINE_MAX; len++) {
		char body[400] = "!PL1 0 FAIL code="
				 "cccccccccccccccccccccccccccccccc text=";

		for (unsigned i = 0; i < 60; i++)
			strcat(body, "%20");
		while (strlen(body) + strlen(" *01234567") < len)
			strcat(body, "x");
		strcat(body, " ");
		assert_int_equal(decode_body(body, false),
				 len <= UART_LINE_MAX - 2 ? UART_SENTENCE
							  : UART_BAD);
	}
}

static void test_caller_bugs(void **state)
{
	char line[UART_LINE_MAX];
	struct uart_sentence s;
	(void)state;

	make(&s, UART_STAGE, false);
	assert_int_equal(uart_encode(line, UART_LINE_MAX - 1, &s), 0);
	s.u.STAGE.percent = 101;
	assert_int_equal(uart_encode(line, sizeof(line), &s), 0);
	s.u.STAGE.percent = 1;
	s.u.STAGE.name[0] = '\0';
	assert_int_equal(uart_encode(line, sizeof(line), &s), 0);
	make(&s, UART_STAGE, true);
	assert_true(uart_encode(line, sizeof(line), &s) > 0);
	s.seq = 65536;
	assert_int_equal(uart_encode(line, sizeof(line), &s), 0);
	s.seq = 0;
	s.type = UART_TYPE_COUNT;
	assert_int_equal(uart_encode(line, sizeof(line), &s), 0);
	make(&s, UART_CSR, false);
	s.u.CSR.data_len = 97;
	assert_int_equal(uart_encode(line, sizeof(line), &s), 0);
	s.u.CSR.data_len = 0;
	assert_int_equal(uart_encode(line, sizeof(line), &s), 0);
	make(&s, UART_FAIL, false);
	memset(s.u.FAIL.text, ' ', 80); /* 240 characters on the line */
	s.u.FAIL.text[80] = '\0';
	assert_int_equal(uart_encode(line, sizeof(line), &s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_known_line),
		cmocka_unit_test(test_bit_flips),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_direction),
		cmocka_unit_test(test_spelling),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_caller_bugs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
