#include "bench/cloud/request.h"

#include "bench/cloud/ca_files.h"
#include "proto/base/hex.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <stdlib.h>
#include <string.h>

#define SERIAL_MAX_CHARS 64

/* Returns the number of bytes, or -1. out holds 3/4 of len. */
static int decode_base64(uint8_t *out, const char *text, size_t len)
{
	EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
	int n = 0, tail = 0;
	bool ok;

	if (!ctx)
		return -1;
	EVP_DecodeInit(ctx);
	ok = EVP_DecodeUpdate(ctx, out, &n, (const uint8_t *)text, (int)len) >=
		     0 &&
	     EVP_DecodeFinal(ctx, out + n, &tail) >= 0;
	EVP_ENCODE_CTX_free(ctx);
	return ok ? n + tail : -1;
}

static enum err_code parse_der(struct request *r, const uint8_t *der, int len,
			       struct err *e)
{
	const uint8_t *p = der;

	r->req = len > 0 ? d2i_X509_REQ(NULL, &p, len) : NULL;
	ERR_clear_error();
	if (!r->req || p != der + len)
		return err_set(e, ERR_MALFORMED, "not a PKCS#10 request");
	return ERR_OK;
}

/* The text of a name entry when it is plain ASCII of the wanted length and
 * characters; anything else (NULs, UTF-8, quotes) has no business here. */
static bool plain_text(X509_NAME *name, int nid, char *out, size_t out_size)
{
	int at = X509_NAME_get_index_by_NID(name, nid, -1);
	ASN1_STRING *s;
	size_t len;

	if (at < 0 || X509_NAME_get_index_by_NID(name, nid, at) >= 0)
		return false;
	s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	len = (size_t)ASN1_STRING_length(s);
	if (len == 0 || len >= out_size)
		return false;
	memcpy(out, ASN1_STRING_get0_data(s), len);
	out[len] = '\0';
	return strspn(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxy"
			   "z0123456789._-") == len &&
	       out[0] != '.';
}

static enum err_code check_subject(struct request *r,
				   const regex_t *name_pattern, struct err *e)
{
	X509_NAME *name = X509_REQ_get_subject_name(r->req);
	int entries = X509_NAME_entry_count(name);
	char serial[SERIAL_MAX_CHARS + 1];

	if (!plain_text(name, NID_commonName, r->name, sizeof r->name) ||
	    regexec(name_pattern, r->name, 0, NULL, 0))
		return err_set(e, ERR_REFUSED,
			       "the common name is not one of this cloud's");
	if (entries > 2 || (entries == 2 && !plain_text(name, NID_serialNumber,
							serial, sizeof serial)))
		return err_set(e, ERR_REFUSED,
			       "the subject may hold a common name and a "
			       "serialNumber only");
	return ERR_OK;
}

static enum err_code check_key(const struct request *r, struct err *e)
{
	EVP_PKEY *key = X509_REQ_get0_pubkey(r->req);
	char group[32];
	size_t len;

	if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
	    !EVP_PKEY_get_group_name(key, group, sizeof group, &len) ||
	    OBJ_txt2nid(group) != NID_X9_62_prime256v1) {
		ERR_clear_error();
		return err_set(e, ERR_REFUSED, "the key is not a P-256 key");
	}
	if (X509_REQ_verify(r->req, key) != 1) {
		ERR_clear_error();
		return err_set(e, ERR_INTEGRITY,
			       "the request's signature does not verify");
	}
	return ERR_OK;
}

enum err_code request_key_id(char out[REQUEST_KEY_ID_SIZE],
			     const X509_PUBKEY *key, struct err *e)
{
	uint8_t *der = NULL, digest[32];
	int len = i2d_X509_PUBKEY(key, &der);
	enum err_code rc = ERR_OK;

	if (len <= 0 ||
	    !EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL))
		rc = ca_openssl_err(e, ERR_FAILED, "public key");
	else
		hex_encode(out, digest, sizeof digest);
	OPENSSL_free(der);
	return rc;
}

enum err_code request_parse(struct request *r, const char *body, size_t len,
			    const regex_t *name_pattern, struct err *e)
{
	uint8_t der[REQUEST_MAX_BYTES];
	enum err_code rc;
	int der_len;

	memset(r, 0, sizeof *r);
	if (len > REQUEST_MAX_BYTES)
		return err_set(e, ERR_TOO_BIG, "request over %u bytes",
			       REQUEST_MAX_BYTES);
	der_len = decode_base64(der, body, len);
	if (der_len < 0)
		return err_set(e, ERR_MALFORMED, "the body is not base64");
	if (!(rc = parse_der(r, der, der_len, e)) &&
	    !(rc = check_subject(r, name_pattern, e)) &&
	    !(rc = check_key(r, e)))
		rc = request_key_id(r->key_id, X509_REQ_get_X509_PUBKEY(r->req),
				    e);
	if (rc)
		request_fini(r);
	return rc;
}

void request_fini(struct request *r)
{
	X509_REQ_free(r->req);
	memset(r, 0, sizeof *r);
}
