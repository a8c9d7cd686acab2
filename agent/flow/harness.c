#include "agent/flow/harness.h"

#include "agent/flow/attempt.h"
#include "agent/flow/expect.h"
#include "proto/base/log.h"

#include <stdio.h>
#include <string.h>

#define POLL_MS	      60
#define IDLE_MS	      200
#define REOPEN_MS     1000
#define DEBOUNCE      3
#define IMAGE_WAIT_MS 120000
#define IMAGE_BAD_MS  5000 /* until it is read again: it may be large */

/* ---- probe ---- */

static void set_target(struct harness *h, struct target *t)
{
	struct target *old;

	pthread_mutex_lock(&h->lock);
	old = h->target;
	h->target = t;
	pthread_mutex_unlock(&h->lock);
	target_close(old);
}

static bool open_probe(struct harness *h)
{
	struct target *t = NULL;
	char note[161];
	struct err e;

	if (target_open(&t, &h->config, &e) == ERR_OK) {
		set_target(h, t);
		h->image_hz = 0;
		log_info("PROBE", "harness=%s serial=%s",
			 h->st->harness[h->index].shown.harness,
			 h->config.probe_serial);
		return true;
	}
	snprintf(note, sizeof(note), "probe %.40s: %.100s",
		 h->config.probe_serial, e.text);
	station_show(h->st, h->index, "error", STEP_COUNT, note);
	(void)station_pause(h->st, REOPEN_MS);
	return false;
}

/* ERR_PROBE_GONE closes the probe: the loop opens it again. */
static void light(struct harness *h, enum target_light l)
{
	struct err e;

	if (h->target != NULL &&
	    target_light(h->target, l, &e) == ERR_PROBE_GONE)
		set_target(h, NULL);
}

/* ---- presence, debounced ---- */

/* True when the board's presence is `wanted` for a few looks in a row. */
static bool is_present(struct harness *h, bool wanted)
{
	struct err e;

	for (int i = 0; i < DEBOUNCE; i++) {
		bool there = false;
		enum err_code rc = target_present(h->target, &there, &e);

		if (rc == ERR_PROBE_GONE) {
			set_target(h, NULL);
			return !wanted;
		}
		if (rc != ERR_OK || there != wanted)
			return false;
		if (i + 1 < DEBOUNCE && !station_pause(h->st, POLL_MS))
			return false;
	}
	return true;
}

static void wait_gone(struct harness *h)
{
	while (!station_stopping(h->st) && h->target != NULL) {
		if (is_present(h, false))
			return;
		(void)station_pause(h->st, POLL_MS);
	}
}

/* ---- which board is it? ---- */

/* True when its label is known, or the line does not scan. */
static bool labelled(struct harness *h)
{
	char text[SCANNER_TEXT_SIZE];
	bool fresh;

	if (h->scanner == NULL)
		return true;
	scanner_poll(h->scanner, text, &fresh);
	if (fresh)
		station_show_label(h->st, h->index, text);
	station_label(h->st, h->index, text);
	return text[0] != '\0';
}

/* What was scanned while the last board was in belongs to no other. */
static void forget_label(struct harness *h)
{
	char text[SCANNER_TEXT_SIZE];
	bool fresh;

	if (h->scanner != NULL)
		scanner_poll(h->scanner, text, &fresh);
	station_show_label(h->st, h->index, "");
}

/* ---- may a board be begun with? ---- */

static bool hold(struct harness *h, const char *state, const char *note)
{
	station_show(h->st, h->index, state, STEP_COUNT, note);
	(void)station_pause(h->st, IDLE_MS);
	return false;
}

static void log_expected(const struct harness *h)
{
	const struct product_expect *x = &h->expect;
	char wanted[4 * PRODUCT_TEXT_MAX + 3], have[sizeof(wanted)];

	log_info("IMAGE_EXPECTS",
		 "harness=%s sha256=%s fixture=%s configured=%s "
		 "swclk_max_hz=%u jedec_ids=%zu modules=%zu limits=%zu",
		 h->st->harness[h->index].shown.harness, h->expect_of,
		 log_quote(wanted, sizeof(wanted), x->fixture,
			   strlen(x->fixture)),
		 log_quote(have, sizeof(have), h->fixture, strlen(h->fixture)),
		 (unsigned)x->swclk_max_hz, x->id_n, x->module_n, x->limit_n);
}

/* What the image expects, read when it is another than before. */
static bool know_image(struct harness *h, const char *sha256)
{
	char note[161];
	struct err e;

	if (strcmp(h->expect_of, sha256) == 0)
		return true;
	h->expect_of[0] = '\0';
	if (expect_load(&h->expect, h->st->cache, sha256, &e) == ERR_OK) {
		snprintf(h->expect_of, sizeof(h->expect_of), "%s", sha256);
		log_expected(h);
		return true;
	}
	log_warn("IMAGE", "error=%s text=\"%s\"", err_name(e.code), e.text);
	if (e.code == ERR_INTEGRITY)
		snprintf(note, sizeof(note), "%s: %.60s (%.70s)",
			 failure_code(FAILURE_IMAGE_ALTERED),
			 failure_hint(FAILURE_IMAGE_ALTERED), e.text);
	else
		snprintf(note, sizeof(note), "image: %.150s", e.text);
	station_show(h->st, h->index, "error", STEP_COUNT, note);
	(void)station_pause(h->st, IMAGE_BAD_MS);
	return false;
}

/* Once an image or a probe is new. */
static void limit_clock(struct harness *h)
{
	uint32_t hz = h->expect.swclk_max_hz, ceiling_hz;

	if (h->image_hz == hz)
		return;
	h->image_hz = hz;
	ceiling_hz = target_limit_clock(h->target, hz);
	log_info("SWD_CEILING", "harness=%s clock_hz=%u reason=\"%s\"",
		 h->st->harness[h->index].shown.harness, (unsigned)ceiling_hz,
		 ceiling_hz != hz ? "swd_hz of the configuration"
		 : hz != 0	  ? "swclk_max_hz of the image"
				  : "the image sets none");
}

/* May boards of this image go into this harness? */
static bool suits(struct harness *h, const struct msg_ASSIGNMENT *order)
{
	char note[EXPECT_WHY_SIZE];

	if (!know_image(h, order->image_sha256))
		return false;
	if (!expect_fixture(&h->expect, h->fixture, note))
		return hold(h, "error", note);
	limit_clock(h);
	return true;
}

static bool ready(struct harness *h, struct msg_ASSIGNMENT *order)
{
	char note[161];
	struct err e;

	if (h->disk_failed)
		return hold(h, "error", "the station's disk fails");
	if (!link_bound(h->st->link))
		return hold(h, "error", "no connection to the controller");
	if (!station_order(h->st, h->index, order)) {
		if (order->lot[0] == '\0')
			snprintf(note, sizeof(note),
				 "no lot assigned, or not started");
		else
			snprintf(note, sizeof(note), "%s is %s", order->lot,
				 order->lot_state);
		return hold(h, "empty", note);
	}
	if (cache_ensure(h->st->cache, (unsigned)h->index, order->image_sha256,
			 order->image_len, mono_after_ms(IMAGE_WAIT_MS),
			 &e) != ERR_OK) {
		snprintf(note, sizeof(note), "image: %.150s", e.text);
		log_warn("IMAGE", "error=%s text=\"%s\"", err_name(e.code),
			 e.text);
		return hold(h, "error", note);
	}
	return suits(h, order);
}

/* ---- one board ---- */

static void show_end(struct harness *h, const struct attempt_end *end)
{
	const char *hint = failure_hint(end->failure);
	char note[161];

	if (end->nothing || (end->outcome == OUTCOME_PASS && end->recorded)) {
		light(h, TARGET_LIGHT_PASS);
		station_show(h->st, h->index, "pass", STEP_COUNT, "");
		return;
	}
	if (end->failure == FAILURE_PROVISIONED) {
		/* good, though not by this attempt: the hint says so */
		light(h, TARGET_LIGHT_PASS);
		station_show(h->st, h->index, "pass", STEP_COUNT, hint);
		return;
	}
	if (end->retry) {
		light(h, TARGET_LIGHT_RETRY);
		station_show(h->st, h->index, "retry", STEP_COUNT, hint);
		return;
	}
	light(h, TARGET_LIGHT_FAIL);
	snprintf(note, sizeof(note), "%.80s (%.70s)",
		 hint[0] == '\0' ? "call the line lead" : hint, end->text);
	station_show(h->st, h->index,
		     end->outcome == OUTCOME_PASS ? "error" : "fail",
		     STEP_COUNT, note);
}

static void one_board(struct harness *h, const struct msg_ASSIGNMENT *order)
{
	struct attempt_end end;
	struct err e;

	light(h, TARGET_LIGHT_BUSY);
	if (h->target == NULL)
		return;
	if (attempt_run(h->st, h->index, h->target, order, &h->expect, &end,
			&e) != ERR_OK) {
		log_error("ATTEMPT", "error=%s text=\"%s\"", err_name(e.code),
			  e.text);
		h->disk_failed = true;
		light(h, TARGET_LIGHT_FAIL);
		return;
	}
	if (end.failure == FAILURE_PROBE_LOST)
		set_target(h, NULL);
	if (station_stopping(h->st))
		return;
	h->first = false;
	if (end.unlabelled) {
		light(h, TARGET_LIGHT_OFF);
		return;
	}
	show_end(h, &end);
	wait_gone(h);
	light(h, TARGET_LIGHT_OFF);
	station_show_unit(h->st, h->index, "", "");
	forget_label(h);
}

static void *harness_thread(void *arg)
{
	struct harness *h = arg;
	struct msg_ASSIGNMENT order;

	while (!station_stopping(h->st)) {
		if (h->target == NULL && !open_probe(h))
			continue;
		if (!ready(h, &order))
			continue;
		if (is_present(h, true) && h->target != NULL) {
			if (labelled(h) || h->first)
				one_board(h, &order);
			else
				(void)hold(h, "empty", "scan the board");
			continue;
		}
		h->first = false;
		(void)labelled(h);
		station_show(h->st, h->index, "empty", STEP_COUNT, "");
		(void)station_pause(h->st, POLL_MS);
	}
	if (h->target != NULL)
		target_resume(h->target);
	light(h, TARGET_LIGHT_OFF);
	set_target(h, NULL);
	return NULL;
}

enum err_code harness_start(struct harness *h, struct station *st, size_t index,
			    const struct target_config *config,
			    const char *scanner, const char *fixture,
			    struct err *e)
{
	*h = (struct harness){.st = st,
			      .index = index,
			      .config = *config,
			      .fixture = fixture,
			      .first = true};
	if (scanner != NULL && scanner_new(&h->scanner, scanner, e) != ERR_OK)
		return e->code;
	st->harness[index].scans = scanner != NULL;
	pthread_mutex_init(&h->lock, NULL);
	if (pthread_create(&h->thread, NULL, harness_thread, h) != 0)
		return err_set(e, ERR_NO_MEMORY, "cannot start a thread");
	return ERR_OK;
}

void harness_cancel(struct harness *h)
{
	pthread_mutex_lock(&h->lock);
	if (h->target != NULL)
		target_cancel(h->target);
	pthread_mutex_unlock(&h->lock);
}

void harness_join(struct harness *h)
{
	(void)pthread_join(h->thread, NULL);
	scanner_free(h->scanner);
	pthread_mutex_destroy(&h->lock);
}
