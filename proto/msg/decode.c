#include "proto/msg/field.h"
#include "proto/msg/rules.h"

#include <jansson.h>
#include <mbedtls/base64.h>
#include <string.h>

static bool shape_from_json(const struct shape *s, uint8_t *base,
			    const json_t *object, size_t extra, struct err *e);

static bool text_from_json(const struct field *f, char *at, const json_t *j)
{
	size_t size = (f->kind == FIELD_HEX ? 2 * f->max : f->max) + 1;
	const char *text = json_string_value(j);

	if (!text || json_string_length(j) >= size || !rules_text_ok(f, text))
		return false;
	memcpy(at, text, json_string_length(j) + 1);
	return true;
}

static bool bytes_from_json(const struct field *f, uint8_t *base,
			    const json_t *j)
{
	const char *text = json_string_value(j);
	size_t *len = (size_t *)(base + f->n_offset);
	json_t *again = NULL;
	bool same;

	if (text && mbedtls_base64_decode(base + f->offset, f->max, len,
					  (const unsigned char *)text,
					  json_string_length(j)) == 0)
		again = rules_bytes_to_json(base + f->offset, *len);
	/* mbedTLS drops what is short of four digits, passes over line ends and
	 * ignores left-over bits */
	same = again && json_equal(again, j);
	json_decref(again);
	return same;
}

static bool list_from_json(const struct field *f, uint8_t *base,
			   const json_t *j, struct err *e)
{
	size_t n = json_array_size(j);

	if (!json_is_array(j) || n > f->max)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!shape_from_json(f->record,
				     base + f->offset + i * f->record->size,
				     json_array_get(j, i), 0, e))
			return false;
	*(size_t *)(base + f->n_offset) = n;
	return true;
}

static bool field_from_json(const struct field *f, uint8_t *base,
			    const json_t *j, struct err *e)
{
	void *at = base + f->offset;
	json_int_t value = json_integer_value(j);

	switch (f->kind) {
	case FIELD_TEXT:
	case FIELD_NAME:
	case FIELD_UUID:
	case FIELD_HEX:
		return text_from_json(f, at, j);
	case FIELD_BYTES:
		return bytes_from_json(f, base, j);
	case FIELD_UINT:
		*(uint64_t *)at = (uint64_t)value;
		return json_is_integer(j) && value >= 0 &&
		       (uint64_t)value <= f->max;
	case FIELD_SINT:
		*(int64_t *)at = value;
		return json_is_integer(j) && rules_sint_ok(f, value);
	case FIELD_REAL:
		*(double *)at = json_number_value(j);
		return json_is_number(j);
	case FIELD_FLAG:
		*(bool *)at = json_is_true(j);
		return json_is_boolean(j);
	case FIELD_LIST:
		return list_from_json(f, base, j, e);
	}
	return false;
}

/* extra: members that the caller has handled itself. */
static bool shape_from_json(const struct shape *s, uint8_t *base,
			    const json_t *object, size_t extra, struct err *e)
{
	char name[FIELD_NAME_SIZE];
	size_t count = extra;

	for (const struct field *f = s->fields(); f->name; f++, count++) {
		const json_t *value =
			json_object_get(object, field_json_name(name, f));

		if (value && field_from_json(f, base, value, e))
			continue;
		if (e->code == ERR_OK)
			err_set(e, ERR_MALFORMED, "%s.%s is %s", s->name, name,
				value ? "out of its range" : "missing");
		return false;
	}
	if (json_object_size(object) == count)
		return true;
	err_set(e, ERR_MALFORMED, "%s has fields that are not in the table",
		s->name);
	return false;
}

static const struct shape *shape_of(const json_t *object, enum msg_type *type)
{
	const char *text = json_string_value(json_object_get(object, "type"));
	char name[FIELD_NAME_SIZE];

	for (int i = 0; text && i < MSG_TYPE_COUNT; i++) {
		if (strcmp(text, shape_wire_name(name, msg_shapes[i])) == 0) {
			*type = (enum msg_type)i;
			return msg_shapes[i];
		}
	}
	return NULL;
}

static enum err_code from_object(struct msg *m, const json_t *object,
				 size_t wire_len, bool at_controller,
				 struct err *e)
{
	const struct shape *s = shape_of(object, &m->type);
	const json_t *version = json_object_get(object, "v");

	if (!s)
		return err_set(e, ERR_MALFORMED, "a message of unknown type");
	if (json_integer_value(version) != MSG_VERSION)
		return err_set(e, ERR_MALFORMED,
			       "%s of another protocol version; this is %d",
			       s->name, MSG_VERSION);
	if (s->to_controller != at_controller)
		return err_set(e, ERR_REFUSED, "%s does not go this way",
			       s->name);
	if (wire_len > s->max_bytes)
		return err_set(e, ERR_TOO_BIG, "%s of %zu bytes, at most %zu",
			       s->name, wire_len, s->max_bytes);
	shape_from_json(s, (uint8_t *)&m->u, object, 2, e);
	return e->code;
}

static enum err_code from_json(struct msg **m, const char *json,
			       size_t json_len, size_t wire_len,
			       bool at_controller, struct err *caller)
{
	struct err e = {.code = ERR_OK};
	json_error_t je;
	json_t *object =
		json_loadb(json, json_len, JSON_REJECT_DUPLICATES, &je);

	*m = msg_new(MSG_TYPE_COUNT);
	if (!json_is_object(object))
		err_set(&e, ERR_MALFORMED, "not a JSON object: %s", je.text);
	else if (!*m)
		err_set(&e, ERR_NO_MEMORY, "a message");
	else
		from_object(*m, object, wire_len, at_controller, &e);
	json_decref(object);
	if (e.code) {
		msg_free(*m);
		*m = NULL;
		if (caller)
			*caller = e;
	}
	return e.code;
}

enum err_code msg_from_json(struct msg **m, const char *json, size_t len,
			    bool at_controller, struct err *e)
{
	return from_json(m, json, len, len, at_controller, e);
}

enum err_code msg_decode(struct msg **m, const void *wire, size_t len,
			 bool at_controller, struct err *e)
{
	const uint8_t *p = wire;
	enum err_code rc;
	size_t json_len;

	*m = NULL;
	if (len < 4)
		return err_set(e, ERR_MALFORMED, "a frame of %zu bytes", len);
	json_len = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 |
		   p[3];
	if (json_len > len - 4)
		return err_set(e, ERR_MALFORMED,
			       "a frame shorter than it says");
	rc = from_json(m, (const char *)p + 4, json_len, len, at_controller, e);
	if (rc)
		return rc;
	(*m)->body = p + 4 + json_len;
	(*m)->body_len = len - 4 - json_len;
	if ((*m)->body_len && !msg_shapes[(*m)->type]->body) {
		rc = err_set(e, ERR_MALFORMED, "%s carries no body",
			     msg_name((*m)->type));
		msg_free(*m);
		*m = NULL;
	}
	return rc;
}
