/* A store for the console's tests: the functions that the console calls, over
 * a few arrays, with the same threading as the real one (runs on another
 * thread, completions on the loop). What it holds is set by `fake_store.h`. */
#include "tests/e2e/fake_store.h"

#include "controller/console/console.h"
#include "controller/store/store_access.h"
#include "controller/store/store_line.h"
#include "controller/store/store_report.h"
#include "proto/base/wall.h"

#include <stdlib.h>
#include <string.h>

struct store_db {
	int unused;
};

struct job {
	uv_work_t work;
	store_run_fn *run;
	store_done_fn *done;
	void *arg;
	struct err e;
};

struct fake fake;
static uv_loop_t *fake_loop;
static uv_mutex_t fake_lock;
static struct store_db fake_db;

void fake_init(uv_loop_t *loop)
{
	fake_loop = loop;
	uv_mutex_init(&fake_lock);
}

static void job_work(uv_work_t *w)
{
	struct job *j = w->data;

	j->e.code = ERR_OK;
	/* e is filled for sure only by who fails */
	j->e.code = j->run(&fake_db, j->arg, &j->e);
}

static void job_after(uv_work_t *w, int status)
{
	struct job *j = w->data;

	(void)status;
	if (j->done)
		j->done(j->arg, &j->e);
	free(j);
}

static void queue(store_run_fn *run, store_done_fn *done, void *arg)
{
	struct job *j = calloc(1, sizeof(*j));

	j->run = run;
	j->done = done;
	j->arg = arg;
	j->work.data = j;
	uv_queue_work(fake_loop, &j->work, job_work, job_after);
}

void store_write(struct store *s, store_run_fn *run, store_done_fn *done,
		 void *arg)
{
	(void)s;
	queue(run, done, arg);
}

void store_read(struct store *s, store_run_fn *run, store_done_fn *done,
		void *arg)
{
	(void)s;
	queue(run, done, arg);
}

uint64_t store_free_bytes(const struct store *s)
{
	(void)s;
	return 1u << 30;
}

unsigned store_queue_len(struct store *s)
{
	(void)s;
	return 0;
}

void store_note_refusal(struct store_db *db, const struct store_actor *who,
			const char *kind, const char *lot, const char *body)
{
	(void)db;
	(void)who;
	(void)kind;
	(void)lot;
	(void)body;
	uv_mutex_lock(&fake_lock);
	fake.refusals++;
	uv_mutex_unlock(&fake_lock);
}

/* ---- access ---- */

enum err_code store_token_check(struct store_db *db, const char *token,
				struct store_identity *out, struct err *e)
{
	(void)db;
	if (!strcmp(token, FAKE_ADMIN_TOKEN)) {
		strcpy(out->name, "admin");
		strcpy(out->role, "admin");
		return ERR_OK;
	}
	if (!strcmp(token, FAKE_OPERATOR_TOKEN)) {
		strcpy(out->name, "olga");
		strcpy(out->role, "operator");
		return ERR_OK;
	}
	return err_set(e, ERR_UNAUTHORISED, "unknown token");
}

enum err_code store_sign_in_new(struct store_db *db,
				const struct store_actor *who,
				const struct store_identity *id,
				char token[STORE_TOKEN_SIZE],
				int64_t *expires_at, struct err *e)
{
	(void)db;
	(void)who;
	(void)id;
	(void)e;
	strcpy(token, FAKE_SIGN_IN);
	*expires_at = wall_now_ms() + STORE_SIGN_IN_MS;
	uv_mutex_lock(&fake_lock);
	fake.sign_in_open = true;
	uv_mutex_unlock(&fake_lock);
	return ERR_OK;
}

enum err_code store_session_open(struct store_db *db,
				 const struct store_actor *who,
				 const char *token,
				 char cookie[STORE_TOKEN_SIZE],
				 struct store_identity *out, struct err *e)
{
	bool ok;

	(void)db;
	(void)who;
	uv_mutex_lock(&fake_lock);
	ok = fake.sign_in_open && !strcmp(token, FAKE_SIGN_IN);
	if (ok) {
		fake.sign_in_open = false;
		fake.session_open = true;
	}
	uv_mutex_unlock(&fake_lock);
	if (!ok)
		return err_set(e, ERR_UNAUTHORISED,
			       "this sign-in is used up or not known");
	strcpy(cookie, FAKE_COOKIE);
	strcpy(out->name, "admin");
	strcpy(out->role, "admin");
	return ERR_OK;
}

enum err_code store_session_check(struct store_db *db, const char *cookie,
				  struct store_identity *out, struct err *e)
{
	bool ok;

	(void)db;
	uv_mutex_lock(&fake_lock);
	ok = fake.session_open && !strcmp(cookie, FAKE_COOKIE);
	uv_mutex_unlock(&fake_lock);
	if (!ok)
		return err_set(e, ERR_UNAUTHORISED, "no such session");
	strcpy(out->name, "admin");
	strcpy(out->role, "admin");
	return ERR_OK;
}

enum err_code store_session_end(struct store_db *db,
				const struct store_actor *who,
				const char *cookie, struct err *e)
{
	(void)db;
	(void)who;
	(void)cookie;
	(void)e;
	uv_mutex_lock(&fake_lock);
	fake.session_open = false;
	uv_mutex_unlock(&fake_lock);
	return ERR_OK;
}

enum err_code store_station_invite(struct store_db *db,
				   const struct store_actor *who,
				   const char *station,
				   char token[STORE_TOKEN_SIZE],
				   int64_t *expires_at, struct err *e)
{
	(void)db;
	(void)who;
	(void)station;
	(void)e;
	strcpy(token, FAKE_INVITE);
	*expires_at = wall_now_ms() + STORE_INVITE_MS;
	return ERR_OK;
}

enum err_code store_station_token_spend(struct store_db *db,
					const struct store_actor *who,
					const char *token,
					char station[STORE_NAME_SIZE],
					struct err *e)
{
	(void)db;
	(void)who;
	if (strcmp(token, FAKE_INVITE))
		return err_set(e, ERR_UNAUTHORISED, "not an enrolment token");
	strcpy(station, "st1");
	return ERR_OK;
}

enum err_code store_station_enrolled(struct store_db *db,
				     const struct store_actor *who,
				     const char *station, const char *cert_pem,
				     const char *cert_sha256, struct err *e)
{
	(void)db;
	(void)who;
	(void)station;
	(void)cert_pem;
	(void)cert_sha256;
	(void)e;
	return ERR_OK;
}

enum err_code store_station_revoke(struct store_db *db,
				   const struct store_actor *who,
				   const char *station, struct err *e)
{
	(void)db;
	(void)who;
	if (strncmp(station, "st", 2))
		return err_set(e, ERR_NOT_FOUND, "no station %s", station);
	return ERR_OK;
}

enum err_code store_stations(struct store_db *db, store_station_fn *fn,
			     void *arg, struct err *e)
{
	struct store_station st;
	enum err_code rc = ERR_OK;

	(void)db;
	for (unsigned i = 1; !rc && i <= FAKE_STATIONS; i++) {
		memset(&st, 0, sizeof(st));
		snprintf(st.station, sizeof(st.station), "st%u", i);
		strcpy(st.state, "enrolled");
		st.enrolled_at = 1700000000000;
		rc = fn(arg, &st, e);
	}
	return rc;
}

/* ---- line ---- */

void store_image_path(char *out, size_t out_size, const char *image_dir,
		      const char *sha256)
{
	snprintf(out, out_size, "%s/%s.pli", image_dir, sha256);
}

enum err_code store_image_add(struct store_db *db,
			      const struct store_actor *who,
			      const struct store_image *im, bool *added,
			      struct err *e)
{
	(void)db;
	(void)who;
	(void)e;
	uv_mutex_lock(&fake_lock);
	*added = strcmp(fake.image.sha256, im->sha256) != 0;
	fake.image = *im;
	uv_mutex_unlock(&fake_lock);
	return ERR_OK;
}

enum err_code store_image_get(struct store_db *db, const char *sha256,
			      struct store_image *out, struct err *e)
{
	bool known;

	(void)db;
	uv_mutex_lock(&fake_lock);
	*out = fake.image;
	known = strcmp(fake.image.sha256, sha256) == 0;
	uv_mutex_unlock(&fake_lock);
	return known ? ERR_OK : err_set(e, ERR_NOT_FOUND, "no image");
}

enum err_code store_record(struct store_db *db, const struct store_actor *who,
			   const char *kind, const char *lot, const char *body,
			   struct err *e)
{
	(void)db, (void)who, (void)kind, (void)lot, (void)body, (void)e;
	return ERR_OK;
}

enum err_code store_token_add(struct store_db *db,
			      const struct store_actor *who,
			      const struct store_identity *id,
			      char token[STORE_TOKEN_SIZE], struct err *e)
{
	(void)db, (void)who, (void)token;
	return err_set(e, ERR_EXISTS, "there is a token %s", id->name);
}

enum err_code store_image_approve(struct store_db *db,
				  const struct store_actor *who,
				  const char *sha256, struct err *e)
{
	(void)db, (void)who, (void)sha256;
	return err_set(e, ERR_REFUSED, "not here");
}

enum err_code store_image_retire(struct store_db *db,
				 const struct store_actor *who,
				 const char *sha256, struct err *e)
{
	return store_image_approve(db, who, sha256, e);
}

enum err_code store_images(struct store_db *db, store_image_fn *fn, void *arg,
			   struct err *e)
{
	(void)db;
	return fake.image.sha256[0] ? fn(arg, &fake.image, e) : ERR_OK;
}

static void fill_lot(struct store_lot *lot)
{
	memset(lot, 0, sizeof(*lot));
	uv_mutex_lock(&fake_lock);
	strcpy(lot->lot, "A17");
	strcpy(lot->product, "gateway-u5");
	memset(lot->image_sha256, 'a', 64);
	lot->quantity = 120;
	lot->max_attempts = 2;
	strcpy(lot->state, fake.lot_paused ? "paused" : "running");
	lot->created_at = lot->started_at = 1700000000000;
	lot->counts.units = fake.passed + fake.failed + 3;
	lot->counts.passed = fake.passed;
	lot->counts.failed = fake.failed;
	lot->counts.in_progress = 3;
	lot->counts.attempts = fake.passed + fake.failed + 4;
	lot->counts.first_pass = fake.passed - 1;
	lot->quota_left = 120 - lot->counts.units;
	uv_mutex_unlock(&fake_lock);
}

enum err_code store_lot_get(struct store_db *db, const char *lot,
			    struct store_lot *out, struct err *e)
{
	(void)db;
	if (strcmp(lot, "A17"))
		return err_set(e, ERR_NOT_FOUND, "no lot %s", lot);
	fill_lot(out);
	return ERR_OK;
}

enum err_code store_lots(struct store_db *db, store_lot_fn *fn, void *arg,
			 struct err *e)
{
	struct store_lot lot;

	(void)db;
	fill_lot(&lot);
	return fn(arg, &lot, e);
}

enum err_code store_lot_create(struct store_db *db,
			       const struct store_actor *who,
			       const struct store_lot_new *lot, struct err *e)
{
	(void)db;
	(void)who;
	return strcmp(lot->lot, "A17")
		       ? ERR_OK
		       : err_set(e, ERR_EXISTS, "lot A17 exists");
}

static enum err_code set_paused(bool paused)
{
	uv_mutex_lock(&fake_lock);
	fake.lot_paused = paused;
	uv_mutex_unlock(&fake_lock);
	return ERR_OK;
}

enum err_code store_lot_start(struct store_db *db,
			      const struct store_actor *who, const char *lot,
			      struct err *e)
{
	(void)db;
	(void)who;
	return err_set(e, ERR_STATE, "lot %s is running", lot);
}

enum err_code store_lot_pause(struct store_db *db,
			      const struct store_actor *who, const char *lot,
			      struct err *e)
{
	(void)db;
	(void)who;
	(void)lot;
	(void)e;
	return set_paused(true);
}

enum err_code store_lot_resume(struct store_db *db,
			       const struct store_actor *who, const char *lot,
			       struct err *e)
{
	(void)db;
	(void)who;
	(void)lot;
	(void)e;
	return set_paused(false);
}

enum err_code store_lot_close(struct store_db *db,
			      const struct store_actor *who, const char *lot,
			      uint64_t spooled, struct err *e)
{
	(void)db;
	(void)who;
	return err_set(e, ERR_STATE,
		       "lot %s: 3 units in progress, %llu spooled", lot,
		       (unsigned long long)spooled);
}

enum err_code store_assign(struct store_db *db, const struct store_actor *who,
			   const char *lot, const char *station,
			   const char *harness, struct err *e)
{
	(void)db;
	(void)who;
	(void)lot;
	(void)station;
	(void)harness;
	(void)e;
	return ERR_OK;
}

enum err_code store_assignments(struct store_db *db, const char *station,
				store_assignment_fn *fn, void *arg,
				struct err *e)
{
	struct store_assignment as;
	enum err_code rc = ERR_OK;

	(void)db;
	(void)station;
	for (unsigned i = 1; !rc && i <= FAKE_STATIONS; i++) {
		memset(&as, 0, sizeof(as));
		snprintf(as.station, sizeof(as.station), "st%u", i);
		strcpy(as.lot, "A17");
		rc = fn(arg, &as, e);
	}
	return rc;
}

/* ---- reports ---- */

static void fill_unit(struct store_unit *u, unsigned n)
{
	memset(u, 0, sizeof(*u));
	strcpy(u->lot, "A17");
	snprintf(u->uid, sizeof(u->uid), "%024x", n);
	snprintf(u->device_id, sizeof(u->device_id), "PV%032x", n * 77);
	snprintf(u->board_serial, sizeof(u->board_serial), "B%05u", n);
	strcpy(u->outcome, n % 9 ? "pass" : "fail");
	if (n % 9 == 0) {
		strcpy(u->failure_code, n % 2 ? "wifi" : "nor-wrong-size");
		strcpy(u->failure_step, n % 2 ? "hardware-test" : "spi-flash");
		strcpy(u->disposition, "rework");
	} else {
		strcpy(u->disposition, "good");
	}
	u->attempts = 1 + n % 7 / 6;
	memset(u->cert_sha256, 'c', 64);
	u->finished_at = 1700000000000 + n * 61000;
}

enum err_code store_units(struct store_db *db, const char *lot,
			  const char *cursor, unsigned limit,
			  char next[STORE_CURSOR_SIZE], store_unit_fn *fn,
			  void *arg, struct err *e)
{
	unsigned first = (unsigned)atoi(cursor), n;
	enum err_code rc = ERR_OK;
	struct store_unit u;

	(void)db;
	(void)lot;
	for (n = first; !rc && n < first + limit && n < FAKE_UNITS; n++) {
		fill_unit(&u, n + 1);
		rc = fn(arg, &u, e);
	}
	next[0] = '\0';
	if (n < FAKE_UNITS)
		snprintf(next, STORE_CURSOR_SIZE, "%u", n);
	return rc;
}

enum err_code store_unit_get(struct store_db *db, const char *key,
			     struct store_unit *out, struct err *e)
{
	(void)db;
	if (strlen(key) != 24)
		return err_set(e, ERR_NOT_FOUND, "no unit %s", key);
	fill_unit(out, (unsigned)strtoul(key, NULL, 16));
	return ERR_OK;
}

enum err_code store_traceability(struct store_db *db, const char *lot,
				 store_trace_fn *fn, void *arg, struct err *e)
{
	enum err_code rc = ERR_OK;
	struct store_unit u;

	(void)db;
	for (unsigned n = 1; !rc && n <= fake.trace_rows; n++) {
		struct store_trace t;

		fill_unit(&u, n);
		t = (struct store_trace){
			.lot = lot,
			.product = "gateway-u5",
			.board_serial = n == 2 ? "=cmd|x" : u.board_serial,
			.uid = u.uid,
			.device_id = u.device_id,
			.attempt = "7b0f6a6e-3c69-4a8e-9d53-0d1b1d9f2a11",
			.outcome = u.outcome,
			.failure_code = u.failure_code,
			.failure_step = u.failure_step,
			.disposition = u.disposition,
			.station = "st1",
			.harness = "h1",
			.operator_ = "",
			.started_at = "2026-03-01T08:15:30.123Z",
			.finished_at = "2026-03-01T08:16:30.623Z",
			.cycle_ms = 60500,
			.image_sha256 = u.cert_sha256,
			.test_program_version = "1.2.0",
			.app_version = "3.4, beta \"x\"",
			.app_test_status = 0,
			.card_serial = "00000001",
			.licence_id = "0000000100000002",
			.card_counter_before = 100,
			.card_counter_after = 99,
			.csr_sha256 = u.cert_sha256,
			.cert_serial = "01ab",
			.cert_sha256 = u.cert_sha256,
			.cert_issuer = "CN=Cloud CA,O=Provline",
			.record_seq = n,
			.record_hash = u.cert_sha256,
			.attempt_no = 1,
			.fence = n,
			.recorded_at = u.finished_at,
			.failure_text = "",
			.accounted = true,
			.wire_ms = 1800,
			.usb_ms = 400,
			.nor_program_ms = 7400,
			.cpu_ms = 31000,
			.cloud_ms = 900,
			.wait_ms = 110,
			.rest_ms =
				60500 - 1800 - 400 - 7400 - 31000 - 900 - 110,
		};
		rc = fn(arg, &t, e);
	}
	return rc;
}

enum err_code store_unit_attempts(struct store_db *db, const char *key,
				  store_trace_fn *fn, void *arg, struct err *e)
{
	unsigned was = fake.trace_rows;
	enum err_code rc;

	(void)key;
	fake.trace_rows = 1;
	rc = store_traceability(db, "A17", fn, arg, e);
	fake.trace_rows = was;
	return rc;
}

enum err_code store_attempt_steps(struct store_db *db, const char *attempt,
				  store_step_fn *fn, void *arg, struct err *e)
{
	static const char *const steps[] = {"detect", "identify", "permit",
					    "spi-flash", "licence"};
	enum err_code rc = ERR_OK;

	(void)db;
	(void)attempt;
	for (unsigned i = 0; !rc && i < 5; i++) {
		struct store_step s = {steps[i], "done", i * 1200, 1150};

		rc = fn(arg, &s, e);
	}
	return rc;
}

enum err_code store_attempt_measurements(struct store_db *db,
					 const char *attempt,
					 store_measurement_fn *fn, void *arg,
					 struct err *e)
{
	struct store_measurement m = {
		"hardware-test", "modem-rssi", "-71", "dBm", "-95", "", true};

	(void)db;
	(void)attempt;
	return fn(arg, &m, e);
}

enum err_code store_attempt_log(struct store_db *db, const char *attempt,
				char **log, struct err *e)
{
	(void)db;
	(void)attempt;
	(void)e;
	*log = strdup("modem: registered\nwifi: 7 networks <b>seen</b>\n");
	return ERR_OK;
}

enum err_code store_certificates(struct store_db *db, const char *lot,
				 const char *uid, store_cert_fn *fn, void *arg,
				 struct err *e)
{
	static const uint8_t der[100] = {0x30, 0x62};
	struct store_cert c = {lot, uid, "", "01", "", der, sizeof(der), 1};

	(void)db;
	return fn(arg, &c, e);
}

enum err_code store_ledger(struct store_db *db, const char *lot,
			   struct store_ledger *out, struct err *e)
{
	(void)db;
	(void)e;
	memset(out, 0, sizeof(*out));
	snprintf(out->lot, sizeof(out->lot), "%s", lot);
	out->card_start = 1000;
	out->card_end = 1000 - fake.passed;
	out->licences = out->units = out->certificates = fake.passed;
	out->balanced = true;
	return ERR_OK;
}

enum err_code store_yield_rows(struct store_db *db, const char *lot,
			       store_yield_fn *fn, void *arg, struct err *e)
{
	struct store_yield_row r = {lot, "st1", "spi-flash", 60, 2, 58.0 / 60};

	(void)db;
	return fn(arg, &r, e);
}

enum err_code store_yield_totals(struct store_db *db, const char *lot,
				 struct store_yield_totals *out, struct err *e)
{
	(void)db;
	(void)lot;
	(void)e;
	uv_mutex_lock(&fake_lock);
	*out = (struct store_yield_totals){
		.units = fake.passed + fake.failed,
		.passed = fake.passed,
		.fpy = 0.942,
		.rty = 0.931,
		.uph = 57.3,
		.cycle_median_s = 61.2,
		.cycle_p95_s = 71.9,
	};
	uv_mutex_unlock(&fake_lock);
	return ERR_OK;
}

enum err_code store_record_head(struct store_db *db, struct store_head *out,
				struct err *e)
{
	(void)db;
	(void)e;
	memset(out, 0, sizeof(*out));
	out->seq = 400 + fake.passed;
	memset(out->hash, 'f', 64);
	return ERR_OK;
}
