/* Transfers, asynchronous and synchronous. */
#include "bench/usb/internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct usb_transfer *priv(struct libusb_transfer *pub)
{
	return (struct usb_transfer *)((char *)pub -
				       offsetof(struct usb_transfer, pub));
}

USB_EXPORT struct libusb_transfer *LIBUSB_CALL libusb_alloc_transfer(int iso)
{
	struct usb_transfer *t;

	if (iso < 0 || iso > 1024)
		return NULL;
	t = calloc(1, sizeof(*t) +
			      (size_t)iso * sizeof(t->pub.iso_packet_desc[0]));
	return t != NULL ? &t->pub : NULL;
}

USB_EXPORT void LIBUSB_CALL libusb_free_transfer(struct libusb_transfer *pub)
{
	if (pub == NULL)
		return;
	if (pub->flags & LIBUSB_TRANSFER_FREE_BUFFER)
		free(pub->buffer);
	free(priv(pub));
}

/* The header of the message, and where its payload lies. */
static int describe(const struct usb_transfer *t, struct link_msg *m,
		    const uint8_t **payload)
{
	const struct libusb_transfer *p = &t->pub;
	bool in;

	*payload = p->buffer;
	if (p->length < 0 || (uint32_t)p->length > LINK_PAYLOAD_MAX)
		return LIBUSB_ERROR_INVALID_PARAM;
	if (p->type == LIBUSB_TRANSFER_TYPE_CONTROL) {
		if (p->length < (int)LIBUSB_CONTROL_SETUP_SIZE)
			return LIBUSB_ERROR_INVALID_PARAM;
		in = (p->buffer[0] & LIBUSB_ENDPOINT_IN) != 0;
		m->kind = LINK_CONTROL;
		m->len = in ? LIBUSB_CONTROL_SETUP_SIZE : (uint32_t)p->length;
		return LIBUSB_SUCCESS;
	}
	if (p->type != LIBUSB_TRANSFER_TYPE_BULK &&
	    p->type != LIBUSB_TRANSFER_TYPE_INTERRUPT)
		return LIBUSB_ERROR_NOT_SUPPORTED;
	in = (p->endpoint & LIBUSB_ENDPOINT_IN) != 0;
	m->kind = LINK_BULK;
	m->a = p->endpoint;
	m->b = (uint32_t)p->length;
	m->len = in ? 0 : (uint32_t)p->length;
	return LIBUSB_SUCCESS;
}

static int submit_locked(struct libusb_device_handle *h, struct usb_transfer *t)
{
	const uint8_t *payload;
	struct link_msg m = {0};
	struct usb_transfer **p;
	int rc = describe(t, &m, &payload);

	if (rc != LIBUSB_SUCCESS)
		return rc;
	if (t->in_flight)
		return LIBUSB_ERROR_BUSY;
	if (h->gone)
		return LIBUSB_ERROR_NO_DEVICE;
	t->id = h->next_id++;
	m.id = t->id;
	m.flags = h->flight != NULL ? LINK_FLAG_QUEUED : 0;
	if (!usb_send(h->fd, &m, payload))
		return LIBUSB_ERROR_NO_DEVICE;
	t->in_flight = true;
	t->finished = t->timed_out = false;
	t->pub.actual_length = 0;
	t->deadline_ns =
		t->pub.timeout == 0
			? 0
			: usb_now_ns() + (int64_t)t->pub.timeout * 1000000;
	t->next = NULL;
	for (p = &h->flight; *p != NULL; p = &(*p)->next)
		;
	*p = t;
	return LIBUSB_SUCCESS;
}

USB_EXPORT int LIBUSB_CALL libusb_submit_transfer(struct libusb_transfer *pub)
{
	struct libusb_device_handle *h = pub->dev_handle;
	struct libusb_context *ctx = h->dev->ctx;
	ssize_t n;
	int rc;

	pthread_mutex_lock(&ctx->mutex);
	rc = submit_locked(h, priv(pub));
	if (rc == LIBUSB_SUCCESS && pub->timeout != 0 && ctx->handling &&
	    !pthread_equal(ctx->handler, pthread_self())) {
		/* The handler must learn of the deadline; a full pipe has
		 * woken it already. */
		n = write(ctx->wake[1], "", 1);
		(void)n;
	}
	pthread_mutex_unlock(&ctx->mutex);
	return rc;
}

USB_EXPORT int LIBUSB_CALL libusb_cancel_transfer(struct libusb_transfer *pub)
{
	struct usb_transfer *t = priv(pub);
	struct libusb_device_handle *h = pub->dev_handle;
	struct link_msg m = {.kind = LINK_CANCEL};
	int rc = LIBUSB_SUCCESS;

	if (h == NULL)
		return LIBUSB_ERROR_NOT_FOUND;
	pthread_mutex_lock(&h->dev->ctx->mutex);
	m.a = t->id;
	if (!t->in_flight)
		rc = LIBUSB_ERROR_NOT_FOUND;
	else if (!t->finished && !h->gone && !usb_send(h->fd, &m, NULL))
		rc = LIBUSB_ERROR_NO_DEVICE;
	pthread_mutex_unlock(&h->dev->ctx->mutex);
	return rc;
}

/* -------- synchronous -------- */

static void LIBUSB_CALL sync_done(struct libusb_transfer *pub)
{
	__atomic_store_n((int *)pub->user_data, 1, __ATOMIC_SEQ_CST);
}

static int status_error(enum libusb_transfer_status status)
{
	switch (status) {
	case LIBUSB_TRANSFER_COMPLETED:
		return LIBUSB_SUCCESS;
	case LIBUSB_TRANSFER_TIMED_OUT:
		return LIBUSB_ERROR_TIMEOUT;
	case LIBUSB_TRANSFER_STALL:
		return LIBUSB_ERROR_PIPE;
	case LIBUSB_TRANSFER_NO_DEVICE:
		return LIBUSB_ERROR_NO_DEVICE;
	case LIBUSB_TRANSFER_OVERFLOW:
		return LIBUSB_ERROR_OVERFLOW;
	default:
		return LIBUSB_ERROR_IO;
	}
}

/* Submit and wait; t is the caller's to free. */
static int sync_run(struct libusb_transfer *t)
{
	int done = 0;
	int rc;

	t->callback = sync_done;
	t->user_data = &done;
	rc = libusb_submit_transfer(t);
	if (rc != LIBUSB_SUCCESS)
		return rc;
	while (!__atomic_load_n(&done, __ATOMIC_SEQ_CST))
		usb_events(t->dev_handle->dev->ctx, usb_now_ns() + 1000000000,
			   &done);
	return status_error(t->status);
}

static int sync_bulk(libusb_device_handle *h, uint8_t type, uint8_t endpoint,
		     unsigned char *data, int length, int *actual,
		     unsigned timeout)
{
	struct libusb_transfer *t = libusb_alloc_transfer(0);
	int rc;

	if (t == NULL)
		return LIBUSB_ERROR_NO_MEM;
	libusb_fill_bulk_transfer(t, h, endpoint, data, length, NULL, NULL,
				  timeout);
	t->type = type;
	rc = sync_run(t);
	if (actual != NULL)
		*actual = t->actual_length;
	libusb_free_transfer(t);
	return rc;
}

USB_EXPORT int LIBUSB_CALL libusb_bulk_transfer(libusb_device_handle *h,
						unsigned char endpoint,
						unsigned char *data, int length,
						int *actual, unsigned timeout)
{
	return sync_bulk(h, LIBUSB_TRANSFER_TYPE_BULK, endpoint, data, length,
			 actual, timeout);
}

USB_EXPORT int LIBUSB_CALL libusb_interrupt_transfer(libusb_device_handle *h,
						     unsigned char endpoint,
						     unsigned char *data,
						     int length, int *actual,
						     unsigned timeout)
{
	return sync_bulk(h, LIBUSB_TRANSFER_TYPE_INTERRUPT, endpoint, data,
			 length, actual, timeout);
}

USB_EXPORT int LIBUSB_CALL libusb_control_transfer(
	libusb_device_handle *h, uint8_t type, uint8_t request, uint16_t value,
	uint16_t index, unsigned char *data, uint16_t length, unsigned timeout)
{
	struct libusb_transfer *t = libusb_alloc_transfer(0);
	uint8_t *buf = calloc(1, LIBUSB_CONTROL_SETUP_SIZE + (size_t)length);
	int rc = LIBUSB_ERROR_NO_MEM;

	if (t == NULL || buf == NULL)
		goto out;
	libusb_fill_control_setup(buf, type, request, value, index, length);
	if (!(type & LIBUSB_ENDPOINT_IN) && length > 0)
		memcpy(buf + LIBUSB_CONTROL_SETUP_SIZE, data, length);
	libusb_fill_control_transfer(t, h, buf, NULL, NULL, timeout);
	rc = sync_run(t);
	if (rc == LIBUSB_SUCCESS) {
		rc = t->actual_length;
		if ((type & LIBUSB_ENDPOINT_IN) && rc > 0)
			memcpy(data, buf + LIBUSB_CONTROL_SETUP_SIZE,
			       (size_t)rc);
	}
out:
	free(buf);
	libusb_free_transfer(t);
	return rc;
}

USB_EXPORT int LIBUSB_CALL libusb_get_string_descriptor_ascii(
	libusb_device_handle *h, uint8_t index, unsigned char *data, int length)
{
	uint8_t buf[255];
	int n, at = 0;

	if (index == 0 || length < 1)
		return LIBUSB_ERROR_INVALID_PARAM;
	n = libusb_get_string_descriptor(h, index, 0x0409, buf, sizeof(buf));
	if (n < 0)
		return n;
	if (n < 2 || buf[0] > n || buf[1] != LIBUSB_DT_STRING)
		return LIBUSB_ERROR_IO;
	for (int i = 2; i + 1 < buf[0] && at < length - 1; i += 2)
		data[at++] = buf[i + 1] == 0 && buf[i] < 0x80 ? buf[i] : '?';
	data[at] = 0;
	return at;
}
