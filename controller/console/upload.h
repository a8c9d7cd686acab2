/* An image on its way in. What has come of it lies in IMAGE_DIR/uploads as
 * "SHA256.LENGTH": the name says what it is to become, its size how much is
 * here. That is all there is to know, so a controller that was killed goes on
 * where it was, and the client asks where that is. Only when all of it is here
 * and was read back from the disk and verified does it get its name in
 * IMAGE_DIR (upload_check.h), and after that a row in the store.
 *
 * Whoever writes, verifies or removes one holds a lock on its file, so there
 * is one at a time, whatever number of clients send the same image.
 *
 * All of these block on the disk: call them in a job's thread. */
#ifndef CONTROLLER_CONSOLE_UPLOAD_H
#define CONTROLLER_CONSOLE_UPLOAD_H

#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define UPLOAD_CHUNK_MAX_BYTES (1u << 20)
#define UPLOAD_HASH_SIZE       65 /* SHA-256 in hex + NUL */

struct upload_limits {
	uint64_t image_max_bytes;
	unsigned count_max;	/* unfinished ones */
	int64_t keep_s;		/* after their last byte */
	uint64_t reserve_bytes; /* of the disk, to be left free */
};

struct upload_state {
	char sha256[UPLOAD_HASH_SIZE];
	uint64_t len_bytes; /* as announced */
	uint64_t offset;    /* bytes that are here */
	int64_t expires_at; /* ms since 1970 */
};

typedef void upload_fn(void *arg, const struct upload_state *s);

/* Makes IMAGE_DIR/uploads. ERR_IO, ERR_DISK_FULL. */
enum err_code upload_init(const char *image_dir, struct err *e);

/* A new one, or the one that is there: see offset. Only for an image that the
 * store does not have: a file with its name that nobody speaks for (the
 * controller was killed before the row was committed) is taken back and needs
 * no sending. ERR_INPUT: not a SHA-256. ERR_TOO_BIG, ERR_QUOTA (count_max),
 * ERR_DISK_FULL: refused before the first byte. ERR_IO. */
enum err_code upload_begin(const char *image_dir, const struct upload_limits *l,
			   const char *sha256, uint64_t len_bytes,
			   struct upload_state *out, struct err *e);

/* ERR_NOT_FOUND. */
enum err_code upload_find(const char *image_dir, const struct upload_limits *l,
			  const char *sha256, struct upload_state *out,
			  struct err *e);

/* Unfinished ones, in no order. ERR_IO. */
enum err_code upload_each(const char *image_dir, const struct upload_limits *l,
			  upload_fn *fn, void *arg, struct err *e);

/* Give it up. ERR_NOT_FOUND; ERR_CONFLICT: someone is writing it now. */
enum err_code upload_drop(const char *image_dir, const char *sha256,
			  struct err *e);

/* Remove those whose time is over, but not one in use. How many went. */
unsigned upload_sweep(const char *image_dir, const struct upload_limits *l);

/* ---- one in use ---- */

struct upload;

/* Locks it. ERR_NOT_FOUND; ERR_CONFLICT: someone else has it. */
enum err_code upload_open(struct upload **out, const char *image_dir,
			  const char *sha256, struct err *e);

/* Unlocks; what came is kept. NULL is fine. */
void upload_close(struct upload *u);

/* Remove its file. It must still be closed. */
void upload_discard(struct upload *u);

uint64_t upload_offset(const struct upload *u);
uint64_t upload_len(const struct upload *u);
const char *upload_sha256(const struct upload *u);

/* The next bytes, on the disk when it returns. ERR_CONFLICT: another offset
 * comes next; the text says which. ERR_TOO_BIG: more than announced.
 * ERR_DISK_FULL: its file is removed, the space is free again. ERR_IO. */
enum err_code upload_append(struct upload *u, uint64_t offset, const void *data,
			    size_t len, struct err *e);

#endif
