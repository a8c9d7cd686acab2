/* The rows of uart.def as data, for the encoder and the decoder. Private to
 * proto/uart. */
#ifndef PROTO_UART_FIELDS_H
#define PROTO_UART_FIELDS_H

#include "proto/uart/uart.h"

enum field_kind { FIELD_U32, FIELD_TEXT, FIELD_WORD, FIELD_HEXB, FIELD_B64 };

struct field {
	const char *name; /* NULL ends a sentence's fields */
	enum field_kind kind;
	uint16_t offset;     /* of the value inside the sentence's struct */
	uint16_t len_offset; /* B64: of its length */
	uint32_t min;	     /* U32 */
	uint32_t max;	     /* U32: value; otherwise characters or bytes */
};

enum field_direction { TO_HOST = 1, TO_DUT = 2, BOTH = 3 };

struct field_sentence {
	const char *name;
	enum field_direction direction;
	const struct field *(*fields)(void);
};

extern const struct field_sentence field_sentences[UART_TYPE_COUNT];

/* A line that is being written. ok turns false for good when it is full. */
struct field_out {
	char *text;
	size_t len, size;
	bool ok;
};
void field_put_char(struct field_out *o, char c);
void field_put_text(struct field_out *o, const char *text);
void field_put_u32(struct field_out *o, uint32_t value);
void field_put_crc(struct field_out *o, uint32_t crc);

/* A part of a line that is being read. */
struct field_in {
	const char *text;
	size_t len;
};
bool field_get_u32(struct field_in in, uint32_t min, uint32_t max,
		   uint32_t *value);
bool field_get_crc(struct field_in in, uint32_t *crc);

/* The value of field f in the sentence struct at base, written to o or read
 * from in. False when it is outside of what the row allows; every value has
 * exactly one accepted spelling. */
bool field_write(struct field_out *o, const struct field *f, const void *base);
bool field_read(struct field_in in, const struct field *f, void *base);

#endif
