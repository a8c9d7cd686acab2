/* The harness's barcode scanner in serial mode, as a pseudo-terminal: the
 * operator scans a board's label when it goes in, and the station reads the
 * text from the device file. */
#ifndef BENCH_DAEMON_BARCODE_H
#define BENCH_DAEMON_BARCODE_H

#include "proto/base/err.h"

#include <limits.h>

struct barcode {
	int master, slave;   /* -1: this harness has no scanner */
	char path[PATH_MAX]; /* link to the pseudo-terminal */
};

/* path NULL or empty: no scanner. An old link at path is replaced. */
enum err_code barcode_open(struct barcode *b, const char *path, struct err *e);
void barcode_close(struct barcode *b);

/* Never blocks: nobody has to listen. */
void barcode_scan(struct barcode *b, const char *text);

#endif
