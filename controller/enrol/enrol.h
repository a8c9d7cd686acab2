/* Certificates for units, from the cloud: an EST client (RFC 7030, clarified
 * by RFC 8951) over libcurl's multi interface on the controller's loop.
 * All functions belong to the loop's thread; completions run on the loop,
 * never inside the call that started the work.
 *
 * A request whose reply was lost is sent again with the same CSR until the
 * budget is used up: the cloud returns the same certificate for the same key.
 */
#ifndef CONTROLLER_ENROL_ENROL_H
#define CONTROLLER_ENROL_ENROL_H

#include "controller/enrol/csr.h"
#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define ENROL_CERT_MAX_BYTES  4096u
#define ENROL_REPLY_MAX_BYTES 65536u
#define ENROL_SERIAL_SIZE     42u /* 20 octets in hex (RFC 5280 4.1.2.2) */

struct enrol;

/* Strings are copied. */
struct enrol_config {
	const char *url;     /* https://HOST:PORT/.well-known/est[/label] */
	const char *ca_file; /* PEM: who may be the server */
	const char *user;    /* HTTP Basic; NULL for none */
	const char *password_file; /* readable by its owner only; or NULL */
	unsigned budget_ms;	   /* per certificate; 0 means 20000 */
	unsigned in_flight_max;	   /* 0 means 64 */
};

struct enrol_reply {
	enum err_code code;
	const struct err *err; /* when code is not ERR_OK */
	/* simpleenroll; borrowed until the completion returns */
	const uint8_t *cert; /* DER */
	size_t cert_len;
	char cert_sha256[65];
	char cert_serial[ENROL_SERIAL_SIZE]; /* lower-case hex */
	char cert_issuer[256];		     /* RFC 4514 text */
	/* cacerts; borrowed */
	const char *ca_pem;
};

/* Exactly once for every call that returned ERR_OK. Codes: ERR_UNREACHABLE
 * (no connection within the budget), ERR_TIMEOUT (the cloud did not finish
 * within the budget), ERR_CLOUD (5xx, TLS, or a reply that is not what was
 * asked for), ERR_REFUSED (4xx), each with the cloud's own text;
 * ERR_CANCELLED by enrol_close. */
typedef void enrol_done(void *arg, const struct enrol_reply *reply);

/* ERR_CONFIG: a URL that is not https, or an unreadable file. */
enum err_code enrol_open(struct enrol **out, uv_loop_t *loop,
			 const struct enrol_config *config, struct err *e);

/* Ends everything in flight with ERR_CANCELLED, then frees and calls closed
 * (may be NULL) from the loop. */
void enrol_close(struct enrol *en, void (*closed)(void *arg), void *arg);

/* Ask for the certificate of a CSR (DER) that csr_check() has passed. The
 * certificate that comes back carries the CSR's key and subject, else the
 * completion reports ERR_CLOUD. ERR_MALFORMED when it is no CSR,
 * ERR_UNREACHABLE (retryable) when in_flight_max are under way. */
enum err_code enrol_certificate(struct enrol *en, const uint8_t *csr,
				size_t csr_len, enrol_done *done, void *arg,
				struct err *e);

/* The cloud's CA certificates as PEM, for offline verification. */
enum err_code enrol_ca_certs(struct enrol *en, enrol_done *done, void *arg,
			     struct err *e);

#endif
