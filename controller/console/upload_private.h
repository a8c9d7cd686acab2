/* What upload.c and upload_check.c share. */
#ifndef CONTROLLER_CONSOLE_UPLOAD_PRIVATE_H
#define CONTROLLER_CONSOLE_UPLOAD_PRIVATE_H

#include "controller/console/upload.h"

#include <limits.h>
#include <stdbool.h>

struct upload {
	int fd; /* locked */
	struct upload_state state;
	char image_dir[PATH_MAX];
	char path[PATH_MAX];
};

bool upload_hash_ok(const char *sha256);

/* Names made in a folder are on the disk. ERR_IO. */
enum err_code upload_sync_folder(const char *path, struct err *e);

#endif
