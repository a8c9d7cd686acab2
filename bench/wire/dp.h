/* The debug port's registers: SW-DP version 2, minimal (MINDP). Arm IHI 0031G
 * (ADIv5.2), B2 "About the DP"; clauses at the code. The wire protocol around
 * it is swd.h. */
#ifndef BENCH_WIRE_DP_H
#define BENCH_WIRE_DP_H

#include "bench/wire/ap.h"

#define DP_DPIDR	0x0BE12477u
#define DP_TARGETID	0x04820041u /* STM32U575/585, RM0456 Rev 6, debug */
#define DP_DLPIDR	0x00000001u /* SWD protocol version 2 */

/* CTRL/STAT, B2.2.2 */
#define DP_ORUNDETECT	0x00000001u
#define DP_STICKYORUN	0x00000002u
#define DP_STICKYERR	0x00000020u
#define DP_READOK	0x00000040u
#define DP_WDATAERR	0x00000080u
#define DP_CDBGRSTREQ	0x04000000u
#define DP_CDBGPWRUPREQ 0x10000000u
#define DP_CSYSPWRUPREQ 0x40000000u
#define DP_STICKY	(DP_STICKYORUN | DP_STICKYERR | DP_WDATAERR)

enum dp_ack { DP_ACK_OK = 1, DP_ACK_WAIT = 2, DP_ACK_FAULT = 4 };

struct dp {
	struct ap ap;
	uint32_t ctrl;	   /* CTRL/STAT without the acknowledge bits */
	uint32_t select;   /* as written */
	uint32_t rdbuff;   /* result of the last AP read */
	uint32_t resend;   /* last value sent for an AP or RDBUFF read */
	uint8_t turnround; /* 1..4 cycles, DLCR.TURNROUND */
	uint8_t instance;  /* 0..15, TINSTANCE: DLPIDR[31:28]; 0 on this part */
};

void dp_init(struct dp *dp, const struct wire_bus *bus);

/* A line reset: back to one turnaround cycle (B4.3.3); registers stay, SELECT
 * too (from DPv3 on its DPBANKSEL is reset). */
void dp_line_reset(struct dp *dp);

/* Is this TARGETSEL value ours? Instance, part number and designer must match
 * (B2.2.11). */
bool dp_is_target(const struct dp *dp, uint32_t targetsel);

/* What the port answers to this request, before any data. a23 is A[3:2]. */
enum dp_ack dp_ack(const struct dp *dp, bool ap, bool read, unsigned a23);

/* The data of a read that was acknowledged OK; starts the AP's next read. */
uint32_t dp_read(struct dp *dp, bool ap, unsigned a23);
/* The data phase of a write that was acknowledged OK. */
void dp_write(struct dp *dp, bool ap, unsigned a23, uint32_t value);
/* Its parity was wrong: WDATAERR, the value is dropped (B4.2.6). */
void dp_write_parity_error(struct dp *dp);
/* A WAIT was given: an overrun when these are being detected (B2.3.1). */
void dp_overrun(struct dp *dp);

#endif
