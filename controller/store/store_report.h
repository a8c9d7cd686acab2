/* What was built: pages, ledger, yield, traceability, the record. Reading
 * only; run these in store_read jobs. Lists are streamed: fn is called once
 * per row on the job's thread, with a row that is borrowed until it returns;
 * an error from fn ends the list and is returned. Memory does not grow with
 * the number of units. */
#ifndef CONTROLLER_STORE_STORE_REPORT_H
#define CONTROLLER_STORE_STORE_REPORT_H

#include "controller/store/store.h"

/* ---- units ---- */

#define STORE_CURSOR_SIZE 96
#define STORE_PAGE_MAX	  500

struct store_unit {
	char lot[STORE_NAME_SIZE];
	char uid[STORE_UID_SIZE]; /* empty: never read, see board_serial */
	char device_id[STORE_DEVICE_SIZE];
	char board_serial[STORE_NAME_SIZE];
	char outcome[16];      /* in-progress, pass, fail, indeterminate */
	char failure_code[33]; /* of the last attempt, empty on pass */
	char failure_step[25];
	char disposition[16]; /* good, rework, scrap, quarantine, lost, "" */
	uint64_t attempts;
	char cert_sha256[STORE_HASH_SIZE];
	int64_t finished_at; /* ms, 0: not yet */
};

typedef enum err_code store_unit_fn(void *arg, const struct store_unit *u,
				    struct err *e);

/* At most limit (1..STORE_PAGE_MAX) units after the cursor ("" for the first
 * page), ordered by when they were first seen; next gets the cursor of the
 * following page or "". lot "" means all lots. ERR_INPUT: no such cursor. */
enum err_code store_units(struct store_db *db, const char *lot,
			  const char *cursor, unsigned limit,
			  char next[STORE_CURSOR_SIZE], store_unit_fn *fn,
			  void *arg, struct err *e);

/* The unit in its latest lot. key: UID or board serial. ERR_NOT_FOUND. */
enum err_code store_unit_get(struct store_db *db, const char *key,
			     struct store_unit *out, struct err *e);

/* One attempt, as in the traceability columns of the contract. Text is never
 * NULL; borrowed. Numbers that do not exist are -1. */
struct store_trace {
	const char *lot, *product, *board_serial, *uid, *device_id, *attempt;
	const char *outcome, *failure_code, *failure_step, *disposition;
	const char *station, *harness, *operator_;
	const char *started_at, *finished_at; /* RFC 3339 */
	int64_t cycle_ms;
	const char *image_sha256, *test_program_version, *app_version;
	int64_t app_test_status;
	const char *card_serial, *licence_id;
	int64_t card_counter_before, card_counter_after;
	const char *csr_sha256, *cert_serial, *cert_sha256, *cert_issuer;
	int64_t record_seq;
	const char *record_hash;
	/* beyond the contract's columns */
	int64_t attempt_no, fence, recorded_at;
	const char *failure_text;
	bool stale; /* its fence was not the unit's newest: cannot pass it */
	/* where its time went; false: recorded before that was known */
	bool accounted;
#define ACCOUNT(name, what) int64_t name;
#include "proto/account.def"
#undef ACCOUNT
	int64_t rest_ms; /* may be below 0 */
};

typedef enum err_code store_trace_fn(void *arg, const struct store_trace *t,
				     struct err *e);

/* Every recorded attempt, in the order of recording. lot "" means all. */
enum err_code store_traceability(struct store_db *db, const char *lot,
				 store_trace_fn *fn, void *arg, struct err *e);

/* All attempts of one unit (UID or board serial), oldest first. */
enum err_code store_unit_attempts(struct store_db *db, const char *key,
				  store_trace_fn *fn, void *arg, struct err *e);

struct store_step {
	const char *step, *state;
	int64_t started_ms, took_ms;
};
struct store_measurement {
	const char *step, *name, *value, *unit, *low, *high;
	bool pass;
};
typedef enum err_code store_step_fn(void *arg, const struct store_step *s,
				    struct err *e);
typedef enum err_code store_measurement_fn(void *arg,
					   const struct store_measurement *m,
					   struct err *e);

enum err_code store_attempt_steps(struct store_db *db, const char *attempt,
				  store_step_fn *fn, void *arg, struct err *e);
enum err_code store_attempt_measurements(struct store_db *db,
					 const char *attempt,
					 store_measurement_fn *fn, void *arg,
					 struct err *e);
/* The text log; *log is malloc'ed, the caller frees. ERR_NOT_FOUND. */
enum err_code store_attempt_log(struct store_db *db, const char *attempt,
				char **log, struct err *e);

struct store_cert {
	const char *lot, *uid, *sha256, *serial, *issuer;
	const uint8_t *der;
	size_t der_len;
	int64_t issued_at;
};
typedef enum err_code store_cert_fn(void *arg, const struct store_cert *c,
				    struct err *e);

/* lot "" means all; uid "" means every unit's. No certificate: fn is not
 * called. */
enum err_code store_certificates(struct store_db *db, const char *lot,
				 const char *uid, store_cert_fn *fn, void *arg,
				 struct err *e);

/* ---- ledger ---- */

#define STORE_GAPS_MAX 64

struct store_ledger {
	char lot[STORE_NAME_SIZE];
	uint64_t card_start, card_end; /* sums over the lot's cards */
	uint64_t licences;	       /* issued in this lot */
	uint64_t units;		       /* chips of this lot with a licence */
	uint64_t certificates;
	bool balanced;
	size_t gaps_total; /* may exceed those listed */
	size_t gaps_n;
	char gaps[STORE_GAPS_MAX][200];
};

/* ERR_NOT_FOUND. */
enum err_code store_ledger(struct store_db *db, const char *lot,
			   struct store_ledger *out, struct err *e);

/* ---- yield ---- */

struct store_yield_row {
	const char *lot, *station, *step;
	uint64_t entered, failed; /* attempts */
	double yield;		  /* (entered - failed) / entered */
};
typedef enum err_code store_yield_fn(void *arg, const struct store_yield_row *r,
				     struct err *e);

struct store_yield_totals {
	uint64_t units, passed;
	double fpy; /* units passed at the first attempt / units finished */
	double rty; /* product of the steps' yields, first attempts only */
	double uph; /* passed units per hour, first start to last finish */
	double cycle_median_s, cycle_p95_s; /* of passed attempts; 0: none */
};

enum err_code store_yield_rows(struct store_db *db, const char *lot,
			       store_yield_fn *fn, void *arg, struct err *e);
enum err_code store_yield_totals(struct store_db *db, const char *lot,
				 struct store_yield_totals *out, struct err *e);

/* ---- the record ---- */

struct store_leaf {
	uint64_t seq;
	int64_t at_ms;
	const char *kind, *lot, *body, *prev, *hash;
};
typedef enum err_code store_leaf_fn(void *arg, const struct store_leaf *l,
				    struct err *e);

struct store_head {
	uint64_t seq; /* 0: nothing recorded */
	char hash[STORE_HASH_SIZE];
};
enum err_code store_record_head(struct store_db *db, struct store_head *out,
				struct err *e);

/* From first_seq on, in order; at most limit (0: all). */
enum err_code store_record_leaves(struct store_db *db, uint64_t first_seq,
				  uint64_t limit, store_leaf_fn *fn, void *arg,
				  struct err *e);

/* First and last leaf that name a lot; 0, 0: none. */
enum err_code store_record_span(struct store_db *db, const char *lot,
				uint64_t *first, uint64_t *last, struct err *e);

struct store_checkpoint {
	uint64_t seq;
	char hash[STORE_HASH_SIZE];
	int64_t at_ms;
	size_t signature_len;
	uint8_t signature[80]; /* DER ECDSA, see audit/checkpoint.h */
};
/* The newest; seq 0 when there is none. */
enum err_code store_checkpoint_last(struct store_db *db,
				    struct store_checkpoint *out,
				    struct err *e);

#endif
