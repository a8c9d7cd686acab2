/* Keys and certificates as PEM files, and OpenSSL's errors as ours. */
#ifndef BENCH_CLOUD_CA_FILES_H
#define BENCH_CLOUD_CA_FILES_H

#include "proto/base/openssl_names.h"
#include "proto/base/err.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* Fill *e with what OpenSSL says and empty its queue. Returns code. */
enum err_code ca_openssl_err(struct err *e, enum err_code code,
			     const char *what);

/* Load a P-256 private key; a missing file is made with a new key (0600). */
enum err_code ca_key_ensure(EVP_PKEY **key, const char *path, struct err *e);

/* *cert is NULL (and ERR_OK returned) when the file does not exist. */
enum err_code ca_cert_load(X509 **cert, const char *path, struct err *e);

/* One file with these certificates in this order, 0644. */
enum err_code ca_certs_save(X509 *const *certs, unsigned count,
			    const char *path, struct err *e);

#endif
