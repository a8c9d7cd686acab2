#include "agent/drv/dp.h"

#include "agent/drv/adi.h"
#include "proto/base/log.h"
#include "proto/base/mono.h"

#define DP_CLOCK_MAX_HZ 30000000u
#define CONNECT_TRIES	3
#define POWER_UP_MS	100
#define PAUSE_MS	5

enum rung {
	RUNG_CLEAR,
	RUNG_LINE_RESET,
	RUNG_RECONNECT,
	RUNG_SLOWER /* and all above */
};

/* B4.3.3: at least 50 ones, then idle */
static const uint8_t line_reset[] = {0xFF, 0xFF, 0xFF, 0xFF,
				     0xFF, 0xFF, 0xFF, 0x00};

/* B5.2.1: line reset, 0xE79E, line reset, idle */
static const uint8_t jtag_to_swd[] = {
	0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x9E, 0xE7,
	0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00,
};

/* B5.3.2: eight ones, then the 31 bits 0x33BBBBBA from JTAG to dormant; one
 * bit more of 1 does no harm there. B5.3.4: eight ones, the 128-bit selection
 * alert, four zeros and the activation code 0x1A of an SW-DP; line reset. */
static const uint8_t dormant_to_swd[] = {
	0xFF, 0xBA, 0xBB, 0xBB, 0xB3,			/* to dormant */
	0xFF, 0x92, 0xF3, 0x09, 0x62, 0x95, 0x2D, 0x85, /* alert */
	0x86, 0xE9, 0xAF, 0xDD, 0xE3, 0xA2, 0x0E, 0xBC,
	0x19, 0xA0, 0xF1, /* activation, first ones */
	0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00,
};

void dp_init(struct dp *d, struct swd_wire wire, uint32_t max_hz)
{
	*d = (struct dp){.wire = wire,
			 .max_hz = max_hz == 0 ? DP_CLOCK_MAX_HZ : max_hz};
	d->clock_hz = d->max_hz;
}

void dp_restore_clock(struct dp *d)
{
	if (d->clock_hz != d->max_hz)
		d->clock_set = false;
	d->clock_hz = d->max_hz;
}

void dp_limit_clock(struct dp *d, uint32_t max_hz)
{
	d->max_hz = max_hz == 0 ? DP_CLOCK_MAX_HZ : max_hz;
	if (d->clock_hz > d->max_hz)
		dp_restore_clock(d);
}

static enum err_code access(struct dp *d, struct swd_transfer *t, size_t count,
			    struct err *e)
{
	static const char *const ends[] = {"OK", "WAIT", "FAULT",
					   "wrong parity", "no ACK"};
	size_t done;
	enum swd_end end;
	enum err_code rc =
		d->wire.ops->transfer(d->wire.ctx, t, count, &done, &end, e);

	if (rc != ERR_OK || end == SWD_END_ALL)
		return rc;
	t += done;
	return err_set(e, ERR_WIRE, "%s of debug port register 0x%x: %s",
		       t->read ? "read" : "write", t->addr, ends[end]);
}

enum err_code dp_read(struct dp *d, uint8_t addr, uint32_t *value,
		      struct err *e)
{
	struct swd_transfer t = {.read = true, .addr = addr};
	enum err_code rc = access(d, &t, 1, e);

	if (rc == ERR_OK)
		*value = t.value;
	return rc;
}

enum err_code dp_write(struct dp *d, uint8_t addr, uint32_t value,
		       struct err *e)
{
	struct swd_transfer t = {.addr = addr, .value = value};

	return access(d, &t, 1, e);
}

static uint32_t flags_of(uint32_t abort_bits)
{
	return (abort_bits & DP_ABORT_STKERRCLR ? DP_CTRL_STICKYERR : 0) |
	       (abort_bits & DP_ABORT_WDERRCLR ? DP_CTRL_WDATAERR : 0) |
	       (abort_bits & DP_ABORT_ORUNERRCLR ? DP_CTRL_STICKYORUN : 0);
}

enum err_code dp_abort(struct dp *d, uint32_t bits, struct err *e)
{
	struct swd_transfer t[2] = {{.addr = DP_ABORT, .value = bits},
				    {.read = true, .addr = DP_CTRL_STAT}};
	enum err_code rc = access(d, t, 2, e);

	if (rc != ERR_OK)
		return rc;
	if ((t[1].value & (flags_of(bits) | DP_CTRL_WDATAERR)) != 0)
		return err_set(e, ERR_WIRE, "CTRL/STAT stays 0x%08x",
			       (unsigned)t[1].value);
	return ERR_OK;
}

static enum err_code apply_clock(struct dp *d, struct err *e)
{
	enum err_code rc;

	if (d->clock_set)
		return ERR_OK;
	rc = d->wire.ops->set_clock(d->wire.ctx, d->clock_hz, &d->actual_hz, e);
	if (rc == ERR_OK)
		d->clock_set = true;
	return rc;
}

enum err_code dp_set_clock(struct dp *d, uint32_t hz, struct err *e)
{
	if (d->clock_hz != hz)
		d->clock_set = false;
	d->clock_hz = hz;
	return apply_clock(d, e);
}

uint32_t dp_slower(uint32_t hz)
{
	static const uint8_t dividers[] = {1, 2,  3,  4,  5,  6,
					   8, 10, 15, 20, 30, 60};

	for (size_t i = 0; i < sizeof dividers; i++) {
		uint32_t step = DP_CLOCK_MAX_HZ / dividers[i];

		if (step < hz)
			return step < ADI_CLOCK_MIN_HZ ? 0 : step;
	}
	return 0;
}

/* Wake with one of the sequences above and look whether somebody is there:
 * DPIDR must be the first access after a line reset (B4.3.3), bit 0 of it is
 * always 1 (B2.2.5). */
static enum err_code wake(struct dp *d, const uint8_t *bits, size_t len,
			  uint32_t *dpidr, struct err *e)
{
	enum err_code rc = d->wire.ops->sequence(d->wire.ctx, bits, len * 8, e);

	if (rc == ERR_OK)
		rc = dp_read(d, DP_DPIDR, dpidr, e);
	if (rc == ERR_OK && ((*dpidr & 1u) == 0 || *dpidr == UINT32_MAX))
		rc = err_set(e, ERR_WIRE, "DPIDR reads 0x%08x",
			     (unsigned)*dpidr);
	return rc;
}

enum err_code dp_connect(struct dp *d, uint32_t *dpidr, struct err *e)
{
	uint32_t id = 0;
	enum err_code rc = apply_clock(d, e);

	for (int i = 0; rc == ERR_OK && i < CONNECT_TRIES; i++) {
		rc = wake(d, jtag_to_swd, sizeof jtag_to_swd, &id, e);
		if (rc == ERR_WIRE)
			rc = wake(d, dormant_to_swd, sizeof dormant_to_swd, &id,
				  e);
		if (rc == ERR_OK)
			break;
		if (rc == ERR_WIRE && i + 1 < CONNECT_TRIES)
			rc = ERR_OK;
	}
	if (rc == ERR_WIRE)
		return err_set(e, ERR_NO_TARGET,
			       "no board answers on SWD at %u Hz",
			       (unsigned)d->clock_hz);
	if (rc == ERR_OK && dpidr != NULL)
		*dpidr = id;
	return rc;
}

static enum err_code request_power(struct dp *d, struct err *e)
{
	const uint32_t request = DP_CTRL_POWER_REQ | DP_CTRL_ORUNDETECT;
	enum err_code rc = dp_write(d, DP_ABORT, DP_ABORT_CLEAR_ALL, e);

	if (rc == ERR_OK)
		rc = dp_write(d, DP_SELECT, 0, e);
	if (rc == ERR_OK)
		rc = dp_write(d, DP_CTRL_STAT, request, e);
	return rc;
}

enum err_code dp_power_up(struct dp *d, struct err *e)
{
	struct mono deadline = mono_after_ms(POWER_UP_MS);
	enum err_code rc = request_power(d, e);
	uint32_t stat = 0;
	bool last;

	if (rc != ERR_OK)
		return rc;
	do {
		last = mono_passed(deadline);
		rc = dp_read(d, DP_CTRL_STAT, &stat, e);
		if (rc != ERR_OK)
			return rc;
		if ((stat & DP_CTRL_WDATAERR) != 0)
			return err_set(e, ERR_WIRE, "power-up disturbed");
		if ((stat & DP_CTRL_POWER_ACK) == DP_CTRL_POWER_ACK) {
			d->powered = true;
			return ERR_OK;
		}
	} while (!last);
	return err_set(e, ERR_TARGET_FAULT,
		       "debug power-up is not acknowledged: CTRL/STAT 0x%08x",
		       (unsigned)stat);
}

static enum err_code restore_session(struct dp *d, struct err *e)
{
	return d->powered ? dp_power_up(d, e) : ERR_OK;
}

static enum err_code reset_line(struct dp *d, struct err *e)
{
	uint32_t dpidr;
	enum err_code rc;

	d->stats.line_resets++;
	rc = wake(d, line_reset, sizeof line_reset, &dpidr, e);
	return rc == ERR_OK ? restore_session(d, e) : rc;
}

static enum err_code reconnect(struct dp *d, struct err *e)
{
	enum err_code rc;

	d->stats.reconnects++;
	rc = dp_connect(d, NULL, e);
	return rc == ERR_OK ? restore_session(d, e) : rc;
}

/* A contact that opened for a moment closes again, at the same clock. */
static enum err_code reconnect_patiently(struct dp *d, struct err *e)
{
	struct mono deadline = mono_after_ms(DP_SILENCE_MS);
	enum err_code rc = reconnect(d, e);

	while (rc == ERR_NO_TARGET && !mono_passed(deadline)) {
		mono_sleep_ms(PAUSE_MS);
		rc = reconnect(d, e);
	}
	return rc;
}

static enum err_code slow_down(struct dp *d, const char *why, struct err *e)
{
	uint32_t from_hz = d->clock_hz;
	enum err_code rc = dp_set_clock(d, dp_slower(from_hz), e);

	d->stats.clock_drops++;
	if (rc == ERR_OK)
		rc = reconnect(d, e);
	if (rc == ERR_OK)
		log_warn("SWD_SLOWER", "clock_hz=%u from_hz=%u reason=\"%s\"",
			 (unsigned)d->actual_hz, (unsigned)from_hz, why);
	return rc;
}

static enum err_code give_up(const struct dp *d, const char *why, struct err *e)
{
	return err_set(e, ERR_WIRE,
		       "SWD is disturbed even at %u Hz, after %llu reconnects: "
		       "%s",
		       (unsigned)d->actual_hz,
		       (unsigned long long)d->stats.reconnects, why);
}

enum err_code dp_repair(struct dp *d, bool lost, const char *why, struct err *e)
{
	enum err_code rc = ERR_WIRE;

	if (lost && d->rung == RUNG_CLEAR)
		d->rung = RUNG_LINE_RESET;
	while (rc == ERR_WIRE || rc == ERR_NO_TARGET) {
		unsigned rung = d->rung++;

		if (rung == RUNG_CLEAR)
			rc = dp_abort(d, DP_ABORT_CLEAR_ALL, e);
		else if (rung == RUNG_LINE_RESET)
			rc = reset_line(d, e);
		else if (rung == RUNG_RECONNECT)
			rc = reconnect_patiently(d, e);
		else if (dp_slower(d->clock_hz) != 0)
			rc = slow_down(d, why, e);
		else
			return rc == ERR_NO_TARGET ? rc : give_up(d, why, e);
	}
	return rc;
}

void dp_progress(struct dp *d)
{
	d->rung = RUNG_CLEAR;
}
