/* An image on its way in: bytes go to a nameless-to-others file in the image
 * folder; only when the whole file has been verified does it get its name and
 * a row in the store. */
#ifndef CONTROLLER_CONSOLE_UPLOAD_H
#define CONTROLLER_CONSOLE_UPLOAD_H

#include "controller/store/store_line.h"
#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define UPLOAD_MAX_BYTES (64u << 20)

struct upload;

/* Makes ".upload-XXXXXX" in dir. ERR_IO, ERR_DISK_FULL. */
enum err_code upload_new(struct upload **out, const char *dir, struct err *e);

/* Removes the file unless it was kept. NULL is fine. */
void upload_free(struct upload *u);

/* On the loop: to the page cache, not to the disk. ERR_TOO_BIG past
 * UPLOAD_MAX_BYTES, ERR_IO, ERR_DISK_FULL. */
enum err_code upload_write(struct upload *u, const void *data, size_t len,
			   struct err *e);

/* In a job's thread, blocks: verify the container and fill *image; sync.
 * ERR_INTEGRITY, ERR_MALFORMED, ERR_IO. */
enum err_code upload_verify(struct upload *u, struct store_image *image,
			    struct err *e);

/* In a job's thread, blocks: give the verified file its name, synced. */
enum err_code upload_keep(struct upload *u, const struct store_image *image,
			  struct err *e);

const struct store_image *upload_image(const struct upload *u);

#endif
