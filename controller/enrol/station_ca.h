/* The station CA: signs the certificates with which agents come in over TLS.
 * The key was made by `provline init` and never leaves the controller. */
#ifndef CONTROLLER_ENROL_STATION_CA_H
#define CONTROLLER_ENROL_STATION_CA_H

#include "proto/base/err.h"

#include <stddef.h>

struct station_ca;

#define STATION_CA_PEM_SIZE   4096u
#define STATION_CA_VALID_DAYS 365

/* PEM files; the key must be readable by its owner only. ERR_CONFIG. */
enum err_code station_ca_open(struct station_ca **out, const char *cert_file,
			      const char *key_file, struct err *e);
void station_ca_close(struct station_ca *ca);

const char *station_ca_pem(const struct station_ca *ca);
/* SHA-256 of the CA certificate's DER, hex: what an invitation carries, so
 * that the agent knows whom it enrols with. */
const char *station_ca_sha256(const struct station_ca *ca);

/* A client certificate for the key in csr_pem, CN = station whatever the
 * request says, EKU clientAuth. cert_sha256 (65 bytes) gets the hash of the
 * DER. ERR_MALFORMED: not a request; ERR_REFUSED: not P-256 or badly signed. */
enum err_code station_ca_issue(struct station_ca *ca, const char *station,
			       const char *csr_pem,
			       char out_pem[STATION_CA_PEM_SIZE],
			       char cert_sha256[65], struct err *e);

#endif
