/* A certificate request (PKCS#10, RFC 2986) that the cloud is willing to
 * answer: one P-256 key, a valid signature by it, a subject of one common name
 * that the configuration allows and at most one serialNumber. */
#ifndef BENCH_CLOUD_REQUEST_H
#define BENCH_CLOUD_REQUEST_H

#include "proto/base/openssl_names.h"
#include "proto/base/err.h"

#include <openssl/x509.h>
#include <regex.h>
#include <stddef.h>

#define REQUEST_MAX_BYTES   8192u /* base64, as received */
#define REQUEST_NAME_SIZE   65u	  /* X.520 ub-common-name and the NUL */
#define REQUEST_KEY_ID_SIZE 65u	  /* SHA-256 of the public key info, hex */

struct request {
	X509_REQ *req;
	char name[REQUEST_NAME_SIZE]; /* letters, digits, '.', '_', '-' only:
				       * fit for a file name */
	char key_id[REQUEST_KEY_ID_SIZE];
};

/* body: base64, white space anywhere (RFC 8951 3.1). ERR_MALFORMED: not a
 * PKCS#10; ERR_REFUSED: one that we do not answer; ERR_INTEGRITY: its
 * signature does not verify. */
enum err_code request_parse(struct request *r, const char *body, size_t len,
			    const regex_t *name_pattern, struct err *e);
void request_fini(struct request *r);

/* SHA-256 of a public key's SubjectPublicKeyInfo in hex. */
enum err_code request_key_id(char out[REQUEST_KEY_ID_SIZE],
			     const X509_PUBKEY *key, struct err *e);

#endif
