/* The DUT's end of the provisioning UART: say a sentence and know that it
 * arrived, wait for one, write log text. One dialogue per program. When nobody
 * acknowledges, the program stops: all programs begin anew at a reset.
 */
#ifndef FIRMWARE_COMMON_DIALOGUE_H
#define FIRMWARE_COMMON_DIALOGUE_H

#include "proto/board/layout.h"
#include "proto/rules.h"
#include "proto/uart/uart.h"

/* Start, with a BOOT sentence for this program; its version comes from its
 * header. Repeats for 45 s, then stops. */
void dialogue_begin(const struct layout_program_header *self);

/* One BOOT sentence for another program, which takes no part in the dialogue:
 * nobody has to be there to acknowledge it. */
void dialogue_announce(const struct layout_program_header *other);

/* Send and wait for the ACK. Stops the program when there is none. */
void dialogue_say(struct uart_sentence *s);

/* The next sentence of this type; others are acknowledged and dropped. Log
 * text is ignored. False after wait_ms. */
bool dialogue_expect(enum uart_type type, struct uart_sentence *s,
		     uint32_t wait_ms);

/* -------- the sentences that several programs use -------- */

void dialogue_stage(const char *name, uint32_t percent);
void dialogue_installed(const char *program, const char *version,
			const uint8_t sha256[32]);
/* FAIL, then stop. text is cut to what the sentence holds. */
_Noreturn void dialogue_fail(enum failure code, const char *text);
/* The same, text followed by a number in hex: "kernel: hash 0x00012000". */
_Noreturn void dialogue_fail_at(enum failure code, const char *text,
				const char *detail, uint32_t number);

/* A line of log text; what is no printable ASCII is sent as '?'. Not
 * acknowledged. */
void dialogue_log(const char *text, size_t len);

/* src into a field of size bytes, cut, NUL-terminated. */
void dialogue_set_text(char *field, size_t size, const char *src);

#endif
