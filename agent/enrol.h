/* One-time enrolment of this station at its controller: makes a P-256 key,
 * asks for a certificate over HTTPS and leaves station.key (0600),
 * station.pem and ca.pem in the data folder.
 *
 * The token carries the trust: TOKEN.CASHA256, the second part the SHA-256
 * of the controller CA's DER certificate. A first connection, which sends
 * nothing, only fetches the chain; the certificate with that hash becomes the
 * one and only CA for the second, fully verified connection, which sends the
 * token.
 */
#ifndef AGENT_ENROL_H
#define AGENT_ENROL_H

#include "proto/base/err.h"
#include "proto/base/secret.h"

#include <stdbool.h>
#include <stdint.h>

#define ENROL_TOKEN_MAX 128u

struct enrol_token {
	struct secret token; /* what the controller compares */
	uint8_t ca_sha256[32];
};

/* ERR_INPUT unless text is TOKEN.CASHA256: 1 to 128 printable characters
 * without space, a dot, 64 hex digits. */
enum err_code enrol_token_parse(struct enrol_token *t, const char *text,
				struct err *e);
void enrol_token_fini(struct enrol_token *t);

/* Blocks for the controller, 30 s at most. ERR_UNREACHABLE, ERR_INTEGRITY
 * when no certificate of the chain has the hash, ERR_CONFIG when the token was
 * made for another station, ERR_UNAUTHORISED and others as the controller
 * says. Nothing is written unless all went well. */
enum err_code enrol_station(const char *url, const char *station,
			    const char *data_dir, const struct enrol_token *t,
			    struct err *e);

#endif
