/* What to erase and what to program so that one block of 64 KiB becomes the
 * wanted one in the shortest time, by the part's typical times. Pure: no
 * wire, no clock.
 */
#ifndef AGENT_TARGET_NOR_PLAN_H
#define AGENT_TARGET_NOR_PLAN_H

#include "agent/target/sfdp.h"

#define NOR_PLAN_SECTORS 16u /* at most, in a block */
#define NOR_PLAN_LEVELS	 4u

/* One sector, the smallest unit of erasing. */
struct nor_plan_sector {
	bool same;	     /* holds what is wanted already */
	bool blank;	     /* holds 0xFF throughout */
	bool outside;	     /* not ours: must keep what it holds */
	unsigned want_pages; /* wanted pages that are not 0xFF throughout */
};

struct nor_plan_costs {
	/* Ascending sizes, each a multiple of the one before, the first the
	 * sector; typical_us set. */
	struct sfdp_erase level[NOR_PLAN_LEVELS];
	unsigned levels;
	uint32_t page_us;
};

struct nor_plan {
	struct {
		uint32_t offset; /* in the block */
		unsigned level;
	} erase[NOR_PLAN_SECTORS];
	unsigned erases;
	uint32_t program; /* bit i: program sector i's wanted pages */
	uint64_t cost_us;
};

/* count sectors, at most NOR_PLAN_SECTORS. */
void nor_plan_block(struct nor_plan *p, const struct nor_plan_costs *c,
		    const struct nor_plan_sector *s, unsigned count);

#endif
