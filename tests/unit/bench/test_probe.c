/* The probe from its USB side, on a harness without a board, or with one that
 * is a few lines of C: what the chip's pins do is this file's. */
#include "bench/probe/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* -------- a chip that is only pins -------- */

struct chip {
	uint64_t now_ns, age_ns;
	chip_pin_fn *pb0;
	void *pb0_arg;
	bool nrst;
	/* edges on PE4 */
	uint64_t edge_ns[4096];
	bool edge_level[4096];
	size_t edges;
	/* what PB0 will do */
	uint64_t at_ns[256];
	bool level[256];
	size_t n, next;
	/* the NOR's pins */
	bool cs_low;
	unsigned selections;
	uint64_t shift;
};

static struct chip chip;

void chip_power(struct chip *c, bool on)
{
	(void)on;
	c->now_ns = c->age_ns;
}

void chip_nrst(struct chip *c, bool released)
{
	c->nrst = released;
}

void chip_advance(struct chip *c, uint64_t ns)
{
	c->now_ns += ns;
	while (c->next < c->n && c->at_ns[c->next] <= c->now_ns) {
		c->pb0(c->pb0_arg, c->at_ns[c->next], c->level[c->next]);
		c->next++;
	}
}

uint64_t chip_now_ns(const struct chip *c)
{
	return c->now_ns;
}

void chip_on_pb0(struct chip *c, chip_pin_fn *fn, void *arg)
{
	c->pb0 = fn;
	c->pb0_arg = arg;
}

void chip_set_pe4(struct chip *c, uint64_t at_ns, bool level)
{
	assert_true(at_ns >= c->now_ns);
	assert_true(c->edges < 4096);
	c->edge_ns[c->edges] = at_ns;
	c->edge_level[c->edges++] = level;
}

void chip_nor_cs(struct chip *c, uint64_t at_ns, bool level)
{
	(void)at_ns;
	assert_false(c->nrst);
	if (c->cs_low && level)
		c->selections++;
	c->cs_low = !level;
}

/* A part that answers with what it got, a bit later. */
bool chip_nor_clock(struct chip *c, uint64_t at_ns, bool in)
{
	bool out = (c->shift & 1) != 0;

	(void)at_ns;
	if (!c->cs_low)
		return true;
	c->shift = c->shift << 1 | in;
	return out;
}

bool chip_dap_alive(const struct chip *c)
{
	(void)c;
	return true;
}

enum chip_bus chip_ahb_read(struct chip *c, uint32_t addr, unsigned size,
			    bool secure, uint32_t *value)
{
	(void)c, (void)addr, (void)size, (void)secure;
	*value = 0;
	return CHIP_BUS_FAULT;
}

enum chip_bus chip_ahb_write(struct chip *c, uint32_t addr, unsigned size,
			     bool secure, uint32_t value)
{
	(void)c, (void)addr, (void)size, (void)secure, (void)value;
	return CHIP_BUS_FAULT;
}

bool chip_secure_debug(const struct chip *c)
{
	(void)c;
	return false;
}

bool chip_device_enabled(const struct chip *c)
{
	(void)c;
	return true;
}

/* -------- the bed -------- */

struct bed {
	struct harness *h;
	struct probe *p;
};

static int setup_layout(void **state, enum harness_layout layout)
{
	struct harness_config hc = {.layout = layout, .uart_fifo_bytes = 4096};
	struct probe_config pc = {.type = PROBE_FT2232H,
				  .manufacturer = "M",
				  .product = "P",
				  .serial = "S1"};
	struct bed *b = calloc(1, sizeof(*b));

	memset(&chip, 0, sizeof(chip));
	assert_int_equal(harness_new(&b->h, &hc, NULL), ERR_OK);
	assert_int_equal(probe_new(&b->p, &pc, b->h, NULL), ERR_OK);
	*state = b;
	return 0;
}

static int setup(void **state)
{
	return setup_layout(state, HARNESS_RESISTOR);
}

static int setup_spi(void **state)
{
	return setup_layout(state, HARNESS_SPI_NOR);
}

static int teardown(void **state)
{
	struct bed *b = *state;

	probe_free(b->p);
	harness_free(b->h);
	free(b);
	return 0;
}

static int vendor(struct bed *b, uint8_t request, uint16_t value,
		  uint16_t index)
{
	const uint8_t s[8] = {0x40,
			      request,
			      (uint8_t)value,
			      (uint8_t)(value >> 8),
			      (uint8_t)index,
			      (uint8_t)(index >> 8),
			      0,
			      0};

	return probe_control(b->p, s, NULL);
}

static void mpsse_on(struct bed *b)
{
	assert_int_equal(vendor(b, 0x0B, 0x0200, 1), 0);
}

static void send(struct bed *b, const uint8_t *data, size_t len)
{
	assert_int_equal(probe_out(b->p, 0, data, len, false), len);
}

/* One IN transfer; returns payload bytes, status bytes stripped. */
static size_t receive(struct bed *b, unsigned channel, uint8_t *out, size_t max)
{
	uint8_t buf[8192];
	struct probe_in x = {.buf = buf, .len = sizeof(buf)};
	uint64_t until;
	size_t n = 0;

	probe_in_begin(b->p, channel, false);
	while (!probe_in(b->p, channel, &x, &until))
		probe_wait(b->p, until);
	for (size_t i = 0; i < x.got; i++) {
		if (i % 512 >= 2) {
			assert_true(n < max);
			out[n++] = buf[i];
		}
	}
	return n;
}

/* -------- tests -------- */

static void descriptors_and_strings(void **state)
{
	const uint8_t get[8] = {0x80, 0x06, 3, 3, 9, 4, 255, 0};
	const uint8_t bad[8] = {0x80, 0x06, 7, 3, 9, 4, 255, 0};
	struct bed *b = *state;
	uint8_t data[255];

	assert_int_equal(probe_control(b->p, get, data), 6);
	assert_int_equal(data[2], 'S');
	assert_int_equal(data[4], '1');
	assert_int_equal(probe_control(b->p, bad, data), PROBE_STALLED);
	assert_int_equal(vendor(b, 0x09, 0, 1), PROBE_STALLED); /* latency 0 */
	assert_int_equal(vendor(b, 0x09, 1, 3), PROBE_STALLED); /* channel C */
	assert_int_equal(vendor(b, 0x0B, 0x4000, 1), PROBE_STALLED);
}

static void bad_command_is_echoed(void **state)
{
	const uint8_t ask[] = {0xAA, 0x87};
	struct bed *b = *state;
	uint8_t got[16];

	mpsse_on(b);
	send(b, ask, sizeof(ask));
	assert_int_equal(receive(b, 0, got, sizeof(got)), 2);
	assert_int_equal(got[0], 0xFA);
	assert_int_equal(got[1], 0xAA);
}

static void loopback_shifts_back_what_went_out(void **state)
{
	const uint8_t ask[] = {0x84, 0x80, 0x08, 0x0B, 0x39, 0x02,
			       0x00, 0x12, 0x34, 0x56, 0x3B, 0x02,
			       0x05, 0x31, 0x00, 0x00, 0xA5, 0x87};
	struct bed *b = *state;
	uint8_t got[16];

	mpsse_on(b);
	send(b, ask, sizeof(ask));
	assert_int_equal(receive(b, 0, got, sizeof(got)), 5);
	assert_memory_equal(got, "\x12\x34\x56", 3);
	assert_int_equal(got[3], 0x05 << 5); /* 3 bits, from the top */
	assert_int_equal(got[4], 0xA5);
}

static void time_follows_the_divisor(void **state)
{
	const uint8_t slow[] = {0x8A, 0x86, 29,	  0,	0x80,
				0x00, 0x0B, 0x8F, 0xFF, 0x0F};
	struct bed *b = *state;
	uint64_t from;

	mpsse_on(b);
	from = b->h->now_ps;
	send(b, slow, sizeof(slow)); /* 32768 clocks at 1 MHz */
	assert_in_range(b->h->now_ps - from, 32768000000u,
			32768000000u + 300000000u);
}

/* Commands that produce more than the reply FIFO holds stop the engine, and
 * the OUT transfer behind it, until the host reads. */
static void back_pressure(void **state)
{
	uint8_t ask[12288], got[8192];
	struct bed *b = *state;
	size_t done;

	mpsse_on(b);
	memset(ask, 0x81, sizeof(ask)); /* each answers one byte */
	done = probe_out(b->p, 0, ask, sizeof(ask), false);
	assert_in_range(done, 8192 - 512, 8192);
	assert_int_equal(probe_out(b->p, 0, ask, 512, true), 0);
	assert_true(receive(b, 0, got, sizeof(got)) >= 4096);
	assert_true(probe_out(b->p, 0, ask, 512, true) == 512);
}

static void a_write_waits_for_the_engine(void **state)
{
	uint8_t ask[6000] = {0x8A, 0x86, 0xFF, 0x00, 0x80,
			     0x00, 0x0B, 0x19, 0xA0, 0x0F};
	struct bed *b = *state;
	uint64_t from;

	mpsse_on(b);
	from = b->p->usb_ps;
	/* 4001 bytes at 117 kHz, then 1989 bad commands' worth of padding
	 * would answer; send the data only. */
	send(b, ask, 10 + 4001);
	assert_true(b->p->usb_ps - from < 10000000000u);  /* FIFO takes it */
	assert_true(b->h->now_ps - from > 250000000000u); /* pins take 0.27 s */
}

static void pins_reset_and_lights(void **state)
{
	const uint8_t on[] = {0x80, 0x00, 0x10, 0x82, 0x04, 0x07};
	const uint8_t off[] = {0x80, 0x00, 0x00};
	struct bed *b = *state;

	harness_insert(b->h, &chip, NULL);
	assert_true(chip.nrst);
	mpsse_on(b);
	send(b, on, sizeof(on));
	assert_false(chip.nrst);
	assert_int_equal(b->h->lights, HARNESS_GREEN);
	send(b, off, sizeof(off));
	assert_true(chip.nrst);
	assert_int_equal(vendor(b, 0x0B, 0, 1), 0);
	assert_int_equal(b->h->lights, 0);
}

static void uart_to_the_board(void **state)
{
	struct bed *b = *state;
	const uint8_t byte = 0x55;
	size_t edges;

	harness_insert(b->h, &chip, NULL);
	/* 115200: 12 MHz / 104.125 = divisor 104, eighth 1 (code 3). */
	assert_int_equal(vendor(b, 0x03, 0xC068, 0x0202), 0);
	edges = chip.edges;
	assert_int_equal(probe_out(b->p, 1, &byte, 1, false), 1);
	probe_elapse(b->p, 200000000);
	assert_int_equal(chip.edges - edges, 10); /* start, 8 data, stop */
	assert_false(chip.edge_level[edges]);
	assert_in_range(chip.edge_ns[edges + 1] - chip.edge_ns[edges], 8660,
			8700);
}

static void pb0_sends(uint64_t at_ns, uint64_t bit_ns, unsigned bits)
{
	bool last = true;

	for (unsigned i = 0; i < 10; i++) {
		bool level = bits >> i & 1;

		if (level == last)
			continue;
		chip.at_ns[chip.n] = at_ns + i * bit_ns;
		chip.level[chip.n++] = level;
		last = level;
	}
	if (!last) {
		chip.at_ns[chip.n] = at_ns + 10 * bit_ns;
		chip.level[chip.n++] = true;
	}
}

static void uart_from_the_board(void **state)
{
	struct bed *b = *state;
	uint8_t got[16];
	uint64_t from;

	harness_insert(b->h, &chip, NULL);
	vendor(b, 0x03, 0xC068, 0x0202);
	vendor(b, 0x09, 16, 2);
	pb0_sends(1000000, 8681, 0x41u << 1 | 0x200u);
	pb0_sends(1200000, 8900, 0x5Au << 1 | 0x200u); /* 2.5 % slow */
	from = b->h->now_ps;
	assert_int_equal(receive(b, 1, got, sizeof(got)), 2);
	assert_int_equal(got[0], 'A');
	assert_int_equal(got[1], 'Z');
	/* Not full: it left when the latency timer ended. */
	assert_true(b->h->now_ps - from > 10000000000u);
	assert_int_equal(b->h->uart.framing_errors, 0);
	assert_int_equal(receive(b, 1, got, sizeof(got)), 0);
}

static void framing_error_is_reported(void **state)
{
	struct bed *b = *state;
	uint8_t buf[512];
	struct probe_in x = {.buf = buf, .len = sizeof(buf)};
	uint64_t until;

	harness_insert(b->h, &chip, NULL);
	vendor(b, 0x03, 0xC068, 0x0202);
	pb0_sends(1000000, 8681, 0x00); /* no stop bit */
	probe_in_begin(b->p, 1, false);
	while (!probe_in(b->p, 1, &x, &until))
		probe_wait(b->p, until);
	assert_int_equal(x.got, 3);
	assert_int_equal(buf[1] & 0x08, 0x08);
	assert_int_equal(b->h->uart.framing_errors, 1);
}

static void short_buffer_overflows(void **state)
{
	const uint8_t ask[] = {0x81, 0x81, 0x81, 0x87};
	struct bed *b = *state;
	uint8_t buf[4];
	struct probe_in x = {.buf = buf, .len = sizeof(buf)};
	uint64_t until;

	mpsse_on(b);
	send(b, ask, sizeof(ask));
	assert_true(probe_in(b->p, 0, &x, &until));
	assert_true(x.overflow);
}

static void endpoints(void **state)
{
	struct bed *b = *state;
	unsigned channel;

	assert_true(probe_endpoint(b->p, 0x81, &channel) && channel == 0);
	assert_true(probe_endpoint(b->p, 0x04, &channel) && channel == 1);
	assert_false(probe_endpoint(b->p, 0x85, &channel));
	assert_false(probe_endpoint(b->p, 0x82, &channel));
	assert_false(probe_endpoint(b->p, 0x00, &channel));
	assert_false(probe_endpoint(b->p, 0x91, &channel));
}

static void assert_divided(const struct account *a)
{
	assert_int_equal(a->elapsed_ps, a->wire_ps + a->command_ps + a->usb_ps +
						a->board_ps + a->host_ps);
}

/* Every part of the work, and every picosecond of it under the right name. */
static void the_account_divides_time(void **state)
{
	const uint8_t slow[] = {0x8A, 0x86, 29,	  0,	0x80,
				0x00, 0x0B, 0x8F, 0xFF, 0x0F};
	const uint8_t ask[] = {0x81, 0x87}, text[3] = {0x55, 0x55, 0x55};
	struct account a, was, d = {0};
	struct bed *b = *state;
	uint8_t got[16];

	harness_insert(b->h, &chip, NULL);
	mpsse_on(b);
	was = harness_account(b->h);
	send(b, slow, sizeof(slow)); /* 32768 clocks at 1 MHz */
	a = harness_account(b->h);
	assert_divided(&a);
	account_add_difference(&d, &a, &was);
	assert_int_equal(d.swclk_edge_count, 32768);
	assert_int_equal(d.wire_ps, 32768 * 1000000ull);
	assert_int_equal(d.usb_out_bytes, sizeof(slow));
	assert_int_equal(d.usb_out_count, 1);
	assert_int_equal(d.host_ps + d.board_ps, 0);
	assert_in_range(d.usb_busy_ps, 1, 2 * PROBE_UFRAME_PS);

	send(b, ask, sizeof(ask));
	assert_int_equal(receive(b, 0, got, sizeof(got)), 1);
	probe_elapse(b->p, b->h->now_ps - b->p->usb_ps + 5000000);
	vendor(b, 0x03, 0xC068, 0x0202);
	assert_int_equal(probe_out(b->p, 1, text, 3, false), 3);
	probe_wait(b->p, b->h->now_ps + 1000000000u);
	a = harness_account(b->h);
	assert_divided(&a);
	assert_int_equal(a.usb_in_bytes, 1);
	assert_int_equal(a.usb_out_bytes, sizeof(slow) + sizeof(ask) + 3);
	assert_int_equal(a.usb_in_count, 1);
	assert_int_equal(a.usb_out_count, 3);
	assert_int_equal(a.usb_control_count, 2);
	assert_int_equal(a.host_ps, 5000000);
	assert_int_equal(a.board_ps, 1000000000u);
	assert_int_equal(a.uart_to_board_bytes, 3);
	assert_in_range(a.usb_uart_ps, 1, 2 * PROBE_UFRAME_PS);
	assert_int_equal(a.uart_to_board_ps, 30 * b->h->uart.bit_ps);
}

static void uart_characters_are_counted(void **state)
{
	struct bed *b = *state;
	struct account a;
	uint8_t got[16];

	harness_insert(b->h, &chip, NULL);
	vendor(b, 0x03, 0xC068, 0x0202);
	pb0_sends(1000000, 8681, 0x41u << 1 | 0x200u);
	assert_int_equal(receive(b, 1, got, sizeof(got)), 1);
	a = harness_account(b->h);
	assert_divided(&a);
	assert_int_equal(a.uart_from_board_bytes, 1);
	assert_int_equal(a.uart_from_board_ps, 10 * b->h->uart.bit_ps);
}

/* A board that was in another harness for longer than this one is up. */
static void older_board(void **state)
{
	struct bed *b = *state;
	const uint8_t byte = 0x55;
	size_t edges;

	chip.age_ns = 5000000000u;
	harness_insert(b->h, &chip, NULL);
	vendor(b, 0x03, 0xC068, 0x0202);
	edges = chip.edges;
	assert_int_equal(probe_out(b->p, 1, &byte, 1, false), 1);
	probe_elapse(b->p, 200000000);
	assert_int_equal(chip.edges - edges, 10);
	assert_in_range(chip.edge_ns[edges], 5000000000u, 5001000000u);
	assert_in_range(chip.edge_ns[edges + 1] - chip.edge_ns[edges], 8660,
			8700);
	assert_in_range(chip.now_ns, 5000200000u, 5001000000u);
}

/* AD0 CLK, AD1 DI, AD2 DO, AD3 CS#: bytes out and in, CS# by the pin commands,
 * and the chip kept in reset whatever AD4 does. */
static void spi_nor_layout(void **state)
{
	const uint8_t shift[] = {
		0x8A, 0x86, 0,	  0,	      /* 30 MHz */
		0x80, 0x08, 0x1B,	      /* CS# high; AD4 low */
		0x11, 0,    0,	  0x3C,	      /* nobody is selected */
		0x80, 0x10, 0x1B,	      /* CS# low; AD4 high */
		0x31, 1,    0,	  0xA5, 0x5A, /* out on falling, in on rising */
		0x20, 0,    0,		      /* in */
		0x80, 0x18, 0x1B, 0x81, 0x87,
	};
	struct bed *b = *state;
	struct account a;
	uint8_t got[8];

	harness_insert(b->h, &chip, NULL);
	mpsse_on(b);
	send(b, shift, sizeof(shift));
	assert_int_equal(receive(b, 0, got, sizeof(got)), 4);
	assert_int_equal(got[0], 0xA5 >> 1);
	assert_int_equal(got[1], 0x5A >> 1 | 0x80);
	assert_int_equal(got[2] >> 7, 0);
	assert_int_equal(got[3] & 0x04, 0x04); /* pulled up again */
	assert_int_equal(chip.selections, 1);
	assert_false(chip.nrst);
	a = harness_account(b->h);
	assert_int_equal(a.swclk_edge_count, 32);
	assert_divided(&a);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(descriptors_and_strings),
		T(bad_command_is_echoed),
		T(loopback_shifts_back_what_went_out),
		T(time_follows_the_divisor),
		T(back_pressure),
		T(a_write_waits_for_the_engine),
		T(pins_reset_and_lights),
		T(uart_to_the_board),
		T(uart_from_the_board),
		T(framing_error_is_reported),
		T(short_buffer_overflows),
		T(endpoints),
		T(the_account_divides_time),
		T(uart_characters_are_counted),
		T(older_board),
		cmocka_unit_test_setup_teardown(spi_nor_layout, setup_spi,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
