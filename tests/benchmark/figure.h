/* What is measured, what it has to reach, and how it is shown: a table for
 * people, bench.json for programs.
 */
#ifndef TESTS_BENCHMARK_FIGURE_H
#define TESTS_BENCHMARK_FIGURE_H

#include "proto/base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

enum figure_id {
#define FIGURE(id, stage, name, unit, op, reach, what) FIGURE_##id,
#define REPORTED(id, stage, name, unit, what)	       FIGURE_##id,
#include "tests/benchmark/figures.def"
#undef FIGURE
#undef REPORTED
	FIGURE_COUNT
};

/* What has to be run to get a figure: see main.c for what needs what. */
enum stage {
	STAGE_STREAM,	     /* to SRAM, resistor layout */
	STAGE_STREAM_OE,     /* to SRAM, output-enable layout */
	STAGE_BLANK,	     /* program a blank NOR, verify it */
	STAGE_UPDATE,	     /* the next release over it */
	STAGE_DIRTY,	     /* another image over that */
	STAGE_FULL,	     /* an image over random bytes */
	STAGE_OPENOCD_BLANK, /* OpenOCD: as BLANK */
	STAGE_OPENOCD_DIRTY, /* OpenOCD: as DIRTY */
	STAGE_OPENOCD_FULL,  /* OpenOCD's erasing knows no content: DIRTY's */
	STAGE_STATION,	     /* provline-agent with four harnesses */
	STAGE_IMAGE,	     /* image files, by the command line */
	STAGE_COUNT
};

struct figure {
	const char *name, *unit, *op;
	double reach;
	bool has_reach;
	enum stage stage;
	const char *what;
};

extern const struct figure figures[FIGURE_COUNT];

/* wanted: asked for; known: measured. */
struct figure_result {
	bool wanted, known;
	double value;
};

/* FIGURE_COUNT when there is none. */
enum figure_id figure_find(const char *name);

/* A figure without a reach cannot miss one. Not known: not met. */
bool figure_met(enum figure_id id, const struct figure_result *r);

/* The names, with unit and reach. */
void figure_list(FILE *f);

/* All that are wanted: figure, value, reach, met. */
void figure_print(FILE *f, const struct figure_result r[FIGURE_COUNT]);

/* {"machine":...,"figures":[...]} to path. Takes machine. */
enum err_code figure_save(const char *path, json_t *machine,
			  const struct figure_result r[FIGURE_COUNT],
			  struct err *e);

#endif
