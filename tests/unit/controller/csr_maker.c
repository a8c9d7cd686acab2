#include "tests/unit/controller/csr_maker.h"

#include "proto/base/hex.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <string.h>

#define CHECK(x)                 \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

static void set_names(X509_REQ *req, const struct csr_recipe *r,
		      const struct csr_claim *claim)
{
	X509_NAME *name = X509_NAME_new();
	char cn[CSR_DEVICE_ID_SIZE], serial[25];

	csr_device_id(cn, claim->uid);
	hex_encode(serial, claim->uid, SFI_UID_BYTES);
	if (r->country)
		CHECK(X509_NAME_add_entry_by_txt(name, "C", MBSTRING_ASC,
						 (const uint8_t *)r->country,
						 -1, -1, 0));
	for (unsigned i = 0; i < (r->cn_twice ? 2 : 1); i++)
		CHECK(X509_NAME_add_entry_by_txt(
			name, "CN", MBSTRING_UTF8,
			(const uint8_t *)(r->cn ? r->cn : cn), -1, -1, 0));
	CHECK(X509_NAME_add_entry_by_txt(
		name, "serialNumber", MBSTRING_ASC,
		(const uint8_t *)(r->serial ? r->serial : serial), -1, -1,
		r->one_set ? -1 : 0));
	CHECK(X509_REQ_set_subject_name(req, name));
	X509_NAME_free(name);
}

static void set_attributes(X509_REQ *req, const struct csr_recipe *r,
			   const struct csr_claim *claim)
{
	char challenge[65];

	hex_encode(challenge, claim->challenge, SFI_CHALLENGE_BYTES);
	if (!r->password || *r->password)
		CHECK(X509_REQ_add1_attr_by_txt(
			req, "challengePassword", MBSTRING_ASC,
			(const uint8_t *)(r->password ? r->password
						      : challenge),
			-1));
	if (r->extension)
		CHECK(X509_REQ_add1_attr_by_txt(
			req, "unstructuredName", MBSTRING_ASC,
			(const uint8_t *)"surplus", -1));
}

static void sign_with(EVP_PKEY *key, const uint8_t *data, size_t len,
		      uint8_t *out, size_t *out_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	*out_len = CSR_ATTEST_MAX_BYTES;
	CHECK(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key));
	CHECK(EVP_DigestSign(ctx, out, out_len, data, len));
	EVP_MD_CTX_free(ctx);
}

void csr_attest(struct csr_made *m)
{
	uint8_t text[256], *at = text;
	unsigned n = 0;

	memcpy(at, SFI_ATTEST_LABEL, strlen(SFI_ATTEST_LABEL));
	at += strlen(SFI_ATTEST_LABEL);
	memcpy(at, m->claim.uid, SFI_UID_BYTES);
	at += SFI_UID_BYTES;
	memcpy(at, m->claim.challenge, SFI_CHALLENGE_BYTES);
	at += SFI_CHALLENGE_BYTES;
	CHECK(EVP_Digest(m->der, m->claim.csr_len, at, &n, EVP_sha256(), NULL));
	at += n;
	sign_with(m->attest_key, text, (size_t)(at - text), m->attestation,
		  &m->claim.attestation_len);
}

void csr_make(struct csr_made *m, const struct csr_recipe *r)
{
	X509_REQ *req = X509_REQ_new();
	uint8_t point[65], *at = m->der;
	size_t len = 0;
	int der_len;

	memset(m, 0, sizeof(*m));
	for (unsigned i = 0; i < SFI_UID_BYTES; i++)
		m->claim.uid[i] = (uint8_t)(0xa0 + i);
	for (unsigned i = 0; i < SFI_CHALLENGE_BYTES; i++)
		m->claim.challenge[i] = (uint8_t)(i * 7);
	m->key = EVP_EC_gen(r->curve ? r->curve : "P-256");
	m->attest_key = EVP_EC_gen("P-256");
	CHECK(m->key && m->attest_key);
	CHECK(EVP_PKEY_get_octet_string_param(m->attest_key,
					      OSSL_PKEY_PARAM_PUB_KEY, point,
					      sizeof(point), &len) &&
	      len == sizeof(point));
	memcpy(m->claim.attest_key, point + 1, CSR_ATTEST_KEY_BYTES);
	CHECK(X509_REQ_set_version(req, 0) && X509_REQ_set_pubkey(req, m->key));
	set_names(req, r, &m->claim);
	set_attributes(req, r, &m->claim);
	CHECK(X509_REQ_sign(
		req, m->key,
		EVP_get_digestbyname(r->digest ? r->digest : "SHA256")));
	der_len = i2d_X509_REQ(req, NULL);
	CHECK(der_len > 0 && (size_t)der_len <= sizeof(m->der));
	i2d_X509_REQ(req, &at);
	X509_REQ_free(req);
	if (r->break_signature)
		m->der[der_len - 3] ^= 1;
	m->claim.csr = m->der;
	m->claim.csr_len = (size_t)der_len;
	m->claim.attestation = m->attestation;
	csr_attest(m);
}

void csr_made_free(struct csr_made *m)
{
	EVP_PKEY_free(m->key);
	EVP_PKEY_free(m->attest_key);
}
