/* A trace of the pins as Value Change Dump (IEEE 1364-2005, 18), 1 ns, for
 * sigrok and wave viewers. Changes may be reported out of order as long as
 * none is older than the time of the last vcd_flush(). */
#ifndef BENCH_WIRE_VCD_H
#define BENCH_WIRE_VCD_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum vcd_pin {
	VCD_SWCLK,
	VCD_SWDIO,
	VCD_NRST,
	VCD_UART_FROM_BOARD,
	VCD_UART_TO_BOARD,
	VCD_PINS
};

struct vcd;

/* Overwrites path. */
enum err_code vcd_open(struct vcd **v, const char *path, struct err *e);
/* Writes what is left. Returns whether everything reached the file. */
bool vcd_close(struct vcd *v);

/* v may be NULL: no trace. Repeated levels are dropped. */
void vcd_change(struct vcd *v, uint64_t at_ns, enum vcd_pin pin, bool level);
/* Nothing before until_ns will be reported from now on. */
void vcd_flush(struct vcd *v, uint64_t until_ns);

#endif
