/* A private virtual bench with nothing but what is measured on: probes in both
 * layouts, boards with a W25Q64, patient: what this machine is busy with has no
 * part in modelled time (bench/daemon/worker.h, host_sleep.c). Everything it
 * writes lies in a folder of its own under /tmp, removed by rig_stop().
 */
#ifndef TESTS_BENCHMARK_RIG_H
#define TESTS_BENCHMARK_RIG_H

#include "cli/demo/control.h"
#include "cli/demo/process.h"
#include "tests/benchmark/account.h"

#include <stdint.h>

#define RIG_PROBE    "BM0001" /* SWDIO through a resistor */
#define RIG_PROBE_OE "BM0002" /* SWDIO buffer with an output enable */
#define RIG_SWD_HZ   30000000u

struct rig {
	char bin[400]; /* folder of the programs */
	char dir[64];
	char usb[96], socket[96];
	char library[440]; /* folder of the libusb look-alike */
	struct process bench;
	struct control control;
	uint64_t seed;
};

/* Start it, with PROVLINE_BENCH_SOCKET set for this process and its children.
 * ERR_NOT_FOUND when provline-bench is not beside this program. */
enum err_code rig_start(struct rig *r, uint64_t seed, struct err *e);
void rig_stop(struct rig *r);

/* A new board, or one that was in before, by its serial. */
enum err_code rig_insert(struct rig *r, const char *probe, const char *board,
			 struct err *e);
enum err_code rig_remove(struct rig *r, const char *probe, struct err *e);

/* The account of the probe and of the board in it, until now. */
enum err_code rig_look(struct rig *r, const char *probe, struct account *a,
		       struct err *e);

/* The same out of a file that the command `state` was answered into. */
enum err_code rig_look_file(const char *path, const char *probe,
			    struct account *a, struct err *e);

/* ERR_INTEGRITY when the board's NOR does not begin with these bytes. */
enum err_code rig_nor_holds(struct rig *r, const char *board,
			    const uint8_t *bytes, size_t len, struct err *e);

#endif
