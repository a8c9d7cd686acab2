#include "controller/store/store_access.h"

#include "controller/line/lot.h"
#include "controller/store/db.h"

#include <mbedtls/pem.h>
#include <string.h>

static bool role_ok(const char *role)
{
	static const char *const roles[] = {"operator", "manager", "engineer",
					    "auditor", "admin"};

	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
		if (strcmp(roles[i], role) == 0)
			return true;
	}
	return false;
}

/* A token is looked up by its hash: comparing takes the same time whatever
 * the token is. Anything that is not a token hashes to one that nobody has. */
static void token_hash(char out[STORE_HASH_SIZE], const char *token)
{
	db_sha256_hex(out, token, strnlen(token, STORE_TOKEN_SIZE));
}

/* ---- stations ---- */

static void read_station(struct store_db *db, enum sql_query q,
			 struct store_station *st)
{
	const void *cert;

	*st = (struct store_station){0};
	DB_COPY(db, q, 0, st->station);
	DB_COPY(db, q, 1, st->state);
	DB_COPY(db, q, 2, st->cert_sha256);
	cert = db_blob(db, q, 3, &st->cert_len);
	if (st->cert_len > sizeof st->cert)
		st->cert_len = 0;
	if (st->cert_len)
		memcpy(st->cert, cert, st->cert_len);
	st->invited_at = db_int(db, q, 4);
	st->enrolled_at = db_int(db, q, 5);
	st->revoked_at = db_int(db, q, 6);
}

enum err_code store_station_get(struct store_db *db, const char *station,
				struct store_station *out, struct err *e)
{
	enum err_code rc = db_one(db, e, Q_station_get, "t", station);

	if (rc == ERR_NOT_FOUND)
		return err_set(e, rc, "no station %.32s", station);
	if (rc)
		return rc;
	read_station(db, Q_station_get, out);
	db_end(db, Q_station_get);
	return ERR_OK;
}

enum err_code store_stations(struct store_db *db, store_station_fn *fn,
			     void *arg, struct err *e)
{
	struct store_station st;
	enum err_code rc;
	bool row;

	db_query(db, Q_stations, "");
	while (!(rc = db_next(db, Q_stations, &row, e)) && row) {
		read_station(db, Q_stations, &st);
		rc = fn(arg, &st, e);
		if (rc) {
			db_end(db, Q_stations);
			break;
		}
	}
	return rc;
}

static enum err_code check_invitable(struct store_db *db, const char *station,
				     struct err *e)
{
	struct store_station st;
	enum err_code rc;

	if (!lot_name_ok(station))
		return err_set(e, ERR_INPUT, "not a station name");
	rc = store_station_get(db, station, &st, e);
	if (rc == ERR_NOT_FOUND)
		return ERR_OK;
	if (!rc && strcmp(st.state, "revoked") == 0)
		return err_set(e, ERR_STATE, "station %s is revoked", station);
	return rc;
}

enum err_code store_station_invite(struct store_db *db,
				   const struct store_actor *who,
				   const char *station,
				   char token[STORE_TOKEN_SIZE],
				   int64_t *expires_at, struct err *e)
{
	char hash[STORE_HASH_SIZE];
	enum err_code rc = check_invitable(db, station, e);

	*expires_at = db->now_ms + STORE_INVITE_MS;
	if (!rc)
		rc = db_exec(db, e, Q_station_invite, "ti", station,
			     db->now_ms);
	if (!rc)
		rc = db_exec(db, e, Q_enrol_tokens_end, "ti", station,
			     db->now_ms);
	if (!rc)
		rc = db_token_new(token, hash, e);
	if (!rc)
		rc = db_exec(db, e, Q_enrol_token_add, "tti", hash, station,
			     *expires_at);
	if (rc)
		return rc;
	return db_record(db, who, "station-invited", "",
			 json_pack("{ss}", "station", station), NULL, NULL, e);
}

enum err_code store_station_token_spend(struct store_db *db,
					const struct store_actor *who,
					const char *token,
					char station[STORE_NAME_SIZE],
					struct err *e)
{
	char hash[STORE_HASH_SIZE];
	enum err_code rc;

	token_hash(hash, token);
	rc = db_exec(db, e, Q_enrol_token_spend, "ti", hash, db->now_ms);
	if (rc)
		return rc;
	if (db_changes(db) != 1) {
		db_note_refusal(db, who, "enrolment-refused", "",
				json_pack("{ss}", "why",
					  "unknown, spent or expired token"));
		return err_set(e, ERR_UNAUTHORISED,
			       "the token is unknown, spent or expired");
	}
	rc = db_one(db, e, Q_enrol_token_station, "t", hash);
	if (rc)
		return rc;
	db_copy(db, Q_enrol_token_station, 0, station, STORE_NAME_SIZE);
	db_end(db, Q_enrol_token_station);
	return ERR_OK;
}

static enum err_code pem_to_der(const char *pem, uint8_t *der, size_t *len,
				struct err *e)
{
	mbedtls_pem_context c;
	size_t used;
	enum err_code rc = ERR_OK;

	mbedtls_pem_init(&c);
	if (mbedtls_pem_read_buffer(&c, "-----BEGIN CERTIFICATE-----",
				    "-----END CERTIFICATE-----",
				    (const uint8_t *)pem, NULL, 0, &used) ||
	    c.buflen > STORE_CERT_MAX)
		rc = err_set(e, ERR_MALFORMED, "not a PEM certificate");
	else
		memcpy(der, c.buf, *len = c.buflen);
	mbedtls_pem_free(&c);
	return rc;
}

enum err_code store_station_enrolled(struct store_db *db,
				     const struct store_actor *who,
				     const char *station, const char *cert_pem,
				     const char *cert_sha256, struct err *e)
{
	uint8_t der[STORE_CERT_MAX];
	char hash[STORE_HASH_SIZE];
	size_t len = 0;
	enum err_code rc = pem_to_der(cert_pem, der, &len, e);

	if (rc)
		return rc;
	db_sha256_hex(hash, der, len);
	if (strcmp(hash, cert_sha256) != 0)
		return err_set(e, ERR_BUG, "the certificate's hash differs");
	rc = db_exec(db, e, Q_station_enrolled, "ttbi", station, hash, der, len,
		     db->now_ms);
	if (rc)
		return rc;
	if (db_changes(db) != 1) {
		db_note_refusal(db, who, "enrolment-refused", "",
				json_pack("{ssss}", "station", station, "why",
					  "revoked"));
		return err_set(e, ERR_STATE, "station %s is revoked", station);
	}
	return db_record(
		db, who, "station-enrolled", "",
		json_pack("{ssss}", "station", station, "cert_sha256", hash),
		NULL, NULL, e);
}

enum err_code store_station_revoke(struct store_db *db,
				   const struct store_actor *who,
				   const char *station, struct err *e)
{
	struct store_station st;
	enum err_code rc = store_station_get(db, station, &st, e);

	if (rc)
		return rc;
	if (strcmp(st.state, "revoked") == 0)
		return err_set(e, ERR_STATE, "station %s is revoked already",
			       station);
	rc = db_exec(db, e, Q_station_revoke, "ti", station, db->now_ms);
	if (!rc)
		rc = db_exec(db, e, Q_enrol_tokens_end, "ti", station,
			     db->now_ms);
	if (!rc)
		rc = db_exec(db, e, Q_assignment_clear, "tt", station, "");
	if (rc)
		return rc;
	return db_record(db, who, "station-revoked", "",
			 json_pack("{ssss}", "station", station, "cert_sha256",
				   st.cert_sha256),
			 NULL, NULL, e);
}

/* ---- people and programs ---- */

static enum err_code read_identity(struct store_db *db, enum sql_query q,
				   struct store_identity *out)
{
	DB_COPY(db, q, 0, out->name);
	DB_COPY(db, q, 1, out->role);
	db_end(db, q);
	return ERR_OK;
}

static enum err_code unauthorised(enum err_code rc, const char *what,
				  struct err *e)
{
	if (rc != ERR_NOT_FOUND)
		return rc;
	return err_set(e, ERR_UNAUTHORISED, "%s", what);
}

enum err_code store_token_add(struct store_db *db,
			      const struct store_actor *who,
			      const struct store_identity *id,
			      char token[STORE_TOKEN_SIZE], struct err *e)
{
	char hash[STORE_HASH_SIZE];
	enum err_code rc;

	if (!lot_name_ok(id->name) || !role_ok(id->role))
		return err_set(e, ERR_INPUT, "not a name or role");
	rc = db_token_new(token, hash, e);
	if (!rc)
		rc = db_exec(db, e, Q_token_add, "ttti", hash, id->name,
			     id->role, db->now_ms);
	if (rc == ERR_EXISTS)
		return err_set(e, rc, "there is a token named %s", id->name);
	if (rc)
		return rc;
	return db_record(
		db, who, "token-added", "",
		json_pack("{ssss}", "name", id->name, "role", id->role), NULL,
		NULL, e);
}

enum err_code store_token_check(struct store_db *db, const char *token,
				struct store_identity *out, struct err *e)
{
	char hash[STORE_HASH_SIZE];
	enum err_code rc;

	token_hash(hash, token);
	rc = db_one(db, e, Q_token_check, "t", hash);
	if (rc)
		return unauthorised(rc, "the token is unknown", e);
	return read_identity(db, Q_token_check, out);
}

enum err_code store_sign_in_new(struct store_db *db,
				const struct store_actor *who,
				const struct store_identity *id,
				char token[STORE_TOKEN_SIZE],
				int64_t *expires_at, struct err *e)
{
	char hash[STORE_HASH_SIZE];
	enum err_code rc = db_token_new(token, hash, e);

	*expires_at = db->now_ms + STORE_SIGN_IN_MS;
	if (!rc)
		rc = db_exec(db, e, Q_sign_in_add, "ttti", hash, id->name,
			     id->role, *expires_at);
	if (rc)
		return rc;
	return db_record(
		db, who, "sign-in-made", "",
		json_pack("{ssss}", "name", id->name, "role", id->role), NULL,
		NULL, e);
}

static enum err_code session_add(struct store_db *db,
				 const struct store_actor *who,
				 char cookie[STORE_TOKEN_SIZE],
				 const struct store_identity *id, struct err *e)
{
	char hash[STORE_HASH_SIZE];
	enum err_code rc = db_token_new(cookie, hash, e);

	if (!rc)
		rc = db_exec(db, e, Q_session_add, "ttti", hash, id->name,
			     id->role, db->now_ms + STORE_SESSION_MS);
	if (rc)
		return rc;
	return db_record(
		db, who, "signed-in", "",
		json_pack("{ssss}", "name", id->name, "role", id->role), NULL,
		NULL, e);
}

enum err_code store_session_open(struct store_db *db,
				 const struct store_actor *who,
				 const char *token,
				 char cookie[STORE_TOKEN_SIZE],
				 struct store_identity *out, struct err *e)
{
	char hash[STORE_HASH_SIZE];
	enum err_code rc;

	token_hash(hash, token);
	rc = db_exec(db, e, Q_sign_in_spend, "ti", hash, db->now_ms);
	if (rc)
		return rc;
	if (db_changes(db) != 1) {
		db_note_refusal(db, who, "sign-in-refused", "",
				json_pack("{ss}", "why",
					  "unknown, spent or expired token"));
		return err_set(e, ERR_UNAUTHORISED,
			       "the sign-in is unknown, spent or expired");
	}
	rc = db_one(db, e, Q_sign_in_who, "t", hash);
	if (rc)
		return rc;
	read_identity(db, Q_sign_in_who, out);
	return session_add(db, who, cookie, out, e);
}

enum err_code store_session_check(struct store_db *db, const char *cookie,
				  struct store_identity *out, struct err *e)
{
	char hash[STORE_HASH_SIZE];
	enum err_code rc;

	token_hash(hash, cookie);
	rc = db_one(db, e, Q_session_check, "ti", hash, db->now_ms);
	if (rc)
		return unauthorised(rc, "not signed in", e);
	return read_identity(db, Q_session_check, out);
}

enum err_code store_session_end(struct store_db *db,
				const struct store_actor *who,
				const char *cookie, struct err *e)
{
	char hash[STORE_HASH_SIZE];
	enum err_code rc;

	token_hash(hash, cookie);
	rc = db_exec(db, e, Q_session_end, "ti", hash, db->now_ms);
	if (rc || db_changes(db) != 1)
		return rc;
	return db_record(db, who, "signed-out", "", json_object(), NULL, NULL,
			 e);
}
