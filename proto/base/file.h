/* Whole files: read with a limit, written so that a reader sees the old
 * content or the new, never a part (temporary file, fsync, rename, fsync of
 * the folder). All of these block. */
#ifndef PROTO_BASE_FILE_H
#define PROTO_BASE_FILE_H

#include "proto/base/dbuf.h"
#include "proto/base/err.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* len bytes at offset of an open file, or false: an error, or it ends before.
 */
bool file_read_at(int fd, uint64_t offset, void *buf, size_t len);

/* Appends the file to out, which states the maximum. ERR_IO, ERR_TOO_BIG. */
enum err_code file_read(const char *path, struct dbuf *out, struct err *e);

/* mode as in chmod(2), e.g. 0600 for secrets. Only a regular file is ever
 * replaced, nothing else that has the name: no device, no symbolic link.
 * ERR_IO, ERR_DISK_FULL, ERR_INPUT. */
enum err_code file_write(const char *path, const void *data, size_t len,
			 unsigned mode, struct err *e);

/* The same for a file that must not be there yet: ERR_EXISTS. */
enum err_code file_create(const char *path, const void *data, size_t len,
			  unsigned mode, struct err *e);

/* -------- piece by piece -------- */

/* A file that is being written beside the place it is for. */
struct file_new {
	int fd; /* for writing, mode 0600; -1: none is open */
	char temp[PATH_MAX];
};

/* Errors as file_write(). */
enum err_code file_new_open(struct file_new *n, const char *path,
			    struct err *e);
enum err_code file_new_add(struct file_new *n, const char *path,
			   const void *data, size_t len, struct err *e);
/* Synced, and under its name; over another one only with replace, else
 * ERR_EXISTS. Closes it, and removes it after an error. */
enum err_code file_new_keep(struct file_new *n, const char *path, unsigned mode,
			    bool replace, struct err *e);
void file_new_drop(struct file_new *n); /* fine when none is open */

/* -------- folders -------- */

/* Make a folder and its parents; fine when it is there. */
enum err_code file_mkdir(const char *path, unsigned mode, struct err *e);

/* fsync the folder that path lies in, after a rename; failure is not told. */
void file_sync_folder(const char *path);

#endif
