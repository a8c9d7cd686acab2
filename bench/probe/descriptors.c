#include "bench/probe/descriptors.h"

#include <assert.h>
#include <string.h>

static const struct {
	const char *name;
	uint16_t product, release;
	unsigned channels, mpsse;
	size_t fifo_bytes;
} types[] = {
	[PROBE_FT2232H] = {"ft2232h", 0x6010, 0x0700, 2, 2, 4096},
	[PROBE_FT232H] = {"ft232h", 0x6014, 0x0900, 1, 1, 1024},
	[PROBE_FT4232H] = {"ft4232h", 0x6011, 0x0800, 4, 2, 2048},
};

bool probe_type_parse(const char *name, enum probe_type *type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(name, types[i].name) == 0) {
			*type = (enum probe_type)i;
			return true;
		}
	}
	return false;
}

unsigned probe_type_channels(enum probe_type type)
{
	return types[type].channels;
}

size_t probe_type_fifo_bytes(enum probe_type type)
{
	return types[type].fifo_bytes;
}

bool probe_type_has_mpsse(enum probe_type type, unsigned channel)
{
	return channel < types[type].mpsse;
}

void descriptors_device(enum probe_type type, uint8_t out[18])
{
	const uint8_t d[18] = {
		18,
		0x01,
		0x00,
		0x02, /* USB 2.0 */
		0,
		0,
		0,
		64, /* EP0 */
		0x03,
		0x04, /* FTDI */
		(uint8_t)(types[type].product & 0xFF),
		(uint8_t)(types[type].product >> 8),
		(uint8_t)(types[type].release & 0xFF),
		(uint8_t)(types[type].release >> 8),
		1,
		2,
		3, /* manufacturer, product, serial number */
		1,
	};

	memcpy(out, d, sizeof(d));
}

static size_t add_endpoint(uint8_t *out, uint8_t address)
{
	const uint8_t d[7] = {7, 0x05, address, 0x02, 0x00, 0x02, 0}; /* 512 */

	memcpy(out, d, sizeof(d));
	return sizeof(d);
}

size_t descriptors_config(enum probe_type type, uint8_t out[PROBE_CONFIG_MAX])
{
	unsigned channels = types[type].channels;
	size_t len = 9 + channels * 23u;
	const uint8_t head[9] = {9, 0x02, (uint8_t)len, 0,  (uint8_t)channels,
				 1, 0,	  0x80,		250}; /* 500 mA */
	size_t at = sizeof(head);

	assert(len <= PROBE_CONFIG_MAX);
	memcpy(out, head, sizeof(head));
	for (unsigned i = 0; i < channels; i++) {
		const uint8_t iface[9] = {9,	0x04, (uint8_t)i, 0, 2,
					  0xFF, 0xFF, 0xFF,	  2};

		memcpy(out + at, iface, sizeof(iface));
		at += sizeof(iface);
		at += add_endpoint(out + at, (uint8_t)(0x81 + 2 * i));
		at += add_endpoint(out + at, (uint8_t)(0x02 + 2 * i));
	}
	return at;
}

size_t descriptors_string(const char *text, uint8_t out[256])
{
	size_t n = strnlen(text, PROBE_STRING_MAX);

	out[0] = (uint8_t)(2 + 2 * n);
	out[1] = 0x03;
	for (size_t i = 0; i < n; i++) {
		out[2 + 2 * i] = (uint8_t)text[i];
		out[3 + 2 * i] = 0;
	}
	return 2 + 2 * n;
}
