/* What lies behind the header: blocks, parts, padding. */
#include "proto/image/reader.h"

#include <mbedtls/sha256.h>
#include <string.h>

#define CHUNK_BYTES 1024u

bool image_hash_range(const struct image *im, mbedtls_sha256_context *sha,
		      uint32_t offset, uint32_t len)
{
	uint8_t chunk[CHUNK_BYTES];

	while (len > 0) {
		uint32_t n = len < CHUNK_BYTES ? len : CHUNK_BYTES;

		if (!im->read(im->read_arg, offset, chunk, n))
			return false;
		mbedtls_sha256_update_ret(sha, chunk, n);
		offset += n;
		len -= n;
	}
	return true;
}

static enum image_error sha256_range(const struct image *im, uint32_t offset,
				     uint32_t len, uint8_t out[32],
				     struct image_fault *f)
{
	mbedtls_sha256_context sha;
	bool fine;

	if (im->sha256 != NULL) {
		fine = im->sha256(im->read_arg, offset, len, out);
	} else {
		mbedtls_sha256_init(&sha);
		mbedtls_sha256_starts_ret(&sha, 0);
		fine = image_hash_range(im, &sha, offset, len);
		mbedtls_sha256_finish_ret(&sha, out);
		mbedtls_sha256_free(&sha);
	}
	return fine ? IMAGE_OK
		    : image_fault_set(f, IMAGE_IO, offset,
				      image_part_at(im, offset));
}

enum image_error image_block_listed(const struct image *im, uint32_t index,
				    uint8_t sha256[IMAGE_HASH_BYTES],
				    struct image_fault *f)
{
	uint32_t at = IMAGE_AT_BLOCK_TABLE + index * IMAGE_HASH_BYTES;

	if (index >= im->block_count)
		return image_fault_set(f, IMAGE_SIZE, 0, 0);
	if (!im->read(im->read_arg, at, sha256, IMAGE_HASH_BYTES))
		return image_fault_set(f, IMAGE_IO, at, 0);
	return IMAGE_OK;
}

enum image_error image_block_actual(const struct image *im, uint32_t index,
				    uint8_t sha256[IMAGE_HASH_BYTES],
				    struct image_fault *f)
{
	uint32_t from = index * IMAGE_BLOCK_BYTES;
	uint32_t end = from + IMAGE_BLOCK_BYTES;

	if (index >= im->block_count)
		return image_fault_set(f, IMAGE_SIZE, 0, 0);
	if (index == 0)
		from = im->header_bytes;
	if (end > im->image_bytes)
		end = im->image_bytes;
	/* a header that ends in block 1 would leave block 0 empty; 64 MiB
	 * need 36 KiB of header, so it never does */
	return sha256_range(im, from, end - from, sha256, f);
}

static enum image_error check_block(const struct image *im, uint32_t index,
				    struct image_fault *f)
{
	uint8_t listed[IMAGE_HASH_BYTES], actual[IMAGE_HASH_BYTES];
	enum image_error error = image_block_listed(im, index, listed, f);

	if (error == IMAGE_OK)
		error = image_block_actual(im, index, actual, f);
	if (error == IMAGE_OK && memcmp(listed, actual, sizeof(listed)) != 0)
		error = image_fault_set(
			f, IMAGE_BLOCK_HASH, index * IMAGE_BLOCK_BYTES,
			image_part_at(im, index * IMAGE_BLOCK_BYTES));
	return error;
}

/* The part is damaged: where is the first block that says so? */
static uint32_t damaged_at(const struct image *im, const struct image_part *p)
{
	uint32_t first = p->offset / IMAGE_BLOCK_BYTES;
	uint32_t last = (p->offset + p->length - 1) / IMAGE_BLOCK_BYTES;

	for (uint32_t i = first; i <= last; i++)
		if (check_block(im, i, NULL) == IMAGE_BLOCK_HASH && i > first)
			return i * IMAGE_BLOCK_BYTES;
	return p->offset;
}

enum image_error image_verify_part(const struct image *im,
				   const struct image_part *p,
				   struct image_fault *f)
{
	uint8_t actual[IMAGE_HASH_BYTES];

	if (sha256_range(im, p->offset, p->length, actual, f) != IMAGE_OK)
		return image_fault_set(f, IMAGE_IO, p->offset, p->type);
	if (memcmp(actual, p->stored_sha256, sizeof(actual)) == 0)
		return IMAGE_OK;
	return image_fault_set(f, IMAGE_PART_HASH, damaged_at(im, p), p->type);
}

static uint32_t first_not_blank(const uint8_t *bytes, uint32_t len)
{
	uint32_t i = 0;

	if (bytes[0] == 0xFF && memcmp(bytes, bytes + 1, len - 1) == 0)
		return len;
	while (bytes[i] == 0xFF)
		i++;
	return i;
}

static enum image_error check_blank(const struct image *im, uint32_t from,
				    uint32_t end, struct image_fault *f)
{
	uint8_t chunk[CHUNK_BYTES];

	while (from < end) {
		uint32_t n = end - from, at;

		if (n > CHUNK_BYTES)
			n = CHUNK_BYTES;
		if (!im->read(im->read_arg, from, chunk, n))
			return image_fault_set(f, IMAGE_IO, from,
					       image_part_at(im, from));
		at = first_not_blank(chunk, n);
		if (at < n)
			return image_fault_set(f, IMAGE_PADDING, from + at,
					       image_part_at(im, from + at));
		from += n;
	}
	return IMAGE_OK;
}

enum image_error image_verify_parts(const struct image *im,
				    struct image_fault *f)
{
	uint32_t table_end =
		IMAGE_AT_BLOCK_TABLE + im->block_count * IMAGE_HASH_BYTES;
	uint32_t blank = im->header_bytes;
	enum image_error error = check_blank(im, table_end, blank, f);

	for (uint32_t i = 0; i < im->part_count && error == IMAGE_OK; i++) {
		const struct image_part *p = &im->parts[i];

		error = check_blank(im, blank, p->offset, f);
		if (error == IMAGE_OK)
			error = image_verify_part(im, p, f);
		blank = p->offset + p->length;
	}
	return error != IMAGE_OK ? error
				 : check_blank(im, blank, im->image_bytes, f);
}

enum image_error image_verify_blocks(const struct image *im,
				     struct image_fault *f)
{
	enum image_error error = IMAGE_OK;

	for (uint32_t i = 0; i < im->block_count && error == IMAGE_OK; i++)
		error = check_block(im, i, f);
	return error;
}

enum image_error image_verify_all(const struct image *im, struct image_fault *f)
{
	enum image_error error = image_verify_parts(im, f);

	return error != IMAGE_OK ? error : image_verify_blocks(im, f);
}
