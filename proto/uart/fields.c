/* The table of sentences and the five kinds of value. A value has one
 * spelling only: what is read always would be written the same way. */
#include "proto/uart/fields.h"

/* A local name for the sentence's struct is what lets a field's row say
 * offsetof() without knowing which sentence it stands in. */
#define SENTENCE(name, dir, what)                      \
	static const struct field *fields_##name(void) \
	{                                              \
		typedef struct uart_##name row;        \
		static const struct field fields[] = {
#define U32(name, min, max, what) \
	{#name, FIELD_U32, offsetof(row, name), 0, min, max},
#define TEXT(name, max_chars, what) \
	{#name, FIELD_TEXT, offsetof(row, name), 0, 0, max_chars},
#define WORD(name, max_chars, what) \
	{#name, FIELD_WORD, offsetof(row, name), 0, 0, max_chars},
#define HEXB(name, bytes, what) \
	{#name, FIELD_HEXB, offsetof(row, name), 0, 0, bytes},
#define B64(name, max_bytes, what)                                         \
	{#name, FIELD_B64, offsetof(row, name), offsetof(row, name##_len), \
	 0,	max_bytes},
#define END                                 \
	{                                   \
		NULL, FIELD_U32, 0, 0, 0, 0 \
	}                                   \
	}                                   \
	;                                   \
	return fields;                      \
	}
#include "proto/uart/uart.def"
#undef SENTENCE
#undef U32
#undef TEXT
#undef WORD
#undef HEXB
#undef B64
#undef END

#define SENTENCE(name, dir, what) {#name, dir, fields_##name},
#define U32(name, min, max, what)
#define TEXT(name, max_chars, what)
#define WORD(name, max_chars, what)
#define HEXB(name, bytes, what)
#define B64(name, max_bytes, what)
#define END
const struct field_sentence field_sentences[UART_TYPE_COUNT] = {
#include "proto/uart/uart.def"
};

static const char hex_upper[] = "0123456789ABCDEF";
static const char hex_lower[] = "0123456789abcdef";
static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The digit's value, or -1. */
static int digit_of(const char *digits, char c)
{
	for (int i = 0; digits[i] != '\0'; i++)
		if (digits[i] == c)
			return i;
	return -1;
}

void field_put_char(struct field_out *o, char c)
{
	if (o->len >= o->size)
		o->ok = false;
	if (o->ok)
		o->text[o->len++] = c;
}

void field_put_text(struct field_out *o, const char *text)
{
	for (; *text != '\0'; text++)
		field_put_char(o, *text);
}

void field_put_u32(struct field_out *o, uint32_t value)
{
	char digits[10];
	size_t n = 0;

	do {
		digits[n++] = (char)('0' + value % 10u);
		value /= 10u;
	} while (value != 0);
	while (n > 0)
		field_put_char(o, digits[--n]);
}

void field_put_crc(struct field_out *o, uint32_t crc)
{
	for (int shift = 28; shift >= 0; shift -= 4)
		field_put_char(o, hex_upper[(crc >> shift) & 15u]);
}

bool field_get_u32(struct field_in in, uint32_t min, uint32_t max,
		   uint32_t *value)
{
	uint64_t v = 0;

	if (in.len == 0 || in.len > 10 || (in.len > 1 && in.text[0] == '0'))
		return false;
	for (size_t i = 0; i < in.len; i++) {
		if (in.text[i] < '0' || in.text[i] > '9')
			return false;
		v = v * 10u + (uint64_t)(in.text[i] - '0');
	}
	if (v < min || v > max)
		return false;
	*value = (uint32_t)v;
	return true;
}

bool field_get_crc(struct field_in in, uint32_t *crc)
{
	uint32_t v = 0;

	if (in.len != 8)
		return false;
	for (size_t i = 0; i < in.len; i++) {
		int d = digit_of(hex_upper, in.text[i]);
		if (d < 0)
			return false;
		v = v << 4 | (uint32_t)d;
	}
	*crc = v;
	return true;
}

/* -------- TEXT -------- */

static bool text_is_plain(char c)
{
	return c > 0x20 && c < 0x7F && c != '%' && c != '=' && c != '*' &&
	       c != '!';
}

static bool text_write(struct field_out *o, const char *text, size_t max)
{
	size_t n = 0;

	if (text[0] == '\0')
		field_put_char(o, '%');
	for (; n <= max && text[n] != '\0'; n++) {
		uint8_t byte = (uint8_t)text[n];

		if (text_is_plain(text[n])) {
			field_put_char(o, text[n]);
			continue;
		}
		field_put_char(o, '%');
		field_put_char(o, hex_upper[byte >> 4]);
		field_put_char(o, hex_upper[byte & 15u]);
	}
	return n <= max;
}

/* One character of the text at the front of in, taken away from it. */
static bool text_take(struct field_in *in, char *c)
{
	int high, low;

	*c = in->text[0];
	if (text_is_plain(*c)) {
		in->text++;
		in->len--;
		return true;
	}
	if (*c != '%' || in->len < 3)
		return false;
	high = digit_of(hex_upper, in->text[1]);
	low = digit_of(hex_upper, in->text[2]);
	if (high < 0 || low < 0)
		return false;
	*c = (char)(high << 4 | low);
	in->text += 3;
	in->len -= 3;
	return *c != '\0' && !text_is_plain(*c);
}

static bool text_read(struct field_in in, char *text, size_t max)
{
	size_t n = 0;

	if (in.len == 1 && in.text[0] == '%') {
		text[0] = '\0';
		return true;
	}
	while (in.len > 0) {
		if (n == max || !text_take(&in, &text[n]))
			return false;
		n++;
	}
	text[n] = '\0';
	return n > 0;
}

/* -------- WORD -------- */

static bool word_char(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static bool word_write(struct field_out *o, const char *word, size_t max)
{
	size_t n = 0;

	for (; n <= max && word_char(word[n]); n++)
		field_put_char(o, word[n]);
	return n > 0 && n <= max && word[n] == '\0';
}

static bool word_read(struct field_in in, char *word, size_t max)
{
	if (in.len == 0 || in.len > max)
		return false;
	for (size_t i = 0; i < in.len; i++) {
		if (!word_char(in.text[i]))
			return false;
		word[i] = in.text[i];
	}
	word[in.len] = '\0';
	return true;
}

/* -------- HEXB -------- */

static void hexb_write(struct field_out *o, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		field_put_char(o, hex_lower[bytes[i] >> 4]);
		field_put_char(o, hex_lower[bytes[i] & 15u]);
	}
}

static bool hexb_read(struct field_in in, uint8_t *bytes, size_t len)
{
	if (in.len != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = digit_of(hex_lower, in.text[2 * i]);
		int low = digit_of(hex_lower, in.text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* -------- B64 -------- */

static bool b64_write(struct field_out *o, const uint8_t *bytes, size_t len,
		      size_t max)
{
	if (len == 0 || len > max)
		return false;
	for (size_t i = 0; i < len; i += 3) {
		size_t have = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)bytes[i] << 16;

		if (have > 1)
			v |= (uint32_t)bytes[i + 1] << 8;
		if (have > 2)
			v |= bytes[i + 2];
		for (size_t d = 0; d < 4; d++)
			field_put_char(
				o, d > have ? '='
					    : base64_digits[v >> (18 - 6 * d) &
							    63u]);
	}
	return true;
}

/* Four characters to one to three bytes; 0 when they are no base64 or leave
 * bits over that a sender would have sent as 0. */
static size_t b64_group(const char *text, bool last, uint8_t bytes[3])
{
	size_t digits = 4;
	uint32_t v = 0;

	if (last && text[3] == '=')
		digits = text[2] == '=' ? 2 : 3;
	for (size_t d = 0; d < 4; d++) {
		int digit = d < digits ? digit_of(base64_digits, text[d]) : 0;

		if (digit < 0)
			return 0;
		v = v << 6 | (uint32_t)digit;
	}
	bytes[0] = (uint8_t)(v >> 16);
	bytes[1] = (uint8_t)(v >> 8);
	bytes[2] = (uint8_t)v;
	if ((digits < 4 && bytes[2] != 0) || (digits < 3 && bytes[1] != 0))
		return 0;
	return digits - 1;
}

static bool b64_read(struct field_in in, uint8_t *bytes, uint16_t *len,
		     size_t max)
{
	size_t total = 0;

	if (in.len == 0 || in.len % 4 != 0)
		return false;
	for (size_t i = 0; i < in.len; i += 4) {
		uint8_t group[3];
		size_t n = b64_group(in.text + i, i + 4 == in.len, group);

		if (n == 0 || n > max - total)
			return false;
		for (size_t k = 0; k < n; k++)
			bytes[total++] = group[k];
	}
	*len = (uint16_t)total;
	return true;
}

/* -------- any field -------- */

bool field_write(struct field_out *o, const struct field *f, const void *base)
{
	const void *at = (const char *)base + f->offset;
	const uint16_t *len =
		(const void *)((const char *)base + f->len_offset);
	uint32_t number;

	switch (f->kind) {
	case FIELD_U32:
		number = *(const uint32_t *)at;
		field_put_u32(o, number);
		return number >= f->min && number <= f->max;
	case FIELD_TEXT:
		return text_write(o, at, f->max);
	case FIELD_WORD:
		return word_write(o, at, f->max);
	case FIELD_HEXB:
		hexb_write(o, at, f->max);
		return true;
	case FIELD_B64:
		return b64_write(o, at, *len, f->max);
	}
	return false;
}

bool field_read(struct field_in in, const struct field *f, void *base)
{
	void *at = (char *)base + f->offset;

	switch (f->kind) {
	case FIELD_U32:
		return field_get_u32(in, f->min, f->max, at);
	case FIELD_TEXT:
		return text_read(in, at, f->max);
	case FIELD_WORD:
		return word_read(in, at, f->max);
	case FIELD_HEXB:
		return hexb_read(in, at, f->max);
	case FIELD_B64:
		return b64_read(in, at, (void *)((char *)base + f->len_offset),
				f->max);
	}
	return false;
}
