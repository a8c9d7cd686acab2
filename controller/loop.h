/* The one door into the controller's loop from other threads: a bounded,
 * ordered mailbox over uv_async. nng's callbacks and the store's writer post
 * here; everything else of the controller runs on the loop only.
 */
#ifndef CONTROLLER_LOOP_H
#define CONTROLLER_LOOP_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <uv.h>

/* One letter. Embedded in what it is about, so that posting cannot fail; it
 * may be posted again once fn has been called. */
struct loop_letter {
	void (*fn)(struct loop_letter *letter);
	struct loop_letter *next;
};

struct loop_box {
	uv_async_t async;
	uv_mutex_t lock;
	struct loop_letter *first, *last;
	bool closing;
	void (*closed)(void *arg);
	void *closed_arg;
};

/* ERR_FAILED with libuv's text. */
enum err_code loop_box_init(struct loop_box *b, uv_loop_t *loop, struct err *e);

/* From any thread. The letter is lent until its fn runs on the loop. */
void loop_box_post(struct loop_box *b, struct loop_letter *letter);

/* On the loop: deliver what is in the box now, without waiting for it. */
void loop_box_drain(struct loop_box *b);

/* On the loop; all posters must have stopped. Delivers what is left; closed
 * (may be NULL) runs when the memory of b may go. */
void loop_box_close(struct loop_box *b, void (*closed)(void *arg), void *arg);

#endif
