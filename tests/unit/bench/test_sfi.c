/* The SFI stand-in from all three sides: maker, card, chip. */
#include "bench/sfi/sfi.h"

#include "proto/base/file.h"
#include "proto/base/hex.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/sha256.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/provline-sfi-XXXXXX";
static char pem[64], other_pem[64], bad_pem[64];
static struct sfi_maker *maker;

static const uint8_t uid_a[SFI_UID_BYTES] = {1, 2, 3, 4,  5,  6,
					     7, 8, 9, 10, 11, 12};
static const uint8_t uid_b[SFI_UID_BYTES] = {1, 2, 3, 4,  5,  6,
					     7, 8, 9, 10, 11, 13};
static const uint8_t licence_id[SFI_LICENCE_ID_BYTES] = "0042\0\0\0\x07";
static const uint8_t fwid[SFI_FWID_BYTES] = "sensor-1.2";
static const uint8_t key_nonce[SFI_KEY_NONCE_BYTES] = "sixteen byte key"
						      "twelve nonce";

static int set_up(void **state)
{
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(pem, sizeof pem, "%s/maker.pem", folder);
	snprintf(other_pem, sizeof other_pem, "%s/other.pem", folder);
	snprintf(bad_pem, sizeof bad_pem, "%s/bad.pem", folder);
	return sfi_maker_open(&maker, pem, true, &e);
}

static int tear_down(void **state)
{
	(void)state;
	sfi_maker_free(maker);
	unlink(pem);
	unlink(other_pem);
	unlink(bad_pem);
	return rmdir(folder);
}

static void maker_key_is_made_once_and_private(void **state)
{
	uint8_t first[SFI_PUBLIC_BYTES], again[SFI_PUBLIC_BYTES];
	struct sfi_maker *m = NULL;
	struct stat st;
	struct err e;

	(void)state;
	sfi_maker_public(maker, first);
	assert_int_equal(sfi_maker_open(&m, pem, true, &e), ERR_OK);
	sfi_maker_public(m, again);
	assert_memory_equal(first, again, sizeof first);
	sfi_maker_free(m);
	assert_int_equal(sfi_maker_public_load(again, pem, &e), ERR_OK);
	assert_memory_equal(first, again, sizeof first);
	assert_int_equal(stat(pem, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void maker_key_files_that_are_none(void **state)
{
	static const char *const bad[] = {
		"",
		"no key at all\n",
		"-----BEGIN PRIVATE KEY-----\nAAAA\n"
		"-----END PRIVATE KEY-----\n",
		/* secp256k1: a key, but of another curve */
		"-----BEGIN EC PRIVATE KEY-----\n"
		"MHQCAQEEINfJehqBCR21P4akECzqMO8T1ocDarKJ1qRp1ie5LpDioAcGBSuBBA"
		"AK\n"
		"oUQDQgAESW6X33xbhEyEoWkGmGpe8xJF/"
		"RMjotVN43QVksjoOk0O0UsWC2386+Xm\n"
		"aA6qJJ47oGWHoEw5epvhnco04Oj39Q==\n"
		"-----END EC PRIVATE KEY-----\n",
	};
	struct sfi_maker *m = NULL;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(
			file_write(bad_pem, bad[i], strlen(bad[i]), 0600, &e),
			ERR_OK);
		assert_int_equal(sfi_maker_open(&m, bad_pem, true, &e),
				 ERR_INPUT);
	}
	assert_int_equal(sfi_maker_open(&m, "/nonexistent/x", false, &e),
			 ERR_IO);
	assert_null(m);
}

static void chip_certificate_follows_from_uid(void **state)
{
	uint8_t key[SFI_PRIVATE_BYTES], key2[SFI_PRIVATE_BYTES];
	uint8_t cert[SFI_CHIP_CERT_BYTES], cert2[SFI_CHIP_CERT_BYTES];
	uint8_t public[SFI_PUBLIC_BYTES];
	struct err e;

	(void)state;
	sfi_maker_public(maker, public);
	assert_int_equal(sfi_maker_chip(maker, uid_a, key, cert, &e), ERR_OK);
	assert_int_equal(sfi_maker_chip(maker, uid_a, key2, cert2, &e), ERR_OK);
	assert_memory_equal(key, key2, sizeof key);
	assert_memory_equal(cert, cert2, sizeof cert);
	assert_memory_equal(cert, SFI_PRODUCT_ID, 8);
	assert_int_equal(sfi_chip_cert_check(cert, public, &e), ERR_OK);
	assert_int_equal(sfi_maker_chip(maker, uid_b, key2, cert2, &e), ERR_OK);
	assert_memory_not_equal(key, key2, sizeof key);
	assert_memory_not_equal(cert + 8, cert2 + 8, 64);
}

/* The check again, from the text of proto/board/sfi.h and mbedTLS alone. */
static void chip_certificate_layout(void **state)
{
	uint8_t key[SFI_PRIVATE_BYTES], cert[SFI_CHIP_CERT_BYTES];
	uint8_t public[SFI_PUBLIC_BYTES], digest[32], raw[65] = {4};
	mbedtls_ecp_group g;
	mbedtls_ecp_point q, p;
	mbedtls_mpi r, s, d;
	struct err e;

	(void)state;
	assert_int_equal(sfi_maker_chip(maker, uid_a, key, cert, &e), ERR_OK);
	sfi_maker_public(maker, public);
	mbedtls_ecp_group_init(&g);
	mbedtls_ecp_point_init(&q);
	mbedtls_ecp_point_init(&p);
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	mbedtls_mpi_init(&d);
	mbedtls_ecp_group_load(&g, MBEDTLS_ECP_DP_SECP256R1);
	memcpy(raw + 1, public, 64);
	mbedtls_ecp_point_read_binary(&g, &q, raw, sizeof raw);
	mbedtls_mpi_read_binary(&r, cert + 72, 32);
	mbedtls_mpi_read_binary(&s, cert + 104, 32);
	mbedtls_sha256_ret(cert, 72, digest, 0);
	assert_int_equal(mbedtls_ecdsa_verify(&g, digest, 32, &q, &r, &s), 0);
	/* the private key is that of the certificate */
	memcpy(raw + 1, cert + 8, 64);
	mbedtls_ecp_point_read_binary(&g, &q, raw, sizeof raw);
	mbedtls_mpi_read_binary(&d, key, 32);
	mbedtls_mpi_lset(&r, 0);
	mbedtls_ecp_muladd(&g, &p, &d, &g.G, &r, &g.G);
	assert_int_equal(mbedtls_ecp_point_cmp(&p, &q), 0);
	mbedtls_ecp_group_free(&g);
	mbedtls_ecp_point_free(&q);
	mbedtls_ecp_point_free(&p);
	mbedtls_mpi_free(&r);
	mbedtls_mpi_free(&s);
	mbedtls_mpi_free(&d);
}

static void chip_certificate_any_byte_changed(void **state)
{
	uint8_t key[SFI_PRIVATE_BYTES], cert[SFI_CHIP_CERT_BYTES];
	uint8_t public[SFI_PUBLIC_BYTES];
	struct err e;

	(void)state;
	sfi_maker_public(maker, public);
	assert_int_equal(sfi_maker_chip(maker, uid_a, key, cert, &e), ERR_OK);
	for (size_t i = 0; i < sizeof cert; i++) {
		cert[i] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(sfi_chip_cert_check(cert, public, &e),
				 ERR_INTEGRITY);
		cert[i] ^= (uint8_t)(1u << (i % 8));
	}
	assert_int_equal(sfi_chip_cert_check(cert, public, &e), ERR_OK);
}

static void chip_certificate_of_another_maker(void **state)
{
	uint8_t key[SFI_PRIVATE_BYTES], cert[SFI_CHIP_CERT_BYTES];
	uint8_t public[SFI_PUBLIC_BYTES];
	struct sfi_maker *other = NULL;
	struct err e;

	(void)state;
	assert_int_equal(sfi_maker_open(&other, other_pem, true, &e), ERR_OK);
	assert_int_equal(sfi_maker_chip(other, uid_a, key, cert, &e), ERR_OK);
	sfi_maker_public(maker, public);
	assert_int_equal(sfi_chip_cert_check(cert, public, &e), ERR_INTEGRITY);
	sfi_maker_public(other, public);
	assert_int_equal(sfi_chip_cert_check(cert, public, &e), ERR_OK);
	sfi_maker_free(other);
}

static void issue(uint8_t licence[SFI_LICENCE_BYTES], const uint8_t *uid,
		  uint8_t chip_key[SFI_PRIVATE_BYTES])
{
	uint8_t cert[SFI_CHIP_CERT_BYTES];
	struct err e;

	assert_int_equal(sfi_maker_chip(maker, uid, chip_key, cert, &e),
			 ERR_OK);
	assert_int_equal(sfi_licence_issue(licence, cert, licence_id, fwid,
					   key_nonce, &e),
			 ERR_OK);
}

static void licence_opens_on_its_chip_any_time(void **state)
{
	uint8_t key[SFI_PRIVATE_BYTES], out[SFI_KEY_NONCE_BYTES];
	uint8_t licence[SFI_LICENCE_BYTES], licence2[SFI_LICENCE_BYTES];
	struct err e;

	(void)state;
	issue(licence, uid_a, key);
	issue(licence2, uid_a, key);
	assert_memory_not_equal(licence + 28, licence2 + 28, 108);
	assert_memory_equal(licence, "PLL1", 4);
	assert_memory_equal(licence + 4, licence_id, 8);
	assert_memory_equal(licence + 12, fwid, 16);
	for (int i = 0; i < 2; i++) {
		memset(out, 0, sizeof out);
		assert_int_equal(sfi_licence_unwrap(out, licence, key, &e),
				 ERR_OK);
		assert_memory_equal(out, key_nonce, sizeof out);
	}
}

static void licence_for_another_chip(void **state)
{
	uint8_t key[SFI_PRIVATE_BYTES], other[SFI_PRIVATE_BYTES];
	uint8_t licence[SFI_LICENCE_BYTES], cert[SFI_CHIP_CERT_BYTES];
	uint8_t out[SFI_KEY_NONCE_BYTES], zero[SFI_KEY_NONCE_BYTES] = {0};
	struct err e;

	(void)state;
	issue(licence, uid_a, key);
	assert_int_equal(sfi_maker_chip(maker, uid_b, other, cert, &e), ERR_OK);
	memset(out, 0xAA, sizeof out);
	assert_int_equal(sfi_licence_unwrap(out, licence, other, &e),
			 ERR_INTEGRITY);
	assert_memory_equal(out, zero, sizeof out);
}

/* Includes the firmware id (bytes 12 to 27): a licence cannot be relabelled. */
static void licence_any_byte_changed(void **state)
{
	uint8_t key[SFI_PRIVATE_BYTES], licence[SFI_LICENCE_BYTES];
	uint8_t out[SFI_KEY_NONCE_BYTES];
	struct err e;

	(void)state;
	issue(licence, uid_a, key);
	for (size_t i = 0; i < sizeof licence; i++) {
		licence[i] ^= (uint8_t)(1u << (i % 8));
		assert_int_equal(sfi_licence_unwrap(out, licence, key, &e),
				 ERR_INTEGRITY);
		licence[i] ^= (uint8_t)(1u << (i % 8));
	}
	memcpy(licence + SFI_FWID_OFFSET, "sensor-1.3", 10);
	assert_int_equal(sfi_licence_unwrap(out, licence, key, &e),
			 ERR_INTEGRITY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maker_key_is_made_once_and_private),
		cmocka_unit_test(maker_key_files_that_are_none),
		cmocka_unit_test(chip_certificate_follows_from_uid),
		cmocka_unit_test(chip_certificate_layout),
		cmocka_unit_test(chip_certificate_any_byte_changed),
		cmocka_unit_test(chip_certificate_of_another_maker),
		cmocka_unit_test(licence_opens_on_its_chip_any_time),
		cmocka_unit_test(licence_for_another_chip),
		cmocka_unit_test(licence_any_byte_changed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
