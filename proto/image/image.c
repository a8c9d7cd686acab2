/* Reader of the SPI-flash image: header, parts, blocks. Everything that is
 * read is checked before it is used; sizes first, so that no later step can
 * ask for bytes that are not there. */
#include "proto/image/reader.h"

#include <mbedtls/sha256.h>
#include <string.h>

const char *image_error_text(enum image_error error)
{
	static const char *const texts[] = {
#define IMAGE_ERROR(name, text) text,
#include "proto/image/image_errors.def"
#undef IMAGE_ERROR
	};
	return (unsigned)error < IMAGE_ERROR_COUNT ? texts[error] : "?";
}

const char *image_part_name(uint32_t part)
{
	switch (part) {
	case LAYOUT_PROGRAM_LOADER:
		return "sfi-loader";
	case LAYOUT_PROGRAM_TEST:
		return "hardware-test";
	case LAYOUT_PROGRAM_KERNEL:
		return "kernel";
	case LAYOUT_PROGRAM_APP_TEST:
		return "app-test";
	case LAYOUT_PROGRAM_APP:
		return "app";
	case IMAGE_MANIFEST:
		return "manifest";
	case IMAGE_APP_TEST_BUNDLE:
		return "app-test-bundle";
	case IMAGE_APP_BUNDLE:
		return "app-bundle";
	case IMAGE_DATA:
		return "data";
	default:
		return "header";
	}
}

static uint32_t le32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static bool all_bytes(const uint8_t *at, size_t len, uint8_t value)
{
	for (size_t i = 0; i < len; i++)
		if (at[i] != value)
			return false;
	return true;
}

static uint32_t whole_sectors(uint32_t len)
{
	return (len + IMAGE_SECTOR_BYTES - 1) & ~(IMAGE_SECTOR_BYTES - 1);
}

/* -------- header -------- */

static uint32_t blocks_of(uint32_t image_bytes)
{
	return (image_bytes + IMAGE_BLOCK_BYTES - 1) / IMAGE_BLOCK_BYTES;
}

static enum image_error read_sizes(struct image *im, const uint8_t *sector,
				   struct image_fault *f)
{
	uint32_t table;

	im->header_bytes = le32(sector + IMAGE_AT_HEADER_BYTES);
	im->image_bytes = le32(sector + IMAGE_AT_IMAGE_BYTES);
	im->nor_min_bytes = le32(sector + IMAGE_AT_NOR_BYTES);
	im->block_count = le32(sector + IMAGE_AT_BLOCK_COUNT);
	im->part_count = le32(sector + IMAGE_AT_PART_COUNT);
	if (im->image_bytes > IMAGE_MAX_BYTES ||
	    im->image_bytes % IMAGE_SECTOR_BYTES != 0 || im->image_bytes == 0)
		return image_fault_set(f, IMAGE_SIZE, IMAGE_AT_IMAGE_BYTES, 0);
	if (le32(sector + IMAGE_AT_BLOCK_BYTES) != IMAGE_BLOCK_BYTES)
		return image_fault_set(f, IMAGE_SIZE, IMAGE_AT_BLOCK_BYTES, 0);
	if (im->block_count != blocks_of(im->image_bytes))
		return image_fault_set(f, IMAGE_SIZE, IMAGE_AT_BLOCK_COUNT, 0);
	table = whole_sectors(im->block_count * IMAGE_HASH_BYTES);
	if (im->header_bytes != IMAGE_AT_BLOCK_TABLE + table ||
	    im->header_bytes >= im->image_bytes)
		return image_fault_set(f, IMAGE_SIZE, IMAGE_AT_HEADER_BYTES, 0);
	if (im->nor_min_bytes < im->image_bytes)
		return image_fault_set(f, IMAGE_SIZE, IMAGE_AT_NOR_BYTES, 0);
	if (im->part_count > IMAGE_PART_SLOTS)
		return image_fault_set(f, IMAGE_SIZE, IMAGE_AT_PART_COUNT, 0);
	im->align = le32(sector + IMAGE_AT_ALIGN);
	if (im->align != IMAGE_SECTOR_BYTES && im->align != IMAGE_BLOCK_BYTES)
		return image_fault_set(f, IMAGE_SIZE, IMAGE_AT_ALIGN, 0);
	return IMAGE_OK;
}

static enum image_error check_header_hash(const struct image *im,
					  const uint8_t *sector,
					  struct image_fault *f)
{
	mbedtls_sha256_context sha;
	uint8_t actual[IMAGE_HASH_BYTES];
	bool fine;

	mbedtls_sha256_init(&sha);
	mbedtls_sha256_starts_ret(&sha, 0);
	mbedtls_sha256_update_ret(&sha, sector, IMAGE_AT_HEADER_HASH);
	fine = image_hash_range(im, &sha, IMAGE_AT_BLOCK_TABLE,
				im->header_bytes - IMAGE_AT_BLOCK_TABLE);
	mbedtls_sha256_finish_ret(&sha, actual);
	mbedtls_sha256_free(&sha);
	if (!fine)
		return image_fault_set(f, IMAGE_IO, IMAGE_AT_BLOCK_TABLE, 0);
	if (memcmp(actual, im->header_sha256, sizeof(actual)) != 0)
		return image_fault_set(f, IMAGE_HEADER_HASH, 0, 0);
	return IMAGE_OK;
}

/* Copy printable text out of a zero-padded field of `size` bytes; at most
 * out_size - 1 characters. Neither empty nor anything behind its end. */
static bool read_text(char *out, size_t out_size, const uint8_t *at,
		      size_t size)
{
	size_t len = 0;

	while (len < size && at[len] > 0x20 && at[len] < 0x7F)
		len++;
	if (len == 0 || len >= out_size || !all_bytes(at + len, size - len, 0))
		return false;
	memcpy(out, at, len);
	out[len] = '\0';
	return true;
}

static enum image_error read_fields(struct image *im, const uint8_t *sector,
				    struct image_fault *f)
{
	if (!read_text(im->product, sizeof(im->product),
		       sector + IMAGE_AT_PRODUCT, IMAGE_TEXT_BYTES))
		return image_fault_set(f, IMAGE_FIELD, IMAGE_AT_PRODUCT, 0);
	if (!read_text(im->version, sizeof(im->version),
		       sector + IMAGE_AT_VERSION, IMAGE_TEXT_BYTES))
		return image_fault_set(f, IMAGE_FIELD, IMAGE_AT_VERSION, 0);
	if (!read_text(im->firmware_id, sizeof(im->firmware_id),
		       sector + IMAGE_AT_FWID, SFI_FWID_BYTES))
		return image_fault_set(f, IMAGE_FIELD, IMAGE_AT_FWID, 0);
	if (sector[IMAGE_AT_ATTEST_KEY] != 4)
		return image_fault_set(f, IMAGE_FIELD, IMAGE_AT_ATTEST_KEY, 0);
	memcpy(im->attest_key, sector + IMAGE_AT_ATTEST_KEY,
	       sizeof(im->attest_key));
	memcpy(im->gcm_tag, sector + IMAGE_AT_GCM_TAG, sizeof(im->gcm_tag));
	memcpy(im->key_id, sector + IMAGE_AT_KEY_ID, sizeof(im->key_id));
	if (!all_bytes(sector + 0xB9, 7, 0))
		return image_fault_set(f, IMAGE_FIELD, 0xB9, 0);
	if (!all_bytes(sector + 0xD8, 40, 0))
		return image_fault_set(f, IMAGE_FIELD, 0xD8, 0);
	if (!all_bytes(sector + IMAGE_AT_FILL, IMAGE_AT_BINDING - IMAGE_AT_FILL,
		       0xFF))
		return image_fault_set(f, IMAGE_PADDING, IMAGE_AT_FILL, 0);
	return IMAGE_OK;
}

/* -------- part table -------- */

/* 0: no such type. */
static uint32_t most_bytes(uint32_t type)
{
	switch (type) {
	case IMAGE_TEST:
		return LAYOUT_TEST_BYTES;
	case IMAGE_KERNEL:
		return LAYOUT_KERNEL_BYTES;
	case IMAGE_APP_TEST:
	case IMAGE_APP:
		return LAYOUT_APP_BYTES;
	case IMAGE_MANIFEST:
	case IMAGE_APP_TEST_BUNDLE:
	case IMAGE_APP_BUNDLE:
		return IMAGE_MANIFEST_BYTES;
	case IMAGE_DATA:
		return IMAGE_MAX_BYTES;
	default:
		return 0;
	}
}

static bool is_manifest(uint32_t type)
{
	return type == IMAGE_MANIFEST || type == IMAGE_APP_TEST_BUNDLE ||
	       type == IMAGE_APP_BUNDLE;
}

static bool read_part(struct image_part *p, const uint8_t *entry)
{
	p->type = le32(entry + IMAGE_PART_AT_TYPE);
	p->flags = le32(entry + IMAGE_PART_AT_FLAGS);
	p->offset = le32(entry + IMAGE_PART_AT_OFFSET);
	p->length = le32(entry + IMAGE_PART_AT_LENGTH);
	memcpy(p->stored_sha256, entry + IMAGE_PART_AT_STORED, 32);
	memcpy(p->installed_sha256, entry + IMAGE_PART_AT_INSTALLED, 32);
	return read_text(p->version, sizeof(p->version),
			 entry + IMAGE_PART_AT_VERSION, IMAGE_TEXT_BYTES) &&
	       p->flags == (p->type == IMAGE_TEST ? IMAGE_FLAG_ENCRYPTED : 0) &&
	       (p->type == IMAGE_TEST ||
		memcmp(p->stored_sha256, p->installed_sha256, 32) == 0);
}

/* end: where the part before this one ends; moved on. */
static enum image_error check_place(const struct image *im,
				    const struct image_part *p, uint32_t *end,
				    uint32_t entry_at, struct image_fault *f)
{
	uint32_t align = is_manifest(p->type) ? IMAGE_SECTOR_BYTES : im->align;

	if (p->offset % align != 0 || p->offset < *end ||
	    p->offset >= im->image_bytes || p->length == 0 ||
	    p->length > most_bytes(p->type) ||
	    p->length > im->image_bytes - p->offset)
		return image_fault_set(f, IMAGE_PART_PLACE, entry_at, p->type);
	*end = p->offset + whole_sectors(p->length);
	return IMAGE_OK;
}

static enum image_error read_entry(struct image *im, uint32_t index,
				   const uint8_t *sector, uint32_t *seen,
				   uint32_t *end, struct image_fault *f)
{
	uint32_t at = IMAGE_AT_PARTS + index * IMAGE_PART_ENTRY_BYTES;
	struct image_part *p = &im->parts[index];

	if (!read_part(p, sector + at))
		return image_fault_set(f, IMAGE_FIELD, at, 0);
	if (most_bytes(p->type) == 0 || (*seen & 1u << p->type) != 0)
		return image_fault_set(f, IMAGE_PART_TYPE, at, 0);
	*seen |= 1u << p->type;
	return check_place(im, p, end, at, f);
}

static enum image_error read_parts(struct image *im, const uint8_t *sector,
				   struct image_fault *f)
{
	static const uint32_t wanted = 1u << IMAGE_TEST | 1u << IMAGE_KERNEL |
				       1u << IMAGE_APP_TEST | 1u << IMAGE_APP |
				       1u << IMAGE_MANIFEST;
	uint32_t seen = 0, end = im->header_bytes;
	uint32_t used = im->part_count * IMAGE_PART_ENTRY_BYTES;
	enum image_error error = IMAGE_OK;

	for (uint32_t i = 0; i < im->part_count && error == IMAGE_OK; i++)
		error = read_entry(im, i, sector, &seen, &end, f);
	if (error != IMAGE_OK)
		return error;
	if ((seen & wanted) != wanted)
		return image_fault_set(f, IMAGE_PART_TYPE, IMAGE_AT_PART_COUNT,
				       0);
	if (end != im->image_bytes)
		return image_fault_set(f, IMAGE_SIZE, IMAGE_AT_IMAGE_BYTES, 0);
	if (!all_bytes(sector + IMAGE_AT_PARTS + used,
		       IMAGE_AT_FILL - IMAGE_AT_PARTS - used, 0))
		return image_fault_set(f, IMAGE_FIELD, IMAGE_AT_PARTS + used,
				       0);
	return IMAGE_OK;
}

/* Sector 0 has been read. The file's end is compared last, when it is known
 * which part it cuts. */
static enum image_error read_header(struct image *im, const uint8_t *sector,
				    uint64_t available, struct image_fault *f)
{
	enum image_error error = read_sizes(im, sector, f);

	if (error == IMAGE_OK && available < im->header_bytes)
		return image_fault_set(f, IMAGE_TRUNCATED, (uint32_t)available,
				       0);
	if (error == IMAGE_OK)
		error = check_header_hash(im, sector, f);
	if (error == IMAGE_OK)
		error = read_fields(im, sector, f);
	if (error == IMAGE_OK)
		error = read_parts(im, sector, f);
	if (error == IMAGE_OK && available < im->image_bytes)
		return image_fault_set(f, IMAGE_TRUNCATED, (uint32_t)available,
				       image_part_at(im, (uint32_t)available));
	return error;
}

enum image_error image_open(struct image *im, image_read_fn *read, void *arg,
			    uint64_t available, struct image_fault *f)
{
	uint8_t sector[IMAGE_SECTOR_BYTES];

	memset(im, 0, sizeof(*im));
	im->read = read;
	im->read_arg = arg;
	if (available < sizeof(sector)) {
		bool other = available >= 8 && read(arg, 0, sector, 8) &&
			     memcmp(sector, IMAGE_MAGIC, 8) != 0;

		return other ? image_fault_set(f, IMAGE_NOT_ONE, 0, 0)
			     : image_fault_set(f, IMAGE_TRUNCATED,
					       (uint32_t)available, 0);
	}
	if (!read(arg, 0, sector, sizeof(sector)))
		return image_fault_set(f, IMAGE_IO, 0, 0);
	if (memcmp(sector, IMAGE_MAGIC, 8) != 0)
		return image_fault_set(f, IMAGE_NOT_ONE, 0, 0);
	if (le32(sector + IMAGE_AT_FORMAT) != IMAGE_FORMAT)
		return image_fault_set(f, IMAGE_UNKNOWN_FORMAT, IMAGE_AT_FORMAT,
				       0);
	memcpy(im->binding, sector + IMAGE_AT_BINDING, sizeof(im->binding));
	memcpy(im->header_sha256, sector + IMAGE_AT_HEADER_HASH,
	       sizeof(im->header_sha256));
	memcpy(im->signature, sector + IMAGE_AT_SIGNATURE,
	       sizeof(im->signature));
	return read_header(im, sector, available, f);
}

const struct image_part *image_part(const struct image *im, uint32_t type)
{
	for (uint32_t i = 0; i < im->part_count; i++)
		if (im->parts[i].type == type)
			return &im->parts[i];
	return NULL;
}

uint32_t image_part_at(const struct image *im, uint32_t offset)
{
	uint32_t type = 0;

	for (uint32_t i = 0; i < im->part_count; i++)
		if (im->parts[i].offset <= offset)
			type = im->parts[i].type;
	return type;
}
