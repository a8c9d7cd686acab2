/* The builder's front: into memory, or into a file that appears when it is
 * whole and has been read back and checked. */
#include "proto/image/builder.h"
#include "proto/image/image_file.h"

#include "proto/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool text_valid(const char *text, size_t max)
{
	size_t len = 0;

	while (text != NULL && text[len] > 0x20 && text[len] < 0x7F)
		len++;
	return len > 0 && len <= max && text[len] == '\0';
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

struct temporary {
	char path[PATH_MAX];
	int fd;
};

static bool file_put(void *arg, uint32_t offset, const void *buf, size_t len)
{
	const struct temporary *t = arg;
	size_t done = 0;

	while (done < len) {
		ssize_t n = pwrite(t->fd, (const uint8_t *)buf + done,
				   len - done, (off_t)offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static enum err_code open_temporary(struct temporary *t, const char *path,
				    struct err *e)
{
	if ((size_t)snprintf(t->path, sizeof t->path, "%s.XXXXXX", path) >=
	    sizeof t->path)
		return err_set(e, ERR_INPUT, "%s: the path is too long", path);
	t->fd = mkostemp(t->path, O_CLOEXEC);
	return t->fd < 0 ? err_set_errno(e, ERR_IO, errno, "%s", path) : ERR_OK;
}

/* Everything that verify would find, and the file's hash. */
static enum err_code read_back(const struct temporary *t, uint8_t sha256[32],
			       struct err *e)
{
	struct image_file f;
	enum err_code rc = image_file_open(&f, t->path, e);

	if (rc == ERR_OK)
		rc = image_file_verify(&f, NULL, e);
	if (rc == ERR_OK && sha256 != NULL &&
	    !image_window_sha256(&f.window, 0, f.image.image_bytes, sha256))
		rc = err_set(e, ERR_IO, "%s", t->path);
	image_file_close(&f);
	return rc;
}

static enum err_code keep(const struct temporary *t, const char *path,
			  struct err *e)
{
	if (fchmod(t->fd, 0644) != 0 || fsync(t->fd) != 0 ||
	    rename(t->path, path) != 0)
		return err_set_errno(e, ERR_IO, errno, "%s", path);
	file_sync_folder(path);
	return ERR_OK;
}

enum err_code image_build_file(const struct image_build *in, const char *path,
			       uint8_t sha256[IMAGE_HASH_BYTES], struct err *e)
{
	struct temporary t = {.fd = -1};
	struct image_sink to = {.write = file_put, .arg = &t};
	enum err_code rc = open_temporary(&t, path, e);

	if (rc != ERR_OK)
		return rc;
	rc = build(in, &to, e);
	if (rc == ERR_OK)
		rc = read_back(&t, sha256, e);
	if (rc == ERR_OK)
		rc = keep(&t, path, e);
	if (rc != ERR_OK)
		unlink(t.path);
	close(t.fd);
	return rc;
}
