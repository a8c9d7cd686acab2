/* What a field's row allows, for both directions. Private to proto/msg. */
#ifndef PROTO_MSG_RULES_H
#define PROTO_MSG_RULES_H

#include "proto/msg/field.h"

#include <jansson.h>

/* text: NUL-terminated, of a TEXT, NAME, UUID or HEX row. Is it within its
 * length and made of the characters that its kind allows? */
bool rules_text_ok(const struct field *f, const char *text);

bool rules_sint_ok(const struct field *f, int64_t value);

/* The one spelling of a BYTES row's value; NULL when out of memory. */
json_t *rules_bytes_to_json(const uint8_t *p, size_t len);

#endif
