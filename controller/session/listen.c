/* The listening socket: TLS with client certificates, size limits, and what
 * comes and goes on it. */
#include "controller/session/private.h"

#include "proto/base/dbuf.h"
#include "proto/base/file.h"
#include "proto/base/log.h"

#include <arpa/inet.h>
#include <mbedtls/platform_util.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/supplemental/tls/tls.h>
#include <stdlib.h>

#define PEM_MAX_BYTES 65536

/* ---- connections come and go ---- */

struct pipe_letter {
	struct loop_letter letter; /* first */
	struct sessions *s;
	uint32_t pipe;
	bool added;
	char from[64];
};

static void on_pipe_letter(struct loop_letter *letter)
{
	struct pipe_letter *l = (struct pipe_letter *)letter;

	if (!l->added) {
		peer_drop(l->s, l->pipe);
	} else if (peer_add(l->s, l->pipe, l->from)) {
		log_warn("TOO_MANY_CONNECTIONS", "from=%s", l->from);
		(void)nng_pipe_close((nng_pipe){l->pipe});
	}
	free(l);
}

static void address_text(nng_pipe pipe, char out[64])
{
	nng_sockaddr a;
	char host[INET6_ADDRSTRLEN] = "?";

	out[0] = '\0';
	if (nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &a))
		return;
	if (a.s_family == NNG_AF_INET)
		inet_ntop(AF_INET, &a.s_in.sa_addr, host, sizeof host);
	else if (a.s_family == NNG_AF_INET6)
		inet_ntop(AF_INET6, a.s_in6.sa_addr, host, sizeof host);
	snprintf(out, 64, "%s", host);
}

/* nng's thread; before the first message of the pipe can arrive */
static void on_pipe(nng_pipe pipe, nng_pipe_ev ev, void *arg)
{
	struct sessions *s = arg;
	struct pipe_letter *l = calloc(1, sizeof *l);

	if (!l)
		abort();
	l->letter.fn = on_pipe_letter;
	l->s = s;
	l->pipe = (uint32_t)nng_pipe_id(pipe);
	l->added = ev == NNG_PIPE_EV_ADD_PRE;
	if (l->added)
		address_text(pipe, l->from);
	loop_box_post(&s->box, &l->letter);
}

/* ---- the socket ---- */

static size_t largest_request(void)
{
	size_t max = 0;

	for (int t = 0; t < MSG_TYPE_COUNT; t++) {
		enum msg_type type = (enum msg_type)t;

		if (msg_to_controller(type) && msg_max_bytes(type) > max)
			max = msg_max_bytes(type);
	}
	return max;
}

static int tls_with(nng_tls_config *tls, struct dbuf *ca, struct dbuf *cert,
		    struct dbuf *key)
{
	int rv = nng_tls_config_version(tls, NNG_TLS_1_2, NNG_TLS_1_2);

	if (!rv)
		rv = nng_tls_config_auth_mode(tls, NNG_TLS_AUTH_MODE_REQUIRED);
	if (!rv)
		rv = nng_tls_config_ca_chain(tls, dbuf_text(ca), NULL);
	if (!rv)
		rv = nng_tls_config_own_cert(tls, dbuf_text(cert),
					     dbuf_text(key), NULL);
	return rv;
}

static enum err_code make_tls(const struct sessions_config *c,
			      nng_tls_config **tls, struct err *e)
{
	struct dbuf ca, cert, key;
	enum err_code rc;
	int rv;

	dbuf_init(&ca, PEM_MAX_BYTES);
	dbuf_init(&cert, PEM_MAX_BYTES);
	dbuf_init(&key, PEM_MAX_BYTES);
	rc = file_read(c->ca_file, &ca, e);
	if (!rc)
		rc = file_read(c->cert_file, &cert, e);
	if (!rc)
		rc = file_read(c->key_file, &key, e);
	if (rc)
		goto out;
	rv = nng_tls_config_alloc(tls, NNG_TLS_MODE_SERVER);
	if (!rv) {
		rv = tls_with(*tls, &ca, &cert, &key);
		if (rv)
			nng_tls_config_free(*tls);
	}
	if (rv)
		rc = err_set(e, ERR_CONFIG, "agent link's certificate: %s",
			     nng_strerror(rv));
out:
	if (key.data)
		mbedtls_platform_zeroize(key.data, key.len);
	dbuf_fini(&ca);
	dbuf_fini(&cert);
	dbuf_fini(&key);
	return rc;
}

static uint16_t port_of(nng_listener l)
{
	nng_sockaddr a;

	if (nng_listener_get_addr(l, NNG_OPT_LOCADDR, &a))
		return 0;
	if (a.s_family == NNG_AF_INET)
		return ntohs(a.s_in.sa_port);
	return a.s_family == NNG_AF_INET6 ? ntohs(a.s_in6.sa_port) : 0;
}

static int open_socket(struct sessions *s, nng_tls_config *tls)
{
	int rv = nng_rep0_open(&s->socket);

	if (rv)
		return rv;
	rv = nng_socket_set_size(s->socket, NNG_OPT_RECVMAXSZ,
				 largest_request());
	if (!rv)
		rv = nng_pipe_notify(s->socket, NNG_PIPE_EV_ADD_PRE, on_pipe,
				     s);
	if (!rv)
		rv = nng_pipe_notify(s->socket, NNG_PIPE_EV_REM_POST, on_pipe,
				     s);
	if (!rv)
		rv = nng_listener_create(&s->listener, s->socket,
					 s->config.url);
	if (!rv)
		rv = nng_listener_set_ptr(s->listener, NNG_OPT_TLS_CONFIG, tls);
	if (!rv)
		rv = nng_listener_start(s->listener, 0);
	if (rv)
		(void)nng_close(s->socket);
	return rv;
}

enum err_code listen_start(struct sessions *s, struct err *e)
{
	nng_tls_config *tls = NULL;
	enum err_code rc = make_tls(&s->config, &tls, e);
	int rv;

	if (rc)
		return rc;
	rv = open_socket(s, tls);
	nng_tls_config_free(tls); /* the listener holds it */
	if (rv) {
		err_set(e, rv == NNG_EADDRINVAL ? ERR_CONFIG : ERR_IO, "%s: %s",
			s->config.url, nng_strerror(rv));
		return err_hint(e, "end what listens there, or set another "
				   "agent_listen");
	}
	s->port = port_of(s->listener);
	return ERR_OK;
}
