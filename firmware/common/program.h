/* What makes a program out of a main function: the header that layout.h puts
 * at a fixed place, filled in by the linker, and the entry that the start-up
 * code calls. */
#ifndef FIRMWARE_COMMON_PROGRAM_H
#define FIRMWARE_COMMON_PROGRAM_H

#include "proto/board/layout.h"

#include <stdint.h>

/* By the linker script: the program's whole length. */
extern const uint8_t program_length[];

#define PROGRAM_HEADER(kind)                                                  \
	const struct layout_program_header program_header                     \
		__attribute__((section(".program_header"), used)) = {         \
			.magic = LAYOUT_HEADER_MAGIC,                         \
			.program = (kind),                                    \
			.length_bytes = (uint32_t)(uintptr_t)program_length,  \
			.version = PROGRAM_VERSION,                           \
			.attest_key = {PROGRAM_FF8, PROGRAM_FF8, PROGRAM_FF8, \
				       PROGRAM_FF8}}
#define PROGRAM_FF8 255, 255, 255, 255, 255, 255, 255, 255

extern const struct layout_program_header program_header;

/* argument: what the caller of the program's entry passed, for applications
 * the kernel's table; nothing for programs that are started at a reset. */
int program_main(const void *argument);

#endif
