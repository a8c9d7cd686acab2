#include "proto/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

struct row {
	const char *name;
	int exit_code;
	bool retryable;
	const char *text;
	const char *hint;
};

static const struct row rows[ERR_COUNT] = {
	[ERR_OK] = {"ok", 0, false, "no error", ""},
#define ERR(n, code, exit_code, retryable, text, hint) \
	[ERR_##n] = {code, exit_code, retryable, text, hint},
#include "proto/base/errors.def"
#undef ERR
};

static const struct row *row_of(enum err_code code)
{
	return &rows[(unsigned)code < ERR_COUNT ? code : ERR_BUG];
}

/* Bytes of the UTF-8 character at s, 0 when it is none (RFC 3629). */
static size_t utf8_len(const char *s)
{
	static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char first = (unsigned char)*s;
	size_t len = first < 0x80	      ? 1
		     : (first & 0xE0) == 0xC0 ? 2
		     : (first & 0xF0) == 0xE0 ? 3
		     : (first & 0xF8) == 0xF0 ? 4
					      : 0;
	unsigned c = first & (0x7Fu >> len);

	if (len < 2)
		return len;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3Fu);
	}
	return c < least[len] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)
		       ? 0
		       : len;
}

/* Spaces for control characters, those of UTF-8 (U+0080 to U+009F) too, and
 * question marks for what is no UTF-8, as where a character was cut: else no
 * message could carry the text. */
static void one_line(char *s)
{
	for (size_t len; *s; s += len) {
		len = utf8_len(s);
		if (len == 0) {
			*s = '?';
			len = 1;
		} else if ((unsigned char)*s < 0x20 || *s == 0x7f) {
			*s = ' ';
		} else if ((unsigned char)s[0] == 0xC2 &&
			   (s[1] & 0xE0) == 0x80) {
			s[0] = s[1] = ' ';
		}
	}
}

/* For callers without a struct err, who want the code all the same. */
static _Thread_local enum err_code last_code = ERR_FAILED;

enum err_code err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	last_code = code;
	if (!e)
		return code;
	e->code = code;
	e->hint[0] = '\0';
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	one_line(e->text);
	return code;
}

enum err_code err_set_errno(struct err *e, enum err_code code, int errnum,
			    const char *fmt, ...)
{
	char what[sizeof e->text];
	va_list ap;

	if (errnum == ENOSPC || errnum == EDQUOT)
		code = ERR_DISK_FULL;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	return err_set(e, code, "%.250s: %.60s", what, strerror(errnum));
}

enum err_code err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return last_code;
	va_start(ap, fmt);
	vsnprintf(e->hint, sizeof e->hint, fmt, ap);
	va_end(ap);
	one_line(e->hint);
	return e->code;
}

enum err_code err_prefix(struct err *e, const char *fmt, ...)
{
	char front[4096 + 64]; /* a path */
	char back[sizeof e->text];
	const char *from = front;
	size_t room;
	va_list ap;

	if (!e)
		return last_code;
	va_start(ap, fmt);
	vsnprintf(front, sizeof front, fmt, ap);
	va_end(ap);
	memcpy(back, e->text, sizeof back);
	back[sizeof back - 100] = '\0';
	room = sizeof e->text - sizeof ": " - strlen(back);
	if (strlen(front) > room) {
		from += strlen(front) - room + strlen("...");
		while ((*from & 0xC0) == 0x80) /* not within a character */
			from++;
	}
	snprintf(e->text, sizeof e->text, "%s%s: %s",
		 from == front ? "" : "...", from, back);
	one_line(e->text);
	return e->code;
}

const char *err_name(enum err_code code)
{
	return row_of(code)->name;
}

const char *err_text(enum err_code code)
{
	return row_of(code)->text;
}

int err_exit_code(enum err_code code)
{
	return row_of(code)->exit_code;
}

bool err_retryable(enum err_code code)
{
	return row_of(code)->retryable;
}

enum err_code err_from_name(const char *name)
{
	for (int i = 0; i < ERR_COUNT; i++)
		if (strcmp(rows[i].name, name) == 0)
			return (enum err_code)i;
	return ERR_FAILED;
}

int err_print(FILE *f, const char *program, const struct err *e)
{
	const struct row *row = row_of(e->code);

	fprintf(f, "%s: %s: %s; %s\n", program, row->name,
		e->text[0] ? e->text : row->text,
		e->hint[0] ? e->hint : row->hint);
	return row->exit_code;
}
