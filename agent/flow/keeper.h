/* The keeper: the thread that speaks with the controller on behalf of the
 * whole station. It sends heartbeats (sooner when something changed), log
 * lines, lease renewals, and what waits in the spool, oldest first, and takes
 * the orders. A second thread keeps the link up meanwhile: a question that
 * waits for an answer must not be what keeps the station from reconnecting. */
#ifndef AGENT_FLOW_KEEPER_H
#define AGENT_FLOW_KEEPER_H

#include "agent/flow/station.h"

#include <pthread.h>

struct keeper {
	struct station *st;
	pthread_t thread, linker;
	struct mono next_beat, retry_refused;
	enum err_code shown; /* last link state logged */
};

enum err_code keeper_start(struct keeper *k, struct station *st, struct err *e);
/* After station_stop(): waits for the threads' end, which the link's
 * deadlines bound. */
void keeper_join(struct keeper *k);

/* One round; the thread's body and what the tests call. Returns how long to
 * wait, at most, before the next. */
int64_t keeper_round(struct keeper *k);

#endif
