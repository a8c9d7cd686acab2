/* The cloud's certification authority: a root and an issuing CA (P-256), kept
 * as PEM files in one folder that a single process holds:
 *
 *   root-key.pem root.pem issuing-key.pem issuing.pem   made on first use
 *   cloud-ca.pem         root and issuing: the trust anchor for clients
 *   server-key.pem server.pem    for HTTPS, made anew at every start
 *
 * Calls block on files.
 */
#ifndef BENCH_CLOUD_CA_H
#define BENCH_CLOUD_CA_H

#include "proto/base/openssl_names.h"
#include "proto/base/err.h"

#include <openssl/x509.h>
#include <stdint.h>

struct ca;

struct ca_server {
	const char *const *names; /* DNS names or IP addresses */
	unsigned name_count;
};

/* Open or create. ERR_IO, ERR_DISK_FULL; ERR_STATE when another process holds
 * the folder; ERR_INPUT when what is there is not a CA. */
enum err_code ca_open(struct ca **ca, const char *dir,
		      const struct ca_server *server, struct err *e);
void ca_free(struct ca *ca); /* NULL is fine */

/* Paths for the HTTPS server; owned by ca. */
const char *ca_server_cert_path(const struct ca *ca);
const char *ca_server_key_path(const struct ca *ca);

/* A device certificate for the request's subject and key: end entity, digital
 * signature, client authentication; random 16-byte serial; valid from now for
 * `days`, but not longer than the issuing CA. The caller has checked the
 * request and frees *cert. */
enum err_code ca_issue(struct ca *ca, X509_REQ *request, uint32_t days,
		       X509 **cert, struct err *e);

/* The chain for /cacerts; borrowed, in this order: issuing, root. */
X509 *ca_issuing(const struct ca *ca);
X509 *ca_root(const struct ca *ca);

#endif
