/* Evidence of a closed lot: one tar file that anybody can check offline.
 *
 *   checkpoint.pem     the public key that signs the record's checkpoints
 *   checkpoint.json    {"hash","seq","signature"}: the head at that time
 *   records.jsonl      every leaf from the lot's first to that head:
 *                      {"at","body","hash","kind","prev","seq"}, body being
 *                      the leaf's exact text
 *   certificates/UID.pem   what was issued to the lot's units
 *   summary.json       counts, computed from the records alone
 *
 * The file is canonical: the same content has one spelling, down to the tar
 * headers, so that no byte of it can change unnoticed.
 */
#ifndef CONTROLLER_AUDIT_EVIDENCE_H
#define CONTROLLER_AUDIT_EVIDENCE_H

#include "controller/audit/follow.h"
#include "proto/base/dbuf.h"

#include <jansson.h>

struct evidence_summary {
	char lot[33];
	uint64_t first_seq, last_seq; /* of the records in the file */
	uint64_t attempts, passed, failed, indeterminate;
	uint64_t licences, certificates;
	char key_sha256[65]; /* of checkpoint.pem: compare it with the one
			      * that the line's owner published */
};

/* Blocks. trusted_pem: the public key to believe (PEM text), or NULL to use
 * the one in the file, in which case key_sha256 must be compared by a person.
 * ERR_INTEGRITY names the record or part; ERR_MALFORMED: no evidence;
 * ERR_IO. */
enum err_code evidence_verify(const char *path, const char *trusted_pem,
			      struct evidence_summary *out, struct err *e);

/* ---- shared by writer and verifier ---- */

#define EVIDENCE_PART_MAX (1u << 30)

/* Count a leaf whose body names lot. ERR_INTEGRITY: the body is no object.
 * certs (may be NULL) gets UID -> certificate's SHA-256. */
enum err_code evidence_count(struct evidence_summary *s, const char *lot,
			     const struct chain_leaf *leaf, json_t *certs,
			     struct err *e);

/* A line of records.jsonl, and summary.json: appended to out. */
enum err_code evidence_leaf_text(struct dbuf *out, const struct chain_leaf *l,
				 const char *prev, const char *hash,
				 struct err *e);
enum err_code evidence_summary_text(struct dbuf *out,
				    const struct evidence_summary *s,
				    struct err *e);
enum err_code evidence_checkpoint_text(struct dbuf *out, uint64_t seq,
				       const char *hash,
				       const char *signature_hex,
				       struct err *e);
/* A certificate's PEM. */
enum err_code evidence_cert_text(struct dbuf *out, const uint8_t *der,
				 size_t der_len, struct err *e);

#endif
