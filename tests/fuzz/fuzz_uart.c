/* Any bytes on the provisioning UART, once as they are and once with the CRC of
 * each would-be sentence made right, which a fuzzer cannot guess. Lines are
 * those that a plain split gives; a sentence that is accepted has one spelling;
 * the link never answers with anything but an ACK of what it has accepted. */
#include "proto/uart/uart.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static bool ends_line(uint8_t byte)
{
	return byte == '\r' || byte == '\n';
}

static void fix_crc(char *line, size_t len)
{
	char crc[9];

	if (len < 15 || memcmp(line, "!PL1 ", 5) || line[len - 9] != '*')
		return;
	snprintf(crc, sizeof crc, "%08X", uart_crc32(line, len - 9));
	memcpy(line + len - 8, crc, 8);
}

/* ---- one line ---- */

static bool check_line(const char *line, size_t len, bool to_dut)
{
	char again[UART_LINE_MAX];
	struct uart_sentence s, other;
	size_t n;

	if (uart_decode(&s, line, len, to_dut) != UART_SENTENCE)
		return false;
	n = uart_encode(again, sizeof again, &s);
	CHECK(n == len + 2 && !memcmp(again, line, len));
	CHECK(!memcmp(again + len, "\r\n", 2));
	if (s.type != UART_ACK)
		CHECK(uart_decode(&other, line, len, !to_dut) == UART_BAD);
	return true;
}

static void check_link(struct uart_link *k, const char *line, size_t len)
{
	bool valid = check_line(line, len, k->is_dut);
	char reply[UART_LINE_MAX];
	struct uart_sentence s, ack;
	size_t n = 0;
	enum uart_event ev = uart_link_line(k, line, len, &s, reply, &n);

	CHECK(valid || ev == UART_EVENT_LOG || ev == UART_EVENT_NONE);
	CHECK(ev != UART_EVENT_SENTENCE || n > 0);
	if (n == 0)
		return;
	CHECK(valid && n > 2 && n <= sizeof reply);
	CHECK(uart_decode(&ack, reply, n - 2, !k->is_dut) == UART_SENTENCE);
	CHECK(ack.type == UART_ACK && ack.u.ACK.of == s.seq);
}

/* ---- all bytes ---- */

/* What uart_lines_feed() must hand out for the line at data. */
static void check_assembly(struct uart_lines *l, const char *data, size_t len)
{
	size_t cut = len < UART_LINE_MAX ? len : UART_LINE_MAX, handed_out = 0;

	for (size_t i = 0; i < len; i++) {
		bool done = uart_lines_feed(l, (uint8_t)data[i]);

		CHECK(done == (i + 1 == UART_LINE_MAX));
		handed_out += done;
	}
	if (uart_lines_feed(l, len & 1 ? '\r' : '\n'))
		handed_out++;
	CHECK(handed_out == (len > 0));
	/* a long line was handed out before its end */
	if (len > 0 && len < UART_LINE_MAX)
		CHECK(l->len == cut && !memcmp(l->line, data, cut));
}

static void read_bytes(char *data, size_t size, bool fix)
{
	struct uart_sentence hello = {.type = UART_CHALLENGE};
	struct uart_link host, dut;
	struct uart_lines lines = {0};
	size_t len;

	uart_link_init(&host, false);
	uart_link_init(&dut, true);
	CHECK(uart_link_send(&host, &hello, 0) > 0);
	for (size_t at = 0; at < size; at += len + 1) {
		for (len = 0; at + len < size && !ends_line(data[at + len]);)
			len++;
		if (fix)
			fix_crc(data + at, len);
		check_assembly(&lines, data + at, len);
		if (len == 0)
			continue;
		if (len > UART_LINE_MAX)
			CHECK(!check_line(data + at, UART_LINE_MAX, false));
		else
			check_link(&host, data + at, len);
		if (len <= UART_LINE_MAX)
			check_link(&dut, data + at, len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1);

	CHECK(copy);
	memcpy(copy, data, size);
	read_bytes(copy, size, false);
	read_bytes(copy, size, true);
	free(copy);
	return 0;
}
