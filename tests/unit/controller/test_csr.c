/* The CSR policy: what a unit sends passes, everything else is refused and
 * says why. */
#include "tests/unit/controller/csr_maker.h"

#include "proto/base/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static enum err_code check(const struct csr_recipe *recipe, struct err *e)
{
	struct csr_facts facts;
	struct csr_made m;
	enum err_code rc;

	csr_make(&m, recipe);
	rc = csr_check(&m.claim, &facts, e);
	csr_made_free(&m);
	return rc;
}

static void assert_sha256(const char *want, const void *data, size_t len)
{
	uint8_t hash[32];
	char hex[65];

	assert_true(EVP_Digest(data, len, hash, NULL, EVP_sha256(), NULL));
	assert_string_equal(want, hex_encode(hex, hash, sizeof(hash)));
}

static void test_good(void **state)
{
	struct csr_recipe plain = {0};
	char device_id[CSR_DEVICE_ID_SIZE];
	uint8_t *spki = NULL;
	int spki_len;
	struct csr_facts facts;
	struct csr_made m;
	struct err e;

	(void)state;
	csr_make(&m, &plain);
	assert_int_equal(csr_check(&m.claim, &facts, &e), ERR_OK);
	csr_device_id(device_id, m.claim.uid);
	assert_string_equal(facts.device_id, device_id);
	assert_sha256(facts.csr_sha256, m.der, m.claim.csr_len);
	spki_len = i2d_PUBKEY(m.key, &spki);
	assert_true(spki_len > 0);
	assert_sha256(facts.spki_sha256, spki, (size_t)spki_len);
	OPENSSL_free(spki);
	csr_made_free(&m);
}

/* printf 'provline-device-id-v1' + UID 00..0b, by sha256sum */
static void test_device_id(void **state)
{
	uint8_t uid[SFI_UID_BYTES];
	char id[CSR_DEVICE_ID_SIZE];

	(void)state;
	for (unsigned i = 0; i < sizeof(uid); i++)
		uid[i] = (uint8_t)i;
	csr_device_id(id, uid);
	assert_string_equal(id, "PV3bfcf3eff10f44b4c8ddab27520f2bcf");
}

static void test_refusals(void **state)
{
	static const struct {
		struct csr_recipe recipe;
		enum err_code code;
		const char *says;
	} cases[] = {
		{{.cn = "PV00000000000000000000000000000000"},
		 ERR_REFUSED,
		 "subject"},
		{{.serial = "ffffffffffffffffffffffff"},
		 ERR_REFUSED,
		 "subject"},
		{{.country = "XX"}, ERR_REFUSED, "subject"},
		{{.cn_twice = true}, ERR_REFUSED, "subject"},
		{{.one_set = true}, ERR_REFUSED, "subject"},
		{{.password = "00"}, ERR_REFUSED, "challenge"},
		{{.password = ""}, ERR_REFUSED, "attribute"},
		{{.extension = true}, ERR_REFUSED, "attribute"},
		{{.password = "", .extension = true},
		 ERR_REFUSED,
		 "not challengePassword"},
		{{.curve = "P-384"}, ERR_REFUSED, "P-256"},
		{{.curve = "secp256k1"}, ERR_REFUSED, "P-256"},
		{{.digest = "SHA384"}, ERR_REFUSED, "SHA-256"},
		{{.break_signature = true}, ERR_INTEGRITY, "own signature"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e;

		assert_int_equal(check(&cases[i].recipe, &e), cases[i].code);
		assert_non_null(strstr(e.text, cases[i].says));
	}
}

/* The bytes around the challenge's type, each as it must not be. Nothing signs
 * the request again: what gets past the attribute fails at the signature. */
static void test_attribute(void **state)
{
	static const struct {
		int at; /* from the content of the type */
		uint8_t flip;
		enum err_code code;
		const char *says;
	} cases[] = {
		{-3, 0x01, ERR_REFUSED, "exactly one"},	      /* length */
		{-4, 0x01, ERR_REFUSED, "exactly one"},	      /* SEQUENCE */
		{-2, 0x03, ERR_MALFORMED, "without a type"},  /* OID */
		{8, 0x0f, ERR_REFUSED, "not challenge"},      /* .7 */
		{9, 0x01, ERR_MALFORMED, "unreadable"},	      /* SET */
		{10, 0x03, ERR_MALFORMED, "unreadable"},      /* length */
		{11, 0x08, ERR_MALFORMED, "unreadable"},      /* OCTET STRING */
		{12, 0x7f, ERR_MALFORMED, "unreadable"},      /* length */
		{11, 0x0c ^ 0x13, ERR_INTEGRITY, "own sign"}, /* Printable */
		{11, 0x0c ^ 0x16, ERR_INTEGRITY, "own sign"}, /* IA5 */
	};
	struct csr_recipe plain = {0};
	struct csr_facts facts;
	struct csr_made m;
	uint8_t *type;

	(void)state;
	csr_make(&m, &plain);
	type = memmem(m.der, m.claim.csr_len,
		      "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07", 9);
	assert_non_null(type);
	assert_int_equal(type[11], 0x0c); /* UTF8String */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e;

		type[cases[i].at] ^= cases[i].flip;
		assert_int_equal(csr_check(&m.claim, &facts, &e),
				 cases[i].code);
		assert_non_null(strstr(e.text, cases[i].says));
		type[cases[i].at] ^= cases[i].flip;
	}
	csr_made_free(&m);
}

static void test_attestation(void **state)
{
	struct csr_recipe plain = {0};
	struct csr_facts facts;
	struct csr_made m;
	struct err e;

	(void)state;
	csr_make(&m, &plain);
	m.attestation[m.claim.attestation_len - 1] ^= 1;
	assert_int_equal(csr_check(&m.claim, &facts, &e), ERR_INTEGRITY);
	csr_attest(&m);
	assert_int_equal(csr_check(&m.claim, &facts, &e), ERR_OK);
	/* by the device's own key instead of the release's */
	EVP_PKEY_free(m.attest_key);
	EVP_PKEY_up_ref(m.key);
	m.attest_key = m.key;
	csr_attest(&m);
	assert_int_equal(csr_check(&m.claim, &facts, &e), ERR_INTEGRITY);
	assert_non_null(strstr(e.text, "test program"));
	/* a key that is no point of the curve */
	memset(m.claim.attest_key, 0xff, sizeof(m.claim.attest_key));
	assert_int_equal(csr_check(&m.claim, &facts, &e), ERR_INTEGRITY);
	m.claim.attestation_len = 0;
	assert_int_equal(csr_check(&m.claim, &facts, &e), ERR_MALFORMED);
	m.claim.attestation_len = CSR_ATTEST_MAX_BYTES + 1;
	assert_int_equal(csr_check(&m.claim, &facts, &e), ERR_MALFORMED);
	csr_made_free(&m);
}

/* Another attempt's challenge, another unit's UID: nothing carries over. */
static void test_replay(void **state)
{
	struct csr_recipe plain = {0};
	struct csr_facts facts;
	struct csr_made m;
	struct err e;

	(void)state;
	csr_make(&m, &plain);
	m.claim.challenge[31] ^= 1;
	csr_attest(&m);
	assert_int_equal(csr_check(&m.claim, &facts, &e), ERR_REFUSED);
	m.claim.challenge[31] ^= 1;
	m.claim.uid[0] ^= 1;
	csr_attest(&m);
	assert_int_equal(csr_check(&m.claim, &facts, &e), ERR_REFUSED);
	csr_made_free(&m);
}

static void test_length(void **state)
{
	struct csr_recipe plain = {0};
	struct csr_facts facts;
	struct csr_made m;
	struct err e;
	size_t whole;

	(void)state;
	csr_make(&m, &plain);
	whole = m.claim.csr_len;
	for (size_t len = 0; len < whole; len++) {
		/* an exact copy, so that ASan sees a read behind the end */
		uint8_t *cut = malloc(len ? len : 1);

		memcpy(cut, m.der, len);
		m.claim.csr = cut;
		m.claim.csr_len = len;
		assert_int_equal(csr_check(&m.claim, &facts, &e),
				 ERR_MALFORMED);
		free(cut);
	}
	m.claim.csr = m.der;
	m.claim.csr_len = whole + 1;
	m.der[whole] = 0;
	csr_attest(&m);
	assert_int_equal(csr_check(&m.claim, &facts, &e), ERR_MALFORMED);
	m.claim.csr_len = CSR_MAX_BYTES + 1; /* not even looked at */
	assert_int_equal(csr_check(&m.claim, &facts, &e), ERR_MALFORMED);
	assert_non_null(strstr(e.text, "are possible"));
	m.claim.csr_len = 0;
	assert_int_equal(csr_check(&m.claim, &facts, &e), ERR_MALFORMED);
	assert_non_null(strstr(e.text, "are possible"));
	csr_made_free(&m);
}

/* Every byte flipped in turn: never accepted, never a crash, even when the test
 * program signs what came of it. */
static void test_bytes(void **state)
{
	struct csr_recipe plain = {0};
	struct csr_facts facts;
	struct csr_made m;

	(void)state;
	csr_make(&m, &plain);
	for (size_t i = 0; i < m.claim.csr_len; i++) {
		m.der[i] ^= 0x55;
		csr_attest(&m);
		assert_int_not_equal(csr_check(&m.claim, &facts, NULL), ERR_OK);
		m.der[i] ^= 0x55;
	}
	csr_attest(&m);
	assert_int_equal(csr_check(&m.claim, &facts, NULL), ERR_OK);
	csr_made_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_device_id),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_attribute),
		cmocka_unit_test(test_attestation),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
