#include "controller/loop.h"

#include <stdlib.h>

void loop_box_drain(struct loop_box *b)
{
	struct loop_letter *letter;

	uv_mutex_lock(&b->lock);
	letter = b->first;
	b->first = b->last = NULL;
	uv_mutex_unlock(&b->lock);
	while (letter) {
		/* fn may post the letter again or free it */
		struct loop_letter *next = letter->next;

		letter->next = NULL;
		letter->fn(letter);
		letter = next;
	}
}

static void on_async(uv_async_t *async)
{
	loop_box_drain(async->data);
}

enum err_code loop_box_init(struct loop_box *b, uv_loop_t *loop, struct err *e)
{
	int rv;

	*b = (struct loop_box){0};
	if (uv_mutex_init(&b->lock))
		return err_set(e, ERR_NO_MEMORY, "mutex");
	rv = uv_async_init(loop, &b->async, on_async);
	if (rv) {
		uv_mutex_destroy(&b->lock);
		return err_set(e, ERR_FAILED, "event loop: %s",
			       uv_strerror(rv));
	}
	b->async.data = b;
	return ERR_OK;
}

void loop_box_post(struct loop_box *b, struct loop_letter *letter)
{
	uv_mutex_lock(&b->lock);
	if (b->last)
		b->last->next = letter;
	else
		b->first = letter;
	b->last = letter;
	uv_mutex_unlock(&b->lock);
	/* Waking the loop fails only for a handle that was never made. */
	if (uv_async_send(&b->async))
		abort();
}

static void on_closed(uv_handle_t *handle)
{
	struct loop_box *b = handle->data;

	uv_mutex_destroy(&b->lock);
	if (b->closed)
		b->closed(b->closed_arg);
}

void loop_box_close(struct loop_box *b, void (*closed)(void *arg), void *arg)
{
	if (b->closing)
		return;
	b->closing = true;
	loop_box_drain(b);
	b->closed = closed;
	b->closed_arg = arg;
	uv_close((uv_handle_t *)&b->async, on_closed);
}
