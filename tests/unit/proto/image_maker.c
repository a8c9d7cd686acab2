#include "tests/unit/proto/image_maker.h"

#include "proto/base/file.h"
#include "proto/bundle/bundle_build.h"

#include <mbedtls/ecp.h>
#include <mbedtls/pk.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const char expect[] =
	"{\"nor\":{\"jedec_ids\":[\"ef4017\"]},"
	"\"harness\":{\"fixture\":\"F 1\",\"swclk_max_hz\":10000000},"
	"\"limits\":{\"wifi-networks\":{\"min\":1}}}";

static int entropy(void *arg, unsigned char *out, size_t len)
{
	(void)arg;
	return getentropy(out, len);
}

static void make_key(const char *path)
{
	mbedtls_pk_context pk;
	uint8_t pem[1024];

	mbedtls_pk_init(&pk);
	assert_int_equal(mbedtls_pk_setup(&pk, mbedtls_pk_info_from_type(
						       MBEDTLS_PK_ECKEY)),
			 0);
	assert_int_equal(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1,
					     mbedtls_pk_ec(pk), entropy, NULL),
			 0);
	assert_int_equal(mbedtls_pk_write_key_pem(&pk, pem, sizeof(pem)), 0);
	assert_int_equal(file_write(path, pem, strlen((char *)pem), 0600, NULL),
			 ERR_OK);
	mbedtls_pk_free(&pk);
}

void image_maker_data(const char *path, size_t len, uint64_t seed)
{
	uint8_t *bytes = malloc(len);

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		bytes[i] = (uint8_t)(seed >> 56);
	}
	assert_int_equal(file_write(path, bytes, len, 0644, NULL), ERR_OK);
	free(bytes);
}

void image_maker_program(const char *path, enum layout_program type, size_t len,
			 const char *version)
{
	uint8_t *bytes = malloc(len);
	uint32_t vectors[2] = {0x20001000, LAYOUT_FLASH_S + LAYOUT_APP + 0x201};
	struct layout_program_header h = {.magic = LAYOUT_HEADER_MAGIC,
					  .program = type,
					  .length_bytes = (uint32_t)len};

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 7 + type);
	memcpy(bytes, vectors, sizeof(vectors));
	snprintf(h.version, sizeof(h.version), "%s", version);
	memset(h.attest_key, 0xFF, sizeof(h.attest_key));
	memcpy(bytes + LAYOUT_HEADER_OFFSET, &h, sizeof(h));
	assert_int_equal(file_write(path, bytes, len, 0644, NULL), ERR_OK);
	free(bytes);
}

static void make_bundle(const struct image_maker *m, enum made program,
			enum made zip)
{
	struct bundle_build b = {.rom_path = m->paths[program],
				 .load_address = LAYOUT_FLASH_S + LAYOUT_APP,
				 .key = m->paths[MADE_OTHER]};
	uint8_t sha256[32];
	struct err e;

	if (bundle_build_file(&b, m->paths[zip], sha256, &e) != ERR_OK)
		fail_msg("%s", e.text);
}

void image_maker_init(struct image_maker *m)
{
	uint8_t key[IMAGE_SFI_KEY_FILE_BYTES];

	strcpy(m->folder, "/tmp/provline-image-XXXXXX");
	assert_non_null(mkdtemp(m->folder));
	for (unsigned i = 0; i < MADE_COUNT; i++)
		snprintf(m->paths[i], sizeof(m->paths[i]), "%.30s/%u",
			 m->folder, i);
	image_maker_program(m->paths[MADE_TEST], LAYOUT_PROGRAM_TEST, 1301,
			    "1.2");
	image_maker_program(m->paths[MADE_KERNEL], LAYOUT_PROGRAM_KERNEL, 1200,
			    "1.3");
	image_maker_program(m->paths[MADE_APP_TEST], LAYOUT_PROGRAM_APP_TEST,
			    1199, "1.4");
	image_maker_program(m->paths[MADE_APP], LAYOUT_PROGRAM_APP, 4096,
			    "1.5");
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 11);
	assert_int_equal(file_write(m->paths[MADE_SFI_KEY], key, sizeof(key),
				    0600, NULL),
			 ERR_OK);
	for (unsigned i = MADE_RELEASE; i <= MADE_OTHER; i++)
		make_key(m->paths[i]);
	assert_int_equal(image_public_key_load(m->release_public,
					       m->paths[MADE_RELEASE], NULL),
			 ERR_OK);
	make_bundle(m, MADE_APP_TEST, MADE_APP_TEST_ZIP);
	make_bundle(m, MADE_APP, MADE_APP_ZIP);
	assert_int_equal(file_write(m->paths[MADE_EXPECT], expect,
				    sizeof(expect) - 1, 0644, NULL),
			 ERR_OK);
}

void image_maker_fini(struct image_maker *m)
{
	for (unsigned i = 0; i < MADE_COUNT; i++)
		unlink(m->paths[i]);
	rmdir(m->folder);
}

struct image_build image_maker_inputs(const struct image_maker *m)
{
	return (struct image_build){.product = "thermostat",
				    .version = "2026.1",
				    .firmware_id = "thermo-hwtest-01",
				    .nor_min_bytes = 8u << 20,
				    .align = IMAGE_SECTOR_BYTES,
				    .test_path = m->paths[MADE_TEST],
				    .kernel_path = m->paths[MADE_KERNEL],
				    .app_test_path =
					    m->paths[MADE_APP_TEST_ZIP],
				    .app_path = m->paths[MADE_APP_ZIP],
				    .expect_path = m->paths[MADE_EXPECT],
				    .sfi_key_path = m->paths[MADE_SFI_KEY],
				    .release_key_path = m->paths[MADE_RELEASE],
				    .attest_key_path = m->paths[MADE_ATTEST]};
}
