/* An image as a file, read through a window of fixed size, so that memory does
 * not grow with it; SHA-256 by OpenSSL, which has the processor's instructions
 * for it. Host only. All of these block on the disk. */
#ifndef PROTO_IMAGE_IMAGE_FILE_H
#define PROTO_IMAGE_IMAGE_FILE_H

#include "proto/image/image_build.h"
#include "proto/image/product.h"
#include "proto/image/sha.h"

#define IMAGE_WINDOW_BYTES 32768u

/* A file descriptor and the bytes of it read last. */
struct image_window {
	int fd;
	uint64_t at;
	size_t len;
	uint8_t *bytes; /* IMAGE_WINDOW_BYTES */
	struct sha *sha;
};

struct image_file {
	const char *path; /* borrowed */
	uint64_t len_bytes;
	struct image_window window;
	struct image image;
};

/* Open and check the header and the file's length; the rest of the file is
 * checked by image_file_verify(). Errors begin with the path. ERR_IO,
 * ERR_INPUT (no regular file), ERR_INTEGRITY. image_file_close() whatever this
 * returns. */
enum err_code image_file_open(struct image_file *f, const char *path,
			      struct err *e);
void image_file_close(struct image_file *f);

/* Every byte, the product manifest and the bundles; with a second thread, for
 * the two hashes of each byte. key: X9.62 public key that must have signed it;
 * NULL: the one whose id the header has, whoever that is. */
enum err_code image_file_verify(struct image_file *f,
				const uint8_t key[IMAGE_PUBLIC_KEY_BYTES],
				struct err *e);

/* A part's bytes, appended to out. ERR_IO, ERR_TOO_BIG. */
enum err_code image_file_part(struct image_file *f,
			      const struct image_part *part, struct dbuf *out,
			      struct err *e);

/* The product manifest's content; the caller's. */
enum err_code image_file_manifest(struct image_file *f,
				  struct product_bundle bundles[2],
				  json_t **manifest, struct err *e);

/* -------- for whoever has other bytes than a file's -------- */

/* What image_file_verify() checks beyond the portable reader, through im's
 * read(): product manifest and bundles. ERR_INTEGRITY, ERR_IO */
enum err_code image_check_manifests(const struct image *im, struct err *e);

/* -------- the window -------- */

bool image_window_open(struct image_window *w, int fd);
void image_window_close(struct image_window *w); /* not the descriptor */
image_read_fn image_window_read;
image_sha256_fn image_window_sha256;

#endif
