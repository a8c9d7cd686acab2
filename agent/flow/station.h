/* What the threads of one station share: the state of each harness for the
 * console, the orders of the controller, log lines on their way to the
 * console, leases to renew, and the wish to stop.
 *
 * One thread, the keeper (keeper.h), talks to the controller about all of it;
 * harness workers only leave notes here. All functions may be called from any
 * thread and do not block.
 */
#ifndef AGENT_FLOW_STATION_H
#define AGENT_FLOW_STATION_H

#include "agent/link/cache.h"
#include "agent/link/link.h"
#include "agent/link/spool.h"
#include "proto/msg/msg.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATION_HARNESSES_MAX 16u
#define STATION_CARDS_MAX     4u
#define STATION_LOG_BYTES     8192u /* waiting for the console, a harness */

struct cardbox;

/* A permit in force, renewed by the keeper. */
struct station_lease {
	char attempt[37]; /* empty: none */
	uint64_t fence;
	int64_t lease_ms;
	struct mono renewed;
	bool lost; /* the controller took it back */
	char why[200];
};

struct station_harness {
	struct msg_HARNESS_STATE shown;
	struct msg_ASSIGNMENT order; /* lot empty: nothing to do */
	struct station_lease lease;
	/* fixed before the threads start */
	bool scans;	       /* boards have labels */
	const uint8_t *loader; /* the SFI loader's binary; borrowed */
	size_t loader_len;
	char log_attempt[37];
	size_t log_len;
	bool log_cut; /* lines were dropped here */
	char log[STATION_LOG_BYTES];
};

struct station {
	/* fixed before the threads start; borrowed */
	struct link *link;
	struct spool *spool;
	struct cache *cache;
	struct cardbox *cards;
	int silence_ms; /* how long a DUT may say nothing */
	size_t harness_n;

	/* guarded by lock */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopping;
	bool state_new;	  /* something to show since the last heartbeat */
	bool message_new; /* something in the spool since the last look */
	struct station_harness harness[STATION_HARNESSES_MAX];
};

/* names: of the harnesses, harness_n of them; the other members above are
 * filled in by the caller afterwards. */
void station_init(struct station *s, const char *const *names,
		  size_t harness_n);
void station_fini(struct station *s);

void station_stop(struct station *s);
bool station_stopping(struct station *s);
/* Sleep at most wait_ms, less when stopping. True to go on. */
bool station_pause(struct station *s, int64_t wait_ms);

/* ---- by harness workers; h is the harness's index ---- */

/* state: empty, busy, pass, fail, retry, error. step: STEP_COUNT keeps the
 * one shown. note: what the operator is told; NULL keeps it. */
void station_show(struct station *s, size_t h, const char *state,
		  enum step step, const char *note);
void station_show_percent(struct station *s, size_t h, unsigned percent);
void station_show_unit(struct station *s, size_t h, const char *attempt,
		       const char *uid);
void station_show_failure(struct station *s, size_t h, const char *code);
/* The label of the board that is in, or comes next; "" when none has been
 * scanned. An attempt takes it from here. */
void station_show_label(struct station *s, size_t h, const char *serial);
void station_label(struct station *s, size_t h, char serial[33]);

/* A line for the console; text is escaped already. What does not fit is
 * dropped and said so. */
void station_log(struct station *s, size_t h, const char *attempt,
		 const char *text);

/* A message has been put into the spool: the keeper sends it now. */
void station_message(struct station *s);

/* The order in force. False: nothing to do. */
bool station_order(struct station *s, size_t h, struct msg_ASSIGNMENT *order);

void station_lease_take(struct station *s, size_t h, const char *attempt,
			uint64_t fence, int64_t lease_ms);
void station_lease_end(struct station *s, size_t h);
/* ERR_OK while the lease holds; ERR_STATE when it was taken back or has run
 * out. */
enum err_code station_lease_check(struct station *s, size_t h, struct err *e);

/* ---- by the keeper ---- */

void station_set_orders(struct station *s, const struct msg_ORDERS *orders);
/* Fill in the harness list of a HEARTBEAT. */
void station_fill(struct station *s, struct msg_HEARTBEAT *hb);
/* Wait for a message in the spool, at most wait_ms. False when stopping. */
bool station_await_message(struct station *s, int64_t wait_ms);
/* Move out the lines of one harness. False: none. */
bool station_take_log(struct station *s, size_t h, struct msg_PROGRESS *p);
/* A lease that is due for renewal. False: none. */
bool station_lease_due(struct station *s, size_t h, struct msg_PERMIT_RENEW *r);
void station_lease_renewed(struct station *s, size_t h, const char *attempt,
			   struct mono asked);
void station_lease_lost(struct station *s, size_t h, const char *attempt,
			const char *why);

#endif
