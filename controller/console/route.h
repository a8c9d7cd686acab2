/* The table of endpoints and what is derived from it: finding one, checking a
 * role, checking a body, describing all as OpenAPI. Pure: no sockets, no
 * database. */
#ifndef CONTROLLER_CONSOLE_ROUTE_H
#define CONTROLLER_CONSOLE_ROUTE_H

#include "proto/base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUTE_PARAM_SIZE 65
#define ROUTE_PARAMS_MAX 2

enum route_id {
#define ROUTE(name, method, path, roles, kind, body, query, status, type, sum) \
	ROUTE_##name,
#include "controller/console/routes.def"
#undef ROUTE
	ROUTE_COUNT
};

enum route_method {
	METHOD_GET,
	METHOD_POST,
	METHOD_DELETE,
	METHOD_PATCH,
	METHOD_OTHER
};

/* Bits; a role the database does not know has none. */
enum route_role {
	ROLE_PUBLIC = 0, /* no credential needed */
	ROLE_OPERATOR = 1,
	ROLE_MANAGER = 2,
	ROLE_ENGINEER = 4,
	ROLE_AUDITOR = 8,
	ROLE_ADMIN = 16,
	ROLE_VIEW = 31,
	ROLE_MANAGE = ROLE_MANAGER | ROLE_ADMIN,
	ROLE_ENGINEERS = ROLE_ENGINEER | ROLE_ADMIN,
};

enum route_kind {
	KIND_READ,
	KIND_WRITE,
	KIND_STREAM,
	KIND_CHUNK,
	KIND_IMPORT,
	KIND_TEXT
};

enum route_body {
	BODY_NONE,
#define BODY(name) BODY_##name,
#define FIELD_TEXT(...)
#define FIELD_UINT(...)
#define END
#include "controller/console/bodies.def"
#undef BODY
#undef FIELD_TEXT
#undef FIELD_UINT
#undef END
	BODY_COUNT
};

struct route {
	enum route_id id;
	const char *name;
	enum route_method method;
	const char *path;
	unsigned roles; /* of enum route_role; 0: public */
	enum route_kind kind;
	enum route_body body;
	const char *query;
	int status;
	const char *type;
	const char *summary;
};

struct route_match {
	const struct route *route;
	char param[ROUTE_PARAMS_MAX][ROUTE_PARAM_SIZE]; /* in path order */
};

const struct route *route_get(enum route_id id);

/* ERR_NOT_FOUND: no such path. ERR_USAGE: the path exists, with other
 * methods: allow (32 bytes) gets them, as for the Allow header. */
enum err_code route_find(enum route_method method, const char *path,
			 struct route_match *m, char allow[32], struct err *e);

/* Default deny: true only when the route is public or role is one of its. */
bool route_allows(const struct route *r, const char *role);

/* operator, manager, engineer, auditor or admin? */
bool route_role_known(const char *role);

/* Is name one of the route's query names? */
bool route_takes_query(const struct route *r, const char *name);

/* ERR_INPUT names the field that is missing, unknown, mistyped or out of
 * range. */
enum err_code route_check_body(enum route_body body, const json_t *in,
			       struct err *e);

/* OpenAPI 3.1. The caller owns it. */
json_t *route_openapi(void);

#endif
