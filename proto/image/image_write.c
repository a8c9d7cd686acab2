/* From loaded parts to bytes: what the product manifest says, where things
 * lie, the body in ascending order, and the header last, since it holds the
 * hashes of all the rest. */
#include "proto/image/builder.h"
#include "proto/image/image_file.h"

#include <mbedtls/sha256.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_MAX_BYTES        \
	(IMAGE_AT_BLOCK_TABLE + \
	 IMAGE_MAX_BYTES / IMAGE_BLOCK_BYTES * IMAGE_HASH_BYTES)

static void put32(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)v;
	at[1] = (uint8_t)(v >> 8);
	at[2] = (uint8_t)(v >> 16);
	at[3] = (uint8_t)(v >> 24);
}

static uint32_t up_to(uint32_t len, uint32_t unit)
{
	return (len + unit - 1) / unit * unit;
}

/* -------- places -------- */

/* Behind a header of that size; where the last part ends. */
static uint64_t lay_out(struct builder *b, uint32_t header_bytes)
{
	uint64_t at = header_bytes;

	for (unsigned i = 0; i < IMAGE_PART_SLOTS; i++) {
		struct build_part *p = &b->parts[i];
		uint32_t align = i < SLOT_TEST ? IMAGE_SECTOR_BYTES : b->align;

		if (p->type == 0)
			continue;
		at = (at + align - 1) / align * align;
		p->offset = (uint32_t)at;
		at += up_to(p->length, IMAGE_SECTOR_BYTES);
	}
	return at;
}

/* The header's size follows from the image's, which contains it: grow until
 * both agree. */
static enum err_code place_parts(struct builder *b, struct err *e)
{
	uint32_t table = IMAGE_SECTOR_BYTES;

	for (;;) {
		uint64_t end = lay_out(b, IMAGE_AT_BLOCK_TABLE + table);

		if (end > IMAGE_MAX_BYTES)
			return err_set(e, ERR_TOO_BIG,
				       "an image has at most %u bytes, this "
				       "one %llu",
				       IMAGE_MAX_BYTES,
				       (unsigned long long)end);
		b->image_bytes = (uint32_t)end;
		b->header_bytes = IMAGE_AT_BLOCK_TABLE + table;
		b->blocks = up_to(b->image_bytes, IMAGE_BLOCK_BYTES) /
			    IMAGE_BLOCK_BYTES;
		table = up_to(b->blocks * IMAGE_HASH_BYTES, IMAGE_SECTOR_BYTES);
		if (b->header_bytes >= IMAGE_AT_BLOCK_TABLE + table)
			return ERR_OK;
	}
}

/* -------- product manifest -------- */

/* The image as its reader will see it, without places. */
static void foresee(const struct builder *b, struct image *im)
{
	memset(im, 0, sizeof *im);
	strcpy(im->product, b->in->product);
	strcpy(im->version, b->in->version);
	strcpy(im->firmware_id, b->in->firmware_id);
	memcpy(im->attest_key, b->attest_public, sizeof im->attest_key);
	im->nor_min_bytes = b->nor_min_bytes;
	for (unsigned i = SLOT_TEST; i < IMAGE_PART_SLOTS; i++) {
		const struct build_part *p = &b->parts[i];
		struct image_part *to = &im->parts[im->part_count];

		if (p->type == 0)
			continue;
		im->part_count++;
		to->type = p->type;
		to->length = p->length;
		memcpy(to->version, p->version, sizeof to->version);
		memcpy(to->installed_sha256, p->installed,
		       sizeof to->installed_sha256);
	}
}

static enum err_code write_manifest(struct builder *b, const json_t *expect,
				    struct err *e)
{
	struct build_part *p = &b->parts[SLOT_MANIFEST];
	struct image im;
	enum err_code rc;

	foresee(b, &im);
	dbuf_fini(&p->data);
	dbuf_init(&p->data, IMAGE_MANIFEST_BYTES);
	rc = product_compose(&im, b->bundles, expect, &p->data, e);
	if (rc)
		return rc;
	p->type = IMAGE_MANIFEST;
	p->length = (uint32_t)p->data.len;
	strcpy(p->version, b->in->version);
	mbedtls_sha256_ret(p->data.data, p->data.len, p->stored, 0);
	memcpy(p->installed, p->stored, sizeof p->installed);
	return ERR_OK;
}

/* The manifest says how large the NOR must be, which may follow from the
 * image's size, which may follow from the manifest's: at most a digit more. */
static enum err_code plan(struct builder *b, struct err *e)
{
	json_t *expect = product_expect_load(b->in->expect_path, e);
	enum err_code rc = expect ? ERR_OK : e ? e->code : ERR_INPUT;

	b->align = b->in->align ? b->in->align : IMAGE_BLOCK_BYTES;
	b->nor_min_bytes = b->in->nor_min_bytes;
	do {
		if (!rc)
			rc = write_manifest(b, expect, e);
		if (!rc)
			rc = place_parts(b, e);
		if (rc || b->in->nor_min_bytes ||
		    b->nor_min_bytes == b->image_bytes)
			break;
		b->nor_min_bytes = b->image_bytes;
	} while (true);
	json_decref(expect);
	if (!rc && b->nor_min_bytes < b->image_bytes)
		return err_set(e, ERR_INPUT,
			       "SPI flash of %u bytes is too small for an "
			       "image of %u",
			       b->nor_min_bytes, b->image_bytes);
	for (unsigned i = 0; i < IMAGE_PART_SLOTS; i++)
		b->part_count += b->parts[i].type != 0;
	return rc;
}

/* -------- body -------- */

struct body {
	const struct image_sink *to;
	uint32_t at;
	struct sha *sha;
	uint8_t *table; /* where the next block's hash goes */
};

static bool end_block(struct body *s)
{
	bool fine = sha_end(s->sha, s->table) && sha_begin(s->sha);

	s->table += IMAGE_HASH_BYTES;
	return fine;
}

static bool put(struct body *s, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		size_t n = IMAGE_BLOCK_BYTES - s->at % IMAGE_BLOCK_BYTES;

		if (n > len)
			n = len;
		if (!sha_add(s->sha, bytes, n) ||
		    !s->to->write(s->to->arg, s->at, bytes, n))
			return false;
		s->at += (uint32_t)n;
		bytes += n;
		len -= n;
		if (s->at % IMAGE_BLOCK_BYTES == 0 && !end_block(s))
			return false;
	}
	return true;
}

static bool put_blank(struct body *s, uint32_t end)
{
	uint8_t blank[IMAGE_SECTOR_BYTES];

	memset(blank, 0xFF, sizeof blank);
	while (s->at < end) {
		uint32_t n = end - s->at;

		if (!put(s, blank, n < sizeof blank ? n : sizeof blank))
			return false;
	}
	return true;
}

static bool put_file(struct body *s, const struct build_part *p)
{
	static const uint32_t piece = IMAGE_SECTOR_BYTES;
	uint8_t chunk[IMAGE_SECTOR_BYTES];
	struct image_window w;
	bool fine = image_window_open(&w, p->fd);

	for (uint32_t at = 0; at < p->length && fine; at += piece) {
		uint32_t n = p->length - at;

		if (n > piece)
			n = piece;
		fine = image_window_read(&w, at, chunk, n) && put(s, chunk, n);
	}
	image_window_close(&w);
	return fine;
}

static bool put_parts(const struct builder *b, struct body *s)
{
	for (unsigned i = 0; i < IMAGE_PART_SLOTS; i++) {
		const struct build_part *p = &b->parts[i];

		if (p->type == 0)
			continue;
		if (!put_blank(s, p->offset))
			return false;
		if (!(p->fd < 0 ? put(s, p->data.data, p->data.len)
				: put_file(s, p)))
			return false;
	}
	return put_blank(s, b->image_bytes) &&
	       (s->at % IMAGE_BLOCK_BYTES == 0 || end_block(s));
}

static enum err_code write_body(const struct builder *b,
				const struct image_sink *to, uint8_t *header,
				struct err *e)
{
	struct body s = {.to = to,
			 .at = b->header_bytes,
			 .sha = sha_new(),
			 .table = header + IMAGE_AT_BLOCK_TABLE};
	bool fine = s.sha && sha_begin(s.sha) && put_parts(b, &s);

	sha_free(s.sha);
	return fine ? ERR_OK
		    : err_set(e, ERR_IO, "image at 0x%08x: cannot be written",
			      s.at);
}

/* -------- header -------- */

static void fill_entry(uint8_t *entry, const struct build_part *p)
{
	put32(entry + IMAGE_PART_AT_TYPE, p->type);
	put32(entry + IMAGE_PART_AT_FLAGS,
	      p->type == IMAGE_TEST ? IMAGE_FLAG_ENCRYPTED : 0);
	put32(entry + IMAGE_PART_AT_OFFSET, p->offset);
	put32(entry + IMAGE_PART_AT_LENGTH, p->length);
	memcpy(entry + IMAGE_PART_AT_VERSION, p->version, strlen(p->version));
	memcpy(entry + IMAGE_PART_AT_STORED, p->stored, sizeof(p->stored));
	memcpy(entry + IMAGE_PART_AT_INSTALLED, p->installed,
	       sizeof(p->installed));
}

static void fill_sizes(const struct builder *b, uint8_t *sector)
{
	memcpy(sector, IMAGE_MAGIC, 8);
	put32(sector + IMAGE_AT_FORMAT, IMAGE_FORMAT);
	put32(sector + IMAGE_AT_HEADER_BYTES, b->header_bytes);
	put32(sector + IMAGE_AT_IMAGE_BYTES, b->image_bytes);
	put32(sector + IMAGE_AT_NOR_BYTES, b->nor_min_bytes);
	put32(sector + IMAGE_AT_BLOCK_BYTES, IMAGE_BLOCK_BYTES);
	put32(sector + IMAGE_AT_BLOCK_COUNT, b->blocks);
	put32(sector + IMAGE_AT_PART_COUNT, b->part_count);
	put32(sector + IMAGE_AT_ALIGN, b->align);
}

static void fill_header(const struct builder *b, uint8_t *sector)
{
	const struct image_build *in = b->in;
	uint8_t id[IMAGE_HASH_BYTES];
	uint8_t *entry = sector + IMAGE_AT_PARTS;

	memset(sector, 0, IMAGE_AT_FILL);
	fill_sizes(b, sector);
	memcpy(sector + IMAGE_AT_PRODUCT, in->product, strlen(in->product));
	memcpy(sector + IMAGE_AT_VERSION, in->version, strlen(in->version));
	memcpy(sector + IMAGE_AT_FWID, in->firmware_id,
	       strlen(in->firmware_id));
	memcpy(sector + IMAGE_AT_ATTEST_KEY, b->attest_public,
	       sizeof(b->attest_public));
	memcpy(sector + IMAGE_AT_GCM_TAG, b->gcm_tag, sizeof(b->gcm_tag));
	mbedtls_sha256_ret(signer_public_key(b->release),
			   IMAGE_PUBLIC_KEY_BYTES, id, 0);
	memcpy(sector + IMAGE_AT_KEY_ID, id, IMAGE_KEY_ID_BYTES);
	for (unsigned i = 0; i < IMAGE_PART_SLOTS; i++) {
		if (b->parts[i].type == 0)
			continue;
		fill_entry(entry, &b->parts[i]);
		entry += IMAGE_PART_ENTRY_BYTES;
	}
}

static bool read_header(void *arg, uint32_t offset, void *buf, size_t len)
{
	memcpy(buf, (const uint8_t *)arg + offset, len);
	return true;
}

static enum err_code bind_header(const struct builder *b, uint8_t *header,
				 struct err *e)
{
	struct image im = {.read = read_header,
			   .read_arg = header,
			   .header_bytes = b->header_bytes};

	if (image_compute_binding(&im, b->key_nonce, header + IMAGE_AT_BINDING,
				  NULL) != IMAGE_OK)
		return err_set(e, ERR_BUG, "SFI binding");
	return ERR_OK;
}

static enum err_code sign_header(struct builder *b, uint8_t *header,
				 struct err *e)
{
	uint8_t *hash = header + IMAGE_AT_HEADER_HASH;
	mbedtls_sha256_context sha;

	mbedtls_sha256_init(&sha);
	mbedtls_sha256_starts_ret(&sha, 0);
	mbedtls_sha256_update_ret(&sha, header, IMAGE_AT_HEADER_HASH);
	mbedtls_sha256_update_ret(&sha, header + IMAGE_AT_BLOCK_TABLE,
				  b->header_bytes - IMAGE_AT_BLOCK_TABLE);
	mbedtls_sha256_finish_ret(&sha, hash);
	mbedtls_sha256_free(&sha);
	return signer_sign(b->release, hash, header + IMAGE_AT_SIGNATURE, e);
}

static enum err_code write_all(struct builder *b, const struct image_sink *to,
			       uint8_t *header, struct err *e)
{
	enum err_code rc =
		to->size ? to->size(to->arg, b->image_bytes, e) : ERR_OK;

	memset(header, 0xFF, b->header_bytes);
	if (!rc)
		rc = write_body(b, to, header, e);
	fill_header(b, header);
	if (!rc)
		rc = bind_header(b, header, e);
	if (!rc)
		rc = sign_header(b, header, e);
	if (!rc && !to->write(to->arg, 0, header, b->header_bytes))
		rc = err_set(e, ERR_IO,
			     "image at 0x00000000: cannot be "
			     "written");
	return rc;
}

enum err_code builder_write(struct builder *b, const struct image_sink *to,
			    struct err *e)
{
	enum err_code rc = plan(b, e);
	uint8_t *header;

	if (rc)
		return rc;
	header = malloc(HEADER_MAX_BYTES);
	if (!header)
		return err_set(e, ERR_NO_MEMORY, "the header");
	rc = write_all(b, to, header, e);
	free(header);
	return rc;
}
