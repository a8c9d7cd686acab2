/* The daemon's configuration file, libconfuse syntax: every key is in
 * provline-bench.conf. What patient means is in worker.h.
 */
#ifndef BENCH_DAEMON_CONFIG_H
#define BENCH_DAEMON_CONFIG_H

#include "bench/probe/probe.h"
#include "proto/base/err.h"

#define CONFIG_PROBES_MAX  32u
#define CONFIG_READERS_MAX 8u

struct config_probe {
	struct probe_config usb;
	enum harness_layout layout;
	const char *trace;   /* NULL for none */
	const char *scanner; /* NULL for none */
};

struct config_reader {
	const char *name, *socket;
};

struct config {
	const char *usb_socket, *control_socket, *data_dir;
	const char *maker_key; /* NULL for the default */
	const char *nor_part;
	const char *wiring;
	double pace;
	bool patient;
	uint64_t seed;
	size_t probes_n, readers_n;
	struct config_probe probes[CONFIG_PROBES_MAX];
	struct config_reader readers[CONFIG_READERS_MAX];
	void *parsed; /* owns the strings */
};

/* ERR_CONFIG names file, line and key. */
enum err_code config_load(struct config *c, const char *path, struct err *e);
void config_fini(struct config *c);

#endif
