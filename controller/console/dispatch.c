/* From a complete request to its answer. The credential is checked inside the
 * very job that does the work, so nothing can change in between; whatever a
 * job refuses to a writer is recorded.
 *
 * The request is held by the job until its completion has run. */
#include "controller/console/handlers.h"
#include "proto/base/log.h"

#include <stdlib.h>
#include <string.h>

static enum err_code check_credential(struct store_db *db, struct request *rq,
				      struct err *e)
{
	switch (rq->credential) {
	case CREDENTIAL_BEARER:
		return store_token_check(db, rq->token, &rq->id, e);
	case CREDENTIAL_COOKIE:
		return store_session_check(db, rq->token, &rq->id, e);
	case CREDENTIAL_NONE:
		break;
	}
	return err_set(e, ERR_UNAUTHORISED,
		       "no bearer token and no session cookie");
}

static void note_refusal(struct store_db *db, const struct request *rq,
			 const char *why)
{
	json_t *body = json_pack("{s:s,s:s}", "endpoint", rq->match.route->name,
				 "reason", why);
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	store_note_refusal(db, &rq->who, "access-refused", "",
			   text ? text : "{}");
	free(text);
	json_decref(body);
}

enum err_code dispatch_authorise(struct store_db *db, struct request *rq,
				 struct err *e)
{
	const struct route *r = rq->match.route;
	bool writes = r->kind == KIND_WRITE;
	enum err_code rc;

	snprintf(rq->who.by, sizeof(rq->who.by), "anonymous");
	if (r->roles == ROLE_PUBLIC)
		return ERR_OK;
	rc = check_credential(db, rq, e);
	if (rc) {
		if (writes)
			note_refusal(db, rq, "no valid credential");
		return rc;
	}
	snprintf(rq->who.by, sizeof(rq->who.by), "token:%s", rq->id.name);
	if (!route_allows(r, rq->id.role)) {
		rq->forbidden = true;
		if (writes)
			note_refusal(db, rq, "role");
		return err_set(e, ERR_REFUSED, "the role %s may not do this",
			       rq->id.role);
	}
	if (rq->credential == CREDENTIAL_COOKIE && r->method != METHOD_GET &&
	    !rq->csrf_header) {
		rq->forbidden = true;
		return err_set(e, ERR_REFUSED,
			       "a browser's write needs the header X-Provline");
	}
	return ERR_OK;
}

static enum err_code job_run(struct store_db *db, void *arg, struct err *e)
{
	struct request *rq = arg;
	enum err_code rc = dispatch_authorise(db, rq, e);

	return rc ? rc : handler_get(rq->match.route->id)->run(db, rq, e);
}

/* Bookkeeping at the end of any job of the console. */
static void job_over(struct request *rq)
{
	rq->c->jobs--;
	request_release(rq);
}

static void stream_ended(struct request *rq, const struct err *e)
{
	rq->c->downloads--;
	pipe_end(rq->pipe);
	if (e->code == ERR_OK || !rq->wsi) {
		answer_send(rq);
		return;
	}
	log_warn("DOWNLOAD_FAILED", "endpoint=%s code=%s",
		 rq->match.route->name, err_name(e->code));
	if (rq->begun) {
		rq->failed = true;
	} else {
		pipe_free(rq->pipe);
		rq->pipe = NULL;
		request_fail(rq, e);
	}
	answer_send(rq);
}

static void job_done(void *arg, const struct err *e)
{
	struct request *rq = arg;
	const struct handler *h = handler_get(rq->match.route->id);

	if (rq->match.route->kind == KIND_STREAM) {
		stream_ended(rq, e);
	} else if (e->code) {
		request_fail(rq, e);
		answer_send(rq);
	} else {
		if (h->finish)
			h->finish(rq);
		/* These may have a second job, which answers. */
		if (rq->match.route->kind != KIND_IMPORT &&
		    rq->match.route->kind != KIND_CHUNK)
			answer_send(rq);
	}
	job_over(rq);
}

/* A pipe has bytes: the answer begins, or goes on. */
static void on_pipe(void *arg)
{
	struct request *rq = arg;

	if (rq->wsi)
		answer_send(rq);
}

static enum err_code open_pipe(struct request *rq, struct err *e)
{
	if (rq->c->downloads >= CONSOLE_DOWNLOADS_MAX)
		return err_set(e, ERR_UNREACHABLE,
			       "%u downloads are under way; try again soon",
			       rq->c->downloads);
	rq->pipe = pipe_new(&rq->c->box, on_pipe, rq);
	if (!rq->pipe)
		return err_set(e, ERR_NO_MEMORY, "download");
	rq->c->downloads++;
	return ERR_OK;
}

static enum err_code check_body(struct request *rq, struct err *e)
{
	enum route_body body = rq->match.route->body;
	json_error_t je;

	if (body == BODY_NONE) {
		if (rq->body.len == 0 || !strcmp(dbuf_text(&rq->body), "{}"))
			return ERR_OK;
		return err_set(e, ERR_INPUT, "this endpoint takes no body");
	}
	rq->in = json_loadb(dbuf_text(&rq->body), rq->body.len,
			    JSON_REJECT_DUPLICATES, &je);
	if (!rq->in)
		return err_set(e, ERR_MALFORMED, "not JSON: %s (byte %d)",
			       je.text, je.position);
	return route_check_body(body, rq->in, e);
}

void dispatch_request(struct request *rq)
{
	const struct route *r = rq->match.route;
	const struct handler *h = handler_get(r->id);
	enum err_code rc = ERR_OK;
	struct err e;

	rq->dispatched = true;
	rq->awaiting = false;
	rq->status = r->status;
	snprintf(rq->type, sizeof(rq->type), "%s", r->type);
	if (r->kind != KIND_CHUNK)
		rc = check_body(rq, &e);
	if (!rc && h->prepare)
		rc = h->prepare(rq, &e);
	if (!rc && r->kind == KIND_STREAM)
		rc = open_pipe(rq, &e);
	if (rc) {
		request_fail(rq, &e);
		answer_send(rq);
		return;
	}
	request_hold(rq);
	rq->c->jobs++;
	if (r->kind == KIND_WRITE)
		store_write(rq->c->config.store, job_run, job_done, rq);
	else
		store_read(rq->c->config.store, job_run, job_done, rq);
}

/* ---- only who it is ---- */

struct check {
	struct request *rq;
	void (*on_ok)(struct request *rq);
};

static enum err_code check_run(struct store_db *db, void *arg, struct err *e)
{
	struct check *k = arg;

	return dispatch_authorise(db, k->rq, e);
}

static void check_done(void *arg, const struct err *e)
{
	struct check *k = arg;
	struct request *rq = k->rq;

	if (!e->code) {
		k->on_ok(rq);
	} else {
		rq->drop = true; /* what still comes in is not read */
		request_fail(rq, e);
		answer_send(rq);
	}
	free(k);
	job_over(rq);
}

void dispatch_check(struct request *rq, void (*on_ok)(struct request *rq))
{
	struct check *k = malloc(sizeof(*k));

	if (!k) {
		answer_error(rq, ERR_NO_MEMORY, "request");
		return;
	}
	k->rq = rq;
	k->on_ok = on_ok;
	request_hold(rq);
	rq->c->jobs++;
	store_read(rq->c->config.store, check_run, check_done, k);
}
