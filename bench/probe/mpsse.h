/* The MPSSE of an FT2232H channel: commands in, pins clocked, bytes out. FTDI
 * AN_108 "Command Processor for MPSSE and MCU Host Bus Emulation Modes" rev
 * 1.5; section numbers at the code. The engine stops when the command FIFO
 * runs dry or the reply FIFO is full, as the chip does, and goes on where it
 * stopped. */
#ifndef BENCH_PROBE_MPSSE_H
#define BENCH_PROBE_MPSSE_H

#include "bench/probe/fifo.h"
#include "bench/probe/harness.h"

enum mpsse_state {
	MPSSE_COMMAND,
	MPSSE_PARAMS,
	MPSSE_DATA,
	MPSSE_REPLY, /* waits for room for reply[] */
	MPSSE_STUCK, /* waits for a level on GPIOL1 that will not come */
};

struct mpsse {
	struct harness *h;
	struct fifo in, out;
	enum mpsse_state state;
	uint8_t op;
	unsigned params_wanted, params_got;
	uint8_t param[3];
	uint32_t left; /* bytes left of a byte-shifting command */
	uint8_t reply[2];
	unsigned reply_len;
	uint16_t divisor;
	bool divide_by_5, three_phase, loopback;
	uint8_t high_pins, high_dirs; /* ACBUS */
	/* SEND_IMMEDIATE was met when out.in_total stood at flush_total. */
	bool flush;
	uint64_t flush_total, flush_ps;
};

void mpsse_init(struct mpsse *m, struct harness *h, size_t fifo_bytes);
/* Mode entered: FIFOs kept, engine at its defaults, ADBUS directions dirs. */
void mpsse_start(struct mpsse *m, uint8_t dirs);
/* Mode left: all pins are inputs. */
void mpsse_stop(struct mpsse *m);
/* Execute what can be executed. */
void mpsse_run(struct mpsse *m);
/* Commands wait for room in the reply FIFO. */
bool mpsse_blocked(const struct mpsse *m);

#endif
