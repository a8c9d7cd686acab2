#include "proto/bundle/signer.h"

#include "proto/image/keys.h"

#include <stdlib.h>
#include <string.h>

struct signer {
	uint8_t public_key[BUNDLE_PUBLIC_KEY_BYTES];
	mbedtls_pk_context pk; /* unless token */
	struct token *token;
};

enum err_code signer_open(struct signer **out, const char *key,
			  const char *pin_path, struct err *e)
{
	struct signer *s = calloc(1, sizeof *s);
	enum err_code rc;

	*out = NULL;
	if (!s)
		return err_set(e, ERR_NO_MEMORY, "%s", key);
	mbedtls_pk_init(&s->pk);
	if (strncmp(key, "pkcs11:", 7) == 0)
		rc = token_open(&s->token, key, pin_path, s->public_key, e);
	else
		rc = image_private_key_load(&s->pk, key, s->public_key, e);
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
			  const uint8_t digest[BUNDLE_HASH_BYTES],
			  uint8_t signature[BUNDLE_SIGNATURE_BYTES],
			  struct err *e)
{
	if (s->token)
		return token_sign(s->token, digest, signature, e);
	return image_sign_hash(&s->pk, digest, signature, e);
}
