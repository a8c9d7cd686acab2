/* A connection proves which station it speaks for. It may do so once: a proof
 * is judged by a job, and what the connection says it is must stay the same
 * until then; and a proof that fails goes on record, which must not be had
 * for less than a connection. An agent whose proof is refused hangs up. */
#include "controller/session/private.h"

#include "controller/store/store_access.h"
#include "controller/store/store_report.h"
#include "proto/base/hex.h"
#include "proto/base/log.h"
#include "proto/base/secret.h"

#include <mbedtls/sha256.h>
#include <mbedtls/x509_crt.h>
#include <stdlib.h>
#include <string.h>

#define LABEL "provline-station-v1"

void handle_hello(struct ask *a, struct peer *p)
{
	const struct msg_HELLO *m = &a->m->u.HELLO;
	struct secret s = {0};
	struct err e = {0};

	if (p->judged) {
		err_set(&e, ERR_STATE,
			"a connection proves its station once only");
		ask_refuse(a, &e, 0);
		return;
	}
	if (secret_random(&s, 32, &e)) {
		ask_refuse(a, &e, 0);
		return;
	}
	hex_encode(p->nonce, s.bytes, s.len);
	secret_fini(&s);
	memcpy(p->station, m->station, sizeof p->station);
	memcpy(p->agent_version, m->agent_version, sizeof p->agent_version);
	if (!ask_prepare(a, MSG_CHALLENGE))
		return;
	memcpy(a->reply->u.CHALLENGE.nonce, p->nonce, sizeof p->nonce);
	ask_reply(a);
}

static bool signature_ok(const struct store_station *st,
			 const struct msg_PROVE *m)
{
	mbedtls_x509_crt crt;
	uint8_t text[sizeof LABEL - 1 + 32 + STORE_NAME_SIZE];
	uint8_t digest[32];
	size_t len = sizeof LABEL - 1, name_len = strlen(m->station);
	bool ok;

	memcpy(text, LABEL, len);
	if (!hex_decode(text + len, 32, m->nonce))
		return false;
	len += 32;
	memcpy(text + len, m->station, name_len);
	mbedtls_sha256_ret(text, len + name_len, digest, 0);
	mbedtls_x509_crt_init(&crt);
	ok = mbedtls_x509_crt_parse_der(&crt, st->cert, st->cert_len) == 0 &&
	     mbedtls_pk_can_do(&crt.pk, MBEDTLS_PK_ECDSA) &&
	     mbedtls_pk_verify(&crt.pk, MBEDTLS_MD_SHA256, digest,
			       sizeof digest, m->signature,
			       m->signature_len) == 0;
	mbedtls_x509_crt_free(&crt);
	return ok;
}

/* Reading job. A proof that fails is no error of the job. */
static enum err_code run_prove(struct store_db *db, void *arg, struct err *e)
{
	struct ask *a = arg;
	const struct msg_PROVE *m = &a->m->u.PROVE;
	struct msg_WELCOME *w = &a->reply->u.WELCOME;
	struct store_checkpoint cp;
	struct store_station st;
	enum err_code rc = store_station_get(db, m->station, &st, e);

	if (rc && rc != ERR_NOT_FOUND)
		return rc;
	if (rc)
		err_set(&a->refusal, ERR_UNAUTHORISED, "no such station");
	else if (strcmp(st.state, "revoked") == 0)
		err_set(&a->refusal, ERR_UNAUTHORISED, "station is revoked");
	else if (strcmp(st.state, "enrolled") != 0)
		err_set(&a->refusal, ERR_UNAUTHORISED, "not enrolled");
	else if (!signature_ok(&st, m))
		err_set(&a->refusal, ERR_UNAUTHORISED,
			"not signed by the station's key");
	if (a->refusal.code)
		return ERR_OK;
	rc = store_checkpoint_last(db, &cp, e);
	if (rc)
		return rc;
	a->proven = true;
	w->checkpoint_seq = cp.seq;
	memcpy(w->checkpoint_hash, cp.hash, sizeof cp.hash);
	w->checkpoint_signature_len = cp.signature_len;
	memcpy(w->checkpoint_signature, cp.signature, cp.signature_len);
	return ERR_OK;
}

static enum err_code run_refused(struct store_db *db, void *arg, struct err *e)
{
	struct ask *a = arg;
	json_t *body = json_pack("{ssss}", "station", a->m->u.PROVE.station,
				 "why", a->refusal.text);
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	enum err_code rc;

	json_decref(body);
	if (!text)
		return err_set(e, ERR_NO_MEMORY, "record");
	rc = store_record(db, &a->actor.who, "binding-refused", "", text, e);
	free(text);
	return rc;
}

static void on_refused(void *arg, const struct err *e)
{
	struct ask *a = arg;

	ask_refuse(a, e->code ? e : &a->refusal, 0);
}

static void on_proved(void *arg, const struct err *e)
{
	struct ask *a = arg;
	struct peer *p = peer_find(a->s, a->pipe);
	struct err gone;

	if (e->code) {
		ask_refuse(a, e, 0);
	} else if (!a->proven) {
		log_warn("BINDING_REFUSED", "station=%s from=%s text=\"%s\"",
			 a->m->u.PROVE.station, a->actor.who.from,
			 a->refusal.text);
		store_write(a->s->config.store, run_refused, on_refused, a);
	} else if (!p || strcmp(p->station, a->m->u.PROVE.station) != 0) {
		err_set(&gone, ERR_NOT_BOUND, "the connection has ended");
		ask_refuse(a, &gone, 0);
	} else {
		p->bound = true;
		log_info("STATION_BOUND", "station=%s from=%s agent=%s",
			 p->station, p->from, p->agent_version);
		live_bound(a->s, p);
		ask_reply(a);
	}
}

void handle_prove(struct ask *a, struct peer *p)
{
	const struct msg_PROVE *m = &a->m->u.PROVE;
	struct err e = {0};
	bool known = *p->nonce && strcmp(p->nonce, m->nonce) == 0 &&
		     strcmp(p->station, m->station) == 0 && !p->judged;

	p->nonce[0] = '\0'; /* a challenge is answered once */
	if (!known) {
		err_set(&e, ERR_NOT_BOUND, "no such challenge is out");
		ask_refuse(a, &e, 0);
		return;
	}
	if (!ask_prepare(a, MSG_WELCOME))
		return;
	p->judged = true;
	hex_uuid(a->reply->u.WELCOME.session);
	a->reply->u.WELCOME.heartbeat_ms = a->s->config.heartbeat_ms;
	store_read(a->s->config.store, run_prove, on_proved, a);
}
