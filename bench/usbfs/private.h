/* What the files of this folder share about the test bed. */
#ifndef BENCH_USBFS_PRIVATE_H
#define BENCH_USBFS_PRIVATE_H

#include "bench/usbfs/file.h"
#include "bench/usbfs/usbfs.h"

void usbfs_lock(struct usbfs *u);
void usbfs_unlock(struct usbfs *u);
/* With the mutex held. */
void usbfs_refresh_locked(struct usbfs *u);
/* Some open file of this device holds the interface. */
bool usbfs_claimed(struct usbfs *u, uint32_t device_id, unsigned iface);

#endif
