/* Beyond the portable reader: manifests, and errors for people. Host only. */
#include "proto/bundle/bundle.h"
#include "proto/image/image_file.h"

#include <string.h>

struct bytes {
	const uint8_t *data;
	size_t len;
};

static bool read_bytes(void *arg, uint32_t offset, void *buf, size_t len)
{
	const struct bytes *b = arg;

	if (offset > b->len || len > b->len - offset)
		return false;
	memcpy(buf, b->data + offset, len);
	return true;
}

static enum err_code read_part(const struct image *im,
			       const struct image_part *p, struct dbuf *out,
			       struct err *e)
{
	uint8_t chunk[4096];
	enum err_code rc = ERR_OK;

	for (uint32_t at = 0; at < p->length && !rc; at += sizeof chunk) {
		uint32_t n = p->length - at;

		if (n > sizeof chunk)
			n = sizeof chunk;
		if (!im->read(im->read_arg, p->offset + at, chunk, n))
			return err_set(e, ERR_IO, "image at 0x%08x (%s)",
				       p->offset + at,
				       image_part_name(p->type));
		rc = dbuf_add(out, chunk, n);
	}
	return rc ? err_set(e, rc, "%s", image_part_name(p->type)) : ERR_OK;
}

static enum err_code refuse(const struct image_part *p, const char *what,
			    struct err *e)
{
	return err_set(e, ERR_INTEGRITY, "image at 0x%08x (%s): %s", p->offset,
		       image_part_name(p->type), what);
}

/* The bundle's manifest against the program beside it. */
static enum err_code check_bundle(const struct image *im,
				  const struct image_part *m,
				  const struct image_part *layer,
				  const struct product_bundle *told,
				  struct err *e)
{
	struct dbuf manifest, bytes;
	struct bundle b = {0};
	struct err why = {0};
	enum err_code rc;

	dbuf_init(&manifest, IMAGE_MANIFEST_BYTES);
	dbuf_init(&bytes, LAYOUT_APP_BYTES);
	rc = read_part(im, m, &manifest, e);
	if (!rc)
		rc = read_part(im, layer, &bytes, e);
	if (!rc) {
		rc = bundle_assemble(&b, manifest.data, manifest.len,
				     bytes.data, bytes.len, &why);
		if (rc)
			rc = refuse(m, why.text, e);
		else if (!told->there || told->signer_id != b.signer_id ||
			 strcmp(m->version, layer->version) != 0)
			rc = refuse(m,
				    "is not the bundle that the product "
				    "manifest tells of",
				    e);
	}
	bundle_close(&b);
	dbuf_fini(&bytes);
	dbuf_fini(&manifest);
	return rc;
}

static enum err_code check_bundles(const struct image *im,
				   const struct product_bundle told[2],
				   struct err *e)
{
	enum err_code rc = ERR_OK;

	for (unsigned i = 0; i < 2 && !rc; i++) {
		const struct image_part *m =
			image_part(im, IMAGE_APP_TEST_BUNDLE + i);
		const struct image_part *layer =
			image_part(im, IMAGE_APP_TEST + i);

		if (m)
			rc = check_bundle(im, m, layer, &told[i], e);
		else if (told[i].there)
			rc = refuse(layer,
				    "the manifest of its bundle is missing", e);
	}
	return rc;
}

enum err_code image_check_manifests(const struct image *im, struct err *e)
{
	struct product_bundle told[2];
	struct dbuf text;
	enum err_code rc;

	dbuf_init(&text, IMAGE_MANIFEST_BYTES);
	rc = read_part(im, image_part(im, IMAGE_MANIFEST), &text, e);
	if (!rc)
		rc = product_parse(im, text.data, text.len, told, NULL, e);
	dbuf_fini(&text);
	return rc ? rc : check_bundles(im, told, e);
}

enum err_code image_check_bytes(struct image *im, const uint8_t *bytes,
				size_t len, struct err *e)
{
	struct bytes b = {bytes, len};
	struct image_fault f = {IMAGE_OK, 0, 0};
	enum image_error error = image_open(im, read_bytes, &b, len, &f);
	enum err_code rc;

	if (error == IMAGE_OK && len != im->image_bytes)
		return err_set(e, ERR_INTEGRITY,
			       "image at 0x%08x: %zu bytes behind its end",
			       im->image_bytes, len - im->image_bytes);
	if (error == IMAGE_OK)
		error = image_verify_all(im, &f);
	rc = error == IMAGE_OK ? image_check_manifests(im, e)
			       : image_fault_err(&f, e);
	/* the reader's argument ends with this call */
	im->read = NULL;
	im->read_arg = NULL;
	return rc;
}
