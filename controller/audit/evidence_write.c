#include "controller/audit/evidence_write.h"

#include "controller/audit/evidence.h"
#include "controller/store/store_line.h"
#include "controller/store/store_report.h"
#include "proto/base/hex.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES (256u << 10)

struct writing {
	struct store_db *db;
	const char *lot;
	struct evidence_tar tar;
	struct evidence_summary summary;
	struct store_checkpoint checkpoint;
	struct dbuf line;
	uint64_t records_len; /* first pass */
	bool counting;
};

static enum err_code on_leaf(void *arg, const struct store_leaf *l,
			     struct err *e)
{
	struct writing *w = arg;
	struct chain_leaf leaf = {l->seq, l->at_ms, l->kind, l->body,
				  strlen(l->body)};
	enum err_code rc;

	dbuf_clear(&w->line);
	rc = evidence_leaf_text(&w->line, &leaf, l->prev, l->hash, e);
	if (rc)
		return rc;
	if (!w->counting)
		return evidence_tar_data(&w->tar, w->line.data, w->line.len, e);
	w->records_len += w->line.len;
	return evidence_count(&w->summary, w->lot, &leaf, NULL, e);
}

static enum err_code walk(struct writing *w, bool counting, uint64_t first,
			  struct err *e)
{
	w->counting = counting;
	return store_record_leaves(w->db, first, w->checkpoint.seq - first + 1,
				   on_leaf, w, e);
}

static enum err_code add_text(struct writing *w, const char *name,
			      const void *text, size_t len, struct err *e)
{
	enum err_code rc = evidence_tar_part(&w->tar, name, len, e);

	return rc ? rc : evidence_tar_data(&w->tar, text, len, e);
}

static enum err_code add_checkpoint(struct writing *w, const char *key_pem,
				    struct err *e)
{
	char signature[2 * sizeof w->checkpoint.signature + 1];
	enum err_code rc =
		add_text(w, "checkpoint.pem", key_pem, strlen(key_pem), e);

	hex_encode(signature, w->checkpoint.signature,
		   w->checkpoint.signature_len);
	dbuf_clear(&w->line);
	if (!rc)
		rc = evidence_checkpoint_text(&w->line, w->checkpoint.seq,
					      w->checkpoint.hash, signature, e);
	if (!rc)
		rc = add_text(w, "checkpoint.json", w->line.data, w->line.len,
			      e);
	return rc;
}

static enum err_code on_cert(void *arg, const struct store_cert *c,
			     struct err *e)
{
	struct writing *w = arg;
	char name[64];
	enum err_code rc;

	snprintf(name, sizeof name, "certificates/%.24s.pem", c->uid);
	dbuf_clear(&w->line);
	rc = evidence_cert_text(&w->line, c->der, c->der_len, e);
	return rc ? rc : add_text(w, name, w->line.data, w->line.len, e);
}

static enum err_code write_all(struct writing *w, const char *key_pem,
			       uint64_t first, struct err *e)
{
	enum err_code rc = walk(w, true, first, e);

	if (!rc)
		rc = add_checkpoint(w, key_pem, e);
	if (!rc)
		rc = evidence_tar_part(&w->tar, "records.jsonl", w->records_len,
				       e);
	if (!rc)
		rc = walk(w, false, first, e);
	if (!rc)
		rc = store_certificates(w->db, w->lot, "", on_cert, w, e);
	dbuf_clear(&w->line);
	if (!rc)
		rc = evidence_summary_text(&w->line, &w->summary, e);
	if (!rc)
		rc = add_text(w, "summary.json", w->line.data, w->line.len, e);
	return rc;
}

static enum err_code check_closed(struct writing *w, uint64_t *first,
				  struct err *e)
{
	struct store_lot lot;
	uint64_t last = 0;
	enum err_code rc = store_lot_get(w->db, w->lot, &lot, e);

	if (rc)
		return rc;
	if (strcmp(lot.state, "closed") != 0) {
		err_set(e, ERR_STATE, "the lot is %s, not closed", lot.state);
		return err_hint(e, "close it first");
	}
	rc = store_record_span(w->db, w->lot, first, &last, e);
	if (!rc)
		rc = store_checkpoint_last(w->db, &w->checkpoint, e);
	if (!rc && (!*first || w->checkpoint.seq < last))
		rc = err_set(e, ERR_STATE,
			     "the end of the lot's record is not signed yet");
	return rc;
}

enum err_code evidence_write(struct store_db *db, const char *lot,
			     const char *key_pem, evidence_sink *sink,
			     void *arg, struct err *e)
{
	struct writing w = {.db = db, .lot = lot};
	uint64_t first = 0;
	enum err_code rc = check_closed(&w, &first, e), rc2;

	if (rc)
		return rc;
	snprintf(w.summary.lot, sizeof w.summary.lot, "%s", lot);
	dbuf_init(&w.line, LINE_MAX_BYTES);
	rc = evidence_tar_open(&w.tar, sink, arg, e);
	if (!rc) {
		rc = write_all(&w, key_pem, first, e);
		rc2 = evidence_tar_close(&w.tar, !rc, rc ? NULL : e);
		rc = rc ? rc : rc2;
	}
	dbuf_fini(&w.line);
	return rc;
}
