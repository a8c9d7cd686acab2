#include "bench/wire/dp.h"

#define A23_DPIDR	 0u /* write: ABORT */
#define A23_CTRL	 1u /* banked by SELECT.DPBANKSEL */
#define A23_SELECT	 2u /* read: RESEND */
#define A23_RDBUFF	 3u

#define SELECT_DPBANK	 0x0000000Fu
#define SELECT_APBANK	 0x000000F0u
#define SELECT_APSEL	 0xFF000000u

#define TARGETID_MATCHED 0x0FFFFFFFu /* without TREVISION */

#define ABORT_STKERRCLR	 0x04u
#define ABORT_WDERRCLR	 0x08u
#define ABORT_ORUNERRCLR 0x10u

/* MINDP: no pushed compare or verify, no counter (B1.5), so TRNMODE, MASKLANE
 * and TRNCNT are read-as-zero. */
#define CTRL_WRITABLE \
	(DP_ORUNDETECT | DP_CDBGRSTREQ | DP_CDBGPWRUPREQ | DP_CSYSPWRUPREQ)

void dp_init(struct dp *dp, const struct wire_bus *bus)
{
	*dp = (struct dp){.turnround = 1};
	ap_init(&dp->ap, bus);
}

void dp_line_reset(struct dp *dp)
{
	dp->turnround = 1;
}

bool dp_is_target(const struct dp *dp, uint32_t targetsel)
{
	return targetsel == ((uint32_t)dp->instance << 28 |
			     (DP_TARGETID & TARGETID_MATCHED));
}

enum dp_ack dp_ack(const struct dp *dp, bool ap, bool read, unsigned a23)
{
	if ((dp->ctrl & DP_STICKY) == 0)
		return DP_ACK_OK;
	/* B4.2.4: with a sticky flag set only these are served. */
	if (!ap && read && (a23 == A23_DPIDR || a23 == A23_CTRL))
		return DP_ACK_OK;
	if (!ap && !read && a23 == A23_DPIDR)
		return DP_ACK_OK;
	return DP_ACK_FAULT;
}

void dp_overrun(struct dp *dp)
{
	if (dp->ctrl & DP_ORUNDETECT)
		dp->ctrl |= DP_STICKYORUN;
}

void dp_write_parity_error(struct dp *dp)
{
	dp->ctrl |= DP_WDATAERR;
}

/* Power-up acknowledges follow the requests at once, as does the (unconnected)
 * debug reset. */
static uint32_t ctrl_read(const struct dp *dp)
{
	return dp->ctrl |
	       (dp->ctrl & (DP_CDBGRSTREQ | DP_CDBGPWRUPREQ | DP_CSYSPWRUPREQ))
		       << 1;
}

/* B2.4.1: an access without power is an error, as is one to an AP that is not
 * there: that reads as zero. */
static bool ap_reachable(struct dp *dp)
{
	if (dp->ctrl & DP_CDBGPWRUPREQ)
		return true;
	dp->ctrl |= DP_STICKYERR;
	return false;
}

static uint8_t ap_addr(const struct dp *dp, unsigned a23)
{
	return (uint8_t)((dp->select & SELECT_APBANK) | a23 << 2);
}

static uint32_t read_ap(struct dp *dp, unsigned a23)
{
	uint32_t previous = dp->rdbuff;

	dp->ctrl |= DP_READOK;
	dp->rdbuff = 0;
	if (ap_reachable(dp) && (dp->select & SELECT_APSEL) == 0 &&
	    !ap_read(&dp->ap, ap_addr(dp, a23), &dp->rdbuff))
		dp->ctrl |= DP_STICKYERR;
	return previous;
}

static uint32_t read_bank(const struct dp *dp)
{
	switch (dp->select & SELECT_DPBANK) {
	case 0:
		return ctrl_read(dp);
	case 1: /* DLCR, B2.2.3: bit 6 reads as one */
		return 0x40u | (uint32_t)(dp->turnround - 1) << 8;
	case 2:
		return DP_TARGETID;
	case 3:
		return (uint32_t)dp->instance << 28 | DP_DLPIDR;
	default: /* EVENTSTAT: no event; others reserved */
		return 0;
	}
}

uint32_t dp_read(struct dp *dp, bool ap, unsigned a23)
{
	if (ap)
		return dp->resend = read_ap(dp, a23);
	switch (a23) {
	case A23_DPIDR:
		return DP_DPIDR;
	case A23_CTRL:
		return read_bank(dp);
	case A23_SELECT:
		return dp->resend;
	default:
		dp->ctrl |= DP_READOK;
		return dp->resend = dp->rdbuff;
	}
}

static void write_abort(struct dp *dp, uint32_t value)
{
	if (value & ABORT_STKERRCLR)
		dp->ctrl &= ~DP_STICKYERR;
	if (value & ABORT_WDERRCLR)
		dp->ctrl &= ~DP_WDATAERR;
	if (value & ABORT_ORUNERRCLR)
		dp->ctrl &= ~DP_STICKYORUN;
}

static void write_bank(struct dp *dp, uint32_t value)
{
	uint32_t bank = dp->select & SELECT_DPBANK;

	if (bank == 0)
		dp->ctrl =
			(dp->ctrl & ~CTRL_WRITABLE) | (value & CTRL_WRITABLE);
	else if (bank == 1)
		dp->turnround = (uint8_t)((value >> 8 & 3u) + 1);
}

void dp_write(struct dp *dp, bool ap, unsigned a23, uint32_t value)
{
	if (ap) {
		if (ap_reachable(dp) && (dp->select & SELECT_APSEL) == 0 &&
		    !ap_write(&dp->ap, ap_addr(dp, a23), value))
			dp->ctrl |= DP_STICKYERR;
		return;
	}
	switch (a23) {
	case A23_DPIDR:
		write_abort(dp, value);
		break;
	case A23_CTRL:
		write_bank(dp, value);
		break;
	case A23_SELECT:
		dp->select = value;
		break;
	default: /* TARGETSEL is the wire's business, swd.c */
		break;
	}
}
