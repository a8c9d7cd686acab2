/* One row at a time, as CSV (RFC 4180: CRLF, quotes doubled) or JSON.
 *
 * A CSV cell whose first character would make a spreadsheet run it as a
 * formula (= + - @, tab, carriage return) gets an apostrophe in front: text
 * on a board's label is data, whoever printed it.
 */
#ifndef CONTROLLER_REPORT_CELLS_H
#define CONTROLLER_REPORT_CELLS_H

#include "proto/base/dbuf.h"

#include <stdint.h>

enum cells_format { CELLS_CSV, CELLS_JSONL, CELLS_JSON };

/* Cells collect in line until cells_end_row closes it. */
struct cells {
	enum cells_format format;
	struct dbuf line;
	unsigned in_row; /* cells so far */
};

#define CELLS_ROW_MAX_BYTES 32768u

void cells_init(struct cells *c, enum cells_format format);
void cells_fini(struct cells *c);

/* Errors: ERR_TOO_BIG past CELLS_ROW_MAX_BYTES, ERR_NO_MEMORY. */
enum err_code cells_head(struct cells *c, const char *name); /* CSV only */
enum err_code cells_text(struct cells *c, const char *name, const char *value);
enum err_code cells_int(struct cells *c, const char *name, int64_t value);
enum err_code cells_number(struct cells *c, const char *name, double value,
			   int decimals);
enum err_code cells_none(struct cells *c, const char *name);
enum err_code cells_end_row(struct cells *c);

#endif
