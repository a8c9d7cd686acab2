/* HTTPS for enrolment: libcurl, twice. */
#ifndef AGENT_ENROL_HTTP_H
#define AGENT_ENROL_HTTP_H

#include "proto/base/dbuf.h"
#include "proto/base/err.h"

#include <stdint.h>

/* Fetch the chain that the server shows, believing nothing, and give the
 * certificate whose DER has this hash as PEM. ERR_UNREACHABLE,
 * ERR_INTEGRITY. 10 s. */
enum err_code enrol_http_pin(const char *url, const uint8_t ca_sha256[32],
			     struct dbuf *ca_pem, struct err *e);

/* POST JSON, with ca_pem as the only trusted CA. *status: the HTTP status.
 * reply states its maximum. ERR_UNREACHABLE, ERR_UNAUTHORISED (TLS),
 * ERR_TOO_BIG. 20 s. */
enum err_code enrol_http_post(const char *url, const struct dbuf *ca_pem,
			      const char *json, struct dbuf *reply,
			      long *status, struct err *e);

#endif
