/* Builds an SPI-flash image (image.h) out of firmware programs and bundles.
 * Host only. The same input gives the same bytes: signatures follow RFC 6979.
 */
#ifndef PROTO_IMAGE_IMAGE_BUILD_H
#define PROTO_IMAGE_IMAGE_BUILD_H

#include "proto/base/dbuf.h"
#include "proto/base/err.h"
#include "proto/image/image.h"
#include "proto/image/image_fault.h"
#include "proto/keys/key.h"

#define IMAGE_SFI_KEY_FILE_BYTES 28u /* 16 AES-128 key, 12 GCM nonce */

struct image_build {
	const char *product;	 /* 1..31 printable characters, no space */
	const char *version;	 /* of the release, likewise */
	const char *firmware_id; /* of the SFI card, 1..16 characters */
	uint32_t nor_min_bytes;	 /* 0: as large as the image */
	uint32_t align;		 /* of programs: 4096 or 65536; 0: 65536 */
	/* Raw binaries with a layout.h header; files. The applications may be
	 * bundles instead (bundle.h, as `bundle build` packs them): then the
	 * layer becomes the program and the bundle's manifest a part of its
	 * own, out of which the bundle can be had again, to the byte. */
	const char *test_path, *kernel_path, *app_test_path, *app_path;
	const char *data_path; /* for the application, in SPI flash; or NULL */
	const char *expect_path; /* JSON, see product.h; or NULL */
	/* SFI key and nonce as on the card, raw 28 bytes. Never use one pair
	 * for two different hardware-test programs: GCM does not forgive the
	 * same nonce with other content (AN5054: a new card for each). */
	const char *sfi_key_path;
	const char *release_key_path; /* P-256; or PKCS#11 URI (signer.h) */
	const char *attest_key_path;  /* P-256; goes into the test program
				       * before encryption */
	const char *pin_path;	      /* of the release key's token, or NULL */
	struct key_unlock *unlock;    /* for encrypted keys; may be NULL */
};

/* Appends the whole image to out, whose maximum the caller has set. ERR_IO,
 * ERR_INPUT (a program, key or text is not what it should be; the text names
 * it), ERR_TOO_BIG, ERR_INTEGRITY (a bundle is damaged). */
enum err_code image_build(const struct image_build *b, struct dbuf *out,
			  struct err *e);

/* Build and write the file as a whole; sha256 (may be NULL) is that of the
 * file. Memory does not grow with the data part. Also ERR_DISK_FULL. */
enum err_code image_build_file(const struct image_build *b, const char *path,
			       uint8_t sha256[IMAGE_HASH_BYTES], struct err *e);

/* The X9.62 public key of a PEM file that holds either half of a P-256 key
 * pair; for image_verify_signature(). ERR_IO, ERR_INPUT, ERR_CONFIG: others
 * have rights to the private half. */
enum err_code image_public_key_load(uint8_t out[IMAGE_PUBLIC_KEY_BYTES],
				    const char *path, struct err *e);

/* -------- reading files, for the same programs -------- */

/* An image in memory (borrowed). Checks all of it but the signature. The
 * error's text names part and offset; ERR_INTEGRITY. */
enum err_code image_check_bytes(struct image *im, const uint8_t *bytes,
				size_t len, struct err *e);

#endif
