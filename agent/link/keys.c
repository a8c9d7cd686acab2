#include "agent/link/keys.h"

#include "proto/base/file.h"

#include <errno.h>
#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PEM_MAX_BYTES 16384u
#define PROVE_LABEL   "provline-station-v1"

static enum err_code load(struct dbuf *out, const char *dir, const char *name,
			  struct err *e)
{
	char path[512];
	struct stat st;
	enum err_code rc;

	dbuf_init(out, PEM_MAX_BYTES);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (stat(path, &st) != 0) {
		(void)err_set_errno(e, ERR_CONFIG, errno, "%s", path);
		return err_hint(e, "enrol the station: provline station enroll "
				   "on the controller, then provline-agent "
				   "--enrol TOKEN here");
	}
	if (strcmp(name, "station.key") == 0 && (st.st_mode & 077) != 0) {
		(void)err_set(e, ERR_CONFIG,
			      "%s: others may read this private key", path);
		return err_hint(e, "chmod 600 it, or enrol the station anew");
	}
	rc = file_read(path, out, e);
	return rc;
}

static enum err_code check_certificate(struct keys *k, const char *station,
				       struct err *e)
{
	mbedtls_x509_crt crt;
	char name[256];
	enum err_code rc = ERR_OK;

	mbedtls_x509_crt_init(&crt);
	if (mbedtls_x509_crt_parse(&crt, k->cert_pem.data,
				   k->cert_pem.len + 1) != 0) {
		rc = err_set(e, ERR_CONFIG, "station.pem: not a certificate");
		goto out;
	}
	if (mbedtls_pk_check_pair(&crt.pk, &k->pk) != 0) {
		rc = err_set(e, ERR_CONFIG,
			     "station.pem does not belong to station.key");
		goto out;
	}
	if (mbedtls_x509_dn_gets(name, sizeof(name), &crt.subject) < 0 ||
	    strstr(name, station) == NULL)
		rc = err_set(e, ERR_CONFIG,
			     "station.pem is for another station than %s",
			     station);
out:
	mbedtls_x509_crt_free(&crt);
	return rc;
}

enum err_code keys_load(struct keys *k, const char *data_dir,
			const char *station, struct err *e)
{
	enum err_code rc;

	*k = (struct keys){0};
	mbedtls_pk_init(&k->pk);
	mbedtls_entropy_init(&k->entropy);
	mbedtls_ctr_drbg_init(&k->rng);
	rc = load(&k->key_pem, data_dir, "station.key", e);
	if (rc == ERR_OK)
		rc = load(&k->cert_pem, data_dir, "station.pem", e);
	if (rc == ERR_OK)
		rc = load(&k->ca_pem, data_dir, "ca.pem", e);
	if (rc != ERR_OK)
		return rc;
	if (mbedtls_ctr_drbg_seed(&k->rng, mbedtls_entropy_func, &k->entropy,
				  NULL, 0) != 0)
		return err_set(e, ERR_FAILED, "no random numbers");
	if (mbedtls_pk_parse_key(&k->pk, k->key_pem.data, k->key_pem.len + 1,
				 NULL, 0) != 0 ||
	    !mbedtls_pk_can_do(&k->pk, MBEDTLS_PK_ECDSA) ||
	    mbedtls_pk_get_bitlen(&k->pk) != 256)
		return err_set(e, ERR_CONFIG, "station.key: not a P-256 key");
	return check_certificate(k, station, e);
}

void keys_fini(struct keys *k)
{
	if (k->key_pem.data != NULL)
		mbedtls_platform_zeroize(k->key_pem.data, k->key_pem.cap);
	dbuf_fini(&k->key_pem);
	dbuf_fini(&k->cert_pem);
	dbuf_fini(&k->ca_pem);
	mbedtls_pk_free(&k->pk);
	mbedtls_ctr_drbg_free(&k->rng);
	mbedtls_entropy_free(&k->entropy);
}

enum err_code keys_prove(struct keys *k, const uint8_t nonce[32],
			 const char *station, uint8_t signature[80],
			 size_t *signature_len, struct err *e)
{
	uint8_t text[sizeof(PROVE_LABEL) - 1 + 32 + 64];
	uint8_t der[MBEDTLS_ECDSA_MAX_LEN];
	size_t at = sizeof(PROVE_LABEL) - 1;
	size_t name_len = strnlen(station, 32);
	uint8_t hash[32];

	memcpy(text, PROVE_LABEL, at);
	memcpy(text + at, nonce, 32);
	at += 32;
	memcpy(text + at, station, name_len);
	at += name_len;
	if (mbedtls_sha256_ret(text, at, hash, 0) != 0 ||
	    mbedtls_pk_sign(&k->pk, MBEDTLS_MD_SHA256, hash, sizeof(hash), der,
			    signature_len, mbedtls_ctr_drbg_random,
			    &k->rng) != 0 ||
	    *signature_len > 80)
		return err_set(e, ERR_FAILED, "cannot sign with station.key");
	memcpy(signature, der, *signature_len);
	return ERR_OK;
}
