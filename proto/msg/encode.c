#include "proto/msg/field.h"
#include "proto/msg/rules.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *shape_to_json(const struct shape *s, const uint8_t *base,
			     struct err *e);

static json_t *list_to_json(const struct field *f, const uint8_t *base,
			    struct err *e)
{
	size_t n = *(const size_t *)(base + f->n_offset);
	json_t *list = n <= f->max ? json_array() : NULL;

	if (!list)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const uint8_t *item = base + f->offset + i * f->record->size;
		json_t *j = shape_to_json(f->record, item, e);

		if (!j || json_array_append_new(list, j)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* NULL when the value breaks its row. */
static json_t *field_to_json(const struct field *f, const uint8_t *base,
			     struct err *e)
{
	const void *at = base + f->offset;
	size_t len;

	switch (f->kind) {
	case FIELD_TEXT:
	case FIELD_NAME:
	case FIELD_UUID:
	case FIELD_HEX:
		return rules_text_ok(f, at) ? json_string(at) : NULL;
	case FIELD_BYTES:
		len = *(const size_t *)(base + f->n_offset);
		return len <= f->max ? rules_bytes_to_json(at, len) : NULL;
	case FIELD_UINT:
		if (*(const uint64_t *)at > f->max)
			return NULL;
		return json_integer((json_int_t) * (const uint64_t *)at);
	case FIELD_SINT:
		if (!rules_sint_ok(f, *(const int64_t *)at))
			return NULL;
		return json_integer(*(const int64_t *)at);
	case FIELD_REAL:
		return json_real(*(const double *)at); /* NULL unless finite */
	case FIELD_FLAG:
		return json_boolean(*(const bool *)at);
	case FIELD_LIST:
		return list_to_json(f, base, e);
	}
	return NULL;
}

static json_t *shape_to_json(const struct shape *s, const uint8_t *base,
			     struct err *e)
{
	json_t *object = json_object();
	char name[FIELD_NAME_SIZE];

	for (const struct field *f = s->fields(); object && f->name; f++) {
		json_t *value = field_to_json(f, base, e);

		field_json_name(name, f);
		if (value && json_object_set_new(object, name, value) == 0)
			continue;
		if (!e || e->code == ERR_OK)
			err_set(e, ERR_BUG, "%s.%s breaks its row", s->name,
				name);
		json_decref(object);
		return NULL;
	}
	return object;
}

enum err_code msg_to_json(const struct msg *m, char **json, struct err *e)
{
	struct err local = {.code = ERR_OK};
	const struct shape *s = msg_shapes[m->type];
	char name[FIELD_NAME_SIZE];
	json_t *object = shape_to_json(s, (const uint8_t *)&m->u, &local);

	if (!object) {
		if (local.code == ERR_OK)
			err_set(&local, ERR_NO_MEMORY, "%s", s->name);
		if (e)
			*e = local;
		return local.code;
	}
	json_object_set_new(object, "v", json_integer(MSG_VERSION));
	json_object_set_new(object, "type",
			    json_string(shape_wire_name(name, s)));
	*json = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(object);
	return *json ? ERR_OK : err_set(e, ERR_NO_MEMORY, "%s", s->name);
}

enum err_code msg_encode(const struct msg *m, uint8_t **wire, size_t *len,
			 struct err *e)
{
	const struct shape *s = msg_shapes[m->type];
	size_t json_len, body_len = s->body ? m->body_len : 0;
	enum err_code rc;
	char *json;

	rc = msg_to_json(m, &json, e);
	if (rc)
		return rc;
	json_len = strlen(json);
	*len = 4 + json_len + body_len;
	if (*len > s->max_bytes) {
		free(json);
		return err_set(e, ERR_BUG, "%s of %zu bytes, at most %zu",
			       s->name, *len, s->max_bytes);
	}
	*wire = malloc(*len);
	if (!*wire) {
		free(json);
		return err_set(e, ERR_NO_MEMORY, "%s", s->name);
	}
	(*wire)[0] = (uint8_t)(json_len >> 24);
	(*wire)[1] = (uint8_t)(json_len >> 16);
	(*wire)[2] = (uint8_t)(json_len >> 8);
	(*wire)[3] = (uint8_t)json_len;
	memcpy(*wire + 4, json, json_len);
	if (body_len)
		memcpy(*wire + 4 + json_len, m->body, body_len);
	free(json);
	return ERR_OK;
}
