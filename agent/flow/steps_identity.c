/* Steps in which the unit becomes someone: identity and certificate. */
#include "agent/flow/steps.h"

#include "proto/base/hex.h"

#include <mbedtls/sha256.h>
#include <stdio.h>
#include <string.h>

#define CERT_MAX_BYTES	4096u
#define CERT_PART_BYTES 96u

/* ---- identity ---- */

static enum flow_end say_challenge(struct attempt *a)
{
	struct uart_sentence s = {.type = UART_CHALLENGE};

	if (!hex_decode(s.u.CHALLENGE.nonce, sizeof(s.u.CHALLENGE.nonce),
			a->challenge))
		return attempt_fail(a, FAILURE_STATION,
				    "the permit's challenge is not hex");
	return attempt_say(a, &s, FAILURE_UART_LOST);
}

static enum flow_end check_identity(struct attempt *a,
				    const struct uart_IDENTITY *id)
{
	if (strcmp(id->device_id, a->result->u.RESULT.device_id) != 0)
		return attempt_fail(a, FAILURE_IDENTITY_WRONG,
				    "the DUT says %s, its UID makes %s",
				    id->device_id,
				    a->result->u.RESULT.device_id);
	attempt_log(a, "flow: DUT is %s", id->device_id);
	return FLOW_DONE;
}

/* Parts of the CSR, strictly 1..of. */
struct parts {
	uint32_t next, of;
};

static enum flow_end take_csr(struct attempt *a, const struct uart_CSR *c,
			      struct parts *parts)
{
	if (c->part == 1) {
		parts->next = 1;
		parts->of = c->of;
		a->csr_len = 0;
	}
	if (c->part != parts->next || c->of != parts->of || c->part > c->of ||
	    c->data_len > sizeof(a->csr) - a->csr_len)
		return attempt_fail(a, FAILURE_CSR_INVALID,
				    "part %u of %u came out of turn",
				    (unsigned)c->part, (unsigned)c->of);
	memcpy(a->csr + a->csr_len, c->data, c->data_len);
	a->csr_len += c->data_len;
	parts->next++;
	return FLOW_DONE;
}

static enum flow_end take_attest(struct attempt *a, const struct uart_ATTEST *t,
				 const struct parts *parts)
{
	uint8_t hash[32];

	if (parts->of == 0 || parts->next != parts->of + 1)
		return attempt_fail(a, FAILURE_CSR_INVALID,
				    "the second signature came before the "
				    "whole request");
	memcpy(a->attest, t->signature, t->signature_len);
	a->attest_len = t->signature_len;
	(void)mbedtls_sha256_ret(a->csr, a->csr_len, hash, 0);
	hex_encode(a->result->u.RESULT.csr_sha256, hash, sizeof(hash));
	return FLOW_DONE;
}

enum flow_end step_identity(struct attempt *a)
{
	bool known = false, attested = false, waits = false;
	struct parts parts = {0};
	struct uart_sentence s;
	enum flow_end end = say_challenge(a);

	/* To the end, when the DUT waits for its certificate: what it says
	 * while the cloud is asked nobody would acknowledge. */
	while (end == FLOW_DONE && !waits) {
		end = attempt_hear(a, &s, FAILURE_UART_LOST);
		if (end != FLOW_DONE)
			break;
		if (s.type == UART_IDENTITY) {
			end = check_identity(a, &s.u.IDENTITY);
			known = true;
		} else if (s.type == UART_CSR) {
			end = take_csr(a, &s.u.CSR, &parts);
		} else if (s.type == UART_ATTEST) {
			end = take_attest(a, &s.u.ATTEST, &parts);
			attested = true;
		} else if (s.type == UART_READY) {
			waits = true;
		}
	}
	if (end == FLOW_DONE && !known)
		end = attempt_fail(a, FAILURE_IDENTITY_WRONG,
				   "the DUT did not say who it is");
	if (end == FLOW_DONE && !attested)
		end = attempt_fail(a, FAILURE_CSR_INVALID,
				   "no whole request came");
	return end;
}

/* ---- certificate ---- */

static enum flow_end relay_refused(struct attempt *a, const struct err *e)
{
	switch (e->code) {
	case ERR_INTEGRITY:
	case ERR_MALFORMED:
		return attempt_fail(a, FAILURE_CSR_INVALID, "%s", e->text);
	case ERR_UNREACHABLE:
	case ERR_TIMEOUT:
	case ERR_CLOUD:
		return attempt_fail(a, FAILURE_CLOUD_DOWN, "%s", e->text);
	case ERR_CANCELLED:
	case ERR_NO_MEMORY:
	case ERR_BUG:
		return attempt_fail(a, FAILURE_STATION, "%s", e->text);
	default:
		return attempt_fail(a, FAILURE_CSR_REFUSED, "%s", e->text);
	}
}

/* The certificate for this attempt's request; *reply is the caller's. */
static enum flow_end relay(struct attempt *a, struct link_reply *reply)
{
	struct msg *m = msg_new(MSG_CSR_RELAY);
	enum flow_end end = FLOW_DONE;
	struct account_span span;
	struct msg_CSR_RELAY *c;
	enum err_code rc;
	struct err e;

	if (m == NULL)
		return attempt_fail(a, FAILURE_STATION, "out of memory");
	c = &m->u.CSR_RELAY;
	memcpy(c->attempt, a->result->u.RESULT.attempt, sizeof(c->attempt));
	c->fence = a->fence;
	memcpy(c->device_id, a->result->u.RESULT.device_id,
	       sizeof(c->device_id));
	memcpy(c->csr, a->csr, c->csr_len = a->csr_len);
	memcpy(c->attestation, a->attest, c->attestation_len = a->attest_len);
	span = account_enter(&a->account);
	rc = link_call(a->st->link, m, reply, a->deadline, &e);
	account_leave(&a->account, ACCOUNT_cloud_ms, &span);
	if (rc != ERR_OK)
		end = relay_refused(a, &e);
	msg_free(m);
	return end;
}

static enum flow_end check_certificate(struct attempt *a,
				       const struct msg_CERTIFICATE *c)
{
	uint8_t hash[32];
	char hex[65];

	(void)mbedtls_sha256_ret(c->certificate, c->certificate_len, hash, 0);
	hex_encode(hex, hash, sizeof(hash));
	if (strcmp(c->attempt, a->result->u.RESULT.attempt) != 0 ||
	    c->certificate_len == 0 || strcmp(hex, c->sha256) != 0)
		return attempt_fail(a, FAILURE_CSR_REFUSED,
				    "the certificate that came is not this "
				    "attempt's");
	return FLOW_DONE;
}

static enum flow_end say_certificate(struct attempt *a,
				     const struct msg_CERTIFICATE *c)
{
	size_t of =
		(c->certificate_len + CERT_PART_BYTES - 1) / CERT_PART_BYTES;
	enum flow_end end = FLOW_DONE;

	for (size_t i = 0; i < of && end == FLOW_DONE; i++) {
		struct uart_sentence s = {.type = UART_CERT};
		size_t n = c->certificate_len - i * CERT_PART_BYTES;

		if (n > CERT_PART_BYTES)
			n = CERT_PART_BYTES;
		s.u.CERT.part = (uint32_t)(i + 1);
		s.u.CERT.of = (uint32_t)of;
		s.u.CERT.data_len = (uint16_t)n;
		memcpy(s.u.CERT.data, c->certificate + i * CERT_PART_BYTES, n);
		end = attempt_say(a, &s, FAILURE_CERT_STORE);
	}
	return end;
}

static enum flow_end await_stored(struct attempt *a, const char *sha256)
{
	struct uart_sentence s;
	enum flow_end end;
	char hex[65];

	do
		end = attempt_hear(a, &s, FAILURE_CERT_STORE);
	while (end == FLOW_DONE && s.type != UART_STORED);
	if (end != FLOW_DONE)
		return end;
	hex_encode(hex, s.u.STORED.sha256, sizeof(s.u.STORED.sha256));
	if (strcmp(hex, sha256) != 0)
		return attempt_fail(a, FAILURE_CERT_STORE,
				    "the DUT has stored another certificate: "
				    "%s",
				    hex);
	memcpy(a->result->u.RESULT.cert_sha256, hex, sizeof(hex));
	attempt_log(a, "flow: certificate %s stored", hex);
	return FLOW_DONE;
}

enum flow_end step_certificate(struct attempt *a)
{
	const struct msg_CERTIFICATE *c;
	struct link_reply reply = {0};
	enum flow_end end;

	if (!attempt_cross(a, &end))
		return end;
	end = relay(a, &reply);
	if (end != FLOW_DONE)
		goto out;
	c = &reply.m->u.CERTIFICATE;
	end = check_certificate(a, c);
	if (end == FLOW_DONE)
		end = say_certificate(a, c);
	if (end == FLOW_DONE)
		end = await_stored(a, c->sha256);
out:
	link_reply_fini(&reply);
	return end;
}
