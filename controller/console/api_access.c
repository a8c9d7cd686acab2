/* Endpoints about who may come in: sessions, sign-ins, stations, enrolment. */
#include "controller/console/handlers.h"
#include "controller/enrol/station_ca.h"
#include "proto/base/wall.h"

#include <string.h>

static bool token_shaped(const char *token)
{
	return strlen(token) == STORE_TOKEN_SIZE - 1 &&
	       strspn(token, "0123456789abcdef") == STORE_TOKEN_SIZE - 1;
}

enum err_code run_session_open(struct store_db *db, struct request *rq,
			       struct err *e)
{
	char cookie[STORE_TOKEN_SIZE];
	enum err_code rc;

	if (!token_shaped(body_text(rq, "token")))
		return err_set(e, ERR_UNAUTHORISED, "not a sign-in token");
	rc = store_session_open(db, &rq->who, body_text(rq, "token"), cookie,
				&rq->id, e);
	if (rc)
		return rc;
	snprintf(rq->cookie, sizeof(rq->cookie),
		 "provline_session=%s; Path=/; Max-Age=%d; Secure; HttpOnly; "
		 "SameSite=Strict",
		 cookie, STORE_SESSION_MS / 1000);
	explicit_bzero(cookie, sizeof(cookie));
	return ERR_OK;
}

enum err_code run_session_get(struct store_db *db, struct request *rq,
			      struct err *e)
{
	(void)db;
	return give(rq,
		    json_pack("{s:s,s:s}", "name", rq->id.name, "role",
			      rq->id.role),
		    e);
}

enum err_code run_session_end(struct store_db *db, struct request *rq,
			      struct err *e)
{
	enum err_code rc;

	if (rq->credential != CREDENTIAL_COOKIE)
		return err_set(e, ERR_STATE,
			       "there is no session to end: this is a token");
	rc = store_session_end(db, &rq->who, rq->token, e);
	if (!rc)
		strcpy(rq->cookie, "provline_session=; Path=/; Max-Age=0; "
				   "Secure; HttpOnly; SameSite=Strict");
	return rc;
}

enum err_code run_sign_in_new(struct store_db *db, struct request *rq,
			      struct err *e)
{
	char token[STORE_TOKEN_SIZE];
	int64_t expires_at;
	enum err_code rc =
		store_sign_in_new(db, &rq->who, &rq->id, token, &expires_at, e);

	if (rc)
		return rc;
	rc = give(rq,
		  json_pack("{s:s,s:o}", "token", token, "expires_at",
			    json_time(expires_at)),
		  e);
	explicit_bzero(token, sizeof(token));
	return rc;
}

enum err_code run_user_add(struct store_db *db, struct request *rq,
			   struct err *e)
{
	struct store_identity id = {0};
	char token[STORE_TOKEN_SIZE];
	enum err_code rc;

	/* Lengths are bodies.def's. */
	snprintf(id.name, sizeof(id.name), "%s", body_text(rq, "name"));
	snprintf(id.role, sizeof(id.role), "%s", body_text(rq, "role"));
	if (!route_role_known(id.role))
		return err_set(e, ERR_INPUT,
			       "role is none of operator, manager, engineer, "
			       "auditor, admin");
	rc = store_token_add(db, &rq->who, &id, token, e);
	if (rc)
		return rc;
	rc = give(rq,
		  json_pack("{s:s,s:s,s:s}", "name", id.name, "role", id.role,
			    "token", token),
		  e);
	explicit_bzero(token, sizeof(token));
	return rc;
}

enum err_code run_station_invite(struct store_db *db, struct request *rq,
				 struct err *e)
{
	const char *station = body_text(rq, "station");
	char token[STORE_TOKEN_SIZE];
	int64_t expires_at;
	enum err_code rc = store_station_invite(db, &rq->who, station, token,
						&expires_at, e);

	if (rc)
		return rc;
	rc = give(rq,
		  json_pack("{s:s,s:s,s:s,s:o}", "station", station, "token",
			    token, "ca_sha256",
			    station_ca_sha256(rq->c->config.station_ca),
			    "expires_at", json_time(expires_at)),
		  e);
	explicit_bzero(token, sizeof(token));
	return rc;
}

enum err_code run_station_revoke(struct store_db *db, struct request *rq,
				 struct err *e)
{
	return store_station_revoke(db, &rq->who, rq->match.param[0], e);
}

/* The token is spent, the certificate made and recorded in one transaction:
 * what fails on the way leaves the token usable. */
enum err_code run_enrol(struct store_db *db, struct request *rq, struct err *e)
{
	struct station_ca *ca = rq->c->config.station_ca;
	char station[STORE_NAME_SIZE], pem[STATION_CA_PEM_SIZE];
	char cert_sha256[STORE_HASH_SIZE];
	enum err_code rc;

	snprintf(rq->who.by, sizeof(rq->who.by), "enrolment");
	if (!token_shaped(body_text(rq, "token")))
		return err_set(e, ERR_UNAUTHORISED, "not an enrolment token");
	rc = store_station_token_spend(db, &rq->who, body_text(rq, "token"),
				       station, e);
	if (rc)
		return rc;
	rc = station_ca_issue(ca, station, body_text(rq, "csr"), pem,
			      cert_sha256, e);
	if (!rc)
		rc = store_station_enrolled(db, &rq->who, station, pem,
					    cert_sha256, e);
	if (rc)
		return rc;
	return give(rq,
		    json_pack("{s:s,s:s,s:s}", "station", station,
			      "certificate", pem, "ca", station_ca_pem(ca)),
		    e);
}
