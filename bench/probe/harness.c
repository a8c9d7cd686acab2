#include "bench/probe/harness.h"

#include <assert.h>
#include <stdlib.h>

/* How far the chip may lag behind the wire between debug accesses: far below
 * anything that a debugger can tell, and it saves most calls. */
#define LAG_PS	  20000000u
#define PS_PER_NS 1000u
#define PS_PER_US 1000000ull

/* The core's private peripherals: halting, stepping, breakpoints. */
#define PPB_FIRST 0xE0000000u

/* -------- the bus to the chip -------- */

static void sync_for(struct harness *h, uint32_t addr)
{
	uint64_t chip_ps = h->power_on_ps + chip_now_ns(h->chip) * PS_PER_NS;

	if (addr >= PPB_FIRST || h->now_ps >= chip_ps + LAG_PS)
		harness_sync(h);
}

static bool bus_read(void *arg, uint32_t addr, unsigned size, bool secure,
		     uint32_t *value)
{
	struct harness *h = arg;

	sync_for(h, addr);
	return chip_ahb_read(h->chip, addr, size, secure, value) == CHIP_BUS_OK;
}

static bool bus_write(void *arg, uint32_t addr, unsigned size, bool secure,
		      uint32_t value)
{
	struct harness *h = arg;

	sync_for(h, addr);
	return chip_ahb_write(h->chip, addr, size, secure, value) ==
	       CHIP_BUS_OK;
}

static bool bus_alive(void *arg)
{
	const struct harness *h = arg;

	return chip_dap_alive(h->chip);
}

static bool bus_enabled(void *arg)
{
	const struct harness *h = arg;

	return chip_device_enabled(h->chip);
}

static bool bus_secure(void *arg)
{
	const struct harness *h = arg;

	return chip_secure_debug(h->chip);
}

/* -------- the UART's two wires -------- */

static void edge_to_board(void *arg, uint64_t at_ps, bool level)
{
	struct harness *h = arg;
	int64_t since_ps = (int64_t)(at_ps - h->power_on_ps);
	uint64_t at_ns, now_ns;

	vcd_change(h->vcd, at_ps / PS_PER_NS, VCD_UART_TO_BOARD, level);
	if (h->chip == NULL || h->contact.uart_dead)
		return;
	now_ns = chip_now_ns(h->chip);
	at_ns = since_ps > 0 ? (uint64_t)since_ps / PS_PER_NS : 0;
	chip_set_pe4(h->chip, at_ns > now_ns ? at_ns : now_ns, level);
}

static void edge_from_board(void *arg, uint64_t at_ns, bool level)
{
	struct harness *h = arg;
	uint64_t at_ps = h->power_on_ps + at_ns * PS_PER_NS;

	vcd_change(h->vcd, at_ps / PS_PER_NS, VCD_UART_FROM_BOARD, level);
	if (!h->contact.uart_dead)
		uart_line_level(&h->uart, at_ps, level);
}

/* -------- life -------- */

enum err_code harness_new(struct harness **out, const struct harness_config *c,
			  struct err *e)
{
	struct harness *h = calloc(1, sizeof(*h));
	enum err_code rc;

	if (h == NULL)
		return err_set(e, ERR_NO_MEMORY, "harness");
	h->layout = c->layout;
	h->nrst = c->layout != HARNESS_SPI_NOR;
	h->spi_in = true;
	h->bus = (struct wire_bus){.read = bus_read,
				   .write = bus_write,
				   .alive = bus_alive,
				   .enabled = bus_enabled,
				   .secure = bus_secure,
				   .arg = h};
	uart_line_init(&h->uart, c->uart_fifo_bytes, edge_to_board, h);
	if (c->trace != NULL) {
		rc = vcd_open(&h->vcd, c->trace, e);
		if (rc != ERR_OK) {
			free(h);
			return rc;
		}
	}
	*out = h;
	return ERR_OK;
}

void harness_free(struct harness *h)
{
	if (h == NULL)
		return;
	if (h->chip != NULL)
		harness_remove(h);
	vcd_close(h->vcd);
	free(h);
}

void harness_insert(struct harness *h, struct chip *chip,
		    const struct harness_contact *contact)
{
	assert(h->chip == NULL);
	h->contact = contact != NULL ? *contact : (struct harness_contact){0};
	if (h->layout == HARNESS_SPI_NOR)
		h->contact.uart_dead = true;
	h->chip = chip;
	swd_init(&h->swd, &h->bus, &h->contact.swd);
	uart_line_set_noise(&h->uart, h->contact.uart_noise, h->contact.seed);
	chip_on_pb0(chip, edge_from_board, h);
	chip_nrst(chip, h->nrst);
	chip_power(chip, true);
	h->power_on_ps = h->now_ps - chip_now_ns(chip) * PS_PER_NS;
	chip_set_pe4(chip, chip_now_ns(chip),
		     h->contact.uart_dead || h->uart.tx_level);
	if (h->layout == HARNESS_SPI_NOR)
		harness_spi_attach(h);
}

void harness_remove(struct harness *h)
{
	assert(h->chip != NULL);
	harness_sync(h);
	chip_power(h->chip, false);
	chip_on_pb0(h->chip, NULL, NULL);
	h->chip = NULL;
	/* The pull-up in the probe. */
	uart_line_level(&h->uart, h->now_ps, true);
	vcd_change(h->vcd, h->now_ps / PS_PER_NS, VCD_UART_FROM_BOARD, true);
}

/* -------- time -------- */

void harness_sync(struct harness *h)
{
	uint64_t chip_ns, want_ns;

	uart_line_send(&h->uart, h->now_ps);
	if (h->chip != NULL) {
		chip_ns = chip_now_ns(h->chip);
		want_ns = (h->now_ps - h->power_on_ps) / PS_PER_NS;
		if (want_ns > chip_ns)
			chip_advance(h->chip, want_ns - chip_ns);
	}
	uart_line_receive(&h->uart, h->now_ps);
}

void harness_advance(struct harness *h, uint64_t until_ps, uint64_t *spent_ps)
{
	if (until_ps > h->now_ps) {
		/* Characters that start in between go out first: the chip
		 * wants to know edges ahead. */
		uart_line_send(&h->uart, until_ps);
		*spent_ps += until_ps - h->now_ps;
		h->now_ps = until_ps;
	}
	harness_sync(h);
	if (h->vcd != NULL)
		vcd_flush(h->vcd, h->now_ps / PS_PER_NS);
}

/* -------- pins -------- */

static void drive_nrst(struct harness *h)
{
	bool released = !((h->dirs & HARNESS_PIN_NRST) &&
			  !(h->pins & HARNESS_PIN_NRST));

	if (released == h->nrst)
		return;
	h->nrst = released;
	vcd_change(h->vcd, h->now_ps / PS_PER_NS, VCD_NRST, released);
	if (h->chip == NULL)
		return;
	harness_sync(h);
	chip_nrst(h->chip, released);
}

static void drive_swdio(struct harness *h)
{
	h->level = (h->pins & HARNESS_PIN_DO) != 0;
	h->drives = (h->dirs & HARNESS_PIN_DO) != 0;
	if (h->layout == HARNESS_OUTPUT_ENABLE &&
	    (h->pins & h->dirs & HARNESS_PIN_OE) == 0)
		h->drives = false;
}

void harness_drive(struct harness *h, uint8_t pins, uint8_t dirs)
{
	bool was = (h->pins & h->dirs & HARNESS_PIN_SWCLK) != 0;
	bool is = (pins & dirs & HARNESS_PIN_SWCLK) != 0;

	h->pins = pins;
	h->dirs = dirs;
	if (h->layout == HARNESS_SPI_NOR) {
		h->account.swclk_edge_count += is && !was;
		harness_spi_drive(h, is && !was);
		return;
	}
	drive_swdio(h);
	drive_nrst(h);
	vcd_change(h->vcd, h->now_ps / PS_PER_NS, VCD_SWDIO, harness_swdio(h));
	vcd_change(h->vcd, h->now_ps / PS_PER_NS, VCD_SWCLK, is);
	if (!is || was)
		return;
	h->account.swclk_edge_count++;
	if (h->chip != NULL)
		swd_rise(&h->swd, harness_swdio(h));
}

uint8_t harness_pins(const struct harness *h)
{
	uint8_t in = 0xFF; /* weak pull-ups */

	if (!harness_data_in(h))
		in &= (uint8_t)~HARNESS_PIN_DI;
	if (!h->nrst && h->layout != HARNESS_SPI_NOR)
		in &= (uint8_t)~HARNESS_PIN_NRST;
	if (h->layout == HARNESS_RESISTOR && !harness_swdio(h))
		in &= (uint8_t)~HARNESS_PIN_DO;
	return (uint8_t)((h->pins & h->dirs) | (in & ~h->dirs));
}

void harness_set_lights(struct harness *h, uint8_t lights)
{
	if (lights == h->lights)
		return;
	h->lights = lights;
	h->lights_seq++;
}

/* The host changes SWDIO on the falling edge, the target soon after the rising
 * one. */
static void trace_clock(struct harness *h, uint64_t from_ps, uint64_t period_ps,
			bool level)
{
	uint64_t rise_ps = from_ps + period_ps / 2;

	vcd_change(h->vcd, from_ps / PS_PER_NS, VCD_SWDIO, level);
	vcd_change(h->vcd, rise_ps / PS_PER_NS, VCD_SWCLK, true);
	vcd_change(h->vcd, (rise_ps + period_ps / 4) / PS_PER_NS, VCD_SWDIO,
		   harness_swdio(h));
	vcd_change(h->vcd, (from_ps + period_ps) / PS_PER_NS, VCD_SWCLK, false);
}

struct account harness_account(const struct harness *h)
{
	const struct uart_line *u = &h->uart;
	struct account a = h->account;

	a.elapsed_ps = h->now_ps;
	a.uart_to_board_ps = u->tx_ps;
	a.uart_from_board_ps = u->rx_ps;
	a.uart_to_board_bytes = u->tx_bytes;
	a.uart_from_board_bytes = u->rx_bytes;
	return a;
}

/* Faults of the contact that depend on time. */
static void watch_contact(struct harness *h, uint64_t period_ps)
{
	const struct swd_faults *f = &h->swd.faults;

	h->swd.fast = period_ps < f->clean_period_ps;
	if (!h->swd.stuck)
		h->stuck_until_ps = 0;
	else if (h->stuck_until_ps == 0)
		h->stuck_until_ps = h->now_ps + f->stuck_us * PS_PER_US;
	else if (h->now_ps >= h->stuck_until_ps)
		h->swd.stuck = false;
}

bool harness_clock(struct harness *h, uint64_t period_ps)
{
	uint64_t from_ps = h->now_ps;
	bool level;

	watch_contact(h, period_ps);
	level = harness_swdio(h);
	h->account.wire_ps += period_ps;
	h->account.swclk_edge_count++;
	if (h->layout == HARNESS_SPI_NOR)
		return harness_spi_clock(h, period_ps);
	h->now_ps += period_ps;
	if (h->chip != NULL) {
		if (h->swd.drive && h->drives &&
		    h->layout == HARNESS_OUTPUT_ENABLE)
			h->swd.counts.contentions++;
		swd_rise(&h->swd, level);
	}
	if (h->vcd != NULL)
		trace_clock(h, from_ps, period_ps, level);
	return level;
}

/* Nothing can happen on a steady wire, so time takes one step; a trace wants
 * every edge all the same. */
static bool can_jump(const struct harness *h)
{
	return h->vcd == NULL && h->layout != HARNESS_SPI_NOR &&
	       (h->chip == NULL || swd_is_steady(&h->swd, harness_swdio(h)));
}

void harness_clock_idle(struct harness *h, uint64_t period_ps, uint64_t count)
{
	while (count > 0 && !can_jump(h)) {
		harness_clock(h, period_ps);
		count--;
	}
	h->now_ps += count * period_ps;
	h->account.wire_ps += count * period_ps;
	h->account.swclk_edge_count += count;
	if (h->chip != NULL)
		swd_pass(&h->swd, count);
}
