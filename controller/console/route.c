#include "controller/console/route.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define ROLES_PUBLIC   ROLE_PUBLIC
#define ROLES_VIEW     ROLE_VIEW
#define ROLES_MANAGE   ROLE_MANAGE
#define ROLES_ENGINEER ROLE_ENGINEERS
#define ROLES_ADMIN    ROLE_ADMIN

static const struct route routes[ROUTE_COUNT] = {
#define ROUTE(name, method, path, roles, kind, body, query, status, type, sum) \
	{ROUTE_##name, #name,	    METHOD_##method, path,   ROLES_##roles,    \
	 KIND_##kind,  BODY_##body, query,	     status, type,             \
	 sum},
#include "controller/console/routes.def"
#undef ROUTE
};

static const char *const method_names[] = {"GET", "POST", "DELETE", "PATCH",
					   ""};

struct field {
	const char *name;
	bool text; /* else an unsigned integer */
	json_int_t min, max;
	bool required;
	const char *what;
};

/* The rows of bodies.def as an array per body, closed by a NULL name. */
#define BODY(name) static const struct field fields_##name[] = {
#define FIELD_TEXT(name, min, max, required, what) \
	{#name, true, min, max, required, what},
#define FIELD_UINT(name, min, max, required, what) \
	{#name, false, min, max, required, what},
#define END                                    \
	{                                      \
		NULL, false, 0, 0, false, NULL \
	}                                      \
	}                                      \
	;
#include "controller/console/bodies.def"
#undef BODY
#undef END

static const struct field *const bodies[BODY_COUNT] = {
	[BODY_NONE] = NULL,
#undef FIELD_TEXT
#undef FIELD_UINT
#define BODY(name) [BODY_##name] = fields_##name,
#define FIELD_TEXT(...)
#define FIELD_UINT(...)
#define END
#include "controller/console/bodies.def"
};

const struct route *route_get(enum route_id id)
{
	assert(id < ROUTE_COUNT);
	return &routes[id];
}

static bool is_param_char(char c)
{
	return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '-';
}

/* One {x}: *pattern is behind the '}', *path at the value. The value ends
 * where the rest of the segment is the literal that follows. */
static bool take_param(const char *pattern, const char **path,
		       char out[ROUTE_PARAM_SIZE])
{
	size_t tail = strcspn(pattern, "/"), len = strcspn(*path, "/");

	if (len <= tail || len - tail >= ROUTE_PARAM_SIZE ||
	    strncmp(*path + len - tail, pattern, tail))
		return false;
	len -= tail;
	for (size_t i = 0; i < len; i++)
		if (!is_param_char((*path)[i]))
			return false;
	memcpy(out, *path, len);
	out[len] = '\0';
	*path += len;
	return true;
}

static bool match(const struct route *r, const char *path,
		  struct route_match *m)
{
	const char *p = r->path;
	unsigned n = 0;

	while (*p) {
		if (*p == '{') {
			p = strchr(p, '}') + 1;
			if (n == ROUTE_PARAMS_MAX ||
			    !take_param(p, &path, m->param[n++]))
				return false;
		} else if (*p++ != *path++) {
			return false;
		}
	}
	return *path == '\0';
}

/* "GET, POST" out of bits. */
static void write_allow(char allow[32], unsigned methods)
{
	size_t n = 0;

	allow[0] = '\0';
	for (unsigned m = METHOD_GET; m < METHOD_OTHER; m++)
		if (methods & 1u << m)
			n += (size_t)snprintf(allow + n, 32 - n, "%s%s",
					      n ? ", " : "", method_names[m]);
}

enum err_code route_find(enum route_method method, const char *path,
			 struct route_match *m, char allow[32], struct err *e)
{
	unsigned methods = 0;

	memset(m, 0, sizeof(*m));
	for (size_t i = 0; i < ROUTE_COUNT; i++) {
		if (!match(&routes[i], path, m))
			continue;
		if (routes[i].method == method) {
			m->route = &routes[i];
			return ERR_OK;
		}
		methods |= 1u << routes[i].method;
	}
	if (!methods)
		return err_set(e, ERR_NOT_FOUND, "there is no such path");
	write_allow(allow, methods);
	return err_set(e, ERR_USAGE, "this path takes %s", allow);
}

static unsigned role_bit(const char *role)
{
	static const struct {
		const char *name;
		unsigned bit;
	} roles[] = {{"operator", ROLE_OPERATOR},
		     {"manager", ROLE_MANAGER},
		     {"engineer", ROLE_ENGINEER},
		     {"auditor", ROLE_AUDITOR},
		     {"admin", ROLE_ADMIN}};

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (!strcmp(role, roles[i].name))
			return roles[i].bit;
	return 0;
}

bool route_role_known(const char *role)
{
	return role_bit(role) != 0;
}

bool route_allows(const struct route *r, const char *role)
{
	return r->roles == ROLE_PUBLIC || (r->roles & role_bit(role));
}

bool route_takes_query(const struct route *r, const char *name)
{
	size_t len = strlen(name);
	const char *p = r->query;

	while (len && *p) {
		size_t n = strcspn(p, ",");

		if (n == len && !memcmp(p, name, n))
			return true;
		p += n + (p[n] == ',');
	}
	return false;
}

static const struct field *find_field(const struct field *f, const char *name)
{
	for (; f->name; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

static enum err_code check_field(const struct field *f, const json_t *v,
				 struct err *e)
{
	json_int_t n;

	if (f->text ? !json_is_string(v) : !json_is_integer(v))
		return err_set(e, ERR_INPUT, "%s is not %s", f->name,
			       f->text ? "a text" : "a whole number");
	n = f->text ? (json_int_t)json_string_length(v) : json_integer_value(v);
	if (n < f->min || n > f->max)
		return err_set(e, ERR_INPUT,
			       f->text ? "%s has %lld bytes; %lld to %lld are "
					 "possible"
				       : "%s is %lld; %lld to %lld are "
					 "possible",
			       f->name, (long long)n, (long long)f->min,
			       (long long)f->max);
	if (f->text && strlen(json_string_value(v)) != (size_t)n)
		return err_set(e, ERR_INPUT, "%s holds a NUL", f->name);
	return ERR_OK;
}

enum err_code route_check_body(enum route_body body, const json_t *in,
			       struct err *e)
{
	const struct field *fields = bodies[body];
	const char *name;
	json_t *value;
	enum err_code rc;

	if (!fields)
		return ERR_OK;
	if (!json_is_object(in))
		return err_set(e, ERR_INPUT, "the body is not a JSON object");
	json_object_foreach ((json_t *)in, name, value) {
		const struct field *f = find_field(fields, name);

		if (!f)
			return err_set(e, ERR_INPUT, "unknown field %.32s",
				       name);
		if ((rc = check_field(f, value, e)))
			return rc;
	}
	for (const struct field *f = fields; f->name; f++)
		if (f->required && !json_object_get(in, f->name))
			return err_set(e, ERR_INPUT, "%s is missing", f->name);
	return ERR_OK;
}

/* ---- OpenAPI ---- */

static json_t *field_schema(const struct field *f)
{
	return f->text ? json_pack("{s:s,s:I,s:I,s:s}", "type", "string",
				   "minLength", f->min, "maxLength", f->max,
				   "description", f->what)
		       : json_pack("{s:s,s:I,s:I,s:s}", "type", "integer",
				   "minimum", f->min, "maximum", f->max,
				   "description", f->what);
}

static json_t *request_body(const struct route *r)
{
	json_t *required = json_array(), *properties = json_object();
	const struct field *f;

	if (r->kind == KIND_CHUNK) {
		json_decref(required);
		json_decref(properties);
		return json_pack("{s:b,s:{s:{s:{s:s}}}}", "required", 1,
				 "content", "application/octet-stream",
				 "schema", "contentMediaType",
				 "application/octet-stream");
	}
	for (f = bodies[r->body]; f->name; f++) {
		json_object_set_new(properties, f->name, field_schema(f));
		if (f->required)
			json_array_append_new(required, json_string(f->name));
	}
	return json_pack("{s:b,s:{s:{s:{s:s,s:b,s:o,s:o}}}}", "required", 1,
			 "content", "application/json", "schema", "type",
			 "object", "additionalProperties", 0, "required",
			 required, "properties", properties);
}

static void add_parameter(json_t *list, const char *name, size_t len,
			  const char *in)
{
	bool path = !strcmp(in, "path");
	/* the one that is no text, and cannot be left out */
	bool offset = len == 6 && !memcmp(name, "offset", len);

	json_array_append_new(list, json_pack("{s:s%,s:s,s:b,s:{s:s}}", "name",
					      name, len, "in", in, "required",
					      path || offset, "schema", "type",
					      offset ? "integer" : "string"));
}

static json_t *parameters(const struct route *r)
{
	json_t *list = json_array();
	const char *p;

	for (p = r->path; (p = strchr(p, '{')); p++)
		add_parameter(list, p + 1, strcspn(p + 1, "}"), "path");
	for (p = r->query; *p;) {
		size_t n = strcspn(p, ",");

		add_parameter(list, p, n, "query");
		p += n + (p[n] == ',');
	}
	return list;
}

static json_t *responses(const struct route *r)
{
	json_t *ok = json_pack("{s:s}", "description", r->summary);
	char status[8];

	snprintf(status, sizeof(status), "%d", r->status);
	if (r->type[0])
		json_object_set_new(ok, "content",
				    json_pack("{s:{}}", r->type));
	ok = json_pack("{s:o,s:{s:s}}", status, ok, "default", "$ref",
		       "#/components/responses/Problem");
	if (r->kind == KIND_IMPORT)
		json_object_set_new(ok, "200",
				    json_pack("{s:s,s:{s:{}}}", "description",
					      "Someone else had imported it",
					      "content", r->type));
	return ok;
}

static json_t *operation(const struct route *r)
{
	json_t *op = json_pack("{s:s,s:s,s:o,s:o}", "operationId", r->name,
			       "summary", r->summary, "parameters",
			       parameters(r), "responses", responses(r));

	if (r->body != BODY_NONE || r->kind == KIND_CHUNK)
		json_object_set_new(op, "requestBody", request_body(r));
	if (r->roles == ROLE_PUBLIC)
		json_object_set_new(op, "security", json_array());
	return op;
}

static json_t *components(void)
{
	return json_pack(
		"{s:{s:{s:s,s:s},s:{s:s,s:s,s:s}},"
		"s:{s:{s:s,s:{s:{s:{s:s,s:[s,s,s,s],s:{s:{s:s},s:{s:s},"
		"s:{s:s},s:{s:s},s:{s:s}}}}}}}}",
		"securitySchemes", "bearer", "type", "http", "scheme", "bearer",
		"session", "type", "apiKey", "in", "cookie", "name",
		"provline_session", "responses", "Problem", "description",
		"What went wrong (RFC 9457)", "content",
		"application/problem+json", "schema", "type", "object",
		"required", "type", "title", "status", "code", "properties",
		"type", "type", "string", "title", "type", "string", "status",
		"type", "integer", "detail", "type", "string", "code", "type",
		"string");
}

json_t *route_openapi(void)
{
	json_t *paths = json_object(), *doc;

	for (size_t i = 0; i < ROUTE_COUNT; i++) {
		const struct route *r = &routes[i];
		json_t *item = json_object_get(paths, r->path);
		char method[8] = "";

		if (!item) {
			item = json_object();
			json_object_set_new(paths, r->path, item);
		}
		for (size_t k = 0; method_names[r->method][k]; k++)
			method[k] = (char)tolower(method_names[r->method][k]);
		json_object_set_new(item, method, operation(r));
	}
	doc = json_pack("{s:s,s:{s:s,s:s},s:[{s:[]},{s:[]}],s:o,s:o}",
			"openapi", "3.1.0", "info", "title",
			"Provline controller", "version", PROVLINE_VERSION,
			"security", "bearer", "session", "paths", paths,
			"components", components());
	assert(doc);
	return doc;
}
