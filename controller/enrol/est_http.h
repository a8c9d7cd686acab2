/* HTTPS for the EST client: libcurl's multi interface on a libuv loop. TLS 1.2
 * or newer, the server verified against the configured CA and its name, no
 * redirects, no other protocol, answers of at most ENROL_REPLY_MAX_BYTES.
 * Private to controller/enrol. */
#ifndef CONTROLLER_ENROL_EST_HTTP_H
#define CONTROLLER_ENROL_EST_HTTP_H

#include "controller/enrol/enrol.h"

#include <curl/curl.h>
#include <stdbool.h>

struct http;

struct http_answer {
	long status; /* 0: none came, see error */
	const char *body;
	size_t body_len;
	const char *retry_after; /* the header's value, "" when absent */
	bool connected;		 /* a connection was made, TLS included */
	bool timed_out;
	bool fatal; /* trying again cannot help: the peer is not trusted */
	const char *error;
};

/* One request; embedded in whoever waits. answered runs on the loop, once for
 * each http_send that returned ERR_OK, unless cancelled. */
struct http_call {
	void (*answered)(void *arg, const struct http_answer *answer);
	void *arg;
	/* private */
	struct http *http;
	CURL *easy;
	struct curl_slist *headers;
	char *body;
	size_t body_len;
	char error[CURL_ERROR_SIZE];
};

enum err_code http_open(struct http **out, uv_loop_t *loop,
			const struct enrol_config *config, struct err *e);
void http_close(struct http *h, void (*closed)(void *arg), void *arg);

/* GET when body is NULL, else POST of application/pkcs10; body is borrowed
 * until the answer. path is appended to the configured URL. */
enum err_code http_send(struct http *h, struct http_call *call,
			const char *path, const char *body, int64_t budget_ms,
			struct err *e);

/* Idempotent; nothing is called any more. */
void http_cancel(struct http_call *call);

#endif
