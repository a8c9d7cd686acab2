/* What a SPI NOR says about itself: JEDEC JESD216D (SFDP, basic flash
 * parameter table). Pure decoding of bytes that come from the part, which may
 * be any.
 */
#ifndef AGENT_TARGET_SFDP_H
#define AGENT_TARGET_SFDP_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SFDP_HEADER_BYTES 16u /* SFDP header, first parameter header */
#define SFDP_TABLE_BYTES  64u /* the 16 double words used here */

struct sfdp_erase {
	uint32_t size_bytes; /* 0: this type does not exist */
	uint8_t opcode;
	uint32_t typical_us;
	uint32_t max_ms;
};

struct sfdp {
	uint64_t size_bytes;
	bool address4; /* 4-byte addresses can be used */
	uint32_t page_bytes;
	uint32_t page_typical_us;
	uint32_t page_max_ms;
	struct sfdp_erase erase[4];
	/* Read with the data on four lines (1-1-4); opcode 0: cannot. */
	uint8_t quad_read_opcode;
	uint8_t quad_read_dummy_clocks;
	/* Whether four lines have to be enabled first, and by what: bit 1 of
	 * status register 2, which 35h reads. Other ways are not known here. */
	enum sfdp_quad_enable {
		SFDP_QUAD_ALWAYS,
		SFDP_QUAD_SR2_BIT1,
		SFDP_QUAD_UNKNOWN
	} quad_enable;
};

/* Where the basic table lies, out of the first SFDP_HEADER_BYTES bytes.
 * *table_words is how many double words it has. False when it is no SFDP. */
bool sfdp_find_table(const uint8_t header[SFDP_HEADER_BYTES],
		     uint32_t *table_addr, unsigned *table_words);

/* Decode the first table_words (9 to 16 are used) double words. Without words
 * 10 and 11 times are 0 and the page is 256 bytes; without word 15 quad_enable
 * is unknown. ERR_MALFORMED. */
enum err_code sfdp_decode(struct sfdp *s, const uint8_t *table,
			  unsigned table_words, struct err *e);

#endif
