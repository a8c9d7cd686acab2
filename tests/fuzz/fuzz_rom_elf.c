/* Any bytes as an ELF file: refused with a text, or a program within limits. */
#include "proto/rom/rom.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = {0};
	struct dbuf out;
	uint8_t *file;

	if (size < 4)
		return 0;
	file = malloc(size);
	CHECK(file);
	memcpy(file, data, size);
	memcpy(file, "\177ELF", 4);
	dbuf_init(&out, ROM_AREA_BYTES);
	if (rom_read(file, size, ROM_LOAD_ADDRESS, &out, &e))
		CHECK(out.len == 0 && e.text[0] && e.code != ERR_BUG);
	else
		CHECK(out.len >= 8 && out.len < ROM_AREA_BYTES);
	CHECK(memcmp(file + 4, data + 4, size - 4) == 0); /* only read */
	dbuf_fini(&out);
	free(file);
	return 0;
}
