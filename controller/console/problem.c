#include "controller/console/problem.h"

#include <jansson.h>
#include <stdlib.h>

int problem_status(enum err_code code, bool forbidden)
{
	switch (code) {
	case ERR_USAGE:
	case ERR_INPUT:
	case ERR_MALFORMED:
	case ERR_CONFIG:
	case ERR_INTEGRITY: /* of what was sent */
		return 400;
	case ERR_UNAUTHORISED:
	case ERR_NOT_BOUND:
		return 401;
	case ERR_REFUSED:
		return forbidden ? 403 : 409;
	case ERR_NOT_FOUND:
		return 404;
	case ERR_EXISTS:
	case ERR_STATE:
	case ERR_CONFLICT:
	case ERR_QUOTA:
		return 409;
	case ERR_TOO_BIG:
		return 413;
	case ERR_DISK_FULL:
	case ERR_UNREACHABLE:
		return 503;
	default:
		return 500;
	}
}

enum err_code problem_write(struct dbuf *out, int status, const struct err *e)
{
	const char *hint = e->hint;
	json_t *doc;
	char *text;
	enum err_code rc;

	doc = json_pack("{s:s,s:s,s:i,s:s}", "type", "about:blank", "title",
			err_text(e->code), "status", status, "code",
			err_name(e->code));
	if (doc && e->text[0])
		json_object_set_new(doc, "detail", json_string(e->text));
	if (doc && hint[0])
		json_object_set_new(doc, "hint", json_string(hint));
	text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	json_decref(doc);
	if (!text)
		return ERR_NO_MEMORY;
	rc = dbuf_addf(out, "%s", text);
	free(text);
	return rc;
}
