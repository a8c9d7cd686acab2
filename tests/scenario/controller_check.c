/* A test agent against the real controller and the real cloud: one unit from
 * hello to result over mutual TLS, the controller killed with SIGKILL after
 * each acknowledged message and every message sent again; then what must be
 * refused. Usage: controller-check PROVLINE_CONTROLLER PROVLINE_CLOUD */
#include "tests/unit/controller/csr_maker.h"

#include "controller/controller_init.h"
#include "controller/enrol/station_ca.h"
#include "controller/store/store_access.h"
#include "controller/store/store_line.h"
#include "controller/store/store_report.h"
#include "proto/base/dbuf.h"
#include "proto/base/file.h"
#include "proto/base/hex.h"
#include "proto/base/mono.h"
#include "proto/msg/msg.h"
#include "proto/rules.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <fcntl.h>
#include <limits.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/tls/tls.h>
#include <openssl/pem.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LOT "A17"

struct station {
	char name[STORE_NAME_SIZE];
	EVP_PKEY *key;
	char key_pem[1024], cert_pem[STATION_CA_PEM_SIZE];
};

static struct {
	const char *controller, *cloud;
	char dir[64], line[128], image_sha256[65], ca[4096];
	pid_t controller_pid, cloud_pid;
	unsigned port, cloud_port;
	struct station s1, s2, foreign;
	struct csr_made release; /* holds the attestation key */
} t;

static void path_of(char out[PATH_MAX], const char *name)
{
	snprintf(out, PATH_MAX, "%s/%s", t.dir, name);
}

/* ---- processes ---- */

static pid_t spawn(const char *program, const char *config, const char *log)
{
	pid_t pid;
	int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(fd, 2);
		execl(program, program, "--config", config, (char *)NULL);
		_exit(127);
	}
	close(fd);
	return pid;
}

/* The number behind key in the log, once it is there. */
static unsigned wait_port(const char *log, const char *key)
{
	struct mono deadline = mono_after_ms(20000);
	struct dbuf text;
	unsigned port = 0;
	const char *at;

	while (!port && !mono_passed(deadline)) {
		dbuf_init(&text, 1 << 20);
		if (!file_read(log, &text, NULL) &&
		    (at = strstr(dbuf_text(&text), key)) != NULL)
			port = (unsigned)strtoul(at + strlen(key), NULL, 10);
		dbuf_fini(&text);
		mono_sleep_ms(20);
	}
	if (!port)
		fail_msg("%s: no %s", log, key);
	return port;
}

static void write_text(const char *path, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

static void start_cloud(void)
{
	char config[PATH_MAX], log[PATH_MAX], secret[PATH_MAX];

	path_of(config, "cloud.conf");
	path_of(log, "cloud.log");
	path_of(secret, "secret");
	write_text(secret, "open sesame\n");
	write_text(config,
		   "port = %u\ndata_dir = \"%s/cloud\"\n"
		   "auth_user = \"ra\"\nauth_secret_file = \"%s\"\n",
		   t.cloud_port, t.dir, secret);
	t.cloud_pid = spawn(t.cloud, config, log);
	t.cloud_port = wait_port(log, "port=");
}

static void start_controller(void)
{
	char config[PATH_MAX], log[PATH_MAX];

	path_of(config, "controller.conf");
	path_of(log, "controller.log");
	write_text(config,
		   "data_dir = \"%s\"\n"
		   "agent_listen = \"tls+tcp://127.0.0.1:%u\"\n"
		   "https_host = \"127.0.0.1\"\nhttps_port = 0\n"
		   "cloud_url = \"https://localhost:%u/.well-known/est\"\n"
		   "cloud_ca = \"%s/cloud/cloud-ca.pem\"\n"
		   "cloud_user = \"ra\"\ncloud_password_file = \"%s/secret\"\n"
		   "disk_reserve_mib = 0\ncheckpoint_ms = 100\n",
		   t.line, t.port, t.cloud_port, t.dir, t.dir);
	t.controller_pid = spawn(t.controller, config, log);
	t.port = wait_port(log, "agent_port=");
}

static int end_process(pid_t pid, int signum)
{
	int status = -1;

	kill(pid, signum);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* As a power switch would. */
static void kill_and_start(void)
{
	end_process(t.controller_pid, SIGKILL);
	start_controller();
}

/* ---- the line, before it starts ---- */

static void make_station(struct station *st, const char *name,
			 struct station_ca *ca)
{
	X509_REQ *req = X509_REQ_new();
	BIO *out = BIO_new(BIO_s_mem());
	char csr_pem[2048], sha256[65];
	int n;

	snprintf(st->name, sizeof st->name, "%s", name);
	st->key = EVP_EC_gen("P-256");
	X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN",
				   MBSTRING_ASC, (const uint8_t *)name, -1, -1,
				   0);
	X509_REQ_set_pubkey(req, st->key);
	X509_REQ_sign(req, st->key, EVP_sha256());
	PEM_write_bio_X509_REQ(out, req);
	n = BIO_read(out, csr_pem, sizeof csr_pem - 1);
	csr_pem[n] = '\0';
	PEM_write_bio_PrivateKey(out, st->key, NULL, NULL, 0, NULL, NULL);
	n = BIO_read(out, st->key_pem, sizeof st->key_pem - 1);
	st->key_pem[n] = '\0';
	assert_int_equal(
		station_ca_issue(ca, name, csr_pem, st->cert_pem, sha256, NULL),
		0);
	BIO_free(out);
	X509_REQ_free(req);
}

static enum err_code enrol(struct store_db *db, const struct station *st,
			   struct err *e)
{
	struct store_actor who = {"token:admin", ""};
	char token[STORE_TOKEN_SIZE], name[STORE_NAME_SIZE], sha256[65];
	uint8_t der[STORE_CERT_MAX], *p = der, hash[32];
	BIO *in = BIO_new_mem_buf(st->cert_pem, -1);
	X509 *crt = PEM_read_bio_X509(in, NULL, NULL, NULL);
	int64_t expires_at;
	int len = i2d_X509(crt, &p);
	enum err_code rc;

	EVP_Digest(der, (size_t)len, hash, NULL, EVP_sha256(), NULL);
	hex_encode(sha256, hash, 32);
	X509_free(crt);
	BIO_free(in);
	rc = store_station_invite(db, &who, st->name, token, &expires_at, e);
	if (!rc)
		rc = store_station_token_spend(db, &who, token, name, e);
	if (!rc)
		rc = store_station_enrolled(db, &who, name, st->cert_pem,
					    sha256, e);
	return rc;
}

static enum err_code set_up(struct store_db *db, void *arg, struct err *e)
{
	struct store_actor who = {"token:admin", ""};
	struct store_actor second = {"token:second", ""};
	struct store_lot_new lot = {LOT, "widget", "", 3, 2};
	struct store_image im = {.len_bytes = 10000,
				 .product = "widget",
				 .version = "1",
				 .fwid = "FW1"};
	bool added;
	enum err_code rc = enrol(db, &t.s1, e);

	(void)arg;
	memcpy(im.sha256, t.image_sha256, 65);
	memcpy(lot.image_sha256, t.image_sha256, 65);
	hex_encode(im.attestation_key, t.release.claim.attest_key, 64);
	if (!rc)
		rc = enrol(db, &t.s2, e);
	if (!rc)
		rc = store_image_add(db, &who, &im, &added, e);
	if (!rc)
		rc = store_image_approve(db, &second, im.sha256, e);
	if (!rc)
		rc = store_lot_create(db, &who, &lot, e);
	if (!rc)
		rc = store_lot_start(db, &who, LOT, e);
	if (!rc)
		rc = store_assign(db, &who, LOT, "S1", "", e);
	return rc;
}

static void make_image(void)
{
	uint8_t image[10000], hash[32];
	char path[PATH_MAX], dir[PATH_MAX];

	for (size_t i = 0; i < sizeof image; i++)
		image[i] = (uint8_t)(i * 31 + i / 256);
	EVP_Digest(image, sizeof image, hash, NULL, EVP_sha256(), NULL);
	hex_encode(t.image_sha256, hash, 32);
	snprintf(dir, sizeof dir, "%s/" CONTROLLER_DIR_IMAGES, t.line);
	store_image_path(path, sizeof path, dir, t.image_sha256);
	assert_int_equal(file_write(path, image, sizeof image, 0600, NULL), 0);
}

/* In the controller's database while it is down. */
static void in_store(store_run_fn *run, void *arg)
{
	char path[PATH_MAX];
	struct store_config c = {.path = path};
	struct store *s;
	struct err e = {0};

	snprintf(path, sizeof path, "%s/" CONTROLLER_FILE_DB, t.line);
	if (store_open(&s, &c, &e) || store_run(s, run, arg, &e))
		fail_msg("%s", e.text);
	store_close(s);
}

static struct station_ca *open_ca(const char *dir)
{
	char cert[PATH_MAX], key[PATH_MAX];
	struct station_ca *ca;

	snprintf(cert, sizeof cert, "%s/" CONTROLLER_FILE_CA, dir);
	snprintf(key, sizeof key, "%s/" CONTROLLER_FILE_CA_KEY, dir);
	assert_int_equal(station_ca_open(&ca, cert, key, NULL), 0);
	return ca;
}

static int make_line(void **state)
{
	static const struct csr_recipe plain;
	struct controller_init_options init = {0};
	char other[PATH_MAX];
	struct station_ca *ca;

	(void)state;
	strcpy(t.dir, "/tmp/provline-check-XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	snprintf(t.line, sizeof t.line, "%s/line", t.dir);
	init.dir = t.line;
	assert_int_equal(controller_init(&init, NULL), 0);
	csr_make(&t.release, &plain);
	ca = open_ca(t.line);
	make_station(&t.s1, "S1", ca);
	make_station(&t.s2, "S2", ca);
	snprintf(t.ca, sizeof t.ca, "%s", station_ca_pem(ca));
	station_ca_close(ca);
	path_of(other, "other");
	init.dir = other;
	assert_int_equal(controller_init(&init, NULL), 0);
	ca = open_ca(other);
	make_station(&t.foreign, "S1", ca);
	station_ca_close(ca);
	make_image();
	in_store(set_up, NULL);
	start_cloud();
	start_controller();
	return 0;
}

static int drop_line(void **state)
{
	char command[128];

	(void)state;
	end_process(t.cloud_pid, SIGTERM);
	csr_made_free(&t.release);
	EVP_PKEY_free(t.s1.key);
	EVP_PKEY_free(t.s2.key);
	EVP_PKEY_free(t.foreign.key);
	snprintf(command, sizeof command, "rm -rf %s", t.dir);
	return system(command);
}

/* ---- the link ---- */

static int dial(nng_socket *s, const struct station *st)
{
	char url[64];
	nng_tls_config *tls;
	nng_dialer d;
	int rv;

	snprintf(url, sizeof url, "tls+tcp://127.0.0.1:%u", t.port);
	assert_int_equal(nng_req0_open(s), 0);
	nng_socket_set_size(*s, NNG_OPT_RECVMAXSZ, MSG_MAX_BYTES);
	nng_socket_set_ms(*s, NNG_OPT_RECVTIMEO, 30000);
	nng_socket_set_ms(*s, NNG_OPT_SENDTIMEO, 5000);
	nng_dialer_create(&d, *s, url);
	nng_tls_config_alloc(&tls, NNG_TLS_MODE_CLIENT);
	nng_tls_config_server_name(tls, "localhost");
	nng_tls_config_ca_chain(tls, t.ca, NULL);
	nng_tls_config_auth_mode(tls, NNG_TLS_AUTH_MODE_REQUIRED);
	if (st)
		nng_tls_config_own_cert(tls, st->cert_pem, st->key_pem, NULL);
	nng_dialer_set_ptr(d, NNG_OPT_TLS_CONFIG, tls);
	rv = nng_dialer_start(d, 0);
	nng_tls_config_free(tls);
	return rv;
}

/* One question, one decoded answer; wire holds its body. */
static struct msg *ask(nng_socket s, struct msg *m, void **wire)
{
	struct msg *answer = NULL;
	struct err e = {0};
	uint8_t *bytes;
	size_t len;
	void *in;
	int rv;

	if (msg_encode(m, &bytes, &len, &e))
		fail_msg("%s", e.text);
	rv = nng_send(s, bytes, len, 0);
	free(bytes);
	if (!rv)
		rv = nng_recv(s, &in, &len, NNG_FLAG_ALLOC);
	if (rv)
		fail_msg("%s: %s", msg_name(m->type), nng_strerror(rv));
	if (msg_decode(&answer, in, len, false, &e))
		fail_msg("%s: %s", msg_name(m->type), e.text);
	if (answer->type == MSG_REFUSED)
		print_message("%s refused: %s: %s\n", msg_name(m->type),
			      answer->u.REFUSED.code, answer->u.REFUSED.text);
	if (wire)
		*wire = in;
	else
		nng_free(in, len);
	return answer;
}

/* The question must be refused with this code. */
static void ask_refused(nng_socket s, struct msg *m, const char *code)
{
	struct msg *answer = ask(s, m, NULL);

	assert_int_equal(answer->type, MSG_REFUSED);
	assert_string_equal(answer->u.REFUSED.code, code);
	msg_free(answer);
}

static struct msg *prove_with(nng_socket s, const struct station *claimed,
			      EVP_PKEY *key)
{
	struct msg *m = msg_new(MSG_HELLO), *answer;
	uint8_t text[128] = "provline-station-v1";
	size_t len = strlen((char *)text), sig_len = 80;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	strcpy(m->u.HELLO.station, claimed->name);
	strcpy(m->u.HELLO.agent_version, "test");
	hex_uuid(m->u.HELLO.boot_id);
	answer = ask(s, m, NULL);
	assert_int_equal(answer->type, MSG_CHALLENGE);
	msg_free(m);
	m = msg_new(MSG_PROVE);
	strcpy(m->u.PROVE.station, claimed->name);
	strcpy(m->u.PROVE.nonce, answer->u.CHALLENGE.nonce);
	hex_decode(text + len, 32, answer->u.CHALLENGE.nonce);
	strcpy((char *)text + len + 32, claimed->name);
	len += 32 + strlen(claimed->name);
	EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key);
	assert_int_equal(
		EVP_DigestSign(ctx, m->u.PROVE.signature, &sig_len, text, len),
		1);
	m->u.PROVE.signature_len = sig_len;
	EVP_MD_CTX_free(ctx);
	msg_free(answer);
	answer = ask(s, m, NULL);
	msg_free(m);
	return answer;
}

static void bind_s1(nng_socket *s)
{
	struct msg *answer;

	assert_int_equal(dial(s, &t.s1), 0);
	answer = prove_with(*s, &t.s1, t.s1.key);
	assert_int_equal(answer->type, MSG_WELCOME);
	assert_true(answer->u.WELCOME.checkpoint_seq > 0);
	msg_free(answer);
}

/* Ask, kill the controller, start it, ask again: the same answer. */
static struct msg *ask_twice(nng_socket *s, struct msg *m, enum msg_type want)
{
	struct msg *first = ask(*s, m, NULL), *second;
	char *a, *b;

	assert_int_equal(first->type, want);
	nng_close(*s);
	kill_and_start();
	bind_s1(s);
	second = ask(*s, m, NULL);
	assert_int_equal(msg_to_json(first, &a, NULL), 0);
	assert_int_equal(msg_to_json(second, &b, NULL), 0);
	assert_string_equal(a, b);
	free(a);
	free(b);
	msg_free(first);
	return second;
}

/* ---- one unit ---- */

static const char attempt_id[] = "11111111-2222-4333-8444-555555555555";

static struct msg *permit_ask(void)
{
	struct msg *m = msg_new(MSG_PERMIT_GET);
	struct msg_PERMIT_GET *p = &m->u.PERMIT_GET;

	strcpy(p->attempt, attempt_id);
	strcpy(p->harness, "H1");
	strcpy(p->lot, LOT);
	hex_encode(p->uid, t.release.claim.uid, 12);
	strcpy(p->board_serial, "B1");
	strcpy(p->condition, "fresh");
	strcpy(p->started_at, "2026-03-01T08:00:00.000Z");
	p->dev_id = 0x482;
	return m;
}

static struct msg *licence_ask(uint64_t fence)
{
	struct msg *m = msg_new(MSG_LICENCE_ISSUED);
	struct msg_LICENCE_ISSUED *l = &m->u.LICENCE_ISSUED;

	strcpy(l->attempt, attempt_id);
	l->fence = fence;
	strcpy(l->card_serial, "CARD0001");
	memcpy(l->licence,
	       "PLL10001\0\0\0\x63"
	       "FW1",
	       15);
	hex_encode(l->licence_id, l->licence + 4, 8);
	l->licence_len = l->chip_certificate_len = 136;
	l->counter_before = 100;
	l->counter_after = 99;
	return m;
}

static struct msg *csr_ask(const struct msg_PERMIT *p)
{
	struct csr_recipe r = {.password = p->challenge};
	struct msg *m = msg_new(MSG_CSR_RELAY);
	struct csr_made made;
	EVP_PKEY *own;

	csr_make(&made, &r);
	own = made.attest_key;
	made.attest_key = t.release.attest_key;
	hex_decode(made.claim.challenge, 32, p->challenge);
	csr_attest(&made);
	made.attest_key = own;
	strcpy(m->u.CSR_RELAY.attempt, attempt_id);
	m->u.CSR_RELAY.fence = p->fence;
	strcpy(m->u.CSR_RELAY.device_id, p->device_id);
	m->u.CSR_RELAY.csr_len = made.claim.csr_len;
	memcpy(m->u.CSR_RELAY.csr, made.der, made.claim.csr_len);
	m->u.CSR_RELAY.attestation_len = made.claim.attestation_len;
	memcpy(m->u.CSR_RELAY.attestation, made.attestation,
	       made.claim.attestation_len);
	csr_made_free(&made);
	return m;
}

static struct msg *result_ask(const struct msg_PERMIT *p,
			      const char *licence_id, const char *cert_sha256)
{
	struct msg *m = msg_new(MSG_RESULT);
	struct msg_RESULT *r = &m->u.RESULT;

	strcpy(r->attempt, attempt_id);
	r->fence = p->fence;
	r->attempt_no = p->attempt_no;
	strcpy(r->lot, LOT);
	strcpy(r->harness, "H1");
	hex_encode(r->uid, t.release.claim.uid, 12);
	strcpy(r->board_serial, "B1");
	strcpy(r->device_id, p->device_id);
	strcpy(r->outcome, "pass");
	strcpy(r->started_at, "2026-03-01T08:00:00.000Z");
	strcpy(r->finished_at, "2026-03-01T08:01:00.000Z");
	r->cycle_ms = 60000;
	r->wire_ms = 61000;
	r->rest_ms = -1000;
	strcpy(r->image_sha256, t.image_sha256);
	strcpy(r->nor_sha256, t.image_sha256);
	strcpy(r->licence_id, licence_id);
	strcpy(r->cert_sha256, cert_sha256);
	r->counter_before = 100;
	r->counter_after = 99;
	for (r->steps_n = 0; r->steps_n < STEP_RECORD; r->steps_n++) {
		strcpy(r->steps[r->steps_n].step,
		       step_name((enum step)r->steps_n));
		strcpy(r->steps[r->steps_n].state, "done");
	}
	return m;
}

static void check_orders_and_image(nng_socket s)
{
	struct msg *m = msg_new(MSG_HEARTBEAT), *answer;
	uint8_t hash[32];
	char hex[65];
	void *wire;

	m->u.HEARTBEAT.harnesses_n = 1;
	strcpy(m->u.HEARTBEAT.harnesses[0].harness, "H1");
	strcpy(m->u.HEARTBEAT.harnesses[0].state, "empty");
	answer = ask(s, m, NULL);
	assert_int_equal(answer->type, MSG_ORDERS);
	assert_int_equal(answer->u.ORDERS.assignments_n, 1);
	assert_string_equal(answer->u.ORDERS.assignments[0].lot, LOT);
	msg_free(answer);
	msg_free(m);
	m = msg_new(MSG_IMAGE_GET);
	strcpy(m->u.IMAGE_GET.sha256, t.image_sha256);
	m->u.IMAGE_GET.len = 1048576;
	answer = ask(s, m, &wire);
	assert_int_equal(answer->type, MSG_IMAGE_CHUNK);
	assert_int_equal(answer->body_len, 10000);
	EVP_Digest(answer->body, answer->body_len, hash, NULL, EVP_sha256(),
		   NULL);
	assert_string_equal(hex_encode(hex, hash, 32), t.image_sha256);
	free(wire); /* nng's own allocator is malloc */
	msg_free(answer);
	memset(m->u.IMAGE_GET.sha256, 'e', 64);
	ask_refused(s, m, "refused");
	msg_free(m);
}

static enum err_code look(struct store_db *db, void *arg, struct err *e)
{
	struct store_lot lot;
	struct store_ledger ledger;
	enum err_code rc = store_lot_get(db, LOT, &lot, e);

	(void)arg;
	if (!rc)
		rc = store_ledger(db, LOT, &ledger, e);
	if (rc)
		return rc;
	assert_int_equal(lot.counts.passed, 1);
	assert_int_equal(lot.counts.units, 1);
	assert_int_equal(lot.counts.attempts, 1);
	assert_int_equal(lot.counts.admitted, 1);
	assert_int_equal(ledger.licences, 1);
	assert_int_equal(ledger.certificates, 1);
	assert_true(ledger.balanced);
	return ERR_OK;
}

static void one_unit_with_a_kill_after_every_answer(void **state)
{
	struct msg *m, *permit, *licence, *cert, *done;
	nng_socket s;

	(void)state;
	bind_s1(&s);
	check_orders_and_image(s);
	m = permit_ask();
	permit = ask_twice(&s, m, MSG_PERMIT);
	msg_free(m);
	licence = licence_ask(permit->u.PERMIT.fence);
	msg_free(ask_twice(&s, licence, MSG_RECORDED));
	m = csr_ask(&permit->u.PERMIT);
	cert = ask_twice(&s, m, MSG_CERTIFICATE);
	msg_free(m);
	m = result_ask(&permit->u.PERMIT, licence->u.LICENCE_ISSUED.licence_id,
		       cert->u.CERTIFICATE.sha256);
	done = ask_twice(&s, m, MSG_RECORDED);
	msg_free(done);
	/* the same attempt with another outcome */
	strcpy(m->u.RESULT.outcome, "fail");
	strcpy(m->u.RESULT.failure_code, "modem");
	ask_refused(s, m, "conflict");
	msg_free(m);
	msg_free(permit);
	msg_free(licence);
	msg_free(cert);
	nng_close(s);
	assert_int_equal(end_process(t.controller_pid, SIGTERM), 0);
	in_store(look, NULL);
	start_controller();
}

static void nobody_speaks_before_proving(void **state)
{
	struct msg *m = permit_ask(), *answer;
	nng_socket s;

	(void)state;
	assert_int_equal(dial(&s, &t.s2), 0);
	ask_refused(s, m, "not-bound");
	/* S2 cannot speak for S1: it has another key */
	answer = prove_with(s, &t.s1, t.s2.key);
	assert_int_equal(answer->type, MSG_REFUSED);
	assert_string_equal(answer->u.REFUSED.code, "unauthorised");
	msg_free(answer);
	ask_refused(s, m, "not-bound");
	msg_free(m);
	nng_close(s);
}

static void a_foreign_certificate_stays_outside(void **state)
{
	struct msg *m = permit_ask();
	uint8_t *bytes;
	size_t len;
	nng_socket s;
	void *in;

	(void)state;
	assert_int_equal(msg_encode(m, &bytes, &len, NULL), 0);
	for (int i = 0; i < 2; i++) {
		const struct station *st = i ? NULL : &t.foreign;
		int rv = dial(&s, st);

		/* TLS 1.2: refused in the handshake, at the latest the
		 * question finds no answer */
		nng_socket_set_ms(s, NNG_OPT_RECVTIMEO, 1000);
		if (rv == 0)
			rv = nng_send(s, bytes, len, 0);
		if (rv == 0)
			rv = nng_recv(s, &in, &len, NNG_FLAG_ALLOC);
		assert_int_not_equal(rv, 0);
		nng_close(s);
	}
	free(bytes);
	msg_free(m);
}

static void garbage_is_refused(void **state)
{
	static const char *const bad[] = {"", "x", "\0\0\0\x02{}",
					  "\xff\xff\xff\xff{}"};
	static const size_t lens[] = {0, 1, 6, 6};
	struct msg *answer;
	nng_socket s;
	size_t len;
	void *in;

	(void)state;
	bind_s1(&s);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(nng_send(s, (void *)bad[i], lens[i], 0), 0);
		assert_int_equal(nng_recv(s, &in, &len, NNG_FLAG_ALLOC), 0);
		assert_int_equal(msg_decode(&answer, in, len, false, NULL), 0);
		assert_int_equal(answer->type, MSG_REFUSED);
		msg_free(answer);
		nng_free(in, len);
	}
	nng_close(s);
	assert_int_equal(end_process(t.controller_pid, SIGTERM), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_unit_with_a_kill_after_every_answer),
		cmocka_unit_test(nobody_speaks_before_proving),
		cmocka_unit_test(a_foreign_certificate_stays_outside),
		cmocka_unit_test(garbage_is_refused),
	};

	if (argc != 3) {
		fputs("usage: controller-check CONTROLLER CLOUD\n", stderr);
		return 2;
	}
	t.controller = argv[1];
	t.cloud = argv[2];
	return cmocka_run_group_tests(tests, make_line, drop_line);
}
