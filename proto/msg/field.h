/* messages.def as data: what the codec and the documentation walk over.
 * Private to proto/msg. */
#ifndef PROTO_MSG_FIELD_H
#define PROTO_MSG_FIELD_H

#include "proto/msg/msg.h"

enum field_kind {
	FIELD_TEXT,
	FIELD_NAME,
	FIELD_UUID,
	FIELD_HEX,
	FIELD_BYTES,
	FIELD_UINT,
	FIELD_SINT,
	FIELD_REAL,
	FIELD_FLAG,
	FIELD_LIST,
};

struct shape;

struct field {
	const char *name; /* NULL ends a shape's fields */
	enum field_kind kind;
	size_t offset;	 /* in the shape's struct */
	size_t n_offset; /* of name_len or name_n */
	int64_t min;
	uint64_t max; /* characters, bytes, items or value */
	const struct shape *record;
	const char *what;
};

/* A message or a record. */
struct shape {
	const char *name; /* "HELLO" */
	size_t size;	  /* of its struct */
	const struct field *(*fields)(void);
	const char *what;
	/* the rest for messages only */
	bool to_controller;
	int reply; /* enum msg_type, MSG_TYPE_COUNT for none */
	size_t max_bytes;
	bool body;
	const char *key;
};

extern const struct shape *const msg_shapes[MSG_TYPE_COUNT];
extern const struct shape *const msg_records[]; /* NULL-terminated */

#define FIELD_NAME_SIZE 40

/* The name as it stands in JSON: a trailing '_' (there only to avoid words of
 * C) is cut. Returns out. */
const char *field_json_name(char out[FIELD_NAME_SIZE], const struct field *f);

/* "permit_get" of "PERMIT_GET". Returns out. */
const char *shape_wire_name(char out[FIELD_NAME_SIZE], const struct shape *s);

#endif
