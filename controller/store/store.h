/* The controller's memory: SQLite behind one writer thread.
 *
 * Invariants. Exactly one connection of the process writes and checkpoints;
 * all others are opened read-only. Writing is done by jobs: each runs inside
 * its own savepoint, several share one transaction, and the completion of a
 * job runs on the loop only after that transaction is committed with
 * synchronous=FULL. So whoever answers from a completion answers with what the
 * disk has. A job that fails leaves nothing behind, except a refusal that it
 * asked to be recorded (store_note_refusal). When a commit or a sync fails,
 * nothing is acknowledged any more and `failed` of the configuration is called
 * once on the loop: the process must end and start again.
 *
 * Every fact is written together with its leaf of the record (audit/chain.h)
 * by the functions of store_access.h, store_line.h and store_unit.h: they are
 * the only way to change anything. Their times come from the job's clock, one
 * reading per job.
 */
#ifndef CONTROLLER_STORE_STORE_H
#define CONTROLLER_STORE_STORE_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define STORE_NAME_SIZE	   33 /* station, harness, lot, serial + NUL */
#define STORE_PRODUCT_SIZE 49
#define STORE_HASH_SIZE	   65 /* SHA-256 in hex + NUL */
#define STORE_UUID_SIZE	   37
#define STORE_UID_SIZE	   25 /* 12 bytes in hex + NUL */
#define STORE_DEVICE_SIZE  35
#define STORE_TOKEN_SIZE   65 /* 256 random bits in hex + NUL */
#define STORE_CERT_MAX	   4096

struct store;	 /* the thread, its queue, the readers */
struct store_db; /* a connection; valid inside one job only */

struct store_config {
	const char *path; /* of the database; copied */
	uv_loop_t *loop;  /* completions run here; NULL: see store_run */
	/* Called at most once, on the loop, when a commit or sync failed. */
	void (*failed)(void *arg, const struct err *e);
	void *failed_arg;
	unsigned queue_max; /* jobs waiting, 0: 4096 */
	/* Below this much free space on the volume new jobs are refused with
	 * ERR_DISK_FULL, unless they were marked as finishing ones; 0: none. */
	uint64_t reserve_bytes;
	int64_t (*wall_ms)(void); /* NULL: wall_now_ms. Tests replace it. */
	/* A job that signs the head of the record (audit/checkpoint.h). Runs
	 * at the end of a transaction in which a lot was closed; NULL: none. */
	enum err_code (*seal)(struct store_db *db, void *arg, struct err *e);
	void *seal_arg;
};

/* Opens or creates the database, brings the schema up to date (each migration
 * in one transaction) and prepares every statement. Blocks.
 * ERR_STATE: the schema is newer than this program. ERR_INTEGRITY: the file is
 * damaged or no database. ERR_IO, ERR_DISK_FULL. */
enum err_code store_open(struct store **out, const struct store_config *config,
			 struct err *e);

/* Runs all jobs that are waiting, commits, and closes. Completions that are
 * due run inside this call. Blocks for as long as the disk does. */
void store_close(struct store *s);

/* ---- jobs ---- */

/* The work. Runs on the writer thread (store_write) or on a thread of libuv's
 * pool (store_read); touches nothing but db and what arg points to. Whatever
 * it returns other than ERR_OK undoes what it wrote. */
typedef enum err_code store_run_fn(struct store_db *db, void *arg,
				   struct err *e);

/* The completion, on the loop, exactly once per store_write or store_read and
 * never inside that call. e->code is ERR_OK when all went well: then the work
 * is on disk. e is borrowed. */
typedef void store_done_fn(void *arg, const struct err *e);

/* Hand over a writing job; done may be NULL. ERR_DISK_FULL (below the reserve)
 * and ERR_TIMEOUT (queue full) arrive in done like any other error. Belongs to
 * the loop's thread. */
void store_write(struct store *s, store_run_fn *run, store_done_fn *done,
		 void *arg);

/* The same for jobs that finish what was begun before (results, licences,
 * certificates): they may use the disk reserve. */
void store_write_finishing(struct store *s, store_run_fn *run,
			   store_done_fn *done, void *arg);

/* A reading job on a read-only connection, several at a time, each seeing one
 * committed state of the database throughout. */
void store_read(struct store *s, store_run_fn *run, store_done_fn *done,
		void *arg);

/* Run one writing job now and commit it: for start-up, tools and tests, before
 * any job was handed over and only without a loop in between. Blocks. */
enum err_code store_run(struct store *s, store_run_fn *run, void *arg,
			struct err *e);

/* Free bytes on the database's volume at the last look (each commit). */
uint64_t store_free_bytes(const struct store *s);

/* Jobs waiting, for metrics. */
unsigned store_queue_len(struct store *s);

/* ---- inside a job ---- */

/* Who did it, from where: goes into the record with every fact. */
struct store_actor {
	char by[64];   /* "station:NAME", "token:NAME", "controller" */
	char from[64]; /* peer address, empty when none */
};

/* Append to the record a fact that has no table of its own, e.g. a refused
 * sign-in. kind: [a-z-]{1,32}; lot may be "". body: a JSON object as text, at
 * most 64 KiB, without "by" and "from", which are added. */
enum err_code store_record(struct store_db *db, const struct store_actor *who,
			   const char *kind, const char *lot, const char *body,
			   struct err *e);

/* Have a refusal recorded although this job fails and leaves nothing else:
 * the last call of the job wins. Never fails itself: what cannot be recorded
 * makes the whole job fail with that error (no unaudited refusal). */
void store_note_refusal(struct store_db *db, const struct store_actor *who,
			const char *kind, const char *lot, const char *body);

#endif
