/* The station's connection to the controller: nng REQ over tls+tcp, mutual
 * TLS 1.2, with the station's identity proved again on every new connection
 * (messages.def: HELLO, CHALLENGE, PROVE, WELCOME).
 *
 * One thread (the keeper's linker) calls link_service() again and again: it
 * dials, proves and reconnects with a random back-off. Every other thread only
 * uses link_call(). Requests may be sent twice by design; the controller gives
 * each one effect.
 *
 * When a WELCOME shows a smaller or another record than the one this station
 * has seen, the link stays down for good (ERR_INTEGRITY from link_service):
 * the station refuses to work for that controller.
 */
#ifndef AGENT_LINK_LINK_H
#define AGENT_LINK_LINK_H

#include "agent/link/spool.h"
#include "proto/base/err.h"
#include "proto/base/mono.h"
#include "proto/msg/msg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link;

struct link_config {
	const char *station;
	const char *const *urls; /* tls+tcp://HOST:PORT, tried in turn */
	size_t url_n;
	const char *server_name; /* in the controller's certificate; NULL or
				  * empty: HOST of the URL */
	const char *data_dir;	 /* holds station.key, station.pem, ca.pem */
	const char *agent_version;
};

/* Loads key and certificates; does not connect. Everything is copied; spool
 * is borrowed until link_close(). ERR_CONFIG when the station is not
 * enrolled, or key and certificate do not belong together. */
enum err_code link_open(struct link **l, const struct link_config *c,
			struct spool *spool, struct err *e);
/* Every call in progress and to come returns ERR_CANCELLED. Any thread but one
 * that is in a call; blocks until the calls have let go of the socket. */
void link_stop(struct link *l);
/* After all threads have left link_call(). */
void link_close(struct link *l);

/* One thread only. Returns ERR_OK when the connection speaks for the station.
 * Otherwise it has tried once to get there and says why not: ERR_UNREACHABLE,
 * ERR_UNAUTHORISED, ERR_INTEGRITY (final), ERR_CANCELLED. Blocks for the dial
 * (the operating system's TCP limit) and 5 s for the proof. */
enum err_code link_service(struct link *l, struct err *e);
/* How long the keeper may sleep before link_service() has something to do. */
int64_t link_service_in_ms(struct link *l);

bool link_bound(struct link *l);
/* As the controller asked for in its WELCOME; 1000 before. */
int64_t link_heartbeat_ms(struct link *l);

/* An answer. m->body points into wire. */
struct link_reply {
	struct msg *m;
	void *wire;
};
void link_reply_fini(struct link_reply *r);

/* Ask and wait. While the connection is away this waits for it to come back,
 * until the deadline: ERR_UNREACHABLE when it never was up, ERR_TIMEOUT when
 * the controller did not answer (it may have acted). A REFUSED answer becomes
 * the error it names, with the controller's text; ERR_MALFORMED when the
 * answer is not of the type that messages.def names. */
enum err_code link_call(struct link *l, const struct msg *request,
			struct link_reply *reply, struct mono deadline,
			struct err *e);

#endif
