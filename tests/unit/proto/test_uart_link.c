/* Lines out of bytes, and the stop-and-wait link over a wire that loses,
 * repeats and damages lines. */
#include "proto/uart/uart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static bool feed(struct uart_lines *l, const char *text)
{
	bool done = false;

	for (; *text != '\0'; text++)
		done = uart_lines_feed(l, (uint8_t)*text);
	return done;
}

static void test_lines(void **state)
{
	struct uart_lines l = {0};
	(void)state;

	assert_false(feed(&l, "\r\n\n\r"));
	assert_false(feed(&l, "abc"));
	assert_true(feed(&l, "\r"));
	assert_int_equal(l.len, 3);
	assert_memory_equal(l.line, "abc", 3);
	assert_false(feed(&l, "\n"));
	assert_true(feed(&l, "de\n"));
	assert_int_equal(l.len, 2);
	assert_memory_equal(l.line, "de", 2);
	assert_true(feed(&l, "f\n"));
	assert_int_equal(l.len, 1);
}

static void test_overlong_lines(void **state)
{
	struct uart_lines l = {0};
	unsigned lines = 0;
	(void)state;

	for (unsigned i = 0; i < UART_LINE_MAX - 1; i++)
		assert_false(uart_lines_feed(&l, 'x'));
	assert_true(uart_lines_feed(&l, 'x'));
	assert_int_equal(l.len, UART_LINE_MAX);
	for (unsigned i = 0; i < 1000; i++)
		lines += uart_lines_feed(&l, 'x') ? 1 : 0;
	assert_int_equal(lines, 0);
	assert_false(feed(&l, "!PL1 0\r\n"));
	assert_true(feed(&l, "next\r"));
	assert_int_equal(l.len, 4);
	assert_memory_equal(l.line, "next", 4);
}

static void boot_sentence(struct uart_sentence *s)
{
	memset(s, 0, sizeof(*s));
	s->type = UART_BOOT;
	strcpy(s->u.BOOT.program, "kernel");
	strcpy(s->u.BOOT.version, "1.0");
}

static void stage_sentence(struct uart_sentence *s, uint32_t percent)
{
	memset(s, 0, sizeof(*s));
	s->type = UART_STAGE;
	strcpy(s->u.STAGE.name, "install");
	s->u.STAGE.percent = percent;
}

struct pair {
	struct uart_link dut, host;
	char reply[UART_LINE_MAX];
	size_t reply_len;
	struct uart_sentence s;
};

static enum uart_event to_host(struct pair *p)
{
	return uart_link_line(&p->host, p->dut.sent, p->dut.sent_len - 2, &p->s,
			      p->reply, &p->reply_len);
}

static enum uart_event ack_to_dut(struct pair *p)
{
	char none[UART_LINE_MAX];
	size_t none_len;
	enum uart_event ev = uart_link_line(&p->dut, p->reply, p->reply_len - 2,
					    &p->s, none, &none_len);

	assert_int_equal(none_len, 0);
	return ev;
}

static void pair_init(struct pair *p)
{
	uart_link_init(&p->dut, true);
	uart_link_init(&p->host, false);
}

static void test_repeat_and_double(void **state)
{
	struct uart_sentence s;
	struct pair p;
	(void)state;

	pair_init(&p);
	boot_sentence(&s);
	assert_true(uart_link_send(&p.dut, &s, 100) > 0);
	assert_int_equal(uart_link_send(&p.dut, &s, 100), 0);
	assert_int_equal(to_host(&p), UART_EVENT_SENTENCE);
	assert_int_equal(p.s.type, UART_BOOT);
	/* the ACK is lost */
	assert_int_equal(uart_link_tick(&p.dut, 100 + UART_RESEND_MS - 1),
			 UART_TICK_IDLE);
	assert_int_equal(uart_link_tick(&p.dut, 100 + UART_RESEND_MS),
			 UART_TICK_RESEND);
	assert_int_equal(to_host(&p), UART_EVENT_NONE);
	assert_true(p.reply_len > 0);
	assert_int_equal(ack_to_dut(&p), UART_EVENT_ACKED);
	assert_int_equal(ack_to_dut(&p), UART_EVENT_NONE);
	assert_int_equal(uart_link_tick(&p.dut, 100000), UART_TICK_IDLE);
}

static void test_same_text_twice(void **state)
{
	struct uart_sentence s;
	struct pair p;
	(void)state;

	pair_init(&p);
	for (unsigned i = 0; i < 3; i++) {
		stage_sentence(&s, 50);
		assert_true(uart_link_send(&p.dut, &s, 0) > 0);
		assert_int_equal(to_host(&p), UART_EVENT_SENTENCE);
		assert_int_equal(p.s.seq, i);
		assert_int_equal(ack_to_dut(&p), UART_EVENT_ACKED);
	}
}

/* One that is not under way is not waited for. */
static void test_unsendable(void **state)
{
	struct uart_sentence s;
	struct uart_link k;
	(void)state;

	uart_link_init(&k, true);
	stage_sentence(&s, 101);
	assert_int_equal(uart_link_send(&k, &s, 0), 0);
	assert_int_equal(uart_link_tick(&k, 100000), UART_TICK_IDLE);
	stage_sentence(&s, 100);
	assert_true(uart_link_send(&k, &s, 0) > 0);
	assert_int_equal(s.seq, 0);
}

/* Both ends repeating in step would never hear each other. */
static void test_host_waits_longer(void **state)
{
	struct uart_sentence s = {.type = UART_CHALLENGE};
	struct uart_link k;
	(void)state;

	uart_link_init(&k, false);
	assert_true(uart_link_send(&k, &s, 0) > 0);
	assert_int_equal(uart_link_tick(&k, UART_RESEND_MS + 100),
			 UART_TICK_IDLE);
	assert_int_equal(uart_link_tick(&k, 2 * UART_RESEND_MS),
			 UART_TICK_RESEND);
}

static void test_lost(void **state)
{
	struct uart_sentence s;
	struct uart_link k;
	uint32_t now = 0xFFFFFF00u; /* the counter wraps on the way */
	unsigned resends = 0;
	(void)state;

	uart_link_init(&k, false);
	stage_sentence(&s, 1);
	s.type = UART_CHALLENGE;
	assert_true(uart_link_send(&k, &s, now) > 0);
	for (;;) {
		enum uart_tick t = uart_link_tick(&k, now++);

		if (t == UART_TICK_LOST)
			break;
		resends += t == UART_TICK_RESEND ? 1 : 0;
	}
	assert_int_equal(resends, UART_RESENDS);
	assert_int_equal(uart_link_tick(&k, now), UART_TICK_IDLE);
	assert_true(uart_link_send(&k, &s, now) > 0);
}

static void test_boot_resets_host(void **state)
{
	struct uart_sentence s;
	struct pair p;
	(void)state;

	pair_init(&p);
	for (unsigned i = 0; i < 3; i++) {
		stage_sentence(&s, i);
		uart_link_send(&p.dut, &s, 0);
		to_host(&p);
		ack_to_dut(&p);
	}
	memset(&s, 0, sizeof(s));
	s.type = UART_CHALLENGE;
	assert_true(uart_link_send(&p.host, &s, 0) > 0);
	/* the DUT resets instead of answering */
	uart_link_init(&p.dut, true);
	boot_sentence(&s);
	assert_true(uart_link_send(&p.dut, &s, 0) > 0);
	assert_int_equal(to_host(&p), UART_EVENT_SENTENCE);
	assert_int_equal(p.host.next_seq, 0);
	assert_false(p.host.waiting);
	/* its first BOOT again, as after a lost ACK: no second event */
	assert_int_equal(to_host(&p), UART_EVENT_NONE);
}

/* The kernel's BOOT is followed by the application's: the same number, another
 * text. */
static void test_boot_after_boot(void **state)
{
	struct uart_sentence s;
	struct pair p;
	(void)state;

	pair_init(&p);
	boot_sentence(&s);
	uart_link_send(&p.dut, &s, 0);
	assert_int_equal(to_host(&p), UART_EVENT_SENTENCE);
	uart_link_init(&p.dut, true);
	strcpy(s.u.BOOT.program, "app");
	uart_link_send(&p.dut, &s, 0);
	assert_int_equal(s.seq, 0);
	assert_int_equal(to_host(&p), UART_EVENT_SENTENCE);
	assert_string_equal(p.s.u.BOOT.program, "app");
}

/* Only a BOOT voids what is under way: a sentence that crosses the host's
 * does not. */
static void test_crossing(void **state)
{
	struct uart_sentence s = {.type = UART_CHALLENGE};
	struct pair p;
	(void)state;

	pair_init(&p);
	assert_true(uart_link_send(&p.host, &s, 0) > 0);
	stage_sentence(&s, 1);
	uart_link_send(&p.dut, &s, 0);
	assert_int_equal(to_host(&p), UART_EVENT_SENTENCE);
	assert_true(p.host.waiting);
	assert_int_equal(p.host.next_seq, 1);
}

static void test_bad_lines(void **state)
{
	struct uart_sentence s;
	struct pair p;
	(void)state;

	pair_init(&p);
	boot_sentence(&s);
	uart_link_send(&p.dut, &s, 0);
	p.dut.sent[20] ^= 4;
	assert_int_equal(to_host(&p), UART_EVENT_NONE);
	assert_int_equal(p.reply_len, 0);
	assert_int_equal(p.host.bad_count, 1);
	assert_int_equal(uart_link_line(&p.host, "hello", 5, &p.s, p.reply,
					&p.reply_len),
			 UART_EVENT_LOG);
	assert_int_equal(p.reply_len, 0);
}

static void test_lossy_wire(void **state)
{
	struct uart_sentence s;
	struct pair p;
	uint32_t now = 0, got = 0;
	(void)state;

	srand(7);
	pair_init(&p);
	for (uint32_t n = 0; n < 2000; n++) {
		stage_sentence(&s, n % 101);
		assert_true(uart_link_send(&p.dut, &s, now) > 0);
		while (p.dut.waiting) {
			if (rand() % 3 != 0 &&
			    to_host(&p) == UART_EVENT_SENTENCE) {
				assert_int_equal(p.s.u.STAGE.percent,
						 got % 101);
				got++;
			}
			if (p.reply_len > 0 && rand() % 3 != 0)
				ack_to_dut(&p);
			p.reply_len = 0;
			now += UART_RESEND_MS;
			p.dut.resends_left = UART_RESENDS;
			uart_link_tick(&p.dut, now);
		}
	}
	assert_int_equal(got, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_overlong_lines),
		cmocka_unit_test(test_repeat_and_double),
		cmocka_unit_test(test_same_text_twice),
		cmocka_unit_test(test_unsendable),
		cmocka_unit_test(test_host_waits_longer),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_boot_resets_host),
		cmocka_unit_test(test_boot_after_boot),
		cmocka_unit_test(test_crossing),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_lossy_wire),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
