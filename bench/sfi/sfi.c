/* Points and scalars live in mbedTLS types only inside one call; between calls
 * everything is the fixed-size byte strings of proto/board/sfi.h. A temporary
 * that ever held a private value is wiped by mbedTLS' own free functions or by
 * mbedtls_platform_zeroize(). */
#include "bench/sfi/sfi.h"

#include "proto/base/dbuf.h"
#include "proto/base/file.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <mbedtls/gcm.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define PEM_MAX_BYTES	 4096
#define HASH_BYTES	 32
#define SIGNED_BYTES	 (SFI_CHIP_CERT_BYTES - SFI_PUBLIC_BYTES)
#define PRODUCT_BYTES	 8
#define LICENCE_MAGIC	 "PLL1"
#define EPHEMERAL_OFFSET (SFI_FWID_OFFSET + SFI_FWID_BYTES)
#define WRAPPED_OFFSET	 (EPHEMERAL_OFFSET + SFI_PUBLIC_BYTES)
#define TAG_OFFSET	 (WRAPPED_OFFSET + SFI_KEY_NONCE_BYTES)
#define CHIP_KEY_LABEL	 "provline-chip-key-v1"

_Static_assert(TAG_OFFSET + SFI_TAG_BYTES == SFI_LICENCE_BYTES,
	       "licence fields fill the licence");
_Static_assert(PRODUCT_BYTES + SFI_PUBLIC_BYTES == SIGNED_BYTES,
	       "certificate fields fill the certificate");

struct sfi_maker {
	uint8_t key[SFI_PRIVATE_BYTES];
	uint8_t public[SFI_PUBLIC_BYTES];
};

/* One elliptic-curve working set, so that every function has one clean-up. */
struct ec {
	mbedtls_ecp_group group;
	mbedtls_ecp_point point;
	mbedtls_mpi d, r, s;
};

static enum err_code ec_init(struct ec *ec, struct err *e)
{
	mbedtls_ecp_group_init(&ec->group);
	mbedtls_ecp_point_init(&ec->point);
	mbedtls_mpi_init(&ec->d);
	mbedtls_mpi_init(&ec->r);
	mbedtls_mpi_init(&ec->s);
	if (mbedtls_ecp_group_load(&ec->group, MBEDTLS_ECP_DP_SECP256R1))
		return err_set(e, ERR_NO_MEMORY, "P-256");
	return ERR_OK;
}

static void ec_fini(struct ec *ec)
{
	mbedtls_ecp_group_free(&ec->group);
	mbedtls_ecp_point_free(&ec->point);
	mbedtls_mpi_free(&ec->d);
	mbedtls_mpi_free(&ec->r);
	mbedtls_mpi_free(&ec->s);
}

static int random_bytes(void *arg, unsigned char *out, size_t len)
{
	(void)arg;
	while (len) {
		ssize_t n = getrandom(out, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return MBEDTLS_ERR_ECP_RANDOM_FAILED;
		out += n;
		len -= (size_t)n;
	}
	return 0;
}

static int point_read(struct ec *ec, const uint8_t xy[SFI_PUBLIC_BYTES])
{
	uint8_t raw[1 + SFI_PUBLIC_BYTES] = {0x04}; /* SEC 1, uncompressed */
	int rc;

	memcpy(raw + 1, xy, SFI_PUBLIC_BYTES);
	rc = mbedtls_ecp_point_read_binary(&ec->group, &ec->point, raw,
					   sizeof raw);
	return rc ? rc : mbedtls_ecp_check_pubkey(&ec->group, &ec->point);
}

static int point_write(struct ec *ec, const mbedtls_ecp_point *point,
		       uint8_t xy[SFI_PUBLIC_BYTES])
{
	uint8_t raw[1 + SFI_PUBLIC_BYTES];
	size_t len;
	int rc = mbedtls_ecp_point_write_binary(&ec->group, point,
						MBEDTLS_ECP_PF_UNCOMPRESSED,
						&len, raw, sizeof raw);

	if (rc == 0)
		memcpy(xy, raw + 1, SFI_PUBLIC_BYTES);
	return rc;
}

static int hash(uint8_t out[HASH_BYTES], const void *data, size_t len)
{
	return mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), data,
			  len, out);
}

/* -------- the silicon maker -------- */

static enum err_code maker_create(const char *path, struct err *e)
{
	mbedtls_pk_context pk;
	uint8_t pem[PEM_MAX_BYTES];
	enum err_code rc;

	mbedtls_pk_init(&pk);
	if (mbedtls_pk_setup(&pk,
			     mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) ||
	    mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(pk),
				random_bytes, NULL) ||
	    mbedtls_pk_write_key_pem(&pk, pem, sizeof pem))
		rc = err_set(e, ERR_FAILED, "%s: no new key", path);
	else
		rc = file_write(path, pem, strlen((char *)pem), 0600, e);
	mbedtls_platform_zeroize(pem, sizeof pem);
	mbedtls_pk_free(&pk);
	return rc;
}

static bool is_p256(const mbedtls_pk_context *pk)
{
	return mbedtls_pk_get_type(pk) == MBEDTLS_PK_ECKEY &&
	       mbedtls_pk_ec(*pk)->grp.id == MBEDTLS_ECP_DP_SECP256R1;
}

/* Parse a PEM file. Private keys first; with public_too, public keys as well.
 * The caller inits and frees pk. */
static enum err_code pem_load(mbedtls_pk_context *pk, const char *path,
			      bool public_too, struct err *e)
{
	struct dbuf pem;
	enum err_code rc;
	size_t size;

	dbuf_init(&pem, PEM_MAX_BYTES);
	rc = file_read(path, &pem, e);
	if (rc)
		goto out;
	size = pem.len + 1; /* the parsers want the NUL counted */
	if (!pem.len ||
	    (mbedtls_pk_parse_key(pk, pem.data, size, NULL, 0) &&
	     (!public_too || mbedtls_pk_parse_public_key(pk, pem.data, size))))
		rc = err_set(e, ERR_INPUT, "%s: no %s key in PEM", path,
			     public_too ? "P-256" : "private P-256");
	else if (!is_p256(pk))
		rc = err_set(e, ERR_INPUT, "%s: not a P-256 key", path);
out:
	if (pem.data)
		mbedtls_platform_zeroize(pem.data, pem.len);
	dbuf_fini(&pem);
	return rc;
}

static enum err_code pem_public(const mbedtls_pk_context *pk,
				uint8_t out[SFI_PUBLIC_BYTES], const char *path,
				struct err *e)
{
	struct ec ec;
	enum err_code rc = ec_init(&ec, e);

	if (!rc && point_write(&ec, &mbedtls_pk_ec(*pk)->Q, out))
		rc = err_set(e, ERR_INPUT, "%s: no usable public key", path);
	ec_fini(&ec);
	return rc;
}

enum err_code sfi_maker_open(struct sfi_maker **maker, const char *path,
			     bool create, struct err *e)
{
	struct sfi_maker *m = calloc(1, sizeof *m);
	mbedtls_pk_context pk;
	enum err_code rc = ERR_OK;

	if (!m)
		return err_set(e, ERR_NO_MEMORY, "maker key");
	mbedtls_pk_init(&pk);
	if (create && access(path, F_OK) && errno == ENOENT)
		rc = maker_create(path, e);
	if (!rc)
		rc = pem_load(&pk, path, false, e);
	if (!rc)
		rc = pem_public(&pk, m->public, path, e);
	if (!rc && mbedtls_mpi_write_binary(&mbedtls_pk_ec(pk)->d, m->key,
					    sizeof m->key))
		rc = err_set(e, ERR_INPUT, "%s: no usable private key", path);
	mbedtls_pk_free(&pk);
	if (rc)
		sfi_maker_free(m);
	else
		*maker = m;
	return rc;
}

void sfi_maker_free(struct sfi_maker *maker)
{
	if (!maker)
		return;
	mbedtls_platform_zeroize(maker, sizeof *maker);
	free(maker);
}

void sfi_maker_public(const struct sfi_maker *maker,
		      uint8_t out[SFI_PUBLIC_BYTES])
{
	memcpy(out, maker->public, SFI_PUBLIC_BYTES);
}

enum err_code sfi_maker_public_load(uint8_t out[SFI_PUBLIC_BYTES],
				    const char *path, struct err *e)
{
	mbedtls_pk_context pk;
	enum err_code rc;

	mbedtls_pk_init(&pk);
	rc = pem_load(&pk, path, true, e);
	if (!rc)
		rc = pem_public(&pk, out, path, e);
	mbedtls_pk_free(&pk);
	return rc;
}

/* HMAC(maker key, label || UID || attempt) until it is a valid scalar: the
 * first one practically always is. */
static enum err_code chip_key_derive(const struct sfi_maker *maker,
				     const uint8_t uid[SFI_UID_BYTES],
				     struct ec *ec,
				     uint8_t chip_key[SFI_PRIVATE_BYTES],
				     struct err *e)
{
	uint8_t input[sizeof CHIP_KEY_LABEL - 1 + SFI_UID_BYTES + 1] =
		CHIP_KEY_LABEL;
	uint8_t *attempt = input + sizeof input - 1;

	memcpy(input + sizeof CHIP_KEY_LABEL - 1, uid, SFI_UID_BYTES);
	for (*attempt = 0; *attempt < 8; ++*attempt) {
		if (mbedtls_md_hmac(
			    mbedtls_md_info_from_type(MBEDTLS_MD_SHA256),
			    maker->key, sizeof maker->key, input, sizeof input,
			    chip_key) ||
		    mbedtls_mpi_read_binary(&ec->d, chip_key,
					    SFI_PRIVATE_BYTES))
			return err_set(e, ERR_NO_MEMORY, "chip key");
		if (!mbedtls_ecp_check_privkey(&ec->group, &ec->d))
			return ERR_OK;
	}
	return err_set(e, ERR_BUG, "no valid chip key in 8 attempts");
}

static int chip_cert_sign(const struct sfi_maker *maker, struct ec *ec,
			  uint8_t cert[SFI_CHIP_CERT_BYTES])
{
	uint8_t digest[HASH_BYTES];
	uint8_t *sig = cert + SIGNED_BYTES;

	if (hash(digest, cert, SIGNED_BYTES) ||
	    mbedtls_mpi_read_binary(&ec->d, maker->key, sizeof maker->key) ||
	    mbedtls_ecdsa_sign_det_ext(&ec->group, &ec->r, &ec->s, &ec->d,
				       digest, sizeof digest, MBEDTLS_MD_SHA256,
				       random_bytes, NULL))
		return -1;
	return mbedtls_mpi_write_binary(&ec->r, sig, 32) ||
	       mbedtls_mpi_write_binary(&ec->s, sig + 32, 32);
}

enum err_code sfi_maker_chip(const struct sfi_maker *maker,
			     const uint8_t uid[SFI_UID_BYTES],
			     uint8_t chip_key[SFI_PRIVATE_BYTES],
			     uint8_t cert[SFI_CHIP_CERT_BYTES], struct err *e)
{
	struct ec ec;
	enum err_code rc = ec_init(&ec, e);

	if (!rc)
		rc = chip_key_derive(maker, uid, &ec, chip_key, e);
	if (rc)
		goto out;
	memcpy(cert, SFI_PRODUCT_ID, PRODUCT_BYTES);
	if (mbedtls_ecp_mul(&ec.group, &ec.point, &ec.d, &ec.group.G,
			    random_bytes, NULL) ||
	    point_write(&ec, &ec.point, cert + PRODUCT_BYTES) ||
	    chip_cert_sign(maker, &ec, cert))
		rc = err_set(e, ERR_FAILED, "chip certificate");
out:
	ec_fini(&ec);
	return rc;
}

/* -------- the card -------- */

enum err_code sfi_chip_cert_check(const uint8_t cert[SFI_CHIP_CERT_BYTES],
				  const uint8_t maker_public[SFI_PUBLIC_BYTES],
				  struct err *e)
{
	uint8_t digest[HASH_BYTES];
	const uint8_t *sig = cert + SIGNED_BYTES;
	struct ec ec;
	enum err_code rc = ec_init(&ec, e);

	if (rc)
		goto out;
	if (memcmp(cert, SFI_PRODUCT_ID, PRODUCT_BYTES) != 0)
		rc = err_set(e, ERR_INTEGRITY, "chip of another product");
	else if (point_read(&ec, cert + PRODUCT_BYTES))
		rc = err_set(e, ERR_INTEGRITY, "chip key not on the curve");
	else if (hash(digest, cert, SIGNED_BYTES) ||
		 point_read(&ec, maker_public) ||
		 mbedtls_mpi_read_binary(&ec.r, sig, 32) ||
		 mbedtls_mpi_read_binary(&ec.s, sig + 32, 32) ||
		 mbedtls_ecdsa_verify(&ec.group, digest, sizeof digest,
				      &ec.point, &ec.r, &ec.s))
		rc = err_set(e, ERR_INTEGRITY,
			     "chip certificate of another maker");
out:
	ec_fini(&ec);
	return rc;
}

/* ECDH of ec->d and ec->point, then the KDF of proto/board/sfi.h over what
 * stands in the licence. */
static int wrap_key(struct ec *ec, const uint8_t licence[SFI_LICENCE_BYTES],
		    uint8_t out[HASH_BYTES])
{
	enum {
		LABEL = sizeof SFI_KDF_LABEL - 1,
		IDS = SFI_LICENCE_ID_BYTES + SFI_FWID_BYTES
	};
	uint8_t input[HASH_BYTES + LABEL + IDS];
	int rc;

	memcpy(input + HASH_BYTES, SFI_KDF_LABEL, LABEL);
	memcpy(input + HASH_BYTES + LABEL, licence + SFI_LICENCE_ID_OFFSET,
	       IDS);
	rc = mbedtls_ecp_mul(&ec->group, &ec->point, &ec->d, &ec->point,
			     random_bytes, NULL);
	if (rc == 0)
		rc = mbedtls_mpi_write_binary(&ec->point.X, input, HASH_BYTES);
	if (rc == 0)
		rc = hash(out, input, sizeof input);
	mbedtls_platform_zeroize(input, sizeof input);
	return rc;
}

static int wrap(const uint8_t key_iv[HASH_BYTES], uint8_t *licence,
		const uint8_t key_nonce[SFI_KEY_NONCE_BYTES])
{
	mbedtls_gcm_context gcm;
	int rc;

	mbedtls_gcm_init(&gcm);
	rc = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key_iv, 128);
	if (rc == 0)
		rc = mbedtls_gcm_crypt_and_tag(
			&gcm, MBEDTLS_GCM_ENCRYPT, SFI_KEY_NONCE_BYTES,
			key_iv + SFI_KEY_BYTES, SFI_NONCE_BYTES, licence,
			SFI_LICENCE_AAD_BYTES, key_nonce,
			licence + WRAPPED_OFFSET, SFI_TAG_BYTES,
			licence + TAG_OFFSET);
	mbedtls_gcm_free(&gcm);
	return rc;
}

static int unwrap(const uint8_t key_iv[HASH_BYTES], const uint8_t *licence,
		  uint8_t key_nonce[SFI_KEY_NONCE_BYTES])
{
	mbedtls_gcm_context gcm;
	int rc;

	mbedtls_gcm_init(&gcm);
	rc = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key_iv, 128);
	if (rc == 0)
		rc = mbedtls_gcm_auth_decrypt(
			&gcm, SFI_KEY_NONCE_BYTES, key_iv + SFI_KEY_BYTES,
			SFI_NONCE_BYTES, licence, SFI_LICENCE_AAD_BYTES,
			licence + TAG_OFFSET, SFI_TAG_BYTES,
			licence + WRAPPED_OFFSET, key_nonce);
	mbedtls_gcm_free(&gcm);
	return rc;
}

enum err_code sfi_licence_issue(uint8_t out[SFI_LICENCE_BYTES],
				const uint8_t cert[SFI_CHIP_CERT_BYTES],
				const uint8_t licence_id[SFI_LICENCE_ID_BYTES],
				const uint8_t fwid[SFI_FWID_BYTES],
				const uint8_t key_nonce[SFI_KEY_NONCE_BYTES],
				struct err *e)
{
	uint8_t key_iv[HASH_BYTES];
	struct ec ec;
	enum err_code rc = ec_init(&ec, e);

	if (rc)
		goto out;
	memcpy(out, LICENCE_MAGIC, SFI_LICENCE_ID_OFFSET);
	memcpy(out + SFI_LICENCE_ID_OFFSET, licence_id, SFI_LICENCE_ID_BYTES);
	memcpy(out + SFI_FWID_OFFSET, fwid, SFI_FWID_BYTES);
	if (mbedtls_ecp_gen_keypair(&ec.group, &ec.d, &ec.point, random_bytes,
				    NULL) ||
	    point_write(&ec, &ec.point, out + EPHEMERAL_OFFSET) ||
	    point_read(&ec, cert + PRODUCT_BYTES) ||
	    wrap_key(&ec, out, key_iv) || wrap(key_iv, out, key_nonce))
		rc = err_set(e, ERR_FAILED, "the licence cannot be made");
out:
	mbedtls_platform_zeroize(key_iv, sizeof key_iv);
	ec_fini(&ec);
	return rc;
}

void sfi_key_fingerprint(uint8_t out[SFI_FINGERPRINT_BYTES],
			 const uint8_t key_nonce[SFI_KEY_NONCE_BYTES])
{
	uint8_t text[sizeof SFI_KEY_LABEL - 1 + SFI_KEY_NONCE_BYTES];

	memcpy(text, SFI_KEY_LABEL, sizeof SFI_KEY_LABEL - 1);
	memcpy(text + sizeof SFI_KEY_LABEL - 1, key_nonce, SFI_KEY_NONCE_BYTES);
	mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), text,
		   sizeof text, out);
	mbedtls_platform_zeroize(text, sizeof text);
}

/* -------- the chip's RSS -------- */

enum err_code sfi_licence_unwrap(uint8_t key_nonce[SFI_KEY_NONCE_BYTES],
				 const uint8_t licence[SFI_LICENCE_BYTES],
				 const uint8_t chip_key[SFI_PRIVATE_BYTES],
				 struct err *e)
{
	uint8_t key_iv[HASH_BYTES];
	struct ec ec;
	enum err_code rc = ec_init(&ec, e);

	if (rc)
		goto out;
	if (memcmp(licence, LICENCE_MAGIC, SFI_LICENCE_ID_OFFSET) != 0 ||
	    point_read(&ec, licence + EPHEMERAL_OFFSET) ||
	    mbedtls_mpi_read_binary(&ec.d, chip_key, SFI_PRIVATE_BYTES) ||
	    mbedtls_ecp_check_privkey(&ec.group, &ec.d) ||
	    wrap_key(&ec, licence, key_iv) ||
	    unwrap(key_iv, licence, key_nonce))
		rc = err_set(e, ERR_INTEGRITY, "licence not for this chip");
out:
	if (rc)
		mbedtls_platform_zeroize(key_nonce, SFI_KEY_NONCE_BYTES);
	mbedtls_platform_zeroize(key_iv, sizeof key_iv);
	ec_fini(&ec);
	return rc;
}
