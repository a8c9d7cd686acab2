#include "agent/flow/limits.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Decimal text, whole: digits with an optional sign, point and fraction. */
static bool number(const char *text, double *out)
{
	char *end;

	if (text[0] == '\0' || text[strspn(text, "+-.0123456789")] != '\0')
		return false;
	*out = strtod(text, &end);
	return *end == '\0' && isfinite(*out);
}

static bool limit_holds(const char *value, const char *limit, int sign)
{
	double v, l;

	if (limit[0] == '\0')
		return true;
	if (!number(limit, &l))
		return strcmp(value, limit) == 0;
	return number(value, &v) && (v - l) * sign >= 0;
}

bool limits_hold(const char *value, const char *low, const char *high)
{
	return limit_holds(value, low, 1) && limit_holds(value, high, -1);
}

static void copy_text(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
	for (char *p = out; *p != '\0'; p++)
		if (*p < 0x20 || *p > 0x7e)
			*p = '?';
}

void limits_record(struct msg_MEASUREMENT *m, enum step step,
		   const struct uart_TEST *t)
{
	memset(m, 0, sizeof(*m));
	snprintf(m->step, sizeof(m->step), "%s", step_name(step));
	snprintf(m->name, sizeof(m->name), "%s", t->name);
	copy_text(m->value, sizeof(m->value), t->value);
	copy_text(m->unit, sizeof(m->unit), t->unit);
	copy_text(m->low, sizeof(m->low), t->low);
	copy_text(m->high, sizeof(m->high), t->high);
	m->pass = t->pass == 1 && limits_hold(t->value, t->low, t->high);
}

/* sign: 1 for a lower limit, -1 for an upper one. */
static void tighten(char *limit, size_t size, int64_t other, int sign)
{
	double own;

	if (number(limit, &own) && (own - (double)other) * sign >= 0)
		return;
	snprintf(limit, size, "%" PRId64, other);
}

bool limits_tighten(struct msg_MEASUREMENT *m, const struct product_limit *l)
{
	if (strcmp(m->unit, l->unit) != 0) {
		m->pass = false;
		return false;
	}
	if (l->has_min)
		tighten(m->low, sizeof(m->low), l->min, 1);
	if (l->has_max)
		tighten(m->high, sizeof(m->high), l->max, -1);
	m->pass = m->pass && limits_hold(m->value, m->low, m->high);
	return true;
}
