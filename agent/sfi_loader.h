/* The SFI loader's binary for one harness, out of a file. That it is one, and
 * the build for boards wired as the harness says, is looked at before anything
 * runs: on a board it would show only behind the lock-down, which cannot be
 * undone. */
#ifndef AGENT_SFI_LOADER_H
#define AGENT_SFI_LOADER_H

#include "proto/base/dbuf.h"
#include "proto/base/err.h"

/* into: initialised here; finish it also after an error. wiring: a name of
 * agent/target/wiring.h. ERR_CONFIG, ERR_IO, ERR_TOO_BIG. */
enum err_code sfi_loader_read(struct dbuf *into, const char *path,
			      const char *wiring, struct err *e);

#endif
