#include "proto/base/openssl_names.h"

#include "controller/console/inbound.h"

#include "controller/console/upload.h"
#include "proto/base/log.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading a request ---- */

static enum route_method method_of(int m)
{
	switch (m) {
	case LWSHUMETH_GET:
	case LWSHUMETH_HEAD:
		return METHOD_GET;
	case LWSHUMETH_POST:
		return METHOD_POST;
	case LWSHUMETH_PATCH:
		return METHOD_PATCH;
	case LWSHUMETH_DELETE:
		return METHOD_DELETE;
	default:
		return METHOD_OTHER;
	}
}

static bool is_token(const char *s)
{
	size_t len = strspn(s, "0123456789abcdef");

	return len == STORE_TOKEN_SIZE - 1 && !s[len];
}

static bool read_bearer(struct request *rq)
{
	char text[STORE_TOKEN_SIZE + 16];
	int n = lws_hdr_copy(rq->wsi, text, sizeof(text),
			     WSI_TOKEN_HTTP_AUTHORIZATION);

	if (n <= 7 || strncasecmp(text, "Bearer ", 7) || !is_token(text + 7))
		return false;
	strcpy(rq->token, text + 7);
	explicit_bzero(text, sizeof(text));
	return true;
}

static bool read_cookie(struct request *rq)
{
	char text[STORE_TOKEN_SIZE + 8];
	size_t max = sizeof(text);

	if (lws_http_cookie_get(rq->wsi, "provline_session", text, &max) ||
	    !is_token(text))
		return false;
	strcpy(rq->token, text);
	explicit_bzero(text, sizeof(text));
	return true;
}

static void read_credential(struct request *rq)
{
	char text[8];

	if (read_bearer(rq))
		rq->credential = CREDENTIAL_BEARER;
	else if (read_cookie(rq))
		rq->credential = CREDENTIAL_COOKIE;
	rq->csrf_header = lws_hdr_custom_copy(rq->wsi, text, sizeof(text),
					      "x-provline:", 11) == 1 &&
			  text[0] == '1';
	lws_get_peer_simple(rq->wsi, rq->who.from, sizeof(rq->who.from));
}

static enum err_code take_query(struct request *rq, char *arg, struct err *e)
{
	const struct {
		const char *name;
		char *out;
		size_t size;
	} known[] = {{"lot", rq->query_lot, sizeof(rq->query_lot)},
		     {"cursor", rq->query_cursor, sizeof(rq->query_cursor)},
		     {"offset", rq->query_offset, sizeof(rq->query_offset)},
		     {"limit", rq->query_limit, sizeof(rq->query_limit)},
		     {"format", rq->query_format, sizeof(rq->query_format)}};
	char *value = strchr(arg, '=');

	if (value)
		*value++ = '\0';
	if (!value || !route_takes_query(rq->match.route, arg))
		return err_set(e, ERR_INPUT, "unknown parameter %.32s", arg);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, arg))
			continue;
		if (strlen(value) >= known[i].size)
			return err_set(e, ERR_INPUT, "%s is too long", arg);
		strcpy(known[i].out, value);
	}
	return ERR_OK;
}

static enum err_code read_query(struct request *rq, struct err *e)
{
	enum err_code rc = ERR_OK;
	char arg[160];

	for (int i = 0; !rc; i++) {
		int n = lws_hdr_copy_fragment(rq->wsi, arg, sizeof(arg),
					      WSI_TOKEN_HTTP_URI_ARGS, i);

		if (n == -1 || (n == 0 && i == 0))
			break;
		rc = n < 0 ? err_set(e, ERR_INPUT, "a parameter is too long")
			   : take_query(rq, arg, e);
	}
	return rc;
}

static enum err_code read_route(struct request *rq, int method,
				const char *path, struct err *e)
{
	enum err_code rc =
		route_find(method_of(method), path, &rq->match, rq->allow, e);

	if (rc == ERR_USAGE)
		rq->status = 405;
	if (!rc && method == LWSHUMETH_HEAD) {
		rq->status = 405;
		rc = err_set(e, ERR_USAGE, "HEAD is for files only");
	}
	if (!rc)
		rc = read_query(rq, e);
	return rc;
}

/* Bytes of body that the headers announce; -1 when there is no number. */
static long long body_len(struct lws *wsi)
{
	char text[24], *end;
	int n = lws_hdr_copy(wsi, text, sizeof(text),
			     WSI_TOKEN_HTTP_CONTENT_LENGTH);
	long long len;

	if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0)
		return -1;
	if (n <= 0)
		return lws_hdr_total_length(wsi,
					    WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0
			       ? -1
			       : 0;
	len = strtoll(text, &end, 10);
	return *end || len < 0 || text[0] == '-' ? -1 : len;
}

/* ---- files of the web console ---- */

static bool serve_file(struct request *rq, int method, const char *path)
{
	const struct statics_file *f = statics_find(&rq->c->statics, path);
	char etag[80];

	if (!f || (method != LWSHUMETH_GET && method != LWSHUMETH_HEAD))
		return false;
	rq->status = 200;
	rq->immutable = f->immutable;
	strcpy(rq->etag, f->etag);
	snprintf(rq->type, sizeof(rq->type), "%s", f->type);
	rq->fixed = f->data;
	rq->fixed_len = f->len;
	if (lws_hdr_copy(rq->wsi, etag, sizeof(etag),
			 WSI_TOKEN_HTTP_IF_NONE_MATCH) > 0 &&
	    !strcmp(etag, f->etag))
		rq->status = 304;
	/* The length is announced but nothing follows. */
	if (method == LWSHUMETH_HEAD)
		rq->sent = f->len;
	answer_send(rq);
	return true;
}

/* ---- one request ---- */

static void await_body(struct request *rq, int limit_s)
{
	rq->awaiting = true;
	lws_set_timer_usecs(rq->wsi, limit_s * LWS_US_PER_SEC);
}

/* The peer may send images. */
static void chunk_allowed(struct request *rq)
{
	rq->checking = false;
	if (rq->complete)
		dispatch_request(rq);
}

static enum err_code begin_chunk(struct request *rq, long long len,
				 struct err *e)
{
	if (len == 0)
		return err_set(e, ERR_INPUT, "bytes are expected as body");
	if (rq->c->chunks >= CONSOLE_CHUNKS_MAX)
		return err_set(e, ERR_UNREACHABLE,
			       "%u uploads are under way; try again soon",
			       rq->c->chunks);
	rq->c->chunks++;
	rq->chunk = true;
	dbuf_init(&rq->body, UPLOAD_CHUNK_MAX_BYTES);
	/* Who it is, is looked up while the first bytes come in: whoever may
	 * not is cut off after milliseconds. */
	await_body(rq, CONSOLE_CHUNK_S);
	rq->checking = true;
	dispatch_check(rq, chunk_allowed);
	return ERR_OK;
}

static enum err_code begin_body(struct request *rq, struct err *e)
{
	bool chunk = rq->match.route->kind == KIND_CHUNK;
	unsigned max = chunk ? UPLOAD_CHUNK_MAX_BYTES : REQUEST_BODY_MAX;
	long long len = body_len(rq->wsi);

	if (len < 0)
		return err_set(e, ERR_INPUT, "a body needs a Content-Length");
	if (len > max)
		return err_set(e, ERR_TOO_BIG,
			       "a body of %lld bytes; %u are possible", len,
			       max);
	if (chunk)
		return begin_chunk(rq, len, e);
	if (len)
		await_body(rq, CONSOLE_BODY_S);
	else
		dispatch_request(rq);
	return ERR_OK;
}

int inbound_http(struct console *c, struct conn *conn, struct lws *wsi)
{
	struct request *rq = request_new(c, wsi);
	char path[512], *uri;
	int uri_len = 0,
	    method = lws_http_get_uri_and_method(wsi, &uri, &uri_len);
	enum err_code rc;
	struct err e;

	if (!rq || method < 0 || c->closing) {
		if (rq)
			request_release(rq);
		return -1;
	}
	conn->rq = rq;
	read_credential(rq);
	if ((size_t)uri_len >= sizeof(path)) {
		rc = err_set(&e, ERR_NOT_FOUND, "there is no such path");
	} else {
		memcpy(path, uri, (size_t)uri_len);
		path[uri_len] = '\0';
		if (serve_file(rq, method, path))
			return 0;
		rc = read_route(rq, method, path, &e);
	}
	if (!rc)
		rc = begin_body(rq, &e);
	if (rc) {
		rq->drop = true; /* a body may follow; it is not read */
		request_fail(rq, &e);
		answer_send(rq);
	}
	return 0;
}

int inbound_body(struct request *rq, const void *data, size_t len)
{
	enum err_code rc;
	struct err e;

	if (!rq || rq->dispatched || rq->drop)
		return 0; /* answered already; the rest is not wanted */
	rc = dbuf_add(&rq->body, data, len);
	if (rc) {
		err_set(&e, rc, "body");
		rq->drop = true;
		request_fail(rq, &e);
		answer_send(rq);
	}
	return 0;
}

void inbound_body_complete(struct request *rq)
{
	if (!rq || rq->dispatched || rq->drop)
		return;
	rq->complete = true;
	rq->awaiting = false;
	if (!rq->checking)
		dispatch_request(rq);
}

void inbound_end(struct conn *conn)
{
	struct request *rq = conn->rq;

	conn->rq = NULL;
	if (!rq)
		return;
	rq->wsi = NULL;
	if (rq->pipe)
		pipe_abort(rq->pipe);
	if (rq->chunk)
		rq->c->chunks--;
	request_release(rq);
}

/* ---- live stream ---- */

/* The browser must come from our own page: Origin is https://Host. Programs
 * send no Origin, and have a bearer token instead of a cookie. */
static bool origin_is_ours(struct lws *wsi, const struct request *rq)
{
	char origin[300], host[256], want[300];
	int n = lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN);

	if (n <= 0)
		return rq->credential == CREDENTIAL_BEARER;
	if (lws_hdr_copy(wsi, origin, sizeof(origin), WSI_TOKEN_ORIGIN) <= 0 ||
	    lws_hdr_copy(wsi, host, sizeof(host), WSI_TOKEN_HOST) <= 0)
		return false;
	snprintf(want, sizeof(want), "https://%s", host);
	return !strcasecmp(origin, want);
}

/* Non-zero refuses the upgrade. */
int inbound_upgrade(struct console *c, struct conn *conn, struct lws *wsi)
{
	struct request *rq = request_new(c, wsi);
	unsigned status = 0;
	char path[64];

	if (!rq)
		return -1;
	read_credential(rq);
	rq->match.route = route_get(ROUTE_status); /* the same facts */
	if (lws_hdr_copy(wsi, path, sizeof(path), WSI_TOKEN_GET_URI) <= 0 ||
	    strcmp(path, "/api/v1/stream"))
		status = 404;
	else if (!origin_is_ours(wsi, rq))
		status = 403;
	else if (rq->credential == CREDENTIAL_NONE)
		status = 401;
	else if (c->watchers_n >= CONSOLE_WATCHERS_MAX || c->closing)
		status = 503;
	if (status) {
		log_warn("STREAM_REFUSED", "status=%u from=%s", status,
			 rq->who.from);
		request_release(rq);
		lws_return_http_status(wsi, status, NULL);
		return -1;
	}
	conn->ws = true;
	conn->rq = rq;
	return 0;
}

int inbound_established(struct console *c, struct conn *conn, struct lws *wsi)
{
	conn->watcher = watcher_new(c, wsi, conn->rq);
	if (conn->rq) {
		conn->rq->wsi = NULL;
		request_release(conn->rq);
		conn->rq = NULL;
	}
	return conn->watcher ? 0 : -1;
}
