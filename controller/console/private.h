/* What the console's files share. */
#ifndef CONTROLLER_CONSOLE_PRIVATE_H
#define CONTROLLER_CONSOLE_PRIVATE_H

#include "controller/console/console.h"
#include "controller/console/request.h"
#include "controller/console/statics.h"
#include "controller/loop.h"
#include "controller/store/store_line.h"
#include "proto/base/mono.h"

#define CONSOLE_CONNECTIONS_MAX 1500
#define CONSOLE_WATCHERS_MAX	64
#define CONSOLE_DOWNLOADS_MAX	2    /* of libuv's four threads */
#define CONSOLE_CHUNKS_MAX	8    /* pieces of images in memory */
#define CONSOLE_HEADER_MAX	4096 /* bytes of a request's headers */
#define CONSOLE_HEADER_S	10   /* to send them in */
#define CONSOLE_BODY_S		15   /* to send a JSON body in */
#define CONSOLE_CHUNK_S		60   /* to send a piece of an image in */
#define CONSOLE_STALL_S		30   /* an answer must move within */
#define CONSOLE_STATUS_MS	200  /* live messages at most this often */
#define CONSOLE_RECORD_BYTES	20480u
#define CONSOLE_QUIET_TICKS	10
#define CONSOLE_CHUNK_BYTES	16384u

struct lws_context;
struct watcher;

struct console {
	uv_loop_t *loop;
	struct lws_context *lws;
	struct console_config config; /* strings owned */
	uint16_t port;
	char server_started[32];
	struct loop_box box;
	struct statics statics;

	unsigned connections, downloads, chunks;

	/* live stream */
	struct watcher *watchers;
	unsigned watchers_n;
	uv_timer_t status_timer;
	bool status_dirty, status_running;

	uv_timer_t upload_timer; /* unfinished imports expire */
	bool sweeping;

	/* closing */
	uv_timer_t close_timer;
	bool closing;
	unsigned quiet_ticks; /* in a row, with nothing open */
	unsigned jobs;	      /* handed to the store, not yet completed */
	unsigned handles;
	void (*closed)(void *arg);
	void *closed_arg;

	uint8_t *tx; /* LWS_PRE and CONSOLE_CHUNK_BYTES: one answer at a time */
};

/* dispatch.c: check the credential and run the endpoint in a job of the
 * store; answer_send when that is done. Takes its own reference. */
void dispatch_request(struct request *rq);
/* Only the credential and role: then on_ok(rq) on the loop, or the refusal is
 * answered. */
void dispatch_check(struct request *rq, void (*on_ok)(struct request *rq));
/* Inside a job: fills rq->id and rq->who. ERR_UNAUTHORISED, ERR_REFUSED. */
enum err_code dispatch_authorise(struct store_db *db, struct request *rq,
				 struct err *e);

/* answer.c: send what the request holds. The loop only. */
void answer_send(struct request *rq);
void answer_error(struct request *rq, enum err_code code, const char *text);
/* LWS_CALLBACK_HTTP_WRITEABLE. Non-zero ends the connection. */
int answer_writeable(struct request *rq);

/* live.c: the loop only. */
/* Into the object of status_facts or of a station list: the sessions' state,
 * what each harness is assigned, alarms. Takes "assignments" out. */
void live_merge(struct console *c, json_t *facts);
/* Results that stations still hold, as their last heartbeats said. */
uint64_t live_spooled(struct console *c);
unsigned live_online(struct console *c);

/* api_images.c: look after unfinished imports until uploads_stop. */
void uploads_start(struct console *c);
void uploads_stop(struct console *c);

/* status.c: in a job. NULL with *e filled. */
json_t *status_facts(struct console *c, struct store_db *db, struct err *e);

/* stream.c: WebSocket readers. */
struct watcher *watcher_new(struct console *c, struct lws *wsi,
			    struct request *rq);
void watcher_free(struct watcher *w);
int watcher_writeable(struct watcher *w);
void stream_init(struct console *c);
void stream_fini(struct console *c);

/* fact_json.c: rows of the store as in the REST contract. */
json_t *json_lot(const struct store_lot *lot);
json_t *json_image(const struct store_image *im);
json_t *json_unit(const struct store_unit *u);
json_t *json_trace(const struct store_trace *t);
json_t *json_time(int64_t wall_ms); /* null for 0 */

#endif
