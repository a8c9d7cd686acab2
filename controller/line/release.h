/* An image's way to the line: imported by one person, approved by another,
 * retired for good. Pure: no I/O, no clock. */
#ifndef CONTROLLER_LINE_RELEASE_H
#define CONTROLLER_LINE_RELEASE_H

#include "proto/base/err.h"

#include <stdbool.h>

enum release_state {
	RELEASE_IMPORTED, /* verified and kept; no lot may use it */
	RELEASE_APPROVED,
	RELEASE_RETIRED,
	RELEASE_STATE_COUNT
};

const char *release_state_name(enum release_state s);
bool release_state_parse(const char *name, enum release_state *s);

/* May `who` approve what `importer` imported? ERR_REFUSED: the same person.
 * ERR_STATE: it is not waiting for approval. */
enum err_code release_approve_check(enum release_state s, const char *importer,
				    const char *who, struct err *e);

/* open_lot: a lot with this image that is not closed, or NULL. ERR_STATE
 * names it, or says that the image is retired already. */
enum err_code release_retire_check(enum release_state s, const char *open_lot,
				   struct err *e);

/* May a new lot use it? ERR_STATE says what is missing. */
enum err_code release_use_check(enum release_state s, struct err *e);

#endif
