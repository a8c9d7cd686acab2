/* Identity, certificate request and boot record over a flash that may lose
 * its supply at any quad-word, and certificates that lie. */
#include "firmware/common/record.h"
#include "firmware/test/csr.h"
#include "tests/unit/firmware/fake_hal.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/pk.h>
#include <mbedtls/sha256.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static int rng(void *arg, unsigned char *out, size_t len)
{
	(void)arg;
	return getentropy(out, len);
}

static void identity_close(struct identity *id)
{
	mbedtls_mpi_free(&id->key);
	mbedtls_ecp_group_free(&id->group);
}

/* The key is made once, whatever happens on the way. */
static void test_key_survives(void **state)
{
	struct identity id, again;
	bool done = false;
	(void)state;

	for (int cut = 0; !done; cut++) {
		fake_reset();
		fake_fail_after(cut);
		done = identity_open(&id, rng, NULL);
		identity_close(&id);
		fake_fail_after(-1);
		assert_true(identity_open(&id, rng, NULL));
		assert_true(identity_open(&again, rng, NULL));
		assert_memory_equal(id.public_key, again.public_key, 65);
		assert_int_equal(mbedtls_mpi_cmp_mpi(&id.key, &again.key), 0);
		identity_close(&id);
		identity_close(&again);
		assert_true(cut < 100);
	}
}

static void test_device_id(void **state)
{
	const uint8_t uid[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
	char id[SFI_DEVICE_ID_CHARS + 1];
	(void)state;

	identity_device_id(id, uid);
	/* printf 'provline-device-id-v1\1\2\3\4\5\6\7\10\11\12\13\14' |
	 * sha256sum */
	assert_string_equal(id, "PVaaa84019ffa5ec5376f01554088358fd");
}

static void test_csr_and_attestation(void **state)
{
	struct identity id;
	uint8_t challenge[32], out[CSR_MAX_BYTES], key[32], signature[72];
	uint8_t hash[32];
	mbedtls_x509_csr csr;
	size_t len;
	(void)state;

	fake_reset();
	assert_int_equal(getentropy(challenge, sizeof(challenge)), 0);
	assert_true(identity_open(&id, rng, NULL));
	for (unsigned i = 0; i < 20; i++) {
		len = csr_write(&id, challenge, rng, NULL, out);
		assert_true(len > 0);
		mbedtls_x509_csr_init(&csr);
		assert_int_equal(mbedtls_x509_csr_parse_der(&csr, out, len), 0);
		mbedtls_sha256_ret(csr.cri.p, csr.cri.len, hash, 0);
		assert_int_equal(mbedtls_pk_verify(&csr.pk, MBEDTLS_MD_SHA256,
						   hash, 32, csr.sig.p,
						   csr.sig.len),
				 0);
		mbedtls_x509_csr_free(&csr);
		challenge[0]++;
	}
	/* a key that is none signs nothing */
	memset(key, 0xFF, sizeof(key));
	assert_int_equal(
		csr_attest(&id, key, challenge, out, len, rng, NULL, signature),
		0);
	memset(key, 0, sizeof(key));
	assert_int_equal(
		csr_attest(&id, key, challenge, out, len, rng, NULL, signature),
		0);
	key[31] = 9;
	assert_true(csr_attest(&id, key, challenge, out, len, rng, NULL,
			       signature) > 0);
	identity_close(&id);
}

/* A certificate for the device's key, by itself. */
static size_t make_certificate(struct identity *id, uint8_t der[2048],
			       uint8_t **at)
{
	mbedtls_x509write_cert w;
	mbedtls_pk_context pk;
	mbedtls_mpi serial;
	int len;

	mbedtls_pk_init(&pk);
	mbedtls_pk_setup(&pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
	mbedtls_ecp_group_copy(&mbedtls_pk_ec(pk)->grp, &id->group);
	mbedtls_mpi_copy(&mbedtls_pk_ec(pk)->d, &id->key);
	mbedtls_ecp_point_read_binary(&id->group, &mbedtls_pk_ec(pk)->Q,
				      id->public_key, 65);
	mbedtls_x509write_crt_init(&w);
	mbedtls_mpi_init(&serial);
	mbedtls_mpi_lset(&serial, 5);
	mbedtls_x509write_crt_set_md_alg(&w, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_serial(&w, &serial);
	mbedtls_x509write_crt_set_validity(&w, "20260101000000",
					   "20460101000000");
	mbedtls_x509write_crt_set_subject_name(&w, "CN=a");
	mbedtls_x509write_crt_set_issuer_name(&w, "CN=b");
	mbedtls_x509write_crt_set_subject_key(&w, &pk);
	mbedtls_x509write_crt_set_issuer_key(&w, &pk);
	len = mbedtls_x509write_crt_der(&w, der, 2048, rng, NULL);
	assert_true(len > 0);
	mbedtls_mpi_free(&serial);
	mbedtls_x509write_crt_free(&w);
	mbedtls_pk_free(&pk);
	*at = der + 2048 - len;
	return (size_t)len;
}

static void test_certificates(void **state)
{
	uint8_t der[2048], *at, *copy;
	struct identity id;
	size_t len;
	(void)state;

	fake_reset();
	assert_true(identity_open(&id, rng, NULL));
	len = make_certificate(&id, der, &at);
	assert_true(identity_cert_matches(&id, at, len));
	/* cut anywhere; in memory of exactly that size, for ASan to watch */
	for (size_t cut = 0; cut < len; cut++) {
		copy = malloc(cut > 0 ? cut : 1);
		assert_non_null(copy);
		memcpy(copy, at, cut);
		assert_false(identity_cert_matches(&id, copy, cut));
		free(copy);
	}
	/* any bit changed: never a read outside, whatever the answer */
	copy = malloc(len);
	assert_non_null(copy);
	for (size_t bit = 0; bit < 8 * len; bit++) {
		memcpy(copy, at, len);
		copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
		(void)identity_cert_matches(&id, copy, len);
	}
	free(copy);
	id.public_key[64] ^= 1;
	assert_false(identity_cert_matches(&id, at, len));
	identity_close(&id);
}

static void test_certificate_store(void **state)
{
	uint8_t first[500], second[701], sha[32], want[32];
	bool done = false;
	(void)state;

	memset(first, 1, sizeof(first));
	memset(second, 2, sizeof(second));
	mbedtls_sha256_ret(second, sizeof(second), want, 0);
	for (int cut = 0; !done; cut++) {
		fake_reset();
		assert_true(identity_cert_store(first, sizeof(first), sha));
		fake_fail_after(cut);
		done = identity_cert_store(second, sizeof(second), sha);
		fake_fail_after(-1);
		assert_true(identity_cert_store(second, sizeof(second), sha));
		assert_memory_equal(sha, want, 32);
		assert_true(cut < 200);
	}
	/* the same again touches nothing */
	fake_fail_after(0);
	assert_true(identity_cert_store(second, sizeof(second), sha));
	assert_false(identity_cert_store(first, 0, sha));
	assert_false(
		identity_cert_store(first, IDENTITY_CERT_MAX_BYTES + 1, sha));
}

static void test_boot_record(void **state)
{
	struct layout_boot_entry e;
	unsigned n = 0;
	(void)state;

	fake_reset();
	assert_false(record_boot_last(&e));
	assert_true(record_boot_append(LAYOUT_PROGRAM_TEST, 5000));
	assert_true(record_boot_append(LAYOUT_PROGRAM_KERNEL, 6000));
	/* a torn entry is passed over */
	memset(fake_flash + LAYOUT_BOOT_RECORD + 32, 0x5A, 7);
	assert_true(record_boot_last(&e));
	assert_int_equal(e.program, LAYOUT_PROGRAM_KERNEL);
	assert_true(record_boot_append(LAYOUT_PROGRAM_APP, 7000));
	assert_true(record_boot_last(&e));
	assert_int_equal(e.program, LAYOUT_PROGRAM_APP);
	assert_int_equal(e.length_bytes, 7000);
	/* so is one that does not check, or names no program */
	fake_flash[LAYOUT_BOOT_RECORD + 48 + 4] ^= 1;
	assert_true(record_boot_last(&e));
	assert_int_equal(e.program, LAYOUT_PROGRAM_KERNEL);
	while (record_boot_append(LAYOUT_PROGRAM_TEST, 1))
		n++;
	assert_int_equal(n, LAYOUT_BOOT_ENTRIES_BYTES / 16 - 4);
}

static void test_image_record(void **state)
{
	uint8_t hash[32], back[32];
	(void)state;

	memset(hash, 7, sizeof(hash));
	for (int cut = 0; cut < 3; cut++) {
		fake_reset();
		fake_fail_after(cut);
		assert_false(record_image_set(hash));
		assert_false(record_image_get(back));
	}
	fake_reset();
	assert_true(record_image_set(hash));
	assert_false(record_image_set(hash));
	assert_true(record_image_get(back));
	assert_memory_equal(back, hash, 32);
	assert_true(record_erase());
	assert_false(record_image_get(back));
}

static void put_program(uint32_t stack, uint32_t entry)
{
	struct layout_program_header h = {.magic = LAYOUT_HEADER_MAGIC,
					  .program = LAYOUT_PROGRAM_TEST,
					  .length_bytes = 8000};
	uint32_t vectors[2] = {stack, entry};

	fake_reset();
	memcpy(fake_flash + LAYOUT_TEST, vectors, sizeof(vectors));
	memcpy(fake_flash + LAYOUT_TEST + LAYOUT_HEADER_OFFSET, &h, sizeof(h));
}

static void test_program_check(void **state)
{
	const uint32_t base = LAYOUT_FLASH_S + LAYOUT_TEST;
	(void)state;

	fake_reset();
	assert_false(record_program_valid(LAYOUT_PROGRAM_TEST));
	put_program(0x30080000, base + 0x501);
	assert_true(record_program_valid(LAYOUT_PROGRAM_TEST));
	assert_false(record_program_valid(LAYOUT_PROGRAM_KERNEL));
	put_program(0x30080004, base + 0x501);
	assert_false(record_program_valid(LAYOUT_PROGRAM_TEST));
	put_program(0x20000000, base + 0x501);
	assert_false(record_program_valid(LAYOUT_PROGRAM_TEST));
	put_program(0x30080000, base + 0x500);
	assert_false(record_program_valid(LAYOUT_PROGRAM_TEST));
	put_program(0x30080000, base + 8001);
	assert_false(record_program_valid(LAYOUT_PROGRAM_TEST));
	put_program(0x30080000, base - 1);
	assert_false(record_program_valid(LAYOUT_PROGRAM_TEST));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_survives),
		cmocka_unit_test(test_device_id),
		cmocka_unit_test(test_csr_and_attestation),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_certificate_store),
		cmocka_unit_test(test_boot_record),
		cmocka_unit_test(test_image_record),
		cmocka_unit_test(test_program_check),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
