#include "controller/audit/follow.h"

#include "proto/base/hex.h"

#include <string.h>

static enum err_code bad(const struct chain_leaf *leaf, const char *what,
			 struct err *e)
{
	return err_set(e, ERR_INTEGRITY, "record %llu (%.32s): %s",
		       (unsigned long long)leaf->seq, leaf->kind, what);
}

enum err_code follow_leaf(struct follow *f, const struct chain_leaf *leaf,
			  const char *prev, const char *hash, struct err *e)
{
	uint8_t prev_bytes[CHAIN_HASH_BYTES], said[CHAIN_HASH_BYTES];
	uint8_t computed[CHAIN_HASH_BYTES];

	if (f->begun && leaf->seq != f->seq + 1)
		return bad(leaf, "the record before it is missing", e);
	if (!hex_decode(prev_bytes, sizeof prev_bytes, prev) ||
	    !hex_decode(said, sizeof said, hash))
		return bad(leaf, "no hash", e);
	if (f->begun && memcmp(prev_bytes, f->hash, sizeof f->hash) != 0)
		return bad(leaf, "does not follow the record before it", e);
	chain_hash(computed, prev_bytes, leaf);
	if (memcmp(computed, said, sizeof said) != 0)
		return bad(leaf, "its content was changed", e);
	f->begun = true;
	f->seq = leaf->seq;
	memcpy(f->hash, said, sizeof f->hash);
	return ERR_OK;
}

enum err_code follow_checkpoint(const struct follow *f, struct chain_key *key,
				uint64_t seq, const char *hash,
				const uint8_t *signature, size_t signature_len,
				struct err *e)
{
	uint8_t said[CHAIN_HASH_BYTES];

	if (!f->begun || seq != f->seq)
		return err_set(e, ERR_INTEGRITY,
			       "checkpoint %llu: the record ends at %llu",
			       (unsigned long long)seq,
			       (unsigned long long)f->seq);
	if (!hex_decode(said, sizeof said, hash) ||
	    memcmp(said, f->hash, sizeof said) != 0)
		return err_set(e, ERR_INTEGRITY,
			       "checkpoint %llu: signs another record",
			       (unsigned long long)seq);
	return chain_verify(key, seq, said, signature, signature_len, e);
}
