/* The card's side of vpcd's protocol: over TCP, each way a 16-bit big-endian
 * length and that many bytes. From the reader a single byte is a control
 * (0 power off, 1 power on, 2 reset, 4 ask for the ATR), anything longer an
 * APDU; only the ATR request and APDUs are answered. */
#ifndef BENCH_CARD_VPCD_H
#define BENCH_CARD_VPCD_H

#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define VPCD_MAX_BYTES 65535u

enum vpcd_control {
	VPCD_OFF = 0,
	VPCD_ON = 1,
	VPCD_RESET = 2,
	VPCD_ATR = 4,
};

/* Connect to the reader on this machine. ERR_UNREACHABLE. */
enum err_code vpcd_connect(int *fd, uint16_t port, struct err *e);

/* Wait for one message, or for wake_fd to become readable (ERR_CANCELLED).
 * buf holds VPCD_MAX_BYTES. ERR_UNREACHABLE when the reader hung up. */
enum err_code vpcd_receive(int fd, int wake_fd, uint8_t *buf, size_t *len);

/* ERR_UNREACHABLE when the reader hung up. len <= VPCD_MAX_BYTES. */
enum err_code vpcd_send(int fd, const void *data, size_t len);

#endif
