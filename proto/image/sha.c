#include "proto/image/sha.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct sha {
	EVP_MD_CTX *ctx;
	EVP_MD *md; /* fetched once: looking it up each time takes a lock */
};

struct sha *sha_new(void)
{
	struct sha *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->ctx = EVP_MD_CTX_new();
	s->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (s->ctx && s->md)
		return s;
	sha_free(s);
	return NULL;
}

void sha_free(struct sha *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->ctx);
	EVP_MD_free(s->md);
	free(s);
}

bool sha_begin(struct sha *s)
{
	return EVP_DigestInit_ex(s->ctx, s->md, NULL) == 1;
}

bool sha_add(struct sha *s, const void *bytes, size_t len)
{
	return EVP_DigestUpdate(s->ctx, bytes, len) == 1;
}

bool sha_end(struct sha *s, uint8_t out[32])
{
	return EVP_DigestFinal_ex(s->ctx, out, NULL) == 1;
}
