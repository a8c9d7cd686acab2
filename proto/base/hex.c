#include "proto/base/hex.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char digits[] = "0123456789abcdef";

const char *hex_encode(char *out, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[p[i] >> 4];
		out[2 * i + 1] = digits[p[i] & 15];
	}
	out[2 * len] = '\0';
	return out;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool hex_decode(uint8_t *out, size_t len, const char *text)
{
	if (strlen(text) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int hi = digit_value(text[2 * i]);
		int lo = digit_value(text[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

const char *hex_uuid(char out[37])
{
	static const uint8_t groups[] = {4, 2, 2, 2, 6};
	uint8_t b[16];
	char *o = out;
	const uint8_t *p = b;

	if (getrandom(b, sizeof b, 0) != sizeof b)
		abort();
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	for (size_t g = 0; g < sizeof groups; g++) {
		hex_encode(o, p, groups[g]);
		p += groups[g];
		o += 2 * groups[g];
		*o++ = g + 1 < sizeof groups ? '-' : '\0';
	}
	return out;
}
