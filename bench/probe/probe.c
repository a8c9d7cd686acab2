#include "bench/probe/probe.h"

#include <stdlib.h>
#include <string.h>

#define STATUS_BYTES	 2u
#define PAYLOAD		 (PROBE_PACKET - STATUS_BYTES)
#define PACKETS_A_UFRAME 13u
#define PS_PER_MS	 1000000000u
#define LATENCY_DEFAULT	 16u /* ms, AN232B-04 */
#define CHANNEL_UART	 1u

/* -------- life -------- */

static bool copy_string(char out[PROBE_STRING_MAX + 1], const char *text)
{
	size_t n = strlen(text);

	if (n > PROBE_STRING_MAX)
		return false;
	memcpy(out, text, n + 1);
	return true;
}

enum err_code probe_new(struct probe **out, const struct probe_config *c,
			struct harness *h, struct err *e)
{
	struct probe *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return err_set(e, ERR_NO_MEMORY, "probe");
	p->config = *c;
	p->h = h;
	p->channels = probe_type_channels(c->type);
	if (!copy_string(p->manufacturer, c->manufacturer) ||
	    !copy_string(p->product, c->product) ||
	    !copy_string(p->serial, c->serial)) {
		free(p);
		return err_set(e, ERR_INPUT,
			       "a USB string is longer than %u characters",
			       PROBE_STRING_MAX);
	}
	for (unsigned i = 0; i < p->channels; i++)
		mpsse_init(&p->channel[i].mpsse, h,
			   probe_type_fifo_bytes(c->type));
	probe_reset(p);
	*out = p;
	return ERR_OK;
}

void probe_free(struct probe *p)
{
	free(p);
}

void probe_reset(struct probe *p)
{
	for (unsigned i = 0; i < p->channels; i++) {
		struct probe_channel *c = &p->channel[i];

		c->mpsse_mode = false;
		c->latency_ms = LATENCY_DEFAULT;
		c->last_in_ps = p->usb_ps;
		fifo_clear(&c->mpsse.in);
		fifo_clear(&c->mpsse.out);
	}
	mpsse_stop(&p->channel[0].mpsse);
	fifo_clear(&p->h->uart.tx);
	fifo_clear(&p->h->uart.rx);
	uart_line_set_baud(&p->h->uart, 9600);
}

/* -------- time -------- */

static void bus_time(struct probe *p, unsigned channel, uint64_t ps)
{
	p->usb_ps += ps;
	p->h->account.usb_busy_ps += ps;
	if (channel == CHANNEL_UART)
		p->h->account.usb_uart_ps += ps;
}

static void packet_time(struct probe *p, unsigned channel, size_t bytes)
{
	/* Token, handshake and gaps are most of a short packet. */
	size_t cost = bytes < 64 ? 64 : bytes;

	bus_time(p, channel,
		 PROBE_UFRAME_PS / PACKETS_A_UFRAME * cost / PROBE_PACKET);
}

static void next_uframe(struct probe *p, unsigned channel)
{
	bus_time(p, channel, PROBE_UFRAME_PS - p->usb_ps % PROBE_UFRAME_PS);
}

static void follow(struct probe *p)
{
	if (p->h->now_ps < p->usb_ps)
		harness_advance(p->h, p->usb_ps, &p->h->account.usb_ps);
}

void probe_bus(struct probe *p, uint64_t ps)
{
	p->usb_ps += ps;
	p->h->account.usb_busy_ps += ps;
	follow(p);
}

void probe_elapse(struct probe *p, uint64_t ps)
{
	p->usb_ps += ps;
	if (p->h->now_ps < p->usb_ps)
		harness_advance(p->h, p->usb_ps, &p->h->account.host_ps);
}

static void pins_ahead(struct probe *p, uint64_t until_ps, uint64_t *spent_ps)
{
	harness_advance(p->h, until_ps, spent_ps);
	if (p->usb_ps < until_ps)
		p->usb_ps = until_ps;
}

void probe_wait(struct probe *p, uint64_t until_ps)
{
	pins_ahead(p, until_ps, &p->h->account.board_ps);
}

void probe_pass(struct probe *p, uint64_t until_ps)
{
	pins_ahead(p, until_ps, &p->h->account.host_ps);
}

/* -------- channels -------- */

bool probe_endpoint(const struct probe *p, uint8_t endpoint, unsigned *channel)
{
	unsigned number = endpoint & 0x0Fu;

	if ((endpoint & 0x70u) != 0 || number == 0)
		return false;
	/* IN 1, 3, 5, 7; OUT 2, 4, 6, 8 */
	if ((endpoint & 0x80u) != 0 ? number % 2 == 0 : number % 2 != 0)
		return false;
	*channel = (number - 1) / 2;
	return *channel < p->channels;
}

static bool is_uart(const struct probe *p, unsigned channel)
{
	return channel == CHANNEL_UART && !p->channel[channel].mpsse_mode;
}

static struct fifo *fifo_from_host(struct probe *p, unsigned channel)
{
	return is_uart(p, channel) ? &p->h->uart.tx
				   : &p->channel[channel].mpsse.in;
}

static struct fifo *fifo_to_host(struct probe *p, unsigned channel)
{
	return is_uart(p, channel) ? &p->h->uart.rx
				   : &p->channel[channel].mpsse.out;
}

static void run_channel(struct probe *p, unsigned channel)
{
	struct probe_channel *c = &p->channel[channel];

	if (is_uart(p, channel))
		return;
	if (c->mpsse_mode && channel == 0)
		mpsse_run(&c->mpsse);
	else
		fifo_clear(&c->mpsse.in); /* pins that lead nowhere */
}

bool probe_active(const struct probe *p, unsigned channel)
{
	if (is_uart(p, channel))
		return p->h->uart.rx.len > 0 || p->h->uart.rx_busy ||
		       uart_line_sending(&p->h->uart, p->h->now_ps);
	return p->channel[channel].mpsse.out.len > 0;
}

/* -------- OUT -------- */

size_t probe_out(struct probe *p, unsigned channel, const uint8_t *data,
		 size_t len, bool queued)
{
	struct fifo *f = fifo_from_host(p, channel);
	size_t done = 0;

	if (!queued) {
		next_uframe(p, channel);
		p->h->account.usb_out_count++;
	}
	while (done < len) {
		size_t n =
			len - done < PROBE_PACKET ? len - done : PROBE_PACKET;
		uint64_t room_ps;

		if (fifo_room(f) < n)
			break;
		room_ps = fifo_room_ps(f, n);
		if (room_ps > p->usb_ps)
			p->usb_ps = room_ps;
		packet_time(p, channel, n);
		for (size_t i = 0; i < n; i++)
			fifo_put(f, data[done + i], p->usb_ps);
		done += n;
		run_channel(p, channel);
	}
	p->h->account.usb_out_bytes += done;
	follow(p);
	return done;
}

/* -------- IN -------- */

void probe_in_begin(struct probe *p, unsigned channel, bool queued)
{
	if (!queued)
		next_uframe(p, channel);
	p->h->account.usb_in_count++;
	follow(p);
}

/* AN232B-10 and the D2XX guide: modem status, then line status. */
static void status_bytes(struct probe *p, unsigned channel, uint8_t out[2])
{
	struct uart_line *u = &p->h->uart;

	out[0] = 0x32; /* CTS, DSR asserted by pull-downs; Hi-Speed chip */
	out[1] = 0x60; /* transmitter empty */
	if (!is_uart(p, channel))
		return;
	if (uart_line_sending(u, p->h->now_ps))
		out[1] = 0x00;
	if (u->overrun)
		out[1] |= 0x02;
	if (u->framing)
		out[1] |= 0x08;
	u->overrun = u->framing = false;
}

/* How many bytes the next packet takes and when it can go; false: not before
 * *ready_ps. */
static bool packet_due(struct probe *p, unsigned channel, size_t *n,
		       uint64_t *ready_ps)
{
	struct probe_channel *c = &p->channel[channel];
	const struct fifo *f = fifo_to_host(p, channel);
	uint64_t timer = c->last_in_ps + (uint64_t)c->latency_ms * PS_PER_MS;

	*n = f->len < PAYLOAD ? f->len : PAYLOAD;
	if (*n == PAYLOAD) {
		*ready_ps = fifo_in_ps(f, *n - 1);
		return true;
	}
	if (!is_uart(p, channel) && c->mpsse.flush) {
		*ready_ps = c->mpsse.flush_ps;
		return true;
	}
	*ready_ps = timer;
	return p->h->now_ps >= timer;
}

/* False: the transfer has no room for the packet. */
static bool send_packet(struct probe *p, unsigned channel, struct probe_in *x,
			size_t n)
{
	struct probe_channel *c = &p->channel[channel];
	struct fifo *f = fifo_to_host(p, channel);

	if (x->len - x->got < n + STATUS_BYTES) {
		x->overflow = true;
		return false;
	}
	status_bytes(p, channel, x->buf + x->got);
	x->got += STATUS_BYTES;
	for (size_t i = 0; i < n; i++)
		x->buf[x->got++] = fifo_get(f, p->usb_ps);
	if (c->mpsse.flush && f->out_total >= c->mpsse.flush_total)
		c->mpsse.flush = false;
	packet_time(p, channel, n + STATUS_BYTES);
	c->last_in_ps = p->usb_ps;
	p->h->account.usb_in_bytes += n;
	return true;
}

/* An engine that waited for room goes on when the host has taken bytes. */
static void resume(struct probe *p, unsigned channel)
{
	if (p->h->now_ps < p->usb_ps)
		harness_advance(p->h, p->usb_ps, &p->h->account.usb_ps);
	run_channel(p, channel);
}

static bool blocked(const struct probe *p, unsigned channel)
{
	return !is_uart(p, channel) &&
	       mpsse_blocked(&p->channel[channel].mpsse);
}

bool probe_in(struct probe *p, unsigned channel, struct probe_in *x,
	      uint64_t *until_ps)
{
	bool done = x->got == x->len;

	while (!done) {
		bool was_blocked = blocked(p, channel);
		size_t n;
		uint64_t ready_ps;

		if (!packet_due(p, channel, &n, &ready_ps)) {
			*until_ps = ready_ps;
			return false;
		}
		if (ready_ps > p->usb_ps)
			p->usb_ps = ready_ps;
		done = !send_packet(p, channel, x, n) || n < PAYLOAD ||
		       x->got == x->len;
		if (was_blocked)
			resume(p, channel);
	}
	follow(p);
	return true;
}
