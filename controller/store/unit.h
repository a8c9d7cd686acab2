/* What the facts of an attempt share. Private to the store. */
#ifndef CONTROLLER_STORE_UNIT_H
#define CONTROLLER_STORE_UNIT_H

#include "controller/line/lot.h"
#include "controller/store/db.h"
#include "controller/store/store_unit.h"

struct unit_lot {
	enum lot_state state;
	uint64_t quantity, admitted, max_attempts;
	char image_sha256[STORE_HASH_SIZE];
	char fwid[17];
	char attestation_key[129];
};

struct unit_row {
	int64_t unit_id; /* 0: no such unit */
	bool admitted;
	char outcome[16];
	uint64_t attempts, attempts_used;
	char device_id[STORE_DEVICE_SIZE];
};

struct unit_permit {
	uint64_t fence; /* 0: the attempt has no permit */
	char request_sha256[STORE_HASH_SIZE];
	int64_t unit_id;
	char station[STORE_NAME_SIZE], harness[STORE_NAME_SIZE];
	uint64_t attempt_no;
	bool retest, resumed, ended, newest;
	uint8_t challenge[32];
	int64_t lease_until_ms;
	char uid[STORE_UID_SIZE], lot[STORE_NAME_SIZE];
	char device_id[STORE_DEVICE_SIZE];
};

/* The newest recorded attempt that locked a unit, and what it and those after
 * it found out. */
struct unit_lock {
	int64_t attempt_id; /* 0: no attempt of the lot did it */
	char station[STORE_NAME_SIZE];
	uint64_t attempt_no;
	char nor_sha256[STORE_HASH_SIZE];
	char test_program_version[33];
	char csr_sha256[STORE_HASH_SIZE], cert_sha256[STORE_HASH_SIZE];
};

/* The newest recorded attempt of a unit that saw its application test end
 * with 0. */
struct unit_app_test {
	uint64_t attempt_no; /* 0: none */
};

/* The monotonic clock in ms: of leases only. */
int64_t unit_mono_ms(void);

/* ERR_NOT_FOUND. */
enum err_code unit_lot_get(struct store_db *db, const char *lot,
			   struct unit_lot *out, struct err *e);

/* The unit of a board in a lot, by UID, else by serial; when a board that was
 * known by its serial only now tells its UID, it gets it. unit_id 0 when it
 * was never seen. */
enum err_code unit_find(struct store_db *db, const char *lot, const char *uid,
			const char *board_serial, struct unit_row *out,
			struct err *e);
enum err_code unit_get(struct store_db *db, int64_t unit_id,
		       struct unit_row *out, struct err *e);
/* uid or board_serial is not empty. */
enum err_code unit_add(struct store_db *db, const char *lot, const char *uid,
		       const char *board_serial, struct unit_row *out,
		       struct err *e);

/* Did an attempt of this lot lock this unit? It counts when it had a permit,
 * had read back the lot's image from the SPI flash, and had entered lock-down,
 * however it ended; and a licence of the lot's firmware is on record for the
 * chip. */
enum err_code unit_lock_get(struct store_db *db, const char *lot,
			    const char *uid, struct unit_lock *out,
			    struct err *e);
enum err_code unit_app_test_get(struct store_db *db, int64_t unit_id,
				struct unit_app_test *out, struct err *e);

/* fence 0 when there is none. */
enum err_code unit_permit_get(struct store_db *db, const char *attempt,
			      struct unit_permit *out, struct err *e);

/* The permit of an attempt of this station. ERR_NOT_FOUND; ERR_CONFLICT when
 * the fence is another. */
enum err_code unit_permit_own(struct store_db *db, const char *station,
			      const char *attempt, uint64_t fence,
			      struct unit_permit *out, struct err *e);

/* Does the statement find a row? */
enum err_code unit_exists(struct store_db *db, enum sql_query q, const char *a,
			  const char *b, bool *yes, struct err *e);

/* The same key with other content: recorded, ERR_CONFLICT. */
enum err_code unit_conflict(struct store_db *db,
			    const struct store_unit_actor *who,
			    const char *attempt, const char *lot,
			    const char *what, struct err *e);

#endif
