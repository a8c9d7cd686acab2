/* Bytes are taken off the wire in bursts and looked at afterwards, because
 * looking takes longer than a bit. */
#include "firmware/common/dialogue.h"

#include "firmware/hal/hal.h"
#include "proto/image/image.h"

#include <string.h>

#define BOOT_ROUNDS 20u
#define LISTEN_MS   20u

static struct uart_link link;
static struct uart_lines lines;
/* Three lines: as much as a peer sends without waiting for an answer. */
static uint8_t burst[3 * UART_LINE_MAX];
static size_t burst_len, burst_at;
/* A sentence that came while an ACK was awaited. */
static struct uart_sentence early;
static bool have_early;

void dialogue_set_text(char *field, size_t size, const char *src)
{
	size_t len = 0;

	for (; len + 1 < size && src[len] != '\0'; len++)
		field[len] = src[len];
	field[len] = '\0';
}

/* A finished line in `lines`, within wait_ms of silence before it. */
static bool receive_line(uint32_t wait_ms)
{
	for (;;) {
		while (burst_at < burst_len)
			if (uart_lines_feed(&lines, burst[burst_at++]))
				return true;
		burst_at = 0;
		burst_len = hal_uart_receive(burst, sizeof(burst), wait_ms);
		if (burst_len == 0)
			return false;
	}
}

/* Take in the line that has been received; acknowledge what is new. A second
 * early sentence stays unacknowledged: its sender will repeat it. */
static enum uart_event take_line(struct uart_sentence *s)
{
	static char reply[UART_LINE_MAX];
	struct uart_link before = link;
	size_t reply_len;
	enum uart_event event;

	event = uart_link_line(&link, lines.line, lines.len, s, reply,
			       &reply_len);
	if (event == UART_EVENT_SENTENCE && have_early) {
		link = before;
		return UART_EVENT_NONE;
	}
	if (reply_len > 0)
		hal_uart_send(reply, reply_len);
	return event;
}

/* Wait for the ACK of what has been sent; false when the peer is gone. */
static bool await_ack(void)
{
	while (link.waiting) {
		struct uart_sentence s;

		if (receive_line(LISTEN_MS) &&
		    take_line(&s) == UART_EVENT_SENTENCE) {
			early = s;
			have_early = true;
		}
		switch (uart_link_tick(&link, hal_ms())) {
		case UART_TICK_RESEND:
			hal_uart_send(link.sent, link.sent_len);
			break;
		case UART_TICK_LOST:
			return false;
		case UART_TICK_IDLE:
			break;
		}
	}
	return true;
}

static bool try_say(struct uart_sentence *s)
{
	size_t len = uart_link_send(&link, s, hal_ms());

	if (len == 0)
		return false;
	hal_uart_send(link.sent, len);
	link.sent_at_ms = hal_ms();
	return await_ack();
}

void dialogue_say(struct uart_sentence *s)
{
	if (!try_say(s))
		hal_stop();
}

static void fill_boot(struct uart_sentence *s,
		      const struct layout_program_header *of)
{
	struct uart_BOOT *boot = &s->u.BOOT;

	s->type = UART_BOOT;
	dialogue_set_text(boot->program, sizeof(boot->program),
			  image_part_name(of->program));
	dialogue_set_text(boot->version, sizeof(boot->version), of->version);
	hal_uid(boot->uid);
}

void dialogue_announce(const struct layout_program_header *other)
{
	struct uart_sentence s;
	size_t len;

	fill_boot(&s, other);
	uart_link_init(&link, true);
	len = uart_link_send(&link, &s, hal_ms());
	hal_uart_send(link.sent, len);
}

void dialogue_begin(const struct layout_program_header *self)
{
	struct uart_sentence s;

	have_early = false;
	fill_boot(&s, self);
	for (unsigned i = 0; i < BOOT_ROUNDS; i++) {
		uart_link_init(&link, true);
		if (try_say(&s))
			return;
	}
	hal_stop();
}

bool dialogue_expect(enum uart_type type, struct uart_sentence *s,
		     uint32_t wait_ms)
{
	uint32_t begin = hal_ms();

	if (have_early) {
		have_early = false;
		*s = early;
		if (s->type == type)
			return true;
	}
	while (hal_ms() - begin < wait_ms) {
		if (receive_line(1000) && take_line(s) == UART_EVENT_SENTENCE &&
		    s->type == type)
			return true;
	}
	return false;
}

void dialogue_stage(const char *name, uint32_t percent)
{
	struct uart_sentence s = {.type = UART_STAGE};

	dialogue_set_text(s.u.STAGE.name, sizeof(s.u.STAGE.name), name);
	s.u.STAGE.percent = percent;
	dialogue_say(&s);
}

void dialogue_installed(const char *program, const char *version,
			const uint8_t sha256[32])
{
	struct uart_sentence s = {.type = UART_INSTALLED};
	struct uart_INSTALLED *in = &s.u.INSTALLED;

	dialogue_set_text(in->program, sizeof(in->program), program);
	dialogue_set_text(in->version, sizeof(in->version), version);
	memcpy(in->sha256, sha256, sizeof(in->sha256));
	dialogue_say(&s);
}

void dialogue_fail(enum failure code, const char *text)
{
	struct uart_sentence s = {.type = UART_FAIL};

	dialogue_set_text(s.u.FAIL.code, sizeof(s.u.FAIL.code),
			  failure_code(code));
	dialogue_set_text(s.u.FAIL.text, sizeof(s.u.FAIL.text), text);
	dialogue_say(&s);
	hal_stop();
}

void dialogue_fail_at(enum failure code, const char *text, const char *detail,
		      uint32_t number)
{
	char line[81];
	size_t len;

	dialogue_set_text(line, 30, text);
	len = strlen(line);
	dialogue_set_text(line + len, 40, detail);
	len = strlen(line);
	line[len++] = ' ';
	for (int shift = 28; shift >= 0; shift -= 4)
		line[len++] = "0123456789abcdef"[number >> shift & 15u];
	line[len] = '\0';
	dialogue_fail(code, line);
}

void dialogue_log(const char *text, size_t len)
{
	char line[UART_LINE_MAX];
	size_t n = 0;

	for (; n < len && n < sizeof(line) - 2; n++)
		line[n] = text[n] >= 0x20 && text[n] < 0x7F ? text[n] : '?';
	line[n++] = '\r';
	line[n++] = '\n';
	hal_uart_send(line, n);
}
