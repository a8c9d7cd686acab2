/* The two proofs that an image carries: the release signature, for whoever
 * knows the brand's public key, and the SFI binding, for a licensed chip. */
#include "proto/image/reader.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/sha256.h>
#include <string.h>

static int verify(mbedtls_ecp_group *group, mbedtls_ecp_point *point,
		  mbedtls_mpi *r, mbedtls_mpi *s, const struct image *im,
		  const uint8_t key[IMAGE_PUBLIC_KEY_BYTES])
{
	int rc = mbedtls_ecp_group_load(group, MBEDTLS_ECP_DP_SECP256R1);

	if (rc == 0)
		rc = mbedtls_ecp_point_read_binary(group, point, key,
						   IMAGE_PUBLIC_KEY_BYTES);
	if (rc == 0)
		rc = mbedtls_ecp_check_pubkey(group, point);
	if (rc == 0)
		rc = mbedtls_mpi_read_binary(r, im->signature, 32);
	if (rc == 0)
		rc = mbedtls_mpi_read_binary(s, im->signature + 32, 32);
	if (rc == 0)
		rc = mbedtls_ecdsa_verify(group, im->header_sha256,
					  IMAGE_HASH_BYTES, point, r, s);
	return rc;
}

enum image_error image_verify_signature(
	const struct image *im, const uint8_t key[IMAGE_PUBLIC_KEY_BYTES],
	struct image_fault *f)
{
	mbedtls_ecp_group group;
	mbedtls_ecp_point point;
	mbedtls_mpi r, s;
	uint8_t id[32];
	int rc;

	if (mbedtls_sha256_ret(key, IMAGE_PUBLIC_KEY_BYTES, id, 0) != 0 ||
	    memcmp(id, im->key_id, sizeof(im->key_id)) != 0)
		return image_fault_set(f, IMAGE_KEY_ID, IMAGE_AT_KEY_ID, 0);
	mbedtls_ecp_group_init(&group);
	mbedtls_ecp_point_init(&point);
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	rc = verify(&group, &point, &r, &s, im, key);
	mbedtls_mpi_free(&s);
	mbedtls_mpi_free(&r);
	mbedtls_ecp_point_free(&point);
	mbedtls_ecp_group_free(&group);
	return rc == 0 ? IMAGE_OK
		       : image_fault_set(f, IMAGE_SIGNATURE, IMAGE_AT_SIGNATURE,
					 0);
}
