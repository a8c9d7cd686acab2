#include "agent/flow/dialogue.h"

#include <string.h>

#define READ_SLICE_MS 50

void dialogue_escape(char *out, size_t out_size, const char *text, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	size_t at = 0;

	for (size_t i = 0; i < len && at + 5 <= out_size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c <= 0x7e && c != '\\') {
			out[at++] = (char)c;
			continue;
		}
		out[at++] = '\\';
		out[at++] = 'x';
		out[at++] = digits[c >> 4];
		out[at++] = digits[c & 15];
	}
	out[at] = '\0';
}

void dialogue_init(struct dialogue *d, struct target *t, int silence_ms,
		   dialogue_log_fn *log, void *log_arg)
{
	memset(d, 0, sizeof(*d));
	d->target = t;
	d->silence_ms = silence_ms;
	d->log = log;
	d->log_arg = log_arg;
	uart_link_init(&d->link, false);
}

enum err_code dialogue_start(struct dialogue *d, bool hold, struct err *e)
{
	enum err_code rc = ERR_OK;

	if (hold)
		rc = target_hold_reset(d->target, true, e);
	if (rc == ERR_OK)
		rc = target_uart_flush(d->target, e);
	dialogue_init(d, d->target, d->silence_ms, d->log, d->log_arg);
	if (rc == ERR_OK)
		rc = target_hold_reset(d->target, false, e);
	return rc;
}

/* ---- receiving ---- */

static enum err_code take_sentence(struct dialogue *d,
				   const struct uart_sentence *s, struct err *e)
{
	if (s->type == UART_BOOT)
		d->queue_n = 0; /* what came before the reset is history */
	if (d->queue_n == DIALOGUE_QUEUE)
		return err_set(e, ERR_MALFORMED,
			       "the DUT sends sentences without waiting");
	d->queue[d->queue_n++] = *s;
	return ERR_OK;
}

static bool waits_for_journal(enum uart_type type)
{
	return type == UART_STORED || type == UART_APP_TEST;
}

/* Send the acknowledgement, or hold it. While one is held the DUT can only
 * repeat itself, or start again, which makes it void. */
static enum err_code acknowledge(struct dialogue *d, enum uart_event ev,
				 const struct uart_sentence *s,
				 const char *reply, size_t reply_len,
				 struct err *e)
{
	bool is_new = ev == UART_EVENT_SENTENCE;

	if (is_new ? waits_for_journal(s->type) : d->held_len > 0) {
		memcpy(d->held, reply, reply_len);
		d->held_len = reply_len;
		return ERR_OK;
	}
	d->held_len = 0;
	return target_uart_write(d->target, reply, reply_len, e);
}

/* The caller is back: its journal has what was heard. */
static enum err_code release(struct dialogue *d, struct err *e)
{
	size_t len = d->held_len;

	d->held_len = 0;
	return len == 0 ? ERR_OK
			: target_uart_write(d->target, d->held, len, e);
}

static enum err_code take_line(struct dialogue *d, struct err *e)
{
	char reply[UART_LINE_MAX], text[DIALOGUE_LOG_MAX];
	struct uart_sentence s;
	size_t reply_len = 0;
	enum uart_event ev;
	enum err_code rc = ERR_OK;

	ev = uart_link_line(&d->link, d->lines.line, d->lines.len, &s, reply,
			    &reply_len);
	if (reply_len > 0)
		rc = acknowledge(d, ev, &s, reply, reply_len, e);
	if (rc != ERR_OK || ev == UART_EVENT_NONE)
		return rc;
	d->heard_us = d->line_us;
	switch (ev) {
	case UART_EVENT_ACKED:
		d->acked = true;
		break;
	case UART_EVENT_SENTENCE:
		rc = take_sentence(d, &s, e);
		break;
	case UART_EVENT_LOG:
		dialogue_escape(text, sizeof(text), d->lines.line,
				d->lines.len);
		d->log(d->log_arg, text);
		break;
	case UART_EVENT_NONE:
		break;
	}
	return rc;
}

/* When it has been quiet for a while: is the board still there? */
static enum err_code look(struct dialogue *d, struct err *e)
{
	enum err_code rc;
	bool there = true;

	if (d->line_us - d->present_us < DIALOGUE_PRESENT_MS * 1000 ||
	    d->line_us - d->heard_us < DIALOGUE_PRESENT_MS * 1000)
		return ERR_OK;
	rc = target_present(d->target, &there, e);
	d->present_us = d->line_us;
	if (rc != ERR_OK)
		return rc;
	d->absent = there ? 0 : d->absent + 1;
	if (d->absent >= 2)
		return err_set(e, ERR_NO_TARGET,
			       "the board was taken out or lost contact");
	return ERR_OK;
}

static enum err_code pump(struct dialogue *d, struct err *e)
{
	uint8_t buf[256];
	enum err_code rc;
	size_t got = 0;

	rc = target_uart_read(d->target, buf, sizeof(buf), &got, READ_SLICE_MS,
			      e);
	d->line_us +=
		got > 0 ? target_uart_us(d->target, got) : READ_SLICE_MS * 1000;
	for (size_t i = 0; i < got && rc == ERR_OK; i++)
		if (uart_lines_feed(&d->lines, buf[i]))
			rc = take_line(d, e);
	if (rc == ERR_OK && got == 0)
		rc = look(d, e);
	return rc;
}

static enum err_code check_time(const struct dialogue *d, struct mono deadline,
				struct err *e)
{
	if (d->line_us - d->heard_us >= d->silence_ms * INT64_C(1000))
		return err_set(e, ERR_TIMEOUT,
			       "the DUT has said nothing for %d ms",
			       d->silence_ms);
	if (mono_passed(deadline))
		return err_set(e, ERR_TIMEOUT,
			       "the DUT did not come to an end in time");
	return ERR_OK;
}

enum err_code dialogue_next(struct dialogue *d, struct uart_sentence *s,
			    struct mono deadline, struct err *e)
{
	enum err_code rc = release(d, e);

	d->heard_us = d->line_us; /* the silence counts from here */
	while (rc == ERR_OK && d->queue_n == 0) {
		rc = check_time(d, deadline, e);
		if (rc == ERR_OK)
			rc = pump(d, e);
	}
	if (rc != ERR_OK)
		return rc;
	*s = d->queue[0];
	d->queue_n--;
	memmove(d->queue, d->queue + 1, d->queue_n * sizeof(d->queue[0]));
	return ERR_OK;
}

/* ---- sending ---- */

static uint32_t line_ms(const struct dialogue *d)
{
	return (uint32_t)(d->line_us / 1000);
}

static enum err_code tick(struct dialogue *d, struct err *e)
{
	switch (uart_link_tick(&d->link, line_ms(d))) {
	case UART_TICK_RESEND:
		return target_uart_write(d->target, d->link.sent,
					 d->link.sent_len, e);
	case UART_TICK_LOST:
		return err_set(e, ERR_TIMEOUT,
			       "the DUT does not acknowledge a sentence");
	case UART_TICK_IDLE:
		break;
	}
	return ERR_OK;
}

enum err_code dialogue_send(struct dialogue *d, struct uart_sentence *s,
			    struct mono deadline, struct err *e)
{
	size_t len = uart_link_send(&d->link, s, line_ms(d));
	enum err_code rc;

	if (len == 0)
		return err_set(e, ERR_BUG, "sentence %s cannot be sent",
			       uart_type_name(s->type));
	d->acked = false;
	/* the silence counts from here: it is the DUT's turn */
	d->heard_us = d->line_us;
	rc = release(d, e);
	if (rc == ERR_OK)
		rc = target_uart_write(d->target, d->link.sent, len, e);
	while (rc == ERR_OK && !d->acked) {
		if (!d->link.waiting)
			return err_set(e, ERR_STATE, "the DUT started again");
		rc = check_time(d, deadline, e);
		if (rc == ERR_OK)
			rc = pump(d, e);
		if (rc == ERR_OK && !d->acked)
			rc = tick(d, e);
	}
	return rc;
}
