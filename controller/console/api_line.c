/* Endpoints about what is to be built: lots, assignments. */
#include "controller/console/handlers.h"

#include <string.h>

/* ---- lots ---- */

static enum err_code give_lot(struct store_db *db, struct request *rq,
			      const char *name, struct err *e)
{
	struct store_lot lot;
	enum err_code rc = store_lot_get(db, name, &lot, e);

	return rc ? rc : give(rq, json_lot(&lot), e);
}

enum err_code run_lot_create(struct store_db *db, struct request *rq,
			     struct err *e)
{
	json_t *attempts = json_object_get(rq->in, "max_attempts");
	struct store_lot_new lot = {
		.quantity = (uint64_t)json_integer_value(
			json_object_get(rq->in, "quantity")),
		.max_attempts =
			attempts ? (uint64_t)json_integer_value(attempts) : 2,
	};
	enum err_code rc;

	/* Lengths are bodies.def's. */
	snprintf(lot.lot, sizeof(lot.lot), "%s", body_text(rq, "lot"));
	snprintf(lot.product, sizeof(lot.product), "%s",
		 body_text(rq, "product"));
	snprintf(lot.image_sha256, sizeof(lot.image_sha256), "%s",
		 body_text(rq, "image_sha256"));
	rc = store_lot_create(db, &rq->who, &lot, e);
	return rc ? rc : give_lot(db, rq, lot.lot, e);
}

static enum err_code on_lot(void *arg, const struct store_lot *lot,
			    struct err *e)
{
	(void)e;
	json_array_append_new(arg, json_lot(lot));
	return ERR_OK;
}

enum err_code run_lot_list(struct store_db *db, struct request *rq,
			   struct err *e)
{
	json_t *list = json_array();
	enum err_code rc = store_lots(db, on_lot, list, e);

	if (rc) {
		json_decref(list);
		return rc;
	}
	return give(rq, json_pack("{s:o}", "lots", list), e);
}

enum err_code run_lot_get(struct store_db *db, struct request *rq,
			  struct err *e)
{
	return give_lot(db, rq, rq->match.param[0], e);
}

typedef enum err_code lot_verb(struct store_db *db,
			       const struct store_actor *who, const char *lot,
			       struct err *e);

static enum err_code change_lot(struct store_db *db, struct request *rq,
				lot_verb *verb, struct err *e)
{
	enum err_code rc = verb(db, &rq->who, rq->match.param[0], e);

	return rc ? rc : give_lot(db, rq, rq->match.param[0], e);
}

enum err_code run_lot_start(struct store_db *db, struct request *rq,
			    struct err *e)
{
	return change_lot(db, rq, store_lot_start, e);
}

enum err_code run_lot_pause(struct store_db *db, struct request *rq,
			    struct err *e)
{
	return change_lot(db, rq, store_lot_pause, e);
}

enum err_code run_lot_resume(struct store_db *db, struct request *rq,
			     struct err *e)
{
	return change_lot(db, rq, store_lot_resume, e);
}

/* What stations still hold is known on the loop only. A spooled result may be
 * of any lot, so those of all stations count. */
enum err_code prepare_lot_close(struct request *rq, struct err *e)
{
	(void)e;
	rq->number = live_spooled(rq->c);
	return ERR_OK;
}

enum err_code run_lot_close(struct store_db *db, struct request *rq,
			    struct err *e)
{
	enum err_code rc = store_lot_close(db, &rq->who, rq->match.param[0],
					   rq->number, e);

	return rc ? rc : give_lot(db, rq, rq->match.param[0], e);
}

enum err_code run_assign(struct store_db *db, struct request *rq, struct err *e)
{
	enum err_code rc = store_assign(db, &rq->who, body_text(rq, "lot"),
					body_text(rq, "station"),
					body_text(rq, "harness"), e);

	return rc ? rc : give(rq, json_incref(rq->in), e);
}
