/* The endpoint table: finding, permissions by default deny, strict bodies,
 * problem documents, the description made from it. */
#include "controller/console/problem.h"
#include "controller/console/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum err_code find(enum route_method method, const char *path,
			  struct route_match *m)
{
	char allow[32];
	struct err e;

	return route_find(method, path, m, allow, &e);
}

static void test_find(void **state)
{
	struct route_match m;

	(void)state;
	assert_int_equal(find(METHOD_GET, "/api/v1/lots", &m), ERR_OK);
	assert_int_equal(m.route->id, ROUTE_lot_list);
	assert_int_equal(find(METHOD_GET, "/api/v1/lots/A17", &m), ERR_OK);
	assert_int_equal(m.route->id, ROUTE_lot_get);
	assert_string_equal(m.param[0], "A17");
	assert_int_equal(find(METHOD_POST, "/api/v1/lots/A-1_7.b/close", &m),
			 ERR_OK);
	assert_string_equal(m.param[0], "A-1_7.b");
	assert_int_equal(find(METHOD_GET, "/api/v1/certificates/00aa.pem", &m),
			 ERR_OK);
	assert_string_equal(m.param[0], "00aa");
}

static void test_not_found(void **state)
{
	static const char *const paths[] = {
		"",
		"/api/v1/lots/",
		"/api/v1/lots/a/b",
		"/api/v1/lots/a b",
		"/api/v1/lots/../x/close",
		"/api/v1/lotsx",
		"/api/v1/certificates/.pem",
		"/api/v1/certificates/x",
		"/api/v1/lots/"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaa",
		"/api/v1/lots/a%2fb",
	};
	struct route_match m;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(find(METHOD_GET, paths[i], &m), ERR_NOT_FOUND);
}

static void test_method(void **state)
{
	struct route_match m;
	char allow[32] = "";
	struct err e;

	(void)state;
	assert_int_equal(
		route_find(METHOD_OTHER, "/api/v1/session", &m, allow, &e),
		ERR_USAGE);
	assert_string_equal(allow, "GET, POST, DELETE");
	assert_int_equal(
		route_find(METHOD_DELETE, "/api/v1/lots", &m, allow, &e),
		ERR_USAGE);
	assert_string_equal(allow, "GET, POST");
}

/* Every endpoint with every role, written out by rule: who is not named may
 * not, an unknown role may nothing, operators and auditors change nothing. */
static void test_roles(void **state)
{
	static const char *const viewers[] = {"operator", "auditor"};

	(void)state;
	for (int id = 0; id < ROUTE_COUNT; id++) {
		const struct route *r = route_get((enum route_id)id);
		bool public = r->id == ROUTE_healthz || r->id == ROUTE_enrol ||
			      r->id == ROUTE_session_open;

		assert_int_equal(route_allows(r, "janitor"), public);
		assert_int_equal(route_allows(r, ""), public);
		assert_true(route_allows(r, "admin"));
		for (int v = 0; v < 2; v++)
			if (r->method != METHOD_GET &&
			    r->id != ROUTE_session_end)
				assert_int_equal(route_allows(r, viewers[v]),
						 public);
	}
	assert_true(route_allows(route_get(ROUTE_lot_start), "manager"));
	assert_false(route_allows(route_get(ROUTE_upload_finish), "manager"));
	assert_true(route_allows(route_get(ROUTE_upload_finish), "engineer"));
	assert_false(route_allows(route_get(ROUTE_station_invite), "manager"));
}

static void test_query(void **state)
{
	const struct route *r = route_get(ROUTE_unit_list);

	(void)state;
	assert_true(route_takes_query(r, "lot"));
	assert_true(route_takes_query(r, "limit"));
	assert_false(route_takes_query(r, "lo"));
	assert_false(route_takes_query(r, "lot,cursor"));
	assert_false(route_takes_query(r, ""));
}

static enum err_code check_lot(const char *json)
{
	json_t *in = json_loads(json, JSON_DECODE_ANY, NULL);
	enum err_code rc = route_check_body(BODY_LOT, in, NULL);

	assert_non_null(in);
	json_decref(in);
	return rc;
}

#define SHA	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LOT_REST "\"product\":\"p\",\"image_sha256\":\"" SHA "\""

static void test_body(void **state)
{
	(void)state;
	assert_int_equal(
		check_lot("{\"lot\":\"A\",\"quantity\":5," LOT_REST "}"),
		ERR_OK);
	assert_int_equal(check_lot("{\"lot\":\"A\",\"quantity\":5,"
				   "\"max_attempts\":3," LOT_REST "}"),
			 ERR_OK);
	assert_int_equal(check_lot("{\"lot\":\"A\"," LOT_REST "}"), ERR_INPUT);
	assert_int_equal(
		check_lot("{\"lot\":\"A\",\"quantity\":0," LOT_REST "}"),
		ERR_INPUT);
	assert_int_equal(
		check_lot("{\"lot\":\"A\",\"quantity\":5.0," LOT_REST "}"),
		ERR_INPUT);
	assert_int_equal(
		check_lot("{\"lot\":\"A\",\"quantity\":\"5\"," LOT_REST "}"),
		ERR_INPUT);
	assert_int_equal(
		check_lot("{\"lot\":\"\",\"quantity\":5," LOT_REST "}"),
		ERR_INPUT);
	assert_int_equal(
		check_lot("{\"lot\":\"A\",\"quantity\":5,\"x\":1," LOT_REST
			  "}"),
		ERR_INPUT);
	assert_int_equal(check_lot("[]"), ERR_INPUT);
	assert_int_equal(check_lot("null"), ERR_INPUT);
}

static void test_problem(void **state)
{
	struct dbuf out;
	json_t *doc;
	struct err e;

	(void)state;
	err_set(&e, ERR_QUOTA, "lot A is <full> \"now\"");
	dbuf_init(&out, 4096);
	assert_int_equal(problem_status(ERR_QUOTA, false), 409);
	assert_int_equal(problem_write(&out, 409, &e), ERR_OK);
	doc = json_loads(dbuf_text(&out), 0, NULL);
	assert_string_equal(json_string_value(json_object_get(doc, "code")),
			    "quota");
	assert_string_equal(json_string_value(json_object_get(doc, "detail")),
			    "lot A is <full> \"now\"");
	assert_int_equal(json_integer_value(json_object_get(doc, "status")),
			 409);
	json_decref(doc);
	dbuf_fini(&out);
	assert_int_equal(problem_status(ERR_REFUSED, true), 403);
	assert_int_equal(problem_status(ERR_REFUSED, false), 409);
	assert_int_equal(problem_status(ERR_UNAUTHORISED, false), 401);
	assert_int_equal(problem_status(ERR_DISK_FULL, false), 503);
	assert_int_equal(problem_status(ERR_BUG, false), 500);
}

static void test_openapi(void **state)
{
	json_t *doc = route_openapi(), *paths = json_object_get(doc, "paths");
	const char *path;
	json_t *item, *op;
	size_t operations = 0;

	(void)state;
	assert_string_equal(json_string_value(json_object_get(doc, "openapi")),
			    "3.1.0");
	json_object_foreach (paths, path, item) {
		const char *method;

		json_object_foreach (item, method, op) {
			operations++;
			assert_non_null(json_object_get(op, "operationId"));
			assert_non_null(json_object_get(op, "responses"));
		}
	}
	assert_int_equal(operations, ROUTE_COUNT);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_method),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_problem),
		cmocka_unit_test(test_openapi),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
