/* Entries are written whole and in order; one that is not valid (a write that
 * was cut off) is passed over. */
#include "firmware/common/record.h"

#include "firmware/hal/hal.h"

#include <string.h>

#define ENTRIES	   (LAYOUT_BOOT_ENTRIES_BYTES / sizeof(struct layout_boot_entry))
#define SRAM_S	   0x30000000u
#define SRAM_BYTES (768u << 10)

static bool is_blank(const void *at, size_t len)
{
	const uint8_t *bytes = at;

	for (size_t i = 0; i < len; i++)
		if (bytes[i] != 0xFF)
			return false;
	return true;
}

static uint32_t check_of(const struct layout_boot_entry *e)
{
	return ~(e->magic ^ e->program ^ e->length_bytes);
}

static bool entry_valid(const struct layout_boot_entry *e)
{
	return e->magic == LAYOUT_BOOT_MAGIC && e->check == check_of(e) &&
	       e->program > LAYOUT_PROGRAM_LOADER &&
	       e->program <= LAYOUT_PROGRAM_APP;
}

bool record_boot_last(struct layout_boot_entry *entry)
{
	const struct layout_boot_entry *all = hal_flash(LAYOUT_BOOT_RECORD);
	bool found = false;

	for (unsigned i = 0; i < ENTRIES; i++) {
		if (is_blank(&all[i], sizeof(all[i])))
			break;
		if (entry_valid(&all[i])) {
			*entry = all[i];
			found = true;
		}
	}
	return found;
}

bool record_boot_append(enum layout_program program, uint32_t length_bytes)
{
	const struct layout_boot_entry *all = hal_flash(LAYOUT_BOOT_RECORD);
	struct layout_boot_entry e = {LAYOUT_BOOT_MAGIC, program, length_bytes,
				      0};
	unsigned i = 0;

	e.check = check_of(&e);
	while (i < ENTRIES && !is_blank(&all[i], sizeof(all[i])))
		i++;
	if (i == ENTRIES)
		return false;
	return hal_flash_write(LAYOUT_BOOT_RECORD + i * (uint32_t)sizeof(e), &e,
			       sizeof(e)) &&
	       memcmp(&all[i], &e, sizeof(e)) == 0;
}

bool record_image_get(uint8_t header_sha256[32])
{
	const struct layout_image_record *r = hal_flash(LAYOUT_IMAGE_RECORD);

	if (r->magic != LAYOUT_IMAGE_MAGIC)
		return false;
	memcpy(header_sha256, r->header_sha256, sizeof(r->header_sha256));
	return true;
}

bool record_image_set(const uint8_t header_sha256[32])
{
	const struct layout_image_record *there =
		hal_flash(LAYOUT_IMAGE_RECORD);
	struct layout_image_record r = {.magic = LAYOUT_IMAGE_MAGIC};

	memcpy(r.header_sha256, header_sha256, sizeof(r.header_sha256));
	if (!is_blank(there, sizeof(*there)))
		return false;
	/* hash first: the magic makes it valid */
	return hal_flash_write(LAYOUT_IMAGE_RECORD + 16, r.header_sha256, 32) &&
	       hal_flash_write(LAYOUT_IMAGE_RECORD, &r, 16) &&
	       memcmp(there, &r, sizeof(r)) == 0;
}

bool record_erase(void)
{
	return hal_flash_erase(LAYOUT_BOOT_RECORD, LAYOUT_PAGE_BYTES);
}

uint32_t record_program_offset(enum layout_program program)
{
	switch (program) {
	case LAYOUT_PROGRAM_LOADER:
		return LAYOUT_LOADER;
	case LAYOUT_PROGRAM_TEST:
		return LAYOUT_TEST;
	case LAYOUT_PROGRAM_KERNEL:
		return LAYOUT_KERNEL;
	case LAYOUT_PROGRAM_APP_TEST:
	case LAYOUT_PROGRAM_APP:
		break;
	}
	return LAYOUT_APP;
}

static uint32_t most_bytes(enum layout_program program)
{
	switch (program) {
	case LAYOUT_PROGRAM_LOADER:
		return LAYOUT_LOADER_BYTES;
	case LAYOUT_PROGRAM_TEST:
		return LAYOUT_TEST_BYTES;
	case LAYOUT_PROGRAM_KERNEL:
		return LAYOUT_KERNEL_BYTES;
	case LAYOUT_PROGRAM_APP_TEST:
	case LAYOUT_PROGRAM_APP:
		break;
	}
	return LAYOUT_APP_BYTES;
}

const struct layout_program_header *record_program_header(
	enum layout_program program)
{
	return hal_flash(record_program_offset(program) + LAYOUT_HEADER_OFFSET);
}

bool record_program_valid(enum layout_program program)
{
	const struct layout_program_header *h = record_program_header(program);
	uint32_t offset = record_program_offset(program);
	const uint32_t *vectors = hal_flash(offset);
	uint32_t entry = vectors[1] - LAYOUT_FLASH_S - offset;

	return h->magic == LAYOUT_HEADER_MAGIC &&
	       h->program == (uint32_t)program &&
	       h->length_bytes >= LAYOUT_HEADER_OFFSET + sizeof(*h) &&
	       h->length_bytes <= most_bytes(program) &&
	       h->version[sizeof(h->version) - 1] == '\0' &&
	       vectors[0] % 8 == 0 && vectors[0] > SRAM_S &&
	       vectors[0] <= SRAM_S + SRAM_BYTES && entry % 2 == 1 &&
	       entry < h->length_bytes;
}
