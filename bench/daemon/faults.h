/* The table of bench/faults.def at run time. */
#ifndef BENCH_DAEMON_FAULTS_H
#define BENCH_DAEMON_FAULTS_H

#include <stddef.h>

enum fault_kind {
	FAULT_KIND_BOARD,
	FAULT_KIND_FIRMWARE,
	FAULT_KIND_LINE,
	FAULT_KIND_ONCE,
};

struct fault_info {
	const char *name;
	enum fault_kind kind;
	const char *what;
};

extern const struct fault_info faults_table[];
extern const size_t faults_count;

/* Index into the table, or -1. */
int faults_find(const char *name);

#endif
