/* Any bytes as what a browser asks of the console, behind the HTTP library: a
 * line with the path, a line with a query name, the JSON body. Whatever the
 * answer is, it can be written. */
#include "controller/console/problem.h"
#include "controller/console/route.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void check_problem(const struct err *e)
{
	struct dbuf out;
	json_t *doc;

	CHECK(e->text[0]);
	dbuf_init(&out, 65536);
	CHECK(!problem_write(&out, 400, e));
	doc = json_loads(dbuf_text(&out), JSON_REJECT_DUPLICATES, NULL);
	CHECK(json_is_object(doc));
	CHECK(json_is_string(json_object_get(doc, "detail")));
	json_decref(doc);
	dbuf_fini(&out);
}

static void check_found(const struct route_match *m, const char *path)
{
	size_t params = 0;

	for (const char *p = m->route->path; (p = strchr(p, '{')); p++) {
		CHECK(params < ROUTE_PARAMS_MAX && m->param[params][0]);
		CHECK(strstr(path, m->param[params]));
		CHECK(!strpbrk(m->param[params++], "/%\\ "));
	}
	CHECK(params || !strcmp(path, m->route->path));
}

static void ask_path(const char *path)
{
	struct route_match m;
	char allow[32];
	struct err e;

	for (int method = METHOD_GET; method <= METHOD_OTHER; method++) {
		enum err_code rc = route_find((enum route_method)method, path,
					      &m, allow, &e);

		CHECK(!rc || rc == ERR_NOT_FOUND || rc == ERR_USAGE);
		if (rc)
			check_problem(&e);
		else
			check_found(&m, path);
		if (rc == ERR_USAGE)
			CHECK(allow[0] && strlen(allow) < sizeof allow);
	}
}

static void ask_query(const char *name)
{
	for (int id = 0; id < ROUTE_COUNT; id++) {
		const struct route *r = route_get((enum route_id)id);

		if (route_takes_query(r, name))
			CHECK(name[0] && !strchr(name, ',') &&
			      strstr(r->query, name));
	}
}

static void ask_body(const char *text, size_t len)
{
	json_t *in = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	struct err e;

	for (int b = BODY_NONE + 1; in && b < BODY_COUNT; b++) {
		if (route_check_body((enum route_body)b, in, &e))
			check_problem(&e);
		else
			CHECK(json_is_object(in) && json_object_size(in));
	}
	json_decref(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *path = malloc(size + 1), *query, *body;

	CHECK(path);
	memcpy(path, data, size);
	path[size] = '\0';
	query = memchr(path, '\n', size);
	body = query ? strchr(query + 1, '\n') : NULL;
	if (query)
		*query++ = '\0';
	if (body)
		*body++ = '\0';
	ask_path(path);
	if (query)
		ask_query(query);
	if (body)
		ask_body(body, (size_t)(path + size - body));
	free(path);
	return 0;
}
