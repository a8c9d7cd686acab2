/* The measurements. Each stage fills the results of its figures and keeps what
 * later stages compare with. Values are modelled time out of the bench's own
 * account, whoever drives the probe.
 */
#ifndef TESTS_BENCHMARK_MEASURE_H
#define TESTS_BENCHMARK_MEASURE_H

#include "tests/benchmark/figure.h"
#include "tests/benchmark/images.h"
#include "tests/benchmark/rig.h"

/* What programming a NOR cost, and how its modelled time is divided: for
 * OpenOCD by its commands, for ours by what the RAM loader was at (target.h),
 * so that the rest is set-up and the loader waiting for the host. */
struct nor_cost {
	struct account account; /* all of it */
	double s, erase_s, write_s, verify_s;
};

struct run {
	struct rig rig;
	struct figure_result result[FIGURE_COUNT];
	bool done[STAGE_COUNT];
	uint8_t *image;	 /* goes into a blank NOR first */
	uint8_t *next;	 /* its next release */
	uint8_t *other;	 /* another image of the kind */
	uint8_t *random; /* no page of it is blank */
	struct nor_cost blank, update, dirty, full;
	struct nor_cost openocd_blank, openocd_dirty;
};

/* Runs one stage. Those that it needs have been run. */
typedef enum err_code stage_fn(struct run *r, struct err *e);
stage_fn measure_stream, measure_stream_oe;
stage_fn measure_blank, measure_update, measure_dirty, measure_full;
stage_fn measure_openocd_blank, measure_openocd_dirty, measure_openocd_full;
stage_fn measure_station, measure_image;

static inline void run_result(struct run *r, enum figure_id id, double value)
{
	r->result[id].known = true;
	r->result[id].value = value;
}

#endif
