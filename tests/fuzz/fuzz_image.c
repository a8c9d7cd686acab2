/* Any bytes as an SPI-flash image. What a fuzzer cannot guess are hashes, so
 * the first byte chooses a second life: 'H' puts the right header hash in
 * first, so that the fields behind it are read; 'M' takes the rest as product
 * manifest of an image that is right otherwise. */
#include "proto/image/compare.h"
#include "proto/image/image_file.h"
#include "proto/image/product_expect.h"
#include "tests/fuzz/fuzz.h"

#include <mbedtls/sha256.h>
#include <string.h>

struct bytes {
	const uint8_t *data;
	size_t len;
};

/* The reader never asks for what is not there. */
static bool read_bytes(void *arg, uint32_t offset, void *buf, size_t len)
{
	const struct bytes *b = arg;

	CHECK(offset <= b->len && len <= b->len - offset);
	memcpy(buf, b->data + offset, len);
	return true;
}

static void check_opened(struct image *im, size_t size)
{
	uint32_t end = im->header_bytes;

	CHECK(im->image_bytes <= size && im->image_bytes <= IMAGE_MAX_BYTES);
	for (uint32_t i = 0; i < im->part_count; i++) {
		const struct image_part *p = &im->parts[i];

		CHECK(p->offset >= end && p->length <= im->image_bytes);
		CHECK(p->offset + p->length <= im->image_bytes);
		CHECK(p->offset % IMAGE_SECTOR_BYTES == 0);
		CHECK(image_part_at(im, p->offset) == p->type);
		end = p->offset + p->length;
	}
	CHECK(image_version_compare(im->version, im->version) == 0);
}

static void read_image(const uint8_t *data, size_t size)
{
	static const uint8_t key[IMAGE_PUBLIC_KEY_BYTES] = {4};
	static const uint8_t key_nonce[28] = {1};
	struct bytes b = {data, size};
	struct image_fault f = {IMAGE_OK, 0, 0};
	struct err e = {0};
	struct image im;

	if (image_open(&im, read_bytes, &b, size, &f) != IMAGE_OK) {
		CHECK(f.error != IMAGE_OK &&
		      f.offset <= size + IMAGE_MAX_BYTES);
		return;
	}
	check_opened(&im, size);
	CHECK(image_verify_signature(&im, key, &f) != IMAGE_OK);
	CHECK(image_verify_binding(&im, key_nonce, &f) != IMAGE_OK);
	if (image_verify_all(&im, &f) != IMAGE_OK)
		CHECK(f.offset < im.image_bytes);
	/* also of content that has not been verified */
	if (image_check_manifests(&im, &e) != ERR_OK)
		CHECK(strstr(e.text, " at 0x"));
}

static void read_rehashed(const uint8_t *data, size_t size)
{
	static uint8_t copy[65536];
	mbedtls_sha256_context sha;
	uint32_t header;

	if (size < IMAGE_AT_BLOCK_TABLE || size > sizeof copy)
		return;
	memcpy(copy, data, size);
	memcpy(&header, copy + IMAGE_AT_HEADER_BYTES, sizeof header);
	if (header < IMAGE_AT_BLOCK_TABLE || header > size)
		return;
	mbedtls_sha256_init(&sha);
	mbedtls_sha256_starts_ret(&sha, 0);
	mbedtls_sha256_update_ret(&sha, copy, IMAGE_AT_HEADER_HASH);
	mbedtls_sha256_update_ret(&sha, copy + IMAGE_AT_BLOCK_TABLE,
				  header - IMAGE_AT_BLOCK_TABLE);
	mbedtls_sha256_finish_ret(&sha, copy + IMAGE_AT_HEADER_HASH);
	mbedtls_sha256_free(&sha);
	read_image(copy, size);
}

/* What the agent takes from it: all of what is accepted, in its bounds. */
static void read_expected(const struct image *im, bool accepted)
{
	struct product_expect x;
	struct err e = {0};

	CHECK((product_expect_read(im, &x, &e) == ERR_OK) == accepted);
	CHECK(accepted || e.text[0]);
	CHECK(x.id_n <= PRODUCT_LIST_MAX && x.module_n <= PRODUCT_LIST_MAX);
	CHECK(x.limit_n <= PRODUCT_LIMITS_MAX);
	CHECK(accepted || x.id_n + x.module_n + x.limit_n == 0);
	for (size_t i = 0; i < x.limit_n; i++) {
		const struct product_limit *l = &x.limits[i];

		CHECK(l->name[0] && (l->has_min || l->has_max));
		CHECK(!l->has_min || !l->has_max || l->min <= l->max);
	}
}

static void read_manifest(const uint8_t *data, size_t size)
{
	struct bytes b = {data, size};
	struct image im = {.read = read_bytes,
			   .read_arg = &b,
			   .image_bytes = (uint32_t)size,
			   .product = "p",
			   .version = "1",
			   .firmware_id = "f",
			   .nor_min_bytes = 1,
			   .part_count = 1,
			   .parts = {{.type = IMAGE_MANIFEST}}};
	struct product_bundle bundles[2];
	json_t *manifest = NULL;
	struct err e = {0};

	if (size == 0 || size > IMAGE_MANIFEST_BYTES)
		return; /* such a part is not opened */
	im.parts[0].length = (uint32_t)size;
	mbedtls_sha256_ret(data, size, im.parts[0].stored_sha256, 0);
	if (product_parse(&im, data, size, bundles, &manifest, &e) == ERR_OK)
		CHECK(json_is_object(manifest));
	else
		CHECK(!manifest && e.text[0]);
	read_expected(&im, manifest != NULL);
	json_decref(manifest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] == 'H')
		read_rehashed(data + 1, size - 1);
	else if (size > 0 && data[0] == 'M')
		read_manifest(data + 1, size - 1);
	else
		read_image(data, size);
	return 0;
}
