#include "bench/daemon/usb_port.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_MAX	     (2u * (LINK_PAYLOAD_MAX + (uint32_t)sizeof(struct link_msg)))
#define OUT_MAX	     (16u * LINK_PAYLOAD_MAX)
#define READ_BYTES   65536u

/* How long to look ahead when nothing says when a FIFO will have room. */
#define ROOM_LOOK_PS 1000000000u

void usb_port_init(struct usb_port *u, struct probe *p)
{
	memset(u, 0, sizeof(*u));
	u->probe = p;
	u->plugged = true;
	for (size_t i = 0; i < USB_PORT_HANDLES_MAX; i++)
		u->handle[i].fd = -1;
}

/* -------- sending -------- */

static void handle_close(struct usb_port *u, struct usb_handle *h);

/* What the socket does not take now waits in h->out for POLLOUT. */
static bool handle_send(struct usb_handle *h, const void *data, size_t len)
{
	ssize_t n = 0;

	if (h->out.len == 0) {
		n = send(h->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (n < 0)
			n = 0;
	}
	if ((size_t)n == len)
		return true;
	return dbuf_add(&h->out, (const uint8_t *)data + n, len - (size_t)n) ==
	       ERR_OK;
}

static bool handle_flush(struct usb_handle *h)
{
	ssize_t n = send(h->fd, h->out.data, h->out.len,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	dbuf_eat(&h->out, (size_t)n);
	return true;
}

/* A client that cannot be told is gone; poll() will say so. */
static void answer(struct usb_handle *h, uint32_t id, enum link_status status,
		   size_t moved, const void *payload, size_t len)
{
	struct {
		struct link_msg m;
		uint8_t small[512];
	} packet = {.m = {.len = (uint32_t)len,
			  .kind = LINK_DONE,
			  .id = id,
			  .status = status,
			  .a = (uint32_t)moved}};
	bool ok;

	if (len <= sizeof(packet.small)) {
		if (len > 0)
			memcpy(packet.small, payload, len);
		ok = handle_send(h, &packet, sizeof(packet.m) + len);
	} else {
		ok = handle_send(h, &packet.m, sizeof(packet.m)) &&
		     handle_send(h, payload, len);
	}
	if (!ok)
		shutdown(h->fd, SHUT_RDWR);
}

/* -------- transfers -------- */

static void xfer_end(struct usb_xfer *x, enum link_status status)
{
	if (x->in)
		answer(x->handle, x->id, status, x->rx.got, x->buf, x->rx.got);
	else
		answer(x->handle, x->id, status, x->done, NULL, 0);
	x->handle->xfers--;
	free(x);
}

/* End the transfers of one queue that match: of this handle (NULL: any), with
 * this id (0: any). */
static void queue_end(struct usb_xfer **q, const struct usb_handle *h,
		      uint32_t id, enum link_status status)
{
	while (*q != NULL) {
		struct usb_xfer *x = *q;

		if ((h != NULL && x->handle != h) || (id != 0 && x->id != id)) {
			q = &x->next;
			continue;
		}
		*q = x->next;
		xfer_end(x, status);
	}
}

static void end_all(struct usb_port *u, const struct usb_handle *h, uint32_t id,
		    enum link_status status)
{
	for (unsigned i = 0; i < PROBE_CHANNELS_MAX; i++) {
		queue_end(&u->in[i], h, id, status);
		queue_end(&u->out[i], h, id, status);
	}
}

static bool progress_out(struct usb_port *u, unsigned channel)
{
	struct usb_xfer *x = u->out[channel];

	if (x == NULL)
		return false;
	if (x->done < x->len || !x->begun) {
		x->done += probe_out(u->probe, channel, x->buf + x->done,
				     x->len - x->done, x->queued || x->begun);
		x->begun = true;
	}
	if (x->done < x->len)
		return false;
	u->out[channel] = x->next;
	xfer_end(x, LINK_OK);
	return true;
}

static bool progress_in(struct usb_port *u, unsigned channel,
			uint64_t *until_ps)
{
	struct usb_xfer *x = u->in[channel];
	enum link_status status;

	if (x == NULL)
		return false;
	if (!x->begun)
		probe_in_begin(u->probe, channel, x->queued);
	x->begun = true;
	if (!probe_in(u->probe, channel, &x->rx, until_ps))
		return false;
	status = x->rx.overflow ? LINK_OVERFLOW : LINK_OK;
	u->in[channel] = x->next;
	xfer_end(x, status);
	return true;
}

bool usb_port_progress(struct usb_port *u)
{
	bool any = false, more = true;
	uint64_t until_ps;

	while (more) {
		more = false;
		for (unsigned i = 0; i < u->probe->channels; i++) {
			more |= progress_out(u, i);
			more |= progress_in(u, i, &until_ps);
		}
		any |= more;
	}
	return any;
}

struct usb_port_wait usb_port_waits(struct usb_port *u)
{
	struct usb_port_wait w = {.until_ps = UINT64_MAX};

	for (unsigned i = 0; i < u->probe->channels; i++) {
		uint64_t until_ps = UINT64_MAX;

		if (u->out[i] != NULL) {
			until_ps = u->probe->h->now_ps + ROOM_LOOK_PS;
			w.waiting = w.active = true;
		}
		if (u->in[i] != NULL) {
			uint64_t in_ps = UINT64_MAX;

			progress_in(u, i, &in_ps);
			if (in_ps < until_ps)
				until_ps = in_ps;
			w.waiting = true;
			w.active |= probe_active(u->probe, i);
		}
		if (until_ps < w.until_ps)
			w.until_ps = until_ps;
	}
	return w;
}

static enum link_status bulk_allowed(const struct usb_port *u,
				     const struct usb_handle *h,
				     const struct link_msg *m,
				     unsigned *channel)
{
	if (h->dead || !u->plugged)
		return LINK_NO_DEVICE;
	if (m->a > 0xFF || !probe_endpoint(u->probe, (uint8_t)m->a, channel))
		return LINK_NOT_FOUND;
	if (u->claim[*channel] != h || m->b > LINK_PAYLOAD_MAX ||
	    h->xfers >= USB_PORT_XFERS_MAX)
		return LINK_INVALID;
	if (m->len != (m->a & 0x80 ? 0 : m->b))
		return LINK_INVALID;
	return LINK_OK;
}

static void start_bulk(struct usb_port *u, struct usb_handle *h,
		       const struct link_msg *m, const uint8_t *payload)
{
	unsigned channel;
	enum link_status status = bulk_allowed(u, h, m, &channel);
	struct usb_xfer *x, **q;

	if (status != LINK_OK) {
		answer(h, m->id, status, 0, NULL, 0);
		return;
	}
	x = calloc(1, sizeof(*x) + m->b);
	if (x == NULL) {
		answer(h, m->id, LINK_INVALID, 0, NULL, 0);
		return;
	}
	x->handle = h;
	x->id = m->id;
	x->channel = channel;
	x->in = (m->a & 0x80) != 0;
	x->queued = (m->flags & LINK_FLAG_QUEUED) != 0;
	x->len = m->b;
	if (x->in)
		x->rx = (struct probe_in){.buf = x->buf, .len = m->b};
	else if (m->b > 0)
		memcpy(x->buf, payload, m->b);
	h->xfers++;
	q = x->in ? &u->in[channel] : &u->out[channel];
	while (*q != NULL)
		q = &(*q)->next;
	*q = x;
}

/* -------- requests -------- */

static enum link_status claim(struct usb_port *u, struct usb_handle *h,
			      uint32_t iface)
{
	if (h->dead || !u->plugged)
		return LINK_NO_DEVICE;
	if (iface >= u->probe->channels)
		return LINK_NOT_FOUND;
	if (u->claim[iface] != NULL && u->claim[iface] != h)
		return LINK_BUSY;
	u->claim[iface] = h;
	return LINK_OK;
}

static enum link_status release(struct usb_port *u, const struct usb_handle *h,
				uint32_t iface)
{
	if (h->dead || !u->plugged)
		return LINK_NO_DEVICE;
	if (iface >= u->probe->channels || u->claim[iface] != h)
		return LINK_NOT_FOUND;
	queue_end(&u->in[iface], h, 0, LINK_CANCELLED);
	queue_end(&u->out[iface], h, 0, LINK_CANCELLED);
	u->claim[iface] = NULL;
	return LINK_OK;
}

static void control(struct usb_port *u, struct usb_handle *h,
		    const struct link_msg *m, const uint8_t *payload)
{
	uint8_t data[65536];
	bool in;
	int n;

	if (h->dead || !u->plugged) {
		answer(h, m->id, LINK_NO_DEVICE, 0, NULL, 0);
		return;
	}
	in = m->len >= 8 && (payload[0] & 0x80) != 0;
	if (m->len < 8 || m->len > 8 + sizeof(data) || (in && m->len != 8)) {
		answer(h, m->id, LINK_INVALID, 0, NULL, 0);
		return;
	}
	n = probe_control(u->probe, payload, data);
	if (n < 0)
		answer(h, m->id, LINK_STALL, 0, NULL, 0);
	else if (in)
		answer(h, m->id, LINK_OK, (size_t)n, data, (size_t)n);
	else
		answer(h, m->id, LINK_OK, m->len - 8, NULL, 0);
}

/* A port reset needs the device for oneself, as on Linux. */
static enum link_status reset(struct usb_port *u, const struct usb_handle *h)
{
	if (h->dead || !u->plugged)
		return LINK_NO_DEVICE;
	for (unsigned i = 0; i < PROBE_CHANNELS_MAX; i++) {
		if (u->claim[i] != NULL && u->claim[i] != h)
			return LINK_BUSY;
	}
	end_all(u, h, 0, LINK_CANCELLED);
	probe_reset(u->probe);
	return LINK_OK;
}

static enum link_status clear_halt(struct usb_port *u,
				   const struct usb_handle *h, uint32_t ep)
{
	unsigned channel;

	if (h->dead || !u->plugged)
		return LINK_NO_DEVICE;
	if (ep > 0xFF || !probe_endpoint(u->probe, (uint8_t)ep, &channel))
		return LINK_NOT_FOUND;
	return LINK_OK;
}

/* False: not a message of this protocol. */
static bool dispatch(struct usb_port *u, struct usb_handle *h,
		     const struct link_msg *m, const uint8_t *payload)
{
	enum link_status status;

	switch (m->kind) {
	case LINK_BULK:
		start_bulk(u, h, m, payload);
		return true;
	case LINK_CONTROL:
		control(u, h, m, payload);
		return true;
	case LINK_CANCEL:
		if (m->a != 0)
			end_all(u, h, m->a, LINK_CANCELLED);
		return m->len == 0;
	case LINK_CLAIM:
		status = claim(u, h, m->a);
		break;
	case LINK_RELEASE:
		status = release(u, h, m->a);
		break;
	case LINK_RESET:
		status = reset(u, h);
		break;
	case LINK_CLEAR_HALT:
		status = clear_halt(u, h, m->a);
		break;
	default:
		return false;
	}
	answer(h, m->id, status, 0, NULL, 0);
	return m->len == 0;
}

static bool take_messages(struct usb_port *u, struct usb_handle *h)
{
	size_t at = 0;
	bool ok = true;

	while (ok && h->in.len - at >= sizeof(struct link_msg)) {
		struct link_msg m;

		memcpy(&m, h->in.data + at, sizeof(m));
		if (m.len > LINK_PAYLOAD_MAX)
			return false;
		if (h->in.len - at < sizeof(m) + m.len)
			break;
		ok = dispatch(u, h, &m, h->in.data + at + sizeof(m));
		at += sizeof(m) + m.len;
		/* In the order in which the client asked. */
		usb_port_progress(u);
	}
	dbuf_eat(&h->in, at);
	return ok;
}

static bool handle_read(struct usb_port *u, struct usb_handle *h)
{
	uint8_t buf[READ_BYTES];
	ssize_t n = recv(h->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	return dbuf_add(&h->in, buf, (size_t)n) == ERR_OK &&
	       take_messages(u, h);
}

/* -------- handles -------- */

bool usb_port_open(struct usb_port *u, int fd)
{
	for (size_t i = 0; i < USB_PORT_HANDLES_MAX; i++) {
		struct usb_handle *h = &u->handle[i];

		if (h->fd >= 0)
			continue;
		*h = (struct usb_handle){.fd = fd, .dead = !u->plugged};
		dbuf_init(&h->in, IN_MAX);
		dbuf_init(&h->out, OUT_MAX);
		return true;
	}
	close(fd);
	return false;
}

static void handle_close(struct usb_port *u, struct usb_handle *h)
{
	end_all(u, h, 0, LINK_CANCELLED);
	for (unsigned i = 0; i < PROBE_CHANNELS_MAX; i++) {
		if (u->claim[i] == h)
			u->claim[i] = NULL;
	}
	assert(h->xfers == 0);
	close(h->fd);
	dbuf_fini(&h->in);
	dbuf_fini(&h->out);
	h->fd = -1;
}

void usb_port_fini(struct usb_port *u)
{
	for (size_t i = 0; i < USB_PORT_HANDLES_MAX; i++) {
		if (u->handle[i].fd >= 0)
			handle_close(u, &u->handle[i]);
	}
}

void usb_port_plug(struct usb_port *u, bool plugged)
{
	if (u->plugged == plugged)
		return;
	u->plugged = plugged;
	end_all(u, NULL, 0, LINK_NO_DEVICE);
	memset(u->claim, 0, sizeof(u->claim));
	for (size_t i = 0; i < USB_PORT_HANDLES_MAX; i++)
		u->handle[i].dead = true;
	probe_reset(u->probe);
}

nfds_t usb_port_pollfds(const struct usb_port *u, struct pollfd *fds)
{
	nfds_t n = 0;

	for (size_t i = 0; i < USB_PORT_HANDLES_MAX; i++) {
		const struct usb_handle *h = &u->handle[i];

		if (h->fd < 0)
			continue;
		fds[n++] = (struct pollfd){
			.fd = h->fd,
			.events = (short)(h->out.len > 0 ? POLLIN | POLLOUT
							 : POLLIN),
		};
	}
	return n;
}

static struct usb_handle *handle_of(struct usb_port *u, int fd)
{
	for (size_t i = 0; i < USB_PORT_HANDLES_MAX; i++) {
		if (u->handle[i].fd == fd)
			return &u->handle[i];
	}
	return NULL;
}

bool usb_port_service(struct usb_port *u, const struct pollfd *fds, nfds_t n)
{
	bool any = false;

	for (nfds_t i = 0; i < n; i++) {
		struct usb_handle *h = handle_of(u, fds[i].fd);
		bool ok = true;

		if (fds[i].revents == 0 || h == NULL)
			continue;
		if (fds[i].revents & POLLOUT)
			ok = handle_flush(h);
		if (ok && (fds[i].revents & (POLLIN | POLLHUP | POLLERR))) {
			ok = handle_read(u, h);
			any = true;
		}
		if (!ok)
			handle_close(u, h);
	}
	return any;
}
