/* A virtual board in a virtual harness, in this very process: bench/chip,
 * bench/wire and bench/probe without daemon and sockets, so that a job can be
 * repeated thousands of times. A shared library of its own, because agent and
 * bench have functions of the same names. Time is modelled time only.
 *
 * One rig per process.
 */
#ifndef TESTS_UNIT_AGENT_RIG_BOARD_RIG_H
#define TESTS_UNIT_AGENT_RIG_BOARD_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rig_trouble {
	RIG_WAIT,
	RIG_FAULT,
	RIG_READ_PARITY,
	RIG_NOISE_ACK,	/* the target takes the transfer, the ACK is damaged */
	RIG_NOISE_DATA, /* a bit of the data */
	RIG_LOST,	/* the request is not understood */
	RIG_SHORT,	/* SWDIO low for 3 ms */
	RIG_OPEN,	/* no contact, SWDIO high, for 3 ms */
	RIG_GONE,	/* no contact from then on, until rig_mend() */
	RIG_TROUBLES
};

extern const char *const rig_trouble_names[RIG_TROUBLES];

/* A new board in the harness, powered; the one before is thrown away. nor_part
 * and wiring as in bench/chip. clean_hz: above it one transfer in 50 is
 * disturbed; 0 for a good cable. */
void rig_insert(bool output_enable, const char *nor_part, const char *wiring,
		uint32_t clean_hz);
void rig_end(void);

/* Transfers since the board was inserted, as the target counts them. */
uint64_t rig_transfers(void);
/* The transfer with this number is disturbed. */
void rig_trouble_at(enum rig_trouble kind, uint64_t transfer);

/* From now on one transfer in so many has noise in it, and as many get a WAIT.
 * What repairs a disturbance may be disturbed as well. */
void rig_noise(uint32_t one_in);
/* Nothing is disturbed any more. */
void rig_mend(void);

uint64_t rig_edges(void);
uint64_t rig_usb_out_bytes(void);
uint64_t rig_now_ns(void);
/* Of the last clock. */
uint32_t rig_swclk_hz(void);

/* USB: bulk transfers on channel A. false: it would never end. */
bool rig_out(const uint8_t *data, size_t len);
/* Status bytes removed; *got may be 0, when the latency timer ended it. */
bool rig_in(uint8_t *data, size_t len, size_t *got);
void rig_sleep(uint64_t ns);

/* A register of the board, past the wire. */
uint32_t rig_word(uint32_t addr);
const uint8_t *rig_nor(size_t *len);
const uint8_t *rig_flash(size_t *len);

#endif
