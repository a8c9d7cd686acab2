/* Wall time, for records and people only: ms since 1970-01-01T00:00:00Z. */
#ifndef PROTO_BASE_WALL_H
#define PROTO_BASE_WALL_H

#include <stdbool.h>
#include <stdint.h>

#define WALL_TEXT_SIZE 25 /* "2026-03-01T08:15:30.123Z" and the NUL */

int64_t wall_now_ms(void);

/* RFC 3339 UTC with milliseconds; years 1970 to 9999. Returns out. */
const char *wall_format(char out[WALL_TEXT_SIZE], int64_t wall_ms);

/* The reverse, of exactly that form. */
bool wall_parse(const char *text, int64_t *wall_ms);

#endif
