/* What the host (agent/target/loader_host.c) and the RAM loader (loader.c, on
 * the STM32U585) share in SRAM. Little-endian words on both sides.
 *
 * The host writes operations into a ring and then the number it has written
 * so far into `head`; the loader does them one after the other and counts them
 * in `done`. Operations that touch the NOR never overlap, so their order is
 * the order of the host. Data of an operation lie where it says, in SRAM that
 * belongs to the host; the host may use that place again when the operation is
 * done. Nothing is lost when a word is written or read twice, so a host that
 * lost its link goes on where it was.
 *
 * After a failure the loader does nothing any more: status, failed_addr and
 * done say where it stopped.
 */
#ifndef AGENT_TARGET_LOADER_MAILBOX_H
#define AGENT_TARGET_LOADER_MAILBOX_H

#include <stdint.h>

/* SRAM1 and SRAM2 up to 0x20040000, SRAM3 after them (RM0456 2.3). */
#define LOADER_BASE	    0x20000000u /* code and constants, entry first */
#define LOADER_STACK_TOP    0x20004000u
#define LOADER_SETUP	    0x20004000u /* struct loader_setup */
#define LOADER_HEAD	    0x20004080u /* one word */
#define LOADER_STATE	    0x20004100u /* struct loader_state */
#define LOADER_RING	    0x20005000u /* struct loader_op [LOADER_OPS] */
#define LOADER_OPS	    128u
#define LOADER_RESULTS	    0x20010000u /* struct loader_digest, any number */
#define LOADER_RESULT_BYTES 0x00030000u
#define LOADER_DATA	    0x20040000u
#define LOADER_DATA_BYTES   0x00080000u

enum loader_kind {
	/* SHA-256 and blankness of len_bytes at nor_addr, one result for each
	 * unit_bytes (multiple of 4; the last unit may be shorter), to
	 * result. */
	LOADER_HASH = 1,
	/* Erase at nor_addr with opcode. */
	LOADER_ERASE = 2,
	/* Program len_bytes from data, page by page; neither needs to be
	 * aligned to pages, but no part of the range may be all 0xFF in vain:
	 * the loader writes what it is given. */
	LOADER_PROGRAM = 3,
	/* As HASH, but only a word in each KiB is looked at: the result has
	 * `blank` alone, and 1 means no more than that it looks so. */
	LOADER_PROBE = 4,
};

struct loader_op {
	uint32_t kind;
	uint32_t nor_addr;
	uint32_t len_bytes;
	uint32_t unit_bytes; /* HASH, PROBE */
	uint32_t data;	     /* PROGRAM: word aligned, in SRAM */
	uint32_t result;     /* HASH, PROBE */
	uint32_t opcode;     /* ERASE */
	uint32_t max_ms;     /* ERASE, PROGRAM (a page): data sheet maximum */
};

struct loader_digest {
	uint32_t h[8];	/* H0 to H7 of FIPS 180-4, as numbers */
	uint32_t blank; /* 1: every byte is 0xFF */
};

/* Where the NOR hangs and how it is spoken to; values for OCTOSPI registers
 * (RM0456 28.7). */
struct loader_setup {
	uint32_t ospi;	   /* the OCTOSPI's registers */
	uint32_t ospi_map; /* and its memory-mapped window */
	uint32_t dcr1, dcr2;
	uint32_t read_ccr, read_tcr, read_ir; /* memory-mapped */
	uint32_t program_ccr, program_ir;     /* page program */
	uint32_t erase_ccr;
	uint32_t page_bytes; /* power of two */
};

enum loader_status {
	LOADER_WORKS = 0,
	LOADER_NO_CLOCK = 1,   /* PLL or regulator did not come up */
	LOADER_NOR_BUSY = 2,   /* longer than max_ms */
	LOADER_OSPI_STUCK = 3, /* OCTOSPI did not finish a command */
	LOADER_HASH_STUCK = 4,
	LOADER_BAD_OP = 5,
};

#define LOADER_READY 0x50524F56u

struct loader_state {
	uint32_t ready;	      /* LOADER_READY once it takes operations */
	uint32_t done;	      /* operations completed since the start */
	uint32_t progress;    /* changes with every page, erase and digest */
	uint32_t status;      /* enum loader_status */
	uint32_t failed_addr; /* in the NOR */
	/* time spent, in us since the start */
	uint32_t erase_us, program_us, hash_us;
};

#endif
