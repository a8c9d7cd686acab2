/* What an EST server answers: a base64 body with a certs-only PKCS#7
 * (RFC 7030 4.1.3 and 4.2.3, RFC 8951 3.1: white space is allowed anywhere in
 * the base64, the Content-Transfer-Encoding header means nothing).
 *
 * OpenSSL reads the PKCS#7, because mbedTLS 2.28 has no PKCS#7 at all.
 */
#ifndef CONTROLLER_ENROL_EST_REPLY_H
#define CONTROLLER_ENROL_EST_REPLY_H

#include "controller/enrol/enrol.h"
#include "proto/base/dbuf.h"
#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define EST_CERTS_MAX 8

/* The issued certificate from a simpleenroll reply: exactly one certificate in
 * the reply must carry the key and the subject of the CSR. Fills cert (DER,
 * appended) and the text fields of *reply. ERR_CLOUD says what is wrong. */
enum err_code est_reply_certificate(const char *body, size_t len,
				    const uint8_t *csr, size_t csr_len,
				    struct dbuf *cert,
				    struct enrol_reply *reply, struct err *e);

/* All certificates of a cacerts reply, as PEM text appended. ERR_CLOUD. */
enum err_code est_reply_ca_certs(const char *body, size_t len, struct dbuf *pem,
				 struct err *e);

/* Seconds of a Retry-After header's value (RFC 9110 10.2.3; the delay form or
 * a date in the future), 0..3600; -1 when it is neither. */
int est_retry_after_s(const char *value, int64_t wall_now_ms);

#endif
