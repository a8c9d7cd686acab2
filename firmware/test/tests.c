/* What the process asks for: the SPI flash's size and commands, the random
 * number generator, modem and SIM, the WiFi module and the networks it sees. A
 * module that the board does not have is not tested. */
#include "firmware/test/tests.h"

#include "firmware/common/dialogue.h"
#include "firmware/common/install.h"
#include "firmware/hal/hal.h"

#include <string.h>

#define LINE_BYTES    96u
#define MODEM_TRIES   5u
#define MODEM_WAIT_MS 1000u
#define SIM_WAIT_MS   5000u
#define WIFI_WAIT_MS  2000u
#define WIFI_SCAN_MS  12000u
#define RNG_WORDS     256u
#define RNG_BITS      (RNG_WORDS * 32u)
/* a fair source leaves +-6 standard deviations once in 500 million boards */
#define RNG_SPREAD    272u

static void decimal(char *out, size_t size, uint32_t value)
{
	char digits[11];
	size_t n = sizeof(digits);

	digits[--n] = '\0';
	do {
		digits[--n] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	dialogue_set_text(out, size, digits + n);
}

/* Say the measurement; when it is a failure, give up with code. */
static void report(const char *name, const char *value, const char *unit,
		   const char *low, const char *high, bool pass,
		   enum failure code)
{
	struct uart_sentence s = {.type = UART_TEST};
	struct uart_TEST *t = &s.u.TEST;

	dialogue_set_text(t->name, sizeof(t->name), name);
	dialogue_set_text(t->value, sizeof(t->value), value);
	dialogue_set_text(t->unit, sizeof(t->unit), unit);
	dialogue_set_text(t->low, sizeof(t->low), low);
	dialogue_set_text(t->high, sizeof(t->high), high);
	t->pass = pass;
	dialogue_say(&s);
	if (!pass)
		dialogue_fail(code, name);
}

static void report_number(const char *name, uint32_t value, const char *unit,
			  uint32_t low, uint32_t high, enum failure code)
{
	char value_text[12], low_text[12], high_text[12] = "";

	decimal(value_text, sizeof(value_text), value);
	decimal(low_text, sizeof(low_text), low);
	if (high != UINT32_MAX)
		decimal(high_text, sizeof(high_text), high);
	report(name, value_text, unit, low_text, high_text,
	       value >= low && value <= high, code);
}

/* -------- SPI flash -------- */

static void test_qspi(const struct image *im)
{
	uint8_t id[3] = {0};
	char text[7];
	bool there = hal_nor_id(id);

	for (unsigned i = 0; i < 6; i++)
		text[i] =
			"0123456789abcdef"[id[i / 2] >> (i % 2 ? 0 : 4) & 15u];
	text[6] = '\0';
	report("qspi-id", text, "", "", "", there, FAILURE_QSPI);
	report_number("qspi-size", install_nor_bytes(), "B", im->nor_min_bytes,
		      UINT32_MAX, FAILURE_QSPI);
	/* write in progress and write enabled: neither after reading only */
	report_number("qspi-status", hal_nor_status() & 3u, "", 0, 0,
		      FAILURE_QSPI);
}

/* -------- random numbers -------- */

static uint32_t count_ones(const uint32_t *words, size_t n)
{
	uint32_t ones = 0;

	for (size_t i = 0; i < n; i++)
		ones += (uint32_t)__builtin_popcount(words[i]);
	return ones;
}

static void test_rng(void)
{
	static uint32_t words[RNG_WORDS];
	uint32_t repeats = 0;
	bool healthy = hal_random(words, sizeof(words));

	for (size_t i = 1; i < RNG_WORDS; i++)
		repeats += words[i] == words[i - 1];
	report("rng-health", healthy ? "ok" : "error", "", "", "", healthy,
	       FAILURE_RNG);
	report_number("rng-repeats", repeats, "", 0, 0, FAILURE_RNG);
	report_number("rng-ones", count_ones(words, RNG_WORDS), "",
		      RNG_BITS / 2 - RNG_SPREAD, RNG_BITS / 2 + RNG_SPREAD,
		      FAILURE_RNG);
}

/* -------- AT commands, ITU-T V.250 -------- */

/* The next non-empty line of the module, before end_ms. */
static bool port_line(enum hal_port port, uint32_t end_ms,
		      char line[LINE_BYTES])
{
	size_t len = 0;

	for (;;) {
		int32_t left_ms = (int32_t)(end_ms - hal_ms());
		int byte = left_ms > 0 ? hal_port_byte(port, (uint32_t)left_ms)
				       : -1;

		if (byte < 0)
			return false;
		if (byte != '\r' && byte != '\n') {
			if (len + 1 < LINE_BYTES)
				line[len++] = (char)byte;
			continue;
		}
		line[len] = '\0';
		if (len > 0)
			return true;
	}
}

/* Send a command and read lines until OK (true), an error or wait_ms. Lines
 * that begin with prefix (may be NULL) are counted; the last one is kept. */
static bool command(enum hal_port port, const char *text, uint32_t wait_ms,
		    const char *prefix, char kept[LINE_BYTES], uint32_t *count)
{
	uint32_t end_ms = hal_ms() + wait_ms;
	char line[LINE_BYTES];

	*count = 0;
	kept[0] = '\0';
	hal_port_send(port, text, strlen(text));
	while (port_line(port, end_ms, line)) {
		if (strcmp(line, "OK") == 0)
			return true;
		if (strstr(line, "ERROR") != NULL)
			return false;
		if (prefix != NULL &&
		    strncmp(line, prefix, strlen(prefix)) == 0) {
			memcpy(kept, line, LINE_BYTES);
			++*count;
		}
	}
	return false;
}

static bool answers(enum hal_port port, uint32_t wait_ms)
{
	char kept[LINE_BYTES];
	uint32_t count;

	for (unsigned i = 0; i < MODEM_TRIES; i++)
		if (command(port, "AT\r\n", wait_ms, NULL, kept, &count))
			return true;
	return false;
}

static void test_modem(void)
{
	char kept[LINE_BYTES];
	const char *state = kept;
	uint32_t count;
	bool there;

	hal_port_open(HAL_MODEM);
	there = answers(HAL_MODEM, MODEM_WAIT_MS);
	report("modem", there ? "OK" : "silent", "", "", "", there,
	       FAILURE_MODEM);
	/* 3GPP TS 27.007 8.3 */
	there = command(HAL_MODEM, "AT+CPIN?\r\n", SIM_WAIT_MS, "+CPIN: ", kept,
			&count);
	if (strlen(kept) > 7)
		state = kept + 7;
	there = there && strcmp(state, "READY") == 0;
	report("sim", state[0] != '\0' ? state : "no answer", "", "READY", "",
	       there, FAILURE_SIM);
}

/* ESP-AT user guide: AT+CWMODE, AT+CWLAP */
static void test_wifi(void)
{
	char kept[LINE_BYTES];
	uint32_t count;
	bool there;

	hal_port_open(HAL_WIFI);
	there = answers(HAL_WIFI, WIFI_WAIT_MS);
	report("wifi", there ? "OK" : "silent", "", "", "", there,
	       FAILURE_WIFI);
	there = command(HAL_WIFI, "AT+CWMODE=1\r\n", WIFI_WAIT_MS, NULL, kept,
			&count) &&
		command(HAL_WIFI, "AT+CWLAP\r\n", WIFI_SCAN_MS, "+CWLAP:", kept,
			&count);
	report_number("wifi-networks", there ? count : 0, "", 1, UINT32_MAX,
		      FAILURE_WIFI);
}

void tests_run(const struct image *im)
{
	test_qspi(im);
	test_rng();
	if (hal_port_fitted(HAL_MODEM))
		test_modem();
	if (hal_port_fitted(HAL_WIFI))
		test_wifi();
}
