/* The station's key and certificates, as enrolment left them in the data
 * folder: station.key (PEM, 0600), station.pem, ca.pem. */
#ifndef AGENT_LINK_KEYS_H
#define AGENT_LINK_KEYS_H

#include "proto/base/dbuf.h"
#include "proto/base/err.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <stddef.h>
#include <stdint.h>

struct keys {
	struct dbuf key_pem; /* wiped by keys_fini */
	struct dbuf cert_pem;
	struct dbuf ca_pem;
	mbedtls_pk_context pk;
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context rng;
};

/* ERR_CONFIG: missing, key readable by others, not P-256, or the certificate
 * belongs to another key or station. *k must be finished also after an
 * error. */
enum err_code keys_load(struct keys *k, const char *data_dir,
			const char *station, struct err *e);
void keys_fini(struct keys *k);

/* ECDSA P-256/SHA-256 over "provline-station-v1" || nonce || station. */
enum err_code keys_prove(struct keys *k, const uint8_t nonce[32],
			 const char *station, uint8_t signature[80],
			 size_t *signature_len, struct err *e);

#endif
