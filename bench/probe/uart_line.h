/* Channel B's UART between its FIFOs and the two wires to the board: bytes
 * become edges at the set baud rate and levels are sampled in the middle of
 * each bit, 8 data bits, no parity, 1 stop bit. All times are modelled. */
#ifndef BENCH_PROBE_UART_LINE_H
#define BENCH_PROBE_UART_LINE_H

#include "bench/probe/fifo.h"
#include "bench/wire/wire_rng.h"

typedef void uart_edge_fn(void *arg, uint64_t at_ps, bool level);

struct uart_line {
	struct fifo tx, rx;
	uint64_t bit_ps;
	/* To the board. */
	uint64_t tx_free_ps; /* when the shifter can take the next byte */
	uint64_t sent_ps;    /* characters that start before it are decided */
	bool tx_level;
	uart_edge_fn *edge;
	void *edge_arg;
	/* From the board. */
	bool rx_level;
	bool rx_busy;	  /* inside a character */
	unsigned rx_bit;  /* next sample: 0 start, 1..8 data, 9 stop */
	uint64_t rx_next; /* time of that sample */
	uint8_t rx_byte;
	bool overrun, framing; /* for the status byte; cleared on report */
	uint64_t framing_errors, overruns;
	/* For the account: whole characters and the time that they took. */
	uint64_t tx_bytes, tx_ps, rx_bytes, rx_ps;
	/* A bad contact: bursts of wrong bits, one in `noise` characters
	 * starts one; 0 for none. */
	uint32_t noise;
	unsigned tx_burst, rx_burst; /* characters left in a burst */
	struct wire_rng rng;
};

void uart_line_init(struct uart_line *u, size_t fifo_bytes, uart_edge_fn *edge,
		    void *edge_arg);
void uart_line_set_baud(struct uart_line *u, double baud);
void uart_line_set_noise(struct uart_line *u, uint32_t one_in, uint64_t seed);

/* Put every byte that starts before until_ps on the wire; edges may lie up to
 * one character behind it. */
void uart_line_send(struct uart_line *u, uint64_t until_ps);
/* Bytes wait, or the last one is still on its way at now_ps. */
bool uart_line_sending(const struct uart_line *u, uint64_t now_ps);

/* The board's pin changed at at_ps; in order. */
void uart_line_level(struct uart_line *u, uint64_t at_ps, bool level);
/* Take the samples up to now_ps. */
void uart_line_receive(struct uart_line *u, uint64_t now_ps);

#endif
