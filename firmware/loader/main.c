/* The SFI loader: runs at every reset and passes on to what has been
 * installed. On a new board it unwraps the licence, checks that the image in
 * the NOR is bound to the licence's key, decrypts the hardware-test program
 * into flash and makes it the one to start. */
#include "firmware/common/dialogue.h"
#include "firmware/common/install.h"
#include "firmware/common/program.h"
#include "firmware/common/record.h"
#include "firmware/hal/hal.h"
#include "proto/board/sfi.h"

#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>
#include <string.h>

#define CHUNK_BYTES LAYOUT_PAGE_BYTES

PROGRAM_HEADER(LAYOUT_PROGRAM_LOADER);

static uint8_t cipher[CHUNK_BYTES] __attribute__((aligned(8)));
static uint8_t plain[CHUNK_BYTES] __attribute__((aligned(8)));

/* An application needs its kernel, which starts it. */
static void start_installed(void)
{
	struct layout_boot_entry e;
	enum layout_program program;

	if (!record_boot_last(&e))
		return;
	program = e.program >= LAYOUT_PROGRAM_APP_TEST
			  ? LAYOUT_PROGRAM_KERNEL
			  : (enum layout_program)e.program;
	if (record_program_valid(program))
		hal_start(record_program_offset(program));
}

static void open_licence(uint8_t key_nonce[28])
{
	uint8_t licence[SFI_LICENCE_BYTES];

	memcpy(licence, hal_flash(LAYOUT_LICENCE), sizeof(licence));
	if (memcmp(licence, "PLL1", 4) != 0)
		dialogue_fail(FAILURE_LICENCE_REJECTED, "no licence in flash");
	if (!hal_rss_unwrap(licence, key_nonce))
		dialogue_fail(FAILURE_LICENCE_REJECTED,
			      "the chip does not unwrap the licence");
}

static void open_image(struct image *im, const uint8_t key_nonce[28])
{
	const uint8_t *licence = hal_flash(LAYOUT_LICENCE);
	struct image_fault f;
	enum image_error error;
	uint8_t fwid[SFI_FWID_BYTES] = {0};

	error = image_open(im, hal_nor_read, NULL, install_nor_bytes(), &f);
	if (error == IMAGE_OK)
		error = image_verify_binding(im, key_nonce, &f);
	if (error != IMAGE_OK)
		dialogue_fail_at(FAILURE_IMAGE_REJECTED,
				 "image: ", image_error_text(error), f.offset);
	memcpy(fwid, im->firmware_id, strlen(im->firmware_id));
	if (memcmp(fwid, licence + SFI_FWID_OFFSET, sizeof(fwid)) != 0)
		dialogue_fail(FAILURE_LICENCE_REJECTED,
			      "licence is for other firmware");
}

/* One chunk: NOR to flash through the cipher. */
static void decrypt_chunk(mbedtls_gcm_context *gcm,
			  const struct image_part *part, uint32_t at,
			  uint32_t len)
{
	uint32_t whole = (len + LAYOUT_QUADWORD_BYTES - 1) &
			 ~(LAYOUT_QUADWORD_BYTES - 1);

	if (!hal_nor_read(NULL, part->offset + at, cipher, len))
		dialogue_fail_at(FAILURE_IMAGE_REJECTED, "NOR: ", "read at",
				 part->offset + at);
	if (mbedtls_gcm_update(gcm, len, cipher, plain) != 0)
		dialogue_fail(FAILURE_IMAGE_REJECTED, "AES-GCM");
	memset(plain + len, 0xFF, whole - len);
	if (!hal_flash_write(LAYOUT_TEST + at, plain, whole))
		dialogue_fail_at(FAILURE_FLASH_WRITE, "flash: ", "write at",
				 LAYOUT_TEST + at);
}

static void decrypt_all(mbedtls_gcm_context *gcm, const struct image_part *part)
{
	for (uint32_t at = 0; at < part->length; at += CHUNK_BYTES) {
		uint32_t n = part->length - at;

		decrypt_chunk(gcm, part, at, n < CHUNK_BYTES ? n : CHUNK_BYTES);
	}
}

static bool tag_matches(mbedtls_gcm_context *gcm, const struct image *im)
{
	uint8_t tag[SFI_TAG_BYTES], differ = 0;

	if (mbedtls_gcm_finish(gcm, tag, sizeof(tag)) != 0)
		return false;
	for (unsigned i = 0; i < sizeof(tag); i++)
		differ |= (uint8_t)(tag[i] ^ im->gcm_tag[i]);
	return differ == 0;
}

static void install_test(const struct image *im, const uint8_t key_nonce[28])
{
	const struct image_part *part = image_part(im, LAYOUT_PROGRAM_TEST);
	mbedtls_gcm_context gcm;

	dialogue_stage("decrypt", 0);
	if (!hal_flash_erase(LAYOUT_TEST, LAYOUT_TEST_BYTES))
		dialogue_fail_at(FAILURE_FLASH_WRITE, "flash: ", "erase at",
				 LAYOUT_TEST);
	mbedtls_gcm_init(&gcm);
	if (mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key_nonce, 128) !=
		    0 ||
	    mbedtls_gcm_starts(&gcm, MBEDTLS_GCM_DECRYPT,
			       key_nonce + SFI_KEY_BYTES, SFI_NONCE_BYTES, NULL,
			       0) != 0)
		dialogue_fail(FAILURE_IMAGE_REJECTED, "AES-GCM");
	decrypt_all(&gcm, part);
	if (!tag_matches(&gcm, im)) {
		mbedtls_gcm_free(&gcm);
		/* what is not authentic does not stay */
		(void)hal_flash_erase(LAYOUT_TEST, LAYOUT_TEST_BYTES);
		dialogue_fail_at(FAILURE_IMAGE_REJECTED, "hardware-test",
				 ": GCM tag, part at", part->offset);
	}
	mbedtls_gcm_free(&gcm);
	dialogue_stage("decrypt", 100);
}

int program_main(const void *unused)
{
	uint8_t key_nonce[SFI_KEY_BYTES + SFI_NONCE_BYTES];
	struct image im;

	(void)unused;
	if (!hal_init())
		hal_stop();
	start_installed();
	dialogue_begin(&program_header);
	open_licence(key_nonce);
	open_image(&im, key_nonce);
	install_test(&im, key_nonce);
	mbedtls_platform_zeroize(key_nonce, sizeof(key_nonce));
	install_verify(&im, LAYOUT_PROGRAM_TEST, FAILURE_FLASH_WRITE);
	if (!record_erase() || !record_image_set(im.header_sha256))
		dialogue_fail(FAILURE_FLASH_WRITE, "flash: image record");
	install_finish(&im, LAYOUT_PROGRAM_TEST, FAILURE_FLASH_WRITE);
}
