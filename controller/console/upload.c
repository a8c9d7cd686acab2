#include "controller/console/upload.h"

#include "proto/base/hex.h"
#include "proto/image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mbedtls/sha256.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct upload {
	int fd;
	bool kept;
	uint64_t len_bytes;
	char dir[PATH_MAX - 128];
	char path[PATH_MAX];
	struct store_image image;
};

enum err_code upload_new(struct upload **out, const char *dir, struct err *e)
{
	struct upload *u = calloc(1, sizeof(*u));

	if (!u)
		return err_set(e, ERR_NO_MEMORY, "upload");
	if (strlen(dir) >= sizeof(u->dir)) {
		free(u);
		return err_set(e, ERR_CONFIG, "image folder's name too long");
	}
	strcpy(u->dir, dir);
	snprintf(u->path, sizeof(u->path), "%s/.upload-XXXXXX", dir);
	u->fd = mkostemp(u->path, O_CLOEXEC);
	if (u->fd < 0) {
		int errnum = errno;

		free(u);
		return err_set_errno(e, ERR_IO, errnum, "image folder");
	}
	*out = u;
	return ERR_OK;
}

void upload_free(struct upload *u)
{
	if (!u)
		return;
	close(u->fd);
	if (!u->kept)
		unlink(u->path);
	free(u);
}

enum err_code upload_write(struct upload *u, const void *data, size_t len,
			   struct err *e)
{
	const uint8_t *at = data;

	if (len > UPLOAD_MAX_BYTES - u->len_bytes)
		return err_set(e, ERR_TOO_BIG, "an image has %u bytes at most",
			       UPLOAD_MAX_BYTES);
	u->len_bytes += len;
	while (len) {
		ssize_t n = write(u->fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(e, ERR_IO, errno, "upload");
		at += n;
		len -= (size_t)n;
	}
	return ERR_OK;
}

static bool read_at(void *arg, uint32_t offset, void *buf, size_t len)
{
	const struct upload *u = arg;
	uint8_t *at = buf;
	off_t pos = offset;

	while (len) {
		ssize_t n = pread(u->fd, at, len, pos);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		pos += n;
		len -= (size_t)n;
	}
	return true;
}

static enum err_code hash_file(struct upload *u, char out[65], struct err *e)
{
	mbedtls_sha256_context sha;
	uint8_t buf[16384], hash[32];
	uint64_t done = 0;
	int bad;

	mbedtls_sha256_init(&sha);
	bad = mbedtls_sha256_starts_ret(&sha, 0);
	while (!bad && done < u->len_bytes) {
		size_t n = sizeof(buf);

		if (n > u->len_bytes - done)
			n = (size_t)(u->len_bytes - done);
		bad = !read_at(u, (uint32_t)done, buf, n) ||
		      mbedtls_sha256_update_ret(&sha, buf, n);
		done += n;
	}
	if (!bad)
		bad = mbedtls_sha256_finish_ret(&sha, hash);
	mbedtls_sha256_free(&sha);
	if (bad)
		return err_set(e, ERR_IO, "the upload cannot be read back");
	hex_encode(out, hash, sizeof(hash));
	return ERR_OK;
}

static enum err_code refuse(const struct image_fault *f, struct err *e)
{
	enum err_code rc = f->error == IMAGE_IO ? ERR_IO : ERR_INTEGRITY;

	return err_set(e, rc, "image: %s (%s, at %u)",
		       image_error_text(f->error), image_part_name(f->part),
		       f->offset);
}

static void describe_part(const struct image_part *from,
			  struct store_image_part *to)
{
	snprintf(to->type, sizeof(to->type), "%s", image_part_name(from->type));
	snprintf(to->version, sizeof(to->version), "%s", from->version);
	to->len_bytes = from->length;
	hex_encode(to->sha256, from->installed_sha256, IMAGE_HASH_BYTES);
}

static void describe(const struct image *im, struct store_image *out)
{
	snprintf(out->product, sizeof(out->product), "%s", im->product);
	snprintf(out->version, sizeof(out->version), "%s", im->version);
	snprintf(out->fwid, sizeof(out->fwid), "%s", im->firmware_id);
	/* X || Y, without the X9.62 tag */
	hex_encode(out->attestation_key, im->attest_key + 1,
		   IMAGE_PUBLIC_KEY_BYTES - 1);
	out->parts_n = im->part_count;
	for (uint32_t i = 0; i < im->part_count; i++)
		describe_part(&im->parts[i], &out->parts[i]);
}

enum err_code upload_verify(struct upload *u, struct store_image *image,
			    struct err *e)
{
	struct image_fault f;
	struct image im;
	enum err_code rc;

	_Static_assert(IMAGE_PART_SLOTS <= STORE_IMAGE_PARTS_MAX, "parts fit");
	memset(image, 0, sizeof(*image));
	if (image_open(&im, read_at, u, u->len_bytes, &f) ||
	    image_verify_all(&im, &f))
		return refuse(&f, e);
	if (im.image_bytes != u->len_bytes)
		return err_set(
			e, ERR_INTEGRITY, "%llu bytes came, the image has %u",
			(unsigned long long)u->len_bytes, im.image_bytes);
	if ((rc = hash_file(u, image->sha256, e)))
		return rc;
	image->len_bytes = u->len_bytes;
	describe(&im, image);
	if (fsync(u->fd))
		return err_set_errno(e, ERR_IO, errno, "upload");
	u->image = *image;
	return ERR_OK;
}

enum err_code upload_keep(struct upload *u, const struct store_image *image,
			  struct err *e)
{
	char path[PATH_MAX];
	int dir, rc;

	store_image_path(path, sizeof(path), u->dir, image->sha256);
	if (fchmod(u->fd, 0640) || rename(u->path, path))
		return err_set_errno(e, ERR_IO, errno, "image folder");
	u->kept = true;
	dir = open(u->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = dir < 0 ? -1 : fsync(dir);
	if (dir >= 0)
		close(dir);
	if (rc)
		return err_set_errno(e, ERR_IO, errno, "image folder");
	return ERR_OK;
}

const struct store_image *upload_image(const struct upload *u)
{
	return &u->image;
}
