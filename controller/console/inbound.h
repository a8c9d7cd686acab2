/* From what a peer sends to a request or a reader: headers, query, credential,
 * body, upgrade to the live stream. Private to controller/console; called from
 * libwebsockets' callbacks (server.c) only. Returned non-zero ends the
 * connection. */
#ifndef CONTROLLER_CONSOLE_INBOUND_H
#define CONTROLLER_CONSOLE_INBOUND_H

#include "controller/console/private.h"

/* A connection: at most one request and no reader, or one reader. */
struct conn {
	struct request *rq;
	struct watcher *watcher;
	bool ws;
};

int inbound_http(struct console *c, struct conn *conn, struct lws *wsi);
int inbound_body(struct request *rq, const void *data, size_t len);
void inbound_body_complete(struct request *rq);
/* The transaction or the connection is over. */
void inbound_end(struct conn *conn);
int inbound_upgrade(struct console *c, struct conn *conn, struct lws *wsi);
int inbound_established(struct console *c, struct conn *conn, struct lws *wsi);

#endif
