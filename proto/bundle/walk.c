/* Walks a ZIP from its first byte to its last. For each record the one form
 * that `bundle build` writes is made and compared, so that a wrong byte is
 * found with its place, and nothing can hide in fields that readers skip.
 * Source: PKWARE APPNOTE.TXT 6.3.10, 4.3.7, 4.3.12, 4.3.16. */
#include "proto/bundle/parts.h"

#include <string.h>

#define LOCAL_BYTES   30u
#define CENTRAL_BYTES 46u
#define END_BYTES     22u
#define RECORD_MAX    (CENTRAL_BYTES + BUNDLE_NAME_SIZE)

#define LOCAL_MAGIC   0x04034b50u
#define CENTRAL_MAGIC 0x02014b50u
#define END_MAGIC     0x06054b50u
#define MADE_BY	      0x033fu /* Unix, version 6.3 */
#define NEEDED	      20u     /* deflate */
#define DEFLATE	      8u
#define DOS_DATE      0x0021u /* 1980-01-01 */
#define MODE	      (0100644u << 16)

static void put(uint8_t **at, uint32_t v, unsigned bytes)
{
	for (; bytes; bytes--, v >>= 8)
		*(*at)++ = (uint8_t)v;
}

static uint32_t get32(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* What local and central header have in common. */
static void put_common(uint8_t **at, const struct bundle_entry *n)
{
	put(at, NEEDED, 2);
	put(at, 0, 2); /* flags */
	put(at, DEFLATE, 2);
	put(at, 0, 2); /* time */
	put(at, DOS_DATE, 2);
	put(at, n->crc, 4);
	put(at, (uint32_t)n->packed, 4);
	put(at, n->len, 4);
	put(at, (uint32_t)strlen(n->name), 2);
	put(at, 0, 2); /* extra field */
}

static size_t put_name(uint8_t *out, uint8_t *at, const struct bundle_entry *n)
{
	size_t len = strlen(n->name);

	memcpy(at, n->name, len);
	return (size_t)(at - out) + len;
}

static size_t make_local(uint8_t out[RECORD_MAX], const struct bundle_entry *n)
{
	uint8_t *at = out;

	put(&at, LOCAL_MAGIC, 4);
	put_common(&at, n);
	return put_name(out, at, n);
}

static size_t make_central(uint8_t out[RECORD_MAX],
			   const struct bundle_entry *n)
{
	uint8_t *at = out;

	put(&at, CENTRAL_MAGIC, 4);
	put(&at, MADE_BY, 2);
	put_common(&at, n);
	put(&at, 0, 2); /* comment */
	put(&at, 0, 2); /* disk */
	put(&at, 0, 2); /* internal attributes */
	put(&at, MODE, 4);
	put(&at, (uint32_t)n->header_at, 4);
	return put_name(out, at, n);
}

static size_t make_end(uint8_t out[RECORD_MAX], size_t count, size_t at_central,
		       size_t central_bytes)
{
	uint8_t *at = out;

	put(&at, END_MAGIC, 4);
	put(&at, 0, 2); /* this disk */
	put(&at, 0, 2); /* disk of the directory */
	put(&at, (uint32_t)count, 2);
	put(&at, (uint32_t)count, 2);
	put(&at, (uint32_t)central_bytes, 4);
	put(&at, (uint32_t)at_central, 4);
	put(&at, 0, 2); /* comment */
	return (size_t)(at - out);
}

struct walk {
	const uint8_t *bytes;
	size_t len, at;
};

/* Compare the bytes that come next with those that have to. */
static enum err_code expect(struct walk *w, const uint8_t *want,
			    size_t want_len, const char *part, struct err *e)
{
	size_t left = w->len - w->at, same = 0;

	while (same < want_len && same < left &&
	       w->bytes[w->at + same] == want[same])
		same++;
	if (same < want_len && same == left)
		return bundle_damaged(e, part, w->len,
				      "the file ends inside it");
	if (same < want_len)
		return bundle_damaged(
			e, part, w->at + same,
			"0x%02x is not what a bundle has here, 0x%02x",
			w->bytes[w->at + same], want[same]);
	w->at += want_len;
	return ERR_OK;
}

/* The name in the header at w->at: "manifest", or 64 lower-case hexadecimal
 * digits. Anything else is left to expect(), which will not find it. */
static void guess_name(const struct walk *w, struct bundle_entry *n)
{
	const char *at = (const char *)w->bytes + w->at + LOCAL_BYTES;
	size_t left = w->len - w->at - LOCAL_BYTES;
	size_t digits = 0;

	strcpy(n->name, BUNDLE_MANIFEST_NAME);
	while (digits < BUNDLE_NAME_SIZE - 1 && digits < left &&
	       strchr("0123456789abcdef", at[digits] ? at[digits] : 'x'))
		digits++;
	if (digits == BUNDLE_NAME_SIZE - 1) {
		memcpy(n->name, at, digits);
		n->name[digits] = '\0';
	}
}

static enum err_code walk_entry(struct walk *w, struct bundle_entry *n,
				const char *part, struct err *e)
{
	const uint8_t *header = w->bytes + w->at;
	uint8_t want[RECORD_MAX];
	enum err_code rc;

	if (w->len - w->at < LOCAL_BYTES)
		return bundle_damaged(e, part, w->len,
				      "the file ends inside it");
	n->header_at = w->at;
	n->crc = get32(header + 14);
	n->packed = get32(header + 18);
	n->len = get32(header + 22);
	guess_name(w, n);
	rc = expect(w, want, make_local(want, n), part, e);
	if (rc)
		return rc;
	n->at = w->at;
	if (n->packed > w->len - w->at)
		return bundle_damaged(e, part, n->header_at + 18,
				      "%zu bytes of content do not fit into "
				      "the file of %zu",
				      n->packed, w->len);
	w->at += n->packed;
	return ERR_OK;
}

/* Entries up to the manifest, which is the last one. */
static enum err_code walk_entries(struct walk *w, struct bundle_archive *a,
				  struct err *e)
{
	enum err_code rc;

	do {
		struct bundle_entry *n = &a->entries[a->count];
		char part[32];

		if (a->count == BUNDLE_ENTRIES_MAX)
			return bundle_damaged(e, "archive", w->at,
					      "no manifest after %u layers",
					      BUNDLE_LAYERS_MAX);
		snprintf(part, sizeof part, "header %zu", a->count);
		rc = walk_entry(w, n, part, e);
		if (rc)
			return rc;
		a->count++;
	} while (strcmp(a->entries[a->count - 1].name, BUNDLE_MANIFEST_NAME));
	return ERR_OK;
}

enum err_code archive_walk(struct bundle_archive *a, const uint8_t *bytes,
			   size_t len, struct err *e)
{
	struct walk w = {bytes, len, 0};
	uint8_t want[RECORD_MAX];
	size_t directory;
	enum err_code rc = walk_entries(&w, a, e);

	directory = w.at;
	for (size_t i = 0; !rc && i < a->count; i++)
		rc = expect(&w, want, make_central(want, &a->entries[i]),
			    "directory", e);
	if (!rc)
		rc = expect(
			&w, want,
			make_end(want, a->count, directory, w.at - directory),
			"end record", e);
	if (!rc && w.at != len)
		rc = bundle_damaged(e, "archive", w.at,
				    "%zu bytes behind its end", len - w.at);
	return rc;
}
