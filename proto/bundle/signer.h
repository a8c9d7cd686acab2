/* A private key that signs manifests: in a PEM file or in a PKCS#11 token.
 * Private to proto/bundle. */
#ifndef PROTO_BUNDLE_SIGNER_H
#define PROTO_BUNDLE_SIGNER_H

#include "proto/bundle/bundle.h"

struct signer;

/* key: file, or URI beginning with "pkcs11:"; pin_path: NULL when the URI has a
 * pin-source or the token needs none. *s is NULL after an error. May block for
 * as long as the token does. */
enum err_code signer_open(struct signer **s, const char *key,
			  const char *pin_path, struct err *e);
void signer_close(struct signer *s); /* NULL is fine */

const uint8_t *signer_public_key(const struct signer *s);
enum err_code signer_sign(struct signer *s,
			  const uint8_t digest[BUNDLE_HASH_BYTES],
			  uint8_t signature[BUNDLE_SIGNATURE_BYTES],
			  struct err *e);

/* -------- token.c -------- */

struct token; /* a session with a token, and a key in it */

enum err_code token_open(struct token **t, const char *uri,
			 const char *pin_path,
			 uint8_t public_key[BUNDLE_PUBLIC_KEY_BYTES],
			 struct err *e);
void token_close(struct token *t);
enum err_code token_sign(struct token *t,
			 const uint8_t digest[BUNDLE_HASH_BYTES],
			 uint8_t signature[BUNDLE_SIGNATURE_BYTES],
			 struct err *e);

#endif
