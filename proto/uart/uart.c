/* Sentences to lines and back, over the table in fields.c. */
#include "proto/uart/uart.h"

#include "proto/uart/fields.h"

#define MARK	  "!PL1 "
#define MARK_LEN  5u
#define CRC_CHARS 8u
/* the mark, "0 X ", and the CRC with its star */
#define SHORTEST  (MARK_LEN + 4u + 1u + CRC_CHARS)

uint32_t uart_crc32(const void *data, size_t len)
{
	/* reflected 0x04C11DB7, four bits at a time */
	static const uint32_t table[16] = {
		0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu,
		0x76DC4190u, 0x6B6B51F4u, 0x4DB26158u, 0x5005713Cu,
		0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu,
		0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu};
	const uint8_t *bytes = data;
	uint32_t crc = 0xFFFFFFFFu;

	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		crc = crc >> 4 ^ table[crc & 15u];
		crc = crc >> 4 ^ table[crc & 15u];
	}
	return ~crc;
}

const char *uart_type_name(enum uart_type type)
{
	return (unsigned)type < UART_TYPE_COUNT ? field_sentences[type].name
						: "?";
}

size_t uart_encode(char *out, size_t out_size, const struct uart_sentence *s)
{
	struct field_out o = {.text = out, .size = UART_LINE_MAX, .ok = true};
	bool valid = true;

	if (out_size < UART_LINE_MAX || (unsigned)s->type >= UART_TYPE_COUNT ||
	    s->seq > 65535u)
		return 0;
	field_put_text(&o, MARK);
	field_put_u32(&o, s->seq);
	field_put_char(&o, ' ');
	field_put_text(&o, field_sentences[s->type].name);
	field_put_char(&o, ' ');
	for (const struct field *f = field_sentences[s->type].fields();
	     f->name != NULL; f++) {
		field_put_text(&o, f->name);
		field_put_char(&o, '=');
		valid = field_write(&o, f, &s->u) && valid;
		field_put_char(&o, ' ');
	}
	uint32_t crc = uart_crc32(out, o.len);
	field_put_char(&o, '*');
	field_put_crc(&o, crc);
	field_put_text(&o, "\r\n");
	return valid && o.ok ? o.len : 0;
}

/* The characters up to the next space; both are taken away from rest. */
static bool take_word(struct field_in *rest, struct field_in *word)
{
	for (size_t i = 0; i < rest->len; i++) {
		if (rest->text[i] != ' ')
			continue;
		*word = (struct field_in){rest->text, i};
		rest->text += i + 1;
		rest->len -= i + 1;
		return true;
	}
	return false;
}

/* Is text at the front of in? Then take it away. */
static bool take_text(struct field_in *in, const char *text)
{
	size_t n = 0;

	for (; text[n] != '\0'; n++)
		if (n >= in->len || in->text[n] != text[n])
			return false;
	in->text += n;
	in->len -= n;
	return true;
}

static bool parse_type(struct field_in word, bool to_dut, enum uart_type *type)
{
	unsigned side = to_dut ? TO_DUT : TO_HOST;

	for (unsigned t = 0; t < UART_TYPE_COUNT; t++) {
		struct field_in in = word;

		if (!take_text(&in, field_sentences[t].name) || in.len != 0)
			continue;
		*type = (enum uart_type)t;
		return ((unsigned)field_sentences[t].direction & side) != 0;
	}
	return false;
}

static bool parse_fields(struct field_in rest, struct uart_sentence *s)
{
	const struct field *f = field_sentences[s->type].fields();

	for (; f->name != NULL; f++) {
		struct field_in word;

		if (!take_word(&rest, &word) || !take_text(&word, f->name) ||
		    !take_text(&word, "=") || !field_read(word, f, &s->u))
			return false;
	}
	return rest.len == 0;
}

enum uart_result uart_decode(struct uart_sentence *s, const char *line,
			     size_t len, bool to_dut)
{
	struct field_in rest = {line, len}, word;
	uint32_t crc;

	if (!take_text(&rest, MARK))
		return UART_LOG;
	/* what leaves no room for the line end nobody could have sent: it is
	 * an overlong line, cut */
	if (len < SHORTEST || len > UART_LINE_MAX - 2 ||
	    line[len - CRC_CHARS - 1] != '*')
		return UART_BAD;
	rest.len -= CRC_CHARS + 1;
	if (!field_get_crc((struct field_in){line + len - CRC_CHARS, CRC_CHARS},
			   &crc) ||
	    crc != uart_crc32(line, len - CRC_CHARS - 1))
		return UART_BAD;
	if (!take_word(&rest, &word) || !field_get_u32(word, 0, 65535, &s->seq))
		return UART_BAD;
	if (!take_word(&rest, &word) || !parse_type(word, to_dut, &s->type))
		return UART_BAD;
	return parse_fields(rest, s) ? UART_SENTENCE : UART_BAD;
}
