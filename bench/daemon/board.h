/* Boards: what the bench knows of each, and where it is. A board keeps its
 * flash and NOR for as long as the daemon lives, in a harness or out of it.
 *
 * A board's chip is used by the thread of the harness it is in; a board in no
 * harness by the thread that asks. `taken` says which, and is guarded by the
 * registry's mutex.
 */
#ifndef BENCH_DAEMON_BOARD_H
#define BENCH_DAEMON_BOARD_H

#include "bench/chip/chip.h"
#include "bench/probe/harness.h"
#include "bench/sfi/sfi.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define BOARD_SERIAL_MAX 31u
#define BOARD_KIND_MAX	 23u
#define BOARD_FAULTS_MAX 8u
#define BOARDS_MAX	 10000u

struct board_spec {
	char serial[BOARD_SERIAL_MAX + 1];
	bool uid_given;
	uint8_t uid[12];
	char wiring[BOARD_KIND_MAX + 1];	  /* "": as the bench has it */
	char nor_part[BOARD_KIND_MAX + 1];	  /* "": the same */
	const char *faults[BOARD_FAULTS_MAX + 1]; /* out of faults_table */
};

struct board {
	struct board_spec spec;
	char uid_hex[25];
	struct chip *chip;
	bool taken; /* in a harness, or on its way there */
	unsigned insertions;
	/* The harnesses' account while it was in one: of earlier insertions,
	 * and where this one's began; chip_zero: the chip's at the last reset
	 * of the counters. */
	struct account account, account_in;
	struct chip_account chip_zero;
};

struct board_registry {
	pthread_mutex_t mutex;
	const char *nor_part;
	const char *wiring; /* NULL for "bench"; set it after init */
	uint64_t seed;
	struct sfi_maker *maker, *other_maker;
	struct board **boards;
	size_t n;
};

/* maker keys are opened (made if missing) as DIR/maker.pem, or maker_key when
 * not NULL, and DIR/other-maker.pem. */
enum err_code board_registry_init(struct board_registry *r, const char *dir,
				  const char *maker_key, const char *nor_part,
				  uint64_t seed, struct err *e);
void board_registry_fini(struct board_registry *r);

/* The board with this serial, taken for a harness: made when it is new. A
 * known board may be named without faults, UID and kind, or with the same.
 * ERR_STATE when it is taken, ERR_CONFLICT, ERR_TOO_BIG. */
enum err_code board_take(struct board_registry *r,
			 const struct board_spec *spec, struct board **b,
			 struct err *e);
void board_give_back(struct board_registry *r, struct board *b);

/* NULL when there is none. */
struct board *board_find(struct board_registry *r, const char *serial);

bool board_has(const struct board *b, const char *fault);
/* How it sits in a harness, this time: counts the insertion. */
struct harness_contact board_contact(struct board *b, uint64_t seed);

#endif
