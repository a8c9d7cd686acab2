#include "bench/probe/uart_line.h"

#define CHARACTER_BITS 10u
#define STOP_BIT       9u
#define BURST_MAX      6u

void uart_line_init(struct uart_line *u, size_t fifo_bytes, uart_edge_fn *edge,
		    void *edge_arg)
{
	fifo_init(&u->tx, fifo_bytes);
	fifo_init(&u->rx, fifo_bytes);
	u->tx_free_ps = u->sent_ps = 0;
	u->tx_level = u->rx_level = true;
	u->edge = edge;
	u->edge_arg = edge_arg;
	u->rx_busy = false;
	u->overrun = u->framing = false;
	u->framing_errors = u->overruns = 0;
	u->tx_bytes = u->tx_ps = u->rx_bytes = u->rx_ps = 0;
	u->noise = 0;
	u->tx_burst = u->rx_burst = 0;
	wire_rng_init(&u->rng, 0);
	uart_line_set_baud(u, 9600);
}

void uart_line_set_baud(struct uart_line *u, double baud)
{
	u->bit_ps = (uint64_t)(1e12 / baud);
}

void uart_line_set_noise(struct uart_line *u, uint32_t one_in, uint64_t seed)
{
	u->noise = one_in;
	u->tx_burst = u->rx_burst = 0;
	wire_rng_init(&u->rng, seed);
}

/* Bits of this character that the bad contact turns over. */
static uint8_t disturb(struct uart_line *u, unsigned *burst)
{
	if (*burst == 0 && wire_rng_one_in(&u->rng, u->noise))
		*burst = 1 + wire_rng_below(&u->rng, BURST_MAX);
	if (*burst == 0)
		return 0;
	--*burst;
	return (uint8_t)(1u << wire_rng_below(&u->rng, 8));
}

static void tx_edge(struct uart_line *u, uint64_t at_ps, bool level)
{
	if (level != u->tx_level)
		u->edge(u->edge_arg, at_ps, level);
	u->tx_level = level;
}

void uart_line_send(struct uart_line *u, uint64_t until_ps)
{
	while (u->tx.len > 0) {
		uint64_t at = fifo_in_ps(&u->tx, 0);
		unsigned bits;

		if (at < u->tx_free_ps)
			at = u->tx_free_ps;
		if (at < u->sent_ps)
			at = u->sent_ps;
		if (at >= until_ps)
			break;
		bits = fifo_get(&u->tx, at);
		bits ^= disturb(u, &u->tx_burst);
		bits = bits << 1 | 1u << STOP_BIT;
		for (unsigned i = 0; i < CHARACTER_BITS; i++)
			tx_edge(u, at + i * u->bit_ps, bits >> i & 1);
		u->tx_free_ps = at + CHARACTER_BITS * u->bit_ps;
		u->tx_bytes++;
		u->tx_ps += CHARACTER_BITS * u->bit_ps;
	}
	if (until_ps > u->sent_ps)
		u->sent_ps = until_ps;
}

bool uart_line_sending(const struct uart_line *u, uint64_t now_ps)
{
	return u->tx.len > 0 || u->tx_free_ps > now_ps;
}

static void rx_character(struct uart_line *u, bool stop)
{
	u->rx_bytes++;
	u->rx_ps += CHARACTER_BITS * u->bit_ps;
	if (!stop) {
		u->framing = true;
		u->framing_errors++;
	}
	if (fifo_room(&u->rx) == 0) {
		u->overrun = true;
		u->overruns++;
		return;
	}
	u->rx_byte ^= disturb(u, &u->rx_burst);
	fifo_put(&u->rx, u->rx_byte, u->rx_next);
}

static void rx_sample(struct uart_line *u)
{
	if (u->rx_bit == 0) {
		if (u->rx_level) { /* a glitch, no start bit */
			u->rx_busy = false;
			return;
		}
		u->rx_byte = 0;
	} else if (u->rx_bit == STOP_BIT) {
		rx_character(u, u->rx_level);
		u->rx_busy = false;
		return;
	} else {
		u->rx_byte |= (uint8_t)(u->rx_level << (u->rx_bit - 1));
	}
	u->rx_bit++;
	u->rx_next += u->bit_ps;
}

void uart_line_receive(struct uart_line *u, uint64_t now_ps)
{
	while (u->rx_busy && u->rx_next <= now_ps)
		rx_sample(u);
}

void uart_line_level(struct uart_line *u, uint64_t at_ps, bool level)
{
	uart_line_receive(u, at_ps);
	if (u->rx_level && !level && !u->rx_busy) {
		u->rx_busy = true;
		u->rx_bit = 0;
		u->rx_next = at_ps + u->bit_ps / 2;
	}
	u->rx_level = level;
}
