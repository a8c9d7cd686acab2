/* All readers place their pieces into one area of 1 MiB with a map of what is
 * taken: so order does not matter, and an overlap cannot go unseen. */
#include "proto/rom/place.h"

#include "proto/base/file.h"

#include <stdlib.h>
#include <string.h>

/* Room is made for the first piece: most wrong files have none. */
static enum err_code make_room(struct rom_area *a, struct err *e)
{
	if (a->bytes)
		return ERR_OK;
	a->bytes = malloc(ROM_AREA_BYTES);
	a->taken = calloc(ROM_AREA_BYTES, 1);
	if (!a->bytes || !a->taken)
		return err_set(e, ERR_NO_MEMORY, "program of 1 MiB");
	return ERR_OK;
}

enum err_code rom_place(struct rom_area *a, uint64_t address,
			const uint8_t *data, size_t len, const char *what,
			size_t number, struct err *e)
{
	uint64_t at = address - a->load_address;

	if (len == 0)
		return ERR_OK;
	if (address < a->load_address)
		return err_set(e, ERR_INPUT,
			       "%s %zu at 0x%08llx lies below the load "
			       "address 0x%08x",
			       what, number, (unsigned long long)address,
			       a->load_address);
	if (at >= ROM_AREA_BYTES || len >= ROM_AREA_BYTES - at)
		return err_set(e, ERR_INPUT,
			       "%s %zu at 0x%08llx, %zu bytes: the program "
			       "must end below 0x%08llx",
			       what, number, (unsigned long long)address, len,
			       (unsigned long long)a->load_address +
				       ROM_AREA_BYTES);
	if (make_room(a, e))
		return ERR_NO_MEMORY;
	if (memchr(a->taken + at, 1, len))
		return err_set(e, ERR_INPUT,
			       "%s %zu at 0x%08llx, %zu bytes, overlaps "
			       "another",
			       what, number, (unsigned long long)address, len);
	memcpy(a->bytes + at, data, len);
	memset(a->taken + at, 1, len);
	if (at + len > a->end)
		a->end = at + len;
	return ERR_OK;
}

static uint32_t word_at(const struct rom_area *a, size_t at)
{
	const uint8_t *p = a->bytes + at;

	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

/* What tells a program linked for another address, also in a raw binary: the
 * reset vector, a Thumb address (bit 0), Armv8-M B3.30. */
static enum err_code check_vectors(const struct rom_area *a, struct err *e)
{
	uint32_t reset, at;

	if (!a->end || !a->taken[0])
		return err_set(e, ERR_INPUT,
			       "nothing is at the load address 0x%08x",
			       a->load_address);
	if (a->end < 8)
		return err_set(e, ERR_INPUT,
			       "%zu bytes are no program: no vector table",
			       a->end);
	reset = word_at(a, 4);
	at = (reset & ~1u) - a->load_address;
	if (!(reset & 1) || at < 8 || at >= a->end)
		return err_set(e, ERR_INPUT,
			       "the reset vector 0x%08x is not in the program, "
			       "0x%08x to 0x%08zx",
			       reset, a->load_address,
			       a->load_address + a->end);
	return ERR_OK;
}

static void fill_gaps(struct rom_area *a)
{
	for (size_t i = 0; i < a->end; i++)
		if (!a->taken[i])
			a->bytes[i] = 0xFF;
}

static enum err_code read_into(struct rom_area *a, const uint8_t *file,
			       size_t len, struct err *e)
{
	enum err_code rc;

	if (len >= 4 && memcmp(file, "\177ELF", 4) == 0)
		rc = rom_read_elf(a, file, len, e);
	else if (len && file[0] == ':')
		rc = rom_read_hex(a, file, len, e);
	else
		rc = rom_place(a, a->load_address, file, len,
			       "raw binary, byte", 0, e);
	fill_gaps(a);
	return rc ? rc : check_vectors(a, e);
}

enum err_code rom_read(const uint8_t *file, size_t len, uint32_t load_address,
		       struct dbuf *out, struct err *e)
{
	struct rom_area a = {.load_address = load_address};
	enum err_code rc = read_into(&a, file, len, e);

	if (!rc && dbuf_add(out, a.bytes, a.end))
		rc = err_set(e, ERR_NO_MEMORY, "program of %zu bytes", a.end);
	free(a.taken);
	free(a.bytes);
	return rc;
}

enum err_code rom_load(const char *path, uint32_t load_address,
		       struct dbuf *out, struct err *e)
{
	struct dbuf file;
	enum err_code rc;

	dbuf_init(&file, ROM_FILE_MAX_BYTES);
	rc = file_read(path, &file, e);
	if (!rc) {
		rc = rom_read((const uint8_t *)dbuf_text(&file), file.len,
			      load_address, out, e);
		if (rc)
			err_prefix(e, "%s", path);
	}
	dbuf_fini(&file);
	return rc;
}
