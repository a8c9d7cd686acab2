/* libwebsockets at the outside: what its callbacks say becomes requests and
 * readers. Limits that hold whatever peers do: connections, header bytes and
 * time, body bytes and time, an answer that stands still (private.h).
 *
 * A connection has at most one request and no reader, or one reader. */
#include "proto/base/openssl_names.h"

#include "controller/console/handlers.h"
#include "controller/console/problem.h"
#include "controller/console/upload.h"
#include "proto/base/log.h"
#include "proto/base/wall.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

struct conn {
	struct request *rq;
	struct watcher *watcher;
	bool ws;
};

static struct console *console_of(struct lws *wsi)
{
	return lws_context_user(lws_get_context(wsi));
}

/* ---- reading a request ---- */

static enum route_method method_of(int m)
{
	switch (m) {
	case LWSHUMETH_GET:
	case LWSHUMETH_HEAD:
		return METHOD_GET;
	case LWSHUMETH_POST:
		return METHOD_POST;
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
static void upload_allowed(struct request *rq)
{
	rq->checking = false;
	if (rq->complete)
		dispatch_request(rq);
}

static enum err_code begin_upload(struct request *rq, long long len,
				  struct err *e)
{
	enum err_code rc;

	if (len == 0)
		return err_set(e, ERR_INPUT, "an image is expected as body");
	if (rq->c->uploads >= CONSOLE_UPLOADS_MAX)
		return err_set(e, ERR_UNREACHABLE,
			       "%u uploads are under way; try again soon",
			       rq->c->uploads);
	rc = upload_new(&rq->upload, rq->c->config.image_dir, e);
	if (rc)
		return rc;
	rq->c->uploads++;
	/* Who it is, is looked up while the first bytes come in: whoever may
	 * not is cut off after milliseconds. */
	await_body(rq, CONSOLE_UPLOAD_S);
	rq->checking = true;
	dispatch_check(rq, upload_allowed);
	return ERR_OK;
}

static enum err_code begin_body(struct request *rq, struct err *e)
{
	bool upload = rq->match.route->kind == KIND_UPLOAD;
	long long len = body_len(rq->wsi);

	if (len < 0)
		return err_set(e, ERR_INPUT, "a body needs a Content-Length");
	if (len > (upload ? UPLOAD_MAX_BYTES : REQUEST_BODY_MAX))
		return err_set(e, ERR_TOO_BIG,
			       "a body of %lld bytes; %u are possible", len,
			       upload ? UPLOAD_MAX_BYTES : REQUEST_BODY_MAX);
	if (upload)
		return begin_upload(rq, len, e);
	if (len)
		await_body(rq, CONSOLE_BODY_S);
	else
		dispatch_request(rq);
	return ERR_OK;
}

static int on_http(struct console *c, struct conn *conn, struct lws *wsi)
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

static int on_body(struct request *rq, const void *data, size_t len)
{
	enum err_code rc;
	struct err e;

	if (!rq || rq->dispatched || rq->drop)
		return 0; /* answered already; the rest is not wanted */
	if (rq->upload)
		rc = upload_write(rq->upload, data, len, &e);
	else if ((rc = dbuf_add(&rq->body, data, len)))
		err_set(&e, rc, "body");
	if (rc) {
		rq->drop = true;
		request_fail(rq, &e);
		answer_send(rq);
	}
	return 0;
}

static void on_body_complete(struct request *rq)
{
	if (!rq || rq->dispatched || rq->drop)
		return;
	rq->complete = true;
	rq->awaiting = false;
	if (!rq->checking)
		dispatch_request(rq);
}

static void end_request(struct conn *conn)
{
	struct request *rq = conn->rq;

	conn->rq = NULL;
	if (!rq)
		return;
	rq->wsi = NULL;
	if (rq->pipe)
		pipe_abort(rq->pipe);
	if (rq->upload)
		rq->c->uploads--;
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
static int on_upgrade(struct console *c, struct conn *conn, struct lws *wsi)
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

static int on_established(struct console *c, struct conn *conn, struct lws *wsi)
{
	conn->watcher = watcher_new(c, wsi, conn->rq);
	if (conn->rq) {
		conn->rq->wsi = NULL;
		request_release(conn->rq);
		conn->rq = NULL;
	}
	return conn->watcher ? 0 : -1;
}

/* ---- libwebsockets ---- */

static int on_event(struct lws *wsi, enum lws_callback_reasons reason,
		    void *user, void *in, size_t len)
{
	struct conn *conn = user;

	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return on_http(console_of(wsi), conn, wsi);
	case LWS_CALLBACK_HTTP_BODY:
		return on_body(conn->rq, in, len);
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		on_body_complete(conn->rq);
		return 0;
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return conn->rq ? answer_writeable(conn->rq) : 0;
	case LWS_CALLBACK_TIMER: /* the body took too long */
		return conn && conn->rq && conn->rq->awaiting ? -1 : 0;
	case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
	case LWS_CALLBACK_CLOSED_HTTP:
		if (conn && !conn->ws)
			end_request(conn);
		return 0;
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return on_upgrade(console_of(wsi), conn, wsi);
	case LWS_CALLBACK_ESTABLISHED:
		return on_established(console_of(wsi), conn, wsi);
	case LWS_CALLBACK_RECEIVE: /* readers have nothing to say */
		return -1;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return conn->watcher ? watcher_writeable(conn->watcher) : -1;
	case LWS_CALLBACK_CLOSED:
		end_request(conn);
		watcher_free(conn->watcher);
		conn->watcher = NULL;
		return 0;
	case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
		return console_of(wsi)->connections >= CONSOLE_CONNECTIONS_MAX;
	case LWS_CALLBACK_WSI_CREATE:
		console_of(wsi)->connections++;
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		/* The listening socket is destroyed but was never announced. */
		if (console_of(wsi)->connections)
			console_of(wsi)->connections--;
		return 0;
	default:
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{"provline", on_event, sizeof(struct conn), CONSOLE_HEADER_MAX, 0, NULL,
	 0},
	{NULL, NULL, 0, 0, 0, NULL, 0},
};

static void on_lws_log(int level, const char *line)
{
	char text[400];

	if (level & (LLL_ERR | LLL_WARN))
		log_warn("HTTP", "text=%s",
			 log_quote(text, sizeof(text), line, strlen(line)));
}

/* One descriptor per connection, and the rest of the process needs some. */
static void raise_descriptor_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur >= 4096)
		return;
	r.rlim_cur = r.rlim_max < 4096 ? r.rlim_max : 4096;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

static enum err_code listen_now(struct console *c, struct err *e)
{
	void *loops[] = {c->loop};
	struct lws_context_creation_info info = {
		.port = c->config.port ? c->config.port
				       : CONTEXT_PORT_NO_LISTEN,
		.iface = c->config.host,
		.protocols = protocols,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.user = c,
		.foreign_loops = loops,
		.pcontext = &c->lws,
		.options = LWS_SERVER_OPTION_LIBUV |
			   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
		.ssl_cert_filepath = c->config.cert_file,
		.ssl_private_key_filepath = c->config.key_file,
		/* The floor of the product: 1.2 with ECDHE and AEAD, or 1.3. */
		.ssl_options_set = SSL_OP_NO_SSLv3 | SSL_OP_NO_TLSv1 |
				   SSL_OP_NO_TLSv1_1 |
				   SSL_OP_CIPHER_SERVER_PREFERENCE |
				   SSL_OP_NO_RENEGOTIATION,
		.ssl_cipher_list = "ECDHE+AESGCM:ECDHE+CHACHA20",
		.alpn = "http/1.1",
		.max_http_header_data = CONSOLE_HEADER_MAX,
		/* More than a whole TLS record (16384 bytes): what OpenSSL
		 * has decrypted but libwebsockets 4.1 did not take in one
		 * read stays there on a foreign loop until the peer sends
		 * more, and the end of a body never does. */
		.pt_serv_buf_size = CONSOLE_RECORD_BYTES,
		.max_http_header_pool = CONSOLE_CONNECTIONS_MAX,
		.timeout_secs = CONSOLE_HEADER_S,
		.timeout_secs_ah_idle = CONSOLE_HEADER_S,
		.keepalive_timeout = 60,
		.server_string = "provline",
	};

	if (c->config.port == 0)
		info.port = 0;
	c->lws = lws_create_context(&info);
	/* an address in use gives a context without its vhost */
	if (!c->lws || !lws_get_vhost_by_name(c->lws, "default"))
		return err_set(e, ERR_IO,
			       "HTTPS cannot listen on %s port %u: address in "
			       "use, or certificate unusable",
			       c->config.host ? c->config.host : "*",
			       c->config.port);
	c->port = (uint16_t)lws_get_vhost_listen_port(
		lws_get_vhost_by_name(c->lws, "default"));
	return ERR_OK;
}

static enum err_code check_files(const struct console_config *config,
				 struct err *e)
{
	struct stat st;

	if (stat(config->cert_file, &st))
		return err_set(e, ERR_CONFIG, "%s cannot be read",
			       config->cert_file);
	if (stat(config->key_file, &st))
		return err_set(e, ERR_CONFIG, "%s cannot be read",
			       config->key_file);
	if (st.st_mode & 077)
		return err_set(e, ERR_CONFIG, "%s: others may read this key",
			       config->key_file);
	if (stat(config->image_dir, &st) || !S_ISDIR(st.st_mode))
		return err_set(e, ERR_CONFIG, "%s is not a folder",
			       config->image_dir);
	return ERR_OK;
}

static char *copy(const char *s)
{
	char *out = s ? strdup(s) : NULL;

	if (s && !out)
		abort();
	return out;
}

static void copy_config(struct console *c, const struct console_config *from)
{
	c->config = *from;
	c->config.host = copy(from->host);
	c->config.cert_file = copy(from->cert_file);
	c->config.key_file = copy(from->key_file);
	c->config.web_dir = copy(from->web_dir);
	c->config.image_dir = copy(from->image_dir);
}

static void console_free(struct console *c)
{
	statics_free(&c->statics);
	free((char *)c->config.host);
	free((char *)c->config.cert_file);
	free((char *)c->config.key_file);
	free((char *)c->config.web_dir);
	free((char *)c->config.image_dir);
	free(c->tx);
	free(c);
}

enum err_code console_open(struct console **out, uv_loop_t *loop,
			   const struct console_config *config, struct err *e)
{
	enum err_code rc = check_files(config, e);
	struct console *c;

	if (rc)
		return rc;
	c = calloc(1, sizeof(*c));
	if (!c || !(c->tx = malloc(LWS_PRE + CONSOLE_CHUNK_BYTES))) {
		free(c);
		return err_set(e, ERR_NO_MEMORY, "console");
	}
	c->loop = loop;
	copy_config(c, config);
	wall_format(c->server_started, wall_now_ms());
	raise_descriptor_limit();
	lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
	rc = statics_load(&c->statics, config->web_dir, e);
	if (!rc)
		rc = loop_box_init(&c->box, loop, e);
	if (!rc)
		rc = listen_now(c, e);
	if (rc) {
		/* Start-up failed: the process ends, its handles with it. */
		console_free(c);
		return rc;
	}
	stream_init(c);
	uv_timer_init(loop, &c->close_timer);
	c->close_timer.data = c;
	log_info("HTTPS_LISTENS", "port=%u files=%zu", c->port, c->statics.n);
	*out = c;
	return ERR_OK;
}

uint16_t console_port(const struct console *c)
{
	return c->port;
}

/* ---- closing ---- */

static void on_handle_closed(void *arg)
{
	struct console *c = arg;

	if (--c->handles)
		return;
	if (c->closed)
		c->closed(c->closed_arg);
	console_free(c);
}

static void on_timer_closed(uv_handle_t *h)
{
	on_handle_closed(h->data);
}

/* On a loop that is not its own, libwebsockets 4.1 wants to be destroyed twice:
 * the first call closes its connections, then its own handles, over some turns
 * of the loop; the second, once all of those are closed, frees the context and
 * unloads its libuv part. Too early, and close callbacks would run in code
 * that is gone. One tick is at least one turn; four are needed. */
static void on_close_tick(uv_timer_t *t)
{
	struct console *c = t->data;

	if (c->jobs || c->connections) {
		c->quiet_ticks = 0;
		return;
	}
	if (++c->quiet_ticks < CONSOLE_QUIET_TICKS)
		return;
	if (c->lws)
		lws_context_destroy(c->lws);
	uv_timer_stop(t);
	c->handles = 3;
	stream_fini(c);
	uv_close((uv_handle_t *)&c->status_timer, on_timer_closed);
	uv_close((uv_handle_t *)&c->close_timer, on_timer_closed);
	loop_box_close(&c->box, on_handle_closed, c);
}

void console_close(struct console *c, void (*closed)(void *arg), void *arg)
{
	c->closing = true;
	c->closed = closed;
	c->closed_arg = arg;
	uv_timer_stop(&c->status_timer);
	lws_context_destroy(c->lws);
	uv_timer_start(&c->close_timer, on_close_tick, 5, 5);
}
