/* Timing: data out on the falling edge of SWCLK, in on the rising one; the
 * target does both on the rising edge (IHI 0031E B4.3). Seen from the host a
 * transfer is
 *
 *   write  request 8, turnaround 1, ACK 3, turnaround 1, data 32, parity 1
 *   read   request 8, turnaround 1, ACK 3, data 32, parity 1, turnaround 1
 *
 * and two idle cycles make it 48 clocks. Invariant: between transfers the
 * host drives SWDIO, low, and SWCLK is low.
 */
#include "agent/drv/swd_mpsse.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* AN_108 rev 1.5, 3.3 to 3.6 and 3.8: LSB first, out on -ve, in on +ve */
#define MPSSE_OUT_BYTES	  0x19
#define MPSSE_OUT_BITS	  0x1B
#define MPSSE_IN_BYTES	  0x28
#define MPSSE_IN_BITS	  0x2A
#define MPSSE_INOUT_BYTES 0x39
#define MPSSE_SET_LOW	  0x80
#define MPSSE_CLOCK_BITS  0x8E
#define MPSSE_CLOCK_BYTES 0x8F

#define TRANSFER_BYTES	  6u
#define SEQUENCE_BITS	  512u
#define IDLE_CHUNK	  65536u  /* bytes' worth of clocks in one command */
#define IDLE_MAX_US	  400000u /* in one exchange: well within its budget */
#define WIRE_MAX_MS	  500u	  /* of clocking in one exchange: likewise */
#define ENABLE_BYTES	  20u	  /* most that a transfer takes there */

struct swd_mpsse {
	struct probe *probe;
	enum swd_mpsse_layout layout;
	bool reset_held;
	uint32_t clock_hz;
	size_t out_len, in_len;
	size_t run_at; /* header of the open MPSSE_INOUT_BYTES; 0: none */
	uint8_t out[PROBE_OUT_MAX];
	uint8_t in[PROBE_IN_MAX];
};

unsigned swd_parity(uint32_t value)
{
	return (unsigned)__builtin_parity(value);
}

uint8_t swd_request(const struct swd_transfer *t)
{
	unsigned bits = (t->ap ? 1u : 0u) | (t->read ? 2u : 0u) |
			((t->addr & 0xCu) >> 2) << 2;

	return (uint8_t)(0x81u | bits << 1 | swd_parity(bits) << 5);
}

static void put(struct swd_mpsse *m, unsigned byte)
{
	assert(m->out_len < sizeof m->out);
	m->out[m->out_len++] = (uint8_t)byte;
}

static uint8_t pin_value(const struct swd_mpsse *m, bool drive)
{
	return drive && m->layout == SWD_MPSSE_OUTPUT_ENABLE ? PROBE_PIN_OE : 0;
}

static uint8_t pin_direction(const struct swd_mpsse *m)
{
	uint8_t dir = PROBE_PIN_CLK | PROBE_PIN_DO;

	if (m->layout == SWD_MPSSE_OUTPUT_ENABLE)
		dir |= PROBE_PIN_OE;
	if (m->reset_held)
		dir |= PROBE_PIN_NRST;
	return dir;
}

static void put_drive(struct swd_mpsse *m, bool drive)
{
	put(m, MPSSE_SET_LOW);
	put(m, pin_value(m, drive));
	put(m, pin_direction(m));
}

static void put_length(struct swd_mpsse *m, unsigned opcode, size_t bytes)
{
	put(m, opcode);
	put(m, (unsigned)(bytes - 1) & 0xFFu);
	put(m, (unsigned)(bytes - 1) >> 8);
}

static void put_bits(struct swd_mpsse *m, unsigned bits, unsigned count)
{
	put(m, MPSSE_OUT_BITS);
	put(m, count - 1);
	put(m, bits);
}

static void want_bits(struct swd_mpsse *m, unsigned count)
{
	put(m, MPSSE_IN_BITS);
	put(m, count - 1);
	m->in_len++;
}

/* Idle clocks at the present frequency, rounded up to whole bytes. SWDIO keeps
 * the level of the last bit, which is an idle bit. */
static void put_idle(struct swd_mpsse *m, uint32_t idle_us)
{
	uint64_t bytes =
		((uint64_t)idle_us * m->clock_hz + 7999999u) / 8000000u;

	m->run_at = 0;
	while (bytes > 0) {
		size_t part = bytes > IDLE_CHUNK ? IDLE_CHUNK : (size_t)bytes;

		put_length(m, MPSSE_CLOCK_BYTES, part);
		bytes -= part;
	}
}

/* The 48 bits that AD1 has while a transfer passes. Where the target drives
 * they are 0: a wire that nobody answers on reads ACK 0. */
static uint64_t transfer_bits(const struct swd_transfer *t)
{
	uint64_t bits = swd_request(t);

	if (!t->read)
		bits |= (uint64_t)t->value << 13 |
			(uint64_t)swd_parity(t->value) << 45;
	return bits;
}

static void put48(struct swd_mpsse *m, uint64_t bits)
{
	uint8_t *p = m->out + m->out_len;

	assert(m->out_len + TRANSFER_BYTES <= sizeof m->out);
	for (unsigned i = 0; i < TRANSFER_BYTES; i++)
		p[i] = (uint8_t)(bits >> (8 * i));
	m->out_len += TRANSFER_BYTES;
}

/* Consecutive transfers share one command: its length grows in place. */
static void encode_resistor(struct swd_mpsse *m, const struct swd_transfer *t)
{
	uint64_t bits = transfer_bits(t);
	size_t len;

	if (m->run_at == 0) {
		/* 0 stands for none: a batch never starts with a run at 0
		 * because begin() puts the pins first */
		m->run_at = m->out_len;
		put_length(m, MPSSE_INOUT_BYTES, TRANSFER_BYTES);
	} else {
		len = m->out_len - m->run_at - 3 + TRANSFER_BYTES - 1;
		m->out[m->run_at + 1] = (uint8_t)len;
		m->out[m->run_at + 2] = (uint8_t)(len >> 8);
	}
	put48(m, bits);
	m->in_len += TRANSFER_BYTES;
}

/* One command, nothing read back. */
static void stream_resistor(struct swd_mpsse *m, const struct swd_transfer *t)
{
	uint64_t request = swd_request(t);

	m->run_at = 0;
	put_length(m, MPSSE_OUT_BYTES, (size_t)t->count * TRANSFER_BYTES);
	for (uint32_t i = 0; i < t->count; i++)
		put48(m, request | (uint64_t)t->words[i] << 13 |
				 (uint64_t)swd_parity(t->words[i]) << 45);
}

static void encode_enable(struct swd_mpsse *m, const struct swd_transfer *t)
{
	put_bits(m, swd_request(t), 8);
	put_drive(m, false);
	if (t->read) {
		want_bits(m, 4); /* turnaround, ACK */
		put_length(m, MPSSE_IN_BYTES, 4);
		m->in_len += 4;
		want_bits(m, 2); /* parity, turnaround */
		put_drive(m, true);
		put_bits(m, 0, 2);
		return;
	}
	want_bits(m, 5); /* turnaround, ACK, turnaround */
	put_drive(m, true);
	put_length(m, MPSSE_OUT_BYTES, 4);
	for (unsigned i = 0; i < 4; i++)
		put(m, t->value >> (8 * i) & 0xFFu);
	put_bits(m, swd_parity(t->value), 3); /* and two idle */
}

/* The ACK passes unread. Data, parity, idle cycles and the next request are
 * clocked together: 32 + 1 + 2 + 8 bits, 5 bytes and 3 bits. */
static void stream_enable(struct swd_mpsse *m, const struct swd_transfer *t)
{
	uint8_t request = swd_request(t);

	put_bits(m, request, 8);
	for (uint32_t i = 0; i < t->count; i++) {
		uint64_t bits = t->words[i] | (uint64_t)swd_parity(t->words[i])
						      << 32;
		bool last = i + 1 == t->count;
		unsigned whole = last ? 4 : 5;

		if (!last)
			bits |= (uint64_t)request << 35;
		put_drive(m, false);
		put(m, MPSSE_CLOCK_BITS);
		put(m, 5 - 1); /* turnaround, ACK, turnaround */
		put_drive(m, true);
		put_length(m, MPSSE_OUT_BYTES, whole);
		for (unsigned k = 0; k < whole; k++)
			put(m, (unsigned)(bits >> (8 * k)) & 0xFFu);
		put_bits(m, (unsigned)(bits >> (8 * whole)) & 0xFFu, 3);
	}
}

static void encode(struct swd_mpsse *m, const struct swd_transfer *t)
{
	bool resistor = m->layout == SWD_MPSSE_RESISTOR;

	if (t->count > 0 && resistor)
		stream_resistor(m, t);
	else if (t->count > 0)
		stream_enable(m, t);
	else if (resistor)
		encode_resistor(m, t);
	else
		encode_enable(m, t);
	if (t->idle_us > 0)
		put_idle(m, t->idle_us);
}

/* ACK and, for a read, data and parity out of the bytes that came back.
 * Returns how many bytes the transfer took. */
static size_t decode(const struct swd_mpsse *m, const uint8_t *in,
		     const struct swd_transfer *t, unsigned *ack,
		     uint32_t *value, unsigned *parity)
{
	uint64_t bits = 0;

	if (m->layout == SWD_MPSSE_OUTPUT_ENABLE && !t->read) {
		*ack = in[0] >> 4 & 7u; /* 5 bits at the top: t aaa t */
		return 1;
	}
	if (m->layout == SWD_MPSSE_OUTPUT_ENABLE) {
		*ack = in[0] >> 5 & 7u; /* 4 bits at the top: t aaa */
		for (unsigned i = 0; i < 4; i++)
			bits |= (uint64_t)in[1 + i] << (8 * i);
		*value = (uint32_t)bits;
		*parity = in[5] >> 6 & 1u; /* 2 bits at the top: p t */
		return TRANSFER_BYTES;
	}
	for (unsigned i = 0; i < TRANSFER_BYTES; i++)
		bits |= (uint64_t)in[i] << (8 * i);
	*ack = (unsigned)(bits >> 9) & 7u;
	*value = (uint32_t)(bits >> 12);
	*parity = (unsigned)(bits >> 44) & 1u;
	return TRANSFER_BYTES;
}

static enum swd_end judge(struct swd_transfer *t, unsigned ack, uint32_t value,
			  unsigned parity)
{
	if (ack == SWD_ACK_WAIT)
		return SWD_END_WAIT;
	if (ack == SWD_ACK_FAULT)
		return SWD_END_FAULT;
	if (ack != SWD_ACK_OK)
		return SWD_END_NO_ACK;
	if (!t->read)
		return SWD_END_ALL;
	if (swd_parity(value) != parity)
		return SWD_END_PARITY;
	t->value = value;
	return SWD_END_ALL;
}

static enum swd_end decode_all(const struct swd_mpsse *m,
			       struct swd_transfer *t, size_t count,
			       size_t *done)
{
	const uint8_t *in = m->in;

	for (*done = 0; *done < count; (*done)++) {
		unsigned ack = 0, parity = 0;
		uint32_t value = 0;
		enum swd_end end;

		if (t[*done].count > 0)
			continue;
		in += decode(m, in, &t[*done], &ack, &value, &parity);
		end = judge(&t[*done], ack, value, parity);
		if (end != SWD_END_ALL)
			return end;
	}
	return SWD_END_ALL;
}

static void begin(struct swd_mpsse *m)
{
	m->out_len = 0;
	m->in_len = 0;
	m->run_at = 0;
	put_drive(m, true);
}

/* Room for t with the longest idle that adi.h allows? An exchange has to end
 * within its budget, whatever the clock. */
static bool has_room(const struct swd_mpsse *m, const struct swd_transfer *t)
{
	size_t each =
		m->layout == SWD_MPSSE_RESISTOR ? TRANSFER_BYTES : ENABLE_BYTES;
	size_t len = m->out_len + 64 + each * t->count;
	size_t at_once = m->clock_hz / 8 * WIRE_MAX_MS / 1000;

	return m->in_len + TRANSFER_BYTES <= sizeof m->in &&
	       len <= sizeof m->out &&
	       (t->count == 0 || m->out_len < 64 || len <= at_once);
}

static size_t encode_some(struct swd_mpsse *m, const struct swd_transfer *t,
			  size_t count)
{
	uint32_t idle_us = 0;
	size_t n;

	begin(m);
	for (n = 0; n < count && has_room(m, &t[n]) && idle_us < IDLE_MAX_US;
	     n++) {
		idle_us += t[n].idle_us;
		encode(m, &t[n]);
	}
	return n;
}

static enum err_code run_transfers(void *ctx, struct swd_transfer *t,
				   size_t count, size_t *done,
				   enum swd_end *end, struct err *e)
{
	struct swd_mpsse *m = ctx;

	*done = 0;
	*end = SWD_END_ALL;
	while (*done < count && *end == SWD_END_ALL) {
		size_t n = encode_some(m, t + *done, count - *done);
		size_t ok;
		enum err_code rc = probe_exchange(m->probe, m->out, m->out_len,
						  m->in, m->in_len, e);

		if (rc != ERR_OK)
			return rc;
		*end = decode_all(m, t + *done, n, &ok);
		*done += ok;
	}
	return ERR_OK;
}

static enum err_code send_sequence(void *ctx, const uint8_t *bits, size_t count,
				   struct err *e)
{
	struct swd_mpsse *m = ctx;
	size_t whole = count / 8;

	assert(count <= SEQUENCE_BITS);
	begin(m);
	if (whole > 0) {
		put_length(m, MPSSE_OUT_BYTES, whole);
		for (size_t i = 0; i < whole; i++)
			put(m, bits[i]);
	}
	if (count % 8 > 0)
		put_bits(m, bits[whole], (unsigned)(count % 8));
	return probe_exchange(m->probe, m->out, m->out_len, NULL, 0, e);
}

static enum err_code set_clock(void *ctx, uint32_t hz, uint32_t *actual_hz,
			       struct err *e)
{
	struct swd_mpsse *m = ctx;
	uint32_t actual;
	enum err_code rc = probe_set_clock(m->probe, hz, &actual, e);

	if (rc != ERR_OK)
		return rc;
	m->clock_hz = actual;
	if (actual_hz != NULL)
		*actual_hz = actual;
	return ERR_OK;
}

static enum err_code hold_reset(void *ctx, bool hold, struct err *e)
{
	struct swd_mpsse *m = ctx;

	m->reset_held = hold;
	return probe_set_pins(m->probe, pin_value(m, true), pin_direction(m),
			      e);
}

static const struct swd_ops mpsse_ops = {
	.sequence = send_sequence,
	.transfer = run_transfers,
	.set_clock = set_clock,
	.hold_reset = hold_reset,
};

enum err_code swd_mpsse_new(struct swd_mpsse **out, struct probe *probe,
			    enum swd_mpsse_layout layout, struct err *e)
{
	struct swd_mpsse *m = calloc(1, sizeof *m);
	enum err_code rc;

	*out = NULL;
	if (m == NULL)
		return err_set(e, ERR_NO_MEMORY, "no memory for SWD");
	m->probe = probe;
	m->layout = layout;
	rc = hold_reset(m, false, e);
	if (rc == ERR_OK)
		rc = set_clock(m, 1000000, NULL, e);
	if (rc != ERR_OK) {
		free(m);
		return rc;
	}
	*out = m;
	return ERR_OK;
}

void swd_mpsse_free(struct swd_mpsse *m)
{
	free(m);
}

struct swd_wire swd_mpsse_wire(struct swd_mpsse *m)
{
	return (struct swd_wire){&mpsse_ops, m};
}
