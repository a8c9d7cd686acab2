/* A hostile cloud is possible (a proxy, a wrong server): everything here is
 * bounded by ENROL_REPLY_MAX_BYTES and EST_CERTS_MAX, and a certificate is
 * taken only when it is for the very key that asked. */
#include "proto/base/openssl_names.h"

#include "controller/enrol/est_reply.h"

#include "proto/base/hex.h"

#include <ctype.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* base64 with white space anywhere, into a malloc'ed buffer */
static uint8_t *decode_base64(const char *body, size_t len, size_t *out_len)
{
	uint8_t *packed = malloc(len + 1), *out = malloc(len + 4);
	size_t n = 0, pad = 0;
	int got = -1;

	for (size_t i = 0; packed && out && i < len; i++)
		if (!isspace((unsigned char)body[i]))
			packed[n++] = (uint8_t)body[i];
	if (packed && out && n && n % 4 == 0) {
		pad = (packed[n - 1] == '=') + (packed[n - 2] == '=');
		got = EVP_DecodeBlock(out, packed, (int)n);
	}
	free(packed);
	if (got < (int)pad) {
		free(out);
		return NULL;
	}
	*out_len = (size_t)got - pad;
	return out;
}

static PKCS7 *parse(const char *body, size_t len, struct err *e)
{
	const uint8_t *p;
	size_t der_len = 0;
	uint8_t *der;
	PKCS7 *p7;

	if (len > ENROL_REPLY_MAX_BYTES) {
		err_set(e, ERR_CLOUD, "a reply of %zu bytes", len);
		return NULL;
	}
	der = decode_base64(body, len, &der_len);
	if (!der) {
		err_set(e, ERR_CLOUD, "the reply is not base64");
		return NULL;
	}
	p = der;
	p7 = d2i_PKCS7(NULL, &p, (long)der_len);
	if (p7 &&
	    (p != der + der_len || !PKCS7_type_is_signed(p7) || !p7->d.sign)) {
		PKCS7_free(p7);
		p7 = NULL;
	}
	free(der);
	if (!p7)
		err_set(e, ERR_CLOUD,
			"the reply is not a PKCS#7 of certificates");
	ERR_clear_error();
	return p7;
}

static STACK_OF(X509) * certs_of(PKCS7 *p7, struct err *e)
{
	STACK_OF(X509) *certs = p7->d.sign->cert;
	int n = certs ? sk_X509_num(certs) : 0;

	if (n < 1 || n > EST_CERTS_MAX) {
		err_set(e, ERR_CLOUD,
			"%d certificates in the reply; 1 to %d "
			"are possible",
			n, EST_CERTS_MAX);
		return NULL;
	}
	return certs;
}

static bool answers(X509 *cert, X509_REQ *req)
{
	EVP_PKEY *want = X509_REQ_get0_pubkey(req);
	EVP_PKEY *have = X509_get0_pubkey(cert);

	return want && have && EVP_PKEY_eq(want, have) == 1 &&
	       !X509_NAME_cmp(X509_get_subject_name(cert),
			      X509_REQ_get_subject_name(req));
}

static X509 *pick(STACK_OF(X509) * certs, const uint8_t *csr, size_t csr_len,
		  struct err *e)
{
	const uint8_t *p = csr;
	X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)csr_len);
	X509 *found = NULL;
	int n = 0;

	for (int i = 0; req && i < sk_X509_num(certs); i++)
		if (answers(sk_X509_value(certs, i), req)) {
			found = sk_X509_value(certs, i);
			n++;
		}
	X509_REQ_free(req);
	ERR_clear_error();
	if (n == 1)
		return found;
	err_set(e, ERR_CLOUD,
		n ? "the reply holds several certificates for this key"
		  : "the certificate is not for the key and name asked for");
	return NULL;
}

static bool name_text(X509_NAME *name, char *out, size_t out_size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = -1;

	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		n = BIO_read(bio, out, (int)out_size - 1);
	out[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
	return n > 0;
}

static bool serial_text(X509 *cert, char out[ENROL_SERIAL_SIZE])
{
	BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = bn && !BN_is_negative(bn) ? BN_bn2hex(bn) : NULL;
	bool ok = hex && strlen(hex) < ENROL_SERIAL_SIZE;
	size_t i = 0;

	for (; ok && hex[i]; i++)
		out[i] = (char)tolower((unsigned char)hex[i]);
	out[i] = '\0';
	OPENSSL_free(hex);
	BN_free(bn);
	return ok;
}

static enum err_code describe(X509 *cert, struct dbuf *out,
			      struct enrol_reply *reply, struct err *e)
{
	uint8_t hash[SHA256_DIGEST_LENGTH], *der = NULL;
	int len = i2d_X509(cert, &der);
	enum err_code rc;

	if (len <= 0 || (size_t)len > ENROL_CERT_MAX_BYTES) {
		rc = err_set(e, ERR_CLOUD, "a certificate of %d bytes", len);
	} else if (!serial_text(cert, reply->cert_serial) ||
		   !name_text(X509_get_issuer_name(cert), reply->cert_issuer,
			      sizeof(reply->cert_issuer))) {
		rc = err_set(e, ERR_CLOUD,
			     "a certificate without usable serial or issuer");
	} else {
		SHA256(der, (size_t)len, hash);
		hex_encode(reply->cert_sha256, hash, sizeof(hash));
		rc = dbuf_add(out, der, (size_t)len);
		if (rc)
			err_set(e, rc, "certificate of %d bytes", len);
	}
	OPENSSL_free(der);
	return rc;
}

enum err_code est_reply_certificate(const char *body, size_t len,
				    const uint8_t *csr, size_t csr_len,
				    struct dbuf *cert,
				    struct enrol_reply *reply, struct err *e)
{
	enum err_code rc = ERR_CLOUD;
	STACK_OF(X509) * certs;
	X509 *found;
	PKCS7 *p7 = parse(body, len, e);

	if (!p7)
		return rc;
	certs = certs_of(p7, e);
	found = certs ? pick(certs, csr, csr_len, e) : NULL;
	if (found)
		rc = describe(found, cert, reply, e);
	PKCS7_free(p7);
	return rc;
}

static enum err_code add_pem(X509 *cert, struct dbuf *pem, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	enum err_code rc = ERR_NO_MEMORY;
	char *text;
	long len;

	if (bio && PEM_write_bio_X509(bio, cert) &&
	    (len = BIO_get_mem_data(bio, &text)) > 0)
		rc = dbuf_add(pem, text, (size_t)len);
	BIO_free(bio);
	if (rc)
		err_set(e, rc, "CA certificate");
	return rc;
}

enum err_code est_reply_ca_certs(const char *body, size_t len, struct dbuf *pem,
				 struct err *e)
{
	PKCS7 *p7 = parse(body, len, e);
	STACK_OF(X509) * certs;
	enum err_code rc = ERR_OK;

	if (!p7)
		return ERR_CLOUD;
	certs = certs_of(p7, e);
	if (!certs)
		rc = ERR_CLOUD;
	for (int i = 0; !rc && i < sk_X509_num(certs); i++)
		rc = add_pem(sk_X509_value(certs, i), pem, e);
	PKCS7_free(p7);
	return rc;
}

int est_retry_after_s(const char *value, int64_t wall_now_ms)
{
	struct tm tm = {0};
	char *end;
	int64_t s;

	if (!*value)
		return -1;
	if (isdigit((unsigned char)*value)) {
		s = strtol(value, &end, 10);
		if (*end)
			return -1;
	} else {
		end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		if (!end || *end)
			return -1;
		s = timegm(&tm) - wall_now_ms / 1000;
	}
	return s < 0 ? 0 : s > 3600 ? 3600 : (int)s;
}
