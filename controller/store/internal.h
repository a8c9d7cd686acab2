/* What store.c (writer), reader.c and open.c share. */
#ifndef CONTROLLER_STORE_INTERNAL_H
#define CONTROLLER_STORE_INTERNAL_H

#include "controller/loop.h"
#include "controller/store/db.h"

#include <stdatomic.h>
#include <stddef.h>

#define STORE_READERS_MAX 4

struct job;

struct store {
	struct store_db db; /* the writer's; its thread only, once started */
	char *path;
	int lock_fd; /* held as long as this process writes the database */
	uv_loop_t *loop;
	void (*failed)(void *arg, const struct err *e);
	void *failed_arg;
	int64_t (*wall_ms)(void);
	store_run_fn *seal;
	void *seal_arg;
	uint64_t reserve_bytes;
	unsigned queue_max;

	struct loop_box box;
	bool box_closed;
	uv_thread_t thread;
	bool started;
	int wal_frames;

	uv_mutex_t lock; /* what follows */
	uv_cond_t wake;
	struct job *first, *last;
	unsigned queued;
	bool closing;
	struct store_db *idle[STORE_READERS_MAX];
	unsigned idle_n;

	unsigned reads; /* in flight; loop's thread only */
	_Atomic uint64_t free_bytes;
	atomic_bool dead;
	struct err dead_err;
	struct loop_letter failed_letter;
};

enum err_code store_thread_start(struct store *s, struct err *e);
void store_thread_stop(struct store *s);
void store_watch_wal(struct store *s);
void store_readers_close(struct store *s);

#endif
