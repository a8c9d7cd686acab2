/* The FT2232H sends what it has at a full packet or when the latency timer
 * runs out, so a read returns within a few ms even when the line is quiet:
 * waiting is repeating short reads. Each that brings nothing is LATENCY_MS of
 * a quiet line, seen by the probe; the host's own clock would count as well
 * what the host did elsewhere.
 */
#include "agent/drv/uart_port.h"

#include <ftdi.h>
#include <libusb.h>
#include <stdlib.h>

#define PROBE_VENDOR  0x0403
#define PROBE_PRODUCT 0x6010
#define LATENCY_MS    2
#define USB_READ_MS   500 /* the probe itself says nothing */

struct uart_port {
	struct ftdi_context ftdi;
	const atomic_bool *cancelled;
	uint32_t baud;
};

static bool is_cancelled(const struct uart_port *u)
{
	return u->cancelled != NULL && atomic_load(u->cancelled);
}

static enum err_code usb_failed(struct uart_port *u, int rc, const char *what,
				struct err *e)
{
	const char *why = ftdi_get_error_string(&u->ftdi);
	unsigned short status;
	bool gone = rc == LIBUSB_ERROR_NO_DEVICE ||
		    ftdi_poll_modem_status(&u->ftdi, &status) < 0;

	return err_set(e, gone ? ERR_PROBE_GONE : ERR_TIMEOUT, "UART: %s: %s",
		       what, why);
}

static enum err_code set_up(struct uart_port *u, struct err *e)
{
	struct ftdi_context *f = &u->ftdi;

	if (ftdi_usb_reset(f) < 0 || ftdi_set_latency_timer(f, LATENCY_MS) < 0)
		return err_set(e, ERR_IO, "UART: %s", ftdi_get_error_string(f));
	/* libftdi1 itself refuses a rate that it cannot make */
	if (u->baud == 0 || u->baud > 12000000 ||
	    ftdi_set_baudrate(f, (int)u->baud) < 0)
		return err_set(e, ERR_CONFIG, "UART: %u baud is not possible",
			       (unsigned)u->baud);
	if (ftdi_set_line_property(f, BITS_8, STOP_BIT_1, NONE) < 0 ||
	    ftdi_setflowctrl(f, SIO_DISABLE_FLOW_CTRL) < 0 ||
	    ftdi_tcioflush(f) < 0)
		return err_set(e, ERR_IO, "UART: %s", ftdi_get_error_string(f));
	return ERR_OK;
}

enum err_code uart_port_open(struct uart_port **out, const char *serial,
			     uint32_t baud, const atomic_bool *cancelled,
			     struct err *e)
{
	struct uart_port *u = calloc(1, sizeof *u);
	enum err_code rc;
	int usb;

	*out = NULL;
	if (u == NULL)
		return err_set(e, ERR_NO_MEMORY, "no memory for a UART");
	if (ftdi_init(&u->ftdi) < 0) {
		free(u);
		return err_set(e, ERR_IO, "libusb cannot be started");
	}
	u->cancelled = cancelled;
	u->baud = baud;
	u->ftdi.usb_read_timeout = USB_READ_MS;
	u->ftdi.usb_write_timeout = 1000;
	ftdi_set_interface(&u->ftdi, INTERFACE_B);
	usb = ftdi_usb_open_desc(&u->ftdi, PROBE_VENDOR, PROBE_PRODUCT, NULL,
				 serial);
	if (usb == -3)
		rc = err_set(e, ERR_PROBE_GONE,
			     "no probe with USB serial \"%s\"", serial);
	else if (usb < 0)
		rc = err_set(e, ERR_IO, "UART of \"%s\" cannot be opened: %s",
			     serial, ftdi_get_error_string(&u->ftdi));
	else
		rc = set_up(u, e);
	if (rc != ERR_OK) {
		uart_port_close(u);
		return rc;
	}
	*out = u;
	return ERR_OK;
}

void uart_port_close(struct uart_port *u)
{
	if (u == NULL)
		return;
	if (u->ftdi.usb_dev != NULL)
		(void)ftdi_usb_close(&u->ftdi);
	ftdi_deinit(&u->ftdi);
	free(u);
}

enum err_code uart_port_read(struct uart_port *u, void *buf, size_t len,
			     size_t *got, int wait_ms, struct err *e)
{
	int rc, quiet_ms = 0;

	*got = 0;
	do {
		if (is_cancelled(u))
			return err_set(e, ERR_CANCELLED, "cancelled");
		rc = ftdi_read_data(&u->ftdi, buf, (int)len);
		if (rc < 0 && rc != LIBUSB_ERROR_TIMEOUT)
			return usb_failed(u, rc, "reading", e);
		if (rc > 0) {
			*got = (size_t)rc;
			return ERR_OK;
		}
		quiet_ms += rc == 0 ? LATENCY_MS : USB_READ_MS;
	} while (quiet_ms < wait_ms);
	return ERR_OK;
}

enum err_code uart_port_write(struct uart_port *u, const void *buf, size_t len,
			      struct err *e)
{
	const uint8_t *p = buf;

	/* small pieces, so that a slow line is not a stuck transfer */
	while (len > 0) {
		int part = len > 256 ? 256 : (int)len;

		if (is_cancelled(u))
			return err_set(e, ERR_CANCELLED, "cancelled");
		u->ftdi.usb_write_timeout =
			1000 + (int)(256u * 10u * 1000u / u->baud);
		if (ftdi_write_data(&u->ftdi, p, part) != part)
			return usb_failed(u, -1, "writing", e);
		p += part;
		len -= (size_t)part;
	}
	return ERR_OK;
}

enum err_code uart_port_flush(struct uart_port *u, struct err *e)
{
	/* resets the chip's FIFO and forgets what libftdi1 has read ahead */
	if (ftdi_tciflush(&u->ftdi) < 0)
		return usb_failed(u, -1, "flushing", e);
	return ERR_OK;
}
