/* Provisioning-UART sentences (uart.def): encode, decode strictly, and the
 * stop-and-wait link that both ends run. Portable C without allocation, libc
 * string functions or clocks: firmware and agent compile the same file.
 */
#ifndef PROTO_UART_UART_H
#define PROTO_UART_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UART_LINE_MAX  256u /* "\r\n" included, without NUL */
#define UART_BAUD      115200u
#define UART_RESEND_MS 250u
#define UART_RESENDS   8u

enum uart_type {
#define SENTENCE(name, dir, what) UART_##name,
#define U32(name, min, max, what)
#define TEXT(name, max_chars, what)
#define WORD(name, max_chars, what)
#define HEXB(name, bytes, what)
#define B64(name, max_bytes, what)
#define END
#include "proto/uart/uart.def"
#undef SENTENCE
	UART_TYPE_COUNT
};

/* One struct per sentence: struct uart_BOOT { char program[17]; ... }.
 * Text is NUL-terminated; B64 fields are bytes with a length. */
#undef U32
#undef TEXT
#undef WORD
#undef HEXB
#undef B64
#undef END
#define SENTENCE(name, dir, what)   struct uart_##name {
#define U32(name, min, max, what)   uint32_t name;
#define TEXT(name, max_chars, what) char name[(max_chars) + 1];
#define WORD(name, max_chars, what) char name[(max_chars) + 1];
#define HEXB(name, bytes, what)	    uint8_t name[bytes];
#define B64(name, max_bytes, what) \
	uint16_t name##_len;       \
	uint8_t name[max_bytes];
#define END \
	}   \
	;
#include "proto/uart/uart.def"
#undef SENTENCE
#undef U32
#undef TEXT
#undef WORD
#undef HEXB
#undef B64
#undef END

struct uart_sentence {
	uint32_t seq;
	enum uart_type type;
	union {
#define SENTENCE(name, dir, what) struct uart_##name name;
#define U32(name, min, max, what)
#define TEXT(name, max_chars, what)
#define WORD(name, max_chars, what)
#define HEXB(name, bytes, what)
#define B64(name, max_bytes, what)
#define END
#include "proto/uart/uart.def"
#undef SENTENCE
#undef U32
#undef TEXT
#undef WORD
#undef HEXB
#undef B64
#undef END
	} u;
};

const char *uart_type_name(enum uart_type type);

/* The line with "\r\n"; returns its length, 0 when a field is out of its
 * stated range (a bug in the caller) or out is shorter than UART_LINE_MAX. */
size_t uart_encode(char *out, size_t out_size, const struct uart_sentence *s);

enum uart_result {
	UART_SENTENCE, /* *s is filled */
	UART_LOG,      /* ordinary text */
	UART_BAD       /* claims to be a sentence ("!PL1 ") but is not valid */
};

/* line without its line end; len <= UART_LINE_MAX. to_dut: which direction
 * the line travelled; a sentence of the other direction is UART_BAD, as is one
 * that would not fit a line with its end. */
enum uart_result uart_decode(struct uart_sentence *s, const char *line,
			     size_t len, bool to_dut);

/* -------- lines out of bytes -------- */

struct uart_lines {
	char line[UART_LINE_MAX];
	size_t len;
	bool overlong; /* dropping the rest of a line that did not fit */
	bool done;     /* the line in `line` has been handed out */
};

/* Feed one byte. True when `line`/`len` hold a finished line (CR, LF, or
 * both end one; empty lines are not reported), valid until the next feed. An
 * overlong line is handed out cut, as log text: it can be no sentence. */
bool uart_lines_feed(struct uart_lines *l, uint8_t byte);

/* -------- the link: acknowledge, repeat, drop doubles -------- */

struct uart_link {
	bool is_dut;
	uint32_t next_seq; /* of the next sentence sent */
	bool waiting;	   /* for the ACK of `sent` */
	char sent[UART_LINE_MAX];
	size_t sent_len;
	uint32_t sent_seq;
	unsigned resends_left;
	uint32_t sent_at_ms;
	bool have_last; /* last sentence accepted from the peer */
	uint32_t last_seq;
	uint32_t last_crc;
	uint32_t bad_count; /* sentences ignored, for the record */
};

/* Time is a free-running millisecond counter of the caller's. */
void uart_link_init(struct uart_link *k, bool is_dut);

/* Encode s with the next number. Returns the line's length in k->sent, which
 * the caller transmits now; 0 when s is invalid or an ACK is awaited still. */
size_t uart_link_send(struct uart_link *k, struct uart_sentence *s,
		      uint32_t now_ms);

enum uart_tick {
	UART_TICK_IDLE,
	UART_TICK_RESEND, /* transmit k->sent, k->sent_len again */
	UART_TICK_LOST	  /* no ACK after all resends: the link is gone */
};
enum uart_tick uart_link_tick(struct uart_link *k, uint32_t now_ms);

enum uart_event {
	UART_EVENT_NONE,     /* double, ACK of something old, bad sentence */
	UART_EVENT_LOG,	     /* line is log text */
	UART_EVENT_ACKED,    /* the sentence sent last has arrived */
	UART_EVENT_SENTENCE, /* *s is new: handle it */
};
/* Take in one finished line. When *reply_len is not 0 the caller transmits
 * that many bytes of reply (an ACK) at once. On the host a BOOT sentence
 * resets the link's numbers. */
enum uart_event uart_link_line(struct uart_link *k, const char *line,
			       size_t len, struct uart_sentence *s,
			       char reply[UART_LINE_MAX], size_t *reply_len);

/* ISO-HDLC CRC-32 (as zlib), for sentences and records. */
uint32_t uart_crc32(const void *data, size_t len);

#endif
