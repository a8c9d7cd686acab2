/* The steps: load programs and keys, put the attestation key in, encrypt,
 * place, fill in the header, hash, bind, sign. Keys are wiped by whoever
 * loaded them. */
#include "proto/image/image_build.h"
#include "proto/image/keys.h"
#include "proto/keys/signer.h"

#include "proto/base/file.h"

#include <mbedtls/gcm.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <stddef.h>
#include <string.h>

#define PARTS 4u

struct part {
	enum layout_program type;
	const char *path;
	struct dbuf data; /* as stored in the image */
	uint32_t offset;
	char version[IMAGE_TEXT_BYTES];
	uint8_t stored[IMAGE_HASH_BYTES], installed[IMAGE_HASH_BYTES];
};

struct build {
	const struct image_build *in;
	struct part parts[PARTS];
	uint8_t key_nonce[IMAGE_SFI_KEY_FILE_BYTES];
	struct signer *release;
	mbedtls_pk_context attest;
	uint8_t attest_public[IMAGE_PUBLIC_KEY_BYTES];
	uint8_t gcm_tag[SFI_TAG_BYTES];
	uint32_t header_bytes, image_bytes, blocks;
};

static void put32(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)v;
	at[1] = (uint8_t)(v >> 8);
	at[2] = (uint8_t)(v >> 16);
	at[3] = (uint8_t)(v >> 24);
}

static uint32_t whole_sectors(uint32_t len)
{
	return (len + IMAGE_SECTOR_BYTES - 1) & ~(IMAGE_SECTOR_BYTES - 1);
}

/* -------- keys -------- */

static enum err_code load_keys(struct build *b, struct err *e)
{
	const struct image_build *in = b->in;
	enum err_code rc =
		key_load_sfi(b->key_nonce, in->sfi_key_path, in->unlock, e);

	if (rc == ERR_OK)
		rc = signer_open(&b->release, in->release_key_path,
				 in->pin_path, in->unlock, e);
	if (rc == ERR_OK)
		rc = key_load(&b->attest, in->attest_key_path, in->unlock,
			      b->attest_public, e);
	return rc;
}

/* -------- programs -------- */

static uint32_t most_bytes(enum layout_program type)
{
	return type == LAYOUT_PROGRAM_TEST     ? LAYOUT_TEST_BYTES
	       : type == LAYOUT_PROGRAM_KERNEL ? LAYOUT_KERNEL_BYTES
					       : LAYOUT_APP_BYTES;
}

static bool text_valid(const char *text, size_t max)
{
	size_t len = 0;

	while (text != NULL && text[len] > 0x20 && text[len] < 0x7F)
		len++;
	return len > 0 && len <= max && text[len] == '\0';
}

static enum err_code check_program(struct part *p, struct err *e)
{
	struct layout_program_header h;
	const char *name = image_part_name(p->type);

	if (p->data.len < LAYOUT_HEADER_OFFSET + sizeof(h))
		return err_set(e, ERR_INPUT, "%s: too short for a program",
			       p->path);
	memcpy(&h, p->data.data + LAYOUT_HEADER_OFFSET, sizeof(h));
	if (h.magic != LAYOUT_HEADER_MAGIC || h.program != (uint32_t)p->type)
		return err_set(e, ERR_INPUT, "%s: no %s program", p->path,
			       name);
	if (h.length_bytes != p->data.len)
		return err_set(e, ERR_INPUT,
			       "%s: %zu bytes, but its header says %u", p->path,
			       p->data.len, h.length_bytes);
	if (h.version[sizeof(h.version) - 1] != '\0' ||
	    !text_valid(h.version, sizeof(h.version) - 1))
		return err_set(e, ERR_INPUT, "%s: no version text", p->path);
	memcpy(p->version, h.version, sizeof(p->version));
	return ERR_OK;
}

static enum err_code load_part(struct part *p, enum layout_program type,
			       const char *path, struct err *e)
{
	p->type = type;
	p->path = path;
	dbuf_init(&p->data, most_bytes(type));
	if (file_read(path, &p->data, e) != ERR_OK)
		return err_prefix(e, "%s", image_part_name(type));
	return check_program(p, e);
}

static enum err_code load_parts(struct build *b, struct err *e)
{
	const struct image_build *in = b->in;
	enum err_code rc;

	rc = load_part(&b->parts[0], LAYOUT_PROGRAM_TEST, in->test_path, e);
	if (rc == ERR_OK)
		rc = load_part(&b->parts[1], LAYOUT_PROGRAM_KERNEL,
			       in->kernel_path, e);
	if (rc == ERR_OK)
		rc = load_part(&b->parts[2], LAYOUT_PROGRAM_APP_TEST,
			       in->app_test_path, e);
	if (rc == ERR_OK)
		rc = load_part(&b->parts[3], LAYOUT_PROGRAM_APP, in->app_path,
			       e);
	return rc;
}

/* The attestation key goes into the test program's header. */
static enum err_code put_attest_key(struct build *b, struct err *e)
{
	uint8_t *at = b->parts[0].data.data + LAYOUT_HEADER_OFFSET +
		      offsetof(struct layout_program_header, attest_key);

	for (unsigned i = 0; i < 32; i++)
		if (at[i] != 0xFF)
			return err_set(e, ERR_INPUT,
				       "%s: its attestation key is in use",
				       b->parts[0].path);
	if (mbedtls_mpi_write_binary(&mbedtls_pk_ec(b->attest)->d, at, 32) != 0)
		return err_set(e, ERR_INPUT, "%s: no P-256 key",
			       b->in->attest_key_path);
	return ERR_OK;
}

static enum err_code encrypt_test(struct build *b, struct err *e)
{
	struct part *p = &b->parts[0];
	mbedtls_gcm_context gcm;
	int rc;

	mbedtls_gcm_init(&gcm);
	rc = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, b->key_nonce, 128);
	if (rc == 0)
		rc = mbedtls_gcm_crypt_and_tag(
			&gcm, MBEDTLS_GCM_ENCRYPT, p->data.len,
			b->key_nonce + SFI_KEY_BYTES, SFI_NONCE_BYTES, NULL, 0,
			p->data.data, p->data.data, sizeof(b->gcm_tag),
			b->gcm_tag);
	mbedtls_gcm_free(&gcm);
	return rc == 0 ? ERR_OK : err_set(e, ERR_BUG, "AES-GCM: -0x%x", -rc);
}

static void hash_part(const struct part *p, uint8_t out[IMAGE_HASH_BYTES])
{
	mbedtls_sha256_ret(p->data.data, p->data.len, out, 0);
}

static enum err_code prepare_parts(struct build *b, struct err *e)
{
	enum err_code rc = put_attest_key(b, e);

	if (rc != ERR_OK)
		return rc;
	for (unsigned i = 0; i < PARTS; i++)
		hash_part(&b->parts[i], b->parts[i].installed);
	rc = encrypt_test(b, e);
	for (unsigned i = 0; i < PARTS; i++)
		hash_part(&b->parts[i], b->parts[i].stored);
	return rc;
}

/* -------- header -------- */

/* The header's size follows from the image's, which contains it: grow until
 * both agree. */
static void place_parts(struct build *b)
{
	uint32_t content = 0;

	for (unsigned i = 0; i < PARTS; i++)
		content += whole_sectors((uint32_t)b->parts[i].data.len);
	b->header_bytes = IMAGE_AT_BLOCK_TABLE + IMAGE_SECTOR_BYTES;
	for (;;) {
		uint32_t table;

		b->image_bytes = b->header_bytes + content;
		b->blocks = (b->image_bytes + IMAGE_BLOCK_BYTES - 1) /
			    IMAGE_BLOCK_BYTES;
		table = whole_sectors(b->blocks * IMAGE_HASH_BYTES);
		if (b->header_bytes == IMAGE_AT_BLOCK_TABLE + table)
			break;
		b->header_bytes = IMAGE_AT_BLOCK_TABLE + table;
	}
	uint32_t at = b->header_bytes;
	for (unsigned i = 0; i < PARTS; i++) {
		b->parts[i].offset = at;
		at += whole_sectors((uint32_t)b->parts[i].data.len);
	}
}

static void fill_entry(uint8_t *entry, const struct part *p)
{
	put32(entry + IMAGE_PART_AT_TYPE, p->type);
	put32(entry + IMAGE_PART_AT_FLAGS,
	      p->type == LAYOUT_PROGRAM_TEST ? IMAGE_FLAG_ENCRYPTED : 0);
	put32(entry + IMAGE_PART_AT_OFFSET, p->offset);
	put32(entry + IMAGE_PART_AT_LENGTH, (uint32_t)p->data.len);
	memcpy(entry + IMAGE_PART_AT_VERSION, p->version, sizeof(p->version));
	memcpy(entry + IMAGE_PART_AT_STORED, p->stored, sizeof(p->stored));
	memcpy(entry + IMAGE_PART_AT_INSTALLED, p->installed,
	       sizeof(p->installed));
}

static void fill_header(const struct build *b, uint8_t *sector)
{
	const struct image_build *in = b->in;
	uint8_t id[IMAGE_HASH_BYTES];

	memset(sector, 0, IMAGE_AT_FILL);
	memcpy(sector, IMAGE_MAGIC, 8);
	put32(sector + IMAGE_AT_FORMAT, IMAGE_FORMAT);
	put32(sector + IMAGE_AT_HEADER_BYTES, b->header_bytes);
	put32(sector + IMAGE_AT_IMAGE_BYTES, b->image_bytes);
	put32(sector + IMAGE_AT_NOR_BYTES,
	      in->nor_min_bytes != 0 ? in->nor_min_bytes : b->image_bytes);
	put32(sector + IMAGE_AT_BLOCK_BYTES, IMAGE_BLOCK_BYTES);
	put32(sector + IMAGE_AT_BLOCK_COUNT, b->blocks);
	put32(sector + IMAGE_AT_PART_COUNT, PARTS);
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
	for (unsigned i = 0; i < PARTS; i++)
		fill_entry(sector + IMAGE_AT_PARTS + i * IMAGE_PART_ENTRY_BYTES,
			   &b->parts[i]);
}

static void fill_block_table(const struct build *b, uint8_t *image)
{
	for (uint32_t i = 0; i < b->blocks; i++) {
		uint32_t from =
			i == 0 ? b->header_bytes : i * IMAGE_BLOCK_BYTES;
		uint32_t end = (i + 1) * IMAGE_BLOCK_BYTES;

		if (end > b->image_bytes)
			end = b->image_bytes;
		mbedtls_sha256_ret(
			image + from, end - from,
			image + IMAGE_AT_BLOCK_TABLE + i * IMAGE_HASH_BYTES, 0);
	}
}

static bool read_bytes(void *arg, uint32_t offset, void *buf, size_t len)
{
	memcpy(buf, (const uint8_t *)arg + offset, len);
	return true;
}

static enum err_code bind_header(const struct build *b, uint8_t *image,
				 struct err *e)
{
	struct image im = {.read = read_bytes,
			   .read_arg = image,
			   .header_bytes = b->header_bytes};

	if (image_compute_binding(&im, b->key_nonce, image + IMAGE_AT_BINDING,
				  NULL) != IMAGE_OK)
		return err_set(e, ERR_BUG, "SFI binding");
	return ERR_OK;
}

static enum err_code sign_header(struct build *b, uint8_t *image, struct err *e)
{
	uint8_t *hash = image + IMAGE_AT_HEADER_HASH;
	mbedtls_sha256_context sha;

	mbedtls_sha256_init(&sha);
	mbedtls_sha256_starts_ret(&sha, 0);
	mbedtls_sha256_update_ret(&sha, image, IMAGE_AT_HEADER_HASH);
	mbedtls_sha256_update_ret(&sha, image + IMAGE_AT_BLOCK_TABLE,
				  b->header_bytes - IMAGE_AT_BLOCK_TABLE);
	mbedtls_sha256_finish_ret(&sha, hash);
	mbedtls_sha256_free(&sha);
	return signer_sign(b->release, hash, image + IMAGE_AT_SIGNATURE, e);
}

/* -------- all of it -------- */

static enum err_code compose(struct build *b, struct dbuf *out, struct err *e)
{
	static const uint8_t blank[IMAGE_SECTOR_BYTES] = {0};
	enum err_code rc = ERR_OK;
	size_t start = out->len;
	struct image check;

	place_parts(b);
	while (rc == ERR_OK && out->len - start < b->image_bytes)
		rc = dbuf_add(out, blank, sizeof(blank));
	if (rc != ERR_OK)
		return err_set(e, rc, "image of %u bytes", b->image_bytes);
	uint8_t *image = out->data + start;
	memset(image, 0xFF, b->image_bytes);
	for (unsigned i = 0; i < PARTS; i++)
		memcpy(image + b->parts[i].offset, b->parts[i].data.data,
		       b->parts[i].data.len);
	fill_header(b, image);
	fill_block_table(b, image);
	rc = bind_header(b, image, e);
	if (rc == ERR_OK)
		rc = sign_header(b, image, e);
	if (rc == ERR_OK)
		rc = image_check_bytes(&check, image, b->image_bytes, e);
	return rc;
}

static enum err_code check_texts(const struct image_build *in, struct err *e)
{
	if (!text_valid(in->product, IMAGE_TEXT_BYTES - 1))
		return err_set(e, ERR_INPUT, "product name");
	if (!text_valid(in->version, IMAGE_TEXT_BYTES - 1))
		return err_set(e, ERR_INPUT, "release version");
	if (!text_valid(in->firmware_id, SFI_FWID_BYTES))
		return err_set(e, ERR_INPUT, "SFI firmware identifier");
	return ERR_OK;
}

enum err_code image_build(const struct image_build *in, struct dbuf *out,
			  struct err *e)
{
	struct build b = {.in = in};
	enum err_code rc = check_texts(in, e);

	mbedtls_pk_init(&b.attest);
	if (rc == ERR_OK)
		rc = load_keys(&b, e);
	if (rc == ERR_OK)
		rc = load_parts(&b, e);
	if (rc == ERR_OK)
		rc = prepare_parts(&b, e);
	if (rc == ERR_OK)
		rc = compose(&b, out, e);
	for (unsigned i = 0; i < PARTS; i++)
		image_forget(&b.parts[i].data);
	mbedtls_pk_free(&b.attest);
	signer_close(b.release);
	mbedtls_platform_zeroize(b.key_nonce, sizeof(b.key_nonce));
	return rc;
}

enum err_code image_build_file(const struct image_build *in, const char *path,
			       uint8_t sha256[IMAGE_HASH_BYTES], struct err *e)
{
	struct dbuf out;
	enum err_code rc;

	dbuf_init(&out, IMAGE_MAX_BYTES);
	rc = image_build(in, &out, e);
	if (rc == ERR_OK)
		rc = file_write(path, out.data, out.len, 0644, e);
	if (rc == ERR_OK && sha256 != NULL)
		mbedtls_sha256_ret(out.data, out.len, sha256, 0);
	dbuf_fini(&out);
	return rc;
}
