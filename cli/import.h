/* An image file on its way to the controller: checked here, sent piece by
 * piece, gone on with where an earlier try ended, verified over there. Memory
 * does not grow with the image. */
#ifndef CLI_IMPORT_H
#define CLI_IMPORT_H

#include "cli/rest.h"

#include <stdbool.h>
#include <stdint.h>

/* How far it is: bytes that the controller has on its disk. */
typedef void import_progress_fn(void *arg, uint64_t done, uint64_t len_bytes);

struct import_options {
	const char *path;
	const char *release_key;      /* PEM; NULL: only the controller's */
	import_progress_fn *progress; /* NULL: quiet */
	void *arg;
};

struct import_result {
	char sha256[65];
	uint64_t len_bytes, sent_bytes;
	bool known;    /* the controller had it already */
	json_t *image; /* as the controller shows it; the caller's */
};

/* Blocks. The controller may go away in between: it is asked again for
 * IMPORT_PATIENCE_MS after it last got further. ERR_INTEGRITY names part and
 * offset; ERR_UNREACHABLE, ERR_TOO_BIG, ERR_DISK_FULL, ERR_QUOTA, ERR_IO. */
#define IMPORT_PATIENCE_MS 30000
enum err_code import_file(struct rest *r, const struct import_options *o,
			  struct import_result *out, struct err *e);

#endif
