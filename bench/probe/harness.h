/* One harness: the board in it (or none), the pins between it and the probe,
 * and its modelled time.
 *
 * Time. now_ps is the time at the pins. The chip follows it: at the latest 20
 * us behind, and exactly before every debug access to the core's own registers
 * and before every look from outside (harness_sync). It goes on without a
 * board. One thread at a time.
 *
 * Pins, as agent/target/target.h has them: AD0 SWCLK, AD1 data out, AD2 data
 * in (SWDIO itself), AD4 nRST (driving low asserts it), AD5 enable of the SWDIO
 * driver in the output-enable layout (high drives; in the resistor layout AD1
 * is tied to SWDIO by a resistor and AD5 is not connected), AC0..2 lights.
 *
 * In the spi-nor layout the fixture programs the board's SPI NOR in the
 * circuit: it holds nRST low, so that the MCU leaves the NOR alone, and AD0
 * leads to its CLK, AD1 to DI, AD2 to DO, AD3 to CS#; neither SWD nor the UART
 * are connected.
 */
#ifndef BENCH_PROBE_HARNESS_H
#define BENCH_PROBE_HARNESS_H

#include "bench/chip/chip.h"
#include "bench/probe/account.h"
#include "bench/probe/uart_line.h"
#include "bench/wire/swd.h"
#include "bench/wire/vcd.h"
#include "proto/base/err.h"

#define HARNESS_PIN_SWCLK 0x01u
#define HARNESS_PIN_DO	  0x02u
#define HARNESS_PIN_DI	  0x04u
#define HARNESS_PIN_CS	  0x08u
#define HARNESS_PIN_NRST  0x10u
#define HARNESS_PIN_OE	  0x20u

#define HARNESS_RED	  0x1u
#define HARNESS_YELLOW	  0x2u
#define HARNESS_GREEN	  0x4u

enum harness_layout {
	HARNESS_RESISTOR,
	HARNESS_OUTPUT_ENABLE,
	HARNESS_SPI_NOR,
};

struct harness_config {
	enum harness_layout layout;
	const char *trace; /* VCD file, NULL for none; copied */
	size_t uart_fifo_bytes;
};

/* How the board sits in it. */
struct harness_contact {
	struct swd_faults swd;
	uint32_t uart_noise; /* one character in N starts a burst; 0 none */
	bool uart_dead;	     /* the UART's pins have no contact */
	uint64_t seed;
};

struct harness {
	uint64_t now_ps;
	struct account account; /* see harness_account(); the probe writes the
				 * rows of USB */
	enum harness_layout layout;
	struct chip *chip; /* borrowed; NULL when empty */
	/* now_ps at which the chip's own time was 0. A chip that comes from
	 * another harness may be older than this one: then it has wrapped, and
	 * only differences count. */
	uint64_t power_on_ps;
	uint64_t stuck_until_ps; /* SWDIO has no contact; 0 none */
	struct harness_contact contact;
	struct swd swd;
	struct wire_bus bus;
	struct uart_line uart;
	struct vcd *vcd;
	uint8_t pins, dirs;  /* ADBUS as the probe drives it */
	bool drives, level;  /* what the probe does to SWDIO */
	bool spi_in;	     /* AD2 in the spi-nor layout */
	bool nrst;	     /* true: released */
	uint8_t lights;	     /* HARNESS_RED ... */
	uint64_t lights_seq; /* counts changes */
};

enum err_code harness_new(struct harness **h, const struct harness_config *c,
			  struct err *e);
void harness_free(struct harness *h);

/* Put a board in and power it, or take it out and cut its power. The chip
 * stays the caller's; the harness must be empty before the first. contact may
 * be NULL: a good one. */
void harness_insert(struct harness *h, struct chip *chip,
		    const struct harness_contact *contact);
void harness_remove(struct harness *h);

/* Let time pass, UART and chip included. until_ps in the past is fine.
 * spent_ps: the row of h->account that it belongs to. */
void harness_advance(struct harness *h, uint64_t until_ps, uint64_t *spent_ps);
/* The same for the MPSSE's own time; the chip follows when it has to. */
static inline void harness_command(struct harness *h, uint64_t ps)
{
	h->now_ps += ps;
	h->account.command_ps += ps;
}
/* The chip catches up with now_ps. */
void harness_sync(struct harness *h);

/* ADBUS driven by the probe from now on. */
void harness_drive(struct harness *h, uint8_t pins, uint8_t dirs);
/* What the probe reads on ADBUS. */
uint8_t harness_pins(const struct harness *h);
void harness_set_lights(struct harness *h, uint8_t lights);

/* Everything since harness_new(). */
struct account harness_account(const struct harness *h);

/* SWDIO as it is now. */
static inline bool harness_swdio(const struct harness *h)
{
	if (h->chip != NULL)
		return swd_level(&h->swd, h->drives, h->level);
	return h->drives ? h->level : true;
}

/* What the probe reads on AD2 now. */
static inline bool harness_data_in(const struct harness *h)
{
	return h->layout == HARNESS_SPI_NOR ? h->spi_in : harness_swdio(h);
}

/* One period of SWCLK, low half first: the rising edge in its middle. Returns
 * AD2 just before that edge. */
bool harness_clock(struct harness *h, uint64_t period_ps);

/* The same many times, nobody sampling. */
void harness_clock_idle(struct harness *h, uint64_t period_ps, uint64_t count);

/* harness_spi.c: the spi-nor layout's part of harness_insert(), _drive() and
 * _clock(). */
void harness_spi_attach(struct harness *h);
void harness_spi_drive(struct harness *h, bool clock_rises);
bool harness_spi_clock(struct harness *h, uint64_t period_ps);

#endif
