#include "controller/console/handlers.h"

static const struct handler handlers[ROUTE_COUNT] = {
#define ROUTE(name, method, path, roles, kind, body, query, status, type, sum) \
	[ROUTE_##name] = {NULL, run_##name, NULL},
#include "controller/console/routes.def"
#undef ROUTE
};

/* Those that have more than a run. */
static const struct {
	enum route_id id;
	struct handler more;
} extras[] = {
	{ROUTE_healthz, {NULL, run_healthz, finish_healthz}},
	{ROUTE_metrics, {NULL, run_metrics, finish_metrics}},
	{ROUTE_status, {NULL, run_status, finish_status}},
	{ROUTE_station_invite, {NULL, run_station_invite, finish_changed}},
	{ROUTE_station_list, {NULL, run_station_list, finish_stations}},
	{ROUTE_station_revoke, {NULL, run_station_revoke, finish_revoked}},
	{ROUTE_enrol, {NULL, run_enrol, finish_changed}},
	{ROUTE_upload_append, {NULL, run_upload_append, finish_import}},
	{ROUTE_upload_finish, {NULL, run_upload_finish, finish_import}},
	{ROUTE_image_approve, {NULL, run_image_approve, finish_changed}},
	{ROUTE_image_retire, {NULL, run_image_retire, finish_changed}},
	{ROUTE_lot_create, {NULL, run_lot_create, finish_orders}},
	{ROUTE_lot_start, {NULL, run_lot_start, finish_orders}},
	{ROUTE_lot_pause, {NULL, run_lot_pause, finish_orders}},
	{ROUTE_lot_resume, {NULL, run_lot_resume, finish_orders}},
	{ROUTE_lot_close, {prepare_lot_close, run_lot_close, finish_orders}},
	{ROUTE_assign, {NULL, run_assign, finish_orders}},
};

const struct handler *handler_get(enum route_id id)
{
	for (size_t i = 0; i < sizeof(extras) / sizeof(extras[0]); i++)
		if (extras[i].id == id)
			return &extras[i].more;
	return &handlers[id];
}

const char *body_text(const struct request *rq, const char *name)
{
	const char *s = json_string_value(json_object_get(rq->in, name));

	return s ? s : "";
}

enum err_code give(struct request *rq, json_t *value, struct err *e)
{
	if (!value)
		return err_set(e, ERR_NO_MEMORY, "answer");
	json_decref(rq->out);
	rq->out = value;
	return ERR_OK;
}

void finish_orders(struct request *rq)
{
	const struct console_live *live = &rq->c->config.live;

	if (live->orders_changed)
		live->orders_changed(live->ctx);
	console_changed(rq->c);
}

void finish_changed(struct request *rq)
{
	console_changed(rq->c);
}

void finish_revoked(struct request *rq)
{
	const struct console_live *live = &rq->c->config.live;

	if (live->revoked)
		live->revoked(live->ctx, rq->match.param[0]);
	console_changed(rq->c);
}
