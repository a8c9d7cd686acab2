#include "controller/console/request.h"

#include "controller/console/problem.h"
#include "controller/console/upload.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct request *request_new(struct console *c, struct lws *wsi)
{
	struct request *rq = calloc(1, sizeof(*rq));

	if (!rq)
		return NULL;
	rq->c = c;
	rq->wsi = wsi;
	rq->refs = 1;
	dbuf_init(&rq->body, REQUEST_BODY_MAX);
	dbuf_init(&rq->reply, REQUEST_REPLY_MAX);
	return rq;
}

void request_hold(struct request *rq)
{
	rq->refs++;
}

void request_release(struct request *rq)
{
	assert(rq->refs > 0);
	if (--rq->refs)
		return;
	pipe_free(rq->pipe);
	upload_close(rq->upload);
	free(rq->image);
	json_decref(rq->in);
	json_decref(rq->out);
	explicit_bzero(rq->token, sizeof(rq->token));
	explicit_bzero(rq->cookie, sizeof(rq->cookie));
	if (rq->body.data)
		explicit_bzero(rq->body.data, rq->body.len);
	if (rq->reply.data)
		explicit_bzero(rq->reply.data, rq->reply.len);
	dbuf_fini(&rq->body);
	dbuf_fini(&rq->reply);
	free(rq);
}

void request_fail(struct request *rq, const struct err *e)
{
	json_decref(rq->out);
	rq->out = NULL;
	rq->fixed = NULL;
	rq->etag[0] = rq->attachment[0] = rq->cookie[0] = '\0';
	rq->immutable = false;
	dbuf_clear(&rq->reply);
	if (rq->status < 400)
		rq->status = problem_status(e->code, rq->forbidden);
	strcpy(rq->type, PROBLEM_TYPE);
	/* Out of memory: the status alone says it. */
	(void)problem_write(&rq->reply, rq->status, e);
}
