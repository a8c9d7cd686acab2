#include "controller/line/permit.h"

#define RETRY_BUSY_MS  2000
#define RETRY_STATE_MS 5000

static enum err_code check_unit(const struct permit_facts *f, struct err *e)
{
	/* A locked chip does not tell its kind; its history here does. */
	if (f->dev_id != PERMIT_DEV_ID && !(f->resumed && f->dev_id == 0))
		return err_set(e, ERR_REFUSED,
			       "foreign chip: device id 0x%03x, not 0x%03x",
			       f->dev_id, PERMIT_DEV_ID);
	if (f->unit_passed)
		return err_set(e, ERR_EXISTS, "this unit has passed already");
	return ERR_OK;
}

static enum err_code check_lot(const struct permit_facts *f,
			       struct permit_verdict *v, struct err *e)
{
	if (f->lot_state != LOT_RUNNING) {
		v->retry_ms = lot_is_open(f->lot_state) ? RETRY_STATE_MS : 0;
		return err_set(e, ERR_STATE, "the lot is %s",
			       lot_state_name(f->lot_state));
	}
	if (!f->assigned)
		return err_set(e, ERR_STATE,
			       "the lot is not assigned to this harness");
	return ERR_OK;
}

/* Who locked it, and what has been seen of it since? A board that is open
 * tells all itself; a locked one goes on where the last attempt left it, so
 * what that one saw must be on record. A revoked station will never tell. */
static enum err_code check_lock(const struct permit_facts *f, struct err *e)
{
	if (!f->resumed)
		return ERR_OK;
	if (f->open_elsewhere && !f->open_revoked)
		return err_set(e, ERR_STATE,
			       "the unit is locked, and results of station %s "
			       "may still be on their way: try it there, or "
			       "when %s is connected",
			       f->open_at, f->open_at);
	if (!f->lock_known)
		return err_set(e, ERR_NOT_FOUND,
			       "the unit is locked, and no attempt of this lot "
			       "did it");
	return ERR_OK;
}

static enum err_code check_history(const struct permit_facts *f,
				   struct permit_verdict *v, struct err *e)
{
	enum err_code rc;

	if (f->open_elsewhere && f->lease_live) {
		v->retry_ms = RETRY_BUSY_MS;
		return err_set(e, ERR_REFUSED,
			       "this unit is in progress at station %s, whose "
			       "results may still be on their way: try it "
			       "there, or when %s is connected",
			       f->open_at, f->open_at);
	}
	rc = check_lock(f, e);
	if (rc)
		return rc;
	if (f->attempts_used >= f->max_attempts)
		return err_set(e, ERR_REFUSED,
			       "no attempts left: %llu of %llu used",
			       (unsigned long long)f->attempts_used,
			       (unsigned long long)f->max_attempts);
	return ERR_OK;
}

enum err_code permit_decide(const struct permit_facts *f,
			    struct permit_verdict *v, struct err *e)
{
	enum err_code rc;

	*v = (struct permit_verdict){0};
	rc = check_unit(f, e);
	if (!rc)
		rc = check_lot(f, v, e);
	if (!rc)
		rc = check_history(f, v, e);
	if (rc)
		return rc;
	if (!f->unit_admitted && f->admitted >= f->quantity)
		return err_set(e, ERR_QUOTA,
			       "the lot's quantity of %llu is used up",
			       (unsigned long long)f->quantity);
	v->retest = f->attempts_used + 1 < f->max_attempts;
	return ERR_OK;
}

bool permit_attempt_counts(enum outcome o, enum failure f)
{
	if (o == OUTCOME_PASS)
		return true;
	switch (f) {
	case FAILURE_PERMIT_REFUSED:
	case FAILURE_CARD_MISSING:
	case FAILURE_CARD_WRONG:
	case FAILURE_CARD_EMPTY:
	case FAILURE_IMAGE_ALTERED:
	case FAILURE_CLOUD_DOWN:
	case FAILURE_PROBE_LOST:
	case FAILURE_STATION:
		return false;
	default:
		return true;
	}
}
