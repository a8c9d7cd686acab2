/* What goes out: one set of headers for everything, then the body in pieces
 * as fast as the peer takes them. An answer whose length is not known is sent
 * chunked (RFC 9112 7.1), and a failure in its middle closes the connection
 * before the last chunk, so that nobody takes a part for the whole. */
#include "proto/base/openssl_names.h"

#include "controller/console/private.h"
#include "controller/console/problem.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *value;
} fixed_headers[] = {
	{"content-security-policy:",
	 "default-src 'self'; base-uri 'none'; form-action 'none'; "
	 "frame-ancestors 'none'; object-src 'none'"},
	{"x-content-type-options:", "nosniff"},
	{"x-frame-options:", "DENY"},
	{"referrer-policy:", "no-referrer"},
	{"cross-origin-opener-policy:", "same-origin"},
	{"cross-origin-resource-policy:", "same-origin"},
	{"strict-transport-security:", "max-age=31536000"},
};

struct header_room {
	struct lws *wsi;
	uint8_t *at, *end;
	bool bad;
};

static void add(struct header_room *h, const char *name, const char *value)
{
	if (lws_add_http_header_by_name(h->wsi, (const uint8_t *)name,
					(const uint8_t *)value,
					(int)strlen(value), &h->at, h->end))
		h->bad = true;
}

static void add_caching(struct header_room *h, const struct request *rq)
{
	add(h, "cache-control:",
	    rq->immutable ? "public, max-age=31536000, immutable"
	    : rq->etag[0] ? "no-cache"
			  : "no-store");
	if (rq->etag[0])
		add(h, "etag:", rq->etag);
}

static void add_body_headers(struct header_room *h, const struct request *rq)
{
	char text[112];

	if (rq->pipe) {
		add(h, "transfer-encoding:", "chunked");
	} else if (rq->status != 204 && rq->status != 304) {
		snprintf(text, sizeof(text), "%zu",
			 rq->fixed ? rq->fixed_len : rq->reply.len);
		add(h, "content-length:", text);
	}
	if (rq->type[0])
		add(h, "content-type:", rq->type);
	if (rq->attachment[0]) {
		snprintf(text, sizeof(text), "attachment; filename=\"%s\"",
			 rq->attachment);
		add(h, "content-disposition:", text);
	}
}

static int send_headers(struct request *rq)
{
	struct header_room h = {rq->wsi, rq->c->tx + LWS_PRE,
				rq->c->tx + LWS_PRE + CONSOLE_CHUNK_BYTES,
				false};
	size_t n = sizeof(fixed_headers) / sizeof(fixed_headers[0]);

	if (lws_add_http_header_status(rq->wsi, (unsigned)rq->status, &h.at,
				       h.end))
		return -1;
	for (size_t i = 0; i < n; i++)
		add(&h, fixed_headers[i].name, fixed_headers[i].value);
	add_caching(&h, rq);
	add_body_headers(&h, rq);
	if (rq->cookie[0])
		add(&h, "set-cookie:", rq->cookie);
	if (rq->allow[0])
		add(&h, "allow:", rq->allow);
	if (rq->status == 401)
		add(&h, "www-authenticate:", "Bearer realm=\"provline\"");
	if (rq->drop)
		add(&h, "connection:", "close");
	if (h.bad || lws_finalize_http_header(rq->wsi, &h.at, h.end))
		return -1;
	rq->begun = true;
	return lws_write(rq->wsi, rq->c->tx + LWS_PRE,
			 (size_t)(h.at - (rq->c->tx + LWS_PRE)),
			 LWS_WRITE_HTTP_HEADERS) < 0
		       ? -1
		       : 0;
}

/* out (JSON) becomes reply (text). */
static void serialise(struct request *rq)
{
	char *text;

	if (!rq->out)
		return;
	text = json_dumps(rq->out, JSON_COMPACT | JSON_REAL_PRECISION(9));
	json_decref(rq->out);
	rq->out = NULL;
	if (text && !dbuf_add(&rq->reply, text, strlen(text)))
		dbuf_add(&rq->reply, "\n", 1);
	free(text);
}

void answer_send(struct request *rq)
{
	if (!rq->wsi)
		return;
	serialise(rq);
	rq->ready = true;
	/* The timer is left to run out: cancelling one that is not set makes
	 * libwebsockets 4.1 fire it at once. */
	rq->awaiting = false;
	lws_set_timeout(rq->wsi, PENDING_TIMEOUT_HTTP_CONTENT, CONSOLE_STALL_S);
	lws_callback_on_writable(rq->wsi);
}

void answer_error(struct request *rq, enum err_code code, const char *text)
{
	struct err e;

	err_set(&e, code, "%s", text);
	request_fail(rq, &e);
	answer_send(rq);
}

/* The transaction is over: 0 keeps the connection for the next request. */
static int finish(struct request *rq)
{
	struct lws *wsi = rq->wsi;

	if (rq->drop)
		return -1;
	return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int write_some(struct request *rq, uint8_t *data, size_t len, bool last)
{
	if (lws_write(rq->wsi, data, len,
		      last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
		return -1;
	lws_set_timeout(rq->wsi, PENDING_TIMEOUT_HTTP_CONTENT, CONSOLE_STALL_S);
	return 0;
}

static int write_known(struct request *rq)
{
	const uint8_t *body = rq->fixed ? rq->fixed : rq->reply.data;
	size_t len = rq->fixed ? rq->fixed_len : rq->reply.len;
	size_t n = len - rq->sent;
	uint8_t *out = rq->c->tx + LWS_PRE;

	if (rq->status == 204 || rq->status == 304 || !n)
		return finish(rq);
	if (n > CONSOLE_CHUNK_BYTES)
		n = CONSOLE_CHUNK_BYTES;
	memcpy(out, body + rq->sent, n);
	rq->sent += n;
	if (write_some(rq, out, n, rq->sent == len))
		return -1;
	if (rq->sent == len)
		return finish(rq);
	lws_callback_on_writable(rq->wsi);
	return 0;
}

/* One chunk: size in hex, CRLF, bytes, CRLF. */
static int write_piped(struct request *rq)
{
	enum { HEAD = 8, TAIL = 2 };
	uint8_t *out = rq->c->tx + LWS_PRE, *data = out + HEAD;
	size_t n = pipe_read(rq->pipe, data,
			     CONSOLE_CHUNK_BYTES - HEAD - TAIL - 5);
	char head[HEAD + 16];
	size_t total = 0;
	bool last;

	if (n) {
		snprintf(head, sizeof(head), "%06x\r\n", (unsigned)n);
		memcpy(out, head, HEAD);
		memcpy(data + n, "\r\n", TAIL);
		total = HEAD + n + TAIL;
	}
	last = pipe_done(rq->pipe);
	if (last) {
		if (rq->failed)
			return -1;
		memcpy(out + total, "0\r\n\r\n", 5);
		total += 5;
	}
	if (total && write_some(rq, out, total, last))
		return -1;
	if (last)
		return finish(rq);
	if (n)
		lws_callback_on_writable(rq->wsi);
	return 0;
}

int answer_writeable(struct request *rq)
{
	/* libwebsockets calls when it likes, also while a job is under way. */
	if (!rq->ready)
		return 0;
	if (!rq->begun) {
		/* The body follows in a callback of its own. */
		if (send_headers(rq))
			return -1;
		lws_callback_on_writable(rq->wsi);
		return 0;
	}
	return rq->pipe ? write_piped(rq) : write_known(rq);
}
