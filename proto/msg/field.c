#include "proto/msg/field.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Lists point at the shapes of their records. */
#define MESSAGE(name, dir, reply, max_bytes, body, key, what)
#define RECORD(name, what) static const struct shape shape_##name;
#define END
#include "proto/msg/fields_none.h"
#include "proto/msg/messages.def"
#include "proto/msg/fields_undef.h"

/* The fields of each shape, in a function so that `self` can name the struct
 * that the rows' offsets count in. */
#define FIELDS_OF(name)                                   \
	static const struct field *fields_of_##name(void) \
	{                                                 \
		typedef struct msg_##name self;           \
		static const struct field rows[] = {
#define ROW(f, kind, n, min, max, rec, what) \
	{#f, kind, offsetof(self, f), n, min, max, rec, what},
#define MESSAGE(name, dir, reply, max_bytes, body, key, what) FIELDS_OF(name)
#define RECORD(name, what)				      FIELDS_OF(name)
#define TEXT(f, max, what)				      ROW(f, FIELD_TEXT, 0, 0, max, NULL, what)
#define NAME_(f, max, what)				      ROW(f, FIELD_NAME, 0, 0, max, NULL, what)
#define UUID(f, what)					      ROW(f, FIELD_UUID, 0, 0, 36, NULL, what)
#define HEXN(f, bytes, what)				      ROW(f, FIELD_HEX, 0, 0, bytes, NULL, what)
#define UINT(f, max, what)				      ROW(f, FIELD_UINT, 0, 0, max, NULL, what)
#define SINT(f, min, max, what)				      ROW(f, FIELD_SINT, 0, min, max, NULL, what)
#define REAL(f, what)					      ROW(f, FIELD_REAL, 0, 0, 0, NULL, what)
#define FLAG(f, what)					      ROW(f, FIELD_FLAG, 0, 0, 0, NULL, what)
#define BYTES(f, max, what) \
	ROW(f, FIELD_BYTES, offsetof(self, f##_len), 0, max, NULL, what)
#define LIST(f, rec, max, what) \
	ROW(f, FIELD_LIST, offsetof(self, f##_n), 0, max, &shape_##rec, what)
#define END                                                         \
	{                                                           \
		NULL, FIELD_FLAG, sizeof(self), 0, 0, 0, NULL, NULL \
	}                                                           \
	}                                                           \
	;                                                           \
	return rows;                                                \
	}
#include "proto/msg/messages.def"
#include "proto/msg/fields_undef.h"

#define TO_CONTROLLER true
#define TO_AGENT      false
#define MSG_NONE      MSG_TYPE_COUNT
#define MESSAGE(name, dir, reply, max_bytes, body, key, what)                \
	static const struct shape shape_##name = {#name,                     \
						  sizeof(struct msg_##name), \
						  fields_of_##name,          \
						  what,                      \
						  dir,                       \
						  MSG_##reply,               \
						  max_bytes,                 \
						  body,                      \
						  key};
#define RECORD(name, what)                                                   \
	static const struct shape shape_##name = {#name,                     \
						  sizeof(struct msg_##name), \
						  fields_of_##name,          \
						  what,                      \
						  false,                     \
						  MSG_TYPE_COUNT,            \
						  0,                         \
						  false,                     \
						  ""};
#define END
#include "proto/msg/fields_none.h"
#include "proto/msg/messages.def"
#include "proto/msg/fields_undef.h"

const struct shape *const msg_shapes[MSG_TYPE_COUNT] = {
#define MESSAGE(name, dir, reply, max_bytes, body, key, what) &shape_##name,
#define RECORD(name, what)
#define END
#include "proto/msg/fields_none.h"
#include "proto/msg/messages.def"
#include "proto/msg/fields_undef.h"
};

const struct shape *const msg_records[] = {
#define MESSAGE(name, dir, reply, max_bytes, body, key, what)
#define RECORD(name, what) &shape_##name,
#define END
#include "proto/msg/fields_none.h"
#include "proto/msg/messages.def"
#include "proto/msg/fields_undef.h"
	NULL};

const char *field_json_name(char out[FIELD_NAME_SIZE], const struct field *f)
{
	size_t n;

	snprintf(out, FIELD_NAME_SIZE, "%s", f->name);
	n = strlen(out);
	if (out[n - 1] == '_')
		out[n - 1] = '\0';
	return out;
}

const char *shape_wire_name(char out[FIELD_NAME_SIZE], const struct shape *s)
{
	snprintf(out, FIELD_NAME_SIZE, "%s", s->name);
	for (char *p = out; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return out;
}
