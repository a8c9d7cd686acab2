/* What an EST server may answer, and what a wrong one does. */
#include "tests/unit/controller/csr_maker.h"

#include "controller/enrol/est_reply.h"

#include <openssl/pkcs7.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct csr_made unit, other;

static X509 *certify(const struct csr_made *m, long serial)
{
	const uint8_t *p = m->der;
	X509_REQ *req = d2i_X509_REQ(NULL, &p, (long)m->claim.csr_len);
	X509_NAME *issuer = X509_NAME_new();
	X509 *cert = X509_new();

	X509_NAME_add_entry_by_txt(issuer, "CN", MBSTRING_ASC,
				   (const uint8_t *)"Cloud CA", -1, -1, 0);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
	X509_set_version(cert, 2);
	X509_set_subject_name(cert, X509_REQ_get_subject_name(req));
	X509_set_issuer_name(cert, issuer);
	X509_set_pubkey(cert, X509_REQ_get0_pubkey(req));
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	assert_true(X509_sign(cert, m->attest_key, EVP_sha256()) > 0);
	X509_NAME_free(issuer);
	X509_REQ_free(req);
	return cert;
}

/* base64 of a certs-only PKCS#7 with these; the caller frees. */
static char *reply_of(X509 **certs, int n, size_t *len)
{
	PKCS7 *p7 = PKCS7_new();
	uint8_t *der = NULL;
	char *text;
	int der_len;

	PKCS7_set_type(p7, NID_pkcs7_signed);
	PKCS7_content_new(p7, NID_pkcs7_data);
	PKCS7_set_detached(p7, 1);
	for (int i = 0; i < n; i++)
		PKCS7_add_certificate(p7, certs[i]);
	der_len = i2d_PKCS7(p7, &der);
	assert_true(der_len > 0);
	text = malloc((size_t)der_len * 2 + 16);
	*len = (size_t)EVP_EncodeBlock((uint8_t *)text, der, der_len);
	OPENSSL_free(der);
	PKCS7_free(p7);
	return text;
}

static enum err_code read_reply(const char *body, size_t len,
				struct enrol_reply *reply, struct dbuf *cert,
				struct err *e)
{
	memset(reply, 0, sizeof(*reply));
	dbuf_init(cert, ENROL_CERT_MAX_BYTES);
	return est_reply_certificate(body, len, unit.der, unit.claim.csr_len,
				     cert, reply, e);
}

static void test_issued(void **state)
{
	X509 *certs[] = {certify(&unit, 0x01ab), certify(&other, 7)};
	struct enrol_reply reply;
	struct dbuf cert;
	struct err e;
	size_t len;
	char *body = reply_of(certs, 2, &len), *spaced = malloc(3 * len);
	size_t n = 0;

	(void)state;
	assert_int_equal(read_reply(body, len, &reply, &cert, &e), ERR_OK);
	assert_string_equal(reply.cert_serial, "01ab");
	assert_string_equal(reply.cert_issuer, "CN=Cloud CA");
	assert_int_equal(strlen(reply.cert_sha256), 64);
	assert_true(cert.len > 200);
	dbuf_fini(&cert);
	/* RFC 8951 3.1: white space is allowed anywhere */
	for (size_t i = 0; i < len; i++) {
		spaced[n++] = body[i];
		if (i % 5 == 0) {
			spaced[n++] = '\r';
			spaced[n++] = '\n';
		}
	}
	assert_int_equal(read_reply(spaced, n, &reply, &cert, &e), ERR_OK);
	dbuf_fini(&cert);
	free(spaced);
	free(body);
	X509_free(certs[0]);
	X509_free(certs[1]);
}

static void expect_refused(X509 **certs, int n)
{
	struct enrol_reply reply;
	struct dbuf cert;
	struct err e;
	size_t len;
	char *body = reply_of(certs, n, &len);

	assert_int_equal(read_reply(body, len, &reply, &cert, &e), ERR_CLOUD);
	assert_int_equal(cert.len, 0);
	dbuf_fini(&cert);
	free(body);
}

static void test_wrong_certificates(void **state)
{
	X509 *mine = certify(&unit, 1), *again = certify(&unit, 2);
	X509 *foreign = certify(&other, 3), *renamed = certify(&unit, 4);
	X509 *many[EST_CERTS_MAX + 1];
	X509 *two[] = {mine, again};
	X509_NAME *name = X509_NAME_new();

	(void)state;
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const uint8_t *)"PVother", -1, -1, 0);
	X509_set_subject_name(renamed, name);
	X509_sign(renamed, unit.attest_key, EVP_sha256());
	expect_refused(NULL, 0);
	expect_refused(&foreign, 1); /* another unit's key */
	expect_refused(&renamed, 1); /* our key, another name */
	expect_refused(two, 2);	     /* two for one key */
	for (int i = 0; i <= EST_CERTS_MAX; i++)
		many[i] = i ? foreign : mine;
	expect_refused(many, EST_CERTS_MAX + 1);
	X509_NAME_free(name);
	X509_free(mine);
	X509_free(again);
	X509_free(foreign);
	X509_free(renamed);
}

static void test_truncated(void **state)
{
	X509 *cert = certify(&unit, 1);
	struct enrol_reply reply;
	struct dbuf out;
	size_t len;
	char *body = reply_of(&cert, 1, &len);

	(void)state;
	for (size_t n = 0; n < len; n++) {
		char *cut = malloc(n ? n : 1);

		memcpy(cut, body, n);
		assert_int_equal(read_reply(cut, n, &reply, &out, NULL),
				 ERR_CLOUD);
		dbuf_fini(&out);
		free(cut);
	}
	assert_int_equal(
		read_reply("<html>busy</html>", 17, &reply, &out, NULL),
		ERR_CLOUD);
	dbuf_fini(&out);
	free(body);
	X509_free(cert);
}

static void test_ca_certs(void **state)
{
	X509 *cert = certify(&unit, 1);
	struct dbuf pem;
	struct err e;
	size_t len;
	char *body = reply_of(&cert, 1, &len);

	(void)state;
	dbuf_init(&pem, 65536);
	assert_int_equal(est_reply_ca_certs(body, len, &pem, &e), ERR_OK);
	assert_non_null(strstr(dbuf_text(&pem), "-----BEGIN CERTIFICATE-----"));
	dbuf_fini(&pem);
	free(body);
	X509_free(cert);
}

static void test_retry_after(void **state)
{
	const int64_t now_ms =
		INT64_C(1700000000000); /* 14 Nov 2023 22:13:20 */

	(void)state;
	assert_int_equal(est_retry_after_s("5", now_ms), 5);
	assert_int_equal(est_retry_after_s("0", now_ms), 0);
	assert_int_equal(est_retry_after_s("999999", now_ms), 3600);
	assert_int_equal(est_retry_after_s("", now_ms), -1);
	assert_int_equal(est_retry_after_s("-5", now_ms), -1);
	assert_int_equal(est_retry_after_s("5x", now_ms), -1);
	assert_int_equal(
		est_retry_after_s("Tue, 14 Nov 2023 22:13:30 GMT", now_ms), 10);
	assert_int_equal(
		est_retry_after_s("Tue, 14 Nov 2023 22:13:10 GMT", now_ms), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_issued),
		cmocka_unit_test(test_wrong_certificates),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_ca_certs),
		cmocka_unit_test(test_retry_after),
	};
	int rc;

	csr_make(&unit, &(struct csr_recipe){0});
	csr_make(&other, &(struct csr_recipe){0});
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	csr_made_free(&unit);
	csr_made_free(&other);
	return rc;
}
