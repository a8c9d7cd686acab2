/* Walks the record leaf by leaf and believes nothing: order, links and hashes
 * are computed again. Used on the database and on evidence. */
#ifndef CONTROLLER_AUDIT_FOLLOW_H
#define CONTROLLER_AUDIT_FOLLOW_H

#include "controller/audit/chain.h"

#include <stdbool.h>

struct follow {
	bool begun;
	uint64_t seq; /* of the last leaf */
	uint8_t hash[CHAIN_HASH_BYTES];
};

/* A leaf as stored: prev and hash in hex. The first one may be any (its prev
 * is bound by its hash). ERR_INTEGRITY names the record. */
enum err_code follow_leaf(struct follow *f, const struct chain_leaf *leaf,
			  const char *prev, const char *hash, struct err *e);

/* Does a checkpoint sign the last leaf? ERR_INTEGRITY. */
enum err_code follow_checkpoint(const struct follow *f, struct chain_key *key,
				uint64_t seq, const char *hash,
				const uint8_t *signature, size_t signature_len,
				struct err *e);

#endif
