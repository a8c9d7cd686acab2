#include "controller/console/upload_check.h"

#include "controller/console/upload_private.h"
#include "proto/base/file.h"
#include "proto/base/hex.h"
#include "proto/base/log.h"
#include "proto/image/image_build.h"
#include "proto/image/image_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <mbedtls/sha256.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYS_MAX 64u
/* Sector 0 and the block table of the largest image. */
#define HEAD_MAX_BYTES                                            \
	(IMAGE_AT_BLOCK_TABLE +                                   \
	 IMAGE_MAX_BYTES / IMAGE_BLOCK_BYTES * IMAGE_HASH_BYTES + \
	 IMAGE_SECTOR_BYTES)

static bool read_at(void *arg, uint32_t offset, void *buf, size_t len)
{
	const struct upload *u = arg;

	return file_read_at(u->fd, offset, buf, len);
}

static bool hash_fd(int fd, uint64_t len_bytes, char out[UPLOAD_HASH_SIZE])
{
	mbedtls_sha256_context sha;
	uint8_t buf[16384], hash[32];
	uint64_t done = 0;
	bool fine;

	mbedtls_sha256_init(&sha);
	fine = !mbedtls_sha256_starts_ret(&sha, 0);
	while (fine && done < len_bytes) {
		size_t n = sizeof(buf);

		if (n > len_bytes - done)
			n = (size_t)(len_bytes - done);
		fine = file_read_at(fd, done, buf, n) &&
		       !mbedtls_sha256_update_ret(&sha, buf, n);
		done += n;
	}
	fine = fine && !mbedtls_sha256_finish_ret(&sha, hash);
	mbedtls_sha256_free(&sha);
	hex_encode(out, hash, sizeof(hash));
	return fine;
}

/* ---- who signed it ---- */

static bool is_signer(const struct image *im,
		      const uint8_t key[IMAGE_PUBLIC_KEY_BYTES])
{
	uint8_t hash[32];

	return !mbedtls_sha256_ret(key, IMAGE_PUBLIC_KEY_BYTES, hash, 0) &&
	       memcmp(hash, im->key_id, IMAGE_KEY_ID_BYTES) == 0;
}

static bool ends_in_pem(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && strcmp(name + len - 4, ".pem") == 0;
}

/* The trusted key that the image names. A file that is no key is passed over,
 * and said so in the log. */
static bool find_key(const char *key_dir, const struct image *im,
		     uint8_t key[IMAGE_PUBLIC_KEY_BYTES], unsigned *keys_n)
{
	char path[PATH_MAX];
	bool found = false;
	DIR *d = opendir(key_dir);
	struct err e;

	*keys_n = 0;
	if (!d)
		return false;
	for (struct dirent *f = readdir(d); f && !found && *keys_n < KEYS_MAX;
	     f = readdir(d)) {
		if (!ends_in_pem(f->d_name))
			continue;
		snprintf(path, sizeof(path), "%.3800s/%.250s", key_dir,
			 f->d_name);
		if (image_public_key_load(key, path, &e)) {
			log_warn("RELEASE_KEY", "text=\"%s\"", e.text);
			continue;
		}
		++*keys_n;
		found = is_signer(im, key);
	}
	closedir(d);
	return found;
}

static enum err_code check_signer(const struct image *im, const char *key_dir,
				  struct err *e)
{
	uint8_t key[IMAGE_PUBLIC_KEY_BYTES];
	char id[2 * IMAGE_KEY_ID_BYTES + 1];
	struct image_fault f;
	unsigned n;

	if (find_key(key_dir, im, key, &n)) {
		if (image_verify_signature(im, key, &f) == IMAGE_OK)
			return ERR_OK;
		return image_fault_err(&f, e);
	}
	hex_encode(id, im->key_id, sizeof(im->key_id));
	err_set(e, ERR_INTEGRITY,
		"header at 0x%08x: signed by release key %s, which is none of "
		"the %u that this controller trusts",
		IMAGE_AT_KEY_ID, id, n);
	err_hint(e, "put the brand's public key into the controller's "
		    "release-keys folder");
	return ERR_INTEGRITY;
}

/* ---- all of it ---- */

static enum err_code open_image(struct upload *u, struct image *im,
				struct image_fault *f, struct err *e)
{
	if (image_open(im, read_at, u, upload_len(u), f))
		return image_fault_err(f, e);
	if (im->image_bytes == upload_len(u))
		return ERR_OK;
	return err_set(e, ERR_INTEGRITY,
		       "header at 0x%08x: the image has %" PRIu32
		       " bytes, %" PRIu64 " were announced",
		       IMAGE_AT_IMAGE_BYTES, im->image_bytes, upload_len(u));
}

enum err_code upload_check_head(struct upload *u, const char *key_dir,
				struct err *e)
{
	uint64_t enough =
		upload_len(u) < HEAD_MAX_BYTES ? upload_len(u) : HEAD_MAX_BYTES;
	struct image_fault f = {.error = IMAGE_OK};
	struct image im;
	enum err_code rc;

	if (upload_offset(u) < enough)
		return ERR_OK;
	rc = open_image(u, &im, &f, e);
	/* what lies further behind is looked at when it is here */
	if (f.error == IMAGE_IO && upload_offset(u) < upload_len(u))
		return ERR_OK;
	return rc ? rc : check_signer(&im, key_dir, e);
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
	hex_encode(out->release_key_id, im->key_id, IMAGE_KEY_ID_BYTES);
	out->parts_n = im->part_count;
	for (uint32_t i = 0; i < im->part_count; i++)
		describe_part(&im->parts[i], &out->parts[i]);
}

static enum err_code check_content(struct upload *u, const char *key_dir,
				   struct image *im, struct err *e)
{
	char hash[UPLOAD_HASH_SIZE];
	struct image_fault f;
	enum err_code rc = open_image(u, im, &f, e);

	if (!rc)
		rc = check_signer(im, key_dir, e);
	if (rc)
		return rc;
	if (image_verify_all(im, &f))
		return image_fault_err(&f, e);
	rc = image_check_manifests(im, e);
	if (rc)
		return rc;
	if (!hash_fd(u->fd, upload_len(u), hash))
		return err_set(e, ERR_IO, "the upload cannot be read back");
	if (strcmp(hash, upload_sha256(u)) != 0)
		return err_set(e, ERR_INTEGRITY,
			       "what came has SHA-256 %s, not %s as announced",
			       hash, upload_sha256(u));
	return ERR_OK;
}

enum err_code upload_check(struct upload *u, const char *key_dir,
			   struct store_image *image, struct err *e)
{
	struct image im;
	enum err_code rc;

	_Static_assert(IMAGE_PART_SLOTS <= STORE_IMAGE_PARTS_MAX, "parts fit");
	memset(image, 0, sizeof(*image));
	if (upload_offset(u) != upload_len(u))
		return err_set(e, ERR_STATE,
			       "%" PRIu64 " of %" PRIu64 " bytes have come",
			       upload_offset(u), upload_len(u));
	/* what is judged is what the disk gives, not what memory still has */
	if (fsync(u->fd) || posix_fadvise(u->fd, 0, 0, POSIX_FADV_DONTNEED))
		return err_set_errno(e, ERR_IO, errno, "upload");
	rc = check_content(u, key_dir, &im, e);
	if (rc)
		return rc;
	memcpy(image->sha256, upload_sha256(u), UPLOAD_HASH_SIZE);
	image->len_bytes = upload_len(u);
	describe(&im, image);
	return ERR_OK;
}

enum err_code upload_keep(struct upload *u, struct err *e)
{
	char path[PATH_MAX];

	store_image_path(path, sizeof(path), u->image_dir, upload_sha256(u));
	if (fchmod(u->fd, 0640) || fsync(u->fd) || rename(u->path, path))
		return err_set_errno(e, ERR_IO, errno, "image folder");
	/* rename(2) does nothing when both name the same file: see upload.c,
	 * take_back() */
	(void)unlink(u->path);
	return upload_sync_folder(u->image_dir, e);
}

bool upload_intact(const char *image_dir, const char *sha256,
		   uint64_t len_bytes)
{
	char path[PATH_MAX], bad[PATH_MAX], hash[UPLOAD_HASH_SIZE];
	struct stat st;
	bool fine;
	int fd;

	store_image_path(path, sizeof(path), image_dir, sha256);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	fine = !fstat(fd, &st) && (uint64_t)st.st_size == len_bytes &&
	       hash_fd(fd, len_bytes, hash) && strcmp(hash, sha256) == 0;
	close(fd);
	if (!fine) {
		snprintf(bad, sizeof(bad), "%.3900s/%.64s.bad", image_dir,
			 sha256);
		log_error("IMAGE_DAMAGED", "sha256=%s", sha256);
		(void)rename(path, bad);
	}
	return fine;
}
