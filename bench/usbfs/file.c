#include "bench/usbfs/file.h"

#include "bench/usb/socket.h"
#include "bench/usbfs/private.h"

#include <errno.h>
#include <glib-unix.h>
#include <stdlib.h>

/* A node that is closed is heard of over a socket of its own, so that another's
 * claim may overtake it: a busy interface is asked for again before EBUSY. */
#define CLAIM_TRIES    3u
#define CLAIM_RETRY_MS 20u

int file_errno(uint32_t status)
{
	switch (status) {
	case LINK_OK:
		return 0;
	case LINK_NO_DEVICE:
		return ENODEV;
	case LINK_BUSY:
		return EBUSY;
	case LINK_NOT_FOUND:
		return ENOENT;
	case LINK_STALL:
		return EPIPE;
	case LINK_CANCELLED:
		return ENOENT;
	case LINK_OVERFLOW:
		return EOVERFLOW;
	default:
		return EINVAL;
	}
}

int file_interface(const struct file *f, unsigned endpoint)
{
	const uint8_t *p = f->info.config;
	int iface = -1;

	for (size_t at = 0; at + 2 <= f->info.config_len && p[at] >= 2;
	     at += p[at]) {
		if (p[at + 1] == 0x04)
			iface = p[at + 2];
		else if (p[at + 1] == 0x05 && p[at + 2] == endpoint)
			return iface;
	}
	return -1;
}

/* -------- answers -------- */

static gboolean drop_client(gpointer client)
{
	g_object_unref(client);
	return G_SOURCE_REMOVE;
}

static void timer_stop(struct file *f)
{
	if (f->timer == NULL)
		return;
	g_source_destroy(f->timer);
	g_source_unref(f->timer);
	f->timer = NULL;
}

void file_answer(struct file *f, long result)
{
	bool waited = f->wait != FILE_WAITS_NOT;

	timer_stop(f);
	f->wait = FILE_WAITS_NOT;
	umockdev_ioctl_client_complete(f->client, result < 0 ? -1 : result,
				       result < 0 ? (int)-result : 0);
	/* Not here: the file ends with the client's last reference. */
	if (waited) {
		GSource *idle = g_idle_source_new();

		g_source_set_callback(idle, drop_client, f->client, NULL);
		g_source_attach(idle, f->context);
		g_source_unref(idle);
	}
}

static gboolean timer_over(gpointer arg)
{
	struct file *f = arg;

	usbfs_lock(f->usbfs);
	timer_stop(f);
	if (f->wait == FILE_WAITS_REAP)
		urb_wait_over(f);
	else if (f->wait == FILE_WAITS_REPLY && !f->gone &&
		 !usb_send(f->fd, &f->request, NULL))
		file_lose(f);
	usbfs_unlock(f->usbfs);
	return G_SOURCE_REMOVE;
}

static void timer_start(struct file *f, unsigned wait_ms)
{
	f->timer = g_timeout_source_new(wait_ms);
	g_source_set_callback(f->timer, timer_over, f, NULL);
	g_source_attach(f->timer, f->context);
}

void file_hold(struct file *f, enum file_wait wait, uint32_t id,
	       unsigned wait_ms)
{
	g_object_ref(f->client);
	f->wait = wait;
	f->wait_id = id;
	if (wait_ms > 0)
		timer_start(f, wait_ms);
}

void file_request(struct file *f, const struct link_msg *m, const void *payload)
{
	f->request = *m;
	f->request.id = f->next_id++;
	f->tries = 1;
	file_hold(f, FILE_WAITS_REPLY, f->request.id, 0);
	if (!usb_send(f->fd, &f->request, payload))
		file_lose(f);
}

static void reply_arrived(struct file *f, const struct link_msg *m)
{
	if (m->status == LINK_BUSY && f->request.kind == LINK_CLAIM &&
	    f->tries++ < CLAIM_TRIES) {
		timer_start(f, CLAIM_RETRY_MS);
		return;
	}
	if (m->status == LINK_OK)
		ioctl_claimed(f);
	file_answer(f, -file_errno(m->status));
}

/* -------- the link -------- */

void file_lose(struct file *f)
{
	if (f->gone)
		return;
	f->gone = true;
	f->claims = 0;
	urb_end_all(f);
	if (f->wait == FILE_WAITS_REPLY)
		file_answer(f, -ENODEV);
	else if (f->wait != FILE_WAITS_NOT)
		urb_wait_over(f);
}

/* One message from the daemon. False: it broke the protocol or is gone. */
static bool receive(struct file *f)
{
	struct link_msg m;
	struct urb *urb;

	if (!usb_recv(f->fd, &m, sizeof(m)) || m.kind != LINK_DONE)
		return false;
	if (m.status == LINK_NO_DEVICE) {
		/* Whoever is told must not find it in the list any more. */
		usbfs_refresh_locked(f->usbfs);
		return false;
	}
	urb = urb_find(f, m.id);
	if (urb != NULL)
		return urb_end(f, urb, &m);
	if (f->wait != FILE_WAITS_REPLY || m.id != f->wait_id || m.len != 0)
		return false;
	reply_arrived(f, &m);
	return true;
}

static gboolean incoming(gint fd, GIOCondition condition, gpointer arg)
{
	struct file *f = arg;
	bool ok;

	(void)fd;
	(void)condition;
	usbfs_lock(f->usbfs);
	ok = !f->gone && receive(f);
	if (!ok)
		file_lose(f);
	usbfs_unlock(f->usbfs);
	return ok ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static bool link_open(struct file *f)
{
	struct link_msg m = {.kind = LINK_OPEN, .a = f->info.id};

	if (!usb_connect(&f->fd)) {
		f->fd = -1;
		return false;
	}
	return usb_send(f->fd, &m, NULL) && usb_recv(f->fd, &m, sizeof(m)) &&
	       m.kind == LINK_DONE && m.len == 0 && m.status == LINK_OK;
}

/* -------- life -------- */

struct file *file_open(struct usbfs *u, const struct link_device *info,
		       UMockdevIoctlClient *client)
{
	struct file *f = g_new0(struct file, 1);

	f->usbfs = u;
	f->info = *info;
	f->client = client;
	f->context = g_main_context_ref_thread_default();
	f->next_id = 1;
	if (!link_open(f)) {
		f->gone = true;
		return f;
	}
	f->incoming = g_unix_fd_source_new(f->fd, G_IO_IN | G_IO_HUP);
	g_source_set_callback(f->incoming, G_SOURCE_FUNC(incoming), f, NULL);
	g_source_attach(f->incoming, f->context);
	return f;
}

void file_close(struct file *f)
{
	timer_stop(f);
	if (f->incoming != NULL) {
		g_source_destroy(f->incoming);
		g_source_unref(f->incoming);
	}
	if (f->fd >= 0)
		usb_disconnect(f->fd);
	urb_free_all(f);
	g_main_context_unref(f->context);
	g_free(f);
}
