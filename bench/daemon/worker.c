#include "bench/daemon/worker.h"

#include "proto/base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct worker_job {
	struct worker_job *next;
	worker_fn *fn;
	void *arg;
	struct err *e;
	enum err_code rc;
	bool done;
};

/* -------- boards -------- */

enum err_code worker_put_in(struct worker *w, struct board *b, struct err *e)
{
	struct harness_contact contact;

	if (w->board != NULL)
		return err_set(e, ERR_STATE, "board %s is in harness %s",
			       w->board->spec.serial, w->config->usb.serial);
	contact = board_contact(b, w->seed);
	w->feeder.transfers = 0;
	w->feeder.flash_ns = 0;
	w->board = b;
	b->account_in = harness_account(w->harness);
	harness_insert(w->harness, b->chip, &contact);
	barcode_scan(&w->barcode, b->spec.serial);
	log_info("BOARD_IN", "probe=%s board=%s uid=%s", w->config->usb.serial,
		 b->spec.serial, b->uid_hex);
	return ERR_OK;
}

/* Add this insertion so far. */
static void account_now(struct worker *w, struct account *a)
{
	struct account now = harness_account(w->harness);

	account_add_difference(a, &now, &w->board->account_in);
}

enum err_code worker_take_out(struct worker *w, struct err *e)
{
	if (w->board == NULL)
		return err_set(e, ERR_STATE, "harness %s is empty",
			       w->config->usb.serial);
	harness_remove(w->harness);
	account_now(w, &w->board->account);
	log_info("BOARD_OUT", "probe=%s board=%s", w->config->usb.serial,
		 w->board->spec.serial);
	w->board = NULL;
	return ERR_OK;
}

void worker_plug(struct worker *w, bool plugged)
{
	pthread_mutex_lock(&w->mutex);
	if (plugged && !w->plugged)
		w->generation++;
	w->plugged = plugged;
	pthread_mutex_unlock(&w->mutex);
	usb_port_plug(&w->usb, plugged);
	log_info(plugged ? "PROBE_PLUGGED" : "PROBE_UNPLUGGED", "probe=%s",
		 w->config->usb.serial);
}

/* -------- jobs -------- */

static void wake(struct worker *w)
{
	uint64_t one = 1;

	/* EAGAIN: the counter is full, the worker will wake anyway. */
	if (write(w->event_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		abort();
}

enum err_code worker_call(struct worker *w, worker_fn *fn, void *arg,
			  struct err *e)
{
	struct worker_job job = {.fn = fn, .arg = arg, .e = e};
	struct worker_job **p;

	pthread_mutex_lock(&w->mutex);
	for (p = &w->jobs; *p != NULL; p = &(*p)->next)
		;
	*p = &job;
	wake(w);
	while (!job.done)
		pthread_cond_wait(&w->cond, &w->mutex);
	pthread_mutex_unlock(&w->mutex);
	return job.rc;
}

static void run_jobs(struct worker *w)
{
	uint64_t count;

	if (read(w->event_fd, &count, sizeof(count)) < 0)
		return; /* EAGAIN: nobody called */
	pthread_mutex_lock(&w->mutex);
	while (w->jobs != NULL) {
		struct worker_job *job = w->jobs;

		w->jobs = job->next;
		pthread_mutex_unlock(&w->mutex);
		job->rc = job->fn(w, job->arg, job->e);
		pthread_mutex_lock(&w->mutex);
		job->done = true;
		pthread_cond_broadcast(&w->cond);
	}
	pthread_mutex_unlock(&w->mutex);
}

static enum err_code adopt(struct worker *w, void *arg, struct err *e)
{
	int *fd = arg;

	(void)e;
	worker_pace_heard(w);
	usb_port_open(&w->usb, *fd);
	return ERR_OK;
}

void worker_adopt(struct worker *w, int fd)
{
	worker_call(w, adopt, &fd, NULL);
}

bool worker_describe(struct worker *w, struct link_device *out)
{
	enum probe_type type = w->config->usb.type;
	bool plugged;

	memset(out, 0, sizeof(*out));
	pthread_mutex_lock(&w->mutex);
	plugged = w->plugged;
	out->id = w->generation << 8 | w->index;
	/* Linux gives every plugging-in a new address, 1 to 127. */
	out->address =
		(uint8_t)(2 +
			  (w->generation * CONFIG_PROBES_MAX + w->index) % 126);
	pthread_mutex_unlock(&w->mutex);
	out->bus = 1;
	out->port = (uint8_t)(w->index + 1);
	descriptors_device(type, out->device);
	out->config_len = (uint16_t)descriptors_config(type, out->config);
	return plugged;
}

/* -------- the thread -------- */

static void drop_out(struct worker *w)
{
	if (w->board == NULL ||
	    !feeder_falls_out(&w->feeder, w->board, w->harness))
		return;
	log_info("BOARD_FELL_OUT", "probe=%s board=%s", w->config->usb.serial,
		 w->board->spec.serial);
	worker_take_out(w, NULL);
}

static int64_t sooner(int64_t a_ns, int64_t b_ns)
{
	return a_ns < 0 || b_ns < a_ns ? b_ns : a_ns;
}

static void turn(struct worker *w)
{
	struct pollfd fds[USB_PORT_HANDLES_MAX + 1];
	int64_t sleep_ns = worker_pace_run(w);
	struct timespec ts;
	nfds_t n;

	drop_out(w);
	if (feeder_look(w))
		sleep_ns = sooner(sleep_ns, FEEDER_LOOK_MS * 1000000);
	if (usb_port_progress(&w->usb))
		sleep_ns = 0;
	n = usb_port_pollfds(&w->usb, fds);
	ts = (struct timespec){.tv_sec = sleep_ns / 1000000000,
			       .tv_nsec = sleep_ns % 1000000000};
	fds[n] = (struct pollfd){.fd = w->event_fd, .events = POLLIN};
	if (ppoll(fds, n + 1, sleep_ns < 0 ? NULL : &ts, NULL) <= 0)
		return;
	for (nfds_t i = 0; i < n; i++) {
		if (fds[i].revents != 0) {
			worker_pace_heard(w);
			break;
		}
	}
	usb_port_service(&w->usb, fds, n);
	if (fds[n].revents != 0)
		run_jobs(w);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	while (!w->stop)
		turn(w);
	usb_port_fini(&w->usb);
	if (w->board != NULL)
		worker_take_out(w, NULL);
	return NULL;
}

static enum err_code build(struct worker *w, const struct config *c,
			   struct err *e)
{
	struct harness_config hc = {
		.layout = w->config->layout,
		.trace = w->config->trace,
		.uart_fifo_bytes = probe_type_fifo_bytes(w->config->usb.type),
	};
	enum err_code rc = harness_new(&w->harness, &hc, e);

	if (rc != ERR_OK)
		return rc;
	rc = probe_new(&w->probe, &w->config->usb, w->harness, e);
	if (rc != ERR_OK)
		return rc;
	rc = barcode_open(&w->barcode, w->config->scanner, e);
	if (rc != ERR_OK)
		return rc;
	usb_port_init(&w->usb, w->probe);
	worker_pace_init(w, c->pace, c->patient);
	w->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->event_fd < 0)
		return err_set_errno(e, ERR_IO, errno, "eventfd");
	return ERR_OK;
}

enum err_code worker_start(struct worker *w, const struct config *c,
			   unsigned index, struct board_registry *boards,
			   struct feed *feed, struct err *e)
{
	enum err_code rc;
	int errnum;

	*w = (struct worker){.config = &c->probes[index],
			     .index = index,
			     .boards = boards,
			     .feed = feed,
			     .seed = c->seed,
			     .plugged = true,
			     .barcode = {.master = -1, .slave = -1},
			     .event_fd = -1};
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->cond, NULL);
	rc = build(w, c, e);
	if (rc == ERR_OK) {
		errnum = pthread_create(&w->thread, NULL, worker_main, w);
		if (errnum != 0)
			rc = err_set_errno(e, ERR_IO, errnum, "thread");
	}
	w->started = rc == ERR_OK;
	if (rc != ERR_OK)
		worker_stop(w);
	return rc;
}

static enum err_code order_stop(struct worker *w, void *arg, struct err *e)
{
	(void)arg;
	(void)e;
	w->stop = true;
	return ERR_OK;
}

void worker_stop(struct worker *w)
{
	if (w->started) {
		worker_call(w, order_stop, NULL, NULL);
		pthread_join(w->thread, NULL);
	}
	w->started = false;
	probe_free(w->probe);
	harness_free(w->harness);
	w->probe = NULL;
	w->harness = NULL;
	barcode_close(&w->barcode);
	if (w->event_fd >= 0)
		close(w->event_fd);
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->mutex);
}
