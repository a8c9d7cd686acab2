/* Contexts and events. See internal.h for the locking. */
#include "bench/usb/internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define HANDLES_MAX 32

static struct libusb_context *default_context;
static pthread_mutex_t default_mutex = PTHREAD_MUTEX_INITIALIZER;

int64_t usb_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct libusb_context *usb_context(struct libusb_context *ctx)
{
	return ctx != NULL ? ctx : default_context;
}

static struct libusb_context *context_new(void)
{
	struct libusb_context *ctx = calloc(1, sizeof(*ctx));
	pthread_condattr_t attr;

	if (ctx == NULL)
		return NULL;
	if (pipe2(ctx->wake, O_CLOEXEC | O_NONBLOCK) != 0) {
		free(ctx);
		return NULL;
	}
	pthread_mutex_init(&ctx->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&ctx->cond, &attr);
	pthread_condattr_destroy(&attr);
	ctx->refs = 1;
	return ctx;
}

static void context_free(struct libusb_context *ctx)
{
	while (ctx->handles != NULL)
		libusb_close(ctx->handles);
	close(ctx->wake[0]);
	close(ctx->wake[1]);
	pthread_cond_destroy(&ctx->cond);
	pthread_mutex_destroy(&ctx->mutex);
	free(ctx);
}

USB_EXPORT int LIBUSB_CALL libusb_init(libusb_context **out)
{
	int rc = LIBUSB_SUCCESS;

	if (out != NULL) {
		*out = context_new();
		return *out != NULL ? LIBUSB_SUCCESS : LIBUSB_ERROR_NO_MEM;
	}
	pthread_mutex_lock(&default_mutex);
	if (default_context != NULL)
		default_context->refs++;
	else if ((default_context = context_new()) == NULL)
		rc = LIBUSB_ERROR_NO_MEM;
	pthread_mutex_unlock(&default_mutex);
	return rc;
}

USB_EXPORT void LIBUSB_CALL libusb_exit(libusb_context *ctx)
{
	if (ctx != NULL) {
		context_free(ctx);
		return;
	}
	pthread_mutex_lock(&default_mutex);
	if (default_context != NULL && --default_context->refs == 0) {
		context_free(default_context);
		default_context = NULL;
	}
	pthread_mutex_unlock(&default_mutex);
}

/* -------- finishing transfers -------- */

static void transfer_finish(struct usb_transfer *t, uint32_t status)
{
	t->finished = true;
	switch (status) {
	case LINK_OK:
		t->pub.status = LIBUSB_TRANSFER_COMPLETED;
		break;
	case LINK_CANCELLED:
		t->pub.status = t->timed_out ? LIBUSB_TRANSFER_TIMED_OUT
					     : LIBUSB_TRANSFER_CANCELLED;
		break;
	case LINK_NO_DEVICE:
		t->pub.status = LIBUSB_TRANSFER_NO_DEVICE;
		break;
	case LINK_STALL:
		t->pub.status = LIBUSB_TRANSFER_STALL;
		break;
	case LINK_OVERFLOW:
		t->pub.status = LIBUSB_TRANSFER_OVERFLOW;
		break;
	default:
		t->pub.status = LIBUSB_TRANSFER_ERROR;
		break;
	}
}

static void handle_gone(struct libusb_device_handle *h)
{
	h->gone = true;
	for (struct usb_transfer *t = h->flight; t != NULL; t = t->next) {
		if (!t->finished)
			transfer_finish(t, LINK_NO_DEVICE);
	}
	if (h->reply_id != 0 && !h->reply_here) {
		h->reply_here = true;
		h->reply.status = LINK_NO_DEVICE;
	}
}

static struct usb_transfer *transfer_find(struct libusb_device_handle *h,
					  uint32_t id)
{
	for (struct usb_transfer *t = h->flight; t != NULL; t = t->next) {
		if (t->id == id && !t->finished)
			return t;
	}
	return NULL;
}

static bool transfer_receive(struct libusb_device_handle *h,
			     struct usb_transfer *t, const struct link_msg *m)
{
	size_t room = (size_t)t->pub.length;
	uint8_t *to = t->pub.buffer;

	if (t->pub.type == LIBUSB_TRANSFER_TYPE_CONTROL) {
		to += LIBUSB_CONTROL_SETUP_SIZE;
		room -= LIBUSB_CONTROL_SETUP_SIZE;
	}
	if (m->len > room || m->a > room || !usb_recv(h->fd, to, m->len))
		return false;
	t->pub.actual_length = (int)m->a;
	transfer_finish(t, m->status);
	return true;
}

/* One message from the daemon. */
static void handle_receive(struct libusb_device_handle *h)
{
	struct link_msg m;
	struct usb_transfer *t;

	if (!usb_recv(h->fd, &m, sizeof(m)) || m.kind != LINK_DONE) {
		handle_gone(h);
		return;
	}
	t = transfer_find(h, m.id);
	if (t != NULL) {
		if (!transfer_receive(h, t, &m))
			handle_gone(h);
	} else if (m.id == h->reply_id && m.len == 0) {
		h->reply = m;
		h->reply_here = true;
	} else {
		handle_gone(h);
	}
}

/* -------- one round of events -------- */

static void expire(struct libusb_device_handle *h, int64_t now, int64_t *next)
{
	for (struct usb_transfer *t = h->flight; t != NULL; t = t->next) {
		struct link_msg m = {.kind = LINK_CANCEL, .a = t->id};

		if (t->finished || t->deadline_ns == 0)
			continue;
		if (now < t->deadline_ns) {
			if (t->deadline_ns < *next)
				*next = t->deadline_ns;
			continue;
		}
		t->timed_out = true;
		t->deadline_ns = 0;
		if (!usb_send(h->fd, &m, NULL))
			handle_gone(h);
	}
}

static int wait_ms(int64_t now, int64_t until)
{
	int64_t ms = (until - now + 999999) / 1000000;

	return ms <= 0 ? 0 : ms > 60000 ? 60000 : (int)ms;
}

static bool anything_finished(const struct libusb_context *ctx)
{
	for (struct libusb_device_handle *h = ctx->handles; h; h = h->next) {
		for (struct usb_transfer *t = h->flight; t; t = t->next) {
			if (t->finished)
				return true;
		}
	}
	return false;
}

/* Poll the sockets and read what is there. Called and returns with the mutex
 * held; handles cannot go away while ctx->handling is set. */
static void handler_poll(struct libusb_context *ctx, int64_t deadline_ns)
{
	struct libusb_device_handle *who[HANDLES_MAX];
	struct pollfd fds[HANDLES_MAX + 1];
	int64_t now = usb_now_ns();
	nfds_t n = 0;
	char drain[64];

	for (struct libusb_device_handle *h = ctx->handles; h; h = h->next) {
		expire(h, now, &deadline_ns);
		if (h->gone || n == HANDLES_MAX)
			continue;
		who[n] = h;
		fds[n++] = (struct pollfd){.fd = h->fd, .events = POLLIN};
	}
	fds[n] = (struct pollfd){.fd = ctx->wake[0], .events = POLLIN};
	if (anything_finished(ctx))
		deadline_ns = now;
	pthread_mutex_unlock(&ctx->mutex);
	if (poll(fds, n + 1, wait_ms(now, deadline_ns)) < 0)
		assert(errno == EINTR);
	pthread_mutex_lock(&ctx->mutex);
	while (read(ctx->wake[0], drain, sizeof(drain)) > 0)
		;
	for (nfds_t i = 0; i < n; i++) {
		if (fds[i].revents != 0 && !who[i]->gone)
			handle_receive(who[i]);
	}
}

static struct usb_transfer *take_finished(struct libusb_context *ctx)
{
	for (struct libusb_device_handle *h = ctx->handles; h; h = h->next) {
		struct usb_transfer **p = &h->flight;

		while (*p != NULL && !(*p)->finished)
			p = &(*p)->next;
		if (*p != NULL) {
			struct usb_transfer *t = *p;

			*p = t->next;
			t->in_flight = false;
			return t;
		}
	}
	return NULL;
}

static void call_back(struct libusb_context *ctx)
{
	struct usb_transfer *t;

	while ((t = take_finished(ctx)) != NULL) {
		bool free_it =
			(t->pub.flags & LIBUSB_TRANSFER_FREE_TRANSFER) != 0;

		if (t->pub.status == LIBUSB_TRANSFER_COMPLETED &&
		    (t->pub.flags & LIBUSB_TRANSFER_SHORT_NOT_OK) &&
		    t->pub.actual_length < t->pub.length)
			t->pub.status = LIBUSB_TRANSFER_ERROR;
		pthread_mutex_unlock(&ctx->mutex);
		if (t->pub.callback != NULL)
			t->pub.callback(&t->pub);
		if (free_it)
			libusb_free_transfer(&t->pub);
		pthread_mutex_lock(&ctx->mutex);
	}
}

int usb_events(struct libusb_context *ctx, int64_t deadline_ns,
	       const int *completed)
{
	struct timespec ts = {.tv_sec = deadline_ns / 1000000000,
			      .tv_nsec = deadline_ns % 1000000000};

	pthread_mutex_lock(&ctx->mutex);
	if (completed != NULL && *completed) {
		pthread_mutex_unlock(&ctx->mutex);
		return LIBUSB_SUCCESS;
	}
	if (ctx->handling) {
		pthread_cond_timedwait(&ctx->cond, &ctx->mutex, &ts);
	} else {
		ctx->handling = true;
		ctx->handler = pthread_self();
		handler_poll(ctx, deadline_ns);
		call_back(ctx);
		ctx->handling = false;
		pthread_cond_broadcast(&ctx->cond);
	}
	pthread_mutex_unlock(&ctx->mutex);
	return LIBUSB_SUCCESS;
}

USB_EXPORT int LIBUSB_CALL libusb_handle_events_timeout_completed(
	libusb_context *ctx, struct timeval *tv, int *completed)
{
	int64_t wait = (int64_t)tv->tv_sec * 1000000000 + tv->tv_usec * 1000;

	if (tv->tv_sec < 0 || tv->tv_usec < 0 || tv->tv_usec >= 1000000)
		return LIBUSB_ERROR_INVALID_PARAM;
	return usb_events(usb_context(ctx), usb_now_ns() + wait, completed);
}

USB_EXPORT int LIBUSB_CALL libusb_handle_events_timeout(libusb_context *ctx,
							struct timeval *tv)
{
	return libusb_handle_events_timeout_completed(ctx, tv, NULL);
}

USB_EXPORT int LIBUSB_CALL libusb_handle_events_completed(libusb_context *ctx,
							  int *completed)
{
	struct timeval tv = {.tv_sec = 60};

	return libusb_handle_events_timeout_completed(ctx, &tv, completed);
}

USB_EXPORT int LIBUSB_CALL libusb_handle_events(libusb_context *ctx)
{
	return libusb_handle_events_completed(ctx, NULL);
}
