/* One HTTP request from its first header to its last byte of answer.
 * Private to controller/console.
 *
 * Who may touch it: the loop, except between console_job's hand-over and its
 * completion, when the job's thread has everything but wsi, refs and sent.
 * It lives while the connection (one reference) or a job (another) needs it;
 * wsi is NULL once the peer is gone. */
#ifndef CONTROLLER_CONSOLE_REQUEST_H
#define CONTROLLER_CONSOLE_REQUEST_H

#include "controller/console/pipe.h"
#include "controller/console/route.h"
#include "controller/store/store_access.h"
#include "controller/store/store_line.h"
#include "controller/store/store_report.h"
#include "proto/base/dbuf.h"

#include <jansson.h>

struct console;
struct lws;
struct upload;

#define REQUEST_BODY_MAX  65536u
#define REQUEST_REPLY_MAX (16u << 20)

enum credential { CREDENTIAL_NONE, CREDENTIAL_BEARER, CREDENTIAL_COOKIE };

struct request {
	struct console *c;
	struct lws *wsi;
	unsigned refs;
	bool awaiting;	 /* its body; the connection's timer is the limit */
	bool checking;	 /* a chunk's credential is being looked up */
	bool chunk;	 /* counted in the console's chunks */
	bool complete;	 /* its body is here */
	bool dispatched; /* its job was handed over */
	bool ready;	 /* the answer may be sent */
	bool begun;	 /* headers of the answer are out */
	bool drop;	 /* the connection ends with this answer */
	bool failed;	 /* a piped answer ended in its middle */

	struct route_match match;
	char query_lot[STORE_NAME_SIZE], query_format[8], query_limit[8];
	char query_offset[16];
	char query_cursor[STORE_CURSOR_SIZE];
	enum credential credential;
	char token[STORE_TOKEN_SIZE];
	bool csrf_header;
	struct dbuf body;
	json_t *in;		   /* the body, checked against bodies.def */
	struct upload *upload;	   /* its lock is held */
	struct store_image *image; /* what was verified */
	struct err refusal;	   /* why it was not; ERR_OK: it was */

	/* after the credential was checked */
	struct store_identity id;
	struct store_actor who;
	bool forbidden; /* refused for its role */

	/* the answer */
	int status;
	char type[64];
	char cookie[160];     /* a Set-Cookie value, or "" */
	char allow[32];	      /* an Allow value, or "" */
	char attachment[80];  /* a file name, or "" */
	char etag[70];	      /* with the quotes, or "" */
	bool immutable;	      /* may be cached for good */
	json_t *out;	      /* becomes reply */
	struct dbuf reply;    /* or this text */
	const uint8_t *fixed; /* or these bytes, which outlive the request */
	size_t fixed_len;
	struct pipe *pipe; /* or what comes out here */
	size_t sent;
	uint64_t number; /* between a handler's prepare, run and finish */
};

struct request *request_new(struct console *c, struct lws *wsi);
void request_hold(struct request *rq);
void request_release(struct request *rq);

/* Fill the answer from an error. */
void request_fail(struct request *rq, const struct err *e);

#endif
