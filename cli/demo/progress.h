/* Live progress on a terminal (one line, redrawn); nothing when standard
 * error is no terminal, except for what is said. */
#ifndef CLI_DEMO_PROGRESS_H
#define CLI_DEMO_PROGRESS_H

#include "cli/rest.h"

#include <stddef.h>

void progress_say(const char *what);

/* Asks the controller what each harness does. Errors are not shown: the
 * watcher of the processes has better ones. */
void progress_show(struct rest *r, const char *lot, size_t done, size_t count);

/* Leave the redrawn line behind, if there is one. */
void progress_end(void);

#endif
