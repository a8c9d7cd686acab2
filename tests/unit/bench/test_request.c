/* The cloud's reading of certificate requests: every byte of a good one
 * matters, none may do harm. */
#include "bench/cloud/request.h"

#include <openssl/evp.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAME "PV00112233445566778899aabbccddeeff"

static regex_t pattern;
static uint8_t *der;
static int der_len;

static uint8_t *make_request(const char *name, const char *unit, int *len)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *req = X509_REQ_new();
	X509_NAME *subject = X509_NAME_new();
	uint8_t *out = NULL;

	assert_true(X509_NAME_add_entry_by_txt(
		subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0));
	if (unit)
		assert_true(X509_NAME_add_entry_by_txt(
			subject, "OU", MBSTRING_ASC, (const uint8_t *)unit, -1,
			-1, 0));
	assert_true(X509_REQ_set_subject_name(req, subject));
	assert_true(X509_REQ_set_pubkey(req, key));
	assert_true(X509_REQ_sign(req, key, EVP_sha256()));
	*len = i2d_X509_REQ(req, &out);
	assert_true(*len > 0);
	X509_NAME_free(subject);
	X509_REQ_free(req);
	EVP_PKEY_free(key);
	return out;
}

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(
		regcomp(&pattern, "^PV[0-9a-f]{32}$", REG_EXTENDED | REG_NOSUB),
		0);
	der = make_request(NAME, NULL, &der_len);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	regfree(&pattern);
	OPENSSL_free(der);
	return 0;
}

/* Through base64 in a buffer of exactly that size: ASan sees any overread. */
static enum err_code parse(const uint8_t *bytes, int len)
{
	char *text = malloc((size_t)len * 2 + 8);
	struct request r;
	struct err e;
	enum err_code rc;
	char *exact;
	size_t n;

	assert_non_null(text);
	n = (size_t)EVP_EncodeBlock((uint8_t *)text, bytes, len);
	exact = malloc(n ? n : 1);
	assert_non_null(exact);
	memcpy(exact, text, n);
	rc = request_parse(&r, exact, n, &pattern, &e);
	if (!rc) {
		assert_string_equal(r.name, NAME);
		assert_int_equal(strlen(r.key_id), 64);
		request_fini(&r);
	}
	free(exact);
	free(text);
	return rc;
}

static void a_good_request(void **state)
{
	(void)state;
	assert_int_equal(parse(der, der_len), ERR_OK);
}

static void every_bit_matters(void **state)
{
	(void)state;
	for (int bit = 0; bit < der_len * 8; bit++) {
		enum err_code rc;

		der[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		rc = parse(der, der_len);
		assert_true(rc == ERR_MALFORMED || rc == ERR_REFUSED ||
			    rc == ERR_INTEGRITY);
		der[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
}

static void every_length_but_its_own(void **state)
{
	uint8_t *longer = calloc(1, (size_t)der_len + 1);

	(void)state;
	assert_non_null(longer);
	memcpy(longer, der, (size_t)der_len);
	for (int len = 0; len < der_len; len++)
		assert_int_equal(parse(der, len), ERR_MALFORMED);
	assert_int_equal(parse(longer, der_len + 1), ERR_MALFORMED);
	free(longer);
}

static void subjects_that_are_refused(void **state)
{
	static const char *const names[] = {"x", "PV", NAME "0", " " NAME,
					    "../" NAME};
	uint8_t *other;
	int len;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		other = make_request(names[i], NULL, &len);
		assert_int_equal(parse(other, len), ERR_REFUSED);
		OPENSSL_free(other);
	}
	other = make_request(NAME, "root", &len);
	assert_int_equal(parse(other, len), ERR_REFUSED);
	OPENSSL_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_request),
		cmocka_unit_test(every_bit_matters),
		cmocka_unit_test(every_length_but_its_own),
		cmocka_unit_test(subjects_that_are_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
