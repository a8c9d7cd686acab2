/* Endpoints about what was built: units, certificates. */
#include "controller/console/handlers.h"

#include <mbedtls/base64.h>
#include <stdlib.h>
#include <string.h>

#define UNIT_PAGE_DEFAULT 50

static enum err_code on_unit(void *arg, const struct store_unit *u,
			     struct err *e)
{
	(void)e;
	json_array_append_new(arg, json_unit(u));
	return ERR_OK;
}

static enum err_code read_limit(const char *text, unsigned *limit,
				struct err *e)
{
	char *end;
	long n = strtol(text, &end, 10);

	*limit = UNIT_PAGE_DEFAULT;
	if (!*text)
		return ERR_OK;
	if (*end || n < 1 || n > STORE_PAGE_MAX)
		return err_set(e, ERR_INPUT, "limit is 1 to %d",
			       STORE_PAGE_MAX);
	*limit = (unsigned)n;
	return ERR_OK;
}

enum err_code run_unit_list(struct store_db *db, struct request *rq,
			    struct err *e)
{
	char next[STORE_CURSOR_SIZE] = "";
	json_t *list = json_array();
	unsigned limit;
	enum err_code rc = read_limit(rq->query_limit, &limit, e);

	if (!rc)
		rc = store_units(db, rq->query_lot, rq->query_cursor, limit,
				 next, on_unit, list, e);
	if (rc) {
		json_decref(list);
		return rc;
	}
	return give(rq,
		    json_pack("{s:o,s:o}", "units", list, "next",
			      next[0] ? json_string(next) : json_null()),
		    e);
}

/* ---- certificates ---- */

struct pem_arg {
	struct dbuf *out;
	unsigned n;
};

/* RFC 7468 */
static enum err_code add_pem(struct dbuf *out, const uint8_t *der, size_t len)
{
	uint8_t line[80];
	size_t n, got;
	enum err_code rc = dbuf_addf(out, "-----BEGIN CERTIFICATE-----\n");

	for (size_t at = 0; !rc && at < len; at += n) {
		n = len - at < 48 ? len - at : 48;
		if (mbedtls_base64_encode(line, sizeof(line), &got, der + at,
					  n))
			return ERR_BUG;
		rc = dbuf_addf(out, "%s\n", (const char *)line);
	}
	return rc ? rc : dbuf_addf(out, "-----END CERTIFICATE-----\n");
}

static enum err_code on_cert(void *arg, const struct store_cert *cert,
			     struct err *e)
{
	struct pem_arg *a = arg;
	enum err_code rc;

	/* A unit has one certificate per lot; the newest lot comes last. */
	dbuf_clear(a->out);
	a->n++;
	rc = add_pem(a->out, cert->der, cert->der_len);
	return rc ? err_set(e, rc, "certificate") : ERR_OK;
}

/* key may be a board serial: certificates are kept by UID. */
static enum err_code read_cert(struct store_db *db, const char *lot,
			       const char *key, struct pem_arg *a,
			       struct err *e)
{
	struct store_unit unit;
	enum err_code rc = store_unit_get(db, key, &unit, e);

	if (rc || !unit.uid[0])
		return rc;
	return store_certificates(db, lot, unit.uid, on_cert, a, e);
}

enum err_code run_certificate(struct store_db *db, struct request *rq,
			      struct err *e)
{
	struct pem_arg a = {&rq->reply, 0};
	enum err_code rc =
		read_cert(db, rq->query_lot, rq->match.param[0], &a, e);

	if (!rc && !a.n)
		rc = err_set(e, ERR_NOT_FOUND, "this unit has no certificate");
	return rc;
}

/* ---- one unit ---- */

struct attempts_arg {
	struct store_db *db;
	json_t *list;
};

static enum err_code on_step(void *arg, const struct store_step *s,
			     struct err *e)
{
	(void)e;
	json_array_append_new(arg,
			      json_pack("{s:s,s:s,s:I,s:I}", "step", s->step,
					"state", s->state, "started_ms",
					(json_int_t)s->started_ms, "took_ms",
					(json_int_t)s->took_ms));
	return ERR_OK;
}

static enum err_code on_measurement(void *arg,
				    const struct store_measurement *m,
				    struct err *e)
{
	(void)e;
	json_array_append_new(arg, json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:b}",
					     "step", m->step, "name", m->name,
					     "value", m->value, "unit", m->unit,
					     "low", m->low, "high", m->high,
					     "pass", m->pass));
	return ERR_OK;
}

static enum err_code on_attempt(void *arg, const struct store_trace *t,
				struct err *e)
{
	struct attempts_arg *a = arg;

	(void)e;
	json_array_append_new(a->list, json_trace(t));
	return ERR_OK;
}

/* Steps and measurements, after the list itself has been read: statements of
 * one connection do not nest. */
static enum err_code add_details(struct attempts_arg *a, struct err *e)
{
	enum err_code rc = ERR_OK;
	json_t *attempt;
	size_t i;

	json_array_foreach (a->list, i, attempt) {
		const char *id =
			json_string_value(json_object_get(attempt, "attempt"));
		json_t *steps = json_array(), *measured = json_array();
		char *log = NULL;

		rc = store_attempt_steps(a->db, id, on_step, steps, e);
		if (!rc)
			rc = store_attempt_measurements(
				a->db, id, on_measurement, measured, e);
		if (!rc && store_attempt_log(a->db, id, &log, NULL) == ERR_OK)
			json_object_set_new(attempt, "log", json_string(log));
		free(log);
		json_object_set_new(attempt, "steps", steps);
		json_object_set_new(attempt, "measurements", measured);
		if (rc)
			break;
	}
	return rc;
}

enum err_code run_unit_get(struct store_db *db, struct request *rq,
			   struct err *e)
{
	const char *key = rq->match.param[0];
	struct attempts_arg a = {db, NULL};
	struct store_unit unit;
	struct dbuf pem;
	struct pem_arg p = {&pem, 0};
	json_t *out;
	enum err_code rc = store_unit_get(db, key, &unit, e);

	if (rc)
		return rc;
	out = json_unit(&unit);
	a.list = json_array();
	dbuf_init(&pem, 2 * STORE_CERT_MAX);
	json_object_set_new(out, "history", a.list);
	rc = store_unit_attempts(db, key, on_attempt, &a, e);
	if (!rc)
		rc = add_details(&a, e);
	if (!rc && unit.uid[0])
		rc = store_certificates(db, unit.lot, unit.uid, on_cert, &p, e);
	json_object_set_new(out, "certificate",
			    p.n ? json_string(dbuf_text(&pem)) : json_null());
	dbuf_fini(&pem);
	if (rc) {
		json_decref(out);
		return rc;
	}
	return give(rq, out, e);
}
