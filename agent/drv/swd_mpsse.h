/* SWD over the MPSSE engine of an FT2232H, in two harness layouts:
 *  resistor       AD1 goes to SWDIO through a resistor, AD2 directly; AD1
 *                 drives always and the target wins when it drives. A
 *                 transfer is 48 clocks = 6 bytes, a batch one command; a
 *                 stream reads nothing back.
 *  output enable  AD1 goes to SWDIO through a buffer that AD5 enables; a
 *                 transfer costs pin commands at each turnaround: 19 bytes
 *                 a word in a stream.
 */
#ifndef AGENT_DRV_SWD_MPSSE_H
#define AGENT_DRV_SWD_MPSSE_H

#include "agent/drv/probe.h"
#include "agent/drv/swd.h"

enum swd_mpsse_layout { SWD_MPSSE_RESISTOR, SWD_MPSSE_OUTPUT_ENABLE };

struct swd_mpsse;

/* The probe is borrowed until swd_mpsse_free(). Sets the pins: clock and
 * SWDIO low, nRST let go. */
enum err_code swd_mpsse_new(struct swd_mpsse **m, struct probe *probe,
			    enum swd_mpsse_layout layout, struct err *e);
void swd_mpsse_free(struct swd_mpsse *m); /* NULL allowed */

/* Valid as long as *m. */
struct swd_wire swd_mpsse_wire(struct swd_mpsse *m);

#endif
