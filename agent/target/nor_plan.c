#include "agent/target/nor_plan.h"

#include <assert.h>
#include <string.h>

struct range {
	unsigned first, count;
};

static const struct nor_plan nothing;

static void join(struct nor_plan *p, const struct nor_plan *other)
{
	for (unsigned i = 0; i < other->erases; i++)
		p->erase[p->erases++] = other->erase[i];
	p->program |= other->program;
	p->cost_us += other->cost_us;
}

static struct nor_plan program_sector(const struct nor_plan_costs *c,
				      const struct nor_plan_sector *s,
				      unsigned i)
{
	struct nor_plan p = nothing;

	if (s[i].want_pages > 0) {
		p.program = 1u << i;
		p.cost_us = (uint64_t)s[i].want_pages * c->page_us;
	}
	return p;
}

static bool must_erase(const struct nor_plan_sector *s)
{
	return !s->same && !s->blank && !s->outside;
}

static bool may_erase(const struct nor_plan_sector *s, struct range r)
{
	for (unsigned i = r.first; i < r.first + r.count; i++)
		if (s[i].outside)
			return false;
	return true;
}

static struct nor_plan erase_all(const struct nor_plan_costs *c,
				 const struct nor_plan_sector *s,
				 struct range r, unsigned level)
{
	struct nor_plan p = nothing;

	p.erase[0].offset = r.first * c->level[0].size_bytes;
	p.erase[0].level = level;
	p.erases = 1;
	p.cost_us = c->level[level].typical_us;
	for (unsigned i = r.first; i < r.first + r.count; i++) {
		struct nor_plan one = program_sector(c, s, i);

		join(&p, &one);
	}
	return p;
}

static struct nor_plan sector_alone(const struct nor_plan_costs *c,
				    const struct nor_plan_sector *s, unsigned i)
{
	if (s[i].same || s[i].outside)
		return nothing;
	if (!must_erase(&s[i]))
		return program_sector(c, s, i);
	return erase_all(c, s, (struct range){i, 1}, 0);
}

/* The cheaper of erasing the range at once and of doing its parts. */
static struct nor_plan best(const struct nor_plan_costs *c,
			    const struct nor_plan_sector *s, struct range r,
			    unsigned level)
{
	struct nor_plan parts = nothing, whole;
	unsigned step;

	if (level == 0)
		return sector_alone(c, s, r.first);
	step = c->level[level - 1].size_bytes / c->level[0].size_bytes;
	for (unsigned i = 0; i < r.count; i += step) {
		struct range sub = {r.first + i,
				    r.count - i < step ? r.count - i : step};
		struct nor_plan one = best(c, s, sub, level - 1);

		join(&parts, &one);
	}
	step = c->level[level].size_bytes / c->level[0].size_bytes;
	if (parts.erases == 0 || r.count < step || !may_erase(s, r))
		return parts;
	whole = erase_all(c, s, r, level);
	return whole.cost_us < parts.cost_us ? whole : parts;
}

void nor_plan_block(struct nor_plan *p, const struct nor_plan_costs *c,
		    const struct nor_plan_sector *s, unsigned count)
{
	unsigned top, step;

	assert(c->levels > 0 && c->levels <= NOR_PLAN_LEVELS);
	assert(count <= NOR_PLAN_SECTORS);
	top = c->levels - 1;
	step = c->level[top].size_bytes / c->level[0].size_bytes;
	*p = nothing;
	for (unsigned i = 0; i < count; i += step) {
		struct range r = {i, count - i < step ? count - i : step};
		struct nor_plan one = best(c, s, r, top);

		join(p, &one);
	}
}
