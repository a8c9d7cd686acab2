/* Intel HEX. Text is read as it is; a random text has no right checksum, so
 * input that does not begin with a colon is turned into records that have one:
 * count (6 bits), offset, type (3 bits), data. */
#include "proto/rom/rom.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static size_t add_record(struct dbuf *text, const uint8_t *p, size_t left)
{
	uint8_t head[4] = {(uint8_t)(p[0] & 63), p[1], p[2],
			   (uint8_t)(p[3] & 7)};
	size_t len = head[0] < left - 4 ? head[0] : left - 4;
	uint8_t sum = 0;

	head[0] = (uint8_t)len;
	dbuf_addf(text, ":");
	for (size_t i = 0; i < 4 + len; i++) {
		uint8_t b = i < 4 ? head[i] : p[i];

		dbuf_addf(text, "%02X", b);
		sum = (uint8_t)(sum + b);
	}
	dbuf_addf(text, "%02X\n", (uint8_t)-sum);
	return 4 + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dbuf text, out;
	struct err e = {0};

	dbuf_init(&text, 1 << 20);
	dbuf_init(&out, ROM_AREA_BYTES);
	if (size && data[0] == ':')
		dbuf_add(&text, data, size);
	else
		while (size >= 4) {
			size_t used = add_record(&text, data, size);

			data += used;
			size -= used;
		}
	if (rom_read((const uint8_t *)dbuf_text(&text), text.len,
		     ROM_LOAD_ADDRESS, &out, &e))
		CHECK(out.len == 0 && e.text[0] && e.code != ERR_BUG);
	else
		CHECK(out.len >= 8 && out.len < ROM_AREA_BYTES);
	dbuf_fini(&out);
	dbuf_fini(&text);
	return 0;
}
