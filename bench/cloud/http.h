/* HTTPS in front of est.h, on libwebsockets' own loop. One thread. */
#ifndef BENCH_CLOUD_HTTP_H
#define BENCH_CLOUD_HTTP_H

#include "bench/cloud/config.h"
#include "bench/cloud/est.h"
#include "proto/base/err.h"

struct http;

/* Start to listen. config and est are borrowed. TLS 1.2 and newer, HTTP/1.1.
 * ERR_IO: the port is taken, or TLS cannot be set up. */
enum err_code http_open(struct http **http, const struct cloud_config *config,
			struct est *est, struct err *e);
void http_close(struct http *http);

/* The port, chosen by the kernel when the configuration says 0. */
unsigned http_port(const struct http *http);

/* Serve until something happened, or http_wake(). Blocks. */
void http_serve(struct http *http);

/* Make http_serve() return soon. Safe in a signal handler. */
void http_wake(struct http *http);

#endif
