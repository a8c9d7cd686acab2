/* Errors of Provline: one table (errors.def), a code returned by functions,
 * and a struct filled by whoever saw the cause.
 *
 * A function that can fail returns enum err_code, ERR_OK (0) for success, and
 * takes a struct err * as its last argument. The callee fills it exactly when
 * it returns something else than ERR_OK. Callers may pass NULL when they only
 * want the code.
 */
#ifndef PROTO_BASE_ERR_H
#define PROTO_BASE_ERR_H

#include <stdbool.h>
#include <stdio.h>

enum err_code {
	ERR_OK = 0,
#define ERR(name, code, exit_code, retryable, text, hint) ERR_##name,
#include "proto/base/errors.def"
#undef ERR
	ERR_COUNT
};

struct err {
	enum err_code code;
	char text[320]; /* what happened, one line, no trailing stop */
	char hint[160]; /* what to do; empty means the table's hint */
};

/* Fill *e (when not NULL) and return code. The text is cut when too long;
 * control characters in it and what is no UTF-8 are replaced, so that it always
 * is one line that any message or record can carry. */
enum err_code err_set(struct err *e, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same with strerror(errnum) appended; ENOSPC and EDQUOT become
 * ERR_DISK_FULL, whatever code says. */
enum err_code err_set_errno(struct err *e, enum err_code code, int errnum,
			    const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Replace the hint of an error that has been set. Returns e->code; with e NULL
 * the code that this thread set last. */
enum err_code err_hint(struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Put "what: " in front; a long one loses its start. Returns as err_hint(). */
enum err_code err_prefix(struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

const char *err_name(enum err_code code);      /* "no-card" */
const char *err_text(enum err_code code);      /* the table's text */
int err_exit_code(enum err_code code);	       /* 0..6, see contracts */
bool err_retryable(enum err_code code);	       /* may a retry help? */
enum err_code err_from_name(const char *name); /* ERR_FAILED if unknown */

/* "PROGRAM: CODE: what happened; what to do" and a newline, on f.
 * Returns the exit code to leave with. */
int err_print(FILE *f, const char *program, const struct err *e);

#endif
