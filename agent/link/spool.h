/* What a station must not forget: the journal of attempts, the messages that
 * the controller has not confirmed, licences by chip, and the highest
 * checkpoint seen of the controller's record. One SQLite file, WAL,
 * synchronous=FULL: when a function that writes returns ERR_OK, the fact has
 * been synced.
 *
 * Invariants: an attempt is in the journal before anything is done to the
 * board; its end and its RESULT message enter in one transaction; a message
 * leaves the waiting state only by the controller's word.
 *
 * All functions may be called from any thread and block for the disk. All
 * return ERR_IO or ERR_DISK_FULL when the disk fails: the caller stops work.
 */
#ifndef AGENT_LINK_SPOOL_H
#define AGENT_LINK_SPOOL_H

#include "proto/base/err.h"
#include "proto/base/mono.h"
#include "proto/rules.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPOOL_LICENCE_BYTES 136u

struct spool;

/* Open or make the file. ERR_INTEGRITY when it is damaged, ERR_STATE when it
 * was written by a newer agent or another process holds it. */
enum err_code spool_open(struct spool **s, const char *path, struct err *e);
void spool_close(struct spool *s);

/* ---- journal ---- */

struct spool_attempt {
	char attempt[37];
	char harness[33];
	char uid[25]; /* empty: not known */
	enum step step;
	bool irreversible; /* was inside an irreversible step */
	bool locked;	   /* had entered lock-down */
	bool ended;
	char outcome[16]; /* empty while open */
	char *result;	  /* RESULT so far, JSON; freed by spool_attempt_fini */
};
void spool_attempt_fini(struct spool_attempt *a);

/* result is the RESULT message as far as it is known, as JSON. */
enum err_code spool_attempt_begin(struct spool *s, const char *attempt,
				  const char *harness, const char *result,
				  struct err *e);

/* About to enter a step; irreversible steps only begin after this returns
 * ERR_OK, and the next call says with irreversible=false that one ended.
 * ERR_NOT_FOUND when there is no such open attempt. */
enum err_code spool_attempt_step(struct spool *s, const char *attempt,
				 const char *uid, enum step step,
				 bool irreversible, const char *result,
				 struct err *e);

/* The attempt has ended and its RESULT waits for the controller. id: of the
 * message, for spool_wait(). Idempotent. */
enum err_code spool_attempt_end(struct spool *s, const char *attempt,
				const char *uid, enum outcome outcome,
				const char *result, int64_t *id, struct err *e);

/* It was no attempt after all (nothing was done to the board). */
enum err_code spool_attempt_drop(struct spool *s, const char *attempt,
				 struct err *e);

/* An attempt without an end, oldest first. *found false: none. */
enum err_code spool_attempt_open(struct spool *s, struct spool_attempt *a,
				 bool *found, struct err *e);

/* The newest attempt of this unit that has ended. */
enum err_code spool_attempt_of_unit(struct spool *s, const char *uid,
				    struct spool_attempt *a, bool *found,
				    struct err *e);

/* ---- messages waiting for the controller's RECORDED ---- */

enum spool_fate { SPOOL_WAITING, SPOOL_RECORDED, SPOOL_REFUSED };

struct spool_row {
	int64_t id;
	char attempt[37];
	char kind[24];
	char *message; /* JSON; freed by spool_row_fini */
};
void spool_row_fini(struct spool_row *r);

/* Another message than RESULT (LICENCE_ISSUED); one of a kind per attempt,
 * adding it again gives the first one's id. */
enum err_code spool_add(struct spool *s, const char *attempt, const char *kind,
			const char *message, int64_t *id, struct err *e);

/* The id of a message that was added. ERR_NOT_FOUND when it never was, or was
 * recorded and a thousand others came after it. */
enum err_code spool_message(struct spool *s, const char *attempt,
			    const char *kind, int64_t *id, struct err *e);

/* The oldest waiting message with an id above after. */
enum err_code spool_next(struct spool *s, int64_t after, struct spool_row *r,
			 bool *found, struct err *e);

enum err_code spool_recorded(struct spool *s, int64_t id, uint64_t seq,
			     const char *hash, struct err *e);
/* The controller will not take it. It is kept, and counted as waiting. */
enum err_code spool_refused(struct spool *s, int64_t id, const char *text,
			    struct err *e);
/* Let the refused ones be sent again. */
enum err_code spool_retry(struct spool *s, struct err *e);

/* Wait until the message's fate is known or the deadline has passed (fate
 * SPOOL_WAITING then). text: why it was refused. */
enum err_code spool_wait(struct spool *s, int64_t id, struct mono deadline,
			 enum spool_fate *fate, char text[321], struct err *e);

/* Messages not recorded, refused ones included. */
enum err_code spool_count(struct spool *s, size_t *count, struct err *e);

/* ---- licences by chip ---- */

struct spool_licence {
	uint8_t licence[SPOOL_LICENCE_BYTES];
	char licence_id[17];
	char card[17];
};

/* chip: SHA-256 of the chip certificate, hex. */
enum err_code spool_licence_put(struct spool *s, const char *chip,
				const char *fwid, const struct spool_licence *l,
				struct err *e);
enum err_code spool_licence_get(struct spool *s, const char *chip,
				const char *fwid, struct spool_licence *l,
				bool *found, struct err *e);

/* ---- checkpoint witness ---- */

/* Compare with the highest checkpoint seen and keep the higher. ERR_INTEGRITY
 * when this one is smaller, or equal with another hash: the controller's
 * record has been cut or replaced. */
enum err_code spool_witness(struct spool *s, uint64_t seq, const char *hash,
			    struct err *e);

#endif
