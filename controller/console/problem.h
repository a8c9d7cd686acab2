/* Errors as RFC 9457 problem documents. */
#ifndef CONTROLLER_CONSOLE_PROBLEM_H
#define CONTROLLER_CONSOLE_PROBLEM_H

#include "proto/base/dbuf.h"
#include "proto/base/err.h"

#define PROBLEM_TYPE "application/problem+json"

/* The HTTP status of an error code. A refusal by role is 403, one by a rule of
 * the line 409; forbidden tells which. */
int problem_status(enum err_code code, bool forbidden);

/* {"type","title","status","detail","code","hint"}, appended to out. */
enum err_code problem_write(struct dbuf *out, int status, const struct err *e);

#endif
