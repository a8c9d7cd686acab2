#include "controller/report/cells.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void cells_init(struct cells *c, enum cells_format format)
{
	c->format = format;
	c->in_row = 0;
	dbuf_init(&c->line, CELLS_ROW_MAX_BYTES);
}

void cells_fini(struct cells *c)
{
	dbuf_fini(&c->line);
}

static enum err_code add_csv_text(struct dbuf *out, const char *s)
{
	bool formula = *s && strchr("=+-@\t\r", *s);
	bool quoted = strpbrk(s, ",\"\r\n") || *s == ' ';
	enum err_code rc = ERR_OK;

	if (quoted)
		rc = dbuf_add(out, "\"", 1);
	if (!rc && formula)
		rc = dbuf_add(out, "'", 1);
	for (; !rc && *s; s++) {
		if (*s == '"')
			rc = dbuf_add(out, "\"", 1);
		if (!rc)
			rc = dbuf_add(out, s, 1);
	}
	if (!rc && quoted)
		rc = dbuf_add(out, "\"", 1);
	return rc;
}

static enum err_code add_json_text(struct dbuf *out, const char *s)
{
	json_t *j = json_string(s);
	/* Not UTF-8: the decoders of messages refuse that, so it can only be
	 * a damaged database; the row still comes out. */
	char *text = j ? json_dumps(j, JSON_ENCODE_ANY) : NULL;
	enum err_code rc = dbuf_addf(out, "%s", text ? text : "null");

	free(text);
	json_decref(j);
	return rc;
}

/* What goes in front of a cell. */
static enum err_code begin_cell(struct cells *c, const char *name)
{
	bool first = c->in_row++ == 0;
	enum err_code rc;

	if (c->format == CELLS_CSV)
		return first ? ERR_OK : dbuf_add(&c->line, ",", 1);
	rc = dbuf_add(&c->line, first ? "{" : ",", 1);
	if (!rc)
		rc = add_json_text(&c->line, name);
	return rc ? rc : dbuf_add(&c->line, ":", 1);
}

enum err_code cells_head(struct cells *c, const char *name)
{
	return cells_text(c, name, name);
}

enum err_code cells_text(struct cells *c, const char *name, const char *value)
{
	enum err_code rc = begin_cell(c, name);

	if (rc)
		return rc;
	return c->format == CELLS_CSV ? add_csv_text(&c->line, value)
				      : add_json_text(&c->line, value);
}

enum err_code cells_int(struct cells *c, const char *name, int64_t value)
{
	enum err_code rc = begin_cell(c, name);

	return rc ? rc : dbuf_addf(&c->line, "%lld", (long long)value);
}

enum err_code cells_number(struct cells *c, const char *name, double value,
			   int decimals)
{
	enum err_code rc;

	if (!isfinite(value))
		return cells_none(c, name);
	rc = begin_cell(c, name);
	return rc ? rc : dbuf_addf(&c->line, "%.*f", decimals, value);
}

enum err_code cells_none(struct cells *c, const char *name)
{
	enum err_code rc = begin_cell(c, name);

	if (rc || c->format == CELLS_CSV)
		return rc;
	return dbuf_add(&c->line, "null", 4);
}

enum err_code cells_end_row(struct cells *c)
{
	c->in_row = 0;
	switch (c->format) {
	case CELLS_CSV:
		return dbuf_add(&c->line, "\r\n", 2);
	case CELLS_JSONL:
		return dbuf_add(&c->line, "}\n", 2);
	case CELLS_JSON:
		break;
	}
	return dbuf_add(&c->line, "}", 1);
}
