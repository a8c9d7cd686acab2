/* Invariants: between two exchanges the MPSSE engine owes the host nothing,
 * so that the first byte read always belongs to the exchange in progress.
 * After an exchange that did not end so, `broken` is set and everything is
 * refused until the probe is opened again.
 */
#include "agent/drv/probe.h"

#include "agent/drv/mpsse_count.h"
#include "proto/base/mono.h"

#include <assert.h>
#include <ftdi.h>
#include <libusb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define PROBE_VENDOR	     0x0403
#define PROBE_PRODUCT	     0x6010

#define EXCHANGE_BUDGET_MS   2000
#define LATENCY_MS	     16

/* AN_108 rev 1.5, chapter 3 */
#define MPSSE_SET_LOW	     0x80
#define MPSSE_SET_HIGH	     0x82
#define MPSSE_LOOPBACK_OFF   0x85
#define MPSSE_DIVISOR	     0x86
#define MPSSE_SEND_IMMEDIATE 0x87
#define MPSSE_DIV5_OFF	     0x8A
#define MPSSE_3PHASE_OFF     0x8D
#define MPSSE_ADAPTIVE_OFF   0x97
#define MPSSE_BAD_COMMAND    0xAA
#define MPSSE_BAD_ECHO	     0xFA

#define MPSSE_BASE_HZ	     60000000u

struct probe {
	struct ftdi_context ftdi;
	bool broken;
	atomic_bool cancelled;
	struct mpsse_count count;
	uint64_t out_bytes, in_bytes, transfers, usb_ns;
	uint8_t out[PROBE_OUT_MAX + 1]; /* commands and SEND_IMMEDIATE */
};

static bool is_gone(struct probe *p, int rc)
{
	unsigned short status;

	if (rc == LIBUSB_ERROR_NO_DEVICE)
		return true;
	/* libftdi1 reports a failed write as -1 whatever the cause */
	return ftdi_poll_modem_status(&p->ftdi, &status) < 0;
}

static enum err_code usb_failed(struct probe *p, int rc, const char *what,
				struct err *e)
{
	const char *why = ftdi_get_error_string(&p->ftdi);

	p->broken = true;
	if (is_gone(p, rc))
		return err_set(e, ERR_PROBE_GONE, "%s: %s", what, why);
	return err_set(e, ERR_TIMEOUT, "%s: %s", what, why);
}

static enum err_code open_failed(struct probe *p, int rc, const char *serial,
				 struct err *e)
{
	const char *why = ftdi_get_error_string(&p->ftdi);

	if (rc == -3)
		return err_set(e, ERR_PROBE_GONE,
			       "no probe with USB serial \"%s\"", serial);
	return err_set(e, ERR_IO, "probe \"%s\" cannot be opened: %s", serial,
		       why);
}

/* ---- the account ---- */

/* What a transfer costs on a High-Speed bus: the host's turnaround, one
 * micro-frame, and its packets, of which 13 of 512 bytes fit into one (USB
 * 2.0, 5.8.4, table 5-10); a short packet costs what 64 bytes do. Towards the
 * host each packet begins with two status bytes. */
#define UFRAME_NS	 125000u
#define PACKET_BYTES	 512u
#define PACKET_MIN	 64u
#define PACKETS_A_UFRAME 13u
#define STATUS_BYTES	 2u

static uint64_t transfer_ns(size_t payload, size_t room)
{
	size_t last = payload % room, bytes = payload / room * PACKET_BYTES;

	if (last > 0 || payload == 0) {
		last += PACKET_BYTES - room;
		bytes += last < PACKET_MIN ? PACKET_MIN : last;
	}
	return UFRAME_NS +
	       (uint64_t)UFRAME_NS * bytes / (PACKET_BYTES * PACKETS_A_UFRAME);
}

static void count_out(struct probe *p, size_t len)
{
	mpsse_count_feed(&p->count, p->out, len);
	p->out_bytes += len;
	p->transfers++;
	p->usb_ns += transfer_ns(len, PACKET_BYTES);
}

static void count_in(struct probe *p, size_t len)
{
	p->in_bytes += len;
	p->transfers++;
	p->usb_ns += transfer_ns(len, PACKET_BYTES - STATUS_BYTES);
}

void probe_counts(const struct probe *p, struct probe_counts *out)
{
	*out = (struct probe_counts){
		.out_bytes = p->out_bytes,
		.in_bytes = p->in_bytes,
		.transfers = p->transfers,
		.usb_ns = p->usb_ns,
		.swclk_clocks = p->count.clocks,
		.wire_ns = p->count.ps / 1000u,
	};
}

/* ---- exchanges ---- */

static enum err_code collect(struct probe *p, uint8_t *in, size_t in_len,
			     struct err *e)
{
	struct mono deadline = mono_after_ms(EXCHANGE_BUDGET_MS);
	size_t got = 0;

	while (got < in_len) {
		int rc =
			ftdi_read_data(&p->ftdi, in + got, (int)(in_len - got));
		if (rc < 0 && rc != LIBUSB_ERROR_TIMEOUT)
			return usb_failed(p, rc, "reading the probe", e);
		if (rc > 0)
			got += (size_t)rc;
		count_in(p, rc > 0 ? (size_t)rc : 0);
		if (got < in_len && mono_passed(deadline)) {
			p->broken = true;
			return err_set(e, ERR_TIMEOUT,
				       "probe answered %zu of %zu bytes", got,
				       in_len);
		}
	}
	return ERR_OK;
}

enum err_code probe_exchange(struct probe *p, const uint8_t *out,
			     size_t out_len, uint8_t *in, size_t in_len,
			     struct err *e)
{
	int len = (int)out_len;
	int rc;

	assert(out_len <= PROBE_OUT_MAX && in_len <= PROBE_IN_MAX);
	if (probe_cancelled(p))
		return err_set(e, ERR_CANCELLED, "cancelled");
	if (p->broken)
		return err_set(e, ERR_PROBE_GONE,
			       "probe lost earlier; open it again");
	memcpy(p->out, out, out_len);
	if (in_len > 0)
		p->out[len++] = MPSSE_SEND_IMMEDIATE;
	rc = ftdi_write_data(&p->ftdi, p->out, len);
	if (rc != len)
		return usb_failed(p, rc, "writing to the probe", e);
	count_out(p, (size_t)len);
	return collect(p, in, in_len, e);
}

/* An unknown command is echoed behind 0xFA: proof that the engine runs and
 * that nothing stale is in the pipe (AN_108 2.3). */
static enum err_code synchronise(struct probe *p, struct err *e)
{
	const uint8_t bad[] = {MPSSE_BAD_COMMAND, MPSSE_SEND_IMMEDIATE};
	struct mono deadline = mono_after_ms(500);
	uint8_t last = 0, c = 0;

	if (ftdi_write_data(&p->ftdi, bad, sizeof bad) != sizeof bad)
		return usb_failed(p, -1, "writing to the probe", e);
	while (!mono_passed(deadline)) {
		int rc = ftdi_read_data(&p->ftdi, &c, 1);

		if (rc < 0)
			return usb_failed(p, rc, "reading the probe", e);
		if (rc == 0)
			continue;
		if (last == MPSSE_BAD_ECHO && c == MPSSE_BAD_COMMAND)
			return ERR_OK;
		last = c;
	}
	return err_set(e, ERR_IO, "the probe's MPSSE engine does not answer");
}

static enum err_code start_engine(struct probe *p, struct err *e)
{
	static const uint8_t setup[] = {MPSSE_DIV5_OFF, MPSSE_ADAPTIVE_OFF,
					MPSSE_3PHASE_OFF, MPSSE_LOOPBACK_OFF};

	if (ftdi_usb_reset(&p->ftdi) < 0 ||
	    ftdi_set_latency_timer(&p->ftdi, LATENCY_MS) < 0 ||
	    ftdi_set_bitmode(&p->ftdi, 0, BITMODE_RESET) < 0 ||
	    ftdi_set_bitmode(&p->ftdi, 0, BITMODE_MPSSE) < 0 ||
	    ftdi_tcioflush(&p->ftdi) < 0)
		return err_set(e, ERR_IO, "probe refuses its set-up: %s",
			       ftdi_get_error_string(&p->ftdi));
	mpsse_count_start(&p->count);
	if (synchronise(p, e) != ERR_OK)
		return e != NULL ? e->code : ERR_IO;
	return probe_exchange(p, setup, sizeof setup, NULL, 0, e);
}

enum err_code probe_open(struct probe **out, const char *serial, struct err *e)
{
	struct probe *p = calloc(1, sizeof *p);
	struct err local;
	enum err_code rc;
	int usb;

	*out = NULL;
	e = e != NULL ? e : &local;
	if (p == NULL)
		return err_set(e, ERR_NO_MEMORY, "no memory for a probe");
	if (ftdi_init(&p->ftdi) < 0) {
		free(p);
		return err_set(e, ERR_IO, "libusb cannot be started");
	}
	p->ftdi.usb_read_timeout = 500;
	p->ftdi.usb_write_timeout = EXCHANGE_BUDGET_MS;
	p->ftdi.writebuffer_chunksize = PROBE_OUT_MAX + 1;
	ftdi_set_interface(&p->ftdi, INTERFACE_A);
	usb = ftdi_usb_open_desc(&p->ftdi, PROBE_VENDOR, PROBE_PRODUCT, NULL,
				 serial);
	rc = usb < 0 ? open_failed(p, usb, serial, e) : start_engine(p, e);
	if (rc != ERR_OK) {
		probe_close(p);
		return rc;
	}
	*out = p;
	return ERR_OK;
}

void probe_close(struct probe *p)
{
	if (p == NULL)
		return;
	/* Let go of every pin, nRST included; gone is gone if it fails. */
	if (p->ftdi.usb_dev != NULL) {
		(void)ftdi_set_bitmode(&p->ftdi, 0, BITMODE_RESET);
		(void)ftdi_usb_close(&p->ftdi);
	}
	ftdi_deinit(&p->ftdi);
	free(p);
}

enum err_code probe_set_clock(struct probe *p, uint32_t hz, uint32_t *actual_hz,
			      struct err *e)
{
	uint32_t half = MPSSE_BASE_HZ / 2;
	uint32_t div = hz == 0 || hz >= half ? 0 : (half + hz - 1) / hz - 1;
	uint8_t cmd[3] = {MPSSE_DIVISOR, 0, 0};

	if (div > 0xFFFF)
		div = 0xFFFF;
	cmd[1] = (uint8_t)div;
	cmd[2] = (uint8_t)(div >> 8);
	if (actual_hz != NULL)
		*actual_hz = half / (1 + div);
	return probe_exchange(p, cmd, sizeof cmd, NULL, 0, e);
}

enum err_code probe_set_pins(struct probe *p, uint8_t value, uint8_t direction,
			     struct err *e)
{
	uint8_t cmd[3] = {MPSSE_SET_LOW, value, direction};

	return probe_exchange(p, cmd, sizeof cmd, NULL, 0, e);
}

enum err_code probe_set_lights(struct probe *p, uint8_t lights, struct err *e)
{
	const uint8_t all =
		PROBE_LIGHT_RED | PROBE_LIGHT_YELLOW | PROBE_LIGHT_GREEN;
	uint8_t cmd[3] = {MPSSE_SET_HIGH, lights & all, all};

	return probe_exchange(p, cmd, sizeof cmd, NULL, 0, e);
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
