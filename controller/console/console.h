/* The controller's HTTPS face: REST, live WebSocket, web console, metrics.
 * libwebsockets on the controller's loop; every function here belongs to the
 * loop's thread. Nothing blocks: what needs the database is a job of the
 * store, whose completion runs on the loop.
 *
 * All input is hostile: requests are bounded in size and time, connections in
 * number, every endpoint states the role that it needs, bodies are JSON objects
 * without unknown fields. The endpoints are one table (routes.def), from which
 * routing, the permission check and openapi.json come.
 */
#ifndef CONTROLLER_CONSOLE_CONSOLE_H
#define CONTROLLER_CONSOLE_CONSOLE_H

#include "controller/console/upload.h"
#include "proto/base/err.h"

#include <jansson.h>
#include <stdint.h>
#include <uv.h>

struct console;
struct station_ca;
struct store;
struct store_db;

/* Takes bytes, waiting as long as it likes; an error ends what is written. */
typedef enum err_code console_sink(void *arg, const void *data, size_t len,
				   struct err *e);

/* What only the running controller knows: filled in by whoever wires the
 * console to the rest. Each may be NULL. JSON is given to the caller. */
struct console_live {
	void *ctx;
	/* Array, one object per station with a session, and those that had
	 * one since the start: {"station", "online": bool, "agent_version",
	 * "last_seen" (RFC 3339), "spooled", "harnesses": [...],
	 * "cards": [...]}, the last two as in messages.def HARNESS_STATE and
	 * CARD_STATE. */
	json_t *(*stations)(void *ctx);
	/* Array of {"code", "text"}: alarms in plain words. */
	json_t *(*alarms)(void *ctx);
	/* Committed: the station is revoked. Cut its session now. */
	void (*revoked)(void *ctx, const char *station);
	/* Committed: lots or assignments changed; agents get new orders. */
	void (*orders_changed)(void *ctx);
	/* The closed lot's evidence as a tar file. Not on the loop: inside a
	 * reading job of the store, on its thread. ERR_STATE: not closed. */
	enum err_code (*evidence)(void *ctx, struct store_db *db,
				  const char *lot, console_sink *sink,
				  void *arg, struct err *e);
};

/* Strings are copied; files are read by console_open. */
struct console_config {
	const char *host;      /* address to listen on; NULL for all */
	uint16_t port;	       /* 0: any, see console_port */
	const char *cert_file; /* PEM: the server's certificate and chain */
	const char *key_file;  /* PEM, readable by its owner only */
	const char *web_dir;   /* built web console; NULL for none */
	const char *image_dir; /* where imported images are kept */
	const char *key_dir;   /* PEM files: who may sign images */
	struct upload_limits upload;
	struct station_ca *station_ca;
	struct store *store;
	struct console_live live;
};

/* Listens. ERR_CONFIG (files, certificate), ERR_IO (address in use). */
enum err_code console_open(struct console **out, uv_loop_t *loop,
			   const struct console_config *config, struct err *e);

/* Stops listening, drops connections, frees; closed (may be NULL) runs when
 * the last handle is gone. No store job of the console may complete later, so
 * close the console before the store. */
void console_close(struct console *c, void (*closed)(void *arg), void *arg);

uint16_t console_port(const struct console *c);

/* Something that GET /status shows is different now. Cheap: call it as often
 * as things change; readers get at most five messages a second. */
void console_changed(struct console *c);

/* Live text of an attempt for whoever watches. Not kept. */
void console_log(struct console *c, const char *station, const char *harness,
		 const char *attempt, const char *text);

#endif
