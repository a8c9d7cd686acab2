/* What the bundle's files share. Private to proto/bundle. */
#ifndef PROTO_BUNDLE_PARTS_H
#define PROTO_BUNDLE_PARTS_H

#include "proto/bundle/bundle.h"

#define BUNDLE_ENTRIES_MAX   (BUNDLE_LAYERS_MAX + 1)
#define BUNDLE_MANIFEST_NAME "manifest"
#define BUNDLE_NAME_SIZE     (2 * BUNDLE_HASH_BYTES + 1)

/* An entry of the archive. */
struct bundle_entry {
	char name[BUNDLE_NAME_SIZE];
	struct dbuf data;
	size_t at, packed; /* compressed bytes in the file */
	size_t header_at;
	uint32_t crc, len; /* as its header says */
};

struct bundle_archive {
	size_t count;
	struct bundle_entry entries[BUNDLE_ENTRIES_MAX];
};

void archive_fini(struct bundle_archive *a);

/* "PART at 0x...: what", ERR_INTEGRITY; BUNDLE_NOWHERE leaves the place out.
 */
enum err_code bundle_damaged(struct err *e, const char *part, size_t at,
			     const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* "manifest" or "layer 0": the entry's name for people. */
void bundle_part(char out[16], size_t index, const char *name);

/* -------- walk.c: the archive as bytes -------- */

/* Find all entries of an archive of ours, comparing every header with the
 * one form that it may have. Fills all but the data. */
enum err_code archive_walk(struct bundle_archive *a, const uint8_t *bytes,
			   size_t len, struct err *e);

/* -------- archive.c: libzip -------- */

/* Append the archive with these entries, in this order: names and data.
 * The same entries give the same bytes. */
enum err_code archive_write(const struct bundle_archive *a, struct dbuf *out,
			    struct err *e);

/* Read all entries. `known` (NULL for a foreign archive) is what the walk
 * found: names and numbers must agree. */
enum err_code archive_read(struct bundle_archive *a, const uint8_t *bytes,
			   size_t len, const struct bundle_archive *known,
			   struct err *e);

/* -------- manifest.c: protobuf-c -------- */

/* b's layers (without their data), policy, signer and signature as the bytes
 * of the manifest, and the body alone into b->body. */
enum err_code manifest_encode_body(struct bundle *b, struct err *e);
enum err_code manifest_encode(const struct bundle *b, struct dbuf *out,
			      struct err *e);

/* The reverse: refuses what manifest_encode() would not have written. */
enum err_code manifest_decode(struct bundle *b, const uint8_t *bytes,
			      size_t len, struct err *e);

/* -------- layers.c -------- */

void layer_measure(const struct bundle_layer *layer,
		   uint8_t out[BUNDLE_HASH_BYTES]);

/* Regions: within their flash, not overlapping. Content: smaller than its
 * region, both hashes. */
enum err_code layers_check(const struct bundle *b, struct err *e);

/* -------- sign.c -------- */

/* SHA-256(label || NUL || body), what ECDSA signs. */
void bundle_digest(const struct bundle *b, uint8_t out[BUNDLE_HASH_BYTES]);

#endif
