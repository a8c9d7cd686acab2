/* What the daemons' configuration files share: an error that names the right
 * line. The files are read by libconfuse, whose error callback gets a count of
 * lines that is wrong behind comments. */
#ifndef PROTO_BASE_CONF_H
#define PROTO_BASE_CONF_H

#include "proto/base/err.h"

#include <stdarg.h>

/* Before libconfuse opens it, which ends the process when it is a folder.
 * ERR_CONFIG: not there, not to be read, no regular file. */
enum err_code conf_check_file(const char *path, struct err *e);

/* For the callback: ERR_CONFIG "FILE:LINE: text" into *e, unless *e holds an
 * error already (the first is the cause) or is NULL. A text about a value
 * begins with its key; then the line is the one where the key stands. file may
 * be NULL, counted is what libconfuse says. Reads the file again. */
void conf_error(struct err *e, const char *file, int counted, const char *fmt,
		va_list ap);

#endif
