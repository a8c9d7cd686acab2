#include "proto/msg/rules.h"

#include <mbedtls/base64.h>
#include <string.h>

static bool only(const char *text, const char *allowed)
{
	return text[strspn(text, allowed)] == '\0';
}

#define DIGITS	"0123456789"
#define HEXA	DIGITS "abcdef"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static bool printable(const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

bool rules_text_ok(const struct field *f, const char *text)
{
	size_t max = f->kind == FIELD_HEX ? 2 * f->max : f->max;
	size_t len = strnlen(text, max + 1);

	if (len > max)
		return false;
	switch (f->kind) {
	case FIELD_TEXT:
		return printable(text);
	case FIELD_NAME:
		return only(text, LETTERS DIGITS "._-");
	case FIELD_UUID:
		return len == 36 && only(text, HEXA "-");
	case FIELD_HEX:
		return (len == 0 || len == max) && only(text, HEXA);
	default:
		return false;
	}
}

bool rules_sint_ok(const struct field *f, int64_t value)
{
	return value >= f->min && (value < 0 || (uint64_t)value <= f->max);
}

json_t *rules_bytes_to_json(const uint8_t *p, size_t len)
{
	unsigned char text[6000];
	size_t n;

	if (mbedtls_base64_encode(text, sizeof text, &n, p, len))
		return NULL;
	return json_stringn((const char *)text, n);
}
