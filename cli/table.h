/* Aligned text tables for people. Cells are escaped, so that a board's text
 * cannot drive the terminal. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <jansson.h>
#include <stdio.h>

struct table_column {
	const char *title;
	const char
		*key; /* member of each row; dots go deeper: "counts.units" */
	int digits;   /* of reals: places after the point */
};

/* rows: array of objects. Numbers are right-aligned. columns end with a NULL
 * title. */
void table_print(FILE *f, const struct table_column *columns,
		 const json_t *rows);

/* The cell as it is printed: malloc'ed, the caller frees. */
char *table_cell(const struct table_column *c, const json_t *row);

#endif
