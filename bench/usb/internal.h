/* Shared by the files of the libusb look-alike.
 *
 * Locking: ctx->mutex guards a context's handles and transfers. At any time at
 * most one thread is the event handler of a context (ctx->handling); it polls
 * and reads sockets without the mutex and calls callbacks without the mutex.
 * Others wait on ctx->cond until it is done or their transfer is.
 */
#ifndef BENCH_USB_INTERNAL_H
#define BENCH_USB_INTERNAL_H

#include "bench/usb/link.h"
#include "bench/usb/socket.h"

#include <libusb-1.0/libusb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define USB_EXPORT __attribute__((visibility("default")))

struct libusb_device {
	int refs; /* guarded by ctx->mutex */
	struct libusb_context *ctx;
	struct link_device info;
};

/* In front of every struct libusb_transfer handed out. */
struct usb_transfer {
	struct usb_transfer *next; /* in its handle's list, while in flight */
	uint32_t id;
	int64_t deadline_ns; /* 0: none */
	bool in_flight;
	bool timed_out; /* cancel was sent because of the deadline */
	bool finished;	/* status is set; callback not called yet */
	struct libusb_transfer pub;
};

struct libusb_device_handle {
	struct libusb_device_handle *next; /* in its context */
	struct libusb_device *dev;
	int fd;
	bool gone; /* the connection ended */
	uint32_t next_id;
	uint32_t claimed; /* bit per interface, as granted by the daemon */
	struct usb_transfer *flight;
	/* Answer to the one synchronous request at a time. */
	uint32_t reply_id;
	bool reply_here;
	struct link_msg reply;
};

struct libusb_context {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool handling;
	pthread_t handler; /* when handling */
	int wake[2];	   /* pipe: get the event handler out of poll() */
	int refs;	   /* of the default context */
	struct libusb_device_handle *handles;
};

int64_t usb_now_ns(void);
struct libusb_context *usb_context(struct libusb_context *ctx);

/* context.c: one round of events, at most until deadline_ns; *completed may be
 * NULL. mutex not held. */
int usb_events(struct libusb_context *ctx, int64_t deadline_ns,
	       const int *completed);

/* A request that is answered at once; returns a libusb error. mutex not
 * held. */
int usb_request(struct libusb_device_handle *h, struct link_msg *m);

int usb_error(uint32_t link_status);

#endif
