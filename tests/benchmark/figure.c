#include "tests/benchmark/figure.h"

#include "proto/base/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct figure figures[FIGURE_COUNT] = {
#define FIGURE(id, in, called, of, cmp, value, text) \
	[FIGURE_##id] = {.name = (called),           \
			 .unit = (of),               \
			 .op = (cmp),                \
			 .reach = (value),           \
			 .has_reach = true,          \
			 .stage = STAGE_##in,        \
			 .what = (text)},
#define REPORTED(id, in, called, of, text)    \
	[FIGURE_##id] = {.name = (called),    \
			 .unit = (of),        \
			 .op = "<=",          \
			 .stage = STAGE_##in, \
			 .what = (text)},
#include "tests/benchmark/figures.def"
#undef FIGURE
#undef REPORTED
};

enum figure_id figure_find(const char *name)
{
	for (int i = 0; i < FIGURE_COUNT; i++)
		if (strcmp(figures[i].name, name) == 0)
			return (enum figure_id)i;
	return FIGURE_COUNT;
}

bool figure_met(enum figure_id id, const struct figure_result *r)
{
	const struct figure *f = &figures[id];

	if (!r->known)
		return false;
	if (!f->has_reach)
		return true;
	return f->op[0] == '<' ? r->value <= f->reach : r->value >= f->reach;
}

/* ---- for people ---- */

static void reach_text(const struct figure *f, char *out, size_t size)
{
	if (f->has_reach)
		snprintf(out, size, "%s %g", f->op, f->reach);
	else
		snprintf(out, size, "-");
}

void figure_list(FILE *f)
{
	char reach[32];

	for (int i = 0; i < FIGURE_COUNT; i++) {
		reach_text(&figures[i], reach, sizeof reach);
		fprintf(f, "%-24s %-6s %-7s %s\n", figures[i].name,
			figures[i].unit, reach, figures[i].what);
	}
}

static const char *verdict(enum figure_id id, const struct figure_result *r)
{
	if (!r->known)
		return "?";
	if (!figures[id].has_reach)
		return "-";
	return figure_met(id, r) ? "yes" : "NO";
}

void figure_print(FILE *f, const struct figure_result r[FIGURE_COUNT])
{
	char reach[32], value[32];

	fprintf(f, "%-24s %8s %-6s  %-7s %-3s  %s\n", "FIGURE", "VALUE", "",
		"REACH", "MET", "WHAT");
	for (int i = 0; i < FIGURE_COUNT; i++) {
		if (!r[i].wanted)
			continue;
		reach_text(&figures[i], reach, sizeof reach);
		snprintf(value, sizeof value, r[i].known ? "%.3f" : "?",
			 r[i].value);
		fprintf(f, "%-24s %8s %-6s  %-7s %-3s  %s\n", figures[i].name,
			value, figures[i].unit, reach,
			verdict((enum figure_id)i, &r[i]), figures[i].what);
	}
}

/* ---- for programs ---- */

static json_t *number(bool known, double value)
{
	return known ? json_real(value) : json_null();
}

static json_t *to_json(enum figure_id id, const struct figure_result *r)
{
	const struct figure *f = &figures[id];

	return json_pack("{ss so ss so ss sb}", "name", f->name, "value",
			 number(r->known, r->value), "unit", f->unit, "reach",
			 number(f->has_reach, f->reach), "op", f->op, "met",
			 figure_met(id, r));
}

enum err_code figure_save(const char *path, json_t *machine,
			  const struct figure_result r[FIGURE_COUNT],
			  struct err *e)
{
	json_t *list = json_array(), *all;
	enum err_code rc;
	char *text;

	for (int i = 0; i < FIGURE_COUNT; i++)
		if (r[i].wanted)
			json_array_append_new(
				list, to_json((enum figure_id)i, &r[i]));
	all = json_pack("{so so}", "machine", machine, "figures", list);
	text = json_dumps(all, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	json_decref(all);
	if (!text)
		return err_set(e, ERR_NO_MEMORY, "%s", path);
	rc = file_write(path, text, strlen(text), 0644, e);
	free(text);
	return rc;
}
