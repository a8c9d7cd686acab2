/* The bench's control socket: one JSON object a line, one reply a line
 * (bench/daemon/control.h). */
#ifndef CLI_DEMO_CONTROL_H
#define CLI_DEMO_CONTROL_H

#include "proto/base/err.h"

#include <jansson.h>

struct control {
	int fd; /* -1: not connected */
};

/* Waits until the bench listens, at most wait_ms. */
enum err_code control_open(struct control *c, const char *path, int wait_ms,
			   struct err *e);
void control_close(struct control *c);

/* request is taken over. *reply (may be NULL) is given to the caller. 10 s. */
enum err_code control_call(struct control *c, json_t *request, json_t **reply,
			   struct err *e);

#endif
