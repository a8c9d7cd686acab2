#include "controller/audit/chain.h"
#include "controller/store/db.h"
#include "proto/base/hex.h"
#include "proto/base/secret.h"

#include <assert.h>
#include <mbedtls/sha256.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX_BYTES 65536

static enum err_code head_get(struct store_db *db, uint64_t *seq,
			      char hash[STORE_HASH_SIZE], struct err *e)
{
	enum err_code rc = db_one(db, e, Q_record_head, "");

	if (rc == ERR_NOT_FOUND) {
		*seq = 0;
		memset(hash, '0', STORE_HASH_SIZE - 1);
		hash[STORE_HASH_SIZE - 1] = '\0';
		return ERR_OK;
	}
	if (rc)
		return rc;
	*seq = db_uint(db, Q_record_head, 0);
	db_copy(db, Q_record_head, 1, hash, STORE_HASH_SIZE);
	db_end(db, Q_record_head);
	return ERR_OK;
}

static enum err_code append(struct store_db *db, const char *kind,
			    const char *lot, const char *body, uint64_t *seq,
			    char hash[STORE_HASH_SIZE], struct err *e)
{
	uint8_t prev_bytes[CHAIN_HASH_BYTES], hash_bytes[CHAIN_HASH_BYTES];
	char prev[STORE_HASH_SIZE];
	struct chain_leaf leaf = {.at_ms = db->now_ms,
				  .kind = kind,
				  .body = body,
				  .body_len = strlen(body)};
	enum err_code rc = head_get(db, &leaf.seq, prev, e);

	if (rc)
		return rc;
	leaf.seq++;
	if (!hex_decode(prev_bytes, sizeof prev_bytes, prev))
		return err_set(e, ERR_INTEGRITY, "record %llu: no hash",
			       (unsigned long long)leaf.seq - 1);
	chain_hash(hash_bytes, prev_bytes, &leaf);
	hex_encode(hash, hash_bytes, sizeof hash_bytes);
	*seq = leaf.seq;
	return db_exec(db, e, Q_record_add, "uittttt", leaf.seq, leaf.at_ms,
		       kind, lot, body, prev, hash);
}

enum err_code db_record(struct store_db *db, const struct store_actor *who,
			const char *kind, const char *lot, json_t *body,
			uint64_t *seq, char hash[STORE_HASH_SIZE],
			struct err *e)
{
	char own_hash[STORE_HASH_SIZE];
	uint64_t own_seq;
	enum err_code rc;
	char *text = NULL;

	assert(db->writer);
	if (body && !json_object_set_new(body, "by", json_string(who->by)) &&
	    !json_object_set_new(body, "from", json_string(who->from)))
		text = json_dumps(body, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(body);
	if (!text)
		return err_set(e, ERR_NO_MEMORY, "record");
	if (strlen(text) > BODY_MAX_BYTES)
		rc = err_set(e, ERR_TOO_BIG, "record of %zu bytes",
			     strlen(text));
	else
		rc = append(db, kind, lot, text, seq ? seq : &own_seq,
			    hash ? hash : own_hash, e);
	free(text);
	return rc;
}

enum err_code store_record(struct store_db *db, const struct store_actor *who,
			   const char *kind, const char *lot, const char *body,
			   struct err *e)
{
	json_t *json = json_loads(body, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(json)) {
		json_decref(json);
		return err_set(e, ERR_BUG, "record body is no JSON object");
	}
	return db_record(db, who, kind, lot, json, NULL, NULL, e);
}

/* ---- refusals outlive the job that made them ---- */

void db_forget_refusal(struct store_db *db)
{
	free(db->refusal.body);
	db->refusal = (struct db_refusal){0};
}

void store_note_refusal(struct store_db *db, const struct store_actor *who,
			const char *kind, const char *lot, const char *body)
{
	struct db_refusal *r = &db->refusal;

	db_forget_refusal(db);
	r->set = true;
	r->who = *who;
	snprintf(r->kind, sizeof r->kind, "%s", kind);
	snprintf(r->lot, sizeof r->lot, "%s", lot);
	r->body = strdup(body);
}

void db_note_refusal(struct store_db *db, const struct store_actor *who,
		     const char *kind, const char *lot, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	json_decref(body);
	store_note_refusal(db, who, kind, lot, text ? text : "{}");
	if (!text) { /* not unaudited: db_record_refusal reports it */
		free(db->refusal.body);
		db->refusal.body = NULL;
	}
	free(text);
}

enum err_code db_record_refusal(struct store_db *db, struct err *e)
{
	struct db_refusal *r = &db->refusal;
	enum err_code rc = ERR_OK;

	if (r->set && r->body)
		rc = store_record(db, &r->who, r->kind, r->lot, r->body, e);
	else if (r->set)
		rc = err_set(e, ERR_NO_MEMORY, "record of a refusal");
	db_forget_refusal(db);
	return rc;
}

/* ---- tokens ---- */

void db_sha256_hex(char out[STORE_HASH_SIZE], const void *data, size_t len)
{
	uint8_t hash[32];

	mbedtls_sha256_ret(data, len, hash, 0);
	hex_encode(out, hash, sizeof hash);
}

enum err_code db_token_new(char token[STORE_TOKEN_SIZE],
			   char sha256[STORE_HASH_SIZE], struct err *e)
{
	struct secret s = {0};
	enum err_code rc = secret_random(&s, 32, e);

	if (rc)
		return rc;
	hex_encode(token, s.bytes, s.len);
	secret_fini(&s);
	db_sha256_hex(sha256, token, STORE_TOKEN_SIZE - 1);
	return ERR_OK;
}
