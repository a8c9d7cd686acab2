/* The device's identity: its ID, its key pair and its certificate, kept in the
 * identity pages (layout.h). A key that is there is used again: a board that
 * comes back after a lost reply asks for a certificate for the same key.
 *
 * Page 0, key: 16 bytes "PLK1" and zeros, 32 private, 64 public X || Y,
 * 32 SHA-256 over the 96. Page 1, certificate: 16 bytes "PLC1", length, zeros;
 * 32 SHA-256; the DER. The first quad-word is written last and makes a page
 * valid; a page without it is erased and written anew.
 */
#ifndef FIRMWARE_TEST_IDENTITY_H
#define FIRMWARE_TEST_IDENTITY_H

#include "proto/board/sfi.h"

#include <mbedtls/ecp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDENTITY_CERT_MAX_BYTES 6144u /* 64 parts of 96 bytes */

struct identity {
	mbedtls_ecp_group group; /* P-256; keeps its table of multiples */
	mbedtls_mpi key;
	uint8_t public_key[65]; /* X9.62 uncompressed */
	uint8_t uid[SFI_UID_BYTES];
	char device_id[SFI_DEVICE_ID_CHARS + 1];
};

typedef int identity_rng_fn(void *arg, unsigned char *out, size_t len);

/* Read the key, or make one and store it. False when random numbers, flash or
 * memory fail. */
bool identity_open(struct identity *id, identity_rng_fn *rng, void *rng_arg);

/* SFI_DEVICE_ID_LABEL's rule. */
void identity_device_id(char out[SFI_DEVICE_ID_CHARS + 1],
			const uint8_t uid[SFI_UID_BYTES]);

/* Does this DER certificate certify this public key? */
bool identity_cert_matches(const struct identity *id, const uint8_t *der,
			   size_t len);

/* Store and read back; sha256 is that of the bytes in flash. */
bool identity_cert_store(const uint8_t *der, size_t len, uint8_t sha256[32]);

/* ECDSA P-256/SHA-256 by key over hash, as a DER SEQUENCE of at most 72
 * bytes; returns its length, 0 on failure. group is P-256. */
size_t identity_sign(mbedtls_ecp_group *group, const mbedtls_mpi *key,
		     const uint8_t hash[32], identity_rng_fn *rng,
		     void *rng_arg, uint8_t out[72]);

#endif
