/* What an image must be before anybody sees it: read back from the disk, whole,
 * unaltered, of the hash that was announced, signed by a release key that this
 * controller trusts. All of these block. */
#ifndef CONTROLLER_CONSOLE_UPLOAD_CHECK_H
#define CONTROLLER_CONSOLE_UPLOAD_CHECK_H

#include "controller/console/upload.h"
#include "controller/store/store_line.h"

/* Once its header is here: is it an image, as long as announced, signed by a
 * trusted key? ERR_OK when too little has come to tell. key_dir: a folder with
 * one PEM file per trusted public key. ERR_INTEGRITY, ERR_IO. */
enum err_code upload_check_head(struct upload *u, const char *key_dir,
				struct err *e);

/* Everything; fills *image except what the store sets. ERR_STATE: not all has
 * come. ERR_INTEGRITY names part and offset. ERR_IO. */
enum err_code upload_check(struct upload *u, const char *key_dir,
			   struct store_image *image, struct err *e);

/* Gives the checked file its name, synced. ERR_IO. */
enum err_code upload_keep(struct upload *u, struct err *e);

/* Is the file of an imported image still what it was? If not, it is set aside
 * as SHA256.bad, so that it can come again. */
bool upload_intact(const char *image_dir, const char *sha256,
		   uint64_t len_bytes);

#endif
