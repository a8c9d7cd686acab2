/* The record's hash chain. Each durable fact is a leaf:
 *
 *   hash = SHA-256(0x00 || prev || seq || at || kind || body)
 *
 * prev: the 32 bytes of the leaf before (zeros for the first); seq and at (ms
 * since 1970): 8 bytes each, big-endian; kind: [a-z-]+; body: canonical JSON
 * text (keys sorted, compact), which starts with '{', so that no kind can
 * run into it. The leading 0x00 is the leaf prefix of RFC 6962, 2.1.
 *
 * A checkpoint is ECDSA P-256/SHA-256 (DER) by the checkpoint key over
 *   "provline-checkpoint-v1\n" || seq (8 bytes, big-endian) || hash (32)
 * Whoever holds the public key can tell a cut, edited or reordered record.
 */
#ifndef CONTROLLER_AUDIT_CHAIN_H
#define CONTROLLER_AUDIT_CHAIN_H

#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define CHAIN_HASH_BYTES       32u
#define CHAIN_SIGNATURE_BYTES  80u /* at most */
#define CHAIN_KEY_PEM_SIZE     512u
#define CHAIN_CHECKPOINT_LABEL "provline-checkpoint-v1\n"

struct chain_leaf {
	uint64_t seq; /* from 1 */
	int64_t at_ms;
	const char *kind;
	const char *body;
	size_t body_len;
};

void chain_hash(uint8_t hash[CHAIN_HASH_BYTES],
		const uint8_t prev[CHAIN_HASH_BYTES],
		const struct chain_leaf *leaf);

struct chain_key; /* private, signs; or public, verifies */

/* PEM file of a P-256 private key that only its owner may read. ERR_CONFIG. */
enum err_code chain_key_open(struct chain_key **out, const char *path,
			     struct err *e);
/* PEM text of a P-256 public key. ERR_INPUT. */
enum err_code chain_key_public(struct chain_key **out, const char *pem,
			       size_t pem_len, struct err *e);
void chain_key_close(struct chain_key *key);

/* The public half as PEM. */
enum err_code chain_key_pem(const struct chain_key *key,
			    char pem[CHAIN_KEY_PEM_SIZE], struct err *e);

/* key must be private. Not for two threads at once. */
enum err_code chain_sign(struct chain_key *key, uint64_t seq,
			 const uint8_t hash[CHAIN_HASH_BYTES],
			 uint8_t signature[CHAIN_SIGNATURE_BYTES],
			 size_t *signature_len, struct err *e);

/* ERR_INTEGRITY. */
enum err_code chain_verify(struct chain_key *key, uint64_t seq,
			   const uint8_t hash[CHAIN_HASH_BYTES],
			   const uint8_t *signature, size_t signature_len,
			   struct err *e);

#endif
