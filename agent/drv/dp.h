/* The debug port below adi.c: finding it, powering it up, single DP accesses,
 * and the ladder that repairs a disturbed link. ADIv5.2, IHI 0031E chapters
 * B2 (registers), B4 and B5 (wire).
 */
#ifndef AGENT_DRV_DP_H
#define AGENT_DRV_DP_H

#include "agent/drv/swd.h"

/* DP registers, DPBANKSEL 0 (B2.2) */
#define DP_DPIDR	    0x0u /* read */
#define DP_ABORT	    0x0u /* write */
#define DP_CTRL_STAT	    0x4u
#define DP_SELECT	    0x8u /* write */
#define DP_RDBUFF	    0xCu /* read */

#define DP_ABORT_DAPABORT   0x01u
#define DP_ABORT_ORUNERRCLR 0x10u
#define DP_ABORT_STKERRCLR  0x04u
#define DP_ABORT_WDERRCLR   0x08u
#define DP_ABORT_CLEAR_ALL  0x1Eu

#define DP_CTRL_ORUNDETECT  0x00000001u
#define DP_CTRL_STICKYORUN  0x00000002u
#define DP_CTRL_STICKYERR   0x00000020u
#define DP_CTRL_WDATAERR    0x00000080u
#define DP_CTRL_POWER_REQ   0x50000000u
#define DP_CTRL_POWER_ACK   0xA0000000u

/* How long a port that does not answer at all is waited for: a contact that
 * opens for a moment. */
#define DP_SILENCE_MS	    100

struct dp_stats {
	uint64_t line_resets, reconnects, clock_drops;
};

struct dp {
	struct swd_wire wire;
	uint32_t max_hz;
	uint32_t clock_hz; /* what is asked of the wire */
	bool clock_set;
	uint32_t actual_hz;
	bool powered; /* by dp_power_up(): a repair must bring it back */
	unsigned rung;
	struct dp_stats stats;
};

void dp_init(struct dp *d, struct swd_wire wire, uint32_t max_hz);
void dp_restore_clock(struct dp *d);
/* Another ceiling; a clock above it is slower from the next connect on. */
void dp_limit_clock(struct dp *d, uint32_t max_hz);
/* Ask the wire for hz. */
enum err_code dp_set_clock(struct dp *d, uint32_t hz, struct err *e);
/* The step below hz on the way down, 0 past ADI_CLOCK_MIN_HZ: what an FT2232H
 * divides 30 MHz into. */
uint32_t dp_slower(uint32_t hz);

/* As adi_connect() and adi_power_up(). */
enum err_code dp_connect(struct dp *d, uint32_t *dpidr, struct err *e);
enum err_code dp_power_up(struct dp *d, struct err *e);

/* One access, no retry: ERR_WIRE when it is not answered with OK. */
enum err_code dp_read(struct dp *d, uint8_t addr, uint32_t *value,
		      struct err *e);
enum err_code dp_write(struct dp *d, uint8_t addr, uint32_t value,
		       struct err *e);

/* Write ABORT and see that the sticky flags it is to clear are. A flag that
 * stays, or WDATAERR because the write itself was disturbed, is ERR_WIRE: to
 * go on with one would put the blame on the wrong transfer. */
enum err_code dp_abort(struct dp *d, uint32_t bits, struct err *e);

/* Climb one rung: clear sticky flags, line reset, reconnect (for
 * DP_SILENCE_MS, when nobody answers), slower clock. lost: the target did not
 * acknowledge, so the first rung is of no use. why is for the log. ERR_OK when
 * the port answers again. ERR_NO_TARGET, ERR_WIRE at the top. */
enum err_code dp_repair(struct dp *d, bool lost, const char *why,
			struct err *e);
/* Something got through: the next trouble starts at the bottom again. */
void dp_progress(struct dp *d);

#endif
