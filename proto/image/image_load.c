/* What goes into an image: keys, programs, bundles, data. Keys are wiped by
 * builder_free(). */
#include "proto/image/builder.h"
#include "proto/image/keys.h"

#include "proto/base/file.h"
#include "proto/bundle/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* -------- keys -------- */

/* The attestation key's private half goes to every chip. */
static enum err_code check_apart(const struct builder *b, struct err *e)
{
	if (memcmp(b->attest_public, signer_public_key(b->release),
		   sizeof b->attest_public) != 0)
		return ERR_OK;
	err_set(e, ERR_INPUT,
		"%s: the release key cannot be the attestation key too",
		b->in->attest_key_path);
	return err_hint(e, "the image would give it away; make one with "
			   "`provline keys new attestation`");
}

static enum err_code load_keys(struct builder *b, struct err *e)
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
	if (rc == ERR_OK)
		rc = check_apart(b, e);
	return rc;
}

/* -------- bundles -------- */

static bool is_archive(const struct dbuf *b)
{
	return b->len >= 4 && memcmp(b->data, "PK\3\4", 4) == 0;
}

/* An application's one layer lies where the kernel starts it. */
static enum err_code check_bundle(const struct bundle *bundle, const char *path,
				  struct err *e)
{
	const struct bundle_layer *l = &bundle->layers[0];

	if (bundle->layer_count != 1 || l->external || l->start != 0 ||
	    l->key_id != 0)
		return err_set(e, ERR_INPUT,
			       "%s: an application has one layer, at the start "
			       "of internal flash",
			       path);
	return ERR_OK;
}

/* The bundle's layer takes the place of the bundle in p; its manifest
 * becomes a part. */
static enum err_code take_apart(struct builder *b, unsigned which,
				struct build_part *p, struct err *e)
{
	struct build_part *m = &b->parts[SLOT_APP_TEST_BUNDLE + which];
	struct product_bundle *about = &b->bundles[which];
	struct bundle bundle;
	enum err_code rc =
		bundle_open(&bundle, p->data.data, p->data.len, BUNDLE_OURS, e);

	if (rc == ERR_OK)
		rc = check_bundle(&bundle, p->path, e);
	else
		err_prefix(e, "%s", p->path);
	dbuf_init(&m->data, IMAGE_MANIFEST_BYTES);
	if (rc == ERR_OK)
		rc = bundle_manifest(&bundle, &m->data, e);
	if (rc == ERR_OK) {
		m->type = which == 0 ? IMAGE_APP_TEST_BUNDLE : IMAGE_APP_BUNDLE;
		about->there = true;
		about->signer_id = bundle.signer_id;
		mbedtls_sha256_ret(p->data.data, p->data.len, about->sha256, 0);
		dbuf_fini(&p->data);
		p->data = bundle.layers[0].data;
		bundle.layers[0].data = (struct dbuf){0};
	}
	bundle_close(&bundle);
	return rc;
}

/* -------- programs -------- */

static uint32_t most_bytes(uint32_t type)
{
	return type == IMAGE_TEST     ? LAYOUT_TEST_BYTES
	       : type == IMAGE_KERNEL ? LAYOUT_KERNEL_BYTES
				      : LAYOUT_APP_BYTES;
}

static bool version_valid(const char text[32])
{
	size_t len = strnlen(text, 32);

	for (size_t i = 0; i < len; i++)
		if (text[i] <= 0x20 || text[i] >= 0x7F)
			return false;
	return len > 0 && len < 32;
}

static enum err_code check_program(struct build_part *p, struct err *e)
{
	struct layout_program_header h;
	const char *name = image_part_name(p->type);

	if (p->data.len < LAYOUT_HEADER_OFFSET + sizeof(h))
		return err_set(e, ERR_INPUT, "%s: too short for a program",
			       p->path);
	memcpy(&h, p->data.data + LAYOUT_HEADER_OFFSET, sizeof(h));
	if (h.magic != LAYOUT_HEADER_MAGIC || h.program != p->type)
		return err_set(e, ERR_INPUT, "%s: no %s program", p->path,
			       name);
	if (h.length_bytes != p->data.len)
		return err_set(e, ERR_INPUT,
			       "%s: %zu bytes, but its header says %u", p->path,
			       p->data.len, h.length_bytes);
	if (!version_valid(h.version))
		return err_set(e, ERR_INPUT, "%s: no version text", p->path);
	memcpy(p->version, h.version, sizeof(p->version));
	return ERR_OK;
}

static enum err_code load_program(struct builder *b, unsigned slot,
				  uint32_t type, const char *path,
				  struct err *e)
{
	struct build_part *p = &b->parts[slot];
	enum err_code rc;

	p->type = type;
	p->path = path;
	/* a bundle may be longer than what it holds */
	dbuf_init(&p->data,
		  slot >= SLOT_APP_TEST ? BUNDLE_MAX_BYTES : most_bytes(type));
	rc = file_read(path, &p->data, e);
	if (rc == ERR_OK && slot >= SLOT_APP_TEST && is_archive(&p->data))
		rc = take_apart(b, slot - SLOT_APP_TEST, p, e);
	else if (rc == ERR_OK && p->data.len > most_bytes(type))
		rc = err_set(e, ERR_TOO_BIG, "%s: over %u bytes", path,
			     most_bytes(type));
	if (rc != ERR_OK)
		return err_prefix(e, "%s", image_part_name(type));
	p->length = (uint32_t)p->data.len;
	return check_program(p, e);
}

static enum err_code load_programs(struct builder *b, struct err *e)
{
	const struct image_build *in = b->in;
	const struct {
		unsigned slot;
		uint32_t type;
		const char *path;
	} programs[] = {
		{SLOT_TEST, IMAGE_TEST, in->test_path},
		{SLOT_KERNEL, IMAGE_KERNEL, in->kernel_path},
		{SLOT_APP_TEST, IMAGE_APP_TEST, in->app_test_path},
		{SLOT_APP, IMAGE_APP, in->app_path},
	};
	enum err_code rc = ERR_OK;

	for (unsigned i = 0; i < 4 && rc == ERR_OK; i++)
		rc = load_program(b, programs[i].slot, programs[i].type,
				  programs[i].path, e);
	for (unsigned i = 0; i < 2 && rc == ERR_OK; i++) {
		struct build_part *m = &b->parts[SLOT_APP_TEST_BUNDLE + i];

		m->length = (uint32_t)m->data.len;
		memcpy(m->version, b->parts[SLOT_APP_TEST + i].version,
		       sizeof(m->version));
	}
	return rc;
}

/* Opened and hashed; its bytes are read again when they are written. */
static enum err_code load_data(struct builder *b, struct err *e)
{
	struct build_part *p = &b->parts[SLOT_DATA];
	const char *path = b->in->data_path;
	struct stat st;

	if (path == NULL)
		return ERR_OK;
	p->path = path;
	p->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (p->fd < 0 || fstat(p->fd, &st) != 0)
		return err_set_errno(e, ERR_IO, errno, "data: %s", path);
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return err_set(e, ERR_INPUT, "data: %s: no file with content",
			       path);
	if (st.st_size > (off_t)IMAGE_MAX_BYTES)
		return err_set(e, ERR_TOO_BIG, "data: %s: over %u bytes", path,
			       IMAGE_MAX_BYTES);
	p->type = IMAGE_DATA;
	p->length = (uint32_t)st.st_size;
	memcpy(p->version, b->in->version, strlen(b->in->version));
	return image_fd_sha256(p->fd, p->length, path, p->stored, e);
}

/* The attestation key goes into the test program's header. */
static enum err_code put_attest_key(struct builder *b, struct err *e)
{
	struct build_part *p = &b->parts[SLOT_TEST];
	uint8_t *at = p->data.data + LAYOUT_HEADER_OFFSET +
		      offsetof(struct layout_program_header, attest_key);

	for (unsigned i = 0; i < 32; i++)
		if (at[i] != 0xFF)
			return err_set(e, ERR_INPUT,
				       "%s: its attestation key is in use",
				       p->path);
	if (mbedtls_mpi_write_binary(&mbedtls_pk_ec(b->attest)->d, at, 32) != 0)
		return err_set(e, ERR_INPUT, "%s: no P-256 key",
			       b->in->attest_key_path);
	return ERR_OK;
}

static enum err_code encrypt_test(struct builder *b, struct err *e)
{
	struct build_part *p = &b->parts[SLOT_TEST];
	mbedtls_gcm_context gcm;
	int rc;

	mbedtls_sha256_ret(p->data.data, p->data.len, p->installed, 0);
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

static void hash_parts(struct builder *b)
{
	for (unsigned i = 0; i < IMAGE_PART_SLOTS; i++) {
		struct build_part *p = &b->parts[i];

		if (p->type == 0)
			continue;
		if (p->fd < 0)
			mbedtls_sha256_ret(p->data.data, p->data.len, p->stored,
					   0);
		if (p->type != IMAGE_TEST)
			memcpy(p->installed, p->stored, sizeof(p->stored));
	}
}

enum err_code builder_load(struct builder *b, struct err *e)
{
	enum err_code rc;

	mbedtls_pk_init(&b->attest);
	for (unsigned i = 0; i < IMAGE_PART_SLOTS; i++)
		b->parts[i].fd = -1;
	rc = load_keys(b, e);
	if (rc == ERR_OK)
		rc = load_programs(b, e);
	if (rc == ERR_OK)
		rc = load_data(b, e);
	if (rc == ERR_OK)
		rc = put_attest_key(b, e);
	if (rc == ERR_OK)
		rc = encrypt_test(b, e);
	if (rc == ERR_OK)
		hash_parts(b);
	return rc;
}

void builder_free(struct builder *b)
{
	for (unsigned i = 0; i < IMAGE_PART_SLOTS; i++) {
		image_forget(&b->parts[i].data);
		if (b->parts[i].fd >= 0)
			close(b->parts[i].fd);
	}
	mbedtls_pk_free(&b->attest);
	signer_close(b->release);
	mbedtls_platform_zeroize(b->key_nonce, sizeof(b->key_nonce));
}
