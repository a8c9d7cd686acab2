/* A device node that a program has open: its connection to the bench daemon,
 * and the URBs in flight. All calls with the test bed's mutex held. */
#ifndef BENCH_USBFS_FILE_H
#define BENCH_USBFS_FILE_H

#include "bench/usb/link.h"

#include <linux/usbdevice_fs.h>
#include <stdbool.h>
#include <umockdev.h>

struct usbfs;

struct urb {
	struct urb *next;
	uint32_t id;		   /* on the link */
	UMockdevIoctlData *data;   /* struct usbdevfs_urb */
	UMockdevIoctlData *buffer; /* NULL when there is none */
};

/* What the one ioctl that is not answered yet waits for. */
enum file_wait {
	FILE_WAITS_NOT,
	FILE_WAITS_REPLY,   /* to the request wait_id */
	FILE_WAITS_REAP,    /* any URB */
	FILE_WAITS_DISCARD, /* the end of URB wait_id */
};

struct file {
	struct file *next; /* of the test bed's */
	struct usbfs *usbfs;
	struct link_device info;
	UMockdevIoctlClient *client; /* borrowed; referenced while it waits */
	GMainContext *context;	     /* umockdev's thread */
	int fd;
	GSource *incoming;
	bool gone; /* unplugged, or the daemon ended */
	uint32_t next_id;
	uint32_t claims; /* a bit per interface */
	struct urb *flight, *done;
	bool reaped_nothing; /* the last time it was asked */

	enum file_wait wait;
	uint32_t wait_id;
	struct link_msg request; /* FILE_WAITS_REPLY */
	unsigned tries;
	GSource *timer; /* of the wait, or NULL */
};

/* -------- file.c -------- */

/* The client has opened the device. Called on umockdev's thread; the file ends
 * with the client, through file_close(). */
struct file *file_open(struct usbfs *u, const struct link_device *info,
		       UMockdevIoctlClient *client);
void file_close(struct file *f);
/* No device any more: what is in flight ends, every ioctl but reaping says
 * ENODEV. */
void file_lose(struct file *f);

/* Answer the client's ioctl: result, or -errno. */
void file_answer(struct file *f, long result);
/* Answer it later. wait_ms 0: no limit. */
void file_hold(struct file *f, enum file_wait wait, uint32_t id,
	       unsigned wait_ms);
/* Send a request; its reply becomes the ioctl's answer. */
void file_request(struct file *f, const struct link_msg *m,
		  const void *payload);
/* errno of a link's status, 0 for LINK_OK. */
int file_errno(uint32_t status);
/* The interface of an endpoint, out of the configuration descriptor; -1 for
 * none. */
int file_interface(const struct file *f, unsigned endpoint);

/* -------- ioctl.c -------- */

/* One ioctl of the client: answered, now or later. */
void ioctl_handle(struct file *f, unsigned long request);
/* The answer to a CLAIM or RELEASE was good. */
void ioctl_claimed(struct file *f);

/* -------- urb.c -------- */

void urb_submit(struct file *f);
void urb_reap(struct file *f, bool may_wait);
void urb_discard(struct file *f);
/* URB with this id; NULL when there is none in flight. */
struct urb *urb_find(struct file *f, uint32_t id);
/* It ended as m says. False: its data could not be read. */
bool urb_end(struct file *f, struct urb *urb, const struct link_msg *m);
/* All in flight end without a device. */
void urb_end_all(struct file *f);
void urb_free_all(struct file *f);
/* What waits for URBs gets its answer now, whatever it is. */
void urb_wait_over(struct file *f);

#endif
