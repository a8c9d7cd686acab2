/* P-256 private keys. OpenSSL reads, makes and encrypts PEM (mbedTLS 2.28 knows
 * neither scrypt nor AES there); mbedTLS signs, because OpenSSL 3.0 has no
 * deterministic ECDSA. Between the two goes DER, which is wiped. */
#include "proto/base/openssl_names.h"

#include "proto/keys/key_private.h"

#include <mbedtls/ecdsa.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>
#include <unistd.h>

/* scrypt's cost, 16 MiB: what OpenSSL's limit of 32 MiB leaves room for, five
 * times over (OWASP's setting for this size). */
#define SCRYPT_N   (1u << 14)
#define SCRYPT_R   8u
#define SCRYPT_P   5u
#define SALT_BYTES 16

/* -------- reading -------- */

struct opening {
	const struct dbuf *pem;
	EVP_PKEY *key;
};

/* pem_password_cb */
static int give_passphrase(char *buf, int size, int writing, void *arg)
{
	const struct secret *s = arg;

	(void)writing;
	if (!s || s->len > (size_t)size)
		return -1;
	memcpy(buf, s->bytes, s->len);
	return (int)s->len;
}

static bool try_pem(void *arg, const struct secret *passphrase)
{
	struct opening *o = arg;
	BIO *bio = BIO_new_mem_buf(o->pem->data, (int)o->pem->len);

	if (!bio)
		return false;
	o->key = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase,
					 (void *)passphrase);
	BIO_free(bio);
	ERR_clear_error();
	return o->key != NULL;
}

static bool encrypted(const struct dbuf *pem)
{
	const char *text = dbuf_text(pem);

	return strstr(text, "-----BEGIN ENCRYPTED PRIVATE KEY-----") ||
	       strstr(text, "Proc-Type: 4,ENCRYPTED");
}

static enum err_code open_pem(EVP_PKEY **key, const struct dbuf *pem,
			      const char *path, const struct key_unlock *u,
			      struct err *e)
{
	struct opening o = {.pem = pem};
	enum err_code rc = ERR_OK;

	if (pem->len && encrypted(pem))
		rc = key_try_all(path, u, try_pem, &o, e);
	else if (!pem->len || !try_pem(&o, NULL))
		rc = err_set(e, ERR_INPUT, "%s: no private key", path);
	*key = o.key;
	return rc;
}

static enum err_code to_mbedtls(mbedtls_pk_context *pk, const EVP_PKEY *key,
				const char *path, struct err *e)
{
	unsigned char *der = NULL;
	int len = EVP_PKEY_is_a(key, "EC") ? i2d_PrivateKey(key, &der) : -1;
	int rc = len > 0 ? mbedtls_pk_parse_key(pk, der, (size_t)len, NULL, 0)
			 : -1;

	if (len > 0)
		OPENSSL_clear_free(der, (size_t)len);
	return rc ? err_set(e, ERR_INPUT, "%s: no P-256 key", path) : ERR_OK;
}

static enum err_code public_of(const mbedtls_pk_context *pk, const char *path,
			       uint8_t out[KEY_PUBLIC_BYTES], struct err *e)
{
	const mbedtls_ecp_keypair *ec = mbedtls_pk_ec(*pk);
	size_t len;

	if (ec->grp.id != MBEDTLS_ECP_DP_SECP256R1 ||
	    mbedtls_ecp_point_write_binary(&ec->grp, &ec->Q,
					   MBEDTLS_ECP_PF_UNCOMPRESSED, &len,
					   out, KEY_PUBLIC_BYTES) != 0)
		return err_set(e, ERR_INPUT, "%s: no P-256 key", path);
	return ERR_OK;
}

static int random_bytes(void *arg, unsigned char *out, size_t len)
{
	(void)arg;
	return getentropy(out, len) == 0 ? 0 : MBEDTLS_ERR_ECP_RANDOM_FAILED;
}

/* A file may hold a public key that is not the private one's: what it signs
 * would verify with neither, so it is told here. */
static enum err_code check_pair(const mbedtls_pk_context *pk, const char *path,
				struct err *e)
{
	mbedtls_ecp_keypair *ec = mbedtls_pk_ec(*pk);
	mbedtls_ecp_point q;
	int rc;

	mbedtls_ecp_point_init(&q);
	rc = mbedtls_ecp_check_privkey(&ec->grp, &ec->d);
	if (!rc)
		rc = mbedtls_ecp_mul(&ec->grp, &q, &ec->d, &ec->grp.G,
				     random_bytes, NULL);
	if (!rc)
		rc = mbedtls_ecp_point_cmp(&q, &ec->Q);
	mbedtls_ecp_point_free(&q);
	if (rc)
		return err_set(e, ERR_INPUT,
			       "%s: its public key is not the private key's",
			       path);
	return ERR_OK;
}

enum err_code key_load(mbedtls_pk_context *pk, const char *path,
		       const struct key_unlock *u,
		       uint8_t public_key[KEY_PUBLIC_BYTES], struct err *e)
{
	EVP_PKEY *key = NULL;
	struct dbuf pem;
	enum err_code rc = key_read_file(&pem, path, e);

	if (!rc)
		rc = open_pem(&key, &pem, path, u, e);
	key_forget(&pem);
	if (!rc)
		rc = to_mbedtls(pk, key, path, e);
	EVP_PKEY_free(key);
	if (!rc)
		rc = public_of(pk, path, public_key, e);
	if (!rc)
		rc = check_pair(pk, path, e);
	return rc;
}

/* -------- making -------- */

static X509_SIG *encrypt(const EVP_PKEY *key, const struct secret *passphrase)
{
	PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
	X509_ALGOR *pbe =
		PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), NULL, SALT_BYTES, NULL,
				      SCRYPT_N, SCRYPT_R, SCRYPT_P);
	X509_SIG *out = NULL;

	if (plain && pbe)
		out = PKCS8_set0_pbe((const char *)passphrase->bytes,
				     (int)passphrase->len, plain, pbe);
	if (!out)
		X509_ALGOR_free(pbe);
	PKCS8_PRIV_KEY_INFO_free(plain); /* wipes */
	return out;
}

static bool write_pem(BIO *bio, const EVP_PKEY *key,
		      const struct secret *passphrase)
{
	X509_SIG *sealed;
	bool fine;

	if (!passphrase)
		return PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0,
						     NULL, NULL) == 1;
	sealed = encrypt(key, passphrase);
	fine = sealed && PEM_write_bio_PKCS8(bio, sealed) == 1;
	X509_SIG_free(sealed);
	return fine;
}

static bool public_point(const EVP_PKEY *key, uint8_t out[KEY_PUBLIC_BYTES])
{
	size_t len;

	return EVP_PKEY_get_octet_string_param(key, "pub", out,
					       KEY_PUBLIC_BYTES, &len) == 1 &&
	       len == KEY_PUBLIC_BYTES && out[0] == 0x04;
}

enum err_code key_create(const char *path, const char *role,
			 const struct secret *passphrase, bool force,
			 uint8_t public_key[KEY_PUBLIC_BYTES], struct err *e)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_secmem());
	enum err_code rc;
	char *text;
	long len;

	if (!key || !bio || !public_point(key, public_key) ||
	    BIO_printf(bio, "Provline %s key, P-256\n", role) <= 0 ||
	    !write_pem(bio, key, passphrase))
		rc = err_set(e, ERR_FAILED, "%s: OpenSSL makes no key", path);
	else {
		len = BIO_get_mem_data(bio, &text);
		rc = key_write_file(path, text, (size_t)len, force, e);
	}
	BIO_free(bio); /* wipes */
	EVP_PKEY_free(key);
	ERR_clear_error();
	return rc;
}

/* -------- using -------- */

enum err_code key_sign(mbedtls_pk_context *pk,
		       const uint8_t hash[KEY_HASH_BYTES],
		       uint8_t signature[KEY_SIGNATURE_BYTES], struct err *e)
{
	mbedtls_ecp_keypair *ec = mbedtls_pk_ec(*pk);
	mbedtls_mpi r, s;
	int rc;

	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	/* the random numbers only blind the computation */
	rc = mbedtls_ecdsa_sign_det_ext(&ec->grp, &r, &s, &ec->d, hash,
					KEY_HASH_BYTES, MBEDTLS_MD_SHA256,
					random_bytes, NULL);
	if (rc == 0)
		rc = mbedtls_mpi_write_binary(&r, signature, 32);
	if (rc == 0)
		rc = mbedtls_mpi_write_binary(&s, signature + 32, 32);
	mbedtls_mpi_free(&s);
	mbedtls_mpi_free(&r);
	return rc == 0 ? ERR_OK : err_set(e, ERR_BUG, "ECDSA: -0x%x", -rc);
}

static EVP_PKEY *public_key_of(const uint8_t point[KEY_PUBLIC_BYTES])
{
	EVP_PKEY *key = EVP_PKEY_new();
	EVP_PKEY *like = EVP_EC_gen("P-256"); /* lends its curve */

	if (!key || !like || EVP_PKEY_copy_parameters(key, like) != 1 ||
	    EVP_PKEY_set1_encoded_public_key(key, point, KEY_PUBLIC_BYTES) !=
		    1) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	EVP_PKEY_free(like);
	return key;
}

enum err_code key_public_pem(char pem[KEY_PUBLIC_PEM_BYTES],
			     const uint8_t public_key[KEY_PUBLIC_BYTES],
			     struct err *e)
{
	EVP_PKEY *key = public_key_of(public_key);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len = 0;

	if (key && bio && PEM_write_bio_PUBKEY(bio, key) == 1)
		len = BIO_get_mem_data(bio, &text);
	if (len > 0 && len < (long)KEY_PUBLIC_PEM_BYTES) {
		memcpy(pem, text, (size_t)len);
		pem[len] = '\0';
	}
	BIO_free(bio);
	EVP_PKEY_free(key);
	return len > 0 && len < (long)KEY_PUBLIC_PEM_BYTES
		       ? ERR_OK
		       : err_set(e, ERR_BUG, "no public PEM");
}

enum err_code key_fingerprint(uint8_t out[KEY_HASH_BYTES],
			      const uint8_t public_key[KEY_PUBLIC_BYTES],
			      struct err *e)
{
	EVP_PKEY *key = public_key_of(public_key);
	unsigned char *der = NULL;
	int len = key ? i2d_PUBKEY(key, &der) : -1;

	if (len > 0)
		SHA256(der, (size_t)len, out);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	return len > 0 ? ERR_OK : err_set(e, ERR_BUG, "no fingerprint");
}
