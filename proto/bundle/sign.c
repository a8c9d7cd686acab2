/* Signatures over a manifest's body. */
#include "proto/bundle/parts.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/sha256.h>

uint64_t bundle_signer_id(const uint8_t key[BUNDLE_PUBLIC_KEY_BYTES])
{
	static const uint8_t kind[2] = {0, 0};
	uint8_t hash[BUNDLE_HASH_BYTES];
	mbedtls_sha256_context sha;
	uint64_t id = 0;

	mbedtls_sha256_init(&sha);
	mbedtls_sha256_starts_ret(&sha, 0);
	mbedtls_sha256_update_ret(&sha, kind, sizeof kind);
	mbedtls_sha256_update_ret(&sha, key, BUNDLE_PUBLIC_KEY_BYTES);
	mbedtls_sha256_finish_ret(&sha, hash);
	mbedtls_sha256_free(&sha);
	for (unsigned i = 0; i < 8; i++)
		id = id << 8 | hash[i];
	return id;
}

void bundle_digest(const struct bundle *b, uint8_t out[BUNDLE_HASH_BYTES])
{
	static const char label[] = BUNDLE_LABEL; /* the NUL is signed too */
	mbedtls_sha256_context sha;

	mbedtls_sha256_init(&sha);
	mbedtls_sha256_starts_ret(&sha, 0);
	mbedtls_sha256_update_ret(&sha, (const uint8_t *)label, sizeof label);
	mbedtls_sha256_update_ret(&sha, b->body.data, b->body.len);
	mbedtls_sha256_finish_ret(&sha, out);
	mbedtls_sha256_free(&sha);
}

static int verify(mbedtls_ecp_group *group, mbedtls_ecp_point *point,
		  mbedtls_mpi *r, mbedtls_mpi *s, const struct bundle *b,
		  const uint8_t key[BUNDLE_PUBLIC_KEY_BYTES])
{
	uint8_t digest[BUNDLE_HASH_BYTES];
	int rc = mbedtls_ecp_group_load(group, MBEDTLS_ECP_DP_SECP256R1);

	bundle_digest(b, digest);
	if (rc == 0)
		rc = mbedtls_ecp_point_read_binary(group, point, key,
						   BUNDLE_PUBLIC_KEY_BYTES);
	if (rc == 0)
		rc = mbedtls_ecp_check_pubkey(group, point);
	if (rc == 0)
		rc = mbedtls_mpi_read_binary(r, b->signature, 32);
	if (rc == 0)
		rc = mbedtls_mpi_read_binary(s, b->signature + 32, 32);
	if (rc == 0)
		rc = mbedtls_ecdsa_verify(group, digest, sizeof digest, point,
					  r, s);
	return rc;
}

static bool matches(const struct bundle *b,
		    const uint8_t key[BUNDLE_PUBLIC_KEY_BYTES])
{
	mbedtls_ecp_group group;
	mbedtls_ecp_point point;
	mbedtls_mpi r, s;
	int rc;

	mbedtls_ecp_group_init(&group);
	mbedtls_ecp_point_init(&point);
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	rc = verify(&group, &point, &r, &s, b, key);
	mbedtls_mpi_free(&s);
	mbedtls_mpi_free(&r);
	mbedtls_ecp_point_free(&point);
	mbedtls_ecp_group_free(&group);
	return rc == 0;
}

enum err_code bundle_verify_signature(
	const struct bundle *b, const uint8_t key[BUNDLE_PUBLIC_KEY_BYTES],
	struct err *e)
{
	unsigned long long id = bundle_signer_id(key);

	if (!b->signer_id)
		return bundle_damaged(e, "manifest", b->manifest_at,
				      "it is not signed");
	if (b->signer_id != id)
		return bundle_damaged(e, "manifest", b->manifest_at,
				      "signed by %016llx, not by %016llx",
				      (unsigned long long)b->signer_id, id);
	if (!matches(b, key))
		return bundle_damaged(e, "manifest", b->manifest_at,
				      "its signature does not match");
	return ERR_OK;
}
