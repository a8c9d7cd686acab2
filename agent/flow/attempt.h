/* One attempt: one pass of a unit over a harness, as a state machine over the
 * step table (steps.h). What is known so far is kept in the RESULT message
 * itself, which goes into the journal at the start of every step; so that a
 * crash at any point leaves a RESULT that can be sent.
 *
 * Shared by the step files of agent/flow; harness.c only uses attempt_run().
 */
#ifndef AGENT_FLOW_ATTEMPT_H
#define AGENT_FLOW_ATTEMPT_H

#include "proto/card/card.h"
#include "agent/flow/account.h"
#include "agent/flow/dialogue.h"
#include "agent/flow/station.h"
#include "agent/target/target.h"
#include "proto/board/sfi.h"
#include "proto/image/image.h"
#include "proto/image/product_expect.h"
#include "proto/rules.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATTEMPT_CSR_MAX	  2048u
#define ATTEMPT_LOG_BYTES 49152u /* of RESULT's log: leaves room in JSON */
#define ATTEMPT_BOOTS_MAX 16u	 /* of the DUT, five are usual */

/* How a step, and so the attempt, goes on. */
enum flow_end {
	FLOW_DONE,
	FLOW_SKIPPED, /* nothing to do here */
	FLOW_FAILED,  /* failure and text are set */
	FLOW_UNKNOWN, /* inside an irreversible step, its end not seen; failure
		       * and text are set */
	FLOW_GOTO,    /* the DUT has started another program: go to next */
	FLOW_NOTHING, /* this unit has passed before: no attempt at all */
	FLOW_UNLABELLED /* no attempt either: nobody knows its label */
};

/* Which program the DUT runs, as its BOOT says. */
enum flow_program {
	PROGRAM_NONE,
	PROGRAM_LOADER,
	PROGRAM_TEST,
	PROGRAM_KERNEL,
	PROGRAM_APP_TEST,
	PROGRAM_APP
};

struct attempt_step {
	bool entered;
	const char *state; /* done, skipped, failed, unknown */
	int64_t started_ms, took_ms;
};

struct attempt {
	struct station *st;
	size_t h; /* harness */
	struct target *target;
	struct msg_ASSIGNMENT job;
	const struct product_expect *expect; /* of the job's image */
	struct msg *result;		     /* RESULT, filled as facts come */
	struct dialogue dlg;

	struct mono started;
	struct account account;
	enum step now;
	struct mono deadline; /* of the step */
	struct attempt_step steps[STEP_COUNT];
	enum step next; /* with FLOW_GOTO */
	bool crossed;	/* point of no return of this step */

	enum failure failure;
	char failure_text[241];

	struct target_identity id;
	bool resumed;	  /* came in locked: by this lot, says the permit */
	bool half_locked; /* the same, but it died inside lock-down */
	uint64_t app_tested_in; /* the earlier attempt that saw the application
				 * test end with 0; 0: none did */
	enum flow_program runs; /* last BOOT */
	bool boot_waits;	/* that BOOT is not handled yet */
	char boot_version[33];
	unsigned boots;

	uint64_t fence;
	char challenge[65];
	bool retest;
	uint8_t licence[SFI_LICENCE_BYTES];
	bool have_licence; /* from the permit */
	uint8_t chip_cert[SFI_CHIP_CERT_BYTES];
	struct cache_image *file;
	struct image image; /* reads file */

	uint8_t csr[ATTEMPT_CSR_MAX];
	size_t csr_len;
	uint8_t attest[80];
	size_t attest_len;
};

struct attempt_end {
	enum outcome outcome;
	enum failure failure;
	bool nothing;	 /* no attempt: the unit has passed before */
	bool unlabelled; /* no attempt: its label has to be scanned first */
	bool recorded;	 /* RECORDED came */
	bool retry;	 /* put the same board in again */
	char text[241];
};

/* Run one attempt from detect to record. expect: of the image in job, see
 * expect_load(). Blocks for minutes; a pass returns only when it is recorded,
 * or the station stops. An error is one of the station's disk: no further
 * attempt may begin. */
enum err_code attempt_run(struct station *st, size_t h, struct target *t,
			  const struct msg_ASSIGNMENT *job,
			  const struct product_expect *expect,
			  struct attempt_end *end, struct err *e);

/* ---- for the step functions ---- */

/* The step ends the attempt. */
enum flow_end attempt_fail(struct attempt *a, enum failure f, const char *fmt,
			   ...) __attribute__((format(printf, 3, 4)));

/* The same from an error: a lost board, a lost probe and a failing station are
 * what they are; everything else is usual. After the point of no return a
 * lost board is FLOW_UNKNOWN. */
enum flow_end attempt_error(struct attempt *a, enum failure usual,
			    const struct err *e);

/* About to do what cannot be undone: the lease is checked, the journal
 * written and synced. False: do not; *end says how the step ends. */
bool attempt_cross(struct attempt *a, enum flow_end *end);

/* A line for the attempt's log and the console. */
void attempt_log(struct attempt *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* RESULT as JSON, as far as known. The caller frees. */
enum err_code attempt_json(struct attempt *a, char **json, struct err *e);

/* ---- dialogue with the DUT, for the step functions ---- */

/* The next sentence for this step. FLOW_DONE: *s is there. BOOT and FAIL are
 * handled here: FLOW_GOTO, FLOW_FAILED, FLOW_UNKNOWN end the step; a BOOT of
 * the program that the step works with is handed out, so that the step
 * starts over. usual: the failure that a silent DUT means in this step. */
enum flow_end attempt_hear(struct attempt *a, struct uart_sentence *s,
			   enum failure usual);

/* Send and wait for the acknowledgement. */
enum flow_end attempt_say(struct attempt *a, struct uart_sentence *s,
			  enum failure usual);

#endif
