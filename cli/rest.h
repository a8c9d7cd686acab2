/* The controller's REST interface, from the command line's side: HTTPS with
 * the controller's own CA, bearer token, JSON in and out, problem documents
 * (RFC 9457) turned into struct err. All calls block, at most 30 s for an
 * answer to start and 10 s without a byte.
 */
#ifndef CLI_REST_H
#define CLI_REST_H

#include "proto/base/err.h"

#include <jansson.h>
#include <stdio.h>

struct rest;

struct rest_config {
	const char *url;	/* https://HOST:7443 */
	const char *token_path; /* file that only its owner may read */
	const char *ca_path;	/* PEM */
};

/* Nothing is sent yet. Strings are copied. ERR_IO when a file is missing. */
enum err_code rest_new(struct rest **r, const struct rest_config *c,
		       struct err *e);
void rest_free(struct rest *r);

/* method and path below /api/v1, e.g. "GET", "/lots/A17". body may be NULL and
 * is borrowed. *reply is given to the caller (json_decref); NULL when the
 * answer has no content; pass NULL to ignore it. ERR_UNREACHABLE,
 * ERR_UNAUTHORISED, or what the problem document says. */
enum err_code rest_call(struct rest *r, const char *method, const char *path,
			const json_t *body, json_t **reply, struct err *e);

/* PATCH with bytes as they are (application/octet-stream). data is borrowed. */
enum err_code rest_patch(struct rest *r, const char *path, const void *data,
			 size_t len, json_t **reply, struct err *e);

/* GET into an open file, streamed. On an error nothing or a part may have been
 * written: write to a temporary file. */
enum err_code rest_download(struct rest *r, const char *path, FILE *out,
			    struct err *e);

/* GET into path, or standard output when path is NULL; a file appears whole or
 * not at all. */
enum err_code rest_save(struct rest *r, const char *path, const char *file,
			struct err *e);

/* text with everything but unreserved characters as %XX, for use in a path or
 * query (RFC 3986 2.3). malloc'ed; the caller frees. */
char *rest_escape(const char *text);

#endif
