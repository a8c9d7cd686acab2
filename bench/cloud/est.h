/* Enrolment over Secure Transport, the two mandatory operations of RFC 7030
 * (clarified by RFC 8951) that a factory needs: from a request to the reply,
 * without a socket in sight. */
#ifndef BENCH_CLOUD_EST_H
#define BENCH_CLOUD_EST_H

#include "bench/cloud/config.h"
#include "proto/base/dbuf.h"
#include "proto/base/err.h"
#include "proto/base/secret.h"

#include <stdbool.h>
#include <stddef.h>

#define EST_REPLY_MAX_BYTES 32768u

struct est;

struct est_request {
	bool is_post;
	const char *path;
	const char *content_type;  /* "" when there is none */
	const char *authorization; /* the header's value, "" for none */
	bool client_verified;	   /* a client certificate of client_ca_file */
	const char *body;
	size_t body_len;
};

struct est_reply {
	unsigned status;
	const char *content_type;
	bool challenge; /* send WWW-Authenticate */
	bool drop;	/* a fault: say nothing, hang up */
	unsigned delay_ms;
	unsigned retry_after_s; /* with 202 only */
	struct dbuf body;
};

/* Opens the CA and the store in config->data_dir. config is borrowed for the
 * life of est, its faults are read at each request. */
enum err_code est_open(struct est **est, const struct cloud_config *config,
		       struct err *e);
void est_close(struct est *est);

const char *est_server_cert_path(const struct est *est);
const char *est_server_key_path(const struct est *est);

/* 0 when the path is served and the method fits; the status to refuse with
 * otherwise (404, 405). For use before the body is there. */
unsigned est_check_path(const char *path, bool is_post);

/* Always makes a reply, of which the caller frees the body. Blocks on files
 * when a certificate is issued. */
void est_handle(struct est *est, const struct est_request *request,
		struct est_reply *reply);

#endif
