/* libwebsockets at the outside: what its callbacks say becomes requests and
 * readers. Limits that hold whatever peers do: connections, header bytes and
 * time, body bytes and time, an answer that stands still (private.h). */
#include "proto/base/openssl_names.h"

#include "controller/console/inbound.h"
#include "proto/base/log.h"
#include "proto/base/wall.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

static struct console *console_of(struct lws *wsi)
{
	return lws_context_user(lws_get_context(wsi));
}

/* ---- libwebsockets ---- */

static int on_event(struct lws *wsi, enum lws_callback_reasons reason,
		    void *user, void *in, size_t len)
{
	struct conn *conn = user;

	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return inbound_http(console_of(wsi), conn, wsi);
	case LWS_CALLBACK_HTTP_BODY:
		return inbound_body(conn->rq, in, len);
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		inbound_body_complete(conn->rq);
		return 0;
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return conn->rq ? answer_writeable(conn->rq) : 0;
	case LWS_CALLBACK_TIMER: /* the body took too long */
		return conn && conn->rq && conn->rq->awaiting ? -1 : 0;
	case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
	case LWS_CALLBACK_CLOSED_HTTP:
		if (conn && !conn->ws)
			inbound_end(conn);
		return 0;
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return inbound_upgrade(console_of(wsi), conn, wsi);
	case LWS_CALLBACK_ESTABLISHED:
		return inbound_established(console_of(wsi), conn, wsi);
	case LWS_CALLBACK_RECEIVE: /* readers have nothing to say */
		return -1;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return conn->watcher ? watcher_writeable(conn->watcher) : -1;
	case LWS_CALLBACK_CLOSED:
		inbound_end(conn);
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

/* What goes wrong at the start is said once, by the error that ends it. */
static void on_lws_start(int level, const char *line)
{
	char text[400];

	(void)level;
	log_debug("HTTP", "text=%s",
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
	if (!c->lws || !lws_get_vhost_by_name(c->lws, "default")) {
		err_set(e, ERR_IO,
			"HTTPS cannot listen on %s port %u: address in use, or "
			"certificate unusable",
			c->config.host ? c->config.host : "*", c->config.port);
		return err_hint(e, "end what listens there, or set another "
				   "https_host or https_port");
	}
	lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
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
	c->config.key_dir = copy(from->key_dir);
}

static void console_free(struct console *c)
{
	statics_free(&c->statics);
	free((char *)c->config.host);
	free((char *)c->config.cert_file);
	free((char *)c->config.key_file);
	free((char *)c->config.web_dir);
	free((char *)c->config.image_dir);
	free((char *)c->config.key_dir);
	free(c->tx);
	free(c);
}

enum err_code console_open(struct console **out, uv_loop_t *loop,
			   const struct console_config *config, struct err *e)
{
	enum err_code rc = check_files(config, e);
	struct console *c;

	if (!rc)
		rc = upload_init(config->image_dir, e);
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
	lws_set_log_level(LLL_ERR, on_lws_start);
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
	uploads_start(c);
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
	c->handles = 4;
	stream_fini(c);
	uv_close((uv_handle_t *)&c->status_timer, on_timer_closed);
	uv_close((uv_handle_t *)&c->upload_timer, on_timer_closed);
	uv_close((uv_handle_t *)&c->close_timer, on_timer_closed);
	loop_box_close(&c->box, on_handle_closed, c);
}

void console_close(struct console *c, void (*closed)(void *arg), void *arg)
{
	c->closing = true;
	c->closed = closed;
	c->closed_arg = arg;
	uv_timer_stop(&c->status_timer);
	uploads_stop(c);
	lws_context_destroy(c->lws);
	uv_timer_start(&c->close_timer, on_close_tick, 5, 5);
}
