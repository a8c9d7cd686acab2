#include "controller/session/private.h"

#include "proto/base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Who may be asked for what: every TO_CONTROLLER row has one line. */
static const struct handler {
	enum msg_type type;
	bool unbound; /* also before the connection has proved its station */
	void (*handle)(struct ask *a, struct peer *p);
} handlers[] = {
	{MSG_HELLO, true, handle_hello},
	{MSG_PROVE, true, handle_prove},
	{MSG_HEARTBEAT, false, handle_heartbeat},
	{MSG_PROGRESS, false, handle_progress},
	{MSG_IMAGE_GET, false, handle_image_get},
	{MSG_PERMIT_GET, false, handle_permit_get},
	{MSG_PERMIT_RENEW, false, handle_permit_renew},
	{MSG_LICENCE_ISSUED, false, handle_licence_issued},
	{MSG_CSR_RELAY, false, handle_csr_relay},
	{MSG_RESULT, false, handle_result},
};

/* ---- one ask's life ---- */

static void ask_clear(struct ask *a)
{
	struct peer *p = peer_find(a->s, a->pipe);

	if (a->counted && p && p->in_hand)
		p->in_hand--;
	msg_free(a->m);
	msg_free(a->reply);
	if (a->wire)
		nng_msg_free(a->wire);
	free(a->content);
	free(a->chunk);
	free(a->cert);
	a->m = a->reply = NULL;
	a->wire = NULL;
	a->content = NULL;
	a->chunk = a->cert = NULL;
	a->pipe = 0;
	a->counted = false;
	a->retry_ms = 0;
	a->receipt = (struct store_receipt){0};
	a->downgraded = a->proven = false;
	a->refusal = (struct err){0};
}

static void finish_close(struct sessions *s);

static void ask_over(struct ask *a)
{
	ask_clear(a);
	a->state = ASK_OVER;
	a->s->asks_n--;
	if (a->s->closing && a->s->asks_n == 0)
		finish_close(a->s);
}

static void ask_receive(struct ask *a)
{
	ask_clear(a);
	if (a->s->closing) {
		ask_over(a);
		return;
	}
	a->state = ASK_RECEIVING;
	nng_aio_set_timeout(a->aio, NNG_DURATION_INFINITE);
	nng_ctx_recv(a->ctx, a->aio);
}

bool ask_prepare(struct ask *a, enum msg_type type)
{
	struct err e;

	assert(!a->reply);
	a->reply = msg_new(type);
	if (a->reply)
		return true;
	err_set(&e, ERR_NO_MEMORY, "answer");
	ask_refuse(a, &e, 0);
	return false;
}

static void ask_send(struct ask *a, const struct msg *m)
{
	struct peer *p = peer_find(a->s, a->pipe);
	uint8_t *wire = NULL;
	size_t len = 0;
	nng_msg *out = NULL;
	struct err e = {0};

	assert(a->state == ASK_WORKING);
	if (a->s->closing) {
		ask_over(a);
		return;
	}
	if (msg_encode(m, &wire, &len, &e) || nng_msg_alloc(&out, 0) ||
	    nng_msg_append(out, wire, len)) {
		log_error("ANSWER_LOST", "type=%s text=\"%s\"",
			  msg_name(m->type), e.text);
		if (out)
			nng_msg_free(out);
		free(wire);
		ask_receive(a); /* the agent's budget runs out, it asks anew */
		return;
	}
	free(wire);
	if (p && !peer_answer(p)) {
		nng_msg_free(out);
		ask_receive(a);
		return;
	}
	a->state = ASK_SENDING;
	nng_aio_set_msg(a->aio, out);
	nng_aio_set_timeout(a->aio, SEND_TIMEOUT_MS);
	nng_ctx_send(a->ctx, a->aio);
}

void ask_reply(struct ask *a)
{
	ask_send(a, a->reply);
}

void ask_refuse(struct ask *a, const struct err *e, uint32_t retry_ms)
{
	struct msg *m = msg_new(MSG_REFUSED);

	if (!m)
		abort();
	msg_refuse(m, e);
	if (retry_ms)
		m->u.REFUSED.retry_ms = retry_ms;
	ask_send(a, m);
	msg_free(m);
}

/* ---- a request arrives ---- */

static const struct handler *find_handler(enum msg_type type)
{
	for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
		if (handlers[i].type == type)
			return &handlers[i];
	}
	return NULL;
}

static enum err_code admit(struct ask *a, struct peer *p, struct err *e)
{
	if (!p)
		return err_set(e, ERR_NOT_BOUND, "the connection is ending");
	a->counted = peer_take(p);
	if (!a->counted) {
		return err_set(e, ERR_TIMEOUT,
			       "too many requests from this connection");
	}
	return msg_decode(&a->m, nng_msg_body(a->wire), nng_msg_len(a->wire),
			  true, e);
}

static void on_request(struct ask *a)
{
	const struct handler *h;
	struct peer *p;
	struct err e = {0};

	a->state = ASK_WORKING;
	a->pipe = (uint32_t)nng_pipe_id(nng_msg_get_pipe(a->wire));
	p = peer_find(a->s, a->pipe);
	if (admit(a, p, &e)) {
		log_warn("REQUEST_REFUSED", "from=%s code=%s",
			 p ? p->from : "-", err_name(e.code));
		ask_refuse(a, &e, 0);
		return;
	}
	h = find_handler(a->m->type);
	assert(h);
	if (!p->bound && !h->unbound) {
		err_set(&e, ERR_NOT_BOUND, "say hello and prove first");
		ask_refuse(a, &e, 0);
		return;
	}
	a->actor = (struct store_unit_actor){0};
	snprintf(a->actor.who.by, sizeof a->actor.who.by, "station:%s",
		 p->station);
	snprintf(a->actor.who.from, sizeof a->actor.who.from, "%s", p->from);
	memcpy(a->actor.station, p->station, sizeof a->actor.station);
	h->handle(a, p);
}

static void on_ask_letter(struct loop_letter *letter)
{
	struct ask *a = (struct ask *)letter;
	struct peer *p = peer_find(a->s, a->pipe);
	int rv = nng_aio_result(a->aio);

	if (a->state == ASK_SENDING) {
		if (p && p->unread)
			p->unread--;
		if (rv) /* a failed send leaves the message with us */
			nng_msg_free(nng_aio_get_msg(a->aio));
		if (rv == NNG_ECLOSED)
			ask_over(a);
		else
			ask_receive(a);
		return;
	}
	assert(a->state == ASK_RECEIVING);
	if (rv == NNG_ECLOSED) {
		ask_over(a);
	} else if (rv) {
		ask_receive(a);
	} else {
		a->wire = nng_aio_get_msg(a->aio);
		on_request(a);
	}
}

/* nng's thread */
static void on_aio(void *arg)
{
	struct ask *a = arg;

	loop_box_post(&a->s->box, &a->letter);
}

/* ---- open ---- */

static int start_asks(struct sessions *s)
{
	for (unsigned i = 0; i < ASKS; i++) {
		struct ask *a = &s->asks[i];
		int rv;

		a->s = s;
		a->letter.fn = on_ask_letter;
		rv = nng_ctx_open(&a->ctx, s->socket);
		if (!rv)
			rv = nng_aio_alloc(&a->aio, on_aio, a);
		if (rv)
			return rv;
		s->asks_n++;
		ask_receive(a);
	}
	return 0;
}

enum err_code sessions_open(struct sessions **out, uv_loop_t *loop,
			    const struct sessions_config *config, struct err *e)
{
	struct sessions *s = calloc(1, sizeof *s);
	enum err_code rc;
	int rv;

	if (!s)
		return err_set(e, ERR_NO_MEMORY, "sessions");
	s->loop = loop;
	s->config = *config;
	snprintf(s->image_dir, sizeof s->image_dir, "%s", config->image_dir);
	rc = loop_box_init(&s->box, loop, e);
	if (rc) {
		free(s);
		return rc;
	}
	rc = listen_start(s, e);
	if (rc) {
		loop_box_close(&s->box, free, s);
		return rc;
	}
	rv = start_asks(s);
	if (rv) {
		sessions_close(s, NULL, NULL);
		return err_set(e, ERR_NO_MEMORY, "%s", nng_strerror(rv));
	}
	*out = s;
	return ERR_OK;
}

/* ---- close ---- */

static void on_box_closed(void *arg)
{
	struct sessions *s = arg;

	peers_free(s);
	lives_free(s);
	for (unsigned i = 0; i < ASKS; i++) {
		if (s->asks[i].aio)
			nng_aio_free(s->asks[i].aio);
	}
	if (s->closed)
		s->closed(s->closed_arg);
	free(s);
}

static void finish_close(struct sessions *s)
{
	loop_box_close(&s->box, on_box_closed, s);
}

void sessions_close(struct sessions *s, void (*closed)(void *arg), void *arg)
{
	assert(!s->closing);
	s->closing = true;
	s->closed = closed;
	s->closed_arg = arg;
	(void)nng_close(s->socket); /* every operation ends with ECLOSED */
	if (s->asks_n == 0)
		finish_close(s);
}

uint16_t sessions_port(const struct sessions *s)
{
	return s->port;
}

void sessions_revoked(struct sessions *s, const char *station)
{
	for (struct peer *p = s->peers; p; p = p->next) {
		if (!p->judged || strcmp(p->station, station) != 0)
			continue;
		log_info("STATION_CUT", "station=%s from=%s", station, p->from);
		if (p->bound)
			live_lost(s, station);
		p->bound = false;
		p->station[0] = '\0'; /* a proof under way is for nobody */
		(void)nng_pipe_close((nng_pipe){p->pipe});
	}
	live_changed(s);
}

void sessions_orders_changed(struct sessions *s)
{
	for (struct live *l = s->lives; l; l = l->next)
		l->cards_new = true;
}
