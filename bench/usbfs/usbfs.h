/* The bench's probes as Linux shows USB devices: a umockdev test bed with a
 * sysfs entry and a device node for each, which follows the bench daemon's
 * list.
 *
 * Threads: umockdev serves device nodes on a thread of its own; the list is
 * looked at by whoever calls usbfs_refresh(). One mutex guards all. */
#ifndef BENCH_USBFS_USBFS_H
#define BENCH_USBFS_USBFS_H

#include "bench/usb/link.h"
#include "proto/base/err.h"

#include <stdbool.h>

#define USBFS_DEVICES_MAX 64u

struct usbfs;

/* Makes the test bed (UMOCKDEV_DIR in this process's environment) with the
 * probes that the daemon has now. Once a process. ERR_UNREACHABLE: no daemon.
 */
enum err_code usbfs_new(struct usbfs **u, struct err *e);
/* Every program that uses the test bed has ended. */
void usbfs_free(struct usbfs *u);

/* Plugged and unplugged probes come and go, with their uevents. */
void usbfs_refresh(struct usbfs *u);

#endif
