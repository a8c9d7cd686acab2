/* What Linux says of a USB device in sysfs, as a text for umockdev. */
#ifndef BENCH_USBFS_DEVICE_TEXT_H
#define BENCH_USBFS_DEVICE_TEXT_H

#include "bench/usb/link.h"

/* Below /sys, and the device node. The caller frees them with g_free(). */
char *device_sys_path(const struct link_device *d);
char *device_node_path(const struct link_device *d);

/* umockdev's device description (umockdev-run(1), umockdev-record(1)): P path,
 * N node, E udev property, A sysfs attribute, H the same in hexadecimal. Asks
 * the device for its strings, as Linux does when it enumerates one. The caller
 * frees it with g_free(). */
char *device_text(const struct link_device *d);

#endif
