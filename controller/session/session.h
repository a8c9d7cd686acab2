/* The agents' sessions: nng REP over TLS with client certificates of the
 * station CA. nng does not show which certificate a peer used, so a connection
 * speaks for nobody until the station's key has signed a fresh challenge
 * (HELLO, CHALLENGE, PROVE, WELCOME); until then everything else is refused
 * with not-bound. A connection can prove one station, once. All messages are
 * decoded strictly (proto/msg); each is answered from the completion of a
 * store's job, so what is acknowledged is on disk. Requests are answered
 * independently of each other: a slow cloud holds up nobody else.
 *
 * Everything here belongs to the loop's thread.
 */
#ifndef CONTROLLER_SESSION_SESSION_H
#define CONTROLLER_SESSION_SESSION_H

#include "controller/store/store.h"

#include <jansson.h>
#include <uv.h>

struct enrol;
struct sessions;

struct sessions_hooks {
	void *ctx;
	/* What sessions_stations() tells is different now. May be NULL. */
	void (*changed)(void *ctx);
	/* Live text of an attempt. May be NULL. */
	void (*log)(void *ctx, const char *station, const char *harness,
		    const char *attempt, const char *text);
};

struct sessions_config {
	const char *url;       /* tls+tcp://HOST:PORT; port 0: any */
	const char *ca_file;   /* PEM: the station CA */
	const char *cert_file; /* PEM: the server's certificate */
	const char *key_file;  /* PEM: its key */
	const char *image_dir; /* copied */
	struct store *store;
	struct enrol *enrol; /* NULL: no cloud, requests are refused */
	unsigned heartbeat_ms;
	unsigned lease_ms;
	struct sessions_hooks hooks;
};

/* Listens. ERR_CONFIG: files, certificate or URL; ERR_IO: address in use. */
enum err_code sessions_open(struct sessions **out, uv_loop_t *loop,
			    const struct sessions_config *config,
			    struct err *e);

/* Stops listening and drops the connections; requests whose work is under way
 * finish it unanswered. closed (may be NULL) runs when all is over. The store
 * and the enrolment must outlive that; close the enrolment after this call,
 * so that what waits for the cloud ends. */
void sessions_close(struct sessions *s, void (*closed)(void *arg), void *arg);

/* The port that it listens on. */
uint16_t sessions_port(const struct sessions *s);

/* Stations seen since the start: an array, see console_live.stations. */
json_t *sessions_stations(struct sessions *s);

/* The station is revoked: its connections end now. */
void sessions_revoked(struct sessions *s, const char *station);

/* Lots or assignments changed. */
void sessions_orders_changed(struct sessions *s);

#endif
