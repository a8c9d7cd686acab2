/* Running a batch: where a transfer went wrong, what that says about the ones
 * around it, and from where to go on. The ladder itself is in dp.c.
 */
#include "agent/drv/adi_private.h"

#include <assert.h>

static bool is_drw(const struct swd_transfer *t)
{
	return t->ap && t->addr == AP_DRW;
}

/* A bus error shows at the transfer after the one that caused it. */
static enum err_code bus_error(struct adi *a, size_t at, struct err *e)
{
	while (at > 0 && !is_drw(&a->t[at - 1]))
		at--;
	a->fault_addr = at > 0 ? a->place[at - 1].addr : 0;
	return err_set(e, ERR_TARGET_FAULT,
		       "the board refuses the %s of 0x%08x",
		       at > 0 && a->t[at - 1].read ? "read" : "write",
		       (unsigned)a->fault_addr);
}

/* After a repair: go back to a place from which everything can be done again,
 * and point the AP there. */
static enum err_code rewind_to(struct adi *a, size_t *at, struct err *e)
{
	struct swd_transfer aim_at[2] = {{.ap = true, .addr = AP_CSW},
					 {.ap = true, .addr = AP_TAR}};
	size_t i = *at > 0 ? *at - 1 : 0;
	size_t done;
	enum swd_end end;
	enum err_code rc;

	while (i > 0 && (a->place[i].out != NULL || !a->t[i].ap))
		i--;
	*at = i;
	aim_at[0].value = a->place[i].csw;
	aim_at[1].value = a->place[i].addr;
	rc = a->dp.wire.ops->transfer(a->dp.wire.ctx, aim_at, 2, &done, &end,
				      e);
	if (rc == ERR_OK && end != SWD_END_ALL)
		rc = err_set(e, ERR_WIRE, "SWD transfer disturbed");
	return rc;
}

static enum err_code recover(struct adi *a, size_t *at, bool lost,
			     enum adi_policy policy, struct err *e)
{
	enum err_code rc;

	do {
		rc = dp_repair(&a->dp, lost, e);
		if (rc != ERR_OK)
			return rc;
		if (policy == ADI_ONCE)
			return err_set(e, ERR_WIRE,
				       "SWD transfer disturbed near 0x%08x",
				       (unsigned)a->place[*at].addr);
		rc = rewind_to(a, at, e);
	} while (rc == ERR_WIRE);
	return rc;
}

static enum err_code on_fault(struct adi *a, size_t *at, enum adi_policy policy,
			      struct err *e)
{
	uint32_t stat = 0;
	enum err_code rc = dp_read(&a->dp, DP_CTRL_STAT, &stat, e);

	a->stats.faults++;
	if (rc != ERR_OK && rc != ERR_WIRE)
		return rc;
	if (rc == ERR_WIRE)
		return recover(a, at, true, policy, e);
	/* The write before was dropped and nothing after it done: it can go
	 * again as it is, once; when that does not help, the ladder. */
	if ((stat & DP_CTRL_WDATAERR) != 0 && *at > 0 && a->dp.rung == 0) {
		a->stats.parity_errors++;
		rc = dp_repair(&a->dp, false, e);
		if (rc == ERR_OK && a->dp.rung == 1)
			(*at)--;
		else if (rc == ERR_OK)
			rc = recover(a, at, false, policy, e);
		return rc;
	}
	if ((stat & DP_CTRL_STICKYERR) != 0) {
		rc = dp_write(&a->dp, DP_ABORT, DP_ABORT_CLEAR_ALL, e);
		if (rc == ERR_OK || rc == ERR_WIRE)
			return bus_error(a, *at, e);
		return rc;
	}
	return recover(a, at, false, policy, e);
}

static enum err_code on_wait(struct adi *a, size_t *at, struct mono deadline,
			     enum adi_policy policy, struct err *e)
{
	bool over = mono_passed(deadline);
	uint32_t clear = DP_ABORT_ORUNERRCLR | (over ? DP_ABORT_DAPABORT : 0u);
	enum err_code rc = dp_write(&a->dp, DP_ABORT, clear, e);

	a->stats.waits++;
	if (rc == ERR_WIRE)
		return recover(a, at, true, policy, e);
	if (rc == ERR_OK && over)
		return err_set(e, ERR_WIRE,
			       "the bus does not answer at 0x%08x for %d ms",
			       (unsigned)a->place[*at].addr,
			       ADI_WAIT_BUDGET_MS);
	return rc;
}

static enum err_code on_end(struct adi *a, size_t *at, enum swd_end end,
			    struct mono wait_deadline, enum adi_policy policy,
			    struct err *e)
{
	switch (end) {
	case SWD_END_ALL:
		return ERR_OK;
	case SWD_END_WAIT:
		return on_wait(a, at, wait_deadline, policy, e);
	case SWD_END_FAULT:
		return on_fault(a, at, policy, e);
	case SWD_END_PARITY:
		a->stats.parity_errors++;
		return recover(a, at, false, policy, e);
	case SWD_END_NO_ACK:
		a->stats.no_acks++;
		return recover(a, at, true, policy, e);
	}
	assert(false);
	return ERR_BUG;
}

static void deliver(struct adi *a, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (a->place[i].out != NULL)
			*a->place[i].out = a->t[i].value;
}

static enum err_code run_queue(struct adi *a, enum adi_policy policy,
			       struct err *e)
{
	struct mono wait_deadline = mono_after_ms(ADI_WAIT_BUDGET_MS);
	size_t at = 0;
	size_t furthest = 0;

	while (at < a->count) {
		size_t done;
		enum swd_end end;
		enum err_code rc =
			a->dp.wire.ops->transfer(a->dp.wire.ctx, a->t + at,
						 a->count - at, &done, &end, e);

		if (rc != ERR_OK)
			return rc;
		deliver(a, at, at + done);
		a->stats.transfers += done;
		at += done;
		if (at > furthest) {
			furthest = at;
			dp_progress(&a->dp);
			wait_deadline = mono_after_ms(ADI_WAIT_BUDGET_MS);
		}
		rc = on_end(a, &at, end, wait_deadline, policy, e);
		if (rc != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

enum err_code adi_run(struct adi *a, enum adi_policy policy, struct err *e)
{
	enum err_code rc;

	if (a->count == 0)
		return ERR_OK;
	adi_queue_end(a);
	rc = run_queue(a, policy, e);
	adi_drop(a);
	return rc;
}
