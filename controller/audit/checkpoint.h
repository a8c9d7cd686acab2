/* Signs the head of the record every now and then, when it has moved, and
 * once more at the end. The agents keep what they were shown last and refuse a
 * record that is smaller: that is how a rolled-back database is noticed. */
#ifndef CONTROLLER_AUDIT_CHECKPOINT_H
#define CONTROLLER_AUDIT_CHECKPOINT_H

#include "controller/audit/chain.h"
#include "controller/store/store.h"

#include <uv.h>

/* A writing job; arg: the private struct chain_key. */
enum err_code checkpoint_run(struct store_db *db, void *arg, struct err *e);

struct checkpointer;

/* key must outlive it and belongs to the store's writer thread from now on.
 * On the loop. */
enum err_code checkpointer_open(struct checkpointer **out, uv_loop_t *loop,
				struct store *store, struct chain_key *key,
				unsigned every_ms, struct err *e);

/* Hands over the last job; store_close() sees it done. */
void checkpointer_close(struct checkpointer *c);

#endif
