/* The builder's front: into memory, or into a file that appears when it is
 * whole and has been read back and checked. */
#include "proto/image/builder.h"
#include "proto/image/image_file.h"

#include "proto/base/file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool text_valid(const char *text, size_t max)
{
	size_t len = 0;

	while (text != NULL && text[len] > 0x20 && text[len] < 0x7F)
		len++;
	return len > 0 && len <= max && text[len] == '\0';
}

static enum err_code check_text(const char *what, const char *text, size_t max,
				struct err *e)
{
	if (text_valid(text, max))
		return ERR_OK;
	return err_set(e, ERR_INPUT,
		       "%s \"%.40s\": 1 to %zu printable ASCII characters, no "
		       "spaces",
		       what, text != NULL ? text : "", max);
}

static enum err_code check_texts(const struct image_build *in, struct err *e)
{
	enum err_code rc = check_text("product name", in->product,
				      IMAGE_TEXT_BYTES - 1, e);

	if (rc == ERR_OK)
		rc = check_text("release version", in->version,
				IMAGE_TEXT_BYTES - 1, e);
	if (rc == ERR_OK)
		rc = check_text("SFI firmware identifier", in->firmware_id,
				SFI_FWID_BYTES, e);
	return rc;
}

static enum err_code build(const struct image_build *in,
			   const struct image_sink *to, struct err *e)
{
	struct builder b = {.in = in};
	enum err_code rc = check_texts(in, e);

	if (rc != ERR_OK)
		return rc;
	rc = builder_load(&b, e);
	if (rc == ERR_OK)
		rc = builder_write(&b, to, e);
	builder_free(&b);
	return rc;
}

/* -------- memory -------- */

struct memory {
	struct dbuf *out;
	size_t start;
};

static enum err_code memory_size(void *arg, uint32_t image_bytes, struct err *e)
{
	static const uint8_t blank[IMAGE_SECTOR_BYTES] = {0};
	struct memory *m = arg;

	for (uint32_t at = 0; at < image_bytes; at += sizeof(blank))
		if (dbuf_add(m->out, blank, sizeof(blank)) != ERR_OK)
			return err_set(e, ERR_TOO_BIG, "image of %u bytes",
				       image_bytes);
	return ERR_OK;
}

static bool memory_write(void *arg, uint32_t offset, const void *buf,
			 size_t len)
{
	const struct memory *m = arg;

	memcpy(m->out->data + m->start + offset, buf, len);
	return true;
}

enum err_code image_build(const struct image_build *in, struct dbuf *out,
			  struct err *e)
{
	struct memory m = {out, out->len};
	struct image_sink to = {
		.write = memory_write, .size = memory_size, .arg = &m};
	struct image check;
	enum err_code rc = build(in, &to, e);

	if (rc == ERR_OK)
		rc = image_check_bytes(&check, out->data + m.start,
				       out->len - m.start, e);
	return rc;
}

/* -------- file -------- */

struct output {
	const char *path;
	struct file_new file;
	int errnum; /* why it could not be written */
};

/* Not before all that goes in is there: a person may be asked for passphrases,
 * and may go away. */
static enum err_code file_begin(void *arg, uint32_t image_bytes, struct err *e)
{
	struct output *o = arg;

	(void)image_bytes;
	return file_new_open(&o->file, o->path, e);
}

static bool file_put(void *arg, uint32_t offset, const void *buf, size_t len)
{
	struct output *o = arg;
	size_t done = 0;

	while (done < len) {
		ssize_t n = pwrite(o->file.fd, (const uint8_t *)buf + done,
				   len - done, (off_t)offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			o->errnum = n < 0 ? errno : EIO;
			return false;
		}
		done += (size_t)n;
	}
	return true;
}

/* Everything that verify would find, and the file's hash. */
static enum err_code read_back(const struct output *o, uint8_t sha256[32],
			       struct err *e)
{
	struct image_file f;
	enum err_code rc = image_file_open(&f, o->file.temp, e);

	if (rc == ERR_OK)
		rc = image_file_verify(&f, NULL, e);
	if (rc == ERR_OK && sha256 != NULL &&
	    !image_window_sha256(&f.window, 0, f.image.image_bytes, sha256))
		rc = err_set(e, ERR_IO, "%s", o->file.temp);
	image_file_close(&f);
	return rc;
}

enum err_code image_build_file(const struct image_build *in, const char *path,
			       uint8_t sha256[IMAGE_HASH_BYTES], struct err *e)
{
	struct output o = {.path = path, .file.fd = -1};
	struct image_sink to = {
		.write = file_put, .size = file_begin, .arg = &o};
	enum err_code rc = build(in, &to, e);

	if (o.errnum)
		rc = err_set_errno(e, ERR_IO, o.errnum, "%s", path);
	if (rc == ERR_OK)
		rc = read_back(&o, sha256, e);
	if (rc == ERR_OK)
		rc = file_new_keep(&o.file, path, 0644, true, e);
	file_new_drop(&o.file);
	return rc;
}
