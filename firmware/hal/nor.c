/* SPI NOR on the OCTOSPI that the board's table names, one line, indirect reads
 * (RM0456 28.4.11). Opcodes: JEDEC JESD216 basic commands. */
#include "firmware/hal/hal.h"
#include "firmware/hal/reg.h"

#define FMODE_READ  (1u << 28)
#define BUDGET_US   5000u
#define CHUNK_BYTES 65536u

#define OP_RDID	    0x9Fu
#define OP_RDSR	    0x05u
#define OP_SFDP	    0x5Au

struct command {
	uint8_t opcode;
	uint8_t address_bytes; /* 0, 3, 4 */
	uint8_t dummy_clocks;
	uint32_t address;
};

static bool wait_idle(void)
{
	return hal_wait_flag((uintptr_t)&OSPI(OSPI_SR), OSPI_SR_BUSY, 0,
			     BUDGET_US);
}

static void controller_start(void)
{
	RCC_AHB2ENR2 |= 1u << board.nor.clock_bit;
	(void)RCC_AHB2ENR2;
	OSPI(OSPI_CR) = 1;
	/* any size: the address goes out as it is; NCS high for 8 clocks; no
	 * delay block, which is for DTR and data strobes */
	OSPI(OSPI_DCR1) = 31u << 16 | 7u << 8 | OSPI_DCR1_DLYBYP;
	OSPI(OSPI_DCR2) = board.nor.divider - 1u;
}

/* Up to CHUNK_BYTES in one command. */
static bool read_chunk(const struct command *c, uint8_t *out, uint32_t len)
{
	uint32_t ccr = 1u | 1u << 24; /* opcode and data on one line */

	if (c->address_bytes != 0)
		ccr |= 1u << 8 | (c->address_bytes - 1u) << 12;
	OSPI(OSPI_CR) = 1u | 1u << 1; /* abort what may be left over */
	if (!wait_idle())
		return false;
	OSPI(OSPI_FCR) = 0x1Bu;
	/* FTF when a whole word is there */
	OSPI(OSPI_CR) = 1u | FMODE_READ | 3u << 8;
	OSPI(OSPI_DLR) = len - 1u;
	OSPI(OSPI_TCR) = c->dummy_clocks;
	OSPI(OSPI_CCR) = ccr;
	OSPI(OSPI_IR) = c->opcode;
	if (c->address_bytes != 0)
		OSPI(OSPI_AR) = c->address;
	for (; len >= 4; len -= 4, out += 4) {
		uint32_t word;

		if (!hal_wait_flag((uintptr_t)&OSPI(OSPI_SR), OSPI_SR_FTF,
				   OSPI_SR_FTF, BUDGET_US))
			return false;
		word = OSPI(OSPI_DR);
		__builtin_memcpy(out, &word, 4);
	}
	/* for what is no whole word: all of it has come when TCF is set */
	if (len > 0 && !hal_wait_flag((uintptr_t)&OSPI(OSPI_SR), OSPI_SR_TCF,
				      OSPI_SR_TCF, BUDGET_US))
		return false;
	for (; len > 0; len--)
		*out++ = OSPI_DR8;
	return true;
}

static bool read_bytes(struct command *c, void *buf, size_t len)
{
	uint8_t *out = buf;
	bool fine = true;

	controller_start();
	while (len > 0 && fine) {
		uint32_t n = len < CHUNK_BYTES ? (uint32_t)len : CHUNK_BYTES;

		fine = read_chunk(c, out, n);
		c->address += n;
		out += n;
		len -= n;
	}
	return fine;
}

bool hal_nor_id(uint8_t id[3])
{
	struct command c = {.opcode = OP_RDID};

	if (!read_bytes(&c, id, 3))
		return false;
	return !(id[0] == 0xFF && id[1] == 0xFF) && !(id[0] == 0 && id[1] == 0);
}

uint8_t hal_nor_status(void)
{
	struct command c = {.opcode = OP_RDSR};
	uint8_t status = 0xFF;

	return read_bytes(&c, &status, 1) ? status : 0xFF;
}

bool hal_nor_sfdp(uint32_t address, void *buf, size_t len)
{
	struct command c = {OP_SFDP, 3, 8, address};

	return read_bytes(&c, buf, len);
}

bool hal_nor_read(void *arg, uint32_t offset, void *buf, size_t len)
{
	struct command c = {board.nor.read_3b, 3, board.nor.read_dummy_clocks,
			    offset};

	(void)arg;
	if (board.nor.read_3b == 0 || offset + len > 1u << 24) {
		c.opcode = board.nor.read_4b;
		c.address_bytes = 4;
	}
	return read_bytes(&c, buf, len);
}
