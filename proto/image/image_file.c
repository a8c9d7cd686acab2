#include "proto/image/builder.h"
#include "proto/image/image_file.h"
#include "proto/image/reader.h"
#include "proto/image/signed_by.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* -------- the window -------- */

bool image_window_open(struct image_window *w, int fd)
{
	*w = (struct image_window){.fd = fd};
	w->bytes = malloc(IMAGE_WINDOW_BYTES);
	w->sha = sha_new();
	return w->bytes && w->sha;
}

void image_window_close(struct image_window *w)
{
	sha_free(w->sha);
	free(w->bytes);
	w->bytes = NULL;
	w->sha = NULL;
}

/* Fill the window from `at` on; false when not even one byte is there. */
static bool move(struct image_window *w, uint64_t at)
{
	ssize_t n;

	w->at = at;
	w->len = 0;
	while (w->len < IMAGE_WINDOW_BYTES) {
		n = pread(w->fd, w->bytes + w->len, IMAGE_WINDOW_BYTES - w->len,
			  (off_t)(at + w->len));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		w->len += (size_t)n;
	}
	return w->len > 0;
}

/* At most len bytes that lie together at `at`; NULL when there are none. */
static const uint8_t *look(struct image_window *w, uint64_t at, size_t len,
			   size_t *got)
{
	if ((at < w->at || at >= w->at + w->len) && !move(w, at))
		return NULL;
	*got = w->len - (size_t)(at - w->at);
	if (*got > len)
		*got = len;
	return w->bytes + (at - w->at);
}

bool image_window_read(void *arg, uint32_t offset, void *buf, size_t len)
{
	struct image_window *w = arg;
	const uint8_t *bytes;
	size_t done = 0, n;

	while (done < len) {
		bytes = look(w, (uint64_t)offset + done, len - done, &n);
		if (!bytes)
			return false;
		memcpy((uint8_t *)buf + done, bytes, n);
		done += n;
	}
	return true;
}

bool image_window_sha256(void *arg, uint32_t offset, uint32_t len,
			 uint8_t out[IMAGE_HASH_BYTES])
{
	struct image_window *w = arg;
	const uint8_t *bytes;
	uint64_t at = offset;
	size_t n;

	if (!sha_begin(w->sha))
		return false;
	for (; len > 0; len -= (uint32_t)n, at += n) {
		bytes = look(w, at, len, &n);
		if (!bytes || !sha_add(w->sha, bytes, n))
			return false;
	}
	return sha_end(w->sha, out);
}

enum err_code image_fd_sha256(int fd, uint32_t len, const char *path,
			      uint8_t out[IMAGE_HASH_BYTES], struct err *e)
{
	struct image_window w;
	bool fine = image_window_open(&w, fd) &&
		    image_window_sha256(&w, 0, len, out);

	image_window_close(&w);
	return fine ? ERR_OK
		    : err_set(e, ERR_IO, "%s: cannot be read to its end", path);
}

/* -------- the file -------- */

static enum err_code open_file(struct image_file *f, struct err *e)
{
	struct stat st;
	int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	f->window.fd = fd;
	if (fd < 0 || fstat(fd, &st) != 0)
		return err_set_errno(e, ERR_IO, errno, "%s", f->path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "%s: no regular file", f->path);
	f->len_bytes = (uint64_t)st.st_size;
	if (!image_window_open(&f->window, fd))
		return err_set(e, ERR_NO_MEMORY, "%s", f->path);
	return ERR_OK;
}

static enum err_code check_length(const struct image *im, uint64_t len,
				  struct err *e)
{
	if (len == im->image_bytes)
		return ERR_OK;
	return err_set(e, ERR_INTEGRITY,
		       "image at 0x%08x (%s): %llu bytes behind its end",
		       im->image_bytes,
		       image_part_name(image_part_at(im, im->image_bytes)),
		       (unsigned long long)(len - im->image_bytes));
}

enum err_code image_file_open(struct image_file *f, const char *path,
			      struct err *e)
{
	struct image_fault fault = {IMAGE_OK, 0, 0};
	enum err_code rc;

	*f = (struct image_file){.path = path};
	rc = open_file(f, e);
	if (rc)
		return rc;
	if (image_open(&f->image, image_window_read, &f->window, f->len_bytes,
		       &fault) != IMAGE_OK)
		rc = image_fault_err(&fault, e);
	else
		rc = check_length(&f->image, f->len_bytes, e);
	f->image.sha256 = image_window_sha256;
	return rc ? err_prefix(e, "%s", path) : ERR_OK;
}

void image_file_close(struct image_file *f)
{
	if (f->window.fd >= 0)
		close(f->window.fd);
	f->window.fd = -1;
	image_window_close(&f->window);
}

/* The blocks are hashed while the parts are: with a window of their own. */
struct block_check {
	struct image image;
	struct image_window window;
	struct image_fault fault;
};

static void *verify_blocks(void *arg)
{
	struct block_check *c = arg;

	image_verify_blocks(&c->image, &c->fault);
	return NULL;
}

static enum image_error verify_content(struct image_file *f,
				       struct image_fault *fault)
{
	struct block_check c = {.image = f->image};
	enum image_error error;
	pthread_t thread;
	bool apart;

	if (!image_window_open(&c.window, f->window.fd)) {
		image_window_close(&c.window);
		return image_verify_all(&f->image, fault);
	}
	c.image.read_arg = &c.window;
	apart = pthread_create(&thread, NULL, verify_blocks, &c) == 0;
	error = image_verify_parts(&f->image, fault);
	if (apart)
		pthread_join(thread, NULL);
	else if (error == IMAGE_OK)
		verify_blocks(&c);
	image_window_close(&c.window);
	if (error == IMAGE_OK && c.fault.error != IMAGE_OK) {
		*fault = c.fault;
		error = c.fault.error;
	}
	return error;
}

static enum image_error verify_signature(
	const struct image *im, const uint8_t key[IMAGE_PUBLIC_KEY_BYTES],
	struct image_fault *f)
{
	if (key)
		return image_verify_signature(im, key, f);
	return image_signed_by_key_id(im)
		       ? IMAGE_OK
		       : image_fault_set(f, IMAGE_SIGNATURE, IMAGE_AT_SIGNATURE,
					 0);
}

enum err_code image_file_verify(struct image_file *f,
				const uint8_t key[IMAGE_PUBLIC_KEY_BYTES],
				struct err *e)
{
	struct image_fault fault = {IMAGE_OK, 0, 0};
	enum err_code rc = ERR_OK;

	if (verify_signature(&f->image, key, &fault) ||
	    verify_content(f, &fault))
		rc = image_fault_err(&fault, e);
	if (!rc)
		rc = image_check_manifests(&f->image, e);
	return rc ? err_prefix(e, "%s", f->path) : ERR_OK;
}

enum err_code image_file_part(struct image_file *f,
			      const struct image_part *part, struct dbuf *out,
			      struct err *e)
{
	const uint8_t *bytes;
	enum err_code rc;
	size_t n;

	for (uint32_t at = 0; at < part->length; at += (uint32_t)n) {
		bytes = look(&f->window, (uint64_t)part->offset + at,
			     part->length - at, &n);
		if (!bytes)
			return err_set(e, ERR_IO, "%s: at 0x%08x (%s)", f->path,
				       part->offset + at,
				       image_part_name(part->type));
		rc = dbuf_add(out, bytes, n);
		if (rc)
			return err_set(e, rc, "%s: %s", f->path,
				       image_part_name(part->type));
	}
	return ERR_OK;
}

enum err_code image_file_manifest(struct image_file *f,
				  struct product_bundle bundles[2],
				  json_t **manifest, struct err *e)
{
	struct dbuf text;
	enum err_code rc;

	dbuf_init(&text, IMAGE_MANIFEST_BYTES);
	rc = image_file_part(f, image_part(&f->image, IMAGE_MANIFEST), &text,
			     e);
	if (!rc) {
		rc = product_parse(&f->image, text.data, text.len, bundles,
				   manifest, e);
		if (rc)
			err_prefix(e, "%s", f->path);
	}
	dbuf_fini(&text);
	return rc;
}
