#include "proto/keys/signer.h"

#include "proto/keys/token.h"

#include <stdlib.h>
#include <string.h>

struct signer {
	uint8_t public_key[KEY_PUBLIC_BYTES];
	mbedtls_pk_context pk; /* unless token */
	struct token *token;
};

bool signer_is_token(const char *key)
{
	return strncmp(key, "pkcs11:", 7) == 0;
}

enum err_code signer_open(struct signer **out, const char *key,
			  const char *pin_path, const struct key_unlock *u,
			  struct err *e)
{
	struct signer *s = calloc(1, sizeof *s);
	enum err_code rc;

	*out = NULL;
	if (!s)
		return err_set(e, ERR_NO_MEMORY, "%s", key);
	mbedtls_pk_init(&s->pk);
	if (signer_is_token(key))
		rc = token_open(&s->token, key, pin_path, s->public_key, e);
	else
		rc = key_load(&s->pk, key, u, s->public_key, e);
	if (rc)
		signer_close(s);
	else
		*out = s;
	return rc;
}

void signer_close(struct signer *s)
{
	if (!s)
		return;
	token_close(s->token);
	mbedtls_pk_free(&s->pk);
	free(s);
}

const uint8_t *signer_public_key(const struct signer *s)
{
	return s->public_key;
}

enum err_code signer_sign(struct signer *s,
			  const uint8_t digest[KEY_HASH_BYTES],
			  uint8_t signature[KEY_SIGNATURE_BYTES], struct err *e)
{
	if (s->token)
		return token_sign(s->token, digest, signature, e);
	return key_sign(&s->pk, digest, signature, e);
}
