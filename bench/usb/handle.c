/* Open devices: claims, configuration, reset. */
#include "bench/usb/internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int usb_error(uint32_t link_status)
{
	switch (link_status) {
	case LINK_OK:
		return LIBUSB_SUCCESS;
	case LINK_NO_DEVICE:
		return LIBUSB_ERROR_NO_DEVICE;
	case LINK_BUSY:
		return LIBUSB_ERROR_BUSY;
	case LINK_NOT_FOUND:
		return LIBUSB_ERROR_NOT_FOUND;
	case LINK_STALL:
		return LIBUSB_ERROR_PIPE;
	case LINK_CANCELLED:
		return LIBUSB_ERROR_INTERRUPTED;
	default:
		return LIBUSB_ERROR_INVALID_PARAM;
	}
}

static void request_begin(struct libusb_device_handle *h, struct link_msg *m)
{
	while (h->reply_id != 0)
		pthread_cond_wait(&h->dev->ctx->cond, &h->dev->ctx->mutex);
	m->id = h->next_id++;
	h->reply_id = m->id;
	h->reply_here = false;
	if (h->gone || !usb_send(h->fd, m, NULL)) {
		h->reply_here = true;
		h->reply.status = LINK_NO_DEVICE;
	}
}

int usb_request(struct libusb_device_handle *h, struct link_msg *m)
{
	struct libusb_context *ctx = h->dev->ctx;
	uint32_t status;

	pthread_mutex_lock(&ctx->mutex);
	request_begin(h, m);
	while (!h->reply_here) {
		pthread_mutex_unlock(&ctx->mutex);
		usb_events(ctx, usb_now_ns() + 20000000, NULL);
		pthread_mutex_lock(&ctx->mutex);
	}
	status = h->reply.status;
	h->reply_id = 0;
	pthread_cond_broadcast(&ctx->cond);
	pthread_mutex_unlock(&ctx->mutex);
	return usb_error(status);
}

/* The handle is not in the context's list yet: nobody else reads its socket. */
static int open_handshake(struct libusb_device_handle *h)
{
	struct link_msg m = {.kind = LINK_OPEN, .a = h->dev->info.id};

	if (!usb_send(h->fd, &m, NULL) || !usb_recv(h->fd, &m, sizeof(m)) ||
	    m.kind != LINK_DONE || m.len != 0)
		return LIBUSB_ERROR_NO_DEVICE;
	return usb_error(m.status);
}

static void wake_handler(struct libusb_context *ctx)
{
	ssize_t n;

	if (!ctx->handling || pthread_equal(ctx->handler, pthread_self()))
		return;
	/* A full pipe has woken it already. */
	n = write(ctx->wake[1], "", 1);
	(void)n;
}

USB_EXPORT int LIBUSB_CALL libusb_open(libusb_device *dev,
				       libusb_device_handle **out)
{
	struct libusb_device_handle *h = calloc(1, sizeof(*h));
	int rc;

	if (h == NULL)
		return LIBUSB_ERROR_NO_MEM;
	h->dev = dev;
	h->next_id = 1;
	if (!usb_connect(&h->fd)) {
		free(h);
		return LIBUSB_ERROR_NO_DEVICE;
	}
	rc = open_handshake(h);
	if (rc != LIBUSB_SUCCESS) {
		close(h->fd);
		free(h);
		return rc;
	}
	libusb_ref_device(dev);
	pthread_mutex_lock(&dev->ctx->mutex);
	h->next = dev->ctx->handles;
	dev->ctx->handles = h;
	wake_handler(dev->ctx);
	pthread_mutex_unlock(&dev->ctx->mutex);
	*out = h;
	return LIBUSB_SUCCESS;
}

USB_EXPORT void LIBUSB_CALL libusb_close(libusb_device_handle *h)
{
	struct libusb_context *ctx;
	struct libusb_device_handle **p;

	if (h == NULL)
		return;
	ctx = h->dev->ctx;
	pthread_mutex_lock(&ctx->mutex);
	while (ctx->handling && !pthread_equal(ctx->handler, pthread_self())) {
		wake_handler(ctx);
		pthread_cond_wait(&ctx->cond, &ctx->mutex);
	}
	for (p = &ctx->handles; *p != h; p = &(*p)->next)
		;
	*p = h->next;
	for (struct usb_transfer *t = h->flight; t != NULL; t = t->next)
		t->in_flight = false;
	pthread_mutex_unlock(&ctx->mutex);
	usb_disconnect(h->fd);
	libusb_unref_device(h->dev);
	free(h);
}

static libusb_device_handle *open_match(libusb_device **list, ssize_t n,
					uint16_t vendor, uint16_t product)
{
	struct libusb_device_descriptor d;
	libusb_device_handle *h = NULL;

	for (ssize_t i = 0; i < n && h == NULL; i++) {
		libusb_get_device_descriptor(list[i], &d);
		if (d.idVendor == vendor && d.idProduct == product &&
		    libusb_open(list[i], &h) != LIBUSB_SUCCESS)
			return NULL;
	}
	return h;
}

USB_EXPORT libusb_device_handle *LIBUSB_CALL libusb_open_device_with_vid_pid(
	libusb_context *ctx, uint16_t vendor, uint16_t product)
{
	libusb_device **list;
	libusb_device_handle *h;
	ssize_t n = libusb_get_device_list(ctx, &list);

	if (n < 0)
		return NULL;
	h = open_match(list, n, vendor, product);
	libusb_free_device_list(list, 1);
	return h;
}

USB_EXPORT libusb_device *LIBUSB_CALL libusb_get_device(libusb_device_handle *h)
{
	return h->dev;
}

USB_EXPORT int LIBUSB_CALL libusb_claim_interface(libusb_device_handle *h,
						  int iface)
{
	struct link_msg m = {.kind = LINK_CLAIM, .a = (uint32_t)iface};

	return usb_request(h, &m);
}

USB_EXPORT int LIBUSB_CALL libusb_release_interface(libusb_device_handle *h,
						    int iface)
{
	struct link_msg m = {.kind = LINK_RELEASE, .a = (uint32_t)iface};

	return usb_request(h, &m);
}

USB_EXPORT int LIBUSB_CALL libusb_reset_device(libusb_device_handle *h)
{
	struct link_msg m = {.kind = LINK_RESET};

	return usb_request(h, &m);
}

USB_EXPORT int LIBUSB_CALL libusb_clear_halt(libusb_device_handle *h,
					     unsigned char endpoint)
{
	struct link_msg m = {.kind = LINK_CLEAR_HALT, .a = endpoint};

	return usb_request(h, &m);
}

USB_EXPORT int LIBUSB_CALL libusb_get_configuration(libusb_device_handle *h,
						    int *config)
{
	if (h->gone)
		return LIBUSB_ERROR_NO_DEVICE;
	*config = h->dev->info.config[5];
	return LIBUSB_SUCCESS;
}

USB_EXPORT int LIBUSB_CALL libusb_set_configuration(libusb_device_handle *h,
						    int config)
{
	if (h->gone)
		return LIBUSB_ERROR_NO_DEVICE;
	return config == h->dev->info.config[5] ? LIBUSB_SUCCESS
						: LIBUSB_ERROR_NOT_FOUND;
}

USB_EXPORT int LIBUSB_CALL
libusb_set_interface_alt_setting(libusb_device_handle *h, int iface, int alt)
{
	(void)iface;
	if (h->gone)
		return LIBUSB_ERROR_NO_DEVICE;
	return alt == 0 ? LIBUSB_SUCCESS : LIBUSB_ERROR_NOT_FOUND;
}

/* No kernel driver ever holds a virtual probe: what Linux says then. */
USB_EXPORT int LIBUSB_CALL libusb_kernel_driver_active(libusb_device_handle *h,
						       int iface)
{
	(void)iface;
	return h->gone ? LIBUSB_ERROR_NO_DEVICE : 0;
}

USB_EXPORT int LIBUSB_CALL libusb_detach_kernel_driver(libusb_device_handle *h,
						       int iface)
{
	(void)iface;
	return h->gone ? LIBUSB_ERROR_NO_DEVICE : LIBUSB_ERROR_NOT_FOUND;
}

USB_EXPORT int LIBUSB_CALL libusb_attach_kernel_driver(libusb_device_handle *h,
						       int iface)
{
	(void)iface;
	return h->gone ? LIBUSB_ERROR_NO_DEVICE : LIBUSB_ERROR_NOT_FOUND;
}

USB_EXPORT int LIBUSB_CALL
libusb_set_auto_detach_kernel_driver(libusb_device_handle *h, int enable)
{
	(void)h;
	(void)enable;
	return LIBUSB_SUCCESS;
}
