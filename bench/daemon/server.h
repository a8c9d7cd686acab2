/* The daemon's sockets: USB clients (bench/usb/link.h) until they open a probe,
 * and control clients (control.h) for good. One thread, the main one. */
#ifndef BENCH_DAEMON_SERVER_H
#define BENCH_DAEMON_SERVER_H

#include "bench/daemon/bench.h"

/* Serve until a byte can be read from stop_fd. Removes the sockets at the
 * end. */
enum err_code server_run(struct bench *b, int stop_fd, struct err *e);

#endif
