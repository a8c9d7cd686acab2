/* Who may come in: stations, and people's and programs' tokens. All of these
 * run inside a job (store.h); those that take an actor write.
 *
 * Tokens are 256 random bits and stored only as SHA-256. A one-time token is
 * spent by a compare-and-swap in the same transaction as what it buys, so it
 * works once, across threads and restarts.
 */
#ifndef CONTROLLER_STORE_STORE_ACCESS_H
#define CONTROLLER_STORE_STORE_ACCESS_H

#include "controller/store/store.h"

#define STORE_INVITE_MS	 3600000	/* one-time enrolment token */
#define STORE_SIGN_IN_MS 600000		/* one-time browser sign-in */
#define STORE_SESSION_MS (12 * 3600000) /* browser session */

/* ---- stations ---- */

struct store_station {
	char station[STORE_NAME_SIZE];
	char state[12]; /* invited, enrolled, revoked */
	char cert_sha256[STORE_HASH_SIZE];
	int64_t invited_at, enrolled_at, revoked_at; /* ms, 0: never */
	size_t cert_len; /* DER; 0 before enrolment */
	uint8_t cert[STORE_CERT_MAX];
};

typedef enum err_code store_station_fn(void *arg,
				       const struct store_station *st,
				       struct err *e);

/* A new invitation; earlier unused ones of this station end. An enrolled
 * station may be invited again (new key): the old certificate works until the
 * new one is issued. ERR_INPUT: not a name ([A-Za-z0-9._-]{1,32}).
 * ERR_STATE: revoked. */
enum err_code store_station_invite(struct store_db *db,
				   const struct store_actor *who,
				   const char *station,
				   char token[STORE_TOKEN_SIZE],
				   int64_t *expires_at, struct err *e);

/* Spend a token: station gets the name that it was made for.
 * ERR_UNAUTHORISED for every reason it may not work, and a record of that. */
enum err_code store_station_token_spend(struct store_db *db,
					const struct store_actor *who,
					const char *token,
					char station[STORE_NAME_SIZE],
					struct err *e);

/* In the same job: the certificate issued for it (PEM of one certificate). */
enum err_code store_station_enrolled(struct store_db *db,
				     const struct store_actor *who,
				     const char *station, const char *cert_pem,
				     const char *cert_sha256, struct err *e);

/* ERR_NOT_FOUND; ERR_STATE when it is revoked already. */
enum err_code store_station_revoke(struct store_db *db,
				   const struct store_actor *who,
				   const char *station, struct err *e);

/* ERR_NOT_FOUND. */
enum err_code store_station_get(struct store_db *db, const char *station,
				struct store_station *out, struct err *e);

/* All, by name; each ends when fn returns an error. */
enum err_code store_stations(struct store_db *db, store_station_fn *fn,
			     void *arg, struct err *e);

/* ---- people and programs ---- */

struct store_identity {
	char name[STORE_NAME_SIZE];
	char role[12]; /* operator, manager, engineer, auditor, admin */
};

/* A bearer token that works until it is removed. ERR_EXISTS, ERR_INPUT. */
enum err_code store_token_add(struct store_db *db,
			      const struct store_actor *who,
			      const struct store_identity *id,
			      char token[STORE_TOKEN_SIZE], struct err *e);

/* ERR_UNAUTHORISED. */
enum err_code store_token_check(struct store_db *db, const char *token,
				struct store_identity *out, struct err *e);

/* A one-time sign-in that will have the role of id. */
enum err_code store_sign_in_new(struct store_db *db,
				const struct store_actor *who,
				const struct store_identity *id,
				char token[STORE_TOKEN_SIZE],
				int64_t *expires_at, struct err *e);

/* Spend the sign-in, open a session. ERR_UNAUTHORISED, recorded. */
enum err_code store_session_open(struct store_db *db,
				 const struct store_actor *who,
				 const char *token,
				 char cookie[STORE_TOKEN_SIZE],
				 struct store_identity *out, struct err *e);

/* ERR_UNAUTHORISED: unknown, ended or expired. */
enum err_code store_session_check(struct store_db *db, const char *cookie,
				  struct store_identity *out, struct err *e);

/* Fine when there is no such session. */
enum err_code store_session_end(struct store_db *db,
				const struct store_actor *who,
				const char *cookie, struct err *e);

#endif
