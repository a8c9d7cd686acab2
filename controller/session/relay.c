/* A unit's certificate request on its way: facts of the attempt and both
 * signatures (a reading job), the request on record (a writing job), the cloud
 * (asynchronous), the certificate on record (a writing job), the answer. */
#include "controller/session/private.h"

#include "controller/enrol/enrol.h"
#include "proto/base/log.h"

#include <stdlib.h>
#include <string.h>

static enum err_code run_check(struct store_db *db, void *arg, struct err *e)
{
	struct ask *a = arg;
	const struct msg_CSR_RELAY *m = &a->m->u.CSR_RELAY;
	struct store_request_base base;
	struct csr_claim claim = {.csr = m->csr,
				  .csr_len = m->csr_len,
				  .attestation = m->attestation,
				  .attestation_len = m->attestation_len};
	struct csr_facts facts;
	enum err_code rc = store_request_base(db, &a->actor, m, &base, e);

	if (rc)
		return rc;
	memcpy(claim.uid, base.uid, sizeof claim.uid);
	memcpy(claim.challenge, base.challenge, sizeof claim.challenge);
	memcpy(claim.attest_key, base.attestation_key, sizeof claim.attest_key);
	if (strcmp(m->device_id, base.device_id) != 0) {
		err_set(&a->refusal, ERR_REFUSED,
			"the device ID is not the UID's");
		return ERR_OK;
	}
	if (csr_check(&claim, &facts, &a->refusal))
		return ERR_OK;
	memcpy(a->request.csr_sha256, facts.csr_sha256,
	       sizeof a->request.csr_sha256);
	memcpy(a->request.spki_sha256, facts.spki_sha256,
	       sizeof a->request.spki_sha256);
	return ERR_OK;
}

static enum err_code run_refusal(struct store_db *db, void *arg, struct err *e)
{
	struct ask *a = arg;

	return store_request_refused(db, &a->actor, &a->m->u.CSR_RELAY,
				     &a->refusal, e);
}

static void on_refusal(void *arg, const struct err *e)
{
	struct ask *a = arg;

	ask_refuse(a, e->code ? e : &a->refusal, 0);
}

static enum err_code run_request(struct store_db *db, void *arg, struct err *e)
{
	struct ask *a = arg;

	return store_request(db, &a->actor, &a->m->u.CSR_RELAY, &a->request,
			     &a->reply->u.CERTIFICATE, e);
}

static enum err_code run_certificate(struct store_db *db, void *arg,
				     struct err *e)
{
	struct ask *a = arg;
	struct store_certificate_new c = {a->cert, a->cert_len, a->cert_sha256,
					  a->cert_serial, a->cert_issuer};

	return store_certificate(db, &a->actor, &a->m->u.CSR_RELAY, &a->request,
				 &c, &a->reply->u.CERTIFICATE, e);
}

static void on_certificate(void *arg, const struct err *e)
{
	struct ask *a = arg;

	if (e->code) {
		ask_refuse(a, e, 0);
		return;
	}
	log_info("CERTIFICATE", "attempt=%s cert_sha256=%s",
		 a->m->u.CSR_RELAY.attempt, a->reply->u.CERTIFICATE.sha256);
	ask_reply(a);
}

static void on_cloud(void *arg, const struct enrol_reply *reply)
{
	struct ask *a = arg;

	if (reply->code) {
		log_warn("CLOUD", "attempt=%s code=%s text=\"%s\"",
			 a->m->u.CSR_RELAY.attempt, err_name(reply->code),
			 reply->err->text);
		ask_refuse(a, reply->err, 0);
		return;
	}
	a->cert = malloc(reply->cert_len);
	if (!a->cert)
		abort();
	memcpy(a->cert, reply->cert, reply->cert_len);
	a->cert_len = reply->cert_len;
	snprintf(a->cert_sha256, sizeof a->cert_sha256, "%s",
		 reply->cert_sha256);
	snprintf(a->cert_serial, sizeof a->cert_serial, "%s",
		 reply->cert_serial);
	snprintf(a->cert_issuer, sizeof a->cert_issuer, "%s",
		 reply->cert_issuer);
	store_write_finishing(a->s->config.store, run_certificate,
			      on_certificate, a);
}

static void on_request_recorded(void *arg, const struct err *e)
{
	struct ask *a = arg;
	const struct msg_CSR_RELAY *m = &a->m->u.CSR_RELAY;
	struct err own = {0};

	if (e->code) {
		ask_refuse(a, e, 0);
	} else if (a->reply->u.CERTIFICATE.certificate_len) {
		ask_reply(a); /* issued before: that one it stays */
	} else if (!a->s->config.enrol || a->s->closing) {
		err_set(&own, ERR_UNREACHABLE, "no cloud is configured");
		ask_refuse(a, &own, 0);
	} else if (enrol_certificate(a->s->config.enrol, m->csr, m->csr_len,
				     on_cloud, a, &own)) {
		ask_refuse(a, &own, 0);
	}
}

static void on_checked(void *arg, const struct err *e)
{
	struct ask *a = arg;

	if (e->code) {
		ask_refuse(a, e, 0);
	} else if (a->refusal.code) {
		log_warn("REQUEST_NOT_RELAYED", "attempt=%s text=\"%s\"",
			 a->m->u.CSR_RELAY.attempt, a->refusal.text);
		store_write(a->s->config.store, run_refusal, on_refusal, a);
	} else {
		store_write_finishing(a->s->config.store, run_request,
				      on_request_recorded, a);
	}
}

void handle_csr_relay(struct ask *a, struct peer *p)
{
	(void)p;
	if (ask_prepare(a, MSG_CERTIFICATE))
		store_read(a->s->config.store, run_check, on_checked, a);
}
