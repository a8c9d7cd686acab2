/* The virtual operator. A feed is a list of boards for all harnesses; at each
 * harness the operator puts the next board in, watches the stack light, and
 * takes the board out on green or red. On red and yellow (try again) the same
 * board goes back in, once. Boards that fall out by themselves (faults of kind
 * ONCE) are put back only if the light asks for it.
 *
 * The operator scans each board's label when it goes in, and again while the
 * light stays dark, and knows nothing but the light. A light counts when it
 * changed while the board was in, and stays for as long as a person needs to
 * look.
 *
 * struct feed is shared by all workers and the control socket, with a mutex;
 * struct feeder is one harness's hands and belongs to its worker.
 */
#ifndef BENCH_DAEMON_FEEDER_H
#define BENCH_DAEMON_FEEDER_H

#include "bench/daemon/board.h"
#include "bench/probe/probe.h"
#include "proto/base/mono.h"

#include <pthread.h>

struct feed_done {
	struct board_spec spec;
	char uid_hex[25];
	char probe[PROBE_STRING_MAX + 1];
	uint8_t light; /* HARNESS_RED, or HARNESS_GREEN; 0: none was seen */
	unsigned insertions;
};

struct feed {
	pthread_mutex_t mutex;
	struct board_spec *todo; /* n, of which next is the next to go in */
	size_t n, next;
	struct feed_done *done; /* room for n */
	size_t done_n;
};

void feed_init(struct feed *f);
void feed_fini(struct feed *f);
/* A new list; takes specs (malloc). ERR_STATE while the last is under way. */
enum err_code feed_start(struct feed *f, struct board_spec *specs, size_t n,
			 struct err *e);

enum feeder_state {
	FEEDER_EMPTY,	/* the harness is free */
	FEEDER_IN,	/* a board is in, no verdict yet */
	FEEDER_VERDICT, /* a light that means something, not for long yet */
	FEEDER_DROPPED, /* the board fell out, no verdict yet */
	FEEDER_PAUSE,	/* out; wait for the light to go off */
};

struct feeder {
	enum feeder_state state;
	struct board *board; /* NULL when none is being handled */
	bool again;	     /* the same board goes in next */
	bool retried;
	uint64_t lights_seq; /* when the board went in */
	uint8_t verdict;
	struct mono since;
	struct mono scanned; /* when its label was scanned last */
	/* ONCE faults: what the chip's account showed when last quiet. */
	uint64_t transfers, flash_ns;
};

struct worker;

/* One look, by the worker, every FEEDER_LOOK_MS at least while this returns
 * true. */
#define FEEDER_LOOK_MS 20
bool feeder_look(struct worker *w);

/* Has a board with a ONCE fault come to the point where it falls out? */
bool feeder_falls_out(struct feeder *f, const struct board *b,
		      const struct harness *h);

#endif
