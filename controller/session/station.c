/* What a station says about itself, and what it is told to do. */
#include "controller/session/private.h"

#include "controller/store/store_line.h"
#include "proto/base/wall.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- heartbeat ---- */

static void fill_order(struct msg_ASSIGNMENT *out, const char *harness,
		       const struct store_assignment *as)
{
	*out = (struct msg_ASSIGNMENT){.image_len = as->image_len};
	snprintf(out->harness, sizeof out->harness, "%s", harness);
	memcpy(out->lot, as->lot, sizeof out->lot);
	snprintf(out->lot_state, sizeof out->lot_state, "%s", as->lot_state);
	memcpy(out->product, as->product, sizeof out->product);
	memcpy(out->image_sha256, as->image_sha256, sizeof out->image_sha256);
	memcpy(out->fwid, as->fwid, sizeof out->fwid);
}

/* Rows come with "" (all harnesses) first; a later one for the harness
 * itself replaces it. */
static enum err_code add_order(void *arg, const struct store_assignment *as,
			       struct err *e)
{
	struct ask *a = arg;
	const struct msg_HEARTBEAT *b = &a->m->u.HEARTBEAT;
	struct msg_ORDERS *o = &a->reply->u.ORDERS;

	(void)e;
	if (strcmp(as->lot_state, "released") == 0 ||
	    strcmp(as->lot_state, "draft") == 0)
		return ERR_OK;
	for (size_t i = 0; i < b->harnesses_n; i++) {
		const char *name = b->harnesses[i].harness;
		size_t at = 0;

		if (*as->harness && strcmp(as->harness, name) != 0)
			continue;
		while (at < o->assignments_n &&
		       strcmp(o->assignments[at].harness, name) != 0)
			at++;
		if (at == sizeof o->assignments / sizeof *o->assignments)
			continue;
		if (at == o->assignments_n)
			o->assignments_n++;
		fill_order(&o->assignments[at], name, as);
	}
	return ERR_OK;
}

static enum err_code run_orders(struct store_db *db, void *arg, struct err *e)
{
	struct ask *a = arg;

	return store_assignments(db, a->actor.station, add_order, a, e);
}

static void on_orders(void *arg, const struct err *e)
{
	struct ask *a = arg;

	if (e->code)
		ask_refuse(a, e, 0);
	else
		ask_reply(a);
}

static enum err_code run_cards(struct store_db *db, void *arg, struct err *e)
{
	struct ask *a = arg;
	const struct msg_HEARTBEAT *b = &a->m->u.HEARTBEAT;
	enum err_code rc = ERR_OK;

	for (size_t i = 0; i < b->cards_n && !rc; i++)
		rc = store_card_seen(db, &a->actor, &b->cards[i], e);
	return rc;
}

static void on_cards(void *arg, const struct err *e)
{
	struct ask *a = arg;

	if (e->code) {
		ask_refuse(a, e, 0);
		return;
	}
	store_read(a->s->config.store, run_orders, on_orders, a);
}

static bool same_cards(const struct msg_HEARTBEAT *a,
		       const struct msg_HEARTBEAT *b)
{
	return a->cards_n == b->cards_n &&
	       memcmp(a->cards, b->cards, sizeof a->cards) == 0;
}

void handle_heartbeat(struct ask *a, struct peer *p)
{
	struct live *l = live_get(a->s, p->station);
	const struct msg_HEARTBEAT *b = &a->m->u.HEARTBEAT;
	bool cards_new = false;

	if (l) {
		cards_new = l->cards_new || !same_cards(&l->beat, b);
		l->cards_new = false;
		l->last_seen_at = wall_now_ms();
		if (memcmp(&l->beat, b, sizeof *b) != 0) {
			l->beat = *b;
			live_changed(a->s);
		}
	}
	if (!ask_prepare(a, MSG_ORDERS))
		return;
	if (cards_new && b->cards_n)
		store_write(a->s->config.store, run_cards, on_cards, a);
	else
		store_read(a->s->config.store, run_orders, on_orders, a);
}

void handle_progress(struct ask *a, struct peer *p)
{
	const struct sessions_hooks *h = &a->s->config.hooks;
	const struct msg_PROGRESS *m = &a->m->u.PROGRESS;

	if (h->log)
		h->log(h->ctx, p->station, m->harness, m->attempt, m->log);
	if (ask_prepare(a, MSG_NOTED))
		ask_reply(a);
}

/* ---- images ---- */

struct wanted {
	const char *sha256;
	uint64_t image_len; /* 0: not of a lot of this station */
};

static enum err_code find_wanted(void *arg, const struct store_assignment *as,
				 struct err *e)
{
	struct wanted *w = arg;

	(void)e;
	if (strcmp(as->image_sha256, w->sha256) == 0)
		w->image_len = as->image_len;
	return ERR_OK;
}

static enum err_code read_piece(struct ask *a, const char *path, size_t len,
				struct err *e)
{
	struct msg_IMAGE_GET *m = &a->m->u.IMAGE_GET;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t got = 0;

	if (fd < 0)
		return err_set_errno(e, ERR_IO, errno, "image %s", m->sha256);
	while (got < len) {
		ssize_t n = pread(fd, a->chunk + got, len - got,
				  (off_t)(m->offset + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	close(fd);
	if (got < len)
		return err_set(e, ERR_INTEGRITY, "image %s is cut short",
			       m->sha256);
	a->reply->body = a->chunk;
	a->reply->body_len = len;
	return ERR_OK;
}

static enum err_code run_image(struct store_db *db, void *arg, struct err *e)
{
	struct ask *a = arg;
	struct msg_IMAGE_GET *m = &a->m->u.IMAGE_GET;
	struct wanted w = {m->sha256, 0};
	char path[PATH_MAX];
	size_t len = m->len;
	enum err_code rc =
		store_assignments(db, a->actor.station, find_wanted, &w, e);

	if (rc)
		return rc;
	if (!w.image_len)
		return err_set(e, ERR_REFUSED,
			       "no lot of this station has this image");
	if (m->offset > w.image_len)
		return err_set(e, ERR_INPUT, "past the end of the image");
	if (len > w.image_len - m->offset)
		len = w.image_len - m->offset;
	a->chunk = malloc(len ? len : 1);
	if (!a->chunk)
		return err_set(e, ERR_NO_MEMORY, "image");
	a->reply->u.IMAGE_CHUNK.total_len = w.image_len;
	store_image_path(path, sizeof path, a->s->image_dir, m->sha256);
	return read_piece(a, path, len, e);
}

void handle_image_get(struct ask *a, struct peer *p)
{
	const struct msg_IMAGE_GET *m = &a->m->u.IMAGE_GET;

	(void)p;
	if (!ask_prepare(a, MSG_IMAGE_CHUNK))
		return;
	memcpy(a->reply->u.IMAGE_CHUNK.sha256, m->sha256, sizeof m->sha256);
	a->reply->u.IMAGE_CHUNK.offset = m->offset;
	store_read(a->s->config.store, run_image, on_orders, a);
}
