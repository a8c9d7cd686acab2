/* A request goes through READING (headers and body come in), WAITING (a fault
 * delays the reply) and WRITING. One timer runs per request: the time allowed
 * while reading and writing, the delay while waiting. */
#include "proto/base/openssl_names.h"
#include "bench/cloud/http.h"

#include "bench/cloud/request.h"
#include "proto/base/log.h"

#include <libwebsockets.h>
#include <openssl/ssl.h>

#include <stdlib.h>
#include <string.h>

#define PATH_SIZE	  64
#define TYPE_SIZE	  96
#define AUTHORIZATION_MAX 600
#define HEAD_MAX_BYTES	  1024

struct http {
	const struct cloud_config *config;
	struct est *est;
	struct lws_context *context;
	struct lws_vhost *vhost;
};

enum session_state { SESSION_READING, SESSION_WAITING, SESSION_WRITING };

struct session {
	enum session_state state;
	bool is_post;
	bool started;
	char path[PATH_SIZE];
	char content_type[TYPE_SIZE];
	char authorization[AUTHORIZATION_MAX];
	struct dbuf body;
	struct est_reply reply;
};

static void session_clear(struct session *s)
{
	dbuf_fini(&s->body);
	dbuf_fini(&s->reply.body);
	explicit_bzero(s, sizeof *s);
}

static int add_header(struct lws *wsi, const char *name, const char *value,
		      uint8_t **p, uint8_t *end)
{
	return lws_add_http_header_by_name(wsi, (const uint8_t *)name,
					   (const uint8_t *)value,
					   (int)strlen(value), p, end);
}

static int add_headers(struct lws *wsi, const struct est_reply *r, uint8_t **p,
		       uint8_t *end)
{
	char seconds[16];

	if (lws_add_http_common_headers(wsi, r->status, r->content_type,
					r->body.len, p, end))
		return -1;
	if (r->challenge &&
	    add_header(wsi, "www-authenticate:",
		       "Basic realm=\"estrealm\", charset=\"UTF-8\"", p, end))
		return -1;
	if (r->status == 202) {
		snprintf(seconds, sizeof seconds, "%u", r->retry_after_s);
		if (add_header(wsi, "retry-after:", seconds, p, end))
			return -1;
	}
	return 0;
}

/* Headers now, the body when the socket takes it. */
static int start_reply(struct http *http, struct lws *wsi, struct session *s)
{
	uint8_t buf[LWS_PRE + HEAD_MAX_BYTES];
	uint8_t *start = buf + LWS_PRE, *p = start;
	uint8_t *end = buf + sizeof buf - 1;

	if (s->reply.drop)
		return -1;
	s->state = SESSION_WRITING;
	lws_set_timer_usecs(wsi, (lws_usec_t)http->config->request_timeout_ms *
					 LWS_US_PER_MS);
	if (add_headers(wsi, &s->reply, &p, end) ||
	    lws_finalize_write_http_header(wsi, start, &p, end))
		return -1;
	lws_callback_on_writable(wsi);
	return 0;
}

static int write_body(struct lws *wsi, struct session *s)
{
	struct dbuf *body = &s->reply.body;
	uint8_t *buf;
	int n;

	if (s->state != SESSION_WRITING)
		return 0;
	buf = malloc(LWS_PRE + body->len);
	if (!buf)
		return -1;
	memcpy(buf + LWS_PRE, dbuf_text(body), body->len);
	n = lws_write(wsi, buf + LWS_PRE, body->len, LWS_WRITE_HTTP_FINAL);
	free(buf);
	if (n < (int)body->len || s->reply.status >= 400)
		return -1; /* the rest of a refused body may be under way */
	session_clear(s);
	return lws_http_transaction_completed(wsi);
}

/* A refusal before the body is there. */
static int refuse(struct http *http, struct lws *wsi, struct session *s,
		  unsigned status, const char *why)
{
	dbuf_init(&s->reply.body, EST_REPLY_MAX_BYTES);
	s->reply.status = status;
	s->reply.content_type = "text/plain";
	dbuf_addf(&s->reply.body, "%s\n", why);
	return start_reply(http, wsi, s);
}

static bool client_verified(const struct http *http, struct lws *wsi)
{
	union lws_tls_cert_info_results info;

	return http->config->client_ca_file[0] &&
	       lws_tls_peer_cert_info(wsi, LWS_TLS_CERT_INFO_VERIFIED, &info,
				      0) == 0 &&
	       info.verified;
}

static int answer(struct http *http, struct lws *wsi, struct session *s)
{
	struct est_request q = {
		.is_post = s->is_post,
		.path = s->path,
		.content_type = s->content_type,
		.authorization = s->authorization,
		.client_verified = client_verified(http, wsi),
		.body = dbuf_text(&s->body),
		.body_len = s->body.len,
	};

	est_handle(http->est, &q, &s->reply);
	if (s->reply.delay_ms == 0)
		return start_reply(http, wsi, s);
	s->state = SESSION_WAITING;
	lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
	lws_set_timer_usecs(wsi, (lws_usec_t)s->reply.delay_ms * LWS_US_PER_MS);
	return 0;
}

/* Returns false when the header is longer than it may be. */
static bool copy_header(struct lws *wsi, char *out, size_t size,
			enum lws_token_indexes token)
{
	out[0] = '\0';
	return lws_hdr_total_length(wsi, token) == 0 ||
	       lws_hdr_copy(wsi, out, (int)size, token) >= 0;
}

static int on_request(struct http *http, struct lws *wsi, struct session *s,
		      const char *path)
{
	char length[16];
	unsigned refused;

	session_clear(s);
	s->started = true;
	dbuf_init(&s->body, REQUEST_MAX_BYTES);
	lws_set_timer_usecs(wsi, (lws_usec_t)http->config->request_timeout_ms *
					 LWS_US_PER_MS);
	s->is_post = lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) > 0;
	if (!s->is_post && lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) == 0)
		return refuse(http, wsi, s, 405, "wrong method");
	if (strlen(path) >= sizeof s->path)
		return refuse(http, wsi, s, 404, "not found");
	strcpy(s->path, path);
	refused = est_check_path(path, s->is_post);
	if (refused)
		return refuse(http, wsi, s, refused,
			      refused == 404 ? "not found" : "wrong method");
	if (!copy_header(wsi, s->content_type, sizeof s->content_type,
			 WSI_TOKEN_HTTP_CONTENT_TYPE) ||
	    !copy_header(wsi, s->authorization, sizeof s->authorization,
			 WSI_TOKEN_HTTP_AUTHORIZATION))
		return refuse(http, wsi, s, 431, "a header is too long");
	if (!s->is_post)
		return answer(http, wsi, s);
	if (!copy_header(wsi, length, sizeof length,
			 WSI_TOKEN_HTTP_CONTENT_LENGTH))
		return refuse(http, wsi, s, 413, "too large");
	if (!length[0] || strspn(length, "0123456789") != strlen(length))
		return refuse(http, wsi, s, 411, "Content-Length is needed");
	if (strtoul(length, NULL, 10) > REQUEST_MAX_BYTES)
		return refuse(http, wsi, s, 413, "too large");
	return 0;
}

static int on_timer(struct http *http, struct lws *wsi, struct session *s)
{
	if (!s->started)
		return 0; /* the last request's; none is under way */
	if (s->state == SESSION_WAITING)
		return start_reply(http, wsi, s);
	log_warn("CLIENT_SLOW", "path=%s", s->path);
	return -1;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason,
		    void *user, void *in, size_t len)
{
	struct http *http = lws_context_user(lws_get_context(wsi));
	struct session *s = user;

	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return on_request(http, wsi, s, in);
	case LWS_CALLBACK_HTTP_BODY:
		if (s->state != SESSION_READING)
			return 0; /* of a refused request */
		return dbuf_add(&s->body, in, len) ? -1 : 0;
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		if (s->state != SESSION_READING)
			return 0;
		return answer(http, wsi, s);
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return write_body(wsi, s);
	case LWS_CALLBACK_TIMER:
		return on_timer(http, wsi, s);
	case LWS_CALLBACK_CLOSED_HTTP:
	case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
		if (s && s->started)
			session_clear(s);
		return 0;
	default:
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{"http", on_event, sizeof(struct session), 0, 0, NULL, 0},
	{NULL, NULL, 0, 0, 0, NULL, 0},
};

static void on_log(int level, const char *line)
{
	char quoted[300];

	log_write(level & LLL_ERR ? LOG_WARN : LOG_DEBUG, "LIBWEBSOCKETS",
		  "text=%s",
		  log_quote(quoted, sizeof quoted, line, strcspn(line, "\n")));
}

static struct lws_vhost *open_vhost(struct http *http)
{
	const struct cloud_config *c = http->config;
	struct lws_context_creation_info info = {
		.port = c->port,
		.iface = strcmp(c->listen, "0.0.0.0") ? c->listen : NULL,
		.protocols = protocols,
		.vhost_name = "est",
		.alpn = "http/1.1",
		.ssl_cert_filepath = est_server_cert_path(http->est),
		.ssl_private_key_filepath = est_server_key_path(http->est),
		.ssl_options_set = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1,
		.timeout_secs = c->request_timeout_ms / 1000 + 1,
		.timeout_secs_ah_idle = c->request_timeout_ms / 1000 + 1,
		.keepalive_timeout = 30,
		.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
	};

	if (c->client_ca_file[0]) {
		info.ssl_ca_filepath = c->client_ca_file;
		info.options |=
			LWS_SERVER_OPTION_REQUIRE_VALID_OPENSSL_CLIENT_CERT |
			LWS_SERVER_OPTION_PEER_CERT_NOT_REQUIRED;
	}
	return lws_create_vhost(http->context, &info);
}

enum err_code http_open(struct http **http, const struct cloud_config *config,
			struct est *est, struct err *e)
{
	struct http *h = calloc(1, sizeof *h);
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
			   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
		.user = h,
		.gid = -1,
		.uid = -1,
		.max_http_header_pool = 256,
		.max_http_header_data = 4096,
	};

	if (!h)
		return err_set(e, ERR_NO_MEMORY, "HTTPS");
	h->config = config;
	h->est = est;
	lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
	h->context = lws_create_context(&info);
	h->vhost = h->context ? open_vhost(h) : NULL;
	if (!h->vhost || lws_get_vhost_listen_port(h->vhost) <= 0) {
		http_close(h);
		return err_set(e, ERR_IO, "cannot serve on %s:%u",
			       config->listen, config->port);
	}
	*http = h;
	return ERR_OK;
}

void http_close(struct http *http)
{
	if (http && http->context)
		lws_context_destroy(http->context);
	free(http);
}

unsigned http_port(const struct http *http)
{
	return (unsigned)lws_get_vhost_listen_port(http->vhost);
}

void http_serve(struct http *http)
{
	lws_service(http->context, 0);
}

void http_wake(struct http *http)
{
	lws_cancel_service(http->context);
}
