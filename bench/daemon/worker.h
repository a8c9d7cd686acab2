/* One probe, its harness and the board in it, on a thread of their own. All
 * other threads talk to it through the calls below.
 *
 * Modelled time against wall time. At pace 0:
 *  - USB and wire activity advance modelled time by what it costs, as fast as
 *    the machine computes it.
 *  - While the host waits for the board (a transfer is in flight) and the board
 *    has work to do or bytes are on their way, time flies: the board runs until
 *    the transfer ends.
 *  - While the board itself waits for the host (halted, off, or watching its
 *    UART pin), time passes as on the wall, so that neither a time-out in the
 *    firmware nor one in the host comes early.
 *  - While the host is silent for more than WORKER_GRACE_MS, the board follows
 *    the wall, up to WORKER_AHEAD times as fast when it has work, but stops
 *    when its UART's FIFO is half full. Before that it stands still: what
 *    the host computes between two transfers costs no modelled time, so that
 *    figures of speed repeat.
 *  - An empty or silent harness sleeps.
 * A patient bench takes no time to pass while the host is silent, however long:
 * the host says how long it sleeps (the control command "sleep"). So figures
 * repeat exactly, on a machine that is busy with something else too.
 *
 * At another pace modelled time never runs faster than pace times the wall.
 */
#ifndef BENCH_DAEMON_WORKER_H
#define BENCH_DAEMON_WORKER_H

#include "bench/daemon/barcode.h"
#include "bench/daemon/board.h"
#include "bench/daemon/config.h"
#include "bench/daemon/feeder.h"
#include "bench/daemon/usb_port.h"

#define WORKER_GRACE_MS 5
#define WORKER_AHEAD	8

struct worker_pace {
	double pace;
	bool patient;
	int64_t wall_ns;      /* wall time that modelled time has followed */
	int64_t heard_ns;     /* when the host last said something */
	int64_t zero_wall_ns; /* for pace > 0 */
	uint64_t zero_ps;
};

struct worker_job;

struct worker {
	const struct config_probe *config;
	unsigned index;
	struct board_registry *boards;
	struct feed *feed;
	uint64_t seed;
	/* the thread's own */
	struct harness *harness;
	struct probe *probe;
	struct usb_port usb;
	struct feeder feeder;
	struct barcode barcode; /* beside the harness */
	struct board *board;	/* in the harness */
	struct worker_pace pace;
	struct account account_zero; /* at the last reset of the counters */
	bool stop;
	/* shared */
	pthread_t thread;
	bool started;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	struct worker_job *jobs; /* guarded by mutex */
	int event_fd;
	unsigned generation; /* counts plugging in; guarded by mutex */
	bool plugged;	     /* guarded by mutex */
};

enum err_code worker_start(struct worker *w, const struct config *c,
			   unsigned index, struct board_registry *boards,
			   struct feed *feed, struct err *e);
void worker_stop(struct worker *w);

/* For LINK_LIST; false when it is unplugged. */
bool worker_describe(struct worker *w, struct link_device *out);
/* Hand over a client's connection. Takes fd. */
void worker_adopt(struct worker *w, int fd);

/* Run fn on the worker's thread and wait for it. */
typedef enum err_code worker_fn(struct worker *w, void *arg, struct err *e);
enum err_code worker_call(struct worker *w, worker_fn *fn, void *arg,
			  struct err *e);

/* -------- on the worker's thread only -------- */

/* ERR_STATE when a board is in. Borrowed until worker_take_out(). */
enum err_code worker_put_in(struct worker *w, struct board *b, struct err *e);
/* ERR_STATE when none is. */
enum err_code worker_take_out(struct worker *w, struct err *e);
void worker_plug(struct worker *w, bool plugged);

/* worker_pace.c: let modelled time pass as the host and the board want it, and
 * say how long the thread may sleep: ns, 0 for not at all, -1 for until
 * something happens. */
void worker_pace_init(struct worker *w, double pace, bool patient);
int64_t worker_pace_run(struct worker *w);
/* The host said something. */
void worker_pace_heard(struct worker *w);

#endif
