/* Whole files: read with a limit, written so that a reader sees the old
 * content or the new, never a part (temporary file, fsync, rename, fsync of
 * the folder). All of these block. */
#ifndef PROTO_BASE_FILE_H
#define PROTO_BASE_FILE_H

#include "proto/base/dbuf.h"
#include "proto/base/err.h"

#include <stddef.h>

/* Appends the file to out, which states the maximum. ERR_IO, ERR_TOO_BIG. */
enum err_code file_read(const char *path, struct dbuf *out, struct err *e);

/* mode as in chmod(2), e.g. 0600 for secrets. ERR_IO, ERR_DISK_FULL. */
enum err_code file_write(const char *path, const void *data, size_t len,
			 unsigned mode, struct err *e);

/* The same for a file that must not be there yet: ERR_EXISTS. */
enum err_code file_create(const char *path, const void *data, size_t len,
			  unsigned mode, struct err *e);

/* Make a folder and its parents; fine when it is there. */
enum err_code file_mkdir(const char *path, unsigned mode, struct err *e);

/* fsync the folder that path lies in, after a rename; failure is not told. */
void file_sync_folder(const char *path);

#endif
