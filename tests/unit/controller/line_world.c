#include "tests/unit/controller/line_world.h"

#include "proto/base/hex.h"
#include "proto/board/sfi.h"
#include "proto/rules.h"

#include <mbedtls/sha256.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char cert_pem[] = "-----BEGIN CERTIFICATE-----\n"
			       "%s\n"
			       "-----END CERTIFICATE-----\n";

static enum err_code enrol(struct store_db *db, const char *station,
			   const char *base64, const char *sha256,
			   struct err *e)
{
	struct store_actor who = {"token:admin", ""};
	char token[STORE_TOKEN_SIZE], name[STORE_NAME_SIZE], pem[256];
	int64_t expires_at;
	enum err_code rc =
		store_station_invite(db, &who, station, token, &expires_at, e);

	if (!rc)
		rc = store_station_token_spend(db, &who, token, name, e);
	snprintf(pem, sizeof pem, cert_pem, base64);
	if (!rc)
		rc = store_station_enrolled(db, &who, name, pem, sha256, e);
	if (!rc)
		rc = store_assign(db, &who, WORLD_LOT, station, "", e);
	return rc;
}

static enum err_code set_up(struct store_db *db, void *arg, struct err *e)
{
	static const struct store_lot_new lot = {WORLD_LOT, "widget",
						 WORLD_IMAGE, 2, 2};
	struct store_image im = {.sha256 = WORLD_IMAGE,
				 .len_bytes = 4096,
				 .product = "widget",
				 .version = "1",
				 .fwid = "FW1"};
	struct store_actor who = {"token:admin", "10.0.0.1"};
	struct store_actor second = {"token:second", "10.0.0.2"};
	bool added;
	enum err_code rc;

	(void)arg;
	memset(im.attestation_key, 'b', 128);
	rc = store_image_add(db, &who, &im, &added, e);
	if (!rc)
		rc = store_image_approve(db, &second, im.sha256, e);
	if (!rc)
		rc = store_lot_create(db, &who, &lot, e);
	if (!rc)
		rc = store_lot_start(db, &who, WORLD_LOT, e);
	/* "AAAA" and "AAAB" in base64, and their hashes */
	if (!rc)
		rc = enrol(db, "S1", "AAAA",
			   "709e80c88487a2411e1ee4dfb9f22a86"
			   "1492d20c4765150c0c794abd70f8147c",
			   e);
	if (!rc)
		rc = enrol(db, "S2", "AAAB",
			   "cf7605ed1bc735f6c825554154627467"
			   "e1cac9df54cee8699218ed434603c568",
			   e);
	return rc;
}

static void actor(struct store_unit_actor *a, const char *station)
{
	*a = (struct store_unit_actor){0};
	snprintf(a->who.by, sizeof a->who.by, "station:%s", station);
	snprintf(a->station, sizeof a->station, "%s", station);
}

static void open_store(struct world *w)
{
	struct store_config c = {.path = w->db_path};
	struct err e = {0};

	if (store_open(&w->store, &c, &e))
		fail_msg("store_open: %s", e.text);
}

void world_open(struct world *w)
{
	struct err e = {0};

	*w = (struct world){.dir = "/tmp/provline-test-XXXXXX"};
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->db_path, sizeof w->db_path, "%s/line.db", w->dir);
	open_store(w);
	actor(&w->s1, "S1");
	actor(&w->s2, "S2");
	if (world_run(w, set_up, NULL, &e))
		fail_msg("set-up: %s: %s", err_name(e.code), e.text);
}

void world_reopen(struct world *w)
{
	store_close(w->store);
	open_store(w);
}

void world_close(struct world *w)
{
	static const char *const tails[] = {"", "-wal", "-shm", ".lock"};
	char path[128];

	store_close(w->store); /* NULL: closed already */
	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "%s%s", w->db_path, tails[i]);
		unlink(path);
	}
	rmdir(w->dir);
}

enum err_code world_run(struct world *w, store_run_fn *run, void *arg,
			struct err *e)
{
	return store_run(w->store, run, arg, e);
}

/* ---- messages ---- */

static void uid_of(char out[25], unsigned n)
{
	snprintf(out, 25, "0102030405060708%08x", n);
}

static void attempt_of(char out[37], unsigned n, unsigned attempt)
{
	snprintf(out, 37, "%08x-0000-4000-8000-%012x", n, attempt);
}

static void device_of(char out[35], unsigned n)
{
	snprintf(out, 35, "PV%032x", n);
}

/* Stands for DER: the store does not look inside. */
static size_t cert_of(char out[16], unsigned n)
{
	return (size_t)snprintf(out, 16, "cert %u", n);
}

void world_cert_sha256(char out[STORE_HASH_SIZE], unsigned n)
{
	uint8_t hash[32];
	char der[16];

	mbedtls_sha256_ret((uint8_t *)der, cert_of(der, n), hash, 0);
	hex_encode(out, hash, sizeof hash);
}

void world_permit(struct msg_PERMIT_GET *m, unsigned n, unsigned attempt)
{
	*m = (struct msg_PERMIT_GET){.harness = "H1",
				     .lot = WORLD_LOT,
				     .condition = "fresh",
				     .dev_id = 0x482,
				     .rdp = 0xaa,
				     .started_at = "2026-03-01T08:00:00.000Z"};
	uid_of(m->uid, n);
	attempt_of(m->attempt, n, attempt);
	snprintf(m->board_serial, sizeof m->board_serial, "B%04u", n);
}

void world_licence(struct msg_LICENCE_ISSUED *m, unsigned n, unsigned attempt,
		   uint64_t fence, uint32_t counter_before)
{
	*m = (struct msg_LICENCE_ISSUED){.fence = fence,
					 .card_serial = "CARD0001",
					 .licence_len = SFI_LICENCE_BYTES,
					 .chip_certificate_len =
						 SFI_CHIP_CERT_BYTES,
					 .counter_before = counter_before,
					 .counter_after = counter_before - 1};
	attempt_of(m->attempt, n, attempt);
	memcpy(m->licence, "PLL1", 4);
	memcpy(m->licence + 4, "0001", 4);
	m->licence[11] = (uint8_t)(counter_before - 1);
	memcpy(m->licence + SFI_FWID_OFFSET, "FW1", 3);
	hex_encode(m->licence_id, m->licence + SFI_LICENCE_ID_OFFSET,
		   SFI_LICENCE_ID_BYTES);
}

void world_result(struct msg_RESULT *m, unsigned n, unsigned attempt,
		  const struct msg_PERMIT *p, const char *licence_id,
		  const char *cert_sha256)
{
	*m = (struct msg_RESULT){.fence = p->fence,
				 .attempt_no = p->attempt_no,
				 .lot = WORLD_LOT,
				 .harness = "H1",
				 .outcome = "pass",
				 .started_at = "2026-03-01T08:00:00.000Z",
				 .finished_at = "2026-03-01T08:01:00.000Z",
				 .cycle_ms = 60000,
				 .wire_ms = 1100,
				 .usb_ms = 300,
				 .nor_program_ms = 9000,
				 .wait_ms = 110,
				 .rest_ms = 60000 - 1100 - 300 - 9000 - 110,
				 .image_sha256 = WORLD_IMAGE,
				 .nor_sha256 = WORLD_IMAGE,
				 .steps_n = STEP_RECORD,
				 .counter_before = -1,
				 .counter_after = -1};
	attempt_of(m->attempt, n, attempt);
	uid_of(m->uid, n);
	snprintf(m->board_serial, sizeof m->board_serial, "B%04u", n);
	memcpy(m->device_id, p->device_id, sizeof m->device_id);
	snprintf(m->licence_id, sizeof m->licence_id, "%s", licence_id);
	snprintf(m->cert_sha256, sizeof m->cert_sha256, "%s", cert_sha256);
	for (int s = 0; s < STEP_RECORD; s++) {
		snprintf(m->steps[s].step, sizeof m->steps[s].step, "%s",
			 step_name((enum step)s));
		strcpy(m->steps[s].state, "done");
	}
}

/* ---- jobs ---- */

struct job {
	const struct store_unit_actor *who;
	const void *ask;
	enum msg_type type;
	char *content;
	void *out;
	uint32_t retry_ms;
	unsigned n;
	bool downgraded;
	char why[128];
};

static char *content_of(enum msg_type type, const void *body, size_t len)
{
	struct msg *m = msg_new(type);
	char *json = NULL;
	struct err e = {0};

	assert_non_null(m);
	memcpy(&m->u, body, len);
	if (msg_to_json(m, &json, &e))
		fail_msg("%s: %s", msg_name(type), e.text);
	msg_free(m);
	return json;
}

static enum err_code permit_job(struct store_db *db, void *arg, struct err *e)
{
	struct job *j = arg;
	const struct msg_PERMIT_GET *ask = j->ask;
	char device_id[35];
	unsigned n = 0;

	sscanf(ask->uid + 16, "%x", &n);
	device_of(device_id, n);
	return store_permit(db, j->who, ask, j->content, device_id, 60000,
			    j->out, &j->retry_ms, e);
}

enum err_code world_get_permit(struct world *w,
			       const struct store_unit_actor *who,
			       const struct msg_PERMIT_GET *m,
			       struct msg_PERMIT *out, uint32_t *retry_ms)
{
	struct job j = {.who = who, .ask = m, .out = out};
	struct err e = {0};
	enum err_code rc;

	j.content = content_of(MSG_PERMIT_GET, m, sizeof *m);
	rc = world_run(w, permit_job, &j, &e);
	free(j.content);
	if (retry_ms)
		*retry_ms = j.retry_ms;
	if (rc)
		print_message("permit: %s: %s\n", err_name(rc), e.text);
	return rc;
}

static enum err_code licence_job(struct store_db *db, void *arg, struct err *e)
{
	struct job *j = arg;

	return store_licence(db, j->who, j->ask, j->out, e);
}

enum err_code world_add_licence(struct world *w,
				const struct msg_LICENCE_ISSUED *m)
{
	struct store_receipt receipt;
	struct job j = {.who = &w->s1, .ask = m, .out = &receipt};
	struct err e = {0};
	enum err_code rc = world_run(w, licence_job, &j, &e);

	if (rc)
		print_message("licence: %s: %s\n", err_name(rc), e.text);
	return rc;
}

static enum err_code cert_job(struct store_db *db, void *arg, struct err *e)
{
	struct job *j = arg;
	struct store_request_new request;
	struct msg_CERTIFICATE out;
	char sha256[STORE_HASH_SIZE];
	char der[16];
	struct store_certificate_new c = {(const uint8_t *)der,
					  cert_of(der, j->n), sha256, "01",
					  "CN=test"};
	enum err_code rc;

	world_cert_sha256(sha256, j->n);
	snprintf(request.csr_sha256, sizeof request.csr_sha256, "%064x",
		 0xc5000000u + j->n);
	snprintf(request.spki_sha256, sizeof request.spki_sha256, "%064x",
		 0x5f000000u + j->n);
	rc = store_request(db, j->who, j->ask, &request, &out, e);
	if (!rc && !out.certificate_len)
		rc = store_certificate(db, j->who, j->ask, &request, &c, &out,
				       e);
	return rc;
}

enum err_code world_add_certificate(struct world *w,
				    const struct store_unit_actor *who,
				    unsigned n, unsigned attempt,
				    uint64_t fence)
{
	struct msg_CSR_RELAY ask = {.fence = fence};
	struct job j = {.who = who, .ask = &ask, .n = n};
	struct err e = {0};
	enum err_code rc;

	attempt_of(ask.attempt, n, attempt);
	rc = world_run(w, cert_job, &j, &e);
	if (rc)
		print_message("certificate: %s: %s\n", err_name(rc), e.text);
	return rc;
}

static enum err_code result_job(struct store_db *db, void *arg, struct err *e)
{
	struct job *j = arg;

	return store_result(db, j->who, j->ask, j->content, j->out,
			    &j->downgraded, j->why, e);
}

enum err_code world_add_result(struct world *w,
			       const struct store_unit_actor *who,
			       const struct msg_RESULT *m,
			       struct store_receipt *receipt, bool *downgraded)
{
	struct job j = {.who = who, .ask = m, .out = receipt};
	struct err e = {0};
	enum err_code rc;

	j.content = content_of(MSG_RESULT, m, sizeof *m);
	rc = world_run(w, result_job, &j, &e);
	free(j.content);
	*downgraded = j.downgraded;
	if (rc || j.downgraded)
		print_message("result: %s: %s%s\n", err_name(rc), e.text,
			      j.why);
	return rc;
}

enum err_code world_pass(struct world *w, unsigned n, unsigned attempt,
			 uint32_t counter_before, struct msg_PERMIT *permit)
{
	struct msg_PERMIT_GET ask;
	struct msg_LICENCE_ISSUED licence;
	struct msg_RESULT *result = malloc(sizeof *result);
	struct store_receipt receipt;
	char cert[STORE_HASH_SIZE];
	bool downgraded = false;
	enum err_code rc;

	assert_non_null(result);
	world_permit(&ask, n, attempt);
	rc = world_get_permit(w, &w->s1, &ask, permit, NULL);
	world_licence(&licence, n, attempt, permit->fence, counter_before);
	if (!rc)
		rc = world_add_licence(w, &licence);
	if (!rc)
		rc = world_add_certificate(w, &w->s1, n, attempt,
					   permit->fence);
	world_cert_sha256(cert, n);
	world_result(result, n, attempt, permit, licence.licence_id, cert);
	if (!rc)
		rc = world_add_result(w, &w->s1, result, &receipt, &downgraded);
	free(result);
	assert_false(downgraded);
	return rc;
}
