/* One harness: a worker thread that waits for a board, runs the attempt,
 * shows its end on the light and waits until the board is gone. It opens the
 * probe itself and again whenever it comes back. */
#ifndef AGENT_FLOW_HARNESS_H
#define AGENT_FLOW_HARNESS_H

#include "agent/drv/scanner.h"
#include "agent/flow/station.h"
#include "agent/target/target.h"
#include "proto/image/product_expect.h"

#include <pthread.h>

struct harness {
	struct station *st;
	size_t index;
	struct target_config config; /* strings borrowed */
	struct scanner *scanner;     /* NULL: the line does not scan */
	const char *fixture;	     /* that is on it; empty: not said */
	pthread_t thread;
	pthread_mutex_t lock; /* guards target against harness_cancel() */
	struct target *target;
	bool first; /* the board that is in may have been in before the start */
	bool disk_failed;	      /* no attempt may begin any more */
	struct product_expect expect; /* of the image below */
	char expect_of[65];	      /* SHA-256; empty: of none yet */
	uint32_t image_hz; /* of the image, as the target was told last */
};

/* scanner: device file of the barcode scanner; NULL: boards are known by UID
 * only. With a scanner an attempt begins when a board is there and its label
 * has been scanned, in either order. fixture: borrowed; when the ordered image
 * is for another one, no board is touched. */
enum err_code harness_start(struct harness *h, struct station *st, size_t index,
			    const struct target_config *config,
			    const char *scanner, const char *fixture,
			    struct err *e);
/* After station_stop(): the attempt in hand ends, journalled. Any thread. */
void harness_cancel(struct harness *h);
void harness_join(struct harness *h);

#endif
