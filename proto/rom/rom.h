/* An application's program as the bytes that go to flash, out of what a
 * compiler leaves: ELF, Intel HEX or a raw binary, told apart by content.
 *
 * The result starts at the load address, is in order of address, and gaps are
 * 0xFF: the bytes that `objcopy -O ihex` followed by `objcopy -I ihex
 * -O binary --gap-fill=0xff` makes (Microvisor-Tools, bundler-py/bundler.py).
 * Stricter than objcopy: nothing may overlap, nothing may lie below the load
 * address or end at 1 MiB or beyond, the first byte must be at the load
 * address, and the reset vector must point into the program. Input is
 * hostile; nothing here blocks but reading the file. */
#ifndef PROTO_ROM_ROM_H
#define PROTO_ROM_ROM_H

#include "proto/base/dbuf.h"
#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define ROM_AREA_BYTES	   0x100000u   /* a program is smaller than this */
#define ROM_LOAD_ADDRESS   0x08000000u /* non-secure flash, RM0456 Rev 6 */
#define ROM_FILE_MAX_BYTES (64u << 20) /* ELF with debug information */

/* Append the program in file[0, len) to out, whose maximum must allow
 * ROM_AREA_BYTES. ERR_INPUT: the text says what is wrong and where; out is
 * as it was. */
enum err_code rom_read(const uint8_t *file, size_t len, uint32_t load_address,
		       struct dbuf *out, struct err *e);

/* The same from a file; errors begin with its path. Also ERR_IO, ERR_TOO_BIG.
 */
enum err_code rom_load(const char *path, uint32_t load_address,
		       struct dbuf *out, struct err *e);

#endif
