/* One harness: a worker thread that waits for a board, runs the attempt,
 * shows its end on the light and waits until the board is gone. It opens the
 * probe itself and again whenever it comes back. */
#ifndef AGENT_FLOW_HARNESS_H
#define AGENT_FLOW_HARNESS_H

#include "agent/flow/station.h"
#include "agent/target/target.h"

#include <pthread.h>

struct harness {
	struct station *st;
	size_t index;
	struct target_config config; /* strings borrowed */
	pthread_t thread;
	pthread_mutex_t lock; /* guards target against harness_cancel() */
	struct target *target;
	bool disk_failed; /* no attempt may begin any more */
};

enum err_code harness_start(struct harness *h, struct station *st, size_t index,
			    const struct target_config *config, struct err *e);
/* After station_stop(): the attempt in hand ends, journalled. Any thread. */
void harness_cancel(struct harness *h);
void harness_join(struct harness *h);

#endif
