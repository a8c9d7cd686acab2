/* Lines out of bytes, and the stop-and-wait link. At most one sentence per
 * direction is under way, so the receiver needs to remember only the last one
 * that it accepted. */
#include "proto/uart/uart.h"

/* An end that repeats in step with the other could drown every answer of a
 * DUT that cannot hear while it speaks; the host therefore waits longer. */
#define HOST_EXTRA_MS 110u

/* -------- lines -------- */

bool uart_lines_feed(struct uart_lines *l, uint8_t byte)
{
	if (l->done) {
		l->done = false;
		l->len = 0;
	}
	if (byte == '\r' || byte == '\n') {
		bool finished = l->len > 0 && !l->overlong;

		if (!finished)
			l->len = 0;
		l->overlong = false;
		l->done = finished;
		return finished;
	}
	if (l->overlong)
		return false;
	l->line[l->len++] = (char)byte;
	if (l->len < UART_LINE_MAX)
		return false;
	/* no sentence is this long: hand it out cut, drop the rest */
	l->overlong = true;
	l->done = true;
	return true;
}

/* -------- link -------- */

void uart_link_init(struct uart_link *k, bool is_dut)
{
	*k = (struct uart_link){.is_dut = is_dut};
}

static uint32_t resend_ms(const struct uart_link *k)
{
	return UART_RESEND_MS + (k->is_dut ? 0 : HOST_EXTRA_MS);
}

size_t uart_link_send(struct uart_link *k, struct uart_sentence *s,
		      uint32_t now_ms)
{
	size_t len;

	if (k->waiting || s->type == UART_ACK)
		return 0;
	s->seq = k->next_seq;
	len = uart_encode(k->sent, sizeof(k->sent), s);
	if (len == 0)
		return 0;
	k->sent_len = len;
	k->sent_seq = s->seq;
	k->next_seq = (k->next_seq + 1u) & 0xFFFFu;
	k->waiting = true;
	k->resends_left = UART_RESENDS;
	k->sent_at_ms = now_ms;
	return len;
}

enum uart_tick uart_link_tick(struct uart_link *k, uint32_t now_ms)
{
	if (!k->waiting || now_ms - k->sent_at_ms < resend_ms(k))
		return UART_TICK_IDLE;
	if (k->resends_left == 0) {
		k->waiting = false;
		return UART_TICK_LOST;
	}
	k->resends_left--;
	k->sent_at_ms = now_ms;
	return UART_TICK_RESEND;
}

static enum uart_event take_ack(struct uart_link *k, uint32_t of)
{
	if (!k->waiting || of != k->sent_seq)
		return UART_EVENT_NONE;
	k->waiting = false;
	return UART_EVENT_ACKED;
}

/* A reset of the DUT has made everything before it void. */
static void take_boot(struct uart_link *k)
{
	k->next_seq = 0;
	k->waiting = false;
}

enum uart_event uart_link_line(struct uart_link *k, const char *line,
			       size_t len, struct uart_sentence *s,
			       char reply[UART_LINE_MAX], size_t *reply_len)
{
	struct uart_sentence ack = {.type = UART_ACK};
	uint32_t crc;

	*reply_len = 0;
	switch (uart_decode(s, line, len, k->is_dut)) {
	case UART_LOG:
		return UART_EVENT_LOG;
	case UART_BAD:
		k->bad_count++;
		return UART_EVENT_NONE;
	case UART_SENTENCE:
		break;
	}
	if (s->type == UART_ACK)
		return take_ack(k, s->u.ACK.of);
	ack.seq = s->seq;
	ack.u.ACK.of = s->seq;
	*reply_len = uart_encode(reply, UART_LINE_MAX, &ack);
	crc = uart_crc32(line, len);
	if (k->have_last && k->last_seq == s->seq && k->last_crc == crc)
		return UART_EVENT_NONE;
	if (s->type == UART_BOOT)
		take_boot(k);
	k->have_last = true;
	k->last_seq = s->seq;
	k->last_crc = crc;
	return UART_EVENT_SENTENCE;
}
