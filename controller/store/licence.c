#include "controller/store/unit.h"
#include "proto/base/hex.h"
#include "proto/board/sfi.h"

#include <string.h>

static void licence_fwid(char out[SFI_FWID_BYTES + 1],
			 const struct msg_LICENCE_ISSUED *m)
{
	memcpy(out, m->licence + SFI_FWID_OFFSET, SFI_FWID_BYTES);
	out[SFI_FWID_BYTES] = '\0';
}

static enum err_code check_licence(const struct msg_LICENCE_ISSUED *m,
				   struct err *e)
{
	char id[2 * SFI_LICENCE_ID_BYTES + 1], fwid[SFI_FWID_BYTES + 1];

	if (m->licence_len != SFI_LICENCE_BYTES ||
	    m->chip_certificate_len != SFI_CHIP_CERT_BYTES)
		return err_set(e, ERR_MALFORMED,
			       "licence or chip certificate of a wrong length");
	hex_encode(id, m->licence + SFI_LICENCE_ID_OFFSET,
		   SFI_LICENCE_ID_BYTES);
	if (strcmp(id, m->licence_id) != 0)
		return err_set(e, ERR_MALFORMED,
			       "licence_id is not the licence's");
	licence_fwid(fwid, m);
	for (const char *p = fwid; *p; p++) {
		if (*p < 0x21 || *p > 0x7e)
			return err_set(e, ERR_MALFORMED,
				       "the licence names no firmware");
	}
	if (m->counter_after >= m->counter_before || !*m->card_serial)
		return err_set(e, ERR_MALFORMED,
			       "no card, or its counter did not fall");
	return ERR_OK;
}

/* The licence with this id, if it is on record. */
static enum err_code known(struct store_db *db,
			   const struct msg_LICENCE_ISSUED *m, const char *uid,
			   bool *found, bool *same, struct store_receipt *out,
			   struct err *e)
{
	const enum sql_query q = Q_licence_get;
	enum err_code rc = db_one(db, e, q, "t", m->licence_id);
	const void *licence;
	size_t len;

	*found = rc == ERR_OK;
	if (rc)
		return rc == ERR_NOT_FOUND ? ERR_OK : rc;
	licence = db_blob(db, q, 4, &len);
	*same = strcmp(db_text(db, q, 0), uid) == 0 &&
		strcmp(db_text(db, q, 1), m->card_serial) == 0 &&
		db_uint(db, q, 2) == m->counter_before &&
		db_uint(db, q, 3) == m->counter_after &&
		len == m->licence_len && memcmp(licence, m->licence, len) == 0;
	out->seq = db_uint(db, q, 5);
	DB_COPY(db, q, 6, out->hash);
	db_end(db, q);
	return ERR_OK;
}

static enum err_code add(struct store_db *db,
			 const struct store_unit_actor *who,
			 const struct msg_LICENCE_ISSUED *m,
			 const struct unit_permit *p, struct store_receipt *out,
			 struct err *e)
{
	char fwid[SFI_FWID_BYTES + 1], licence_sha256[STORE_HASH_SIZE];
	enum err_code rc;

	licence_fwid(fwid, m);
	db_sha256_hex(licence_sha256, m->licence, m->licence_len);
	rc = db_record(db, &who->who, "licence", p->lot,
		       json_pack("{sssssssssIsssssssIsI}", "lot", p->lot, "uid",
				 p->uid, "attempt", m->attempt, "card_serial",
				 m->card_serial, "fence", (json_int_t)m->fence,
				 "licence_id", m->licence_id, "licence_sha256",
				 licence_sha256, "fwid", fwid, "counter_before",
				 (json_int_t)m->counter_before, "counter_after",
				 (json_int_t)m->counter_after),
		       &out->seq, out->hash, e);
	if (!rc)
		rc = db_exec(db, e, Q_licence_add, "tittuttuubbiu",
			     m->licence_id, p->unit_id, p->uid, p->lot,
			     p->fence, m->card_serial, fwid, m->counter_before,
			     m->counter_after, (const void *)m->licence,
			     m->licence_len, (const void *)m->chip_certificate,
			     m->chip_certificate_len, db->now_ms, out->seq);
	if (!rc)
		rc = db_exec(db, e, Q_card_used, "ttuu", p->lot, m->card_serial,
			     m->counter_before, m->counter_after);
	return rc;
}

enum err_code store_licence(struct store_db *db,
			    const struct store_unit_actor *who,
			    const struct msg_LICENCE_ISSUED *ask,
			    struct store_receipt *out, struct err *e)
{
	static const char clash[] =
		"this licence is recorded with other content";
	struct unit_permit p;
	bool found, same = false;
	enum err_code rc = unit_permit_own(db, who->station, ask->attempt,
					   ask->fence, &p, e);

	if (!rc)
		rc = check_licence(ask, e);
	if (!rc)
		rc = known(db, ask, p.uid, &found, &same, out, e);
	if (rc)
		return rc;
	if (found)
		return same ? ERR_OK
			    : unit_conflict(db, who, ask->attempt, p.lot, clash,
					    e);
	rc = add(db, who, ask, &p, out, e);
	if (rc == ERR_EXISTS) /* another licence for the same count */
		rc = unit_conflict(db, who, ask->attempt, p.lot, clash, e);
	return rc;
}

enum err_code store_card_seen(struct store_db *db,
			      const struct store_unit_actor *who,
			      const struct msg_CARD_STATE *card, struct err *e)
{
	enum err_code rc;

	if (!*card->card_serial || strcmp(card->state, "operational") != 0)
		return ERR_OK;
	rc = db_exec(db, e, Q_card_seen, "tttu", who->station,
		     card->card_serial, card->fwid, card->counter);
	if (rc || !db_changes(db))
		return rc;
	return db_record(db, &who->who, "card-seen", "",
			 json_pack("{sssssIsI}", "card_serial",
				   card->card_serial, "fwid", card->fwid,
				   "counter", (json_int_t)card->counter,
				   "maximum", (json_int_t)card->maximum),
			 NULL, NULL, e);
}
