/* Live readers. The status is built once for all of them, at most every
 * CONSOLE_STATUS_MS and only while somebody reads and something changed. Of
 * the status a reader only ever has the newest waiting; log lines wait in a
 * bounded queue, and whoever lets that fill up is dropped: on reconnecting it
 * gets the whole status again. Nothing is sent before the credential has been
 * checked. */
#include "proto/base/openssl_names.h"

#include "controller/console/handlers.h"
#include "proto/base/log.h"

#include <assert.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_MAX_BYTES 262144u
#define MESSAGE_PRE	LWS_PRE

/* A message that several readers share. */
struct text {
	unsigned refs;
	size_t len;
	char *bytes; /* behind LWS_PRE bytes of room */
};

struct line {
	struct line *next;
	struct text *text;
};

struct watcher {
	struct console *c;
	struct watcher *next;
	struct lws *wsi;    /* NULL: gone, the check is still under way */
	struct request *rq; /* until the credential is checked */
	bool admitted, checking, refused;
	struct text *status; /* the newest that was not sent */
	struct line *first, *last;
	size_t queued_bytes;
};

static struct text *text_new(const json_t *value)
{
	char *dump = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(9));
	struct text *t = dump ? malloc(sizeof(*t)) : NULL;

	if (t) {
		t->refs = 1;
		t->len = strlen(dump);
		t->bytes = malloc(MESSAGE_PRE + t->len);
		if (t->bytes)
			memcpy(t->bytes + MESSAGE_PRE, dump, t->len);
	}
	free(dump);
	if (t && !t->bytes) {
		free(t);
		t = NULL;
	}
	return t;
}

static void text_release(struct text *t)
{
	if (!t || --t->refs)
		return;
	free(t->bytes);
	free(t);
}

static void watcher_wake(struct watcher *w)
{
	if (w->wsi && (w->admitted || w->refused))
		lws_callback_on_writable(w->wsi);
}

static void watcher_set_status(struct watcher *w, struct text *t)
{
	text_release(w->status);
	w->status = t;
	t->refs++;
	watcher_wake(w);
}

static void watcher_add(struct watcher *w, struct text *t)
{
	struct line *line;

	if (w->refused || !w->admitted)
		return;
	if (w->queued_bytes + t->len > QUEUE_MAX_BYTES ||
	    !(line = malloc(sizeof(*line)))) {
		log_warn("STREAM_DROPPED", "reason=slow queued_bytes=%zu",
			 w->queued_bytes);
		w->refused = true;
		watcher_wake(w);
		return;
	}
	line->next = NULL;
	line->text = t;
	t->refs++;
	if (w->last)
		w->last->next = line;
	else
		w->first = line;
	w->last = line;
	w->queued_bytes += t->len;
	watcher_wake(w);
}

static struct text *watcher_take(struct watcher *w)
{
	struct line *line = w->first;
	struct text *t = w->status;

	if (t) {
		w->status = NULL;
		return t;
	}
	if (!line)
		return NULL;
	t = line->text;
	w->first = line->next;
	if (!w->first)
		w->last = NULL;
	w->queued_bytes -= t->len;
	free(line);
	return t;
}

static void watcher_destroy(struct watcher *w)
{
	struct text *t;

	while ((t = watcher_take(w)))
		text_release(t);
	if (w->rq)
		request_release(w->rq);
	free(w);
}

/* ---- who may read ---- */

static enum err_code check_run(struct store_db *db, void *arg, struct err *e)
{
	struct watcher *w = arg;

	return dispatch_authorise(db, w->rq, e);
}

static void check_done(void *arg, const struct err *e)
{
	struct watcher *w = arg;

	w->c->jobs--;
	w->checking = false;
	request_release(w->rq);
	w->rq = NULL;
	if (!w->wsi) {
		watcher_destroy(w);
		return;
	}
	w->admitted = e->code == ERR_OK;
	w->refused = !w->admitted;
	if (w->refused)
		log_warn("STREAM_REFUSED", "code=%s", err_name(e->code));
	watcher_wake(w);
	console_changed(w->c); /* the first status */
}

struct watcher *watcher_new(struct console *c, struct lws *wsi,
			    struct request *rq)
{
	struct watcher *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->c = c;
	w->wsi = wsi;
	w->rq = rq;
	request_hold(rq);
	w->next = c->watchers;
	c->watchers = w;
	c->watchers_n++;
	w->checking = true;
	c->jobs++;
	store_read(c->config.store, check_run, check_done, w);
	return w;
}

void watcher_free(struct watcher *w)
{
	struct watcher **at;

	if (!w)
		return;
	for (at = &w->c->watchers; *at != w; at = &(*at)->next)
		assert(*at);
	*at = w->next;
	w->c->watchers_n--;
	w->wsi = NULL;
	if (!w->checking)
		watcher_destroy(w);
}

int watcher_writeable(struct watcher *w)
{
	struct text *t;
	int rc;

	if (w->refused) {
		enum lws_close_status why =
			w->admitted ? LWS_CLOSE_STATUS_POLICY_VIOLATION + 5
				    : LWS_CLOSE_STATUS_POLICY_VIOLATION;
		/* 1013 "try again later" (RFC 6455 registry) for slow ones */
		lws_close_reason(w->wsi, why, NULL, 0);
		return -1;
	}
	t = watcher_take(w);
	if (!t)
		return 0;
	rc = lws_write(w->wsi, (uint8_t *)t->bytes + MESSAGE_PRE, t->len,
		       LWS_WRITE_TEXT);
	text_release(t);
	if (rc < 0)
		return -1;
	if (w->status || w->first)
		lws_callback_on_writable(w->wsi);
	return 0;
}

/* ---- what they read ---- */

struct status_job {
	struct console *c;
	json_t *facts;
};

static enum err_code status_run(struct store_db *db, void *arg, struct err *e)
{
	struct status_job *j = arg;

	j->facts = status_facts(j->c, db, e);
	return j->facts ? ERR_OK : e->code;
}

static void on_status_timer(uv_timer_t *t);

static void status_done(void *arg, const struct err *e)
{
	struct status_job *j = arg;
	struct console *c = j->c;
	struct text *t = NULL;

	c->jobs--;
	c->status_running = false;
	if (!e->code && !c->closing) {
		live_merge(c, j->facts);
		t = text_new(j->facts);
	} else if (e->code) {
		log_warn("STATUS_FAILED", "code=%s", err_name(e->code));
	}
	for (struct watcher *w = c->watchers; t && w; w = w->next)
		watcher_set_status(w, t);
	text_release(t);
	json_decref(j->facts);
	free(j);
	if (!c->closing)
		uv_timer_start(&c->status_timer, on_status_timer,
			       CONSOLE_STATUS_MS, 0);
}

static void status_start(struct console *c)
{
	struct status_job *j;

	if (c->status_running || !c->status_dirty || !c->watchers ||
	    c->closing || uv_is_active((uv_handle_t *)&c->status_timer))
		return;
	j = calloc(1, sizeof(*j));
	if (!j)
		return; /* the next change tries again */
	j->c = c;
	c->status_dirty = false;
	c->status_running = true;
	c->jobs++;
	store_read(c->config.store, status_run, status_done, j);
}

static void on_status_timer(uv_timer_t *t)
{
	status_start(t->data);
}

void console_changed(struct console *c)
{
	c->status_dirty = true;
	status_start(c);
}

void console_log(struct console *c, const char *station, const char *harness,
		 const char *attempt, const char *text)
{
	json_t *value;
	struct text *t;

	if (!c->watchers)
		return;
	value = json_pack("{s:s,s:s,s:s,s:s,s:s}", "type", "log", "station",
			  station, "harness", harness, "attempt", attempt,
			  "text", text);
	t = value ? text_new(value) : NULL;
	for (struct watcher *w = c->watchers; t && w; w = w->next)
		watcher_add(w, t);
	text_release(t);
	json_decref(value);
}

void stream_init(struct console *c)
{
	uv_timer_init(c->loop, &c->status_timer);
	c->status_timer.data = c;
}

void stream_fini(struct console *c)
{
	uv_timer_stop(&c->status_timer);
}
