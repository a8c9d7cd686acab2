/* The boot record and the image record (layout.h): what to start, and which
 * image the loader has accepted. */
#ifndef FIRMWARE_COMMON_RECORD_H
#define FIRMWARE_COMMON_RECORD_H

#include "proto/board/layout.h"

#include <stdbool.h>
#include <stdint.h>

/* The last valid entry; false when there is none. */
bool record_boot_last(struct layout_boot_entry *entry);

/* Append one. False when the page is full or does not take it. */
bool record_boot_append(enum layout_program program, uint32_t length_bytes);

/* The image record. Setting it when another one is there fails: the page has
 * to be erased, which the loader does before it installs. */
bool record_image_get(uint8_t header_sha256[32]);
bool record_image_set(const uint8_t header_sha256[32]);

/* Erase both. */
bool record_erase(void);

/* Where the program's vectors lie in flash. */
uint32_t record_program_offset(enum layout_program program);

/* Is a plausible program of this kind there: header, length, stack in SRAM,
 * entry inside? */
bool record_program_valid(enum layout_program program);
const struct layout_program_header *record_program_header(
	enum layout_program program);

#endif
