/* A board that comes in locked: an earlier attempt did that, here or at another
 * station of the lot, or somebody else. The controller is the judge, when the
 * permit is asked for: it has the results of all stations. */
#ifndef AGENT_FLOW_RESUME_H
#define AGENT_FLOW_RESUME_H

#include "agent/flow/attempt.h"

/* The identify step for a locked board. Its UID cannot be read over SWD, so it
 * is reset and must say who it is in its BOOT sentence; it is held in reset
 * again then. FLOW_DONE: to be resumed, if the controller agrees. FLOW_NOTHING:
 * the unit has passed here before and that is recorded. Else rdp-locked. */
enum flow_end resume_identify(struct attempt *a);

/* The same for a board with TrustZone on and the debug port still open: the
 * attempt died between the two halves of lock-down, which is done again. */
enum flow_end resume_half_locked(struct attempt *a);

/* The permit has come: what earlier attempts found out and this one cannot see
 * again. Nothing for a fresh board. */
void resume_take(struct attempt *a, const struct msg_PERMIT *p);

/* The UID is known: is the label? A board that was in the harness when the
 * agent died is not scanned again; the journal has its label. FLOW_DONE or
 * FLOW_UNLABELLED. */
enum flow_end resume_label(struct attempt *a);

/* At the agent's start: attempts that a crash left without an end get their
 * RESULT: indeterminate when inside an irreversible step, else failed by the
 * station. */
enum err_code resume_recover(struct spool *s, struct err *e);

#endif
