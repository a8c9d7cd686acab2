/* What each endpoint does, in up to three parts. Private to
 * controller/console. */
#ifndef CONTROLLER_CONSOLE_HANDLERS_H
#define CONTROLLER_CONSOLE_HANDLERS_H

#include "controller/console/private.h"

struct handler {
	/* On the loop, before the job; may be NULL. */
	enum err_code (*prepare)(struct request *rq, struct err *e);
	/* In the job, after the credential was checked. */
	enum err_code (*run)(struct store_db *db, struct request *rq,
			     struct err *e);
	/* On the loop, when the job was committed; may be NULL. */
	void (*finish)(struct request *rq);
};

const struct handler *handler_get(enum route_id id);

#define ROUTE(name, method, path, roles, kind, body, query, status, type, sum) \
	enum err_code run_##name(struct store_db *db, struct request *rq,      \
				 struct err *e);
#include "controller/console/routes.def"
#undef ROUTE

enum err_code prepare_lot_close(struct request *rq, struct err *e);
void finish_healthz(struct request *rq);
void finish_status(struct request *rq);
void finish_stations(struct request *rq);
void finish_metrics(struct request *rq);
void finish_orders(struct request *rq); /* lots or assignments changed */
void finish_changed(struct request *rq);
void finish_revoked(struct request *rq);
void finish_import(struct request *rq);

/* A text field of the checked body; "" when it is absent. */
const char *body_text(const struct request *rq, const char *name);

/* rq->out from value; ERR_NO_MEMORY when value is NULL. */
enum err_code give(struct request *rq, json_t *value, struct err *e);

#endif
