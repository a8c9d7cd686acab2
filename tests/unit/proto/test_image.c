/* The SPI-flash image: what is built is accepted, every byte of it counts,
 * and a header that lies is refused before anything is read by it. */
#include "tests/unit/proto/image_maker.h"

#include "proto/base/file.h"
#include "proto/image/signed_by.h"

#include <mbedtls/ecp.h>
#include <mbedtls/gcm.h>
#include <mbedtls/pk.h>
#include <mbedtls/sha256.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct image_maker made;
static struct dbuf image;

/* Plain binaries instead of bundles, large enough to have several blocks. */
static struct image_build inputs(void)
{
	struct image_build b = image_maker_inputs(&made);

	b.app_test_path = made.paths[MADE_APP_TEST];
	b.app_path = made.paths[MADE_APP];
	b.expect_path = NULL;
	return b;
}

static int set_up(void **state)
{
	struct image_build b;
	uint8_t key[28];
	struct err e;
	(void)state;

	image_maker_init(&made);
	image_maker_program(made.paths[MADE_TEST], LAYOUT_PROGRAM_TEST, 70001,
			    "1.2");
	image_maker_program(made.paths[MADE_KERNEL], LAYOUT_PROGRAM_KERNEL,
			    8192, "1.3");
	image_maker_program(made.paths[MADE_APP_TEST], LAYOUT_PROGRAM_APP_TEST,
			    3000, "1.4");
	image_maker_program(made.paths[MADE_APP], LAYOUT_PROGRAM_APP, 60007,
			    "1.5");
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 11);
	key[27] = '\n'; /* a binary file: no byte of it is a line end */
	assert_int_equal(
		file_write(made.paths[MADE_SFI_KEY], key, 28, 0600, NULL),
		ERR_OK);
	dbuf_init(&image, IMAGE_MAX_BYTES);
	b = inputs();
	if (image_build(&b, &image, &e) != ERR_OK)
		fail_msg("%s", e.text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	dbuf_fini(&image);
	image_maker_fini(&made);
	return 0;
}

static bool read_image(void *arg, uint32_t offset, void *buf, size_t len)
{
	const struct dbuf *b = arg;

	assert_true(offset <= b->len && len <= b->len - offset);
	memcpy(buf, b->data + offset, len);
	return true;
}

static void test_build_and_read(void **state)
{
	struct image im;
	struct image_fault f;
	uint8_t key[IMAGE_PUBLIC_KEY_BYTES], key_nonce[28];
	struct err e;
	(void)state;

	assert_int_equal(image_open(&im, read_image, &image, image.len, &f),
			 IMAGE_OK);
	assert_int_equal(im.image_bytes, image.len);
	assert_string_equal(im.product, "thermostat");
	assert_string_equal(im.version, "2026.1");
	assert_string_equal(im.firmware_id, "thermo-hwtest-01");
	assert_int_equal(im.nor_min_bytes, 8u << 20);
	assert_int_equal(image_part(&im, LAYOUT_PROGRAM_APP)->length, 60007);
	assert_string_equal(image_part(&im, LAYOUT_PROGRAM_APP)->version,
			    "1.5");
	assert_null(image_part(&im, LAYOUT_PROGRAM_LOADER));
	assert_int_equal(image_verify_all(&im, &f), IMAGE_OK);
	assert_int_equal(
		image_public_key_load(key, made.paths[MADE_RELEASE], &e),
		ERR_OK);
	assert_int_equal(image_verify_signature(&im, key, &f), IMAGE_OK);
	assert_int_equal(image_public_key_load(key, made.paths[MADE_OTHER], &e),
			 ERR_OK);
	assert_int_equal(image_verify_signature(&im, key, &f), IMAGE_KEY_ID);
	for (unsigned i = 0; i < 28; i++)
		key_nonce[i] = (uint8_t)(i * 11);
	assert_int_equal(image_verify_binding(&im, key_nonce, &f),
			 IMAGE_BINDING);
	key_nonce[27] = '\n';
	assert_int_equal(image_verify_binding(&im, key_nonce, &f), IMAGE_OK);
}

/* Without anybody's public key a damaged signature shows all the same. */
static void test_signature_fits_its_key_id(void **state)
{
	struct image im;
	(void)state;

	assert_int_equal(image_open(&im, read_image, &image, image.len, NULL),
			 IMAGE_OK);
	assert_true(image_signed_by_key_id(&im));
	for (unsigned i = 0; i < 8 * IMAGE_SIGNATURE_BYTES; i += 5) {
		im.signature[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_false(image_signed_by_key_id(&im));
		im.signature[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	im.key_id[0] ^= 1;
	assert_false(image_signed_by_key_id(&im));
	memset(im.signature, 0, sizeof(im.signature));
	assert_false(image_signed_by_key_id(&im));
	memset(im.signature, 0xFF, sizeof(im.signature));
	assert_false(image_signed_by_key_id(&im));
}

static void test_decrypts(void **state)
{
	struct image im;
	const struct image_part *p;
	struct dbuf key;
	uint8_t plain[70001], sha[32], attest[32];
	mbedtls_gcm_context gcm;
	mbedtls_ecp_keypair pair;
	uint8_t pub[65], want[65];
	size_t len;
	(void)state;

	assert_int_equal(image_open(&im, read_image, &image, image.len, NULL),
			 IMAGE_OK);
	p = image_part(&im, LAYOUT_PROGRAM_TEST);
	dbuf_init(&key, 100);
	assert_int_equal(file_read(made.paths[MADE_SFI_KEY], &key, NULL),
			 ERR_OK);
	mbedtls_gcm_init(&gcm);
	mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key.data, 128);
	assert_int_equal(mbedtls_gcm_auth_decrypt(
				 &gcm, p->length, key.data + 16, 12, NULL, 0,
				 im.gcm_tag, 16, image.data + p->offset, plain),
			 0);
	mbedtls_gcm_free(&gcm);
	dbuf_fini(&key);
	mbedtls_sha256_ret(plain, sizeof(plain), sha, 0);
	assert_memory_equal(sha, p->installed_sha256, 32);
	/* its attestation key belongs to the header's public key */
	memcpy(attest,
	       plain + LAYOUT_HEADER_OFFSET +
		       offsetof(struct layout_program_header, attest_key),
	       32);
	mbedtls_ecp_keypair_init(&pair);
	mbedtls_ecp_group_load(&pair.grp, MBEDTLS_ECP_DP_SECP256R1);
	mbedtls_mpi_read_binary(&pair.d, attest, 32);
	mbedtls_ecp_mul(&pair.grp, &pair.Q, &pair.d, &pair.grp.G, NULL, NULL);
	mbedtls_ecp_point_write_binary(&pair.grp, &pair.Q,
				       MBEDTLS_ECP_PF_UNCOMPRESSED, &len, pub,
				       sizeof(pub));
	mbedtls_ecp_keypair_free(&pair);
	assert_memory_equal(pub, im.attest_key, sizeof(pub));
	image_public_key_load(want, made.paths[MADE_ATTEST], NULL);
	assert_memory_equal(pub, want, sizeof(pub));
}

static void test_same_bytes(void **state)
{
	struct image_build b = inputs();
	struct dbuf again;
	(void)state;

	dbuf_init(&again, IMAGE_MAX_BYTES);
	assert_int_equal(image_build(&b, &again, NULL), ERR_OK);
	assert_int_equal(again.len, image.len);
	assert_memory_equal(again.data, image.data, image.len);
	dbuf_fini(&again);
}

/* What finds a changed byte at `at`, and does it name a place at or before
 * it, in the same 64 KiB or header? */
static void check_flip(size_t at, const uint8_t key[IMAGE_PUBLIC_KEY_BYTES])
{
	struct image im;
	struct image_fault f = {IMAGE_OK, 0, 0};

	image.data[at] ^= (uint8_t)(1u << at % 8);
	if (image_open(&im, read_image, &image, image.len, &f) == IMAGE_OK &&
	    image_verify_signature(&im, key, &f) == IMAGE_OK)
		image_verify_all(&im, &f);
	if (f.error == IMAGE_OK)
		fail_msg("change at 0x%zx is not seen", at);
	if (f.offset > at && f.error != IMAGE_SIZE)
		fail_msg("change at 0x%zx is named 0x%x", at, f.offset);
	if (at >= im.header_bytes)
		assert_true(f.offset / IMAGE_BLOCK_BYTES ==
				    at / IMAGE_BLOCK_BYTES ||
			    f.offset % IMAGE_BLOCK_BYTES != 0);
	image.data[at] ^= (uint8_t)(1u << at % 8);
}

static void test_every_byte_counts(void **state)
{
	uint8_t key[IMAGE_PUBLIC_KEY_BYTES];
	(void)state;

	assert_int_equal(
		image_public_key_load(key, made.paths[MADE_RELEASE], NULL),
		ERR_OK);
	for (size_t at = 0; at < 0x1100; at += 3)
		check_flip(at, key);
	for (size_t at = 0x1100; at < image.len; at += 499)
		check_flip(at, key);
	check_flip(image.len - 1, key);
}

static void test_padding_is_named(void **state)
{
	struct image im;
	struct image_fault f;
	const struct image_part *p;
	(void)state;

	image_open(&im, read_image, &image, image.len, NULL);
	p = image_part(&im, LAYOUT_PROGRAM_APP_TEST);
	size_t at = p->offset + p->length + 5;
	image.data[at] = 0;
	assert_int_equal(image_verify_all(&im, &f), IMAGE_PADDING);
	assert_int_equal(f.offset, at);
	image.data[at] = 0xFF;
}

static void test_part_is_named(void **state)
{
	struct image im;
	struct err e;
	const struct image_part *p;
	(void)state;

	image_open(&im, read_image, &image, image.len, NULL);
	p = image_part(&im, LAYOUT_PROGRAM_TEST);
	image.data[0x10010] ^= 1; /* in the part's second block */
	assert_true(p->offset + p->length > 0x10010);
	assert_int_equal(image_check_bytes(&im, image.data, image.len, &e),
			 ERR_INTEGRITY);
	assert_non_null(strstr(e.text, "0x00010000 (hardware-test)"));
	image.data[0x10010] ^= 1;
}

static void rehash(uint8_t *bytes, uint32_t header_bytes)
{
	mbedtls_sha256_context sha;

	mbedtls_sha256_init(&sha);
	mbedtls_sha256_starts_ret(&sha, 0);
	mbedtls_sha256_update_ret(&sha, bytes, IMAGE_AT_HEADER_HASH);
	mbedtls_sha256_update_ret(&sha, bytes + IMAGE_AT_BLOCK_TABLE,
				  header_bytes - IMAGE_AT_BLOCK_TABLE);
	mbedtls_sha256_finish_ret(&sha, bytes + IMAGE_AT_HEADER_HASH);
	mbedtls_sha256_free(&sha);
}

/* A header with a right hash that says something impossible. */
static enum image_error open_with(size_t at, uint32_t value)
{
	struct dbuf copy;
	struct image im;
	enum image_error error;

	dbuf_init(&copy, IMAGE_MAX_BYTES);
	dbuf_add(&copy, image.data, image.len);
	memcpy(copy.data + at, &value, 4);
	rehash(copy.data, 0x2000);
	error = image_open(&im, read_image, &copy, copy.len, NULL);
	dbuf_fini(&copy);
	return error;
}

static uint32_t entry(unsigned part, uint32_t field)
{
	return IMAGE_AT_PARTS + part * IMAGE_PART_ENTRY_BYTES + field;
}

static void test_lying_headers(void **state)
{
	(void)state;
	assert_int_equal(open_with(IMAGE_AT_FORMAT, IMAGE_FORMAT), IMAGE_OK);
	assert_int_equal(open_with(IMAGE_AT_FORMAT, 1), IMAGE_UNKNOWN_FORMAT);
	assert_int_equal(open_with(IMAGE_AT_IMAGE_BYTES, 0), IMAGE_SIZE);
	assert_int_equal(open_with(IMAGE_AT_IMAGE_BYTES, 0xFFFFF000u),
			 IMAGE_SIZE);
	assert_int_equal(open_with(IMAGE_AT_HEADER_BYTES, 0x1000), IMAGE_SIZE);
	assert_int_equal(open_with(IMAGE_AT_HEADER_BYTES, 0xFFFFFFFFu),
			 IMAGE_SIZE);
	assert_int_equal(open_with(IMAGE_AT_BLOCK_COUNT, 0x08000000u),
			 IMAGE_SIZE);
	assert_int_equal(open_with(IMAGE_AT_NOR_BYTES, 4096), IMAGE_SIZE);
	assert_int_equal(open_with(IMAGE_AT_PART_COUNT, 9), IMAGE_SIZE);
	assert_int_equal(open_with(IMAGE_AT_PART_COUNT, 3), IMAGE_PART_TYPE);
	assert_int_equal(open_with(IMAGE_AT_ALIGN, 0), IMAGE_SIZE);
	assert_int_equal(open_with(IMAGE_AT_ALIGN, 512), IMAGE_SIZE);
	/* the programs of this image lie at sectors */
	assert_int_equal(open_with(IMAGE_AT_ALIGN, 65536), IMAGE_PART_PLACE);
	assert_int_equal(open_with(IMAGE_AT_PRODUCT, 0), IMAGE_FIELD);
	assert_int_equal(open_with(IMAGE_AT_PRODUCT + 28, 0x41), IMAGE_FIELD);
	assert_int_equal(open_with(IMAGE_AT_ATTEST_KEY, 0x02), IMAGE_FIELD);
	assert_int_equal(open_with(IMAGE_AT_FILL, 0), IMAGE_PADDING);
	assert_int_equal(open_with(0xD8, 1), IMAGE_FIELD);
}

static void test_lying_parts(void **state)
{
	uint32_t first = entry(1, IMAGE_PART_AT_OFFSET);
	uint32_t second = entry(2, IMAGE_PART_AT_OFFSET);
	(void)state;

	assert_int_equal(open_with(entry(2, 0), 2), IMAGE_FIELD);
	assert_int_equal(open_with(entry(2, 0), 4), IMAGE_PART_TYPE);
	assert_int_equal(open_with(entry(0, 0), 19), IMAGE_PART_TYPE);
	assert_int_equal(open_with(entry(2, IMAGE_PART_AT_INSTALLED), 0),
			 IMAGE_FIELD);
	assert_int_equal(open_with(entry(2, 0), 1), IMAGE_PART_TYPE);
	assert_int_equal(open_with(entry(2, 0), 0xFFFFFFFFu), IMAGE_PART_TYPE);
	assert_int_equal(open_with(entry(1, IMAGE_PART_AT_FLAGS), 0),
			 IMAGE_FIELD);
	assert_int_equal(open_with(entry(2, IMAGE_PART_AT_FLAGS), 1),
			 IMAGE_FIELD);
	assert_int_equal(open_with(first, 0), IMAGE_PART_PLACE);
	assert_int_equal(open_with(first, 0x3001), IMAGE_PART_PLACE);
	assert_int_equal(open_with(first, 0xFFFFF000u), IMAGE_PART_PLACE);
	assert_int_equal(open_with(second, 0x4000), IMAGE_PART_PLACE);
	assert_int_equal(open_with(entry(2, IMAGE_PART_AT_LENGTH), 0),
			 IMAGE_PART_PLACE);
	assert_int_equal(open_with(entry(2, IMAGE_PART_AT_LENGTH), 8193),
			 IMAGE_PART_PLACE);
	assert_int_equal(open_with(entry(4, IMAGE_PART_AT_LENGTH), 0xFFFFFFFFu),
			 IMAGE_PART_PLACE);
	assert_int_equal(open_with(entry(4, IMAGE_PART_AT_LENGTH), 100),
			 IMAGE_SIZE);
	assert_int_equal(open_with(entry(5, 0), 1), IMAGE_FIELD);
	assert_int_equal(open_with(entry(3, IMAGE_PART_AT_VERSION), 0),
			 IMAGE_FIELD);
}

static void test_cut_and_extended(void **state)
{
	struct image im;
	struct image_fault f;
	struct err e;
	(void)state;

	for (size_t len = 0; len < image.len; len += 997)
		assert_int_equal(image_open(&im, read_image, &image, len, &f),
				 IMAGE_TRUNCATED);
	assert_int_equal(image_check_bytes(&im, image.data, image.len, &e),
			 ERR_OK);
	assert_int_equal(dbuf_add(&image, "x", 1), ERR_OK);
	assert_int_equal(image_check_bytes(&im, image.data, image.len, &e),
			 ERR_INTEGRITY);
	image.len--;
}

static void test_wrong_inputs(void **state)
{
	struct image_build b = inputs();
	struct dbuf out;
	struct err e;
	(void)state;

	dbuf_init(&out, IMAGE_MAX_BYTES);
	b.kernel_path = made.paths[MADE_APP];
	assert_int_equal(image_build(&b, &out, &e), ERR_INPUT);
	b = inputs();
	b.sfi_key_path = made.paths[MADE_RELEASE];
	assert_int_equal(image_build(&b, &out, &e), ERR_INPUT);
	b = inputs();
	b.release_key_path = made.paths[MADE_SFI_KEY];
	assert_int_equal(image_build(&b, &out, &e), ERR_INPUT);
	b = inputs();
	b.attest_key_path = made.paths[MADE_RELEASE]; /* would be given away */
	assert_int_equal(image_build(&b, &out, &e), ERR_INPUT);
	b = inputs();
	b.firmware_id = "seventeen-letters";
	assert_int_equal(image_build(&b, &out, &e), ERR_INPUT);
	b = inputs();
	b.product = "two words";
	assert_int_equal(image_build(&b, &out, &e), ERR_INPUT);
	b = inputs();
	b.app_path = "/nonexistent";
	assert_int_equal(image_build(&b, &out, &e), ERR_IO);
	b = inputs();
	b.nor_min_bytes = 4096;
	assert_int_equal(image_build(&b, &out, &e), ERR_INPUT);
	dbuf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build_and_read),
		cmocka_unit_test(test_signature_fits_its_key_id),
		cmocka_unit_test(test_decrypts),
		cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_every_byte_counts),
		cmocka_unit_test(test_padding_is_named),
		cmocka_unit_test(test_part_is_named),
		cmocka_unit_test(test_lying_headers),
		cmocka_unit_test(test_lying_parts),
		cmocka_unit_test(test_cut_and_extended),
		cmocka_unit_test(test_wrong_inputs),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
