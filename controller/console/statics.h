/* The built web console: read once at start into memory, served by exact
 * path. There is no file name that a request could reach. */
#ifndef CONTROLLER_CONSOLE_STATICS_H
#define CONTROLLER_CONSOLE_STATICS_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATICS_MAX_FILES 256
#define STATICS_MAX_BYTES (8u << 20)

struct statics_file {
	char path[160]; /* "/assets/index-3f2a.js" */
	const char *type;
	char etag[70];	/* quoted */
	bool immutable; /* its name changes with its content */
	uint8_t *data;
	size_t len;
};

struct statics {
	struct statics_file *files;
	size_t n;
};

/* dir NULL: nothing to serve. ERR_CONFIG: no such folder, too much in it, or
 * a kind of file that has no type. Blocks. */
enum err_code statics_load(struct statics *s, const char *dir, struct err *e);
void statics_free(struct statics *s);

/* "/" is "/index.html". NULL when there is none. */
const struct statics_file *statics_find(const struct statics *s,
					const char *path);

#endif
