#include "proto/base/log.h"

#include "proto/base/wall.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum log_level max_level = LOG_INFO;
static const char *program_name = "provline";

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_init(const char *program, enum log_level level)
{
	program_name = program;
	max_level = level;
}

bool log_level_parse(const char *name, enum log_level *level)
{
	for (unsigned i = 0; i < 4; i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

bool log_enabled(enum log_level level)
{
	return level <= max_level;
}

/* One write(2) a line, so that lines of several threads never mix. */
void log_write(enum log_level level, const char *id, const char *fmt, ...)
{
	char line[1024];
	char stamp[WALL_TEXT_SIZE];
	va_list ap;
	int n;

	if (!log_enabled(level))
		return;
	wall_format(stamp, wall_now_ms());
	n = snprintf(line, sizeof line, "%s %-5s %s %s ", stamp,
		     level_names[level], program_name, id);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof line - (size_t)n, fmt, ap);
	va_end(ap);
	n = (int)strnlen(line, sizeof line - 2);
	for (int i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nowhere left to complain */
}

const char *log_quote(char *out, size_t out_size, const char *text,
		      size_t text_len)
{
	size_t o = 0;

	if (out_size < 3)
		return "";
	out[o++] = '"';
	for (size_t i = 0; i < text_len && o + 6 < out_size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\') {
			out[o++] = '\\';
			out[o++] = (char)c;
		} else if (c >= 0x20 && c < 0x7f) {
			out[o++] = (char)c;
		} else {
			o += (size_t)snprintf(out + o, out_size - o, "\\x%02x",
					      c);
		}
	}
	out[o++] = '"';
	out[o] = '\0';
	return out;
}
