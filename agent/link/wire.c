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

static int send_request(nng_ctx ctx, nng_aio *aio, const uint8_t *request,
			size_t len)
{
	nng_msg *m = NULL;
	int rc = nng_msg_alloc(&m, 0);

	if (rc == 0)
		rc = nng_msg_append(m, request, len);
	if (rc != 0) {
		nng_msg_free(m);
		return rc;
	}
	nng_aio_set_msg(aio, m);
	nng_ctx_send(ctx, aio);
	nng_aio_wait(aio);
	rc = nng_aio_result(aio);
	if (rc != 0)
		nng_msg_free(m);
	return rc;
}

static int receive_answer(nng_ctx ctx, nng_aio *aio, void **answer, size_t *len)
{
	nng_msg *m;
	int rc;

	nng_ctx_recv(ctx, aio);
	nng_aio_wait(aio);
	rc = nng_aio_result(aio);
	if (rc != 0)
		return rc;
	m = nng_aio_get_msg(aio);
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

enum err_code wire_exchange(nng_socket sock, const uint8_t *request,
			    size_t request_len, void **answer,
			    size_t *answer_len, struct mono deadline,
			    struct err *e)
{
	nng_aio *aio = NULL;
	nng_ctx ctx;
	int rc = nng_ctx_open(&ctx, sock);

	if (rc != 0)
		return wire_error(rc, e);
	rc = nng_ctx_set_ms(ctx, NNG_OPT_REQ_RESENDTIME, RESEND_MS);
	if (rc == 0)
		rc = nng_aio_alloc(&aio, NULL, NULL);
	if (rc == 0) {
		nng_aio_set_timeout(aio, left_ms(deadline));
		rc = send_request(ctx, aio, request, request_len);
	}
	if (rc == 0) {
		nng_aio_set_timeout(aio, left_ms(deadline));
		rc = receive_answer(ctx, aio, answer, answer_len);
	}
	if (aio != NULL)
		nng_aio_free(aio);
	(void)nng_ctx_close(ctx);
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
