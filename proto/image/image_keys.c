/* P-256 keys out of PEM files. What was read is wiped. */
#include "proto/image/keys.h"

#include "proto/base/file.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/platform_util.h>
#include <unistd.h>

static enum err_code public_of(const mbedtls_pk_context *pk, const char *path,
			       uint8_t out[IMAGE_PUBLIC_KEY_BYTES],
			       struct err *e)
{
	const mbedtls_ecp_keypair *ec;
	size_t len;

	if (mbedtls_pk_get_type(pk) != MBEDTLS_PK_ECKEY)
		return err_set(e, ERR_INPUT, "%s: no P-256 key", path);
	ec = mbedtls_pk_ec(*pk);
	if (ec->grp.id != MBEDTLS_ECP_DP_SECP256R1 ||
	    mbedtls_ecp_point_write_binary(&ec->grp, &ec->Q,
					   MBEDTLS_ECP_PF_UNCOMPRESSED, &len,
					   out, IMAGE_PUBLIC_KEY_BYTES) != 0)
		return err_set(e, ERR_INPUT, "%s: no P-256 key", path);
	return ERR_OK;
}

static enum err_code read_pem(struct dbuf *pem, const char *path, struct err *e)
{
	dbuf_init(pem, IMAGE_PEM_MAX_BYTES);
	return file_read(path, pem, e);
}

void image_forget(struct dbuf *b)
{
	if (b->data != NULL)
		mbedtls_platform_zeroize(b->data, b->len);
	dbuf_fini(b);
}

enum err_code image_private_key_load(mbedtls_pk_context *pk, const char *path,
				     uint8_t public_key[IMAGE_PUBLIC_KEY_BYTES],
				     struct err *e)
{
	struct dbuf pem;
	enum err_code rc = read_pem(&pem, path, e);

	if (rc == ERR_OK &&
	    mbedtls_pk_parse_key(pk, (const uint8_t *)dbuf_text(&pem),
				 pem.len + 1, NULL, 0) != 0)
		rc = err_set(e, ERR_INPUT, "%s: no unencrypted private key",
			     path);
	if (rc == ERR_OK)
		rc = public_of(pk, path, public_key, e);
	image_forget(&pem);
	return rc;
}

enum err_code image_public_key_load(uint8_t out[IMAGE_PUBLIC_KEY_BYTES],
				    const char *path, struct err *e)
{
	mbedtls_pk_context pk;
	struct dbuf pem;
	enum err_code rc = read_pem(&pem, path, e);
	const uint8_t *text = (const uint8_t *)dbuf_text(&pem);

	mbedtls_pk_init(&pk);
	if (rc == ERR_OK &&
	    mbedtls_pk_parse_public_key(&pk, text, pem.len + 1) != 0 &&
	    mbedtls_pk_parse_key(&pk, text, pem.len + 1, NULL, 0) != 0)
		rc = err_set(e, ERR_INPUT, "%s: no key", path);
	if (rc == ERR_OK)
		rc = public_of(&pk, path, out, e);
	mbedtls_pk_free(&pk);
	image_forget(&pem);
	return rc;
}

static int random_bytes(void *arg, unsigned char *out, size_t len)
{
	(void)arg;
	return getentropy(out, len) == 0 ? 0 : MBEDTLS_ERR_ECP_RANDOM_FAILED;
}

enum err_code image_sign_hash(mbedtls_pk_context *pk,
			      const uint8_t hash[IMAGE_HASH_BYTES],
			      uint8_t signature[IMAGE_SIGNATURE_BYTES],
			      struct err *e)
{
	mbedtls_ecp_keypair *ec = mbedtls_pk_ec(*pk);
	mbedtls_mpi r, s;
	int rc;

	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	/* the random numbers only blind the computation */
	rc = mbedtls_ecdsa_sign_det_ext(&ec->grp, &r, &s, &ec->d, hash,
					IMAGE_HASH_BYTES, MBEDTLS_MD_SHA256,
					random_bytes, NULL);
	if (rc == 0)
		rc = mbedtls_mpi_write_binary(&r, signature, 32);
	if (rc == 0)
		rc = mbedtls_mpi_write_binary(&s, signature + 32, 32);
	mbedtls_mpi_free(&s);
	mbedtls_mpi_free(&r);
	return rc == 0 ? ERR_OK : err_set(e, ERR_BUG, "ECDSA: -0x%x", -rc);
}
