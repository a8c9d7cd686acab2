/* The dialogue with the DUT over the provisioning UART: sentences of
 * proto/uart/uart.def in both directions, over target_uart_*. Whatever is no
 * sentence is log text and is handed, escaped, to a callback.
 *
 * STORED and APP_TEST are acknowledged only when the caller comes back for
 * more: between the two it writes its journal. The DUT waits for these
 * acknowledgements before it goes on to what cannot be asked again, so it never
 * gets further than an agent that dies remembers.
 *
 * Everything that arrives is hostile: noise, floods and sentences out of turn
 * cost budget, nothing else. One dialogue belongs to one worker thread.
 *
 * Silence and repeats are timed by the line as the probe sees it, so that a
 * busy host neither takes a DUT for dead nor repeats what it has not read the
 * answer to. Deadlines are the host's.
 */
#ifndef AGENT_FLOW_DIALOGUE_H
#define AGENT_FLOW_DIALOGUE_H

#include "agent/target/target.h"
#include "proto/base/err.h"
#include "proto/base/mono.h"
#include "proto/uart/uart.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIALOGUE_QUEUE	    8u
#define DIALOGUE_LOG_MAX    (4u * UART_LINE_MAX + 1u) /* escaped, with NUL */
#define DIALOGUE_PRESENT_MS 500

/* line: printable ASCII, at most DIALOGUE_LOG_MAX. */
typedef void dialogue_log_fn(void *arg, const char *line);

struct dialogue {
	struct target *target;
	int silence_ms;
	dialogue_log_fn *log;
	void *log_arg;

	struct uart_link link;
	struct uart_lines lines;
	struct uart_sentence queue[DIALOGUE_QUEUE];
	size_t queue_n;
	bool acked;
	char held[UART_LINE_MAX]; /* acknowledgement not sent yet */
	size_t held_len;
	int64_t line_us;    /* the line's time: quiet and bytes, as read */
	int64_t heard_us;   /* last sentence or line of text */
	int64_t present_us; /* last look at SWD */
	unsigned absent;    /* looks in a row that saw no board */
};

/* silence_ms: of the line's time, how long the DUT may say nothing at all
 * before it counts as lost. */
void dialogue_init(struct dialogue *d, struct target *t, int silence_ms,
		   dialogue_log_fn *log, void *log_arg);

/* Start the DUT from nRST with both ends at number 0: hold reset, forget what
 * has arrived, release. hold false: it is held already. */
enum err_code dialogue_start(struct dialogue *d, bool hold, struct err *e);

/* The next sentence of the DUT; the last one is acknowledged now at the latest.
 * ERR_TIMEOUT after the deadline or the
 * silence; ERR_NO_TARGET when the board is gone; else as target_uart_read. */
enum err_code dialogue_next(struct dialogue *d, struct uart_sentence *s,
			    struct mono deadline, struct err *e);

/* Send and wait for the acknowledgement; what arrives meanwhile waits for
 * dialogue_next(). ERR_TIMEOUT: no acknowledgement after all repeats;
 * ERR_STATE: the DUT started again meanwhile, its BOOT is next. */
enum err_code dialogue_send(struct dialogue *d, struct uart_sentence *s,
			    struct mono deadline, struct err *e);

/* Printable ASCII stays, the rest becomes \xNN; always terminated. */
void dialogue_escape(char *out, size_t out_size, const char *text, size_t len);

#endif
