/* All of one bench. */
#ifndef BENCH_DAEMON_BENCH_H
#define BENCH_DAEMON_BENCH_H

#include "bench/card/card_bay.h"
#include "bench/daemon/board.h"
#include "bench/daemon/config.h"
#include "bench/daemon/feeder.h"
#include "bench/daemon/worker.h"

struct bench {
	struct config config;
	struct board_registry boards;
	struct feed feed;
	size_t workers_n, bays_n; /* started */
	struct worker workers[CONFIG_PROBES_MAX];
	struct card_bay *bays[CONFIG_READERS_MAX];
};

#endif
