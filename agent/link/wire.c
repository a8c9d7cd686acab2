#include "agent/link/wire.h"

#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/tls/tls.h>
#include <stdlib.h>
#include <string.h>

/* An answer that a live connection lost would be a fault of the controller;
 * after this the request goes out again. A broken connection resends at
 * once. */
#define RESEND_MS 10000

static enum err_code wire_error(int rc, struct err *e)
{
	switch (rc) {
	case NNG_ETIMEDOUT:
		return err_set(e, ERR_TIMEOUT,
			       "the controller did not answer in time");
	case NNG_ECLOSED:
	case NNG_ECANCELED:
		return err_set(e, ERR_CANCELLED, "the agent stops");
	case NNG_ENOMEM:
		return err_set(e, ERR_NO_MEMORY, "link");
	default:
		return err_set(e, ERR_UNREACHABLE, "link: %s",
			       nng_strerror(rc));
	}
}

/* One exchange, and how its waits end. */
struct exchange {
	const struct wire_line *line;
	nng_ctx ctx;
	nng_aio *aio;
	bool done; /* guarded by line->lock */
	bool gone; /* the connection broke first */
};

static void on_done(void *arg)
{
	struct exchange *x = arg;

	pthread_mutex_lock(x->line->lock);
	x->done = true;
	pthread_cond_broadcast(x->line->changed);
	pthread_mutex_unlock(x->line->lock);
}

/* Until the operation ends, by itself or because the connection did. */
static int await(struct exchange *x)
{
	const struct wire_line *w = x->line;

	pthread_mutex_lock(w->lock);
	while (!x->done && *w->generation == w->expected)
		(void)pthread_cond_wait(w->changed, w->lock);
	x->gone = !x->done;
	pthread_mutex_unlock(w->lock);
	if (x->gone)
		nng_aio_cancel(x->aio);
	nng_aio_wait(x->aio);
	return nng_aio_result(x->aio);
}

static int send_request(struct exchange *x, const uint8_t *request, size_t len)
{
	nng_msg *m = NULL;
	int rc = nng_msg_alloc(&m, 0);

	if (rc == 0)
		rc = nng_msg_append(m, request, len);
	if (rc != 0) {
		nng_msg_free(m);
		return rc;
	}
	nng_aio_set_msg(x->aio, m);
	x->done = false;
	nng_ctx_send(x->ctx, x->aio);
	rc = await(x);
	if (rc != 0)
		nng_msg_free(m);
	return rc;
}

static int receive_answer(struct exchange *x, void **answer, size_t *len)
{
	nng_msg *m;
	int rc;

	x->done = false;
	nng_ctx_recv(x->ctx, x->aio);
	rc = await(x);
	if (rc != 0)
		return rc;
	m = nng_aio_get_msg(x->aio);
	*len = nng_msg_len(m);
	*answer = malloc(*len == 0 ? 1 : *len);
	if (*answer != NULL)
		memcpy(*answer, nng_msg_body(m), *len);
	nng_msg_free(m);
	return *answer == NULL ? NNG_ENOMEM : 0;
}

static nng_duration left_ms(struct mono deadline)
{
	int64_t ms = mono_left_ms(deadline);

	return ms < 1 ? 1 : ms > INT32_MAX ? INT32_MAX : (nng_duration)ms;
}

enum err_code wire_exchange(nng_socket sock, const struct wire_line *line,
			    const uint8_t *request, size_t request_len,
			    void **answer, size_t *answer_len,
			    struct mono deadline, struct err *e)
{
	struct exchange x = {.line = line};
	int rc = nng_ctx_open(&x.ctx, sock);

	if (rc != 0)
		return wire_error(rc, e);
	rc = nng_ctx_set_ms(x.ctx, NNG_OPT_REQ_RESENDTIME, RESEND_MS);
	if (rc == 0)
		rc = nng_aio_alloc(&x.aio, on_done, &x);
	if (rc == 0) {
		nng_aio_set_timeout(x.aio, left_ms(deadline));
		rc = send_request(&x, request, request_len);
	}
	if (rc == 0) {
		nng_aio_set_timeout(x.aio, left_ms(deadline));
		rc = receive_answer(&x, answer, answer_len);
	}
	if (x.aio != NULL)
		nng_aio_free(x.aio);
	(void)nng_ctx_close(x.ctx);
	if (rc != 0 && x.gone)
		return err_set(e, ERR_NOT_BOUND, "the connection broke");
	return rc == 0 ? ERR_OK : wire_error(rc, e);
}

/* tls+tcp://HOST:PORT or tls+tcp://[HOST]:PORT */
static void host_of(const char *url, char *out, size_t size)
{
	const char *host = strstr(url, "://");
	size_t len;

	host = host == NULL ? url : host + 3;
	if (*host == '[') {
		host++;
		len = strcspn(host, "]");
	} else {
		len = strcspn(host, ":/");
	}
	if (len >= size)
		len = size - 1;
	memcpy(out, host, len);
	out[len] = '\0';
}

int wire_set_tls(nng_dialer dialer, const char *url, const char *server_name,
		 const struct keys *keys)
{
	nng_tls_config *tls = NULL;
	char host[128];
	int rc = nng_tls_config_alloc(&tls, NNG_TLS_MODE_CLIENT);

	if (rc != 0)
		return rc;
	host_of(url, host, sizeof(host));
	rc = nng_tls_config_version(tls, NNG_TLS_1_2, NNG_TLS_1_2);
	if (rc == 0)
		rc = nng_tls_config_auth_mode(tls, NNG_TLS_AUTH_MODE_REQUIRED);
	if (rc == 0)
		rc = nng_tls_config_server_name(
			tls, server_name[0] != '\0' ? server_name : host);
	if (rc == 0)
		rc = nng_tls_config_ca_chain(tls, dbuf_text(&keys->ca_pem),
					     NULL);
	if (rc == 0)
		rc = nng_tls_config_own_cert(tls, dbuf_text(&keys->cert_pem),
					     dbuf_text(&keys->key_pem), NULL);
	if (rc == 0)
		rc = nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, tls);
	nng_tls_config_free(tls); /* the dialer holds it */
	return rc;
}
