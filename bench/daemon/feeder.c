#include "bench/daemon/feeder.h"

#include "bench/daemon/worker.h"
#include "proto/base/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_TWICE_MS	       40   /* a light that stays this long is meant */
#define PAUSE_MS	       150  /* between two boards */
#define SCAN_AGAIN_MS	       1000 /* of a dark light with a board in */
#define PAUSE_LIGHT_MS	       3000 /* longest wait for the light to go off */
#define RETRY_LIGHT	       (HARNESS_RED | HARNESS_YELLOW)

/* Where boards with a ONCE fault fall out: well inside the work. */
#define FALLS_AFTER_PROGRAM_NS 20000000u
#define FALLS_AFTER_FLASH_NS   30000000u

void feed_init(struct feed *f)
{
	*f = (struct feed){.n = 0};
	pthread_mutex_init(&f->mutex, NULL);
}

void feed_fini(struct feed *f)
{
	free(f->todo);
	free(f->done);
	pthread_mutex_destroy(&f->mutex);
}

enum err_code feed_start(struct feed *f, struct board_spec *specs, size_t n,
			 struct err *e)
{
	enum err_code rc = ERR_OK;
	struct feed_done *done = calloc(n > 0 ? n : 1, sizeof(*done));

	pthread_mutex_lock(&f->mutex);
	if (done == NULL)
		rc = err_set(e, ERR_NO_MEMORY, "feed");
	else if (f->done_n < f->n)
		rc = err_set(e, ERR_STATE, "%zu of %zu boards are still to do",
			     f->n - f->done_n, f->n);
	if (rc == ERR_OK) {
		free(f->todo);
		free(f->done);
		f->todo = specs;
		f->done = done;
		f->n = n;
		f->next = f->done_n = 0;
	} else {
		free(specs);
		free(done);
	}
	pthread_mutex_unlock(&f->mutex);
	return rc;
}

static bool feed_next(struct feed *f, struct board_spec *spec)
{
	bool got;

	pthread_mutex_lock(&f->mutex);
	got = f->next < f->n;
	if (got)
		*spec = f->todo[f->next++];
	pthread_mutex_unlock(&f->mutex);
	return got;
}

static bool feed_active(struct feed *f)
{
	bool active;

	pthread_mutex_lock(&f->mutex);
	active = f->next < f->n;
	pthread_mutex_unlock(&f->mutex);
	return active;
}

static void feed_record(struct feed *f, const struct feed_done *d)
{
	pthread_mutex_lock(&f->mutex);
	assert(f->done_n < f->n);
	f->done[f->done_n++] = *d;
	pthread_mutex_unlock(&f->mutex);
}

/* -------- faults of kind ONCE -------- */

bool feeder_falls_out(struct feeder *f, const struct board *b,
		      const struct harness *h)
{
	struct chip_account account;

	if (b->insertions != 1)
		return false;
	if (board_has(b, "removed-in-program")) {
		chip_account(b->chip, &account);
		return account.nor_program_ns > FALLS_AFTER_PROGRAM_NS;
	}
	if (!board_has(b, "removed-in-install"))
		return false;
	/* The loader installs when flash is written and nobody uses SWD. */
	chip_account(b->chip, &account);
	if (h->swd.counts.transfers != f->transfers) {
		f->transfers = h->swd.counts.transfers;
		f->flash_ns = account.flash_ns;
	}
	return account.flash_ns - f->flash_ns > FALLS_AFTER_FLASH_NS;
}

/* -------- one harness -------- */

static void enter(struct feeder *f, enum feeder_state state)
{
	f->state = state;
	f->since = mono_now();
}

static bool waited(const struct feeder *f, int64_t ms)
{
	return mono_passed(mono_add_ms(f->since, ms));
}

static void record(struct worker *w, struct board *b, uint8_t light)
{
	struct feed_done d = {
		.spec = b->spec, .light = light, .insertions = b->insertions};

	memcpy(d.uid_hex, b->uid_hex, sizeof(d.uid_hex));
	snprintf(d.probe, sizeof(d.probe), "%s", w->config->usb.serial);
	feed_record(w->feed, &d);
	log_info("FEED_DONE", "probe=%s board=%s light=%s", d.probe,
		 d.spec.serial,
		 light == HARNESS_GREEN ? "green"
		 : light == HARNESS_RED ? "red"
					: "none");
}

/* A board that cannot be made counts as done without a light. */
static struct board *next_board(struct worker *w)
{
	struct feeder *f = &w->feeder;
	struct board_spec spec;
	struct board *b = f->board;
	struct err e = {0};

	if (f->again)
		return b;
	if (!feed_next(w->feed, &spec))
		return NULL;
	if (board_take(w->boards, &spec, &b, &e) != ERR_OK) {
		struct board lost = {.spec = spec};

		log_error("FEED_BOARD", "board=%s error=%s text=\"%s\"",
			  spec.serial, err_name(e.code), e.text);
		record(w, &lost, 0);
		return NULL;
	}
	f->retried = false;
	return b;
}

static void put_in_next(struct worker *w)
{
	struct feeder *f = &w->feeder;
	struct board *b;

	if (w->board != NULL) /* put in by somebody else */
		return;
	b = next_board(w);
	if (b == NULL)
		return;
	f->board = b;
	f->retried = f->again;
	f->again = false;
	f->lights_seq = w->harness->lights_seq;
	worker_put_in(w, b, NULL);
	f->scanned = mono_now();
	enter(f, FEEDER_IN);
}

static void scan_again(struct worker *w)
{
	struct feeder *f = &w->feeder;

	if (w->board == NULL || w->harness->lights != 0 ||
	    !mono_passed(mono_add_ms(f->scanned, SCAN_AGAIN_MS)))
		return;
	barcode_scan(&w->barcode, w->board->spec.serial);
	f->scanned = mono_now();
}

static bool means_something(uint8_t lights)
{
	return lights == HARNESS_RED || lights == HARNESS_GREEN ||
	       lights == RETRY_LIGHT;
}

static void watch(struct worker *w)
{
	struct feeder *f = &w->feeder;

	if (f->state == FEEDER_IN && w->board == NULL)
		enter(f, FEEDER_DROPPED);
	scan_again(w);
	if (w->harness->lights_seq == f->lights_seq ||
	    !means_something(w->harness->lights))
		return;
	f->verdict = w->harness->lights;
	f->lights_seq = w->harness->lights_seq;
	enter(f, FEEDER_VERDICT);
}

static void act(struct worker *w)
{
	struct feeder *f = &w->feeder;

	if (w->harness->lights_seq != f->lights_seq) {
		/* It was not the last word. */
		enter(f, w->board != NULL ? FEEDER_IN : FEEDER_DROPPED);
		return;
	}
	if (!waited(f, LOOK_TWICE_MS))
		return;
	if (w->board != NULL)
		worker_take_out(w, NULL);
	if (f->verdict == RETRY_LIGHT && !f->retried) {
		f->again = true;
	} else {
		record(w, f->board,
		       f->verdict == RETRY_LIGHT ? HARNESS_RED : f->verdict);
		board_give_back(w->boards, f->board);
		f->board = NULL;
	}
	enter(f, FEEDER_PAUSE);
}

bool feeder_look(struct worker *w)
{
	struct feeder *f = &w->feeder;

	switch (f->state) {
	case FEEDER_EMPTY:
		put_in_next(w);
		break;
	case FEEDER_IN:
	case FEEDER_DROPPED:
		watch(w);
		break;
	case FEEDER_VERDICT:
		act(w);
		break;
	case FEEDER_PAUSE:
		if (waited(f, PAUSE_MS) &&
		    (w->harness->lights == 0 || waited(f, PAUSE_LIGHT_MS)))
			enter(f, FEEDER_EMPTY);
		break;
	}
	return f->state != FEEDER_EMPTY || f->again || feed_active(w->feed);
}
