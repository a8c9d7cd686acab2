/* A P-256 private key that signs: in a PEM file (key.h) or in a PKCS#11 token.
 */
#ifndef PROTO_KEYS_SIGNER_H
#define PROTO_KEYS_SIGNER_H

#include "proto/keys/key.h"

#include <stdbool.h>

struct signer;

/* Does this name a key in a token? It begins with "pkcs11:" then (RFC 7512). */
bool signer_is_token(const char *key);

/* key: file, or PKCS#11 URI; pin_path: file with the token's PIN, NULL when the
 * URI has a pin-source, the token needs none, or a person shall be asked; u:
 * for encrypted files, may be NULL. *s is NULL after an error. Errors as in
 * key.h; ERR_USAGE the URI; ERR_NOT_FOUND token or key; ERR_FAILED the token.
 * May block for as long as the token or a person does. */
enum err_code signer_open(struct signer **s, const char *key,
			  const char *pin_path, const struct key_unlock *u,
			  struct err *e);
void signer_close(struct signer *s); /* NULL is fine */

const uint8_t *signer_public_key(const struct signer *s);
enum err_code signer_sign(struct signer *s,
			  const uint8_t digest[KEY_HASH_BYTES],
			  uint8_t signature[KEY_SIGNATURE_BYTES],
			  struct err *e);

#endif
