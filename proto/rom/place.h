/* Where the readers put what they find. Private to proto/rom. */
#ifndef PROTO_ROM_PLACE_H
#define PROTO_ROM_PLACE_H

#include "proto/rom/rom.h"

struct rom_area {
	uint32_t load_address;
	size_t end; /* behind the last byte placed, from the start */
	/* both NULL before the first piece */
	uint8_t *bytes; /* ROM_AREA_BYTES, of no value where not taken */
	uint8_t *taken; /* likewise: 1 where something was placed */
};

/* Copy data to its address. `what` and `number` name the piece in errors:
 * "section", 3. ERR_INPUT when it lies outside the area or on another. */
enum err_code rom_place(struct rom_area *a, uint64_t address,
			const uint8_t *data, size_t len, const char *what,
			size_t number, struct err *e);

enum err_code rom_read_elf(struct rom_area *a, const uint8_t *file, size_t len,
			   struct err *e);
enum err_code rom_read_hex(struct rom_area *a, const uint8_t *file, size_t len,
			   struct err *e);

#endif
