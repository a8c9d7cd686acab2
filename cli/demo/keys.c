#include "cli/demo/keys.h"

#include "proto/base/file.h"
#include "proto/base/secret.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <string.h>

static int make_pem(unsigned char *pem, size_t pem_size)
{
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context drbg;
	mbedtls_pk_context pk;
	int rc;

	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&drbg);
	mbedtls_pk_init(&pk);
	rc = mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL,
				   0);
	if (!rc)
		rc = mbedtls_pk_setup(
			&pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
	if (!rc)
		rc = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1,
					 mbedtls_pk_ec(pk),
					 mbedtls_ctr_drbg_random, &drbg);
	if (!rc)
		rc = mbedtls_pk_write_key_pem(&pk, pem, pem_size);
	mbedtls_pk_free(&pk);
	mbedtls_ctr_drbg_free(&drbg);
	mbedtls_entropy_free(&entropy);
	return rc;
}

enum err_code keys_new_p256(const char *path, struct err *e)
{
	unsigned char pem[1024];
	enum err_code rc;
	int failure = make_pem(pem, sizeof pem);

	if (failure)
		return err_set(e, ERR_FAILED, "a new P-256 key: mbedTLS -0x%x",
			       (unsigned)-failure);
	rc = file_write(path, pem, strlen((char *)pem), 0600, e);
	explicit_bzero(pem, sizeof pem);
	return rc;
}

enum err_code keys_public(const char *private_path, const char *path,
			  struct err *e)
{
	unsigned char pem[1024];
	mbedtls_pk_context pk;
	int failure;

	mbedtls_pk_init(&pk);
	failure = mbedtls_pk_parse_keyfile(&pk, private_path, NULL);
	if (!failure)
		failure = mbedtls_pk_write_pubkey_pem(&pk, pem, sizeof pem);
	mbedtls_pk_free(&pk);
	if (failure)
		return err_set(e, ERR_FAILED, "%s: mbedTLS -0x%x", private_path,
			       (unsigned)-failure);
	return file_write(path, pem, strlen((char *)pem), 0644, e);
}

enum err_code keys_new_random(const char *path, size_t len, struct err *e)
{
	struct secret s = {0};
	enum err_code rc = secret_random(&s, len, e);

	if (!rc)
		rc = file_write(path, s.bytes, s.len, 0600, e);
	secret_fini(&s);
	return rc;
}
