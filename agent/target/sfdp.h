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
};

/* Where the basic table lies, out of the first SFDP_HEADER_BYTES bytes.
 * *table_words is how many double words it has. False when it is no SFDP. */
bool sfdp_find_table(const uint8_t header[SFDP_HEADER_BYTES],
		     uint32_t *table_addr, unsigned *table_words);

/* Decode the first table_words (9 to 16 are used) double words. Without words
 * 10 and 11 times are 0 and the page is 256 bytes. ERR_MALFORMED. */
enum err_code sfdp_decode(struct sfdp *s, const uint8_t *table,
			  unsigned table_words, struct err *e);

#endif
