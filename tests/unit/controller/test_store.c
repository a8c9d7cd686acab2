/* The store's promises on one line: nothing lost, nothing twice, no pass by
 * accident, no fact without its leaf of the record. */
#include "tests/unit/controller/line_world.h"

#include "controller/audit/chain.h"
#include "controller/store/db.h"
#include "proto/base/hex.h"
#include "proto/board/sfi.h"
#include "proto/rules.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

static int open_world(void **state)
{
	struct world *w = malloc(sizeof *w);

	world_open(w);
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	world_close(*state);
	free(*state);
	return 0;
}

/* ---- looking at what is stored ---- */

static enum err_code get_lot(struct store_db *db, void *arg, struct err *e)
{
	return store_lot_get(db, WORLD_LOT, arg, e);
}

static struct store_lot lot_of(struct world *w)
{
	struct store_lot lot;

	assert_int_equal(world_run(w, get_lot, &lot, NULL), ERR_OK);
	return lot;
}

static enum err_code get_ledger(struct store_db *db, void *arg, struct err *e)
{
	return store_ledger(db, WORLD_LOT, arg, e);
}

static enum err_code close_lot(struct store_db *db, void *arg, struct err *e)
{
	struct store_actor who = {"token:admin", ""};

	return store_lot_close(db, &who, WORLD_LOT, *(uint64_t *)arg, e);
}

struct record_look {
	uint64_t leaves;
	unsigned kinds[8];
	uint8_t prev[32];
};

static const char *const kinds[] = {
	"permit",   "licence",	      "certificate",	   "result",
	"conflict", "permit-refused", "enrolment-refused", "lot-state"};

static enum err_code look_leaf(void *arg, const struct store_leaf *l,
			       struct err *e)
{
	struct record_look *look = arg;
	struct chain_leaf leaf = {l->seq, l->at_ms, l->kind, l->body,
				  strlen(l->body)};
	uint8_t hash[32];
	char hex[65];

	chain_hash(hash, look->prev, &leaf);
	assert_int_equal(l->seq, ++look->leaves);
	assert_string_equal(l->hash, hex_encode(hex, hash, 32));
	memcpy(look->prev, hash, 32);
	for (size_t i = 0; i < 8; i++)
		look->kinds[i] += strcmp(l->kind, kinds[i]) == 0;
	(void)e;
	return ERR_OK;
}

static enum err_code look_record(struct store_db *db, void *arg, struct err *e)
{
	return store_record_leaves(db, 1, 0, look_leaf, arg, e);
}

/* Checks the whole chain on the way. */
static unsigned recorded(struct world *w, const char *kind)
{
	struct record_look look = {0};

	assert_int_equal(world_run(w, look_record, &look, NULL), ERR_OK);
	assert_true(look.leaves > 0);
	for (size_t i = 0; i < 8; i++) {
		if (strcmp(kinds[i], kind) == 0)
			return look.kinds[i];
	}
	fail();
	return 0;
}

/* ---- tests ---- */

static void a_unit_passes_once(void **state)
{
	struct world *w = *state;
	struct msg_PERMIT p;
	struct store_lot lot;
	struct store_ledger ledger;
	uint64_t spooled = 0;

	assert_int_equal(world_pass(w, 1, 1, 100, &p), ERR_OK);
	lot = lot_of(w);
	assert_int_equal(lot.counts.passed, 1);
	assert_int_equal(lot.counts.first_pass, 1);
	assert_int_equal(lot.quota_left, 1);
	assert_int_equal(recorded(w, "result"), 1);
	assert_int_equal(world_run(w, get_ledger, &ledger, NULL), ERR_OK);
	assert_true(ledger.balanced);
	assert_int_equal(ledger.card_start - ledger.card_end, 1);
	assert_int_equal(world_run(w, close_lot, &spooled, NULL), ERR_OK);
	assert_string_equal(lot_of(w).state, "closed");
}

/* ---- where the time went ---- */

static enum err_code look_time(void *arg, const struct store_trace *t,
			       struct err *e)
{
	(void)e;
	*(struct store_trace *)arg = *t;
	return ERR_OK;
}

static enum err_code last_time(struct store_db *db, void *arg, struct err *e)
{
	return store_traceability(db, WORLD_LOT, look_time, arg, e);
}

/* Every row under its own name. */
static void the_account_of_time_is_kept(void **state)
{
	struct world *w = *state;
	struct store_trace t = {0};
	struct msg_PERMIT_GET ask;
	struct msg_PERMIT p;
	struct msg_RESULT *r = calloc(1, sizeof *r);
	struct store_receipt receipt;
	bool down;
	uint32_t retry_ms;
	uint64_t n = 0;

	world_permit(&ask, 1, 1);
	assert_int_equal(world_get_permit(w, &w->s1, &ask, &p, &retry_ms),
			 ERR_OK);
	world_result(r, 1, 1, &p, "", "");
	r->cycle_ms = r->rest_ms = 0;
#define ACCOUNT(name, what) r->rest_ms -= (int64_t)(r->name = ++n);
#include "proto/account.def"
#undef ACCOUNT
	r->rest_ms++;
	assert_int_equal(world_add_result(w, &w->s1, r, &receipt, &down),
			 ERR_MALFORMED);
	r->rest_ms--;
	assert_int_equal(world_add_result(w, &w->s1, r, &receipt, &down),
			 ERR_OK);
	assert_int_equal(world_run(w, last_time, &t, NULL), ERR_OK);
	assert_true(t.accounted);
	n = 0;
#define ACCOUNT(name, what) assert_int_equal(t.name, ++n);
#include "proto/account.def"
#undef ACCOUNT
	assert_int_equal(t.rest_ms, r->rest_ms);
	free(r);
}

static enum err_code image_of_old(struct store_db *db, void *arg, struct err *e)
{
	return store_image_get(db, WORLD_IMAGE, arg, e);
}

/* A database of the version that knew no account and no release opens, keeps
 * its attempts, and what was in use stays so. */
static void an_older_database_is_brought_up(void **state)
{
	struct world *w = *state;
	struct store_trace t = {0};
	struct store_image im;
	struct msg_PERMIT p;
	sqlite3 *db;

	assert_int_equal(world_pass(w, 1, 1, 100, &p), ERR_OK);
	store_close(w->store);
	assert_int_equal(sqlite3_open(w->db_path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
				      "DROP TABLE attempt_accounts;"
				      "ALTER TABLE images DROP COLUMN state;"
				      "ALTER TABLE images DROP COLUMN "
				      "release_key_id;"
				      "ALTER TABLE images DROP COLUMN "
				      "imported_by;"
				      "ALTER TABLE images DROP COLUMN "
				      "approved_by;"
				      "ALTER TABLE images DROP COLUMN "
				      "approved_at;"
				      "ALTER TABLE images DROP COLUMN "
				      "retired_at;"
				      "PRAGMA user_version = 1;",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	w->store = NULL;
	world_reopen(w);
	assert_int_equal(world_run(w, last_time, &t, NULL), ERR_OK);
	assert_int_equal(t.cycle_ms, 60000);
	assert_false(t.accounted);
	assert_int_equal(world_run(w, image_of_old, &im, NULL), ERR_OK);
	assert_int_equal(im.state, RELEASE_APPROVED);
	assert_int_equal(world_pass(w, 2, 1, 99, &p), ERR_OK);
	assert_int_equal(world_run(w, last_time, &t, NULL), ERR_OK);
	assert_true(t.accounted);
}

static void everything_may_come_twice(void **state)
{
	struct world *w = *state;
	struct msg_PERMIT p, again;

	/* the second time: after a restart */
	assert_int_equal(world_pass(w, 1, 1, 100, &p), ERR_OK);
	world_reopen(w);
	struct msg_RESULT *r = calloc(1, sizeof *r);
	struct msg_LICENCE_ISSUED l;
	struct store_receipt r1, r2;
	char cert[STORE_HASH_SIZE];
	bool down;

	world_licence(&l, 1, 1, p.fence, 100);
	assert_int_equal(world_add_licence(w, &l), ERR_OK);
	world_cert_sha256(cert, 1);
	world_result(r, 1, 1, &p, l.licence_id, cert);
	assert_int_equal(world_add_result(w, &w->s1, r, &r1, &down), ERR_OK);
	assert_int_equal(world_add_result(w, &w->s1, r, &r2, &down), ERR_OK);
	assert_int_equal(r1.seq, r2.seq);
	assert_string_equal(r1.hash, r2.hash);
	assert_int_equal(lot_of(w).counts.attempts, 1);
	assert_int_equal(recorded(w, "result"), 1);
	assert_int_equal(recorded(w, "licence"), 1);

	/* other content under the same name changes nothing, and is seen */
	strcpy(r->outcome, "fail");
	strcpy(r->failure_code, "modem");
	assert_int_equal(world_add_result(w, &w->s1, r, &r2, &down),
			 ERR_CONFLICT);
	l.counter_before++;
	assert_int_equal(world_add_licence(w, &l), ERR_CONFLICT);
	assert_int_equal(recorded(w, "conflict"), 2);
	assert_int_equal(lot_of(w).counts.passed, 1);
	free(r);

	struct msg_PERMIT_GET ask;

	world_permit(&ask, 2, 1);
	assert_int_equal(world_get_permit(w, &w->s1, &ask, &p, NULL), ERR_OK);
	assert_int_equal(world_get_permit(w, &w->s1, &ask, &again, NULL),
			 ERR_OK);
	assert_int_equal(p.fence, again.fence);
	assert_string_equal(p.challenge, again.challenge);
	strcpy(ask.operator_, "eve");
	assert_int_equal(world_get_permit(w, &w->s1, &ask, &again, NULL),
			 ERR_CONFLICT);
	assert_int_equal(lot_of(w).counts.admitted, 2);
}

static void the_quantity_is_a_limit(void **state)
{
	struct world *w = *state;
	struct msg_PERMIT_GET ask;
	struct msg_PERMIT p;

	for (unsigned n = 1; n <= 3; n++) {
		world_permit(&ask, n, 1);
		assert_int_equal(world_get_permit(w, &w->s1, &ask, &p, NULL),
				 n <= 2 ? ERR_OK : ERR_QUOTA);
	}
	world_reopen(w);
	assert_int_equal(world_get_permit(w, &w->s1, &ask, &p, NULL),
			 ERR_QUOTA);
	assert_int_equal(recorded(w, "permit-refused"), 2);
	assert_int_equal(lot_of(w).quota_left, 0);
}

static void a_passed_unit_is_not_done_again(void **state)
{
	struct world *w = *state;
	struct msg_PERMIT_GET ask;
	struct msg_PERMIT p;

	assert_int_equal(world_pass(w, 1, 1, 100, &p), ERR_OK);
	world_permit(&ask, 1, 2);
	assert_int_equal(world_get_permit(w, &w->s1, &ask, &p, NULL),
			 ERR_EXISTS);
}

static void a_stale_fence_cannot_pass(void **state)
{
	struct world *w = *state;
	struct msg_PERMIT_GET ask;
	struct msg_PERMIT old, new;
	struct msg_LICENCE_ISSUED l;
	struct msg_RESULT *r = calloc(1, sizeof *r);
	struct store_receipt receipt;
	char cert[STORE_HASH_SIZE];
	uint32_t retry_ms = 0;
	bool down = false;

	world_permit(&ask, 1, 1);
	assert_int_equal(world_get_permit(w, &w->s1, &ask, &old, NULL), ERR_OK);
	world_licence(&l, 1, 1, old.fence, 100);
	assert_int_equal(world_add_licence(w, &l), ERR_OK);
	assert_int_equal(world_add_certificate(w, &w->s1, 1, 1, old.fence),
			 ERR_OK);
	/* another station asks while the lease is live: to wait */
	world_permit(&ask, 1, 2);
	assert_int_equal(world_get_permit(w, &w->s2, &ask, &new, &retry_ms),
			 ERR_REFUSED);
	assert_true(retry_ms > 0);
	/* the same harness asks: its earlier attempt is over */
	assert_int_equal(world_get_permit(w, &w->s1, &ask, &new, NULL), ERR_OK);
	assert_true(new.fence > old.fence);
	assert_string_equal(new.licence_id, l.licence_id);
	assert_int_equal(new.licence_len, 136);

	world_cert_sha256(cert, 1);
	world_result(r, 1, 1, &old, l.licence_id, cert);
	assert_int_equal(world_add_result(w, &w->s1, r, &receipt, &down),
			 ERR_OK);
	assert_true(down);
	assert_int_equal(lot_of(w).counts.passed, 0);
	assert_int_equal(lot_of(w).counts.in_progress, 1);
	/* again gives the same answer */
	down = false;
	assert_int_equal(world_add_result(w, &w->s1, r, &receipt, &down),
			 ERR_OK);
	assert_true(down);
	/* the newer one may */
	world_result(r, 1, 2, &new, l.licence_id, cert);
	assert_int_equal(world_add_result(w, &w->s1, r, &receipt, &down),
			 ERR_OK);
	assert_false(down);
	assert_int_equal(lot_of(w).counts.passed, 1);
	free(r);
}

/* ---- a locked board ---- */

static enum err_code expire_leases(struct store_db *db, void *arg,
				   struct err *e)
{
	(void)arg;
	return db_exec(db, e, Q_leases_restart, "i", (int64_t)0);
}

/* What a locked board's station asks. */
static enum err_code ask_locked(struct world *w,
				const struct store_unit_actor *who, unsigned n,
				unsigned attempt, struct msg_PERMIT *out)
{
	struct msg_PERMIT_GET ask;

	world_permit(&ask, n, attempt);
	strcpy(ask.condition, "resumed");
	ask.dev_id = 0;
	ask.rdp = 0x55;
	return world_get_permit(w, who, &ask, out, NULL);
}

/* Attempt 1 of board n at S1 gets a permit and a licence; *r is its report
 * that it died in step `in`. */
static void dies_in(struct world *w, unsigned n, enum step in,
		    struct msg_RESULT *r)
{
	struct msg_PERMIT_GET ask;
	struct msg_LICENCE_ISSUED l;
	struct msg_PERMIT p;

	world_permit(&ask, n, 1);
	assert_int_equal(world_get_permit(w, &w->s1, &ask, &p, NULL), ERR_OK);
	world_licence(&l, n, 1, p.fence, 100);
	assert_int_equal(world_add_licence(w, &l), ERR_OK);
	world_result(r, n, 1, &p, l.licence_id, "");
	strcpy(r->outcome, "fail");
	strcpy(r->failure_code, "station");
	strcpy(r->failure_step, step_name(in));
	strcpy(r->test_program_version, "3.2");
	r->app_test_status = in > STEP_APP_TEST ? 0 : -1;
	r->steps_n = (size_t)in + 1;
	strcpy(r->steps[in].state, "unknown");
}

static void report(struct world *w, const struct store_unit_actor *who,
		   const struct msg_RESULT *r, bool *down)
{
	struct store_receipt receipt;

	assert_int_equal(world_add_result(w, who, r, &receipt, down), ERR_OK);
}

/* Locked at S1, which has not told how that ended: S2 waits, S1 need not. Then
 * it is told, and S2 gets what it needs; and passes the unit, once. */
static void a_locked_unit_goes_on_elsewhere(void **state)
{
	struct world *w = *state;
	struct msg_RESULT *r = calloc(1, sizeof *r);
	struct msg_PERMIT p;
	struct store_ledger ledger;
	bool down;

	dies_in(w, 1, STEP_APP_INSTALL, r);
	assert_int_equal(ask_locked(w, &w->s2, 1, 2, &p), ERR_REFUSED);
	assert_int_equal(world_run(w, expire_leases, NULL, NULL), ERR_OK);
	assert_int_equal(ask_locked(w, &w->s2, 1, 2, &p), ERR_STATE);
	report(w, &w->s1, r, &down);
	assert_int_equal(ask_locked(w, &w->s2, 1, 3, &p), ERR_OK);
	assert_int_equal(p.attempt_no, 2);
	assert_string_equal(p.locked_by, "S1");
	assert_int_equal(p.locked_in, 1);
	assert_string_equal(p.nor_sha256, WORLD_IMAGE);
	assert_string_equal(p.test_program_version, "3.2");
	assert_int_equal(p.licence_len, SFI_LICENCE_BYTES);
	assert_int_equal(p.app_tested_in, 1);

	assert_int_equal(world_add_certificate(w, &w->s2, 1, 3, p.fence),
			 ERR_OK);
	world_result(r, 1, 3, &p, p.licence_id, "");
	strcpy(r->steps[STEP_LOCK_DOWN].state, "skipped");
	strcpy(r->steps[STEP_APP_TEST].state, "skipped");
	report(w, &w->s2, r, &down);
	assert_false(down);
	assert_int_equal(lot_of(w).counts.passed, 1);
	assert_int_equal(lot_of(w).counts.units, 1);
	assert_int_equal(lot_of(w).counts.admitted, 1);
	assert_int_equal(world_run(w, get_ledger, &ledger, NULL), ERR_OK);
	assert_true(ledger.balanced);
	assert_int_equal(ledger.licences, 1);
	assert_int_equal(ledger.certificates, 1);
	free(r);
}

/* What does not show that an attempt of this lot locked it. */
static void a_claim_locks_nothing(void **state)
{
	struct world *w = *state;
	struct msg_RESULT *r = calloc(1, sizeof *r);
	struct msg_PERMIT p;
	bool down;

	/* nobody knows it */
	assert_int_equal(ask_locked(w, &w->s1, 1, 9, &p), ERR_NOT_FOUND);
	/* it never came to lock-down */
	dies_in(w, 1, STEP_SFI_LOAD, r);
	report(w, &w->s1, r, &down);
	assert_int_equal(ask_locked(w, &w->s2, 1, 8, &p), ERR_NOT_FOUND);
	/* a story without a permit: of S2, about the attempt that it wants */
	r->fence = 0;
	r->steps_n = STEP_RECORD;
	strcpy(r->attempt, "00000001-0000-4000-8000-000000000007");
	report(w, &w->s2, r, &down);
	assert_int_equal(ask_locked(w, &w->s2, 1, 6, &p), ERR_NOT_FOUND);
	assert_int_equal(recorded(w, "permit-refused"), 3);
	free(r);
}

/* The test that nobody saw: skipped, and no earlier attempt has it. */
static void an_unseen_test_is_no_pass(void **state)
{
	struct world *w = *state;
	struct msg_RESULT *r = calloc(1, sizeof *r);
	struct msg_PERMIT p;
	bool down;

	dies_in(w, 1, STEP_APP_TEST, r);
	report(w, &w->s1, r, &down);
	assert_int_equal(ask_locked(w, &w->s1, 1, 2, &p), ERR_OK);
	assert_int_equal(p.app_tested_in, 0);
	assert_int_equal(world_add_certificate(w, &w->s1, 1, 2, p.fence),
			 ERR_OK);
	world_result(r, 1, 2, &p, p.licence_id, "");
	strcpy(r->steps[STEP_APP_TEST].state, "skipped");
	report(w, &w->s1, r, &down);
	assert_true(down);
	assert_int_equal(lot_of(w).counts.indeterminate, 1);
	free(r);
}

/* An agent that died before it learned of its permit: the unit is free. */
static void a_death_before_the_permit_came(void **state)
{
	struct world *w = *state;
	struct msg_RESULT *r = calloc(1, sizeof *r);
	struct msg_PERMIT_GET ask;
	struct msg_PERMIT p;
	bool down;

	dies_in(w, 1, STEP_PERMIT, r);
	r->fence = r->attempt_no = 0;
	r->nor_sha256[0] = '\0';
	report(w, &w->s1, r, &down);
	assert_int_equal(lot_of(w).counts.in_progress, 0);
	world_permit(&ask, 1, 2);
	assert_int_equal(world_get_permit(w, &w->s2, &ask, &p, NULL), ERR_OK);
	free(r);
}

static void a_pass_needs_its_facts(void **state)
{
	struct world *w = *state;
	struct msg_PERMIT_GET ask;
	struct msg_PERMIT p;
	struct msg_RESULT *r = calloc(1, sizeof *r);
	struct store_receipt receipt;
	char cert[STORE_HASH_SIZE];
	bool down = false;

	world_permit(&ask, 1, 1);
	assert_int_equal(world_get_permit(w, &w->s1, &ask, &p, NULL), ERR_OK);
	world_cert_sha256(cert, 1);
	world_result(r, 1, 1, &p, "3030303100000063", cert);
	assert_int_equal(world_add_result(w, &w->s1, r, &receipt, &down),
			 ERR_OK);
	assert_true(down);
	assert_int_equal(lot_of(w).counts.indeterminate, 1);
	free(r);
}

static void a_spent_count_without_licence_is_a_gap(void **state)
{
	struct world *w = *state;
	struct msg_PERMIT p;
	struct msg_PERMIT_GET ask;
	struct msg_LICENCE_ISSUED l;
	struct store_ledger ledger;
	uint64_t spooled = 0;
	struct err e = {0};

	assert_int_equal(world_pass(w, 1, 1, 100, &p), ERR_OK);
	world_permit(&ask, 2, 1);
	assert_int_equal(world_get_permit(w, &w->s1, &ask, &p, NULL), ERR_OK);
	/* the card went from 99 to 98 unseen */
	world_licence(&l, 2, 1, p.fence, 98);
	assert_int_equal(world_add_licence(w, &l), ERR_OK);
	assert_int_equal(world_run(w, get_ledger, &ledger, NULL), ERR_OK);
	assert_false(ledger.balanced);
	assert_non_null(strstr(ledger.gaps[0], "CARD0001"));
	assert_int_equal(world_run(w, close_lot, &spooled, &e), ERR_STATE);
	assert_non_null(strstr(e.text, "in progress"));
	assert_non_null(strstr(e.text, "CARD0001"));
}

struct spend {
	char token[STORE_TOKEN_SIZE];
};

static enum err_code invite(struct store_db *db, void *arg, struct err *e)
{
	struct store_actor who = {"token:admin", ""};
	struct spend *s = arg;
	int64_t expires_at;

	return store_station_invite(db, &who, "S3", s->token, &expires_at, e);
}

static enum err_code spend(struct store_db *db, void *arg, struct err *e)
{
	struct store_actor who = {"nobody", "10.9.9.9"};
	struct spend *s = arg;
	char station[STORE_NAME_SIZE];

	return store_station_token_spend(db, &who, s->token, station, e);
}

static void an_enrolment_token_works_once(void **state)
{
	struct world *w = *state;
	struct spend s;

	assert_int_equal(world_run(w, invite, &s, NULL), ERR_OK);
	assert_int_equal(world_run(w, spend, &s, NULL), ERR_OK);
	world_reopen(w);
	assert_int_equal(world_run(w, spend, &s, NULL), ERR_UNAUTHORISED);
	assert_int_equal(recorded(w, "enrolment-refused"), 1);
}

static void a_board_without_uid_is_one_unit(void **state)
{
	struct world *w = *state;
	struct msg_PERMIT none = {0}, p;
	struct msg_PERMIT_GET ask;
	struct msg_RESULT *r = calloc(1, sizeof *r);
	struct store_receipt receipt;
	bool down;

	world_result(r, 1, 1, &none, "", "");
	r->uid[0] = '\0';
	strcpy(r->outcome, "fail");
	strcpy(r->failure_code, "no-contact");
	strcpy(r->failure_step, "detect");
	assert_int_equal(world_add_result(w, &w->s1, r, &receipt, &down),
			 ERR_OK);
	assert_int_equal(lot_of(w).counts.failed, 1);
	/* the same board, now seated well */
	world_permit(&ask, 1, 2);
	assert_int_equal(world_get_permit(w, &w->s1, &ask, &p, NULL), ERR_OK);
	assert_int_equal(lot_of(w).counts.units, 1);
	assert_int_equal(lot_of(w).counts.in_progress, 1);
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
		T(a_unit_passes_once),
		T(the_account_of_time_is_kept),
		T(an_older_database_is_brought_up),
		T(everything_may_come_twice),
		T(the_quantity_is_a_limit),
		T(a_passed_unit_is_not_done_again),
		T(a_stale_fence_cannot_pass),
		T(a_pass_needs_its_facts),
		T(a_locked_unit_goes_on_elsewhere),
		T(a_claim_locks_nothing),
		T(an_unseen_test_is_no_pass),
		T(a_death_before_the_permit_came),
		T(a_spent_count_without_licence_is_a_gap),
		T(an_enrolment_token_works_once),
		T(a_board_without_uid_is_one_unit),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
