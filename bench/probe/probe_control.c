/* Control requests: the standard ones (USB 2.0, 9.4) and FTDI's, as libftdi1
 * and the Linux driver ftdi_sio document them. */
#include "bench/probe/probe.h"

#include <string.h>

#define TYPE_MASK	      0x60u
#define TYPE_VENDOR	      0x40u
#define DIRECTION_IN	      0x80u

#define STD_GET_STATUS	      0x00u
#define STD_CLEAR_FEATURE     0x01u
#define STD_GET_DESCRIPTOR    0x06u
#define STD_GET_CONFIGURATION 0x08u
#define STD_SET_CONFIGURATION 0x09u
#define STD_SET_INTERFACE     0x0Bu

#define SIO_RESET	      0x00u
#define SIO_SET_MODEM	      0x01u
#define SIO_SET_FLOW	      0x02u
#define SIO_SET_BAUD	      0x03u
#define SIO_SET_DATA	      0x04u
#define SIO_POLL_MODEM	      0x05u
#define SIO_SET_EVENT	      0x06u
#define SIO_SET_ERROR	      0x07u
#define SIO_SET_LATENCY	      0x09u
#define SIO_GET_LATENCY	      0x0Au
#define SIO_SET_BITMODE	      0x0Bu
#define SIO_READ_PINS	      0x0Cu
#define SIO_READ_EEPROM	      0x90u

#define BITMODE_RESET	      0x00u
#define BITMODE_MPSSE	      0x02u

#define LANGUAGE_ENGLISH      0x0409u
#define DATA_8N1	      0x0008u

struct setup {
	uint8_t type, request;
	uint16_t value, index, length;
};

static uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static int give(uint8_t *data, const struct setup *s, const void *from,
		size_t n)
{
	if (n > s->length)
		n = s->length;
	memcpy(data, from, n);
	return (int)n;
}

/* -------- standard requests -------- */

static int get_string(const struct probe *p, const struct setup *s,
		      uint8_t *data)
{
	const uint8_t languages[4] = {4, 0x03, LANGUAGE_ENGLISH & 0xFF,
				      LANGUAGE_ENGLISH >> 8};
	uint8_t buf[256];

	switch (s->value & 0xFF) {
	case 0:
		return give(data, s, languages, sizeof(languages));
	case 1:
		return give(data, s, buf,
			    descriptors_string(p->manufacturer, buf));
	case 2:
		return give(data, s, buf, descriptors_string(p->product, buf));
	case 3:
		return give(data, s, buf, descriptors_string(p->serial, buf));
	default:
		return PROBE_STALLED;
	}
}

static int get_descriptor(const struct probe *p, const struct setup *s,
			  uint8_t *data)
{
	uint8_t device[18], config[PROBE_CONFIG_MAX];

	switch (s->value >> 8) {
	case 0x01:
		descriptors_device(p->config.type, device);
		return give(data, s, device, sizeof(device));
	case 0x02:
		return give(data, s, config,
			    descriptors_config(p->config.type, config));
	case 0x03:
		return get_string(p, s, data);
	default:
		return PROBE_STALLED;
	}
}

static int standard(const struct probe *p, const struct setup *s, uint8_t *data)
{
	const uint8_t zero[2] = {0, 0}, one = 1;

	if (s->type & DIRECTION_IN) {
		if (s->request == STD_GET_DESCRIPTOR)
			return get_descriptor(p, s, data);
		if (s->request == STD_GET_STATUS)
			return give(data, s, zero, sizeof(zero));
		if (s->request == STD_GET_CONFIGURATION)
			return give(data, s, &one, 1);
		return PROBE_STALLED;
	}
	if (s->request == STD_CLEAR_FEATURE ||
	    (s->request == STD_SET_INTERFACE && s->value == 0) ||
	    (s->request == STD_SET_CONFIGURATION && s->value == 1))
		return 0;
	return PROBE_STALLED;
}

/* -------- FTDI's requests -------- */

/* wIndex names the channel: 1 is A. A single-channel chip takes 0 as well. */
static struct probe_channel *channel_of(struct probe *p, const struct setup *s)
{
	unsigned n = s->index & 0xFFu;

	if (n == 0)
		n = 1;
	return n <= p->channels ? &p->channel[n - 1] : NULL;
}

static bool is_uart(const struct probe *p, const struct probe_channel *c)
{
	return c == &p->channel[1] && !c->mpsse_mode;
}

/* Value 1 clears what comes from the host, 2 what goes to it (libftdi1 1.5,
 * ftdi_tcoflush and ftdi_tciflush); 0 resets the channel, both included. */
static int sio_reset(struct probe *p, struct probe_channel *c, uint16_t value)
{
	bool uart = is_uart(p, c);

	if (value > 2)
		return PROBE_STALLED;
	if (value != 2)
		fifo_clear(uart ? &p->h->uart.tx : &c->mpsse.in);
	if (value != 1) {
		fifo_clear(uart ? &p->h->uart.rx : &c->mpsse.out);
		c->mpsse.flush = false;
	}
	return 0;
}

/* AN_120 2.2: 14 bits of divisor, 3 of eighths in an order of their own, and
 * for Hi-Speed chips a bit that selects 12 MHz instead of 3 MHz. The lowest
 * divisors are special. */
static int set_baud(struct probe *p, const struct probe_channel *c,
		    const struct setup *s)
{
	static const uint8_t eighths[8] = {0, 4, 2, 1, 3, 5, 6, 7};
	unsigned high = s->index >> 8;
	double base = high & 2u ? 12e6 : 3e6;
	unsigned whole = s->value & 0x3FFFu;
	unsigned part = eighths[s->value >> 14 | (high & 1u) << 2];
	double divisor = whole + part / 8.0;

	if (whole == 0)
		divisor = 1;
	else if (whole == 1 && part == 0)
		divisor = 1.5;
	if (is_uart(p, c))
		uart_line_set_baud(&p->h->uart, base / divisor);
	return 0;
}

static int set_bitmode(struct probe *p, struct probe_channel *c, uint16_t value)
{
	unsigned mode = value >> 8;
	bool a = c == &p->channel[0];

	if (mode == BITMODE_RESET) {
		c->mpsse_mode = false;
		if (a)
			mpsse_stop(&c->mpsse);
		return 0;
	}
	if (mode != BITMODE_MPSSE ||
	    !probe_type_has_mpsse(p->config.type, (unsigned)(c - p->channel)))
		return PROBE_STALLED;
	c->mpsse_mode = true;
	if (a)
		mpsse_start(&c->mpsse, (uint8_t)value);
	return 0;
}

static int vendor_out(struct probe *p, struct probe_channel *c,
		      const struct setup *s)
{
	switch (s->request) {
	case SIO_RESET:
		return sio_reset(p, c, s->value);
	case SIO_SET_BAUD:
		return set_baud(p, c, s);
	case SIO_SET_DATA: /* the wire is 8N1 */
		return s->value == DATA_8N1 ? 0 : PROBE_STALLED;
	case SIO_SET_LATENCY:
		if (s->value < 1 || s->value > 255)
			return PROBE_STALLED;
		c->latency_ms = (uint8_t)s->value;
		return 0;
	case SIO_SET_BITMODE:
		return set_bitmode(p, c, s->value);
	case SIO_SET_FLOW:  /* flow control lines and the event and error */
	case SIO_SET_MODEM: /* characters are accepted and lead nowhere */
	case SIO_SET_EVENT:
	case SIO_SET_ERROR:
		return 0;
	default:
		return PROBE_STALLED;
	}
}

static int vendor_in(struct probe *p, const struct probe_channel *c,
		     const struct setup *s, uint8_t *data)
{
	const uint8_t modem[2] = {0x32, 0x60}, blank[2] = {0xFF, 0xFF};
	uint8_t pins;

	switch (s->request) {
	case SIO_POLL_MODEM:
		return give(data, s, modem, sizeof(modem));
	case SIO_GET_LATENCY:
		return give(data, s, &c->latency_ms, 1);
	case SIO_READ_PINS:
		pins = c == &p->channel[0] ? harness_pins(p->h) : 0xFF;
		return give(data, s, &pins, 1);
	case SIO_READ_EEPROM: /* none fitted */
		return give(data, s, blank, sizeof(blank));
	default:
		return PROBE_STALLED;
	}
}

int probe_control(struct probe *p, const uint8_t setup[8], uint8_t *data)
{
	const struct setup s = {
		.type = setup[0],
		.request = setup[1],
		.value = le16(setup + 2),
		.index = le16(setup + 4),
		.length = le16(setup + 6),
	};
	struct probe_channel *c;

	/* Setup, data and status stage, and the host in between. */
	probe_bus(p, PROBE_UFRAME_PS - p->usb_ps % PROBE_UFRAME_PS +
			     PROBE_UFRAME_PS);
	p->h->account.usb_control_count++;
	if ((s.type & TYPE_MASK) == 0)
		return standard(p, &s, data);
	c = channel_of(p, &s);
	if ((s.type & TYPE_MASK) != TYPE_VENDOR || c == NULL)
		return PROBE_STALLED;
	return s.type & DIRECTION_IN ? vendor_in(p, c, &s, data)
				     : vendor_out(p, c, &s);
}
