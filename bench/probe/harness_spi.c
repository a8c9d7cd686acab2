/* The spi-nor layout: see harness.h. */
#include "bench/probe/harness.h"

#define PS_PER_NS 1000u

/* The NOR's time is that of its board. */
static uint64_t board_ns(const struct harness *h)
{
	return (h->now_ps - h->power_on_ps) / PS_PER_NS;
}

static bool cs_level(const struct harness *h)
{
	return (h->dirs & HARNESS_PIN_CS) == 0 ||
	       (h->pins & HARNESS_PIN_CS) != 0; /* a pull-up */
}

static void rise(struct harness *h)
{
	bool out = (h->dirs & HARNESS_PIN_DO) == 0 ||
		   (h->pins & HARNESS_PIN_DO) != 0;

	h->spi_in =
		h->chip == NULL || chip_nor_clock(h->chip, board_ns(h), out);
}

void harness_spi_attach(struct harness *h)
{
	h->spi_in = true;
	chip_nor_cs(h->chip, board_ns(h), cs_level(h));
}

void harness_spi_drive(struct harness *h, bool clock_rises)
{
	if (h->chip != NULL)
		chip_nor_cs(h->chip, board_ns(h), cs_level(h));
	if (cs_level(h))
		h->spi_in = true;
	if (clock_rises)
		rise(h);
}

bool harness_spi_clock(struct harness *h, uint64_t period_ps)
{
	h->now_ps += period_ps / 2;
	rise(h);
	h->now_ps += period_ps - period_ps / 2;
	return h->spi_in;
}
