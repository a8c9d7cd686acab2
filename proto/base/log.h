/* The log: one line per change of state on stderr,
 *
 *   2026-03-01T08:15:30.123Z info  PERMIT_GRANTED lot=A17 attempt=... fence=42
 *
 * The id is stable and greppable; the rest is key=value. A value that comes
 * from outside (a board's text, a file name) goes through log_quote(), which
 * escapes everything that could start a new line or drive a terminal. The
 * log is for people; the record (controller/audit) is something else.
 * Safe to call from any thread.
 */
#ifndef PROTO_BASE_LOG_H
#define PROTO_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* program is borrowed for the life of the process. */
void log_init(const char *program, enum log_level level);
bool log_level_parse(const char *name, enum log_level *level);
bool log_enabled(enum log_level level);

void log_write(enum log_level level, const char *id, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

/* text as a quoted string with everything but printable ASCII as \xNN, in a
 * buffer of the caller's, for use as a value. Cut to fit; always terminated.
 * Returns out. */
const char *log_quote(char *out, size_t out_size, const char *text,
		      size_t text_len);

#endif
