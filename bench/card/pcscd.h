/* A private pcscd with one vpcd reader, as a child process. */
#ifndef BENCH_CARD_PCSCD_H
#define BENCH_CARD_PCSCD_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct pcscd {
	pid_t pid;     /* 0 when not running */
	uint16_t port; /* where its vpcd waits for the card */
	char socket_path[108];
};

/* See card_bay_start(). */
enum err_code pcscd_start(struct pcscd *p, const char *socket_path,
			  const char *run_dir, const char *reader_name,
			  struct err *e);

/* Reaps it when it has ended. */
bool pcscd_alive(struct pcscd *p);

/* SIGTERM, then SIGKILL after 2 s; removes the socket. Idempotent. */
void pcscd_stop(struct pcscd *p);

#endif
