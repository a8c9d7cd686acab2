#include "controller/audit/verify.h"

#include "controller/audit/follow.h"
#include "controller/store/store_report.h"

#include <string.h>

struct walk {
	struct follow follow;
	struct follow at_checkpoint; /* as it was at that leaf */
	uint64_t checkpoint_seq;
};

static enum err_code on_leaf(void *arg, const struct store_leaf *l,
			     struct err *e)
{
	struct walk *w = arg;
	struct chain_leaf leaf = {l->seq, l->at_ms, l->kind, l->body,
				  strlen(l->body)};
	static const char zeros[] = "0000000000000000000000000000000000000000"
				    "000000000000000000000000";
	enum err_code rc;

	if (!w->follow.begun && (l->seq != 1 || strcmp(l->prev, zeros) != 0))
		return err_set(e, ERR_INTEGRITY,
			       "record %llu: the record's beginning is missing",
			       (unsigned long long)l->seq);
	rc = follow_leaf(&w->follow, &leaf, l->prev, l->hash, e);
	if (!rc && l->seq == w->checkpoint_seq)
		w->at_checkpoint = w->follow;
	return rc;
}

enum err_code verify_run(struct store_db *db, void *arg, struct err *e)
{
	struct store_checkpoint cp;
	struct walk w = {0};
	enum err_code rc = store_checkpoint_last(db, &cp, e);

	if (rc)
		return rc;
	w.checkpoint_seq = cp.seq;
	rc = store_record_leaves(db, 1, 0, on_leaf, &w, e);
	if (rc || !cp.seq)
		return rc;
	return follow_checkpoint(&w.at_checkpoint, arg, cp.seq, cp.hash,
				 cp.signature, cp.signature_len, e);
}
