/* Opening and closing the store. */
#include "controller/store/internal.h"
#include "controller/store/store_unit.h"

#include "proto/base/wall.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static enum err_code renew_leases(struct store_db *db, void *arg, struct err *e)
{
	(void)arg;
	return store_leases_restart(db, e);
}

/* The one writing connection is the only one on the whole machine. */
static enum err_code lock_database(struct store *s, struct err *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%.4000s.lock", s->path);
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0)
		return err_set_errno(e, ERR_IO, errno, "%s", path);
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return ERR_OK;
	close(s->lock_fd);
	s->lock_fd = -1;
	err_set(e, ERR_STATE, "%s is in use by another process", s->path);
	return err_hint(e, "end the controller that runs on it");
}

static struct store *store_new(const struct store_config *c, struct err *e)
{
	struct store *s = calloc(1, sizeof *s);

	if (s)
		s->path = strdup(c->path);
	if (!s || !s->path || uv_mutex_init(&s->lock)) {
		err_set(e, ERR_NO_MEMORY, "store");
		goto fail;
	}
	if (uv_cond_init(&s->wake)) {
		uv_mutex_destroy(&s->lock);
		err_set(e, ERR_NO_MEMORY, "store");
		goto fail;
	}
	s->lock_fd = -1;
	s->loop = c->loop;
	s->failed = c->failed;
	s->failed_arg = c->failed_arg;
	s->wall_ms = c->wall_ms ? c->wall_ms : wall_now_ms;
	s->seal = c->seal;
	s->seal_arg = c->seal_arg;
	s->reserve_bytes = c->reserve_bytes;
	s->queue_max = c->queue_max ? c->queue_max : 4096;
	return s;
fail:
	if (s)
		free(s->path);
	free(s);
	return NULL;
}

static void store_free(struct store *s)
{
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	uv_cond_destroy(&s->wake);
	uv_mutex_destroy(&s->lock);
	free(s->path);
	free(s);
}

enum err_code store_open(struct store **out, const struct store_config *config,
			 struct err *e)
{
	struct store *s = store_new(config, e);
	enum err_code rc;

	if (!s)
		return ERR_NO_MEMORY;
	rc = lock_database(s, e);
	if (!rc)
		rc = db_open(&s->db, s->path, true, e);
	if (rc) {
		store_free(s);
		return rc;
	}
	store_watch_wal(s);
	rc = store_run(s, renew_leases, NULL, e);
	if (!rc && s->loop)
		rc = loop_box_init(&s->box, s->loop, e);
	if (rc) {
		db_close(&s->db);
		store_free(s);
		return rc;
	}
	*out = s;
	return ERR_OK;
}

static void on_box_closed(void *arg)
{
	*(bool *)arg = true;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->loop) {
		store_thread_stop(s);
		while (s->reads)
			uv_run(s->loop, UV_RUN_ONCE);
		loop_box_close(&s->box, on_box_closed, &s->box_closed);
		while (!s->box_closed)
			uv_run(s->loop, UV_RUN_ONCE);
	}
	store_readers_close(s);
	db_close(&s->db);
	store_free(s);
}
