/* May this unit go past the point of no return now? May it be tried again?
 * Pure: no I/O, no clock; whoever asks has gathered the facts in the same
 * transaction in which the answer will be written. */
#ifndef CONTROLLER_LINE_PERMIT_H
#define CONTROLLER_LINE_PERMIT_H

#include "controller/line/lot.h"
#include "proto/rules.h"

#define PERMIT_DEV_ID 0x482u /* STM32U575/585, RM0456 DBGMCU_IDCODE */

struct permit_facts {
	/* the lot */
	enum lot_state lot_state;
	uint64_t quantity;
	uint64_t admitted; /* units that ever got a permit in this lot */
	uint64_t max_attempts;
	bool assigned; /* the lot is this harness's now */
	/* the unit */
	bool unit_admitted;	/* had a permit in this lot before */
	bool unit_passed;	/* in whatever lot */
	bool lock_known;	/* a recorded attempt of this lot locked it */
	uint64_t attempts_used; /* those that count against max_attempts */
	/* a permit of this unit without result */
	bool open_elsewhere; /* at another harness */
	bool lease_live;     /* and its lease has not run out */
	bool open_revoked;   /* of a station that is revoked: no result */
	const char *open_at; /* its name; borrowed, not NULL then */
	/* the request */
	bool resumed;	 /* condition */
	unsigned dev_id; /* 0: unreadable, the chip is locked */
};

struct permit_verdict {
	uint32_t retry_ms; /* of a refusal: 0 when a retry will not help */
	bool retest;	   /* of a grant: may it be tried again after this? */
};

/* ERR_OK grants. Refusals, checked in this order:
 * ERR_REFUSED   another chip than the product's
 * ERR_EXISTS    the unit has passed already
 * ERR_STATE     the lot is not running, or not this harness's
 * ERR_REFUSED   in progress at another harness with a live lease (retry)
 * ERR_STATE     it came in locked, and how an attempt at another harness ended
 *               is not known yet
 * ERR_NOT_FOUND it came in locked, and not by this lot
 * ERR_REFUSED   no attempts left
 * ERR_QUOTA     a new unit and no quota left */
enum err_code permit_decide(const struct permit_facts *f,
			    struct permit_verdict *v, struct err *e);

/* Does an attempt that ended so use up one of the unit's attempts? What the
 * line or the cloud did wrong is not charged to the unit. */
bool permit_attempt_counts(enum outcome o, enum failure f);

#endif
