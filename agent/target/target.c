/* Ties the parts together and keeps one rule: whatever works on the chip's
 * inside (NOR, flash, certificate) needs a board that target_identify() has
 * found open and halted, and a reset or a lock-down ends that.
 */
#include "agent/target/target.h"

#include "agent/drv/adi.h"
#include "agent/drv/probe.h"
#include "agent/drv/swd_mpsse.h"
#include "agent/drv/uart_port.h"
#include "agent/target/nor.h"
#include "agent/target/stm32u5.h"
#include "agent/target/wiring.h"
#include "proto/base/log.h"
#include "proto/base/mono.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct target {
	struct probe *probe;
	struct swd_mpsse *mpsse;
	struct adi *adi;
	struct uart_port *uart;
	struct stm32u5 chip;
	struct nor nor;
	bool open;	 /* identified, halted, not locked */
	uint8_t uid[12]; /* whose; looked at again before every use */
	bool reset_held; /* by target_hold_reset() or a lock-down */
	uint32_t swd_hz; /* ceiling of the configuration; 0: none */
	uint32_t uart_baud;
	uint64_t uart_bytes;
	int64_t uart_wait_ns;
};

/* ---- opening ---- */

static enum err_code open_parts(struct target *t, const struct target_config *c,
				struct err *e)
{
	enum swd_mpsse_layout layout = c->layout == TARGET_LAYOUT_RESISTOR
					       ? SWD_MPSSE_RESISTOR
					       : SWD_MPSSE_OUTPUT_ENABLE;
	const struct wiring *wiring = wiring_find(c->wiring);
	enum err_code rc = probe_open(&t->probe, c->probe_serial, e);

	if (rc == ERR_OK)
		rc = probe_set_lights(t->probe, 0, e);
	if (rc == ERR_OK)
		rc = swd_mpsse_new(&t->mpsse, t->probe, layout, e);
	if (rc == ERR_OK)
		rc = adi_new(&t->adi, swd_mpsse_wire(t->mpsse), c->swd_hz, e);
	if (rc == ERR_OK)
		rc = uart_port_open(&t->uart, c->probe_serial, c->uart_baud,
				    probe_cancel_flag(t->probe), e);
	if (rc != ERR_OK)
		return rc;
	t->chip.adi = t->adi;
	t->chip.wire = swd_mpsse_wire(t->mpsse);
	t->swd_hz = c->swd_hz;
	t->uart_baud = c->uart_baud;
	nor_init(&t->nor, t->adi, wiring);
	return ERR_OK;
}

enum err_code target_open(struct target **out, const struct target_config *c,
			  struct err *e)
{
	struct target *t = calloc(1, sizeof *t);
	enum err_code rc;

	*out = NULL;
	if (wiring_find(c->wiring) == NULL) {
		free(t);
		return err_set(e, ERR_CONFIG, "no board wiring \"%s\"",
			       c->wiring);
	}
	if (t == NULL)
		return err_set(e, ERR_NO_MEMORY, "no memory for a harness");
	rc = open_parts(t, c, e);
	if (rc != ERR_OK) {
		target_close(t);
		return rc;
	}
	*out = t;
	return ERR_OK;
}

void target_close(struct target *t)
{
	if (t == NULL)
		return;
	uart_port_close(t->uart);
	adi_free(t->adi);
	swd_mpsse_free(t->mpsse);
	probe_close(t->probe);
	free(t);
}

uint32_t target_limit_clock(struct target *t, uint32_t max_hz)
{
	if (max_hz == 0 || (t->swd_hz != 0 && t->swd_hz < max_hz))
		max_hz = t->swd_hz;
	adi_limit_clock(t->adi, max_hz);
	return max_hz;
}

void target_cancel(struct target *t)
{
	probe_cancel(t->probe);
}

void target_resume(struct target *t)
{
	probe_resume(t->probe);
}

enum err_code target_light(struct target *t, enum target_light light,
			   struct err *e)
{
	static const uint8_t lights[] = {
		[TARGET_LIGHT_OFF] = 0,
		[TARGET_LIGHT_BUSY] = PROBE_LIGHT_YELLOW,
		[TARGET_LIGHT_PASS] = PROBE_LIGHT_GREEN,
		[TARGET_LIGHT_FAIL] = PROBE_LIGHT_RED,
		[TARGET_LIGHT_RETRY] = PROBE_LIGHT_RED | PROBE_LIGHT_YELLOW,
	};

	return probe_set_lights(t->probe, lights[light], e);
}

/* ---- the chip ---- */

static void forget_board(struct target *t)
{
	t->open = false;
	nor_forget(&t->nor);
}

/* Nobody there, or nobody who can be understood. */
static bool is_absence(enum err_code rc)
{
	return rc == ERR_NO_TARGET || rc == ERR_WIRE;
}

enum err_code target_present(struct target *t, bool *present, struct err *e)
{
	enum err_code rc;

	adi_restore_clock(t->adi);
	rc = adi_connect(t->adi, NULL, e);
	*present = rc == ERR_OK;
	if (*present)
		return ERR_OK;
	forget_board(t);
	return is_absence(rc) ? ERR_OK : rc;
}

enum err_code target_identify(struct target *t, struct target_identity *id,
			      struct err *e)
{
	enum err_code rc;

	forget_board(t);
	rc = stm32u5_identify(&t->chip, id, e);
	t->reset_held = false;
	t->open = rc == ERR_OK && id->lock == TARGET_OPEN &&
		  id->dev_id == STM32U5_DEV_ID;
	memcpy(t->uid, id->uid, sizeof t->uid);
	return rc;
}

static enum err_code need_open(struct target *t, struct err *e)
{
	if (!t->open)
		return err_set(e, ERR_STATE,
			       "the board has not been identified as open");
	return stm32u5_same_board(&t->chip, t->uid, e);
}

static enum err_code need_plain(struct target *t, struct err *e)
{
	enum err_code rc = need_open(t, e);

	if (rc == ERR_OK && t->chip.secure)
		rc = err_set(e, ERR_STATE, "TrustZone is on already");
	return rc;
}

/* A board that went away has to be identified again. */
static enum err_code after(struct target *t, enum err_code rc)
{
	struct adi_stats s;

	if (rc == ERR_NO_TARGET || rc == ERR_WIRE || rc == ERR_PROBE_GONE ||
	    rc == ERR_STATE)
		forget_board(t);
	adi_stats(t->adi, &s);
	log_debug("SWD_COUNTS",
		  "transfers=%llu waits=%llu faults=%llu parity=%llu "
		  "no_ack=%llu line_resets=%llu reconnects=%llu",
		  (unsigned long long)s.transfers, (unsigned long long)s.waits,
		  (unsigned long long)s.faults,
		  (unsigned long long)s.parity_errors,
		  (unsigned long long)s.no_acks,
		  (unsigned long long)s.line_resets,
		  (unsigned long long)s.reconnects);
	return rc;
}

enum err_code target_nor_identify(struct target *t, struct target_nor *nor,
				  struct err *e)
{
	enum err_code rc = need_plain(t, e);

	if (rc == ERR_OK)
		rc = nor_identify(&t->nor, e);
	*nor = t->nor.id;
	return after(t, rc);
}

enum err_code target_nor_program(struct target *t, uint64_t len,
				 target_read_fn *read, void *read_arg,
				 target_progress_fn *progress,
				 void *progress_arg,
				 struct target_nor_report *report,
				 struct err *e)
{
	enum err_code rc = need_plain(t, e);

	if (rc == ERR_OK)
		rc = nor_program(&t->nor, len, read, read_arg, progress,
				 progress_arg, report, e);
	return after(t, rc);
}

enum err_code target_nor_sha256(struct target *t, uint64_t len,
				uint8_t sha256[32], struct err *e)
{
	enum err_code rc = need_plain(t, e);

	if (rc == ERR_OK)
		rc = nor_sha256(&t->nor, len, sha256, e);
	return after(t, rc);
}

enum err_code target_chip_certificate(struct target *t, uint8_t cert[136],
				      struct err *e)
{
	enum err_code rc = need_plain(t, e);

	if (rc == ERR_OK)
		rc = stm32u5_chip_certificate(&t->chip, cert, e);
	return after(t, rc);
}

enum err_code target_flash_write(struct target *t, uint32_t offset,
				 const void *data, size_t len, struct err *e)
{
	enum err_code rc = need_plain(t, e);

	if (rc == ERR_OK)
		rc = stm32u5_flash_write(&t->chip, offset, data, len, e);
	nor_forget(&t->nor); /* there may have been a reset */
	return after(t, rc);
}

enum err_code target_flash_erase(struct target *t, uint32_t offset, size_t len,
				 struct err *e)
{
	enum err_code rc = need_plain(t, e);

	if (rc == ERR_OK)
		rc = stm32u5_flash_erase(&t->chip, offset, len, e);
	nor_forget(&t->nor);
	return after(t, rc);
}

/* ---- lock and reset ---- */

enum err_code target_lock_down(struct target *t, struct err *e)
{
	enum err_code rc = need_open(t, e);

	if (rc == ERR_OK)
		rc = stm32u5_lock_down(&t->chip, e);
	t->reset_held = rc == ERR_OK;
	forget_board(t);
	return after(t, rc);
}

enum err_code target_hold_reset(struct target *t, bool hold, struct err *e)
{
	enum err_code rc =
		t->chip.wire.ops->hold_reset(t->chip.wire.ctx, hold, e);

	if (rc == ERR_OK)
		t->reset_held = hold;
	forget_board(t);
	return rc;
}

enum err_code target_lock_state(struct target *t, enum target_lock *lock,
				struct err *e)
{
	struct swd_wire wire = t->chip.wire;
	bool held = t->reset_held;
	enum err_code rc = ERR_OK;

	*lock = TARGET_LOCK_UNKNOWN;
	if (held)
		rc = wire.ops->hold_reset(wire.ctx, false, e);
	if (rc == ERR_OK)
		rc = stm32u5_lock_state(&t->chip, lock, e);
	if (held) {
		enum err_code again = wire.ops->hold_reset(
			wire.ctx, true, rc == ERR_OK ? e : NULL);

		rc = rc == ERR_OK ? again : rc;
	}
	return after(t, rc);
}

/* ---- provisioning UART ---- */

/* Start bit, eight, stop bit. */
static uint64_t characters_ns(const struct target *t, uint64_t n)
{
	return n * 10u * 1000000000u / t->uart_baud;
}

enum err_code target_uart_read(struct target *t, void *buf, size_t len,
			       size_t *got, int wait_ms, struct err *e)
{
	struct mono from = mono_now();
	enum err_code rc = uart_port_read(t->uart, buf, len, got, wait_ms, e);

	t->uart_bytes += *got;
	t->uart_wait_ns +=
		mono_now().ns - from.ns - (int64_t)characters_ns(t, *got);
	return rc;
}

enum err_code target_uart_write(struct target *t, const void *buf, size_t len,
				struct err *e)
{
	t->uart_bytes += len;
	return uart_port_write(t->uart, buf, len, e);
}

int64_t target_uart_us(const struct target *t, size_t len)
{
	return (int64_t)(characters_ns(t, len) / 1000);
}

enum err_code target_uart_flush(struct target *t, struct err *e)
{
	return uart_port_flush(t->uart, e);
}

/* ---- the account ---- */

void target_counts(const struct target *t, struct target_counts *out)
{
	struct probe_counts p;

	probe_counts(t->probe, &p);
	*out = (struct target_counts){
		.swclk_clocks = p.swclk_clocks,
		.wire_ns = p.wire_ns,
		.usb_bytes = p.out_bytes + p.in_bytes,
		.usb_transfers = p.transfers,
		.usb_ns = p.usb_ns,
		.uart_bytes = t->uart_bytes,
		.uart_ns = characters_ns(t, t->uart_bytes),
		.uart_wait_ns =
			t->uart_wait_ns > 0 ? (uint64_t)t->uart_wait_ns : 0,
		.wait_ns = t->chip.waited_ms * 1000000u,
	};
}
