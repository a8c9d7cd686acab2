/* Keys in PKCS#11 tokens, named by URIs (RFC 7512). Errors as in signer.h;
 * ERR_UNAUTHORISED a PIN that is wrong. All of it blocks for as long as the
 * token does, and asks for the PIN on the terminal when no file has it. */
#ifndef PROTO_KEYS_TOKEN_H
#define PROTO_KEYS_TOKEN_H

#include "proto/keys/key.h"

struct token; /* a session with a token, and a key in it */

enum err_code token_open(struct token **t, const char *uri,
			 const char *pin_path,
			 uint8_t public_key[KEY_PUBLIC_BYTES], struct err *e);
void token_close(struct token *t); /* NULL is fine */
enum err_code token_sign(struct token *t, const uint8_t digest[KEY_HASH_BYTES],
			 uint8_t signature[KEY_SIGNATURE_BYTES], struct err *e);

/* Let the token make a P-256 key pair that never leaves it, labelled with the
 * object= of the URI. ERR_USAGE without object=; ERR_EXISTS when the token has
 * a key or any other object of that label: nothing is ever replaced. */
enum err_code token_create(const char *uri, const char *pin_path,
			   uint8_t public_key[KEY_PUBLIC_BYTES], struct err *e);

#endif
