/* States of a job: sending (an easy handle is in the multi), waiting (its
 * timer runs until the next try), done. job_settle() alone ends one, from the
 * loop, never inside enrol_certificate(). The budget covers all tries and all
 * waits together; a try is only begun while some of it is left.
 *
 * libcurl drives its sockets through uv_poll handles and one uv_timer
 * (est_http.c); this file decides what an answer means. */
#include "controller/enrol/est_http.h"

#include "controller/enrol/est_reply.h"
#include "proto/base/hex.h"
#include "proto/base/log.h"
#include "proto/base/mono.h"
#include "proto/base/secret.h"
#include "proto/base/wall.h"

#include <assert.h>
#include <ctype.h>
#include <mbedtls/base64.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_BUDGET_MS 20000
#define DEFAULT_IN_FLIGHT 64
#define FIRST_BACKOFF_MS  250
#define MAX_BACKOFF_MS	  4000
#define MIN_TRY_MS	  50
#define SAID_MAX	  160 /* of the cloud's own text */

struct job {
	struct enrol *en;
	struct job *next;
	uv_timer_t timer;
	struct http_call call;
	bool want_ca;
	bool connected_once; /* the cloud answered something */
	unsigned tries;
	struct mono deadline;
	uint8_t csr[CSR_MAX_BYTES];
	size_t csr_len;
	char *request; /* base64 of csr */
	enrol_done *done;
	void *arg;
	struct err last; /* why the last try did not do */
};

struct enrol {
	uv_loop_t *loop;
	struct http *http;
	unsigned budget_ms, in_flight_max, in_flight, closing_timers;
	struct job *jobs;
	void (*closed)(void *arg);
	void *closed_arg;
	bool closing, http_closed;
};

static void job_try(struct job *j);

static void enrol_maybe_freed(struct enrol *en)
{
	if (!en->closing || !en->http_closed || en->in_flight ||
	    en->closing_timers)
		return;
	if (en->closed)
		en->closed(en->closed_arg);
	free(en);
}

static void on_timer_closed(uv_handle_t *h)
{
	struct job *j = h->data;
	struct enrol *en = j->en;

	free(j->request);
	free(j);
	en->closing_timers--;
	enrol_maybe_freed(en);
}

/* The one end of a job. */
static void job_settle(struct job *j, struct enrol_reply *reply)
{
	struct enrol *en = j->en;
	struct job **at = &en->jobs;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	en->in_flight--;
	en->closing_timers++;
	http_cancel(&j->call);
	j->done(j->arg, reply);
	uv_close((uv_handle_t *)&j->timer, on_timer_closed);
}

static void job_fail(struct job *j, const struct err *e)
{
	struct enrol_reply reply = {.code = e->code, .err = e};

	log_warn("ENROL_FAILED", "code=%s tries=%u", err_name(e->code),
		 j->tries);
	job_settle(j, &reply);
}

static void on_timer(uv_timer_t *t)
{
	job_try(t->data);
}

/* Again after wait_ms when the budget allows, else *e is the end of it. */
static void job_again(struct job *j, int64_t wait_ms, const struct err *e)
{
	struct err end = *e;

	j->last = *e;
	if (wait_ms + MIN_TRY_MS < mono_left_ms(j->deadline)) {
		uv_timer_start(&j->timer, on_timer, (uint64_t)wait_ms, 0);
		return;
	}
	job_fail(j, &end);
}

static int64_t job_backoff_ms(const struct job *j)
{
	int64_t ms = FIRST_BACKOFF_MS;

	for (unsigned i = 1; i < j->tries && ms < MAX_BACKOFF_MS; i++)
		ms *= 2;
	return ms < MAX_BACKOFF_MS ? ms : MAX_BACKOFF_MS;
}

/* The cloud's own words, made fit for one line of text. */
static void said(char out[SAID_MAX + 1], const struct http_answer *a)
{
	size_t n = 0;

	for (size_t i = 0; i < a->body_len && n < SAID_MAX; i++) {
		unsigned char c = (unsigned char)a->body[i];

		if (c >= 0x20 && c < 0x7f)
			out[n++] = (char)c;
		else if (n && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	while (n && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
	if (!n)
		strcpy(out, "no text");
}

static void job_take(struct job *j, const struct http_answer *a)
{
	struct enrol_reply reply = {.code = ERR_OK};
	struct dbuf out;
	struct err e;
	enum err_code rc;

	dbuf_init(&out, 4 * ENROL_REPLY_MAX_BYTES);
	rc = j->want_ca ? est_reply_ca_certs(a->body, a->body_len, &out, &e)
			: est_reply_certificate(a->body, a->body_len, j->csr,
						j->csr_len, &out, &reply, &e);
	if (rc) {
		err_prefix(&e, "the cloud's answer");
		job_fail(j, &e);
	} else {
		reply.cert = j->want_ca ? NULL : out.data;
		reply.cert_len = j->want_ca ? 0 : out.len;
		reply.ca_pem = j->want_ca ? dbuf_text(&out) : NULL;
		job_settle(j, &reply);
	}
	dbuf_fini(&out);
}

/* 202: the CA wants a person to look first (RFC 7030 4.2.3). */
static void job_pending(struct job *j, const struct http_answer *a)
{
	int s = est_retry_after_s(a->retry_after, wall_now_ms());
	struct err e;

	err_set(&e, ERR_TIMEOUT,
		"the cloud has not decided within the time allowed");
	job_again(j, s < 0 ? job_backoff_ms(j) : s * INT64_C(1000), &e);
}

static void job_unwell(struct job *j, const struct http_answer *a)
{
	int s = est_retry_after_s(a->retry_after, wall_now_ms());
	char text[SAID_MAX + 1];
	struct err e;

	said(text, a);
	err_set(&e, ERR_CLOUD, "the cloud answered %ld: %s", a->status, text);
	if (a->status == 500 || a->status == 501)
		job_fail(j, &e);
	else
		job_again(j, s < 0 ? job_backoff_ms(j) : s * INT64_C(1000), &e);
}

static void job_refused(struct job *j, const struct http_answer *a)
{
	char text[SAID_MAX + 1];
	struct err e;

	said(text, a);
	if (a->status == 401 || a->status == 403) {
		err_set(&e, ERR_CLOUD, "the cloud answered %ld: %s", a->status,
			text);
		err_hint(&e, "check the controller's cloud user and password");
	} else if (a->status == 404) {
		err_set(&e, ERR_CLOUD, "the cloud answered 404: %s", text);
		err_hint(&e, "check the EST URL in the configuration");
	} else {
		err_set(&e, ERR_REFUSED, "the cloud refused (%ld): %s",
			a->status, text);
	}
	job_fail(j, &e);
}

/* No HTTP answer at all. */
static void job_no_answer(struct job *j, const struct http_answer *a)
{
	struct err e;

	if (a->fatal) {
		err_set(&e, ERR_CLOUD, "no trust in the cloud: %s", a->error);
		err_hint(&e, "check the cloud's CA file and address");
		job_fail(j, &e);
		return;
	}
	/* cut short by the budget: what the cloud said before tells more */
	if (a->timed_out && j->last.code == ERR_CLOUD) {
		e = j->last;
		job_fail(j, &e);
		return;
	}
	if (a->timed_out && j->connected_once)
		err_set(&e, ERR_TIMEOUT, "the cloud does not answer: %s",
			a->error);
	else
		err_set(&e, ERR_UNREACHABLE, "the cloud: %s", a->error);
	job_again(j, job_backoff_ms(j), &e);
}

static void on_answer(void *arg, const struct http_answer *a)
{
	struct job *j = arg;

	if (a->connected)
		j->connected_once = true;
	if (a->status == 200)
		job_take(j, a);
	else if (a->status == 202 && !j->want_ca)
		job_pending(j, a);
	else if (a->status == 429 || a->status >= 500)
		job_unwell(j, a);
	else if (a->status >= 400)
		job_refused(j, a);
	else if (a->status)
		job_refused(j, a); /* 1xx, 3xx: not followed, see http_send */
	else
		job_no_answer(j, a);
}

static void job_try(struct job *j)
{
	struct err e;

	j->tries++;
	if (http_send(j->en->http, &j->call,
		      j->want_ca ? "/cacerts" : "/simpleenroll",
		      j->want_ca ? NULL : j->request, mono_left_ms(j->deadline),
		      &e))
		job_fail(j, &e);
}

static enum err_code job_start(struct enrol *en, struct job *j, struct err *e)
{
	if (!j)
		return err_set(e, ERR_NO_MEMORY, "certificate request");
	if (en->closing || en->in_flight >= en->in_flight_max) {
		free(j->request);
		free(j);
		return err_set(e, ERR_UNREACHABLE,
			       "%u certificate requests are under way already",
			       en->in_flight);
	}
	j->en = en;
	j->deadline = mono_after_ms(en->budget_ms);
	j->call.answered = on_answer;
	j->call.arg = j;
	uv_timer_init(en->loop, &j->timer);
	j->timer.data = j;
	j->next = en->jobs;
	en->jobs = j;
	en->in_flight++;
	/* From the loop, so that the completion cannot run in this call. */
	uv_timer_start(&j->timer, on_timer, 0, 0);
	return ERR_OK;
}

static char *to_base64(const uint8_t *data, size_t len)
{
	size_t need = 4 * ((len + 2) / 3) + 1, got;
	char *out = malloc(need);

	if (out && mbedtls_base64_encode((uint8_t *)out, need, &got, data, len))
		assert(!"sized above");
	return out;
}

enum err_code enrol_certificate(struct enrol *en, const uint8_t *csr,
				size_t csr_len, enrol_done *done, void *arg,
				struct err *e)
{
	struct job *j;

	if (!csr_len || csr_len > CSR_MAX_BYTES)
		return err_set(e, ERR_MALFORMED, "a request of %zu bytes",
			       csr_len);
	j = calloc(1, sizeof(*j));
	if (j) {
		memcpy(j->csr, csr, csr_len);
		j->csr_len = csr_len;
		j->done = done;
		j->arg = arg;
		j->request = to_base64(csr, csr_len);
		if (!j->request) {
			free(j);
			j = NULL;
		}
	}
	return job_start(en, j, e);
}

enum err_code enrol_ca_certs(struct enrol *en, enrol_done *done, void *arg,
			     struct err *e)
{
	struct job *j = calloc(1, sizeof(*j));

	if (j) {
		j->want_ca = true;
		j->done = done;
		j->arg = arg;
	}
	return job_start(en, j, e);
}

enum err_code enrol_open(struct enrol **out, uv_loop_t *loop,
			 const struct enrol_config *config, struct err *e)
{
	struct enrol *en = calloc(1, sizeof(*en));
	enum err_code rc;

	if (!en)
		return err_set(e, ERR_NO_MEMORY, "EST client");
	en->loop = loop;
	en->budget_ms =
		config->budget_ms ? config->budget_ms : DEFAULT_BUDGET_MS;
	en->in_flight_max = config->in_flight_max ? config->in_flight_max
						  : DEFAULT_IN_FLIGHT;
	rc = http_open(&en->http, loop, config, e);
	if (rc) {
		free(en);
		return rc;
	}
	*out = en;
	return ERR_OK;
}

static void on_http_closed(void *arg)
{
	struct enrol *en = arg;

	en->http_closed = true;
	enrol_maybe_freed(en);
}

void enrol_close(struct enrol *en, void (*closed)(void *arg), void *arg)
{
	struct err e;

	en->closing = true;
	en->closed = closed;
	en->closed_arg = arg;
	err_set(&e, ERR_CANCELLED, "the controller is stopping");
	while (en->jobs)
		job_fail(en->jobs, &e);
	http_close(en->http, on_http_closed, en);
}
