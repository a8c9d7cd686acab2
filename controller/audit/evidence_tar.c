#include "controller/audit/evidence_tar.h"

#include <archive_entry.h>

static enum err_code failed(struct evidence_tar *t, struct err *e)
{
	if (t->err.code) {
		if (e)
			*e = t->err;
		return t->err.code;
	}
	return err_set(e, ERR_FAILED, "tar: %s", archive_error_string(t->a));
}

static la_ssize_t on_write(struct archive *a, void *arg, const void *data,
			   size_t len)
{
	struct evidence_tar *t = arg;

	if (t->muted)
		return (la_ssize_t)len;
	if (t->sink(t->arg, data, len, &t->err)) {
		archive_set_error(a, -1, "the receiver failed");
		return -1;
	}
	return (la_ssize_t)len;
}

enum err_code evidence_tar_open(struct evidence_tar *t, evidence_sink *sink,
				void *arg, struct err *e)
{
	*t = (struct evidence_tar){.sink = sink, .arg = arg};
	t->a = archive_write_new();
	if (!t->a)
		return err_set(e, ERR_NO_MEMORY, "tar");
	if (archive_write_set_format_ustar(t->a) ||
	    archive_write_add_filter_none(t->a) ||
	    archive_write_set_bytes_per_block(t->a, 10240) ||
	    archive_write_open(t->a, t, NULL, on_write, NULL)) {
		enum err_code rc = failed(t, e);

		archive_write_free(t->a);
		return rc;
	}
	return ERR_OK;
}

enum err_code evidence_tar_part(struct evidence_tar *t, const char *name,
				uint64_t len, struct err *e)
{
	struct archive_entry *entry = archive_entry_new();
	int rv;

	if (!entry)
		return err_set(e, ERR_NO_MEMORY, "tar");
	archive_entry_set_pathname(entry, name);
	archive_entry_set_size(entry, (la_int64_t)len);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_mtime(entry, 0, 0);
	rv = archive_write_header(t->a, entry);
	archive_entry_free(entry);
	return rv == ARCHIVE_OK ? ERR_OK : failed(t, e);
}

enum err_code evidence_tar_data(struct evidence_tar *t, const void *data,
				size_t len, struct err *e)
{
	if (archive_write_data(t->a, data, len) == (la_ssize_t)len)
		return ERR_OK;
	return failed(t, e);
}

enum err_code evidence_tar_close(struct evidence_tar *t, bool finish,
				 struct err *e)
{
	enum err_code rc = ERR_OK;

	/* archive_write_fail() would leave the library's buffers behind */
	t->muted = !finish;
	if (archive_write_close(t->a) != ARCHIVE_OK && finish)
		rc = failed(t, e);
	archive_write_free(t->a);
	return rc;
}
