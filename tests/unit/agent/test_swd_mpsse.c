/* What goes to the MPSSE engine and what is made of its answer, against bytes
 * worked out by hand from IHI 0031E B4 and AN_108. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "agent/drv/swd_mpsse.c"

static uint8_t sent[PROBE_OUT_MAX];
static size_t sent_len;
static const uint8_t *answer;
static size_t answer_len, exchanges;

/* -------- the neighbour: a probe that records -------- */

enum err_code probe_exchange(struct probe *p, const uint8_t *out,
			     size_t out_len, uint8_t *in, size_t in_len,
			     struct err *e)
{
	(void)p;
	(void)e;
	memcpy(sent, out, out_len);
	sent_len = out_len;
	assert_true(in_len <= PROBE_IN_MAX);
	if (answer != NULL) {
		assert_int_equal(in_len, answer_len);
		memcpy(in, answer, in_len);
	} else if (in_len > 0) {
		memset(in, 0, in_len);
	}
	exchanges++;
	return ERR_OK;
}

enum err_code probe_set_clock(struct probe *p, uint32_t hz, uint32_t *actual,
			      struct err *e)
{
	(void)p;
	(void)e;
	*actual = hz;
	return ERR_OK;
}

static uint8_t pins_value, pins_direction;

enum err_code probe_set_pins(struct probe *p, uint8_t value, uint8_t direction,
			     struct err *e)
{
	(void)p;
	(void)e;
	pins_value = value;
	pins_direction = direction;
	return ERR_OK;
}

static struct swd_mpsse *make(enum swd_mpsse_layout layout)
{
	struct swd_mpsse *m;

	answer = NULL;
	exchanges = 0;
	assert_int_equal(swd_mpsse_new(&m, NULL, layout, NULL), ERR_OK);
	return m;
}

/* -------- tests -------- */

static void requests(void **state)
{
	/* the values every SWD text prints */
	static const struct {
		struct swd_transfer t;
		uint8_t byte;
	} rows[] = {
		{{.read = true, .addr = 0x0}, 0xA5},
		{{.addr = 0x0}, 0x81},
		{{.read = true, .addr = 0x4}, 0x8D},
		{{.addr = 0x4}, 0xA9},
		{{.addr = 0x8}, 0xB1},
		{{.read = true, .addr = 0xC}, 0xBD},
		{{.ap = true, .addr = 0x0}, 0xA3},
		{{.ap = true, .addr = 0x4}, 0x8B},
		{{.ap = true, .addr = 0xC}, 0xBB},
		{{.ap = true, .read = true, .addr = 0xC}, 0x9F},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(swd_request(&rows[i].t), rows[i].byte);
	assert_int_equal(swd_parity(0), 0);
	assert_int_equal(swd_parity(0x80000000u), 1);
	assert_int_equal(swd_parity(0x0BE12477u), 1); /* 17 ones */
	assert_int_equal(swd_parity(0x0BE12476u), 0);
}

static void resistor_write(void **state)
{
	/* CTRL/STAT = 0x50000001: data from bit 13, three ones, parity 1 in
	 * bit 45. 0x50000001 << 13 = 0xA0000002000. */
	static const uint8_t want[] = {0x80, 0x00, 0x03, 0x39, 0x05, 0x00,
				       0xA9, 0x20, 0x00, 0x00, 0x00, 0x2A};
	/* ACK OK in bits 9..11 */
	static const uint8_t ok[] = {0x00, 0x02, 0, 0, 0, 0};
	struct swd_mpsse *m = make(SWD_MPSSE_RESISTOR);
	struct swd_transfer t = {.addr = 4, .value = 0x50000001u};
	size_t done;
	enum swd_end end;

	(void)state;
	answer = ok;
	answer_len = sizeof ok;
	assert_int_equal(run_transfers(m, &t, 1, &done, &end, NULL), ERR_OK);
	assert_int_equal(end, SWD_END_ALL);
	assert_int_equal(done, 1);
	assert_int_equal(sent_len, sizeof want);
	assert_memory_equal(sent, want, sizeof want);
	swd_mpsse_free(m);
}

/* bits of a read's answer: ACK from 9, data from 12, parity in 44 */
static void put_answer(uint8_t out[6], unsigned ack, uint32_t value,
		       unsigned parity)
{
	uint64_t bits = (uint64_t)ack << 9 | (uint64_t)value << 12 |
			(uint64_t)parity << 44;

	for (unsigned i = 0; i < 6; i++)
		out[i] = (uint8_t)(bits >> (8 * i));
}

static enum swd_end read_once(unsigned ack, uint32_t value, unsigned parity,
			      uint32_t *got)
{
	struct swd_mpsse *m = make(SWD_MPSSE_RESISTOR);
	struct swd_transfer t = {.read = true, .value = 0x5A5A5A5Au};
	uint8_t in[6];
	size_t done;
	enum swd_end end;

	put_answer(in, ack, value, parity);
	answer = in;
	answer_len = sizeof in;
	assert_int_equal(run_transfers(m, &t, 1, &done, &end, NULL), ERR_OK);
	assert_int_equal(done, end == SWD_END_ALL ? 1 : 0);
	*got = t.value;
	swd_mpsse_free(m);
	return end;
}

static void resistor_read(void **state)
{
	/* ACK OK, data 0x0BE12477, parity 1:
	 * 0x477 << 12 .. : bytes 00 72 47 12 BE 10 */
	static const uint8_t by_hand[6] = {0x00, 0x72, 0x47, 0x12, 0xBE, 0x10};
	uint8_t in[6];
	uint32_t v;

	(void)state;
	put_answer(in, 1, 0x0BE12477u, 1);
	assert_memory_equal(in, by_hand, 6);
	assert_int_equal(read_once(1, 0x0BE12477u, 1, &v), SWD_END_ALL);
	assert_int_equal(v, 0x0BE12477u);
	assert_int_equal(read_once(1, 0x0BE12477u, 0, &v), SWD_END_PARITY);
	assert_int_equal(v, 0x5A5A5A5Au);
	assert_int_equal(read_once(2, 0, 0, &v), SWD_END_WAIT);
	assert_int_equal(read_once(4, 0, 0, &v), SWD_END_FAULT);
	assert_int_equal(read_once(0, 0, 0, &v), SWD_END_NO_ACK);
	assert_int_equal(read_once(7, UINT32_MAX, 0, &v), SWD_END_NO_ACK);
	assert_int_equal(read_once(3, 0, 0, &v), SWD_END_NO_ACK);
}

static void enable_write_and_read(void **state)
{
	static const uint8_t want[] = {
		0x80, 0x20, 0x23,			  /* drive */
		0x1B, 0x07, 0xA9,			  /* request */
		0x80, 0x00, 0x23, 0x2A, 0x04,		  /* t aaa t */
		0x80, 0x20, 0x23,			  /* drive again */
		0x19, 0x03, 0x00, 0x01, 0x00, 0x00, 0x50, /* data */
		0x1B, 0x02, 0x01,			  /* parity, idle */
		0x1B, 0x07, 0xA5, 0x80, 0x00, 0x23,	  /* read of DPIDR */
		0x2A, 0x03, 0x28, 0x03, 0x00, 0x2A, 0x01, /* t aaa, data, p t */
		0x80, 0x20, 0x23, 0x1B, 0x01, 0x00,	  /* idle */
	};
	/* write: bits t=1 aaa=001 t=1 at the top: 1 1 0 0 1 from bit 3 up;
	 * read: t=1 aaa=001 at the top; data; p=1, t=1 */
	static const uint8_t in[] = {0x98, 0x30, 0x77, 0x24, 0xE1, 0x0B, 0xC0};
	struct swd_mpsse *m = make(SWD_MPSSE_OUTPUT_ENABLE);
	struct swd_transfer t[] = {{.addr = 4, .value = 0x50000001u},
				   {.read = true}};
	size_t done;
	enum swd_end end;

	(void)state;
	answer = in;
	answer_len = sizeof in;
	assert_int_equal(run_transfers(m, t, 2, &done, &end, NULL), ERR_OK);
	assert_int_equal(sent_len, sizeof want);
	assert_memory_equal(sent, want, sizeof want);
	assert_int_equal(end, SWD_END_ALL);
	assert_int_equal(t[1].value, 0x0BE12477u);
	swd_mpsse_free(m);
}

/* The batch is cut so that no answer fills the chip's FIFO, and in the
 * resistor layout each exchange is one command of 6 bytes a transfer. */
static void long_batches(void **state)
{
	enum { COUNT = 1500 };
	static struct swd_transfer t[COUNT];
	struct swd_mpsse *m = make(SWD_MPSSE_RESISTOR);
	size_t n = encode_some(m, t, COUNT);

	(void)state;
	assert_int_equal(n, PROBE_IN_MAX / 6);
	assert_int_equal(m->in_len, n * 6);
	assert_int_equal(m->out_len, 3 + 3 + n * 6);
	assert_int_equal(m->out[3], 0x39);
	assert_int_equal(m->out[4] | m->out[5] << 8, n * 6 - 1);
	swd_mpsse_free(m);
}

static void resistor_stream(void **state)
{
	/* DRW = 0xFFFFFFFF, 1: request 0xBB, data from bit 13, parity in 45;
	 * then RDBUFF, the only answer */
	static const uint8_t want[] = {
		0x80, 0x00, 0x03, 0x19, 0x0B, 0x00,		/* 12 bytes */
		0xBB, 0xE0, 0xFF, 0xFF, 0xFF, 0x1F, 0xBB, 0x20, /* words */
		0x00, 0x00, 0x00, 0x20, 0x39, 0x05, 0x00,	/* the look */
		0xBD, 0x00, 0x00, 0x00, 0x00, 0x00};
	static const uint32_t words[] = {UINT32_MAX, 1};
	struct swd_mpsse *m = make(SWD_MPSSE_RESISTOR);
	struct swd_transfer t[] = {
		{.ap = true, .addr = 0xC, .count = 2, .words = words},
		{.read = true, .addr = 0xC}};
	uint8_t in[6];
	size_t done;
	enum swd_end end;

	(void)state;
	put_answer(in, 4, 0, 0);
	answer = in;
	answer_len = sizeof in;
	assert_int_equal(run_transfers(m, t, 2, &done, &end, NULL), ERR_OK);
	assert_int_equal(sent_len, sizeof want);
	assert_memory_equal(sent, want, sizeof want);
	assert_int_equal(done, 1);
	assert_int_equal(end, SWD_END_FAULT);
	swd_mpsse_free(m);
}

static void enable_stream(void **state)
{
	static const uint8_t want[] = {
		0x80, 0x20, 0x23, 0x1B, 0x07, 0xBB, /* drive, request */
		0x80, 0x00, 0x23, 0x8E, 0x04,	    /* t aaa t, unread */
		0x80, 0x20, 0x23, 0x19, 0x04, 0x00, /* data 0x80000001, */
		0x01, 0x00, 0x00, 0x80, 0xD8,	    /* parity 0, idle 00, */
		0x1B, 0x02, 0x05,		    /* request again */
		0x80, 0x00, 0x23, 0x8E, 0x04, 0x80, 0x20, 0x23, /* */
		0x19, 0x03, 0x00, 0x02, 0x00, 0x00, 0x00,	/* data 2 */
		0x1B, 0x02, 0x01};				/* parity */
	static const uint32_t words[] = {0x80000001u, 2};
	struct swd_mpsse *m = make(SWD_MPSSE_OUTPUT_ENABLE);
	struct swd_transfer t = {
		.ap = true, .addr = 0xC, .count = 2, .words = words};

	(void)state;
	assert_int_equal(encode_some(m, &t, 1), 1);
	assert_int_equal(m->in_len, 0);
	assert_int_equal(m->out_len, sizeof want);
	assert_memory_equal(m->out, want, sizeof want);
	swd_mpsse_free(m);
}

/* Streams fill an exchange up to what the clock gets out within its budget. */
static void long_streams(void **state)
{
	static uint32_t words[SWD_STREAM_MAX];
	static struct swd_transfer t[128];

	(void)state;
	for (unsigned i = 0; i < 128; i++)
		t[i] = (struct swd_transfer){.count = i % 2 * SWD_STREAM_MAX,
					     .words = words};
	for (unsigned layout = 0; layout < 2; layout++) {
		struct swd_mpsse *m = make((enum swd_mpsse_layout)layout);

		assert_int_equal(set_clock(m, 30000000, NULL, NULL), ERR_OK);
		(void)encode_some(m, t, 128);
		assert_in_range(m->out_len, 60000, PROBE_OUT_MAX);
		assert_int_equal(set_clock(m, 100000, NULL, NULL), ERR_OK);
		assert_int_equal(encode_some(m, t, 128),
				 layout == SWD_MPSSE_RESISTOR ? 7 : 3);
		swd_mpsse_free(m);
	}
}

static void stops_at_the_first_that_fails(void **state)
{
	struct swd_mpsse *m = make(SWD_MPSSE_RESISTOR);
	struct swd_transfer t[3] = {{.read = true}, {.read = true}, {0}};
	uint8_t in[18];
	size_t done;
	enum swd_end end;

	(void)state;
	put_answer(in, 1, 0xFFFFFFFFu, 0);
	put_answer(in + 6, 2, 0, 0);
	put_answer(in + 12, 1, 0, 0);
	answer = in;
	answer_len = sizeof in;
	assert_int_equal(run_transfers(m, t, 3, &done, &end, NULL), ERR_OK);
	assert_int_equal(done, 1);
	assert_int_equal(end, SWD_END_WAIT);
	assert_int_equal(t[0].value, 0xFFFFFFFFu);
	swd_mpsse_free(m);
}

static void idle_clocks(void **state)
{
	/* 100 us at 30 MHz are 3000 clocks, 375 bytes: length field 374 */
	static const uint8_t want[] = {0x8F, 0x76, 0x01};
	struct swd_mpsse *m = make(SWD_MPSSE_RESISTOR);
	struct swd_transfer t[2] = {{.idle_us = 100}, {0}};

	(void)state;
	assert_int_equal(set_clock(m, 30000000, NULL, NULL), ERR_OK);
	assert_int_equal(encode_some(m, t, 2), 2);
	assert_int_equal(m->out_len, 3 + 9 + 3 + 9);
	assert_memory_equal(m->out + 12, want, 3);
	assert_int_equal(m->out[15], 0x39);
	swd_mpsse_free(m);
}

static void reset_is_open_drain(void **state)
{
	struct swd_mpsse *m = make(SWD_MPSSE_RESISTOR);

	(void)state;
	assert_int_equal(pins_direction & PROBE_PIN_NRST, 0);
	assert_int_equal(hold_reset(m, true, NULL), ERR_OK);
	assert_int_equal(pins_direction & PROBE_PIN_NRST, PROBE_PIN_NRST);
	assert_int_equal(pins_value & PROBE_PIN_NRST, 0);
	assert_int_equal(hold_reset(m, false, NULL), ERR_OK);
	assert_int_equal(pins_direction & PROBE_PIN_NRST, 0);
	swd_mpsse_free(m);
}

static void sequences(void **state)
{
	static const uint8_t bits[] = {0x9E, 0xE7, 0x05};
	static const uint8_t want[] = {0x80, 0x00, 0x03, 0x19, 0x01, 0x00,
				       0x9E, 0xE7, 0x1B, 0x02, 0x05};
	struct swd_mpsse *m = make(SWD_MPSSE_RESISTOR);

	(void)state;
	assert_int_equal(send_sequence(m, bits, 19, NULL), ERR_OK);
	assert_int_equal(sent_len, sizeof want);
	assert_memory_equal(sent, want, sizeof want);
	swd_mpsse_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(resistor_write),
		cmocka_unit_test(resistor_read),
		cmocka_unit_test(enable_write_and_read),
		cmocka_unit_test(long_batches),
		cmocka_unit_test(resistor_stream),
		cmocka_unit_test(enable_stream),
		cmocka_unit_test(long_streams),
		cmocka_unit_test(stops_at_the_first_that_fails),
		cmocka_unit_test(idle_clocks),
		cmocka_unit_test(reset_is_open_drain),
		cmocka_unit_test(sequences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
