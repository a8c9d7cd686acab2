/* The board's pins, put into the modes that its table asks for (RM0456 13.4).
 * A port's clock is switched on with its first pin. */
#include "firmware/board/board.h"
#include "firmware/hal/hal.h"
#include "firmware/hal/reg.h"

enum mode { MODE_IN, MODE_OUT, MODE_ALTERNATE, MODE_ANALOGUE };

static void pin_mode(const struct board_pin *p, enum mode mode)
{
	GPIO(p->port, GPIO_MODER) =
		(GPIO(p->port, GPIO_MODER) & ~(3u << 2 * p->pin)) |
		(uint32_t)mode << 2 * p->pin;
}

static void port_clock(const struct board_pin *p)
{
	RCC_AHB2ENR1 |= 1u << p->port;
	(void)RCC_AHB2ENR1;
}

static void pin_alternate(const struct board_pin *p)
{
	uint32_t off = p->pin < 8 ? GPIO_AFRL : GPIO_AFRH;
	unsigned shift = 4 * (p->pin & 7u);

	port_clock(p);
	GPIO(p->port, off) = (GPIO(p->port, off) & ~(15u << shift)) |
			     (uint32_t)p->function << shift;
	GPIO(p->port, GPIO_OSPEEDR) |= 3u << 2 * p->pin;
	pin_mode(p, MODE_ALTERNATE);
}

static void pin_set(const struct board_pin *p, bool high)
{
	GPIO(p->port, GPIO_BSRR) = 1u << p->pin << (high ? 0 : 16);
}

/* High before it is an output: a station must not see a start bit. */
static void uart_pins(void)
{
	const struct board_pin *in = &board.uart_in;

	port_clock(&board.uart_out);
	pin_set(&board.uart_out, true);
	pin_mode(&board.uart_out, MODE_OUT);
	port_clock(in);
	GPIO(in->port, GPIO_PUPDR) =
		(GPIO(in->port, GPIO_PUPDR) & ~(3u << 2 * in->pin)) |
		1u << 2 * in->pin;
	pin_mode(in, MODE_IN);
}

static void module_pins(const struct board_module *m)
{
	if (!m->fitted)
		return;
	pin_alternate(&m->tx);
	pin_alternate(&m->rx);
}

void hal_pins_start(void)
{
	uart_pins();
	RCC_AHB2ENR1 |= 1u << 21; /* OCTOSPIM */
	for (unsigned i = 0; i < BOARD_NOR_PINS; i++)
		pin_alternate(&board.nor.pins[i]);
	module_pins(&board.modem);
	module_pins(&board.wifi);
	port_clock(&board.rail);
	pin_mode(&board.rail, MODE_ANALOGUE);
}

void hal_led(bool lit)
{
	port_clock(&board.led);
	pin_set(&board.led, lit != board.led_active_low);
	pin_mode(&board.led, MODE_OUT);
}
