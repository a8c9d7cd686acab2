#include "controller/audit/checkpoint.h"

#include "controller/store/store_report.h"
#include "controller/store/store_unit.h"
#include "proto/base/hex.h"
#include "proto/base/log.h"

#include <stdlib.h>

struct checkpointer {
	uv_timer_t timer;
	struct store *store;
	struct chain_key *key;
};

enum err_code checkpoint_run(struct store_db *db, void *arg, struct err *e)
{
	struct chain_key *key = arg;
	uint8_t hash[CHAIN_HASH_BYTES], signature[CHAIN_SIGNATURE_BYTES];
	struct store_checkpoint last = {0};
	struct store_head head;
	size_t len = 0;
	enum err_code rc = store_record_head(db, &head, e);

	if (!rc)
		rc = store_checkpoint_last(db, &last, e);
	if (rc || head.seq == last.seq)
		return rc;
	if (head.seq < last.seq || !hex_decode(hash, sizeof hash, head.hash))
		return err_set(e, ERR_INTEGRITY,
			       "the record ends before its checkpoint %llu",
			       (unsigned long long)last.seq);
	rc = chain_sign(key, head.seq, hash, signature, &len, e);
	if (rc)
		return rc;
	return store_checkpoint_add(db, head.seq, head.hash, signature, len, e);
}

static void on_made(void *arg, const struct err *e)
{
	(void)arg;
	if (e->code)
		log_error("CHECKPOINT", "code=%s text=\"%s\"",
			  err_name(e->code), e->text);
}

static void on_timer(uv_timer_t *timer)
{
	struct checkpointer *c = timer->data;

	store_write_finishing(c->store, checkpoint_run, on_made, c->key);
}

enum err_code checkpointer_open(struct checkpointer **out, uv_loop_t *loop,
				struct store *store, struct chain_key *key,
				unsigned every_ms, struct err *e)
{
	struct checkpointer *c = calloc(1, sizeof *c);

	if (!c)
		return err_set(e, ERR_NO_MEMORY, "checkpoints");
	c->store = store;
	c->key = key;
	c->timer.data = c;
	/* neither can fail with a callback given and the handle fresh */
	if (uv_timer_init(loop, &c->timer) ||
	    uv_timer_start(&c->timer, on_timer, 0, every_ms))
		abort();
	*out = c;
	return ERR_OK;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void checkpointer_close(struct checkpointer *c)
{
	store_write_finishing(c->store, checkpoint_run, on_made, c->key);
	uv_close((uv_handle_t *)&c->timer, on_closed);
}
