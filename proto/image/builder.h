/* What the builder's files share: the steps go from programs in memory to
 * bytes that are written in ascending order. Private to proto/image. */
#ifndef PROTO_IMAGE_BUILDER_H
#define PROTO_IMAGE_BUILDER_H

#include "proto/image/image_build.h"
#include "proto/image/product.h"
#include "proto/keys/signer.h"

#include <mbedtls/pk.h>

/* A part on its way into the image. */
struct build_part {
	uint32_t type; /* enum image_part_type; 0: unused */
	const char *path;
	struct dbuf data; /* as stored; empty for IMAGE_DATA */
	int fd;		  /* of IMAGE_DATA, else -1: it is streamed */
	uint32_t length, offset;
	char version[IMAGE_TEXT_BYTES];
	uint8_t stored[IMAGE_HASH_BYTES], installed[IMAGE_HASH_BYTES];
};

struct builder {
	const struct image_build *in;
	/* in the order in which they lie: manifests, then programs, data */
	struct build_part parts[IMAGE_PART_SLOTS];
	struct product_bundle bundles[2]; /* of app-test and app */
	uint8_t key_nonce[IMAGE_SFI_KEY_FILE_BYTES];
	struct signer *release;
	mbedtls_pk_context attest;
	uint8_t attest_public[IMAGE_PUBLIC_KEY_BYTES];
	uint8_t gcm_tag[SFI_TAG_BYTES];
	uint32_t align, part_count, nor_min_bytes;
	uint32_t header_bytes, image_bytes, blocks;
};

/* Where the parts lie in parts[]. */
enum {
	SLOT_MANIFEST,
	SLOT_APP_TEST_BUNDLE,
	SLOT_APP_BUNDLE,
	SLOT_TEST,
	SLOT_KERNEL,
	SLOT_APP_TEST,
	SLOT_APP,
	SLOT_DATA
};

/* -------- image_load.c -------- */

/* Keys and all parts but the product manifest; hashed, the hardware test
 * encrypted. ERR_IO, ERR_INPUT, ERR_TOO_BIG; ERR_INTEGRITY (a bundle). */
enum err_code builder_load(struct builder *b, struct err *e);
void builder_free(struct builder *b);

/* -------- image_file.c -------- */

/* SHA-256 of a file's first len bytes. ERR_IO */
enum err_code image_fd_sha256(int fd, uint32_t len, const char *path,
			      uint8_t out[IMAGE_HASH_BYTES], struct err *e);

/* -------- image_write.c -------- */

/* Where the image goes: the body in ascending order, the header last. */
struct image_sink {
	bool (*write)(void *arg, uint32_t offset, const void *buf, size_t len);
	void *arg;
	/* told once, before the first write; NULL: not interested */
	enum err_code (*size)(void *arg, uint32_t image_bytes, struct err *e);
};

/* Product manifest, places, all bytes, header. */
enum err_code builder_write(struct builder *b, const struct image_sink *to,
			    struct err *e);

#endif
