/* The record and the evidence: whatever is changed is noticed. */
#include "tests/unit/controller/line_world.h"

#include "controller/audit/checkpoint.h"
#include "controller/audit/evidence.h"
#include "controller/audit/evidence_write.h"
#include "controller/audit/verify.h"
#include "controller/init_keys.h"
#include "controller/controller_init.h"
#include "proto/base/file.h"
#include "proto/base/hex.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
	struct world w;
	char keys[64];
	struct chain_key *key;
	char pem[CHAIN_KEY_PEM_SIZE];
	char tar[128];
	struct dbuf whole;
} t;

static enum err_code close_lot(struct store_db *db, void *arg, struct err *e)
{
	struct store_actor who = {"token:admin", ""};

	(void)arg;
	return store_lot_close(db, &who, WORLD_LOT, 0, e);
}

static enum err_code sink(void *arg, const void *data, size_t len,
			  struct err *e)
{
	(void)e;
	return dbuf_add(arg, data, len);
}

static enum err_code write_evidence(struct store_db *db, void *arg,
				    struct err *e)
{
	return evidence_write(db, WORLD_LOT, t.pem, sink, arg, e);
}

static int set_up(void **state)
{
	static const char *const names[] = {"localhost", NULL};
	struct msg_PERMIT p;
	char path[128];
	struct err e = {0};

	(void)state;
	world_open(&t.w);
	strcpy(t.keys, "/tmp/provline-keys-XXXXXX");
	assert_non_null(mkdtemp(t.keys));
	assert_int_equal(init_keys_make(t.keys, names, &e), ERR_OK);
	snprintf(path, sizeof path, "%s/" CONTROLLER_FILE_CHECKPOINT_KEY,
		 t.keys);
	assert_int_equal(chain_key_open(&t.key, path, &e), ERR_OK);
	assert_int_equal(chain_key_pem(t.key, t.pem, &e), ERR_OK);
	dbuf_init(&t.whole, 1 << 24);
	assert_int_equal(world_pass(&t.w, 1, 1, 100, &p), ERR_OK);
	assert_int_equal(world_pass(&t.w, 2, 1, 99, &p), ERR_OK);
	assert_int_equal(world_run(&t.w, write_evidence, &t.whole, &e),
			 ERR_STATE); /* not closed */
	assert_int_equal(world_run(&t.w, close_lot, NULL, &e), ERR_OK);
	assert_int_equal(world_run(&t.w, write_evidence, &t.whole, &e),
			 ERR_STATE); /* not signed */
	assert_int_equal(world_run(&t.w, checkpoint_run, t.key, &e), ERR_OK);
	if (world_run(&t.w, write_evidence, &t.whole, &e))
		fail_msg("%s", e.text);
	snprintf(t.tar, sizeof t.tar, "%s/evidence.tar", t.keys);
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	chain_key_close(t.key);
	dbuf_fini(&t.whole);
	world_close(&t.w);
	snprintf(command, sizeof command, "rm -rf %s", t.keys);
	return system(command);
}

static enum err_code verify_bytes(const void *bytes, size_t len,
				  struct evidence_summary *s, struct err *e)
{
	FILE *f = fopen(t.tar, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
	return evidence_verify(t.tar, t.pem, s, e);
}

static void the_whole_file_verifies(void **state)
{
	struct evidence_summary s;
	struct err e = {0};
	char command[256];

	(void)state;
	if (verify_bytes(t.whole.data, t.whole.len, &s, &e))
		fail_msg("%s", e.text);
	assert_string_equal(s.lot, WORLD_LOT);
	assert_int_equal(s.passed, 2);
	assert_int_equal(s.licences, 2);
	assert_int_equal(s.certificates, 2);
	/* any tar can read it */
	snprintf(command, sizeof command, "tar tf %s >/dev/null", t.tar);
	assert_int_equal(system(command), 0);
}

static void every_changed_byte_is_noticed(void **state)
{
	struct evidence_summary s;
	size_t step = t.whole.len / 1500 + 1;

	(void)state;
	print_message("%zu bytes, every %zuth changed\n", t.whole.len, step);
	for (size_t at = 0; at < t.whole.len; at += step) {
		uint8_t was = t.whole.data[at];
		struct err e = {0};
		enum err_code rc;

		t.whole.data[at] = (uint8_t)(was ^ 1 << at % 8);
		rc = verify_bytes(t.whole.data, t.whole.len, &s, &e);
		t.whole.data[at] = was;
		if (rc != ERR_INTEGRITY && rc != ERR_MALFORMED)
			fail_msg("byte %zu: %s %s", at, err_name(rc), e.text);
	}
}

static void a_cut_file_is_noticed(void **state)
{
	struct evidence_summary s;
	struct err e = {0};

	(void)state;
	for (size_t len = 0; len < t.whole.len; len += 997)
		assert_int_not_equal(verify_bytes(t.whole.data, len, &s, &e),
				     ERR_OK);
}

static void another_key_is_not_believed(void **state)
{
	static const char *const names[] = {"localhost", NULL};
	struct evidence_summary s;
	struct dbuf other;
	char path[128], dir[128];
	struct err e = {0};

	(void)state;
	snprintf(dir, sizeof dir, "%s/other", t.keys);
	assert_int_equal(file_mkdir(dir, 0700, &e), ERR_OK);
	assert_int_equal(init_keys_make(dir, names, &e), ERR_OK);
	dbuf_init(&other, 4096);
	snprintf(path, sizeof path, "%s/" CONTROLLER_FILE_CHECKPOINT, dir);
	assert_int_equal(file_read(path, &other, &e), ERR_OK);
	verify_bytes(t.whole.data, t.whole.len, &s, &e);
	assert_int_equal(evidence_verify(t.tar, dbuf_text(&other), &s, &e),
			 ERR_INTEGRITY);
	dbuf_fini(&other);
}

/* Someone with the database file and an SQL shell. */
static void tamper(const char *sql)
{
	sqlite3 *h;
	char *text = NULL;

	assert_int_equal(sqlite3_open(t.w.db_path, &h), SQLITE_OK);
	if (sqlite3_exec(h,
			 "DROP TRIGGER IF EXISTS records_keep;"
			 "DROP TRIGGER IF EXISTS records_stay;"
			 "PRAGMA foreign_keys=OFF;",
			 NULL, NULL, &text) ||
	    sqlite3_exec(h, sql, NULL, NULL, &text))
		fail_msg("%s", text);
	sqlite3_close(h);
}

static void an_edited_database_is_noticed(void **state)
{
	static const char *const edits[] = {
		"UPDATE records SET body=replace(body,'pass','fail')"
		" WHERE kind='result'",
		"UPDATE records SET at=at+1 WHERE seq=5",
		"UPDATE records SET kind='note' WHERE seq=5",
		"UPDATE records SET hash=prev WHERE seq=5",
		"DELETE FROM records WHERE seq=5",
		"DELETE FROM records WHERE seq=1",
		"DELETE FROM records WHERE seq=(SELECT max(seq) FROM records)",
		"UPDATE checkpoints SET signature=x'3006020101020101'",
	};
	char copy[160], command[400];
	struct err e = {0};

	(void)state;
	assert_int_equal(world_run(&t.w, verify_run, t.key, &e), ERR_OK);
	store_close(t.w.store);
	t.w.store = NULL;
	snprintf(copy, sizeof copy, "%s/copy.db", t.keys);
	snprintf(command, sizeof command, "cp %s %s", t.w.db_path, copy);
	assert_int_equal(system(command), 0);
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		struct store_config c = {.path = t.w.db_path};

		tamper(edits[i]);
		assert_int_equal(store_open(&t.w.store, &c, &e), ERR_OK);
		assert_int_equal(store_run(t.w.store, verify_run, t.key, &e),
				 ERR_INTEGRITY);
		print_message("%s\n", e.text);
		store_close(t.w.store);
		t.w.store = NULL;
		snprintf(command, sizeof command, "cp %s %s", copy,
			 t.w.db_path);
		assert_int_equal(system(command), 0);
	}
}

/* As chain.h tells it, made by hashlib and openssl: what writes the record and
 * what checks it share their code and could be wrong together. */
static void the_chain_is_as_documented(void **state)
{
	static const char pem[] =
		"-----BEGIN PUBLIC KEY-----\n"
		"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE+imms+6IbNSSG+uqb40nfj76"
		"T8Ar\n"
		"Z9H+DssdgAk8CFbR9dRkPaogp6KZvu2thaWVDiX2kmCA8QpXRvwi2KCVtQ=="
		"\n"
		"-----END PUBLIC KEY-----\n";
	static const char signed_as[] =
		"3045022100f0d249382480ad705008aa5f35fdf81bbaec3c2c344735"
		"8fdf24b275e9c6949902200cd252fb4317da72f16d28d23bbe313dbf"
		"3a528851ff78b89142875d0b38c978";
	static const struct chain_leaf leaf = {
		0x0102030405060708, 1760000000000, "unit", "{\"a\":1}", 7};
	uint8_t prev[CHAIN_HASH_BYTES], hash[CHAIN_HASH_BYTES];
	uint8_t signature[CHAIN_SIGNATURE_BYTES];
	size_t len = strlen(signed_as) / 2;
	struct chain_key *key;
	char hex[65];

	(void)state;
	for (unsigned i = 0; i < sizeof prev; i++)
		prev[i] = (uint8_t)i;
	chain_hash(hash, prev, &leaf);
	assert_string_equal(hex_encode(hex, hash, sizeof hash),
			    "8f748e5d8de33261392d574ebe729f86"
			    "b24c4a382406302c6ed7d08571f3bdcc");
	assert_int_equal(chain_key_public(&key, pem, sizeof pem - 1, NULL),
			 ERR_OK);
	assert_true(hex_decode(signature, len, signed_as));
	assert_int_equal(
		chain_verify(key, leaf.seq, prev, signature, len, NULL),
		ERR_OK);
	assert_int_equal(
		chain_verify(key, leaf.seq + 1, prev, signature, len, NULL),
		ERR_INTEGRITY);
	prev[31] ^= 1;
	assert_int_equal(
		chain_verify(key, leaf.seq, prev, signature, len, NULL),
		ERR_INTEGRITY);
	chain_key_close(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_chain_is_as_documented),
		cmocka_unit_test(the_whole_file_verifies),
		cmocka_unit_test(every_changed_byte_is_noticed),
		cmocka_unit_test(a_cut_file_is_noticed),
		cmocka_unit_test(another_key_is_not_believed),
		cmocka_unit_test(an_edited_database_is_noticed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
