/* The demo's daemons: started with a log file each, watched, restarted when a
 * signal killed them (as a service manager would), stopped in order. Their
 * process ids stand in LOGDIR/NAME.pid while they run. When the demo itself
 * dies, so do they.
 */
#ifndef CLI_DEMO_PROCESS_H
#define CLI_DEMO_PROCESS_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <sys/types.h>

#define PROCESS_ARGS 40
#define PROCESS_ENV  6

struct process {
	char name[32];
	char *argv[PROCESS_ARGS + 1];
	char *env[PROCESS_ENV]; /* "NAME=value", added to the demo's own */
	char log_path[512];
	char pid_path[512];
	char input_path[512];  /* standard input; empty: none */
	char output_path[512]; /* standard output, made anew; empty: the log */
	char folder[512];      /* it works in; empty: the demo's own */
	pid_t pid;	       /* 0: not running */
	unsigned restarts;     /* after being killed by a signal */
};

/* Prepare; nothing runs yet. Strings are copied. */
void process_init(struct process *p, const char *name, const char *log_dir);
void process_arg(struct process *p, const char *arg);
void process_env(struct process *p, const char *name, const char *value);
void process_fini(struct process *p);

/* ERR_NOT_FOUND when the program is not there, ERR_FAILED. Does not block. */
enum err_code process_start(struct process *p, struct err *e);

/* Run to its end, at most wait_ms. ERR_FAILED names exit code and log. */
enum err_code process_run(struct process *p, int wait_ms, struct err *e);

/* Has it ended? Killed by a signal: started again. Ended by itself:
 * ERR_FAILED with its exit code and the last line of its log. */
enum err_code process_watch(struct process *p, struct err *e);

/* SIGTERM, then SIGKILL after wait_ms. *clean: exited 0 by itself. */
void process_stop(struct process *p, int wait_ms, bool *clean);

#endif
