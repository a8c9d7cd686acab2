/* nng underneath the link: one request and its answer, and the TLS settings
 * of a dialer. Included by agent/link only. */
#ifndef AGENT_LINK_WIRE_H
#define AGENT_LINK_WIRE_H

#include "agent/link/keys.h"
#include "proto/base/err.h"
#include "proto/base/mono.h"

#include <nng/nng.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* The connection that an exchange belongs to. When *generation, guarded by
 * lock, is no longer expected, changed is signalled and the exchange ends. */
struct wire_line {
	pthread_mutex_t *lock;
	pthread_cond_t *changed;
	const uint64_t *generation;
	uint64_t expected;
};

/* Send and wait for the answer, malloc'ed into *answer. ERR_TIMEOUT,
 * ERR_NOT_BOUND when the connection broke meanwhile, ERR_CANCELLED when the
 * socket was closed, ERR_UNREACHABLE. */
enum err_code wire_exchange(nng_socket sock, const struct wire_line *line,
			    const uint8_t *request, size_t request_len,
			    void **answer, size_t *answer_len,
			    struct mono deadline, struct err *e);

/* Mutual TLS 1.2 against the pinned CA; returns an nng error. server_name
 * empty: the host of the URL. */
int wire_set_tls(nng_dialer dialer, const char *url, const char *server_name,
		 const struct keys *keys);

#endif
