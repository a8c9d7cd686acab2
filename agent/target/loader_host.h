/* The RAM loader (agent/target/loader) from the host's side: put it into SRAM,
 * start it, queue operations and their data, look how far it is. The wire
 * never waits for the loader as long as there is room: data travel while the
 * NOR is busy, and each look at the progress rides in the exchange that brings
 * data.
 *
 * ERR_WIRE, besides its usual meaning, when the loader has stopped for a
 * reason that a new start may cure. After any error: loader_stop(), or start
 * again.
 */
#ifndef AGENT_TARGET_LOADER_HOST_H
#define AGENT_TARGET_LOADER_HOST_H

#include "agent/drv/adi.h"
#include "agent/target/loader/mailbox.h"

/* Most data of one operation. */
#define LOADER_DATA_MAX 4096u

struct loader {
	struct adi *adi;
	struct loader_setup setup;
	uint32_t queued;  /* operations given since the start */
	uint32_t written; /* of them, known to the target */
	/* Data bytes, counted without end; the place in LOADER_DATA is the
	 * count modulo its size. */
	uint64_t data_end, data_free;
	uint64_t data_of[LOADER_OPS]; /* data_end after that operation */
	struct loader_op op[LOADER_OPS];
	size_t batch_bytes;	   /* in the batch that has not run */
	struct loader_state state; /* as last read */
	uint32_t freed;		   /* operations whose data are free again */
	uint32_t budget_ms;	   /* of the slowest operation queued */
	uint64_t waited_us;	   /* idle clocks since the last progress */
	uint32_t poll_us;	   /* idle clocks of the next look */
};

/* Core halted, OCTOSPI's pins and clock as octospi_start() leaves them. Loads,
 * starts and waits until it is ready, 100 ms. */
enum err_code loader_start(struct loader *l, struct adi *adi,
			   const struct loader_setup *setup, struct err *e);

/* Halt the core. The NOR finishes what it is doing. */
enum err_code loader_stop(struct loader *l, struct err *e);

/* Queue an operation; waits while there is no room. data: op->len_bytes of a
 * LOADER_PROGRAM (a multiple of 4, at most LOADER_DATA_MAX), copied; op->data
 * is filled in. */
enum err_code loader_push(struct loader *l, struct loader_op op,
			  const void *data, struct err *e);

/* How many operations have been queued: what loader_wait() takes. */
uint32_t loader_queued(const struct loader *l);

/* Until that many operations are done. Returns early, with ERR_OK, whenever
 * the number done has changed and `each` is set. ERR_TIMEOUT when the NOR is
 * busy past the operation's max_ms; ERR_WIRE when the loader is dead. */
enum err_code loader_wait(struct loader *l, uint32_t count, bool each,
			  struct err *e);

/* Digests number first to first + count - 1 of LOADER_RESULTS. */
enum err_code loader_digests(struct loader *l, uint32_t first, size_t count,
			     struct loader_digest *out, struct err *e);

/* Address of digest n, for struct loader_op. */
uint32_t loader_result_address(uint32_t n);
#define LOADER_RESULT_MAX \
	((uint32_t)(LOADER_RESULT_BYTES / sizeof(struct loader_digest)))

#endif
