/* Reports and exports, streamed: a row is read, written, forgotten, so memory
 * does not grow with the number of units. All of these run inside a reading
 * job of the store (controller/store/store.h) and may block in the sink.
 */
#ifndef CONTROLLER_REPORT_REPORT_H
#define CONTROLLER_REPORT_REPORT_H

#include "controller/report/cells.h"
#include "controller/store/store_report.h"

#include <jansson.h>

/* Takes len bytes, waiting as long as it likes; an error ends the report. */
typedef enum err_code report_sink(void *arg, const void *data, size_t len,
				  struct err *e);

/* "csv", "jsonl", "json"; ERR_INPUT names what is possible. */
enum err_code report_format(const char *name, enum cells_format *format,
			    struct err *e);

/* One row per recorded attempt, columns.def. lot "" means all. */
enum err_code report_traceability(struct store_db *db, const char *lot,
				  enum cells_format format, report_sink *sink,
				  void *arg, struct err *e);

/* The same attempts with where the time of each went, attempt_columns.def. */
enum err_code report_attempts(struct store_db *db, const char *lot,
			      enum cells_format format, report_sink *sink,
			      void *arg, struct err *e);

/* Per lot, station and step. CSV: the rows. JSON: {"rows": [...],
 * "totals": {...}} as in the REST contract. */
enum err_code report_yield(struct store_db *db, const char *lot,
			   enum cells_format format, report_sink *sink,
			   void *arg, struct err *e);

/* The totals of a lot as JSON; NULL with *e filled. The caller owns it. */
json_t *report_totals(struct store_db *db, const char *lot, struct err *e);

#endif
