/* URBs: submitted, reaped, discarded, as drivers/usb/core/devio.c of Linux does
 * it. */
#include "bench/usb/socket.h"
#include "bench/usbfs/file.h"

#include <errno.h>
#include <glib.h>
#include <stddef.h>
#include <string.h>

#define SETUP_BYTES  8u

/* A device node of umockdev always polls as ready. So that a program does not
 * spin, an ioctl that asks again and again what has ended is answered a little
 * late, unless something ends. */
#define REAP_WAIT_MS 1u

static struct usbdevfs_urb *parameters(const struct urb *urb)
{
	return (struct usbdevfs_urb *)(void *)urb->data->data;
}

static bool is_control(const struct urb *urb)
{
	return parameters(urb)->type == USBDEVFS_URB_TYPE_CONTROL;
}

static bool is_in(const struct urb *urb)
{
	if (is_control(urb))
		return (urb->buffer->data[0] & 0x80) != 0;
	return (parameters(urb)->endpoint & 0x80) != 0;
}

static void append(struct urb **list, struct urb *urb)
{
	while (*list != NULL)
		list = &(*list)->next;
	urb->next = NULL;
	*list = urb;
}

static void urb_free(struct urb *urb)
{
	g_clear_object(&urb->buffer);
	g_clear_object(&urb->data);
	g_free(urb);
}

/* -------- submitting -------- */

/* Linux claims an interface for a program that forgot it, with a warning in the
 * kernel's log. Here it is an error. */
static int check_bulk(const struct file *f, const struct usbdevfs_urb *p)
{
	int iface = file_interface(f, p->endpoint);

	if (iface < 0)
		return -ENOENT;
	if ((f->claims >> iface & 1) == 0)
		return -EINVAL;
	if (p->buffer_length > 0 && p->buffer == NULL)
		return -EFAULT;
	return 0;
}

static int check_control(const struct urb *urb)
{
	const struct usbdevfs_urb *p = parameters(urb);
	const uint8_t *setup;

	if (urb->buffer == NULL || p->buffer_length < (int)SETUP_BYTES)
		return -EINVAL;
	setup = urb->buffer->data;
	if ((p->endpoint & 0x7F) != 0)
		return -ENOENT;
	if (p->buffer_length < (int)SETUP_BYTES + (setup[6] | setup[7] << 8))
		return -EINVAL;
	return 0;
}

static int check(const struct file *f, const struct urb *urb)
{
	const unsigned known = USBDEVFS_URB_SHORT_NOT_OK |
			       USBDEVFS_URB_ZERO_PACKET |
			       USBDEVFS_URB_NO_INTERRUPT;
	const struct usbdevfs_urb *p = parameters(urb);

	if ((p->flags & ~known) != 0)
		return -EINVAL;
	switch (p->type) {
	case USBDEVFS_URB_TYPE_CONTROL:
		return check_control(urb);
	case USBDEVFS_URB_TYPE_BULK:
		return check_bulk(f, p);
	default: /* the probes have no other endpoints */
		return -EINVAL;
	}
}

/* False: the client's memory is not readable. */
static bool load(struct file *f, struct urb *urb, int *error)
{
	UMockdevIoctlData *arg = umockdev_ioctl_client_get_arg(f->client);
	struct usbdevfs_urb *p;

	urb->data = umockdev_ioctl_data_resolve(arg, 0, sizeof(*p), NULL);
	*error = -EFAULT;
	if (urb->data == NULL)
		return false;
	p = parameters(urb);
	*error = p->buffer_length < 0 ? -EINVAL : -ENOMEM;
	if (p->buffer_length < 0 ||
	    (uint32_t)p->buffer_length > LINK_PAYLOAD_MAX - SETUP_BYTES)
		return false;
	urb->buffer = umockdev_ioctl_data_resolve(
		urb->data, offsetof(struct usbdevfs_urb, buffer),
		(size_t)p->buffer_length, NULL);
	return true;
}

static bool send_urb(struct file *f, struct urb *urb)
{
	const struct usbdevfs_urb *p = parameters(urb);
	const uint8_t *bytes = urb->buffer != NULL ? urb->buffer->data : NULL;
	struct link_msg m = {
		.id = urb->id,
		.flags = f->flight != NULL ? LINK_FLAG_QUEUED : 0,
	};

	if (is_control(urb)) {
		m.kind = LINK_CONTROL;
		m.len = SETUP_BYTES;
		if (!is_in(urb))
			m.len += bytes[6] | (uint32_t)bytes[7] << 8;
	} else {
		m.kind = LINK_BULK;
		m.a = p->endpoint;
		m.b = (uint32_t)p->buffer_length;
		m.len = is_in(urb) ? 0 : m.b;
	}
	return usb_send(f->fd, &m, bytes);
}

void urb_submit(struct file *f)
{
	struct urb *urb = g_new0(struct urb, 1);
	int error;

	if (load(f, urb, &error))
		error = check(f, urb);
	if (error == 0) {
		urb->id = f->next_id++;
		if (!send_urb(f, urb))
			error = -ENODEV;
	}
	if (error == 0) {
		append(&f->flight, urb);
		f->reaped_nothing = false;
	} else {
		urb_free(urb);
	}
	file_answer(f, error);
	if (error == -ENODEV)
		file_lose(f);
}

/* -------- ending -------- */

struct urb *urb_find(struct file *f, uint32_t id)
{
	struct urb *urb = f->flight;

	while (urb != NULL && urb->id != id)
		urb = urb->next;
	return urb;
}

static void finish(struct file *f, struct urb *urb, int status, size_t moved)
{
	struct usbdevfs_urb *p = parameters(urb);
	struct urb **at = &f->flight;

	if (status == 0 && is_in(urb) && !is_control(urb) &&
	    (p->flags & USBDEVFS_URB_SHORT_NOT_OK) != 0 &&
	    moved < (size_t)p->buffer_length)
		status = -EREMOTEIO;
	p->status = status;
	p->actual_length = (int)moved;
	p->error_count = 0;
	while (*at != urb)
		at = &(*at)->next;
	*at = urb->next;
	append(&f->done, urb);
}

static int urb_status(uint32_t link_status)
{
	switch (link_status) {
	case LINK_OK:
		return 0;
	case LINK_CANCELLED:
		return -ENOENT;
	case LINK_STALL:
		return -EPIPE;
	case LINK_OVERFLOW:
		return -EOVERFLOW;
	default:
		return -EPROTO;
	}
}

bool urb_end(struct file *f, struct urb *urb, const struct link_msg *m)
{
	size_t room = (size_t)parameters(urb)->buffer_length;
	uint8_t *to = urb->buffer != NULL ? urb->buffer->data : NULL;

	if (is_control(urb)) {
		to += SETUP_BYTES;
		room -= SETUP_BYTES;
	}
	if (m->a > room || m->len > (is_in(urb) ? m->a : 0) ||
	    !usb_recv(f->fd, to, m->len))
		return false;
	finish(f, urb, urb_status(m->status), m->a);
	if (f->wait == FILE_WAITS_REAP ||
	    (f->wait == FILE_WAITS_DISCARD && f->wait_id == m->id))
		urb_wait_over(f);
	return true;
}

void urb_end_all(struct file *f)
{
	while (f->flight != NULL)
		finish(f, f->flight, -ESHUTDOWN, 0);
}

void urb_free_all(struct file *f)
{
	while (f->flight != NULL || f->done != NULL) {
		struct urb **list = f->flight != NULL ? &f->flight : &f->done;
		struct urb *urb = *list;

		*list = urb->next;
		urb_free(urb);
	}
}

/* -------- reaping -------- */

static void give(struct file *f)
{
	UMockdevIoctlData *arg = umockdev_ioctl_client_get_arg(f->client);
	UMockdevIoctlData *to =
		umockdev_ioctl_data_resolve(arg, 0, sizeof(void *), NULL);
	struct urb *urb = f->done;

	if (to == NULL) {
		file_answer(f, -EFAULT);
		return;
	}
	f->done = urb->next;
	f->reaped_nothing = false;
	umockdev_ioctl_data_set_ptr(to, 0, urb->data);
	file_answer(f, 0);
	g_object_unref(to);
	urb_free(urb);
}

void urb_wait_over(struct file *f)
{
	if (f->wait == FILE_WAITS_DISCARD) {
		file_answer(f, 0);
	} else if (f->done != NULL) {
		give(f);
	} else {
		f->reaped_nothing = true;
		file_answer(f, f->gone ? -ENODEV : -EAGAIN);
	}
}

void urb_reap(struct file *f, bool may_wait)
{
	if (f->done != NULL)
		give(f);
	else if (f->gone)
		file_answer(f, -ENODEV);
	else if (may_wait)
		file_hold(f, FILE_WAITS_REAP, 0, 0);
	else if (f->flight != NULL && f->reaped_nothing)
		file_hold(f, FILE_WAITS_REAP, 0, REAP_WAIT_MS);
	else
		urb_wait_over(f);
}

/* -------- discarding -------- */

void urb_discard(struct file *f)
{
	/* The argument is the URB's address in the client. */
	gulong address;
	struct urb *urb = f->flight;
	struct link_msg m = {.kind = LINK_CANCEL};

	memcpy(&address, umockdev_ioctl_client_get_arg(f->client)->data,
	       sizeof(address));
	while (urb != NULL && urb->data->client_addr != address)
		urb = urb->next;
	if (urb == NULL) {
		file_answer(f, -EINVAL);
		return;
	}
	m.a = urb->id;
	file_hold(f, FILE_WAITS_DISCARD, urb->id, 0);
	if (!usb_send(f->fd, &m, NULL))
		file_lose(f);
}
