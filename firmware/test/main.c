/* The hardware-test program: tests, identity, certificate, then the kernel.
 * Everything it does may be done again after a reset at any point. */
#include "firmware/common/dialogue.h"
#include "firmware/common/install.h"
#include "firmware/common/program.h"
#include "firmware/hal/hal.h"
#include "firmware/test/csr.h"
#include "firmware/test/tests.h"

#include <mbedtls/hmac_drbg.h>
#include <mbedtls/md.h>
#include <string.h>

#define CHALLENGE_WAIT_MS (5u * 60u * 1000u)
#define CERT_WAIT_MS	  (20u * 60u * 1000u) /* the cloud may let wait */
#define CERT_PART_WAIT_MS (60u * 1000u)
#define PART_BYTES	  96u

PROGRAM_HEADER(LAYOUT_PROGRAM_TEST);

static struct identity identity;
static mbedtls_hmac_drbg_context drbg;
static uint8_t challenge[SFI_CHALLENGE_BYTES];

static int entropy(void *arg, unsigned char *out, size_t len)
{
	(void)arg;
	return hal_random(out, len) ? 0 : -1;
}

static void drbg_start(void)
{
	uint8_t uid[SFI_UID_BYTES];

	hal_uid(uid);
	mbedtls_hmac_drbg_init(&drbg);
	if (mbedtls_hmac_drbg_seed(&drbg,
				   mbedtls_md_info_from_type(MBEDTLS_MD_SHA256),
				   entropy, NULL, uid, sizeof(uid)) != 0)
		dialogue_fail(FAILURE_RNG, "seed for the key");
}

static void ready(const char *want)
{
	struct uart_sentence s = {.type = UART_READY};

	dialogue_set_text(s.u.READY.want, sizeof(s.u.READY.want), want);
	dialogue_say(&s);
}

static void say_csr(const uint8_t *csr, size_t len)
{
	uint32_t parts = (uint32_t)((len + PART_BYTES - 1) / PART_BYTES);

	for (uint32_t i = 0; i < parts; i++) {
		struct uart_sentence s = {.type = UART_CSR};
		struct uart_CSR *c = &s.u.CSR;
		size_t n = len - i * PART_BYTES;

		c->part = i + 1;
		c->of = parts;
		c->data_len = (uint16_t)(n < PART_BYTES ? n : PART_BYTES);
		memcpy(c->data, csr + i * PART_BYTES, c->data_len);
		dialogue_say(&s);
	}
}

static void make_identity(void)
{
	struct uart_sentence s;

	ready("challenge");
	if (!dialogue_expect(UART_CHALLENGE, &s, CHALLENGE_WAIT_MS))
		dialogue_fail(FAILURE_UART_LOST, "no challenge");
	memcpy(challenge, s.u.CHALLENGE.nonce, sizeof(challenge));
	dialogue_stage("keygen", 0);
	if (!identity_open(&identity, mbedtls_hmac_drbg_random, &drbg))
		dialogue_fail(FAILURE_FLASH_WRITE, "key not made or stored");
	s = (struct uart_sentence){.type = UART_IDENTITY};
	dialogue_set_text(s.u.IDENTITY.device_id,
			  sizeof(s.u.IDENTITY.device_id), identity.device_id);
	dialogue_say(&s);
}

static void request_certificate(void)
{
	struct uart_sentence s = {.type = UART_ATTEST};
	uint8_t csr[CSR_MAX_BYTES], signature[72];
	size_t len = csr_write(&identity, challenge, mbedtls_hmac_drbg_random,
			       &drbg, csr);
	size_t signed_len;

	if (len == 0)
		dialogue_fail(FAILURE_CSR_INVALID, "CSR not made");
	signed_len =
		csr_attest(&identity, program_header.attest_key, challenge, csr,
			   len, mbedtls_hmac_drbg_random, &drbg, signature);
	if (signed_len == 0)
		dialogue_fail(FAILURE_CSR_INVALID, "no attestation key");
	say_csr(csr, len);
	s.u.ATTEST.signature_len = (uint16_t)signed_len;
	memcpy(s.u.ATTEST.signature, signature, signed_len);
	dialogue_say(&s);
	ready("certificate");
}

/* The parts of the certificate in order; returns its length. */
static size_t receive_certificate(uint8_t der[IDENTITY_CERT_MAX_BYTES])
{
	uint32_t wait_ms = CERT_WAIT_MS, parts = 0;
	size_t len = 0;

	for (uint32_t i = 1; parts == 0 || i <= parts; i++) {
		struct uart_sentence s;
		const struct uart_CERT *c = &s.u.CERT;

		if (!dialogue_expect(UART_CERT, &s, wait_ms))
			dialogue_fail(FAILURE_CERT_STORE, "no certificate");
		if (i == 1)
			parts = c->of;
		if (c->part != i || c->of != parts ||
		    c->data_len > IDENTITY_CERT_MAX_BYTES - len)
			dialogue_fail(FAILURE_CERT_STORE,
				      "certificate parts out of order");
		memcpy(der + len, c->data, c->data_len);
		len += c->data_len;
		wait_ms = CERT_PART_WAIT_MS;
	}
	return len;
}

static void take_certificate(void)
{
	static uint8_t der[IDENTITY_CERT_MAX_BYTES];
	struct uart_sentence s = {.type = UART_STORED};
	size_t len = receive_certificate(der);

	if (!identity_cert_matches(&identity, der, len))
		dialogue_fail(FAILURE_CERT_STORE,
			      "certificate is not for this key");
	if (!identity_cert_store(der, len, s.u.STORED.sha256))
		dialogue_fail(FAILURE_CERT_STORE, "flash: certificate");
	dialogue_say(&s);
}

int program_main(const void *unused)
{
	struct image im;

	(void)unused;
	if (!hal_init())
		hal_stop();
	dialogue_begin(&program_header);
	install_open_image(&im, FAILURE_QSPI);
	tests_run(&im);
	drbg_start();
	make_identity();
	request_certificate();
	take_certificate();
	install_copy(&im, LAYOUT_PROGRAM_KERNEL, FAILURE_KERNEL);
	install_finish(&im, LAYOUT_PROGRAM_KERNEL, FAILURE_KERNEL);
}
