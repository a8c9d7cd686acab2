#include "tests/unit/bench/chip_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* The board's own peripherals, worked through their registers. */

#define MODEM 0x40004400u
#define WIFI  0x40004800u
#define ADC   0x42028000u
#define RNG   0x420C0800u

static void open_port(struct chip *c, uint32_t port)
{
	fixture_write(c, 0x46020C9Cu, 3u << 17);
	fixture_write(c, port + 0x0C, 35); /* 4 MHz / 35 = 114286 baud */
	fixture_write(c, port, 1u << 29 | 0xDu);
}

/* Sends a command and collects what comes until the line is quiet. */
static void talk(struct chip *c, uint32_t port, const char *command,
		 char *answer, size_t size)
{
	size_t n = 0;

	for (; *command; command++) {
		fixture_write(c, port + 0x28, (uint8_t)*command);
		chip_advance(c, 100000);
		if (fixture_read(c, port + 0x1C) & 0x20u) /* echo */
			fixture_read(c, port + 0x24);
	}
	for (int quiet = 0; quiet < 25000 && n + 1 < size; quiet++) {
		chip_advance(c, 80000);
		if (!(fixture_read(c, port + 0x1C) & 0x20u))
			continue;
		answer[n++] = (char)fixture_read(c, port + 0x24);
		quiet = 0;
	}
	answer[n] = '\0';
}

static void ask(const char *fault, uint32_t port, const char *command,
		const char *expect)
{
	const char *const faults[] = {fault, NULL};
	struct chip *c = fixture_board(faults);
	char answer[600];

	open_port(c, port);
	talk(c, port, command, answer, sizeof(answer));
	if (expect)
		assert_non_null(strstr(answer, expect));
	else
		assert_string_equal(answer, "");
	chip_free(c);
}

static void modules_answer(void **state)
{
	(void)state;
	ask(NULL, MODEM, "AT\r", "OK\r\n");
	ask(NULL, MODEM, "ATI\r", "EG21");
	ask(NULL, MODEM, "AT+CPIN?\r", "+CPIN: READY");
	ask(NULL, MODEM, "AT+NOSUCH\r", "ERROR");
	ask(NULL, WIFI, "AT+CWLAP\r\n", "+CWLAP:(3,");
}

static void module_faults_show(void **state)
{
	(void)state;
	ask("modem-fail", MODEM, "AT\r", NULL);
	ask("sim-fail", MODEM, "AT+CPIN?\r", "+CME ERROR: 10");
	ask("wifi-fail", WIFI, "AT+CWLAP\r\n", "OK");
	ask("firmware-hang", WIFI, "AT\r\n", "................");
}

static void a_wrong_baud_rate_is_noise(void **state)
{
	struct chip *c = fixture_board(NULL);
	char answer[100];

	(void)state;
	open_port(c, MODEM);
	fixture_write(c, MODEM + 0x0C, 417); /* 9600 */
	talk(c, MODEM, "AT\r", answer, sizeof(answer));
	assert_string_equal(answer, "");
	chip_free(c);
}

static unsigned sensor_mv(const char *fault)
{
	const char *const faults[] = {fault, NULL};
	struct chip *c = fixture_board(faults);
	uint32_t value;

	fixture_write(c, 0x46020C8Cu, 1u << 10);
	fixture_write(c, ADC + 0x08, 1u << 28);
	fixture_write(c, ADC + 0x08, 1u << 28 | 1u);
	assert_true(fixture_read(c, ADC) & 1u);
	fixture_write(c, ADC + 0x0C, 1u << 2); /* 12 bits */
	fixture_write(c, ADC + 0x1C, 1u << 5);
	fixture_write(c, ADC + 0x30, 5u << 6);
	fixture_write(c, ADC + 0x08, 1u << 28 | 1u | 4u);
	assert_false(fixture_read(c, ADC) & 4u);
	chip_advance(c, 10000);
	assert_true(fixture_read(c, ADC) & 4u);
	value = fixture_read(c, ADC + 0x40);
	chip_free(c);
	return value * 3300u / 4095u;
}

static void the_sensor_rail_is_measured(void **state)
{
	(void)state;
	assert_in_range(sensor_mv(NULL), 1640, 1660);
	assert_in_range(sensor_mv("app-test-fail"), 390, 410);
}

static void random_words_differ(void **state)
{
	struct chip *c = fixture_board(NULL);
	uint32_t word[8];

	(void)state;
	fixture_write(c, 0x46020C8Cu, 1u << 18);
	assert_int_equal(fixture_read(c, RNG + 8), 0);
	fixture_write(c, RNG, 4);
	for (unsigned i = 0; i < 8; i++) {
		chip_advance(c, 10000);
		assert_true(fixture_read(c, RNG + 4) & 1u);
		word[i] = fixture_read(c, RNG + 8);
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(word[i], word[j]);
	}
	chip_free(c);
}

#define HASH 0x420C0400u

/* SHA-256 of a text by the HASH processor; data type as CR has it. */
static void hash_text(struct chip *c, const char *text, uint32_t type,
		      uint32_t out[8])
{
	size_t len = strlen(text);

	fixture_write(c, 0x46020C8Cu, 1u << 17);
	fixture_write(c, HASH, 3u << 17 | type << 4 | 4u);
	for (size_t i = 0; i < len; i += 4) {
		uint8_t b[4] = {0};

		memcpy(b, text + i, len - i < 4 ? len - i : 4);
		fixture_write(c, HASH + 4,
			      type == 2 ? b[0] | (uint32_t)b[1] << 8 |
						  (uint32_t)b[2] << 16 |
						  (uint32_t)b[3] << 24
					: b[3] | (uint32_t)b[2] << 8 |
						  (uint32_t)b[1] << 16 |
						  (uint32_t)b[0] << 24);
	}
	fixture_write(c, HASH + 8, 8 * (len % 4));
	fixture_write(c, HASH + 8, 8 * (len % 4) | 1u << 8);
	assert_true(fixture_read(c, HASH + 0x24) & 8u); /* busy */
	chip_advance(c, 100000);
	assert_int_equal(fixture_read(c, HASH + 0x24) & 0xAu, 2); /* DCIS */
	for (unsigned i = 0; i < 8; i++)
		out[i] = fixture_read(c, HASH + 0x310 + 4 * i);
}

/* FIPS 180-4's examples; the words are those it prints. */
static void sha256_is_right(void **state)
{
	static const uint32_t abc[8] = {0xBA7816BF, 0x8F01CFEA, 0x414140DE,
					0x5DAE2223, 0xB00361A3, 0x96177A9C,
					0xB410FF61, 0xF20015AD};
	static const uint32_t two_blocks[8] = {
		0x248D6A61, 0xD20638B8, 0xE5C02693, 0x0C3E6039,
		0xA33CE459, 0x64FF2167, 0xF6ECEDD4, 0x19DB06C1};
	struct chip *c = fixture_board(NULL);
	uint32_t h[8];

	(void)state;
	hash_text(c, "abc", 2, h);
	assert_memory_equal(h, abc, sizeof h);
	hash_text(c, "abc", 0, h);
	assert_memory_equal(h, abc, sizeof h);
	hash_text(c, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  2, h);
	assert_memory_equal(h, two_blocks, sizeof h);
	/* another algorithm is not there: no digest */
	fixture_write(c, HASH, 4u);
	fixture_write(c, HASH + 4, 1);
	fixture_write(c, HASH + 8, 1u << 8);
	chip_advance(c, 100000);
	assert_false(fixture_read(c, HASH + 0x24) & 2u);
	chip_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(modules_answer),
		cmocka_unit_test(module_faults_show),
		cmocka_unit_test(a_wrong_baud_rate_is_noise),
		cmocka_unit_test(the_sensor_rail_is_measured),
		cmocka_unit_test(random_words_differ),
		cmocka_unit_test(sha256_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
