/* A barcode scanner in serial (CDC-ACM) mode, or anything else that gives a
 * board's serial as a line of text: one device file per harness.
 *
 * A scan is [A-Za-z0-9._-]{1,32} ended by CR or LF; anything else is dropped
 * and counted in the log. Only the newest scan counts. A scanner that is
 * unplugged is opened again when it comes back.
 */
#ifndef AGENT_DRV_SCANNER_H
#define AGENT_DRV_SCANNER_H

#include "proto/base/err.h"

#include <stdbool.h>

#define SCANNER_TEXT_SIZE 33

struct scanner;

/* The device need not be there yet. path is copied. ERR_NO_MEMORY. */
enum err_code scanner_new(struct scanner **s, const char *path, struct err *e);
void scanner_free(struct scanner *s);

/* Take in what has arrived; never blocks. *fresh: text has been replaced by a
 * scan that came since the last call. */
void scanner_poll(struct scanner *s, char text[SCANNER_TEXT_SIZE], bool *fresh);

#endif
