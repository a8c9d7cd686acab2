/* Images on the station's disk, by SHA-256: DATA_DIR/images/HASH.pli. Fetched
 * from the controller in pieces into a temporary file, renamed when the whole
 * has the right hash. A fetch that is cut off goes on where it was. Bounded in
 * bytes: the image used longest ago goes first, one that a harness works with
 * never. The hash is checked again when the file has changed in any way, each
 * time an image is opened, and block by block over the bytes as they are read
 * for the board (cache_read). A file with another content is set aside as
 * HASH.bad and fetched anew.
 */
#ifndef AGENT_LINK_CACHE_H
#define AGENT_LINK_CACHE_H

#include "agent/link/link.h"
#include "proto/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_USERS_MAX 16u /* harnesses */

struct cache;

/* Makes DATA_DIR/images and removes what was left half fetched. max_bytes: of
 * all files there, whole or not; at least the largest image (64 MiB). */
enum err_code cache_new(struct cache **c, const char *data_dir,
			uint64_t max_bytes, struct link *link, struct err *e);
void cache_free(struct cache *c);

/* See that the image is on the disk, whole and unaltered: fetch it when it is
 * not. From now on until it asks for another one user (0..CACHE_USERS_MAX-1)
 * holds it. One fetch at a time; others wait. Blocks until the deadline.
 * ERR_INTEGRITY when what the controller sends has another hash or length,
 * ERR_DISK_FULL when all the room is held by other users. */
enum err_code cache_ensure(struct cache *c, unsigned user, const char *sha256,
			   uint64_t len_bytes, struct mono deadline,
			   struct err *e);

/* An open image. Reading keeps a running hash. */
struct cache_image;

/* ERR_NOT_FOUND; ERR_INTEGRITY when the file has another content than its
 * name says: it is set aside as HASH.bad then. */
enum err_code cache_open(struct cache *c, const char *sha256,
			 struct cache_image **i, struct err *e);
void cache_close(struct cache_image *i);
uint64_t cache_len(const struct cache_image *i);

/* Exactly len bytes at offset. ERR_IO past the end. */
enum err_code cache_read(struct cache_image *i, uint64_t offset, void *buf,
			 size_t len, struct err *e);

/* The same for the portable reader: an image_read_fn (proto/image/image.h)
 * whose argument is a struct cache_image. */
bool cache_image_read(void *image, uint32_t offset, void *buf, size_t len);

/* Were all bytes that cache_read() gave those of the image? Each block of
 * 4 KiB was hashed when the file was opened; a block that reads otherwise now
 * has been altered in between. ERR_INTEGRITY names the offset. Also what
 * cache_read() returns as soon as it sees it, without giving the block. */
enum err_code cache_seal(struct cache_image *i, struct err *e);

#endif
