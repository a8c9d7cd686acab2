/* The ZIP by libzip, in memory. Times, attributes and compression are fixed,
 * so that the same content gives the same bytes. */
#include "proto/bundle/parts.h"

#include <string.h>
#include <zip.h>

#define LEVEL	    6
#define DOS_DATE    0x0021 /* 1980-01-01, the first there is */
#define MODE	    (0100644u << 16)

#define STAT_NEEDED (ZIP_STAT_NAME | ZIP_STAT_COMP_SIZE)

void archive_fini(struct bundle_archive *a)
{
	for (size_t i = 0; i < BUNDLE_ENTRIES_MAX; i++)
		dbuf_fini(&a->entries[i].data);
}

/* -------- writing -------- */

static enum err_code add_entry(zip_t *zip, const struct bundle_entry *n,
			       struct err *e)
{
	zip_source_t *content =
		zip_source_buffer(zip, n->data.data, n->data.len, 0);
	zip_int64_t i;

	if (!content)
		return err_set(e, ERR_NO_MEMORY, "libzip: %s",
			       zip_strerror(zip));
	i = zip_file_add(zip, n->name, content, 0);
	if (i < 0) {
		zip_source_free(content);
		return err_set(e, ERR_INPUT, "entry %s: %s", n->name,
			       zip_strerror(zip));
	}
	if (zip_set_file_compression(zip, (zip_uint64_t)i, ZIP_CM_DEFLATE,
				     LEVEL) ||
	    zip_file_set_dostime(zip, (zip_uint64_t)i, 0, DOS_DATE, 0) ||
	    zip_file_set_external_attributes(zip, (zip_uint64_t)i, 0,
					     ZIP_OPSYS_UNIX, MODE))
		return err_set(e, ERR_BUG, "libzip: %s", zip_strerror(zip));
	return ERR_OK;
}

static enum err_code take_result(zip_source_t *buffer, struct dbuf *out,
				 struct err *e)
{
	uint8_t chunk[16384];
	enum err_code rc = ERR_OK;
	zip_int64_t n = 0;

	if (zip_source_open(buffer))
		return err_set(e, ERR_BUG, "libzip: cannot read its own");
	while (!rc && (n = zip_source_read(buffer, chunk, sizeof chunk)) > 0)
		rc = dbuf_add(out, chunk, (size_t)n);
	zip_source_close(buffer);
	if (rc)
		return err_set(e, rc, "the archive is over %zu bytes",
			       out->max_len);
	return n < 0 ? err_set(e, ERR_BUG, "libzip: cannot read its own")
		     : ERR_OK;
}

enum err_code archive_write(const struct bundle_archive *a, struct dbuf *out,
			    struct err *e)
{
	zip_source_t *buffer = zip_source_buffer_create(NULL, 0, 0, NULL);
	enum err_code rc = ERR_OK;
	zip_t *zip = NULL;

	if (buffer)
		zip = zip_open_from_source(buffer, ZIP_CREATE | ZIP_TRUNCATE,
					   NULL);
	if (!zip) {
		zip_source_free(buffer);
		return err_set(e, ERR_NO_MEMORY, "libzip");
	}
	zip_source_keep(buffer); /* zip_close() would free it */
	for (size_t i = 0; !rc && i < a->count; i++)
		rc = add_entry(zip, &a->entries[i], e);
	if (rc)
		zip_discard(zip);
	else if (zip_close(zip)) {
		rc = err_set(e, ERR_NO_MEMORY, "libzip: %s", zip_strerror(zip));
		zip_discard(zip);
	} else
		rc = take_result(buffer, out, e);
	zip_source_free(buffer);
	return rc;
}

/* -------- reading -------- */

static size_t most_bytes(const char *name)
{
	return strcmp(name, BUNDLE_MANIFEST_NAME) ? BUNDLE_LAYER_MAX_BYTES
						  : BUNDLE_MANIFEST_BYTES;
}

/* All of an entry; libzip compares length and CRC at its end. */
static enum err_code read_content(zip_t *zip, zip_uint64_t i,
				  struct bundle_entry *n, struct err *e)
{
	zip_file_t *f = zip_fopen_index(zip, i, 0);
	uint8_t chunk[16384];
	enum err_code rc = ERR_OK;
	zip_int64_t got = 0;
	char part[16];

	bundle_part(part, i, n->name);
	if (!f)
		return bundle_damaged(e, part, n->at, "%s", zip_strerror(zip));
	while (!rc && (got = zip_fread(f, chunk, sizeof chunk)) > 0)
		rc = dbuf_add(&n->data, chunk, (size_t)got);
	if (rc == ERR_TOO_BIG)
		rc = bundle_damaged(e, part, n->at, "over %zu bytes",
				    n->data.max_len);
	else if (rc)
		rc = err_set(e, rc, "%s", part);
	else if (got < 0)
		rc = bundle_damaged(e, part, n->at, "%s", zip_file_strerror(f));
	zip_fclose(f);
	return rc;
}

static enum err_code read_entry(zip_t *zip, zip_uint64_t i,
				struct bundle_entry *n,
				const struct bundle_entry *known, struct err *e)
{
	zip_stat_t st;

	if (zip_stat_index(zip, i, ZIP_FL_ENC_RAW, &st) ||
	    (st.valid & STAT_NEEDED) != STAT_NEEDED)
		return bundle_damaged(e, "directory", BUNDLE_NOWHERE, "%s",
				      zip_strerror(zip));
	if (strlen(st.name) >= sizeof n->name ||
	    (known && strcmp(st.name, known->name)))
		return bundle_damaged(e, "directory", BUNDLE_NOWHERE,
				      "entry %d is neither layer nor manifest",
				      (int)i);
	strcpy(n->name, st.name);
	n->at = known ? known->at : BUNDLE_NOWHERE;
	n->packed = known ? known->packed : st.comp_size;
	dbuf_init(&n->data, most_bytes(n->name));
	return read_content(zip, i, n, e);
}

enum err_code archive_read(struct bundle_archive *a, const uint8_t *bytes,
			   size_t len, const struct bundle_archive *known,
			   struct err *e)
{
	zip_error_t why;
	zip_source_t *buffer;
	enum err_code rc = ERR_OK;
	zip_int64_t count;
	zip_t *zip = NULL;

	zip_error_init(&why);
	buffer = zip_source_buffer_create(bytes, len, 0, &why);
	/* libzip calls data descriptors inconsistent, as streamed ones have */
	if (buffer)
		zip = zip_open_from_source(
			buffer, ZIP_RDONLY | (known ? ZIP_CHECKCONS : 0), &why);
	if (!zip) {
		rc = bundle_damaged(e, "archive", BUNDLE_NOWHERE, "%s",
				    zip_error_strerror(&why));
		zip_source_free(buffer);
		zip_error_fini(&why);
		return rc;
	}
	count = zip_get_num_entries(zip, 0);
	if (count < 0 || count > (zip_int64_t)BUNDLE_ENTRIES_MAX ||
	    (known && (size_t)count != known->count))
		rc = bundle_damaged(e, "directory", BUNDLE_NOWHERE,
				    "%lld entries", (long long)count);
	for (; !rc && a->count < (size_t)count; a->count++)
		rc = read_entry(zip, a->count, &a->entries[a->count],
				known ? &known->entries[a->count] : NULL, e);
	zip_discard(zip);
	zip_error_fini(&why);
	return rc;
}
