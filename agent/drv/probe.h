/* One FT2232H: channel A as MPSSE engine for SWD, channel B as UART. This file
 * and uart_port.h are all that know about libftdi1. Sources: FTDI AN_108
 * rev 1.5 (MPSSE commands), FT2232H data sheet rev 2.6 (FIFO sizes, pins).
 *
 * Not thread-safe, save for probe_cancel() and probe_resume().
 *
 * The chip's FIFOs hold 4 KiB each way. When the one towards the host is full
 * the MPSSE engine stops, then the one from the host fills, and a host that is
 * still writing waits for ever: so no exchange may ask for more answer than
 * PROBE_IN_MAX, and the answer is always collected before the next is sent.
 */
#ifndef AGENT_DRV_PROBE_H
#define AGENT_DRV_PROBE_H

#include "proto/base/err.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct probe;

/* Most answer bytes of one exchange: a FIFO less one USB packet. */
#define PROBE_IN_MAX	   3584u
/* Most command bytes of one exchange. */
#define PROBE_OUT_MAX	   65536u

/* Channel A's pins, low byte (ADBUS). */
#define PROBE_PIN_CLK	   0x01u /* AD0, SWCLK */
#define PROBE_PIN_DO	   0x02u /* AD1, TDI: towards SWDIO */
#define PROBE_PIN_DI	   0x04u /* AD2, TDO: from SWDIO */
#define PROBE_PIN_NRST	   0x10u /* AD4, low is reset, else not driven */
#define PROBE_PIN_OE	   0x20u /* AD5, high enables the SWDIO driver */

/* High byte (ACBUS): the stack light, high is lit. */
#define PROBE_LIGHT_RED	   0x01u
#define PROBE_LIGHT_YELLOW 0x02u
#define PROBE_LIGHT_GREEN  0x04u

/* Open channel A of the FT2232H with this USB serial, switch it to MPSSE and
 * see it answer. ERR_PROBE_GONE when there is none, ERR_IO when it is in use
 * or does not answer. Blocks up to 1 s. */
enum err_code probe_open(struct probe **p, const char *serial, struct err *e);
void probe_close(struct probe *p); /* NULL allowed */

/* Send MPSSE commands and collect the bytes they produce, in_len exactly
 * (SEND_IMMEDIATE is added when in_len > 0). Budget: 2 s.
 * ERR_PROBE_GONE, ERR_TIMEOUT (the probe is in an unknown state),
 * ERR_CANCELLED. */
enum err_code probe_exchange(struct probe *p, const uint8_t *out,
			     size_t out_len, uint8_t *in, size_t in_len,
			     struct err *e);

/* SWCLK frequency: the highest that the divider gives and that is not above
 * hz. 457 Hz to 30 MHz. *actual_hz may be NULL. */
enum err_code probe_set_clock(struct probe *p, uint32_t hz, uint32_t *actual_hz,
			      struct err *e);

/* Levels and directions of ADBUS from now on. */
enum err_code probe_set_pins(struct probe *p, uint8_t value, uint8_t direction,
			     struct err *e);

/* PROBE_LIGHT_ bits. */
enum err_code probe_set_lights(struct probe *p, uint8_t lights, struct err *e);

/* What channel A has cost since it was opened. */
struct probe_counts {
	uint64_t out_bytes, in_bytes; /* payload */
	uint64_t transfers;	      /* both ways */
	uint64_t usb_ns;	      /* computed, see probe.c */
	uint64_t swclk_clocks;
	uint64_t wire_ns; /* of these clocks */
};
void probe_counts(const struct probe *p, struct probe_counts *out);

/* From any thread: exchanges and UART waits return ERR_CANCELLED from now on,
 * until probe_resume(). */
void probe_cancel(struct probe *p);
void probe_resume(struct probe *p);
bool probe_cancelled(const struct probe *p);
/* The flag itself, for whoever waits on something else of this probe. Valid
 * as long as the probe is open. */
const atomic_bool *probe_cancel_flag(const struct probe *p);

#endif
