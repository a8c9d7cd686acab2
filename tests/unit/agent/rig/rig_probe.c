/* agent/drv/probe.h, uart_port.h and proto/base/mono.h for a program whose
 * probe is the rig: exchanges are bulk transfers to a virtual FT2232H, and the
 * time is that of its board. */
#include "agent/drv/probe.h"
#include "agent/drv/uart_port.h"
#include "proto/base/mono.h"
#include "tests/unit/agent/rig/board_rig.h"

#include <assert.h>
#include <string.h>

#define NS_PER_MS 1000000
/* What looking at the clock costs: who only does that gets on as well. */
#define LOOK_NS	  1000

struct probe {
	atomic_bool cancelled;
	uint8_t out[PROBE_OUT_MAX + 1];
};

static struct probe the_probe;
static int64_t looks_ns;

/* -------- probe.h -------- */

enum err_code probe_open(struct probe **p, const char *serial, struct err *e)
{
	(void)serial, (void)e;
	*p = &the_probe;
	return ERR_OK;
}

void probe_close(struct probe *p)
{
	(void)p;
}

static enum err_code lost(struct err *e)
{
	return err_set(e, ERR_TIMEOUT, "the engine hangs");
}

enum err_code probe_exchange(struct probe *p, const uint8_t *out,
			     size_t out_len, uint8_t *in, size_t in_len,
			     struct err *e)
{
	size_t sum = 0, got = 1;

	assert(out_len <= PROBE_OUT_MAX && in_len <= PROBE_IN_MAX);
	memcpy(p->out, out, out_len);
	if (in_len > 0)
		p->out[out_len++] = 0x87; /* SEND_IMMEDIATE */
	if (!rig_out(p->out, out_len))
		return lost(e);
	for (; sum < in_len; sum += got)
		if (!rig_in(in + sum, in_len - sum, &got) || got == 0)
			return lost(e);
	return ERR_OK;
}

enum err_code probe_set_clock(struct probe *p, uint32_t hz, uint32_t *actual_hz,
			      struct err *e)
{
	uint32_t div = hz >= 30000000u ? 0 : (30000000u + hz - 1) / hz - 1;
	uint8_t cmd[3] = {0x86, (uint8_t)div, (uint8_t)(div >> 8)};

	if (actual_hz != NULL)
		*actual_hz = 30000000u / (1 + div);
	return probe_exchange(p, cmd, sizeof cmd, NULL, 0, e);
}

enum err_code probe_set_pins(struct probe *p, uint8_t value, uint8_t direction,
			     struct err *e)
{
	uint8_t cmd[3] = {0x80, value, direction};

	return probe_exchange(p, cmd, sizeof cmd, NULL, 0, e);
}

enum err_code probe_set_lights(struct probe *p, uint8_t lights, struct err *e)
{
	(void)p, (void)lights, (void)e;
	return ERR_OK;
}

void probe_counts(const struct probe *p, struct probe_counts *out)
{
	(void)p;
	memset(out, 0, sizeof(*out));
}

void probe_cancel(struct probe *p)
{
	atomic_store(&p->cancelled, true);
}

void probe_resume(struct probe *p)
{
	atomic_store(&p->cancelled, false);
}

bool probe_cancelled(const struct probe *p)
{
	return atomic_load(&p->cancelled);
}

const atomic_bool *probe_cancel_flag(const struct probe *p)
{
	return &p->cancelled;
}

/* -------- uart_port.h: nobody speaks in these tests -------- */

enum err_code uart_port_open(struct uart_port **u, const char *serial,
			     uint32_t baud, const atomic_bool *cancelled,
			     struct err *e)
{
	(void)serial, (void)baud, (void)cancelled, (void)e;
	*u = NULL;
	return ERR_OK;
}

void uart_port_close(struct uart_port *u)
{
	(void)u;
}

enum err_code uart_port_read(struct uart_port *u, void *buf, size_t len,
			     size_t *got, int wait_ms, struct err *e)
{
	(void)u, (void)buf, (void)len, (void)e;
	*got = 0;
	mono_sleep_ms(wait_ms);
	return ERR_OK;
}

enum err_code uart_port_write(struct uart_port *u, const void *buf, size_t len,
			      struct err *e)
{
	(void)u, (void)buf, (void)len, (void)e;
	return ERR_OK;
}

enum err_code uart_port_flush(struct uart_port *u, struct err *e)
{
	(void)u, (void)e;
	return ERR_OK;
}

/* -------- mono.h -------- */

struct mono mono_now(void)
{
	looks_ns += LOOK_NS;
	return (struct mono){(int64_t)rig_now_ns() + looks_ns};
}

int64_t mono_left_ms(struct mono deadline)
{
	int64_t left = deadline.ns - mono_now().ns;

	return left > 0 ? (left + NS_PER_MS - 1) / NS_PER_MS : 0;
}

void mono_sleep_ms(int64_t ms)
{
	if (ms > 0)
		rig_sleep((uint64_t)ms * NS_PER_MS);
}
