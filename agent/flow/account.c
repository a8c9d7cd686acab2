#include "agent/flow/account.h"

#include <string.h>

#define NS_PER_MS 1000000
#define MAX_MS	  86400000 /* of a row; proto/msg/messages.def */

void account_begin(struct account *a, struct target *t)
{
	memset(a, 0, sizeof(*a));
	a->target = t;
	target_counts(t, &a->start);
}

static uint64_t counted_ns(const struct account *a)
{
	struct target_counts now;

	target_counts(a->target, &now);
	return now.wire_ns + now.usb_ns + now.wait_ns;
}

struct account_span account_enter(const struct account *a)
{
	return (struct account_span){mono_now(), counted_ns(a)};
}

void account_leave(struct account *a, enum account_row row,
		   const struct account_span *span)
{
	int64_t passed = mono_now().ns - span->from.ns;
	int64_t others = (int64_t)(counted_ns(a) - span->counted_ns);

	if (passed > others)
		a->ns[row] += passed - others;
}

void account_add_us(struct account *a, enum account_row row, uint64_t us)
{
	a->ns[row] += (int64_t)us * 1000;
}

void account_sleep(struct account *a, int64_t ms)
{
	mono_sleep_ms(ms);
	a->ns[ACCOUNT_wait_ms] += ms * NS_PER_MS;
}

static uint64_t whole_ms(int64_t ns)
{
	int64_t ms = (ns + NS_PER_MS / 2) / NS_PER_MS;

	return ms < 0 ? 0 : ms > MAX_MS ? MAX_MS : (uint64_t)ms;
}

void account_fill(const struct account *a, struct msg_RESULT *r)
{
	int64_t ns[ACCOUNT_ROWS];
	struct target_counts now;
	const struct target_counts *was = &a->start;

	target_counts(a->target, &now);
	memcpy(ns, a->ns, sizeof(ns));
	ns[ACCOUNT_wire_ms] += (int64_t)(now.wire_ns - was->wire_ns);
	ns[ACCOUNT_usb_ms] += (int64_t)(now.usb_ns - was->usb_ns);
	ns[ACCOUNT_uart_ms] += (int64_t)(now.uart_ns - was->uart_ns);
	ns[ACCOUNT_cpu_ms] += (int64_t)(now.uart_wait_ns - was->uart_wait_ns);
	ns[ACCOUNT_wait_ms] += (int64_t)(now.wait_ns - was->wait_ns);
	r->rest_ms = (int64_t)r->cycle_ms;
#define ACCOUNT(name, what)                     \
	r->name = whole_ms(ns[ACCOUNT_##name]); \
	r->rest_ms -= (int64_t)r->name;
#include "proto/account.def"
#undef ACCOUNT
}
