/* Where things lie in the STM32U585's 2 MB of internal flash, and what heads a
 * program. Shared by firmware, agent, image builder and bench. Freestanding:
 * no libc beyond <stdint.h>.
 *
 * Offsets count from the start of flash: add LAYOUT_FLASH_NS for the
 * non-secure address, LAYOUT_FLASH_S for the secure alias (RM0456 Rev 6,
 * memory map). With TZEN=1 the CPU starts in the secure state.
 *
 *   0x000000  SFI loader          64 KiB  written by the agent over SWD
 *   0x010000  boot record          8 KiB  append-only quad-words, below
 *   0x012000  licence              8 KiB  written by the agent over SWD
 *   0x014000  identity            16 KiB  key and certificate, by the test
 * program 0x020000  hardware-test prog 256 KiB  decrypted and written by the
 * loader 0x060000  kernel             256 KiB  written by the test program
 *   0x100000  application       1024 KiB  bank 2: test code, then application
 *
 * The loader stays at the reset address and passes on to whatever the boot
 * record says is the last thing installed.
 */
#ifndef PROTO_BOARD_LAYOUT_H
#define PROTO_BOARD_LAYOUT_H

#include <stdint.h>

#define LAYOUT_FLASH_NS	      0x08000000u
#define LAYOUT_FLASH_S	      0x0C000000u
#define LAYOUT_FLASH_BYTES    0x00200000u
#define LAYOUT_PAGE_BYTES     0x2000u /* erase unit, RM0456 7.3.1 */
#define LAYOUT_QUADWORD_BYTES 16u     /* program unit, RM0456 7.3.7 */

#define LAYOUT_LOADER	      0x000000u
#define LAYOUT_LOADER_BYTES   0x010000u
#define LAYOUT_BOOT_RECORD    0x010000u
#define LAYOUT_LICENCE	      0x012000u
#define LAYOUT_IDENTITY	      0x014000u
#define LAYOUT_IDENTITY_BYTES 0x004000u
#define LAYOUT_TEST	      0x020000u
#define LAYOUT_TEST_BYTES     0x040000u
#define LAYOUT_KERNEL	      0x060000u
#define LAYOUT_KERNEL_BYTES   0x040000u
#define LAYOUT_APP	      0x100000u
#define LAYOUT_APP_BYTES      0x100000u

/* A program's vector table is at its first byte; this header follows it at a
 * fixed offset, so that any reader can tell what lies there. */
#define LAYOUT_HEADER_OFFSET  0x400u
#define LAYOUT_HEADER_MAGIC   0x31504c50u /* "PLP1", little endian */

enum layout_program {
	LAYOUT_PROGRAM_LOADER = 1,
	LAYOUT_PROGRAM_TEST = 2,
	LAYOUT_PROGRAM_KERNEL = 3,
	LAYOUT_PROGRAM_APP_TEST = 4,
	LAYOUT_PROGRAM_APP = 5,
};

struct layout_program_header {
	uint32_t magic;
	uint32_t program;      /* enum layout_program */
	uint32_t length_bytes; /* whole program, vectors included */
	uint32_t reserved;
	char version[32];	/* NUL-terminated */
	uint8_t attest_key[32]; /* test program only: P-256 private key,
				 * big-endian, put in by `image build`
				 * before encryption; 0xFF elsewhere */
};

/* The boot record: quad-words appended one after the other, each whole or
 * blank. The last one tells what to start. */
#define LAYOUT_BOOT_MAGIC 0x544f4f42u /* "BOOT" */

struct layout_boot_entry {
	uint32_t magic;
	uint32_t program; /* enum layout_program: what to start from now on */
	uint32_t length_bytes;
	uint32_t check; /* ~(magic ^ program ^ length_bytes) */
};

/* The second half of the boot record's page: which image the loader has
 * accepted under the SFI key. Three quad-words, written once, before the first
 * boot entry. The programs after the loader install parts of this image and
 * of no other. */
#define LAYOUT_BOOT_ENTRIES_BYTES 0x1000u
#define LAYOUT_IMAGE_RECORD	  (LAYOUT_BOOT_RECORD + LAYOUT_BOOT_ENTRIES_BYTES)
#define LAYOUT_IMAGE_MAGIC	  0x474d4931u /* "1IMG" */

struct layout_image_record {
	uint32_t magic;
	uint32_t reserved[3];	   /* 0 */
	uint8_t header_sha256[32]; /* of the image's header, image.h */
};

#endif
