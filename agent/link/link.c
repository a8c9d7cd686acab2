#include "agent/link/link.h"

#include "agent/link/keys.h"
#include "agent/link/wire.h"
#include "proto/base/hex.h"
#include "proto/base/log.h"

#include <assert.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/tls/tls.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define URLS_MAX	4u
#define PROVE_MS	5000
#define BACKOFF_MIN_MS	100
#define BACKOFF_MAX_MS	4000
#define REBIND_SLICE_MS 50
#define NNG_REDIAL_MS	60000

struct link {
	char station[33];
	char version[33];
	char boot_id[37];
	char server_name[128];
	char *urls[URLS_MAX];
	size_t url_n, url_at;
	struct keys keys;
	struct spool *spool;
	nng_socket sock;
	nng_dialer dialer; /* id 0: none */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	unsigned pipes;	     /* connected now: 0 or 1 */
	unsigned asking;     /* exchanges on the socket */
	uint64_t generation; /* of the connection */
	bool bound;
	bool stopped;
	bool distrusted;  /* the witness spoke */
	pthread_t binder; /* the thread that calls link_service() */
	bool have_binder;
	int64_t heartbeat_ms;
	int64_t backoff_ms;
	struct mono next_dial;
};

/* ---- opening ---- */

/* Later by a random share of a doubling back-off, so that many stations do
 * not come back in one moment. The lock is held. */
static void set_next_dial(struct link *l)
{
	uint32_t r = 0;

	if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
		r = UINT32_MAX / 2;
	l->next_dial =
		mono_after_ms(BACKOFF_MIN_MS / 2 + r % (uint32_t)l->backoff_ms);
	l->backoff_ms = l->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS
							   : l->backoff_ms * 2;
}

static void on_pipe(nng_pipe pipe, nng_pipe_ev ev, void *arg)
{
	struct link *l = arg;

	(void)pipe;
	pthread_mutex_lock(&l->lock);
	if (ev == NNG_PIPE_EV_ADD_POST)
		l->pipes++;
	else if (l->pipes > 0)
		l->pipes--;
	l->generation++;
	l->bound = false;
	if (l->pipes == 0)
		set_next_dial(l);
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

static enum err_code open_socket(struct link *l, struct err *e)
{
	int rc = nng_req0_open(&l->sock);

	if (rc == 0)
		rc = nng_socket_set_size(l->sock, NNG_OPT_RECVMAXSZ,
					 MSG_MAX_BYTES + 4);
	/* link_service() redials, so that it can try the next address and say
	 * why the last one failed */
	if (rc == 0)
		rc = nng_socket_set_ms(l->sock, NNG_OPT_RECONNMINT,
				       NNG_REDIAL_MS);
	if (rc == 0)
		rc = nng_pipe_notify(l->sock, NNG_PIPE_EV_ADD_POST, on_pipe, l);
	if (rc == 0)
		rc = nng_pipe_notify(l->sock, NNG_PIPE_EV_REM_POST, on_pipe, l);
	if (rc != 0)
		return err_set(e, ERR_FAILED, "link: %s", nng_strerror(rc));
	return ERR_OK;
}

static void init_sync(struct link *l)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->changed, &attr);
	pthread_condattr_destroy(&attr);
}

static enum err_code copy_config(struct link *l, const struct link_config *c,
				 struct err *e)
{
	if (c->url_n == 0 || c->url_n > URLS_MAX)
		return err_set(e, ERR_CONFIG, "1 to %u controllers, not %zu",
			       URLS_MAX, c->url_n);
	snprintf(l->station, sizeof(l->station), "%s", c->station);
	snprintf(l->version, sizeof(l->version), "%s", c->agent_version);
	snprintf(l->server_name, sizeof(l->server_name), "%s",
		 c->server_name == NULL ? "" : c->server_name);
	hex_uuid(l->boot_id);
	for (l->url_n = 0; l->url_n < c->url_n; l->url_n++) {
		l->urls[l->url_n] = strdup(c->urls[l->url_n]);
		if (l->urls[l->url_n] == NULL)
			return err_set(e, ERR_NO_MEMORY, "link");
	}
	return ERR_OK;
}

enum err_code link_open(struct link **out, const struct link_config *c,
			struct spool *spool, struct err *e)
{
	struct link *l = calloc(1, sizeof(*l));
	enum err_code rc;

	*out = NULL;
	if (l == NULL)
		return err_set(e, ERR_NO_MEMORY, "link");
	init_sync(l);
	l->spool = spool;
	l->heartbeat_ms = 1000;
	l->backoff_ms = BACKOFF_MIN_MS;
	l->next_dial = mono_now();
	rc = keys_load(&l->keys, c->data_dir, c->station, e);
	if (rc == ERR_OK)
		rc = copy_config(l, c, e);
	if (rc == ERR_OK)
		rc = open_socket(l, e);
	if (rc != ERR_OK) {
		link_close(l);
		return rc;
	}
	*out = l;
	return ERR_OK;
}

void link_stop(struct link *l)
{
	/* Exchanges end as when the connection breaks, and only then the socket
	 * is closed, which ends a dialling under way: nng 1.5 frees the socket
	 * under an exchange that begins just now. */
	pthread_mutex_lock(&l->lock);
	l->stopped = true;
	l->generation++;
	pthread_cond_broadcast(&l->changed);
	while (l->asking > 0)
		(void)pthread_cond_wait(&l->changed, &l->lock);
	pthread_mutex_unlock(&l->lock);
	(void)nng_close(l->sock);
}

void link_close(struct link *l)
{
	if (l == NULL)
		return;
	if (!l->stopped && nng_socket_id(l->sock) > 0)
		link_stop(l);
	for (size_t i = 0; i < l->url_n; i++)
		free(l->urls[i]);
	keys_fini(&l->keys);
	pthread_cond_destroy(&l->changed);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* ---- state, read by all ---- */

bool link_bound(struct link *l)
{
	bool bound;

	pthread_mutex_lock(&l->lock);
	bound = l->bound;
	pthread_mutex_unlock(&l->lock);
	return bound;
}

int64_t link_heartbeat_ms(struct link *l)
{
	int64_t ms;

	pthread_mutex_lock(&l->lock);
	ms = l->heartbeat_ms;
	pthread_mutex_unlock(&l->lock);
	return ms;
}

int64_t link_service_in_ms(struct link *l)
{
	int64_t ms = BACKOFF_MAX_MS;

	pthread_mutex_lock(&l->lock);
	if (l->pipes == 0)
		ms = mono_left_ms(l->next_dial);
	else if (!l->bound)
		ms = REBIND_SLICE_MS;
	pthread_mutex_unlock(&l->lock);
	return ms;
}

/* The one thread that could bind must not wait for that. */
static bool is_binder(const struct link *l)
{
	return l->have_binder && pthread_equal(l->binder, pthread_self());
}

/* Wait until bound; gives the generation that is. */
static enum err_code await_bound(struct link *l, struct mono deadline,
				 uint64_t *generation, struct err *e)
{
	struct timespec until = {.tv_sec = deadline.ns / 1000000000,
				 .tv_nsec = deadline.ns % 1000000000};
	enum err_code rc = ERR_OK;

	pthread_mutex_lock(&l->lock);
	while (!l->bound && !l->stopped && !is_binder(l) &&
	       !mono_passed(deadline))
		(void)pthread_cond_timedwait(&l->changed, &l->lock, &until);
	if (l->stopped)
		rc = err_set(e, ERR_CANCELLED, "the agent stops");
	else if (!l->bound && l->distrusted)
		rc = err_set(e, ERR_INTEGRITY,
			     "the controller's record is not trusted");
	else if (!l->bound)
		rc = err_set(e, ERR_UNREACHABLE,
			     "no connection to the controller");
	*generation = l->generation;
	pthread_mutex_unlock(&l->lock);
	return rc;
}

static void unbind(struct link *l, uint64_t generation)
{
	pthread_mutex_lock(&l->lock);
	if (l->generation == generation)
		l->bound = false;
	pthread_mutex_unlock(&l->lock);
}

/* ---- asking ---- */

void link_reply_fini(struct link_reply *r)
{
	msg_free(r->m);
	free(r->wire);
	*r = (struct link_reply){0};
}

/* A REFUSED answer as the error it names. */
static enum err_code refused(const struct msg_REFUSED *r, struct err *e)
{
	enum err_code code = err_from_name(r->code);

	return err_set(e, code == ERR_OK ? ERR_FAILED : code, "%s", r->text);
}

/* NULL when the message is not about one. */
static const char *attempt_of(const struct msg *m)
{
	switch (m->type) {
	case MSG_PERMIT_GET:
		return m->u.PERMIT_GET.attempt;
	case MSG_PERMIT:
		return m->u.PERMIT.attempt;
	case MSG_LICENCE_ISSUED:
		return m->u.LICENCE_ISSUED.attempt;
	case MSG_CSR_RELAY:
		return m->u.CSR_RELAY.attempt;
	case MSG_CERTIFICATE:
		return m->u.CERTIFICATE.attempt;
	case MSG_RESULT:
		return m->u.RESULT.attempt;
	case MSG_RECORDED:
		return m->u.RECORDED.attempt;
	default:
		return NULL;
	}
}

/* What is taken for recorded leaves the spool, so it must be the very one. */
static bool is_about(const struct msg *request, const struct msg *reply)
{
	const char *asked = attempt_of(request), *got = attempt_of(reply);

	return asked == NULL || got == NULL || strcmp(asked, got) == 0;
}

static enum err_code judge_reply(const struct msg *request,
				 struct link_reply *reply, struct err *e)
{
	enum err_code rc;

	if (reply->m->type == MSG_REFUSED)
		rc = refused(&reply->m->u.REFUSED, e);
	else if (reply->m->type != msg_reply(request->type))
		rc = err_set(e, ERR_MALFORMED, "%s answered by %s",
			     msg_name(request->type), msg_name(reply->m->type));
	else if (!is_about(request, reply->m))
		rc = err_set(e, ERR_MALFORMED, "%s answered for attempt %s",
			     msg_name(request->type), attempt_of(reply->m));
	else
		return ERR_OK;
	link_reply_fini(reply);
	return rc;
}

static bool begin_asking(struct link *l)
{
	bool may;

	pthread_mutex_lock(&l->lock);
	may = !l->stopped;
	l->asking += may;
	pthread_mutex_unlock(&l->lock);
	return may;
}

static void end_asking(struct link *l)
{
	pthread_mutex_lock(&l->lock);
	l->asking--;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

/* One exchange on this connection and no other. */
static enum err_code ask(struct link *l, uint64_t generation,
			 const struct msg *request, struct link_reply *reply,
			 struct mono deadline, struct err *e)
{
	struct wire_line line = {.lock = &l->lock,
				 .changed = &l->changed,
				 .generation = &l->generation,
				 .expected = generation};
	uint8_t *wire = NULL;
	size_t wire_len = 0, got_len = 0;
	enum err_code rc;

	*reply = (struct link_reply){0};
	rc = msg_encode(request, &wire, &wire_len, e);
	if (rc != ERR_OK)
		return rc;
	if (begin_asking(l)) {
		rc = wire_exchange(l->sock, &line, wire, wire_len, &reply->wire,
				   &got_len, deadline, e);
		end_asking(l);
	} else {
		rc = err_set(e, ERR_CANCELLED, "the agent stops");
	}
	free(wire);
	if (rc == ERR_OK)
		rc = msg_decode(&reply->m, reply->wire, got_len, false, e);
	if (rc != ERR_OK) {
		link_reply_fini(reply);
		return rc;
	}
	return judge_reply(request, reply, e);
}

enum err_code link_call(struct link *l, const struct msg *request,
			struct link_reply *reply, struct mono deadline,
			struct err *e)
{
	uint64_t generation;
	enum err_code rc;

	for (;;) {
		rc = await_bound(l, deadline, &generation, e);
		if (rc != ERR_OK)
			return rc;
		rc = ask(l, generation, request, reply, deadline, e);
		if (rc != ERR_NOT_BOUND)
			return rc;
		/* the connection broke, or forgot who we are */
		unbind(l, generation);
	}
}

/* ---- binding; one thread only ---- */

static enum err_code hello(struct link *l, uint64_t generation,
			   uint8_t nonce[32], struct err *e)
{
	struct msg *m = msg_new(MSG_HELLO);
	struct link_reply r = {0};
	enum err_code rc;

	if (m == NULL)
		return err_set(e, ERR_NO_MEMORY, "link");
	snprintf(m->u.HELLO.station, sizeof(m->u.HELLO.station), "%s",
		 l->station);
	snprintf(m->u.HELLO.agent_version, sizeof(m->u.HELLO.agent_version),
		 "%s", l->version);
	memcpy(m->u.HELLO.boot_id, l->boot_id, sizeof(l->boot_id));
	rc = ask(l, generation, m, &r, mono_after_ms(PROVE_MS), e);
	if (rc == ERR_OK && !hex_decode(nonce, 32, r.m->u.CHALLENGE.nonce))
		rc = err_set(e, ERR_MALFORMED, "empty challenge");
	link_reply_fini(&r);
	msg_free(m);
	return rc;
}

static enum err_code prove(struct link *l, uint64_t generation,
			   const uint8_t nonce[32], struct msg_WELCOME *welcome,
			   struct err *e)
{
	struct msg *m = msg_new(MSG_PROVE);
	struct link_reply r = {0};
	enum err_code rc;

	if (m == NULL)
		return err_set(e, ERR_NO_MEMORY, "link");
	snprintf(m->u.PROVE.station, sizeof(m->u.PROVE.station), "%s",
		 l->station);
	hex_encode(m->u.PROVE.nonce, nonce, 32);
	rc = keys_prove(&l->keys, nonce, l->station, m->u.PROVE.signature,
			&m->u.PROVE.signature_len, e);
	if (rc == ERR_OK)
		rc = ask(l, generation, m, &r, mono_after_ms(PROVE_MS), e);
	if (rc == ERR_OK)
		*welcome = r.m->u.WELCOME;
	link_reply_fini(&r);
	msg_free(m);
	return rc;
}

static enum err_code welcome_check(struct link *l, const struct msg_WELCOME *w,
				   struct err *e)
{
	enum err_code rc;

	rc = spool_witness(l->spool, w->checkpoint_seq, w->checkpoint_hash, e);
	if (rc == ERR_INTEGRITY) {
		log_error("LINK_DISTRUST", "reason=\"%s\"",
			  e == NULL ? "" : e->text);
		pthread_mutex_lock(&l->lock);
		l->distrusted = true;
		pthread_mutex_unlock(&l->lock);
	}
	return rc;
}

static enum err_code bind_station(struct link *l, struct err *e)
{
	struct msg_WELCOME w;
	uint64_t generation;
	uint8_t nonce[32];
	enum err_code rc;

	pthread_mutex_lock(&l->lock);
	generation = l->generation;
	pthread_mutex_unlock(&l->lock);
	rc = hello(l, generation, nonce, e);
	if (rc == ERR_OK)
		rc = prove(l, generation, nonce, &w, e);
	if (rc == ERR_OK)
		rc = welcome_check(l, &w, e);
	if (rc != ERR_OK)
		return rc;
	pthread_mutex_lock(&l->lock);
	if (l->generation == generation && l->pipes > 0) {
		l->bound = true;
		l->backoff_ms = BACKOFF_MIN_MS;
		if (w.heartbeat_ms >= 100)
			l->heartbeat_ms = (int64_t)w.heartbeat_ms;
		pthread_cond_broadcast(&l->changed);
	} else {
		rc = err_set(e, ERR_UNREACHABLE, "the connection broke");
	}
	pthread_mutex_unlock(&l->lock);
	if (rc == ERR_OK)
		log_info("LINK_BOUND", "station=%s session=%s", l->station,
			 w.session);
	return rc;
}

/* ---- dialling; one thread only ---- */

static void back_off(struct link *l)
{
	pthread_mutex_lock(&l->lock);
	set_next_dial(l);
	pthread_mutex_unlock(&l->lock);
}

static void hang_up(struct link *l)
{
	if (nng_dialer_id(l->dialer) > 0)
		(void)nng_dialer_close(l->dialer);
	l->dialer = (nng_dialer)NNG_DIALER_INITIALIZER;
}

static enum err_code dial(struct link *l, struct err *e)
{
	const char *url = l->urls[l->url_at];
	int rc;

	hang_up(l);
	l->url_at = (l->url_at + 1) % l->url_n;
	rc = nng_dialer_create(&l->dialer, l->sock, url);
	if (rc == 0)
		rc = wire_set_tls(l->dialer, url, l->server_name, &l->keys);
	if (rc == 0)
		rc = nng_dialer_start(l->dialer, 0);
	if (rc == 0)
		return ERR_OK;
	hang_up(l);
	if (rc == NNG_ECLOSED)
		return err_set(e, ERR_CANCELLED, "the agent stops");
	if (rc == NNG_EPEERAUTH || rc == NNG_ECRYPTO)
		return err_set(e, ERR_UNAUTHORISED,
			       "%s: TLS: %s (certificates of another "
			       "controller?)",
			       url, nng_strerror(rc));
	return err_set(e, ERR_UNREACHABLE, "%s: %s", url, nng_strerror(rc));
}

enum err_code link_service(struct link *l, struct err *e)
{
	bool bound, connected, due, stopped, distrusted;
	enum err_code rc = ERR_OK;

	pthread_mutex_lock(&l->lock);
	l->binder = pthread_self();
	l->have_binder = true;
	bound = l->bound;
	connected = l->pipes > 0;
	due = mono_passed(l->next_dial);
	stopped = l->stopped;
	distrusted = l->distrusted;
	pthread_mutex_unlock(&l->lock);
	if (stopped)
		return err_set(e, ERR_CANCELLED, "the agent stops");
	if (distrusted)
		return err_set(e, ERR_INTEGRITY,
			       "the controller's record is "
			       "not the one this station "
			       "has seen");
	if (bound)
		return ERR_OK;
	if (!connected && !due)
		return err_set(e, ERR_UNREACHABLE,
			       "no connection to the controller");
	if (!connected)
		rc = dial(l, e);
	if (rc == ERR_OK)
		rc = bind_station(l, e);
	if (rc != ERR_OK) {
		hang_up(l);
		back_off(l);
	}
	return rc;
}
