/* image extract: the parts as files. Bundles become archives again, to the
 * byte; the hardware test stays encrypted unless the SFI key is given. */
#include "cli/image/image_cli.h"
#include "proto/base/file.h"
#include "proto/bundle/bundle.h"

#include <limits.h>
#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <string.h>

#define WANTED_MAX IMAGE_PART_SLOTS

struct job {
	const char *release_key, *sfi_key, *folder;
	const char *wanted[WANTED_MAX]; /* none: all */
	unsigned wanted_count;
	struct image_file file;
	struct product_bundle bundles[2];
	json_t *done;
	struct key_unlock unlock; /* of the SFI key */
	uint8_t key[KEY_SFI_BYTES];
};

static const struct option options[] = {
	{"output", required_argument, NULL, 'o'},
	{"key", required_argument, NULL, IMAGE_OPT_SFI_KEY},
	{"passphrase-file", required_argument, NULL, IMAGE_OPT_PASSPHRASE},
	{"part", required_argument, NULL, IMAGE_OPT_PART},
	{"release-key", required_argument, NULL, IMAGE_OPT_RELEASE_KEY},
	{0},
};

static enum err_code take_option(void *arg, int val, const char *value,
				 struct err *e)
{
	struct job *j = arg;

	if (val == 'o')
		j->folder = value;
	else if (val == IMAGE_OPT_SFI_KEY)
		j->sfi_key = value;
	else if (val == IMAGE_OPT_RELEASE_KEY)
		j->release_key = value;
	else if (val == IMAGE_OPT_PASSPHRASE)
		return key_unlock_add(&j->unlock, value, e);
	else if (j->wanted_count == WANTED_MAX)
		return err_set(e, ERR_USAGE, "--part: at most %u times",
			       WANTED_MAX);
	else
		j->wanted[j->wanted_count++] = value;
	return ERR_OK;
}

static bool is_wanted(const struct job *j, const char *name)
{
	for (unsigned i = 0; i < j->wanted_count; i++)
		if (strcmp(j->wanted[i], name) == 0)
			return true;
	return j->wanted_count == 0;
}

static enum err_code check_wanted(const struct job *j, struct err *e)
{
	const struct image *im = &j->file.image;

	for (unsigned i = 0; i < j->wanted_count; i++) {
		uint32_t k = 0;

		while (k < im->part_count &&
		       strcmp(image_part_name(im->parts[k].type),
			      j->wanted[i]) != 0)
			k++;
		if (k == im->part_count)
			return err_set(e, ERR_USAGE, "--part: there is no %s",
				       j->wanted[i]);
	}
	return ERR_OK;
}

/* -------- writing -------- */

static enum err_code path_of(const struct job *j, const char *name,
			     char out[PATH_MAX], struct err *e)
{
	if (snprintf(out, PATH_MAX, "%s/%s", j->folder, name) < PATH_MAX)
		return ERR_OK;
	return err_set(e, ERR_INPUT, "--output: the path is too long");
}

static void tell(struct job *j, const struct image_part *p, const char *path)
{
	json_array_append_new(j->done, json_pack("{ss ss}", "part",
						 image_part_name(p->type),
						 "file", path));
}

static enum err_code write_bytes(struct job *j, const struct image_part *p,
				 const char *name, const struct dbuf *bytes,
				 unsigned mode, struct err *e)
{
	char path[PATH_MAX];
	enum err_code rc = path_of(j, name, path, e);

	if (!rc)
		rc = file_write(path, bytes->data, bytes->len, mode, e);
	if (!rc)
		tell(j, p, path);
	return rc;
}

static enum err_code copy(struct job *j, const struct image_part *p,
			  struct file_new *to, const char *path, struct err *e)
{
	uint8_t chunk[IMAGE_SECTOR_BYTES];
	enum err_code rc = ERR_OK;

	for (uint32_t at = 0; at < p->length && !rc; at += sizeof chunk) {
		uint32_t n = p->length - at;

		if (n > sizeof chunk)
			n = sizeof chunk;
		if (!image_window_read(&j->file.window, p->offset + at, chunk,
				       n))
			return err_set(e, ERR_IO, "%s: at 0x%08x", j->file.path,
				       p->offset + at);
		rc = file_new_add(to, path, chunk, n, e);
	}
	return rc;
}

/* As it is, through a buffer: it may be as large as the image. */
static enum err_code write_stored(struct job *j, const struct image_part *p,
				  const char *name, struct err *e)
{
	struct file_new to;
	char path[PATH_MAX];
	enum err_code rc = path_of(j, name, path, e);

	if (!rc)
		rc = file_new_open(&to, path, e);
	if (rc)
		return rc;
	rc = copy(j, p, &to, path, e);
	if (!rc)
		rc = file_new_keep(&to, path, 0644, true, e);
	file_new_drop(&to);
	if (!rc)
		tell(j, p, path);
	return rc;
}

/* -------- the hardware test -------- */

static enum err_code decrypt(const struct job *j, const struct image_part *p,
			     struct dbuf *bytes, struct err *e)
{
	uint8_t actual[IMAGE_HASH_BYTES];
	mbedtls_gcm_context gcm;
	int bad;

	mbedtls_gcm_init(&gcm);
	bad = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, j->key, 128);
	if (!bad)
		bad = mbedtls_gcm_auth_decrypt(
			&gcm, bytes->len, j->key + SFI_KEY_BYTES,
			SFI_NONCE_BYTES, NULL, 0, j->file.image.gcm_tag,
			SFI_TAG_BYTES, bytes->data, bytes->data);
	mbedtls_gcm_free(&gcm);
	if (!bad)
		bad = mbedtls_sha256_ret(bytes->data, bytes->len, actual, 0) ||
		      memcmp(actual, p->installed_sha256, sizeof actual) != 0;
	return bad ? err_set(e, ERR_INTEGRITY,
			     "%s: image at 0x%08x (%s): is not what it was "
			     "before it was encrypted",
			     j->file.path, p->offset, image_part_name(p->type))
		   : ERR_OK;
}

/* Is it this image's? Before anything is written. */
static enum err_code read_key(struct job *j, struct err *e)
{
	struct image_fault f;
	enum err_code rc;

	if (!j->sfi_key)
		return ERR_OK;
	rc = key_load_sfi(j->key, j->sfi_key, &j->unlock, e);
	if (!rc && image_verify_binding(&j->file.image, j->key, &f)) {
		rc = image_fault_err(&f, e);
		err_prefix(e, "%s", j->file.path);
	}
	return rc;
}

static void forget(struct dbuf *b)
{
	if (b->data)
		mbedtls_platform_zeroize(b->data, b->len);
	dbuf_fini(b);
}

/* In the clear, with the attestation key in it: for the owner alone. */
static enum err_code write_plain(struct job *j, const struct image_part *p,
				 struct err *e)
{
	struct dbuf bytes;
	enum err_code rc;

	dbuf_init(&bytes, LAYOUT_TEST_BYTES);
	rc = image_file_part(&j->file, p, &bytes, e);
	if (!rc)
		rc = decrypt(j, p, &bytes, e);
	if (!rc)
		rc = write_bytes(j, p, "hardware-test.bin", &bytes, 0600, e);
	forget(&bytes);
	return rc;
}

/* -------- bundles -------- */

/* Is the archive the one that went in? Else another zlib packed it. */
static enum err_code check_archive(const struct job *j,
				   const struct image_part *p,
				   const struct product_bundle *told,
				   const struct dbuf *archive, struct err *e)
{
	uint8_t sha256[IMAGE_HASH_BYTES];

	mbedtls_sha256_ret(archive->data, archive->len, sha256, 0);
	if (memcmp(sha256, told->sha256, sizeof sha256) == 0)
		return ERR_OK;
	err_set(e, ERR_INTEGRITY,
		"%s: image at 0x%08x (%s): packs into another archive than the "
		"one that went in",
		j->file.path, p->offset, image_part_name(p->type));
	return err_hint(e, "the content is right; extract it where the zlib is "
			   "that the image was built with");
}

static enum err_code write_bundle(struct job *j, const struct image_part *p,
				  struct err *e)
{
	bool app = p->type == IMAGE_APP_BUNDLE;
	struct dbuf manifest, layer, archive;
	struct bundle b = {0};
	enum err_code rc;

	dbuf_init(&manifest, IMAGE_MANIFEST_BYTES);
	dbuf_init(&layer, LAYOUT_APP_BYTES);
	dbuf_init(&archive, BUNDLE_MAX_BYTES);
	rc = image_file_part(&j->file, p, &manifest, e);
	if (!rc)
		rc = image_file_part(
			&j->file,
			image_part(&j->file.image,
				   app ? IMAGE_APP : IMAGE_APP_TEST),
			&layer, e);
	if (!rc)
		rc = bundle_assemble(&b, manifest.data, manifest.len,
				     layer.data, layer.len, e);
	if (!rc)
		rc = bundle_pack(&b, &archive, e);
	if (!rc)
		rc = check_archive(j, p, &j->bundles[app], &archive, e);
	if (!rc)
		rc = write_bytes(j, p, app ? "app.zip" : "app-test.zip",
				 &archive, 0644, e);
	bundle_close(&b);
	dbuf_fini(&archive);
	dbuf_fini(&layer);
	dbuf_fini(&manifest);
	return rc;
}

/* -------- all of it -------- */

static enum err_code extract_part(struct job *j, const struct image_part *p,
				  struct err *e)
{
	switch (p->type) {
	case IMAGE_TEST:
		return j->sfi_key ? write_plain(j, p, e)
				  : write_stored(j, p, "hardware-test.enc", e);
	case IMAGE_KERNEL:
		return write_stored(j, p, "kernel.bin", e);
	case IMAGE_APP_TEST:
		return write_stored(j, p, "app-test.bin", e);
	case IMAGE_APP:
		return write_stored(j, p, "app.bin", e);
	case IMAGE_MANIFEST:
		return write_stored(j, p, "manifest.json", e);
	case IMAGE_DATA:
		return write_stored(j, p, "data.bin", e);
	default:
		return write_bundle(j, p, e);
	}
}

static enum err_code extract(struct job *j, struct err *e)
{
	const struct image *im = &j->file.image;
	enum err_code rc = check_wanted(j, e);

	if (!rc)
		rc = image_file_manifest(&j->file, j->bundles, NULL, e);
	if (!rc)
		rc = read_key(j, e);
	if (!rc)
		rc = file_mkdir(j->folder, 0777, e);
	for (uint32_t i = 0; i < im->part_count && !rc; i++)
		if (is_wanted(j, image_part_name(im->parts[i].type)))
			rc = extract_part(j, &im->parts[i], e);
	return rc;
}

static void report(const struct cli *c, const json_t *done)
{
	if (c->json) {
		cli_print_json(done);
		return;
	}
	for (size_t i = 0; i < json_array_size(done); i++)
		printf("%s\n", json_string_value(json_object_get(
				       json_array_get(done, i), "file")));
}

enum err_code cmd_image_extract(struct cli *c, int argc, char **argv,
				struct err *e)
{
	struct job j = {0};
	enum err_code rc;
	int first;

	j.file.window.fd = -1;
	j.done = json_array();
	rc = cli_options(c, argc, argv, options, take_option, &j, &first, e);
	if (!rc && (first + 1 != argc || !j.folder))
		rc = err_set(e, ERR_USAGE, "give one FILE.pli and -o DIR");
	if (!rc)
		rc = image_cli_open(&j.file, argv[first], j.release_key, e);
	if (!rc)
		rc = extract(&j, e);
	if (!rc)
		report(c, j.done);
	json_decref(j.done);
	key_unlock_fini(&j.unlock);
	mbedtls_platform_zeroize(j.key, sizeof j.key);
	image_file_close(&j.file);
	return rc;
}
