/* The facts of an attempt, for the agents' sessions: permit, licence, request,
 * certificate, result. All run inside a writing job (store.h) unless said
 * otherwise, apply the rules of controller/line in the transaction that
 * records the answer, and are idempotent by the attempt's id: the same again
 * gives the same answer and no second effect; the same id with other content
 * is ERR_CONFLICT and recorded as such. A station can only speak of its own
 * attempts (ERR_NOT_FOUND otherwise). `who` of these functions is the
 * station.
 */
#ifndef CONTROLLER_STORE_STORE_UNIT_H
#define CONTROLLER_STORE_STORE_UNIT_H

#include "controller/store/store.h"
#include "proto/msg/msg.h"

/* Leases of permits that are open when the store is opened run on for this
 * long: nobody could renew them while the controller was away. */
#define STORE_LEASE_GRACE_MS 60000

/* Where in the record a fact is. */
struct store_receipt {
	uint64_t seq;
	char hash[STORE_HASH_SIZE];
};

struct store_unit_actor {
	struct store_actor who;
	char station[STORE_NAME_SIZE];
};

/* ask: any message of an attempt; content: its canonical JSON (msg_to_json),
 * by which repetition is told from conflict. */

/* permit_decide of controller/line/permit.h says yes or no; a refusal fills
 * *retry_ms and is recorded. device_id is the one derived from the UID. */
enum err_code store_permit(struct store_db *db,
			   const struct store_unit_actor *who,
			   const struct msg_PERMIT_GET *ask,
			   const char *content, const char *device_id,
			   uint32_t lease_ms, struct msg_PERMIT *out,
			   uint32_t *retry_ms, struct err *e);

/* ERR_STATE: the permit has ended or a later one exists. Not recorded. */
enum err_code store_permit_renew(struct store_db *db,
				 const struct store_unit_actor *who,
				 const struct msg_PERMIT_RENEW *ask,
				 uint32_t lease_ms, struct err *e);

/* A count was spent. Recorded even when the permit has ended since: the count
 * is gone either way. ERR_CONFLICT: this licence is known for another unit or
 * with other counters. */
enum err_code store_licence(struct store_db *db,
			    const struct store_unit_actor *who,
			    const struct msg_LICENCE_ISSUED *ask,
			    struct store_receipt *out, struct err *e);

/* A card's counter as a heartbeat shows it, for every lot that the station
 * works on. Writes only what is new. */
enum err_code store_card_seen(struct store_db *db,
			      const struct store_unit_actor *who,
			      const struct msg_CARD_STATE *card, struct err *e);

/* ---- the certificate ---- */

/* What checking a request needs. Reading only. */
struct store_request_base {
	char lot[STORE_NAME_SIZE];
	uint8_t uid[12];
	uint8_t challenge[32];
	uint8_t attestation_key[64]; /* of the lot's image */
	char device_id[STORE_DEVICE_SIZE];
};

/* ERR_STATE: the permit has ended, or a later one exists. */
enum err_code store_request_base(struct store_db *db,
				 const struct store_unit_actor *who,
				 const struct msg_CSR_RELAY *ask,
				 struct store_request_base *out, struct err *e);

struct store_request_new {
	char csr_sha256[STORE_HASH_SIZE];
	char spki_sha256[STORE_HASH_SIZE]; /* identifies the key */
};

/* The request passed all checks of enrol/csr.h. Either out->certificate_len
 * is set (this unit and this key have one already: that one it stays) or the
 * request is on record and may go to the cloud. ERR_STATE as above;
 * ERR_REFUSED: the key belongs to another unit, or the unit has a certificate
 * for another key; recorded. */
enum err_code store_request(struct store_db *db,
			    const struct store_unit_actor *who,
			    const struct msg_CSR_RELAY *ask,
			    const struct store_request_new *request,
			    struct msg_CERTIFICATE *out, struct err *e);

/* A request that did not pass the checks: recorded. */
enum err_code store_request_refused(struct store_db *db,
				    const struct store_unit_actor *who,
				    const struct msg_CSR_RELAY *ask,
				    const struct err *why, struct err *e);

struct store_certificate_new {
	const uint8_t *der;
	size_t der_len;
	const char *sha256, *serial, *issuer;
};

/* What the cloud issued for a recorded request. Recorded even when the permit
 * has ended since; when another certificate for the same key came first, that
 * one is the answer. */
enum err_code store_certificate(struct store_db *db,
				const struct store_unit_actor *who,
				const struct msg_CSR_RELAY *ask,
				const struct store_request_new *request,
				const struct store_certificate_new *cert,
				struct msg_CERTIFICATE *out, struct err *e);

/* ---- the result ---- */

/* Recorded whole, once. *downgraded tells that a reported pass was recorded
 * as indeterminate, why says for what reason: the unit must not go green.
 * ERR_NOT_FOUND: no such lot. ERR_MALFORMED: it contradicts itself. */
enum err_code store_result(struct store_db *db,
			   const struct store_unit_actor *who,
			   const struct msg_RESULT *r, const char *content,
			   struct store_receipt *out, bool *downgraded,
			   char why[128], struct err *e);

/* ---- for the store itself and the checkpoints ---- */

enum err_code store_leases_restart(struct store_db *db, struct err *e);

/* A signature over the head of the record (audit/checkpoint.h). */
enum err_code store_checkpoint_add(struct store_db *db, uint64_t seq,
				   const char *hash, const uint8_t *signature,
				   size_t signature_len, struct err *e);

#endif
