/* A station's side of the provisioning dialogue, as strict as the real one:
 * it checks the request and both signatures, issues a certificate, and notes
 * what it is told. */
#ifndef TESTS_UNIT_FIRMWARE_STATION_H
#define TESTS_UNIT_FIRMWARE_STATION_H

#include "tests/unit/firmware/rig.h"

struct station {
	struct uart_link link;
	bool started; /* a BOOT has come */
	uint8_t challenge[32];
	uint8_t csr[1024];
	size_t csr_len;
	uint8_t cert[2048];
	size_t cert_len, cert_sent;
	bool csr_good, attest_good;
	char device_id[35];
	char boots[400]; /* "sfi-loader kernel ..." */
	char installed[100];
	unsigned tests;
	char values[400]; /* "qspi-id=ef4017 ..." */
	bool stored, done;
	uint32_t status;
	bool have_status;
	char fail[33], fail_text[81];
	char log[2000];
	bool wrong_certificate; /* issue it for another key */
	const char *stop_at; /* leave station_talk() after a line with this */
	unsigned resends;    /* of our own sentences */
};

void station_init(struct station *st);

/* Talk to the board until DONE or FAIL, a status that is not 0, stop_at, or
 * wait_ms of modelled time; then listen a little longer (not after stop_at).
 * RIG_TRACE in the environment prints every line. */
void station_talk(struct station *st, struct rig *rig, uint32_t wait_ms);

#endif
