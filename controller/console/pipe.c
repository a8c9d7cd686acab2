#include "controller/console/pipe.h"

#include "proto/base/mono.h"

#include <stdlib.h>
#include <string.h>

static void on_letter(struct loop_letter *letter)
{
	struct pipe *p = (struct pipe *)letter; /* its first member */

	uv_mutex_lock(&p->lock);
	p->posted = false;
	uv_mutex_unlock(&p->lock);
	p->ready(p->arg);
}

struct pipe *pipe_new(struct loop_box *box, void (*ready)(void *arg), void *arg)
{
	struct pipe *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	if (uv_mutex_init(&p->lock)) {
		free(p);
		return NULL;
	}
	if (uv_cond_init(&p->room)) {
		uv_mutex_destroy(&p->lock);
		free(p);
		return NULL;
	}
	p->letter.fn = on_letter;
	p->box = box;
	p->ready = ready;
	p->arg = arg;
	dbuf_init(&p->buf, PIPE_MAX_BYTES);
	return p;
}

void pipe_free(struct pipe *p)
{
	if (!p)
		return;
	/* A letter under way would come to freed memory: deliver it now. */
	loop_box_drain(p->box);
	dbuf_fini(&p->buf);
	uv_cond_destroy(&p->room);
	uv_mutex_destroy(&p->lock);
	free(p);
}

/* With the lock held: room for at least one byte, or an error. */
static enum err_code wait_room(struct pipe *p, struct err *e)
{
	struct mono deadline = mono_after_ms(PIPE_STALL_MS);

	while (!p->aborted && p->buf.len == PIPE_MAX_BYTES) {
		int64_t left_ms = mono_left_ms(deadline);

		if (!left_ms)
			return err_set(e, ERR_TIMEOUT,
				       "the reader took nothing for %d s",
				       PIPE_STALL_MS / 1000);
		uv_cond_timedwait(&p->room, &p->lock,
				  (uint64_t)left_ms * 1000000);
	}
	if (p->aborted)
		return err_set(e, ERR_CANCELLED, "the reader is gone");
	return ERR_OK;
}

enum err_code pipe_write(void *pipe, const void *data, size_t len,
			 struct err *e)
{
	struct pipe *p = pipe;
	const uint8_t *at = data;
	enum err_code rc = ERR_OK;

	uv_mutex_lock(&p->lock);
	while (len && !(rc = wait_room(p, e))) {
		size_t n = PIPE_MAX_BYTES - p->buf.len;

		n = n < len ? n : len;
		if ((rc = dbuf_add(&p->buf, at, n))) {
			err_set(e, rc, "answer");
			break;
		}
		at += n;
		len -= n;
		if (!p->posted) {
			p->posted = true;
			loop_box_post(p->box, &p->letter);
		}
	}
	uv_mutex_unlock(&p->lock);
	return rc;
}

size_t pipe_read(struct pipe *p, void *out, size_t max)
{
	size_t n;

	uv_mutex_lock(&p->lock);
	n = p->buf.len < max ? p->buf.len : max;
	if (n) {
		memcpy(out, p->buf.data, n);
		dbuf_eat(&p->buf, n);
		uv_cond_signal(&p->room);
	}
	uv_mutex_unlock(&p->lock);
	return n;
}

void pipe_end(struct pipe *p)
{
	uv_mutex_lock(&p->lock);
	p->ended = true;
	uv_mutex_unlock(&p->lock);
}

bool pipe_done(struct pipe *p)
{
	bool done;

	uv_mutex_lock(&p->lock);
	done = p->ended && !p->buf.len;
	uv_mutex_unlock(&p->lock);
	return done;
}

void pipe_abort(struct pipe *p)
{
	uv_mutex_lock(&p->lock);
	p->aborted = true;
	uv_cond_signal(&p->room);
	uv_mutex_unlock(&p->lock);
}
