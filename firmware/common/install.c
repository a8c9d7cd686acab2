/* A half-written program does no harm: the boot record names it only after it
 * has been read back, and the next try erases its place first. */
#include "firmware/common/install.h"

#include "firmware/common/dialogue.h"
#include "firmware/common/record.h"
#include "firmware/hal/hal.h"

#include <mbedtls/sha256.h>
#include <string.h>

#define CHUNK_BYTES LAYOUT_PAGE_BYTES

static uint8_t chunk[CHUNK_BYTES] __attribute__((aligned(8)));

static uint32_t le32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

/* JESD216: header, first parameter header, second dword of its table. */
static uint32_t sfdp_bytes(void)
{
	uint8_t head[16], density[4];
	uint32_t table, bits;

	if (!hal_nor_sfdp(0, head, sizeof(head)) ||
	    memcmp(head, "SFDP", 4) != 0)
		return 0;
	table = le32(head + 12) & 0xFFFFFFu;
	if (!hal_nor_sfdp(table + 4, density, sizeof(density)))
		return 0;
	bits = le32(density);
	if ((bits & 1u << 31) == 0)
		return bits / 8u + 1u;
	bits &= ~(1u << 31);
	return bits >= 3 && bits < 35 ? 1u << (bits - 3) : 0;
}

uint32_t install_nor_bytes(void)
{
	uint8_t id[3];
	uint32_t bytes;

	if (!hal_nor_id(id))
		return 0;
	bytes = sfdp_bytes();
	if (bytes == 0 && id[2] >= 16 && id[2] < 32)
		bytes = 1u << id[2];
	return bytes;
}

void install_open_image(struct image *im, enum failure code)
{
	struct image_fault f;
	uint8_t accepted[32];
	enum image_error error;

	error = image_open(im, hal_nor_read, NULL, install_nor_bytes(), &f);
	if (error != IMAGE_OK)
		dialogue_fail_at(code, "image: ", image_error_text(error),
				 f.offset);
	if (!record_image_get(accepted) ||
	    memcmp(accepted, im->header_sha256, sizeof(accepted)) != 0)
		dialogue_fail(code, "image: not the one that the loader took");
}

static void write_chunk(uint32_t offset, uint32_t len, enum failure code)
{
	uint32_t whole = (len + LAYOUT_QUADWORD_BYTES - 1) &
			 ~(LAYOUT_QUADWORD_BYTES - 1);

	memset(chunk + len, 0xFF, whole - len);
	if (!hal_flash_write(offset, chunk, whole))
		dialogue_fail_at(code, "flash: ", "write at", offset);
}

void install_copy(const struct image *im, enum layout_program program,
		  enum failure code)
{
	const struct image_part *part = image_part(im, program);
	uint32_t offset = record_program_offset(program);
	uint32_t pages =
		(part->length + LAYOUT_PAGE_BYTES - 1) / LAYOUT_PAGE_BYTES;

	dialogue_stage("install", 0);
	if (!hal_flash_erase(offset, pages * LAYOUT_PAGE_BYTES))
		dialogue_fail_at(code, "flash: ", "erase at", offset);
	for (uint32_t at = 0; at < part->length; at += CHUNK_BYTES) {
		uint32_t n = part->length - at;

		if (n > CHUNK_BYTES)
			n = CHUNK_BYTES;
		if (!hal_nor_read(NULL, part->offset + at, chunk, n))
			dialogue_fail_at(code, "NOR: ", "read at",
					 part->offset + at);
		write_chunk(offset + at, n, code);
	}
	install_verify(im, program, code);
	dialogue_stage("install", 100);
}

void install_verify(const struct image *im, enum layout_program program,
		    enum failure code)
{
	const struct image_part *part = image_part(im, program);
	uint32_t offset = record_program_offset(program);
	uint8_t actual[32];

	mbedtls_sha256_ret(hal_flash(offset), part->length, actual, 0);
	if (memcmp(actual, part->installed_sha256, sizeof(actual)) != 0)
		dialogue_fail_at(code, image_part_name(program),
				 ": wrong content at", offset);
	if (!record_program_valid(program) ||
	    record_program_header(program)->length_bytes != part->length)
		dialogue_fail_at(code, image_part_name(program),
				 ": not a program at", offset);
}

void install_finish(const struct image *im, enum layout_program program,
		    enum failure code)
{
	const struct image_part *part = image_part(im, program);

	if (!record_boot_append(program, part->length))
		dialogue_fail(code, "flash: boot record");
	dialogue_installed(image_part_name(program),
			   record_program_header(program)->version,
			   part->installed_sha256);
	hal_reset();
}
