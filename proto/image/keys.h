/* Keys for the builders of images and bundles. Private to these. */
#ifndef PROTO_IMAGE_KEYS_H
#define PROTO_IMAGE_KEYS_H

#include "proto/image/image_build.h"

#include <mbedtls/pk.h>

#define IMAGE_PEM_MAX_BYTES 8192u

/* An unencrypted P-256 private key into pk (initialised by the caller, who
 * frees it), and its X9.62 public key. ERR_IO, ERR_INPUT. */
enum err_code image_private_key_load(mbedtls_pk_context *pk, const char *path,
				     uint8_t public_key[IMAGE_PUBLIC_KEY_BYTES],
				     struct err *e);

/* ECDSA as RFC 6979 has it: the same key and hash give the same r || s. ERR_BUG
 */
enum err_code image_sign_hash(mbedtls_pk_context *pk,
			      const uint8_t hash[IMAGE_HASH_BYTES],
			      uint8_t signature[IMAGE_SIGNATURE_BYTES],
			      struct err *e);

/* Wipe and free. */
void image_forget(struct dbuf *b);

#endif
