/* Reading a bundle: the archive, its manifest, the layers, and at last the
 * whole file against what would be written. */
#include "proto/bundle/parts.h"

#include "proto/base/hex.h"

#include <stdarg.h>
#include <string.h>

enum err_code bundle_damaged(struct err *e, const char *part, size_t at,
			     const char *fmt, ...)
{
	char what[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	if (at == BUNDLE_NOWHERE)
		return err_set(e, ERR_INTEGRITY, "%s: %s", part, what);
	return err_set(e, ERR_INTEGRITY, "%s at 0x%08zx: %s", part, at, what);
}

void bundle_part(char out[16], size_t index, const char *name)
{
	if (strcmp(name, BUNDLE_MANIFEST_NAME) == 0)
		strcpy(out, name);
	else
		snprintf(out, 16, "layer %zu", index);
}

static struct bundle_entry *find_entry(struct bundle_archive *a,
				       const char *name)
{
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->entries[i].name, name) == 0)
			return &a->entries[i];
	return NULL;
}

static enum err_code take_manifest(struct bundle *b, struct bundle_archive *a,
				   struct err *e)
{
	const struct bundle_entry *n = find_entry(a, BUNDLE_MANIFEST_NAME);

	if (!n)
		return bundle_damaged(e, "archive", BUNDLE_NOWHERE,
				      "it has no manifest");
	b->manifest_at = n->at;
	return manifest_decode(b, (const uint8_t *)dbuf_text(&n->data),
			       n->data.len, e);
}

/* Each layer takes its entry's content; none may be left or missing. */
static enum err_code take_layers(struct bundle *b, struct bundle_archive *a,
				 struct err *e)
{
	if (a->count != b->layer_count + 1)
		return bundle_damaged(e, "manifest", b->manifest_at,
				      "it lists %zu layers, but the archive "
				      "holds %zu",
				      b->layer_count, a->count - 1);
	for (size_t i = 0; i < b->layer_count; i++) {
		struct bundle_layer *l = &b->layers[i];
		struct bundle_entry *n;
		char name[BUNDLE_NAME_SIZE];

		n = find_entry(a, hex_encode(name, l->fetch_sha256,
					     sizeof l->fetch_sha256));
		if (!n || !n->data.data)
			return bundle_damaged(e, "manifest", b->manifest_at,
					      "layer %zu, %.16s..., is not in "
					      "the archive",
					      i, name);
		l->data = n->data;
		n->data = (struct dbuf){0};
		l->at = n->at;
		l->packed = n->packed;
	}
	return ERR_OK;
}

/* -------- nothing in the file but the content -------- */

static void part_at(char out[16], const struct bundle_archive *a, size_t at)
{
	for (size_t i = a->count; i > 0; i--) {
		const struct bundle_entry *n = &a->entries[i - 1];

		if (at >= n->header_at && at < n->at + n->packed) {
			bundle_part(out, i - 1, n->name);
			return;
		}
	}
	strcpy(out, "directory");
}

static enum err_code compare(const struct dbuf *again, const uint8_t *bytes,
			     size_t len, const struct bundle_archive *places,
			     struct err *e)
{
	size_t most = len < again->len ? len : again->len, at = 0;
	char part[16];

	while (at < most && bytes[at] == again->data[at])
		at++;
	if (at == len && at == again->len)
		return ERR_OK;
	part_at(part, places, at);
	return bundle_damaged(e, part, at,
			      "the content is right, but packed in another way "
			      "than bundle build packs it");
}

static enum err_code check_packing(const struct bundle *b, const uint8_t *bytes,
				   size_t len,
				   const struct bundle_archive *places,
				   struct err *e)
{
	struct dbuf again;
	enum err_code rc;

	dbuf_init(&again, BUNDLE_MAX_BYTES + 65536);
	rc = bundle_pack(b, &again, e);
	if (!rc)
		rc = compare(&again, bytes, len, places, e);
	dbuf_fini(&again);
	return rc;
}

/* -------- all of it -------- */

enum err_code bundle_open(struct bundle *b, const uint8_t *bytes, size_t len,
			  enum bundle_packing packing, struct err *e)
{
	struct bundle_archive places = {0}, a = {0};
	bool ours = packing == BUNDLE_OURS;
	enum err_code rc = ERR_OK;

	memset(b, 0, sizeof *b);
	if (!len)
		return bundle_damaged(e, "archive", 0, "the file is empty");
	if (len > BUNDLE_MAX_BYTES)
		return bundle_damaged(e, "archive", BUNDLE_MAX_BYTES,
				      "a bundle has at most %u bytes",
				      BUNDLE_MAX_BYTES);
	if (ours)
		rc = archive_walk(&places, bytes, len, e);
	if (rc) /* the content is not known yet: it may be all right */
		err_hint(e, "do not use it; if another tool packed it, "
			    "--foreign checks its content");
	if (!rc)
		rc = archive_read(&a, bytes, len, ours ? &places : NULL, e);
	if (!rc)
		rc = take_manifest(b, &a, e);
	if (!rc)
		rc = take_layers(b, &a, e);
	if (!rc)
		rc = layers_check(b, e);
	if (!rc && ours)
		rc = check_packing(b, bytes, len, &places, e);
	archive_fini(&a);
	return rc;
}

enum err_code bundle_assemble(struct bundle *b, const uint8_t *manifest,
			      size_t manifest_len, const uint8_t *layer,
			      size_t layer_len, struct err *e)
{
	enum err_code rc;

	memset(b, 0, sizeof *b);
	rc = manifest_decode(b, manifest, manifest_len, e);
	if (!rc && b->layer_count != 1)
		rc = bundle_damaged(e, "manifest", 0,
				    "it lists %zu layers instead of one",
				    b->layer_count);
	if (!rc) {
		dbuf_init(&b->layers[0].data, BUNDLE_LAYER_MAX_BYTES);
		rc = dbuf_add(&b->layers[0].data, layer, layer_len);
		if (rc)
			rc = err_set(e, rc, "layer of %zu bytes", layer_len);
	}
	return rc ? rc : layers_check(b, e);
}

enum err_code bundle_manifest(const struct bundle *b, struct dbuf *out,
			      struct err *e)
{
	return manifest_encode(b, out, e);
}

/* Borrows b's data as entries. */
enum err_code bundle_pack(const struct bundle *b, struct dbuf *out,
			  struct err *e)
{
	struct bundle_archive a = {.count = b->layer_count + 1};
	struct bundle_entry *last = &a.entries[b->layer_count];
	enum err_code rc;

	for (size_t i = 0; i < b->layer_count; i++) {
		hex_encode(a.entries[i].name, b->layers[i].fetch_sha256,
			   BUNDLE_HASH_BYTES);
		a.entries[i].data = b->layers[i].data;
	}
	strcpy(last->name, BUNDLE_MANIFEST_NAME);
	dbuf_init(&last->data, BUNDLE_MANIFEST_BYTES);
	rc = manifest_encode(b, &last->data, e);
	if (!rc)
		rc = archive_write(&a, out, e);
	dbuf_fini(&last->data);
	return rc;
}

void bundle_close(struct bundle *b)
{
	for (size_t i = 0; i < BUNDLE_LAYERS_MAX; i++)
		dbuf_fini(&b->layers[i].data);
	dbuf_fini(&b->body);
}
