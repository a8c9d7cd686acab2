/* Channel B of an FT2232H as a UART: 8N1, no flow control. Towards the host
 * the chip buffers 4 KiB; the caller must read often enough. One thread.
 */
#ifndef AGENT_DRV_UART_PORT_H
#define AGENT_DRV_UART_PORT_H

#include "proto/base/err.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct uart_port;

/* ERR_PROBE_GONE when no probe has this serial, ERR_IO when it is in use,
 * ERR_CONFIG for a baud rate the chip cannot make within 3 %. *cancelled is
 * looked at while waiting and may be NULL. */
enum err_code uart_port_open(struct uart_port **u, const char *serial,
			     uint32_t baud, const atomic_bool *cancelled,
			     struct err *e);
void uart_port_close(struct uart_port *u); /* NULL allowed */

/* Up to len bytes, waiting for the first of them until the probe has seen
 * wait_ms of quiet line; *got is 0 then. Time in which the host does not ask
 * the probe is no quiet: what the DUT said meanwhile waits in its buffer. */
enum err_code uart_port_read(struct uart_port *u, void *buf, size_t len,
			     size_t *got, int wait_ms, struct err *e);

/* All of it, handed to the chip. Budget: 1 s beyond the time on the line. */
enum err_code uart_port_write(struct uart_port *u, const void *buf, size_t len,
			      struct err *e);

/* Forget what has been received. */
enum err_code uart_port_flush(struct uart_port *u, struct err *e);

#endif
