#include "cli/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_COLUMNS    16
#define MAX_CELL_CHARS 96

static const json_t *member(const json_t *row, const char *key)
{
	char part[64];
	const char *dot;

	while ((dot = strchr(key, '.')) != NULL) {
		snprintf(part, sizeof part, "%.*s", (int)(dot - key), key);
		row = json_object_get(row, part);
		key = dot + 1;
	}
	return json_object_get(row, key);
}

static char *printable(const char *text)
{
	size_t len = strnlen(text, MAX_CELL_CHARS);
	char *out;

	while (len == MAX_CELL_CHARS && len && (text[len] & 0xc0) == 0x80)
		len--; /* not within a character */
	out = strndup(text, len);
	for (char *p = out; p && *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
		/* U+0080 to U+009F drive terminals, too */
		if ((unsigned char)p[0] == 0xc2 && (p[1] & 0xe0) == 0x80)
			p[0] = p[1] = '?';
	}
	return out;
}

char *table_cell(const struct table_column *c, const json_t *row)
{
	const json_t *v = member(row, c->key);
	char text[64] = "-";

	if (json_is_string(v))
		return printable(json_string_value(v));
	if (json_is_integer(v))
		snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT,
			 json_integer_value(v));
	else if (json_is_real(v))
		snprintf(text, sizeof text, "%.*f", c->digits,
			 json_real_value(v));
	else if (json_is_boolean(v))
		strcpy(text, json_is_true(v) ? "yes" : "no");
	return strdup(text);
}

/* Characters, not bytes, of UTF-8 text. */
static int width_of(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void print_cell(FILE *f, const char *text, int width, bool right,
		       bool last)
{
	int pad = width - width_of(text);

	if (right)
		fprintf(f, "%*s", pad, "");
	fputs(text, f);
	if (!right && !last)
		fprintf(f, "%*s", pad, "");
	fputs(last ? "\n" : "  ", f);
}

void table_print(FILE *f, const struct table_column *columns,
		 const json_t *rows)
{
	int width[MAX_COLUMNS], n = 0;
	bool right[MAX_COLUMNS];
	const json_t *row;
	size_t i;

	for (; n < MAX_COLUMNS && columns[n].title; n++) {
		width[n] = width_of(columns[n].title);
		right[n] = json_array_size(rows) > 0;
		json_array_foreach (rows, i, row) {
			char *cell = table_cell(&columns[n], row);

			if (width_of(cell) > width[n])
				width[n] = width_of(cell);
			if (!json_is_number(member(row, columns[n].key)))
				right[n] = false;
			free(cell);
		}
	}
	for (int c = 0; c < n; c++)
		print_cell(f, columns[c].title, width[c], right[c], c == n - 1);
	json_array_foreach (rows, i, row) {
		for (int c = 0; c < n; c++) {
			char *cell = table_cell(&columns[c], row);

			print_cell(f, cell, width[c], right[c], c == n - 1);
			free(cell);
		}
	}
}
