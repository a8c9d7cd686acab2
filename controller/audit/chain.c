#include "controller/audit/chain.h"

#include "proto/base/dbuf.h"
#include "proto/base/secret.h"

#include <mbedtls/ecp.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct chain_key {
	mbedtls_pk_context pk;
};

static void put_be64(uint8_t out[8], uint64_t v)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(v >> (56 - 8 * i));
}

void chain_hash(uint8_t hash[CHAIN_HASH_BYTES],
		const uint8_t prev[CHAIN_HASH_BYTES],
		const struct chain_leaf *leaf)
{
	mbedtls_sha256_context c;
	uint8_t seq[8], at[8];
	const uint8_t prefix = 0x00;

	put_be64(seq, leaf->seq);
	put_be64(at, (uint64_t)leaf->at_ms);
	mbedtls_sha256_init(&c);
	mbedtls_sha256_starts_ret(&c, 0);
	mbedtls_sha256_update_ret(&c, &prefix, 1);
	mbedtls_sha256_update_ret(&c, prev, CHAIN_HASH_BYTES);
	mbedtls_sha256_update_ret(&c, seq, sizeof seq);
	mbedtls_sha256_update_ret(&c, at, sizeof at);
	mbedtls_sha256_update_ret(&c, (const uint8_t *)leaf->kind,
				  strlen(leaf->kind));
	mbedtls_sha256_update_ret(&c, (const uint8_t *)leaf->body,
				  leaf->body_len);
	mbedtls_sha256_finish_ret(&c, hash);
	mbedtls_sha256_free(&c);
}

static struct chain_key *key_new(void)
{
	struct chain_key *key = calloc(1, sizeof *key);

	if (key)
		mbedtls_pk_init(&key->pk);
	return key;
}

void chain_key_close(struct chain_key *key)
{
	if (!key)
		return;
	mbedtls_pk_free(&key->pk);
	free(key);
}

static bool is_p256(const struct chain_key *key)
{
	return mbedtls_pk_can_do(&key->pk, MBEDTLS_PK_ECDSA) &&
	       mbedtls_pk_ec(key->pk)->grp.id == MBEDTLS_ECP_DP_SECP256R1;
}

enum err_code chain_key_open(struct chain_key **out, const char *path,
			     struct err *e)
{
	struct chain_key *key = key_new();
	struct secret pem = {0};
	enum err_code rc;

	if (!key)
		return err_set(e, ERR_NO_MEMORY, "key");
	rc = secret_load(&pem, path, e);
	if (rc)
		goto out;
	if (pem.len >= sizeof pem.bytes) {
		rc = err_set(e, ERR_CONFIG, "%s: not a P-256 key", path);
		goto out;
	}
	pem.bytes[pem.len] = '\0'; /* PEM is parsed with its NUL */
	if (mbedtls_pk_parse_key(&key->pk, pem.bytes, pem.len + 1, NULL, 0) ||
	    !is_p256(key))
		rc = err_set(e, ERR_CONFIG, "%s: not a P-256 key", path);
out:
	secret_fini(&pem);
	if (rc) {
		chain_key_close(key);
		return rc;
	}
	*out = key;
	return ERR_OK;
}

enum err_code chain_key_public(struct chain_key **out, const char *pem,
			       size_t pem_len, struct err *e)
{
	struct chain_key *key = key_new();
	char text[CHAIN_KEY_PEM_SIZE];

	if (!key)
		return err_set(e, ERR_NO_MEMORY, "key");
	if (pem_len < sizeof text) {
		memcpy(text, pem, pem_len);
		text[pem_len] = '\0';
		if (!mbedtls_pk_parse_public_key(&key->pk, (uint8_t *)text,
						 pem_len + 1) &&
		    is_p256(key)) {
			*out = key;
			return ERR_OK;
		}
	}
	chain_key_close(key);
	return err_set(e, ERR_INPUT, "not a P-256 public key");
}

enum err_code chain_key_pem(const struct chain_key *key,
			    char pem[CHAIN_KEY_PEM_SIZE], struct err *e)
{
	/* the function takes no const, and changes nothing */
	if (mbedtls_pk_write_pubkey_pem((mbedtls_pk_context *)&key->pk,
					(uint8_t *)pem, CHAIN_KEY_PEM_SIZE))
		return err_set(e, ERR_BUG, "public key as PEM");
	return ERR_OK;
}

static int random_bytes(void *ctx, unsigned char *out, size_t len)
{
	(void)ctx;
	while (len) {
		ssize_t n = getrandom(out, len, 0);

		if (n < 0)
			return MBEDTLS_ERR_ECP_RANDOM_FAILED;
		out += n;
		len -= (size_t)n;
	}
	return 0;
}

static void checkpoint_digest(uint8_t digest[32], uint64_t seq,
			      const uint8_t hash[CHAIN_HASH_BYTES])
{
	uint8_t text[sizeof CHAIN_CHECKPOINT_LABEL - 1 + 8 + CHAIN_HASH_BYTES];
	uint8_t *p = text;

	memcpy(p, CHAIN_CHECKPOINT_LABEL, sizeof CHAIN_CHECKPOINT_LABEL - 1);
	p += sizeof CHAIN_CHECKPOINT_LABEL - 1;
	put_be64(p, seq);
	memcpy(p + 8, hash, CHAIN_HASH_BYTES);
	mbedtls_sha256_ret(text, sizeof text, digest, 0);
}

enum err_code chain_sign(struct chain_key *key, uint64_t seq,
			 const uint8_t hash[CHAIN_HASH_BYTES],
			 uint8_t signature[CHAIN_SIGNATURE_BYTES],
			 size_t *signature_len, struct err *e)
{
	uint8_t digest[32], der[MBEDTLS_PK_SIGNATURE_MAX_SIZE];

	checkpoint_digest(digest, seq, hash);
	if (mbedtls_pk_sign(&key->pk, MBEDTLS_MD_SHA256, digest, sizeof digest,
			    der, signature_len, random_bytes, NULL) ||
	    *signature_len > CHAIN_SIGNATURE_BYTES)
		return err_set(e, ERR_FAILED, "the checkpoint was not signed");
	memcpy(signature, der, *signature_len);
	return ERR_OK;
}

enum err_code chain_verify(struct chain_key *key, uint64_t seq,
			   const uint8_t hash[CHAIN_HASH_BYTES],
			   const uint8_t *signature, size_t signature_len,
			   struct err *e)
{
	uint8_t digest[32];

	checkpoint_digest(digest, seq, hash);
	if (mbedtls_pk_verify(&key->pk, MBEDTLS_MD_SHA256, digest,
			      sizeof digest, signature, signature_len))
		return err_set(e, ERR_INTEGRITY,
			       "checkpoint %llu: the signature is not valid",
			       (unsigned long long)seq);
	return ERR_OK;
}
