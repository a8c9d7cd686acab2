#include "tests/unit/agent/fake_image.h"

#include "proto/base/file.h"
#include "proto/base/hex.h"
#include "proto/image/image_build.h"

#include <mbedtls/ecp.h>
#include <mbedtls/pk.h>
#include <mbedtls/sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEST, KERNEL, APP_TEST, APP, SFI_KEY, RELEASE, ATTEST, EXPECT, FILES };

static int entropy(void *arg, unsigned char *out, size_t len)
{
	(void)arg;
	return getentropy(out, len);
}

static void must(bool fine)
{
	if (!fine)
		abort();
}

static void make_key(const char *path)
{
	mbedtls_pk_context pk;
	uint8_t pem[1024];

	mbedtls_pk_init(&pk);
	must(mbedtls_pk_setup(
		     &pk, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) == 0);
	must(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(pk),
				 entropy, NULL) == 0);
	must(mbedtls_pk_write_key_pem(&pk, pem, sizeof(pem)) == 0);
	must(file_write(path, pem, strlen((char *)pem), 0600, NULL) == ERR_OK);
	mbedtls_pk_free(&pk);
}

static void make_program(const char *path, uint32_t type)
{
	static uint8_t bytes[9000];
	struct layout_program_header h = {.magic = LAYOUT_HEADER_MAGIC,
					  .program = type,
					  .length_bytes = sizeof(bytes)};

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + type);
	snprintf(h.version, sizeof(h.version), "1.%u", (unsigned)type);
	memset(h.attest_key, 0xFF, sizeof(h.attest_key));
	memcpy(bytes + LAYOUT_HEADER_OFFSET, &h, sizeof(h));
	must(file_write(path, bytes, sizeof(bytes), 0644, NULL) == ERR_OK);
}

void fake_image_make(const char *folder, const char *expect, struct dbuf *image,
		     char sha256[65])
{
	char p[FILES][96];
	uint8_t key[28] = {1, 2, 3}, hash[32];
	struct image_build b;
	struct err e;

	for (int i = 0; i < FILES; i++)
		snprintf(p[i], sizeof(p[i]), "%.80s/in%d", folder, i);
	make_program(p[TEST], LAYOUT_PROGRAM_TEST);
	make_program(p[KERNEL], LAYOUT_PROGRAM_KERNEL);
	make_program(p[APP_TEST], LAYOUT_PROGRAM_APP_TEST);
	make_program(p[APP], LAYOUT_PROGRAM_APP);
	must(file_write(p[SFI_KEY], key, sizeof(key), 0600, NULL) == ERR_OK);
	make_key(p[RELEASE]);
	make_key(p[ATTEST]);
	if (expect != NULL)
		must(file_write(p[EXPECT], expect, strlen(expect), 0644,
				NULL) == ERR_OK);
	b = (struct image_build){.product = "product",
				 .version = "1",
				 .firmware_id = "fw-1",
				 .nor_min_bytes = 8u << 20,
				 .test_path = p[TEST],
				 .kernel_path = p[KERNEL],
				 .app_test_path = p[APP_TEST],
				 .app_path = p[APP],
				 .expect_path =
					 expect != NULL ? p[EXPECT] : NULL,
				 .sfi_key_path = p[SFI_KEY],
				 .release_key_path = p[RELEASE],
				 .attest_key_path = p[ATTEST]};
	dbuf_init(image, IMAGE_MAX_BYTES);
	if (image_build(&b, image, &e) != ERR_OK) {
		fprintf(stderr, "%s\n", e.text);
		abort();
	}
	(void)mbedtls_sha256_ret(image->data, image->len, hash, 0);
	hex_encode(sha256, hash, sizeof(hash));
}
