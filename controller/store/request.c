/* A unit's certificate: asked for once per key, one per unit. */
#include "controller/store/unit.h"
#include "proto/base/hex.h"

#include <string.h>

static enum err_code live_permit(struct store_db *db,
				 const struct store_unit_actor *who,
				 const struct msg_CSR_RELAY *ask,
				 struct unit_permit *p, struct err *e)
{
	enum err_code rc = unit_permit_own(db, who->station, ask->attempt,
					   ask->fence, p, e);

	if (rc)
		return rc;
	if (p->ended || !p->newest)
		return err_set(e, ERR_STATE, "the permit has ended");
	if (p->lease_until_ms <= unit_mono_ms())
		return err_set(e, ERR_STATE, "the permit's lease has run out");
	return ERR_OK;
}

enum err_code store_request_base(struct store_db *db,
				 const struct store_unit_actor *who,
				 const struct msg_CSR_RELAY *ask,
				 struct store_request_base *out, struct err *e)
{
	struct unit_permit p;
	struct unit_lot lot;
	enum err_code rc = live_permit(db, who, ask, &p, e);

	if (!rc)
		rc = unit_lot_get(db, p.lot, &lot, e);
	if (rc)
		return rc;
	if (!hex_decode(out->uid, sizeof out->uid, p.uid) ||
	    !hex_decode(out->attestation_key, sizeof out->attestation_key,
			lot.attestation_key))
		return err_set(e, ERR_INTEGRITY,
			       "the lot's attestation key is damaged");
	memcpy(out->challenge, p.challenge, sizeof out->challenge);
	memcpy(out->lot, p.lot, sizeof out->lot);
	memcpy(out->device_id, p.device_id, sizeof out->device_id);
	return ERR_OK;
}

enum err_code store_request_refused(struct store_db *db,
				    const struct store_unit_actor *who,
				    const struct msg_CSR_RELAY *ask,
				    const struct err *why, struct err *e)
{
	char csr_sha256[STORE_HASH_SIZE];
	struct unit_permit p;
	enum err_code rc = unit_permit_get(db, ask->attempt, &p, e);

	if (rc)
		return rc;
	db_sha256_hex(csr_sha256, ask->csr, ask->csr_len);
	return db_record(db, &who->who, "request-refused", p.lot,
			 json_pack("{ssssssssssss}", "lot", p.lot, "uid", p.uid,
				   "attempt", ask->attempt, "csr_sha256",
				   csr_sha256, "code", err_name(why->code),
				   "why", why->text),
			 NULL, NULL, e);
}

/* The unit's certificate, if it has one: fills out when it is for this key. */
static enum err_code existing(struct store_db *db, const char *uid,
			      const char *spki_sha256, bool *found,
			      struct msg_CERTIFICATE *out, struct err *e)
{
	const enum sql_query q = Q_certificate_of_uid;
	enum err_code rc = db_one(db, e, q, "t", uid);
	const void *der;
	size_t len;

	*found = rc == ERR_OK;
	out->certificate_len = 0;
	if (rc)
		return rc == ERR_NOT_FOUND ? ERR_OK : rc;
	der = db_blob(db, q, 2, &len);
	if (strcmp(db_text(db, q, 1), spki_sha256) == 0 &&
	    len <= sizeof out->certificate) {
		DB_COPY(db, q, 0, out->sha256);
		memcpy(out->certificate, der, len);
		out->certificate_len = len;
	}
	db_end(db, q);
	return ERR_OK;
}

static enum err_code refuse(struct store_db *db,
			    const struct store_unit_actor *who,
			    const struct msg_CSR_RELAY *ask,
			    const struct unit_permit *p, const char *why,
			    struct err *e)
{
	db_note_refusal(db, &who->who, "request-refused", p->lot,
			json_pack("{ssssssss}", "lot", p->lot, "uid", p->uid,
				  "attempt", ask->attempt, "why", why));
	return err_set(e, ERR_REFUSED, "%s", why);
}

static enum err_code add_request(struct store_db *db,
				 const struct store_unit_actor *who,
				 const struct unit_permit *p,
				 const char *attempt,
				 const struct store_request_new *r,
				 struct err *e)
{
	uint64_t seq;
	enum err_code rc = db_record(
		db, &who->who, "request", p->lot,
		json_pack("{sssssssIssss}", "lot", p->lot, "uid", p->uid,
			  "attempt", attempt, "fence", (json_int_t)p->fence,
			  "csr_sha256", r->csr_sha256, "spki_sha256",
			  r->spki_sha256),
		&seq, NULL, e);

	if (rc)
		return rc;
	return db_exec(db, e, Q_request_add, "tttiuiu", r->csr_sha256,
		       r->spki_sha256, p->uid, p->unit_id, p->fence, db->now_ms,
		       seq);
}

enum err_code store_request(struct store_db *db,
			    const struct store_unit_actor *who,
			    const struct msg_CSR_RELAY *ask,
			    const struct store_request_new *request,
			    struct msg_CERTIFICATE *out, struct err *e)
{
	struct unit_permit p;
	bool certified, elsewhere, known;
	enum err_code rc = live_permit(db, who, ask, &p, e);

	if (!rc)
		rc = existing(db, p.uid, request->spki_sha256, &certified, out,
			      e);
	if (!rc)
		rc = unit_exists(db, Q_request_key_elsewhere,
				 request->spki_sha256, p.uid, &elsewhere, e);
	if (!rc)
		rc = unit_exists(db, Q_request_known, request->csr_sha256, NULL,
				 &known, e);
	if (rc)
		return rc;
	memcpy(out->attempt, ask->attempt, sizeof out->attempt);
	if (elsewhere)
		return refuse(db, who, ask, &p,
			      "this key belongs to another unit", e);
	if (certified && !out->certificate_len)
		return refuse(db, who, ask, &p,
			      "the unit has a certificate for another key", e);
	if (certified || known)
		return ERR_OK;
	return add_request(db, who, &p, ask->attempt, request, e);
}

static enum err_code add_certificate(struct store_db *db,
				     const struct store_unit_actor *who,
				     const struct unit_permit *p,
				     const struct store_request_new *r,
				     const struct store_certificate_new *c,
				     struct err *e)
{
	uint64_t seq;
	enum err_code rc = db_record(
		db, &who->who, "certificate", p->lot,
		json_pack("{ssssssssssssss}", "lot", p->lot, "uid", p->uid,
			  "device_id", p->device_id, "cert_sha256", c->sha256,
			  "cert_serial", c->serial, "csr_sha256", r->csr_sha256,
			  "spki_sha256", r->spki_sha256),
		&seq, NULL, e);

	if (!rc)
		rc = db_exec(db, e, Q_certificate_add, "tittttttbiu", c->sha256,
			     p->unit_id, p->uid, p->lot, r->spki_sha256,
			     r->csr_sha256, c->serial, c->issuer,
			     (const void *)c->der, c->der_len, db->now_ms, seq);
	if (!rc)
		rc = db_exec(db, e, Q_unit_certified, "it", p->unit_id,
			     c->sha256);
	return rc;
}

enum err_code store_certificate(struct store_db *db,
				const struct store_unit_actor *who,
				const struct msg_CSR_RELAY *ask,
				const struct store_request_new *request,
				const struct store_certificate_new *cert,
				struct msg_CERTIFICATE *out, struct err *e)
{
	struct unit_permit p;
	bool certified;
	enum err_code rc = unit_permit_own(db, who->station, ask->attempt,
					   ask->fence, &p, e);

	if (!rc)
		rc = existing(db, p.uid, request->spki_sha256, &certified, out,
			      e);
	if (rc)
		return rc;
	memcpy(out->attempt, ask->attempt, sizeof out->attempt);
	if (certified && !out->certificate_len)
		return refuse(db, who, ask, &p,
			      "the unit got a certificate for another key", e);
	if (certified)
		return ERR_OK;
	if (cert->der_len > sizeof out->certificate)
		return err_set(e, ERR_TOO_BIG, "certificate of %zu bytes",
			       cert->der_len);
	rc = add_certificate(db, who, &p, request, cert, e);
	if (rc)
		return rc;
	memcpy(out->sha256, cert->sha256, sizeof out->sha256);
	memcpy(out->certificate, cert->der, cert->der_len);
	out->certificate_len = cert->der_len;
	return ERR_OK;
}
