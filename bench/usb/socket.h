/* The front ends' side of the link to the bench daemon: whole messages over its
 * socket, blocking. False when the daemon is not there or gone. */
#ifndef BENCH_USB_SOCKET_H
#define BENCH_USB_SOCKET_H

#include "bench/usb/link.h"

#include <stdbool.h>
#include <stddef.h>

/* To the socket that the environment names (LINK_ENV). *fd is the caller's. */
bool usb_connect(int *fd);
/* m->len bytes of payload follow the header. */
bool usb_send(int fd, const struct link_msg *m, const void *payload);
bool usb_recv(int fd, void *buf, size_t len);
/* Closes fd. Whoever claims next must find the interfaces free: waits, for a
 * second at most, until the daemon has closed its end too. */
void usb_disconnect(int fd);

#endif
