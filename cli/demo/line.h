/* A whole line on one machine: keys, image, cloud, bench, controller and one
 * agent per station, each a process of its own on real links. */
#ifndef CLI_DEMO_LINE_H
#define CLI_DEMO_LINE_H

#include "cli/demo/control.h"
#include "cli/demo/process.h"
#include "cli/rest.h"

#define LINE_MAX_STATIONS  16
#define LINE_MAX_HARNESSES 4

struct line_options {
	unsigned stations, harnesses;
	unsigned long seed;
	unsigned long quantity; /* of the lot, and on each card twice that */
	double pace;
	bool trace;	 /* the pins of each harness, as OUT/log/PROBE.vcd */
	const char *out; /* existing folder */
};

struct line {
	struct line_options options;
	char bin[400]; /* where the programs are */
	char work[64]; /* keys, databases, sockets: private, short path */
	char log[400]; /* OUT/log */
	char lot[32];
	char url[64];
	int cloud_port, https_port, agent_port;
	struct process cloud, bench, controller;
	struct process agents[LINE_MAX_STATIONS];
	struct control control;
	struct rest *rest;
};

/* Makes the folders; nothing runs. */
enum err_code line_init(struct line *l, const struct line_options *o,
			struct err *e);

/* Everything up to a running lot with all harnesses assigned and all stations
 * online; image.pli and cloud-ca.pem are in OUT. Up to 60 s. say() is told what
 * is being done. */
enum err_code line_start(struct line *l, void (*say)(const char *what),
			 struct err *e);

/* Prepare a program of this build, with its log in OUT/log/NAME.log and, when
 * config is not NULL, --config. process_fini() it. */
void line_process(const struct line *l, struct process *p, const char *name,
		  const char *program, const char *config);

/* Restart what a signal killed; an error when a daemon gave up by itself. */
enum err_code line_watch(struct line *l, struct err *e);

/* Stop all, agents first, and remove the work folder. *clean: every daemon
 * left with exit code 0. */
void line_stop(struct line *l, bool *clean);

#endif
