/* See station.h. */
#include "tests/unit/firmware/station.h"

#include "proto/board/layout.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/sha256.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct rig *rig; /* the one being talked to */

static int entropy(void *arg, unsigned char *out, size_t len)
{
	(void)arg;
	return getentropy(out, len);
}

static void say(struct station *st, struct uart_sentence *s)
{
	size_t len = uart_link_send(&st->link, s, rig_ms(rig));

	assert_true(len > 0);
	rig_send(rig, st->link.sent, len);
}

static void send_challenge(struct station *st)
{
	struct uart_sentence s = {.type = UART_CHALLENGE};

	assert_int_equal(getentropy(st->challenge, sizeof(st->challenge)), 0);
	memcpy(s.u.CHALLENGE.nonce, st->challenge, 32);
	st->csr_len = 0;
	say(st, &s);
}

static void send_cert_part(struct station *st)
{
	struct uart_sentence s = {.type = UART_CERT};
	size_t left = st->cert_len - st->cert_sent;

	if (left == 0)
		return;
	s.u.CERT.part = (uint32_t)(st->cert_sent / 96 + 1);
	s.u.CERT.of = (uint32_t)((st->cert_len + 95) / 96);
	s.u.CERT.data_len = (uint16_t)(left < 96 ? left : 96);
	memcpy(s.u.CERT.data, st->cert + st->cert_sent, s.u.CERT.data_len);
	st->cert_sent += s.u.CERT.data_len;
	say(st, &s);
}

/* The request is well-formed, signed by its own key, for this device, and
 * carries the challenge. */
static void check_csr(struct station *st)
{
	mbedtls_x509_csr csr;
	char subject[200], want[200], hex[65];
	uint8_t hash[32];

	mbedtls_x509_csr_init(&csr);
	assert_int_equal(mbedtls_x509_csr_parse_der(&csr, st->csr, st->csr_len),
			 0);
	mbedtls_x509_dn_gets(subject, sizeof(subject), &csr.subject);
	snprintf(want, sizeof(want),
		 "CN=%s, serialNumber=303132333435363738393a3b", st->device_id);
	assert_string_equal(subject, want);
	mbedtls_sha256_ret(csr.cri.p, csr.cri.len, hash, 0);
	assert_int_equal(mbedtls_pk_verify(&csr.pk, MBEDTLS_MD_SHA256, hash, 32,
					   csr.sig.p, csr.sig.len),
			 0);
	for (unsigned i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", st->challenge[i]);
	assert_non_null(memmem(st->csr, st->csr_len, hex, 64));
	st->csr_good = true;
	mbedtls_x509_csr_free(&csr);
}

static bool attest_valid(const struct station *st,
			 const struct uart_ATTEST *attest)
{
	uint8_t message[sizeof(SFI_ATTEST_LABEL) - 1 + 12 + 32 + 32], hash[32];
	uint8_t *p = message;
	mbedtls_ecdsa_context ec;
	int rc;

	memcpy(p, SFI_ATTEST_LABEL, sizeof(SFI_ATTEST_LABEL) - 1);
	p += sizeof(SFI_ATTEST_LABEL) - 1;
	memcpy(p, rig->config.uid, 12);
	memcpy(p + 12, st->challenge, 32);
	mbedtls_sha256_ret(st->csr, st->csr_len, p + 44, 0);
	mbedtls_sha256_ret(message, sizeof(message), hash, 0);
	mbedtls_ecdsa_init(&ec);
	mbedtls_ecp_group_load(&ec.grp, MBEDTLS_ECP_DP_SECP256R1);
	mbedtls_ecp_point_read_binary(&ec.grp, &ec.Q, rig->attest_public, 65);
	rc = mbedtls_ecdsa_read_signature(&ec, hash, 32, attest->signature,
					  attest->signature_len);
	mbedtls_ecdsa_free(&ec);
	return rc == 0;
}

static void issue_certificate(struct station *st, mbedtls_pk_context *subject)
{
	mbedtls_x509write_cert w;
	mbedtls_mpi serial;
	char name[64];
	int len;

	mbedtls_x509write_crt_init(&w);
	mbedtls_mpi_init(&serial);
	mbedtls_mpi_lset(&serial, 77);
	snprintf(name, sizeof(name), "CN=%s", st->device_id);
	mbedtls_x509write_crt_set_version(&w, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(&w, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_serial(&w, &serial);
	mbedtls_x509write_crt_set_validity(&w, "20260101000000",
					   "20460101000000");
	mbedtls_x509write_crt_set_subject_name(&w, name);
	mbedtls_x509write_crt_set_issuer_name(&w, "CN=rig");
	mbedtls_x509write_crt_set_subject_key(&w, subject);
	mbedtls_x509write_crt_set_issuer_key(&w, &rig->ca);
	len = mbedtls_x509write_crt_der(&w, st->cert, sizeof(st->cert), entropy,
					NULL);
	assert_true(len > 0);
	memmove(st->cert, st->cert + sizeof(st->cert) - len, (size_t)len);
	st->cert_len = (size_t)len;
	st->cert_sent = 0;
	mbedtls_mpi_free(&serial);
	mbedtls_x509write_crt_free(&w);
}

static void ready(struct station *st, const char *want)
{
	mbedtls_x509_csr csr;

	if (strcmp(want, "challenge") == 0) {
		send_challenge(st);
		return;
	}
	assert_string_equal(want, "certificate");
	check_csr(st);
	mbedtls_x509_csr_init(&csr);
	mbedtls_x509_csr_parse_der(&csr, st->csr, st->csr_len);
	issue_certificate(st, st->wrong_certificate ? &rig->ca : &csr.pk);
	mbedtls_x509_csr_free(&csr);
	send_cert_part(st);
}

static void add(char *list, size_t size, const char *word)
{
	size_t len = strlen(list);

	snprintf(list + len, size - len, "%s%s", len > 0 ? " " : "", word);
}

static void handle(struct station *st, const struct uart_sentence *s)
{
	char value[128];
	uint8_t hash[32];

	switch (s->type) {
	case UART_BOOT:
		add(st->boots, sizeof(st->boots), s->u.BOOT.program);
		assert_memory_equal(s->u.BOOT.uid, rig->config.uid, 12);
		break;
	case UART_TEST:
		st->tests++;
		snprintf(value, sizeof(value), "%s=%s", s->u.TEST.name,
			 s->u.TEST.value);
		add(st->values, sizeof(st->values), value);
		break;
	case UART_READY:
		ready(st, s->u.READY.want);
		break;
	case UART_IDENTITY:
		strcpy(st->device_id, s->u.IDENTITY.device_id);
		break;
	case UART_CSR:
		assert_true(st->csr_len + 96 <= sizeof(st->csr));
		memcpy(st->csr + st->csr_len, s->u.CSR.data, s->u.CSR.data_len);
		st->csr_len += s->u.CSR.data_len;
		break;
	case UART_ATTEST:
		st->attest_good = attest_valid(st, &s->u.ATTEST);
		break;
	case UART_STORED:
		mbedtls_sha256_ret(st->cert, st->cert_len, hash, 0);
		assert_memory_equal(hash, s->u.STORED.sha256, 32);
		st->stored = true;
		break;
	case UART_INSTALLED:
		add(st->installed, sizeof(st->installed),
		    s->u.INSTALLED.program);
		break;
	case UART_APP_TEST:
		st->status = s->u.APP_TEST.status;
		st->have_status = true;
		break;
	case UART_FAIL:
		strcpy(st->fail, s->u.FAIL.code);
		strcpy(st->fail_text, s->u.FAIL.text);
		break;
	case UART_DONE:
		st->done = true;
		break;
	default:
		break;
	}
}

static void take_line(struct station *st)
{
	char reply[UART_LINE_MAX], text[UART_LINE_MAX + 1];
	struct uart_sentence s;
	size_t reply_len;
	enum uart_event event;

	snprintf(text, sizeof(text), "%.*s", (int)rig->lines.len,
		 rig->lines.line);
	if (getenv("RIG_TRACE") != NULL)
		printf("%7u %s\n", rig_ms(rig), text);
	event = uart_link_line(&st->link, rig->lines.line, rig->lines.len, &s,
			       reply, &reply_len);
	if (reply_len > 0)
		rig_send(rig, reply, reply_len);
	if (event == UART_EVENT_LOG)
		add(st->log, sizeof(st->log), text);
	if (event == UART_EVENT_SENTENCE)
		handle(st, &s);
	if (event == UART_EVENT_ACKED && st->cert_len > 0)
		send_cert_part(st);
}

/* Repeat what has not been acknowledged. */
static void tick(struct station *st)
{
	switch (uart_link_tick(&st->link, rig_ms(rig))) {
	case UART_TICK_RESEND:
		st->resends++;
		rig_send(rig, st->link.sent, st->link.sent_len);
		break;
	case UART_TICK_LOST:
		fail_msg("the board does not acknowledge");
		break;
	case UART_TICK_IDLE:
		break;
	}
}

static bool at_stop(const struct station *st)
{
	size_t len = st->stop_at != NULL ? strlen(st->stop_at) : 0;

	return len > 0 && rig->lines.len >= len &&
	       memmem(rig->lines.line, rig->lines.len, st->stop_at, len) !=
		       NULL;
}

void station_talk(struct station *st, struct rig *r, uint32_t wait_ms)
{
	uint32_t begin;

	rig = r;
	begin = rig_ms(rig);
	while (rig_ms(rig) - begin < wait_ms) {
		if (rig_line(rig, 20)) {
			take_line(st);
			if (at_stop(st))
				return;
		} else if (st->done || st->fail[0] != '\0' || st->status != 0) {
			break;
		}
		tick(st);
	}
	while (rig_line(rig, 50))
		take_line(st);
}

void station_init(struct station *st)
{
	memset(st, 0, sizeof(*st));
	uart_link_init(&st->link, false);
}
