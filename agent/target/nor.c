/* Who the NOR is: JEDEC id, then SFDP, then what a table of parts adds. */
#include "agent/target/nor.h"

#include "agent/target/u5_regs.h"
#include "proto/base/log.h"
#include "proto/base/mono.h"

#include <stdio.h>
#include <string.h>

#define START_SIZE_LOG2	 28u
#define IDENTIFY_TRIES	 4
#define RESET_WAIT_MS	 1
/* A part that was erasing when it was reset hears nothing for longer: at most
 * 100 ms (mx25lm51245g.h of STM32CubeU5, RESET_MAX_TIME). */
#define RESET_DEAF_MS	 100

#define NOR_RESET_ENABLE 0x66
#define NOR_RESET	 0x99
#define NOR_READ_ID	 0x9F
#define NOR_READ_SFDP	 0x5A
#define NOR_READ_SR2	 0x35
#define SR2_QE		 0x02
#define DUMMY_MAX	 31u /* OCTOSPI TCR.DCYC */

/* Data sheet maxima: W25Q64JV rev K and W25Q128JV rev F, table 9.6;
 * MX25LM51245G rev 1.1, table 20. They go before what SFDP says. */
static const struct part {
	uint8_t id[3];
	const char *name;
	uint64_t size_bytes;
	uint32_t page_max_ms, sector_max_ms, block_max_ms;
	uint8_t quad_program_opcode; /* 1-1-4; SFDP does not tell */
} parts[] = {
	{{0xEF, 0x40, 0x16}, "W25Q32JV", 4u << 20, 3, 400, 2000, 0x32},
	{{0xEF, 0x40, 0x17}, "W25Q64JV", 8u << 20, 3, 400, 2000, 0x32},
	{{0xEF, 0x40, 0x18}, "W25Q128JV", 16u << 20, 3, 400, 2000, 0x32},
	{{0xEF, 0x70, 0x17}, "W25Q64JV-M", 8u << 20, 3, 400, 2000, 0x32},
	{{0xEF, 0x70, 0x18}, "W25Q128JV-M", 16u << 20, 3, 400, 2000, 0x32},
	{{0xC2, 0x85, 0x39}, "MX25LM25645G", 32u << 20, 1, 400, 1000, 0},
	{{0xC2, 0x85, 0x3A}, "MX25LM51245G", 64u << 20, 1, 400, 1000, 0},
};

/* For a part that does not say how long it takes. */
#define TYPICAL_PAGE_US	  400u
#define TYPICAL_SECTOR_US 45000u
#define TYPICAL_BLOCK_US  150000u

void nor_init(struct nor *n, struct adi *adi, const struct wiring *wiring)
{
	memset(n, 0, sizeof *n);
	n->ospi.adi = adi;
	n->ospi.wiring = wiring;
}

void nor_forget(struct nor *n)
{
	nor_init(n, n->ospi.adi, n->ospi.wiring);
}

static const struct part *find_part(const uint8_t id[3])
{
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		if (memcmp(parts[i].id, id, 3) == 0)
			return &parts[i];
	return NULL;
}

/* The part may have been left in any state by whoever ran before. */
static enum err_code reset_part(struct nor *n, struct err *e)
{
	enum err_code rc = octospi_command(&n->ospi, NOR_RESET_ENABLE, e);

	if (rc == ERR_OK)
		rc = octospi_command(&n->ospi, NOR_RESET, e);
	if (rc == ERR_OK)
		mono_sleep_ms(RESET_WAIT_MS);
	return rc;
}

static enum err_code read_id(struct nor *n, struct err *e)
{
	const struct octospi_command c = {.opcode = NOR_READ_ID};
	uint8_t id[4];
	enum err_code rc = octospi_read(&n->ospi, &c, id, sizeof id, e);

	if (rc != ERR_OK)
		return rc;
	memcpy(n->id.jedec_id, id, 3);
	if ((id[0] == 0x00 && id[1] == 0x00 && id[2] == 0x00) ||
	    (id[0] == 0xFF && id[1] == 0xFF && id[2] == 0xFF))
		return err_set(
			e, ERR_NOT_FOUND,
			"no SPI flash answers: its id reads %02x%02x%02x",
			id[0], id[1], id[2]);
	return ERR_OK;
}

static enum err_code read_sfdp(struct nor *n, uint32_t addr, uint8_t *buf,
			       size_t len, struct err *e)
{
	enum err_code rc = ERR_OK;

	for (size_t i = 0; i < len && rc == ERR_OK; i += OCTOSPI_READ_MAX) {
		const struct octospi_command c = {
			.opcode = NOR_READ_SFDP,
			.addr_bytes = 3,
			.dummy_clocks = 8,
			.addr = addr + (uint32_t)i,
		};
		size_t left = len - i;

		rc = octospi_read(
			&n->ospi, &c, buf + i,
			left < OCTOSPI_READ_MAX ? left : OCTOSPI_READ_MAX, e);
	}
	return rc;
}

/* ERR_NOT_FOUND when the part has no SFDP. */
static enum err_code read_geometry(struct nor *n, struct err *e)
{
	uint8_t header[SFDP_HEADER_BYTES];
	uint8_t table[SFDP_TABLE_BYTES] = {0};
	uint32_t at;
	unsigned words;
	enum err_code rc = read_sfdp(n, 0, header, sizeof header, e);

	if (rc != ERR_OK)
		return rc;
	if (!sfdp_find_table(header, &at, &words))
		return err_set(e, ERR_NOT_FOUND, "the SPI flash has no SFDP");
	if (words > SFDP_TABLE_BYTES / 4)
		words = SFDP_TABLE_BYTES / 4;
	rc = read_sfdp(n, at, table, words * 4, e);
	return rc == ERR_OK ? sfdp_decode(&n->geometry, table, words, e) : rc;
}

/* What every part of the table can do, for one without SFDP. */
static void assume_geometry(struct nor *n, const struct part *p)
{
	n->geometry = (struct sfdp){
		.size_bytes = p->size_bytes,
		.address4 = p->size_bytes > 16u << 20,
		.page_bytes = 256,
		.erase = {{.size_bytes = 4096, .opcode = 0x20},
			  {.size_bytes = 65536, .opcode = 0xD8}},
	};
}

/* With 4-byte addresses the commands have their own codes (JESD216D, 4-byte
 * instruction table; the same for all parts above). */
static uint8_t opcode4(uint8_t opcode)
{
	switch (opcode) {
	case 0x20:
		return 0x21;
	case 0x52:
		return 0x5C;
	case 0xD8:
		return 0xDC;
	default:
		return opcode;
	}
}

static void add_level(struct nor_plan_costs *c, struct sfdp_erase t)
{
	unsigned at = c->levels;

	for (unsigned i = 0; i < c->levels; i++)
		if (c->level[i].size_bytes == t.size_bytes)
			return;
	while (at > 0 && c->level[at - 1].size_bytes > t.size_bytes) {
		c->level[at] = c->level[at - 1];
		at--;
	}
	c->level[at] = t;
	c->levels++;
}

static void choose_erases(struct nor *n, const struct part *p)
{
	struct nor_plan_costs *c = &n->costs;

	c->levels = 0;
	c->page_us = n->geometry.page_typical_us > 0
			     ? n->geometry.page_typical_us
			     : TYPICAL_PAGE_US;
	if (p != NULL)
		n->geometry.page_max_ms = p->page_max_ms;
	for (unsigned i = 0; i < 4; i++) {
		struct sfdp_erase t = n->geometry.erase[i];
		bool small = t.size_bytes <= 4096;

		/* 16 sectors are what a plan can hold */
		if (t.size_bytes < NOR_BLOCK_BYTES / NOR_PLAN_SECTORS ||
		    t.size_bytes > NOR_BLOCK_BYTES)
			continue;
		if (t.typical_us == 0)
			t.typical_us =
				small ? TYPICAL_SECTOR_US : TYPICAL_BLOCK_US;
		if (p != NULL)
			t.max_ms = small ? p->sector_max_ms : p->block_max_ms;
		add_level(c, t);
	}
}

static bool is_wide(const struct nor *n)
{
	return n->id.size_bytes > 16u << 20;
}

static void choose_commands(struct nor *n, const struct part *p)
{
	bool wide = is_wide(n);

	n->read = (struct octospi_command){.opcode = wide ? 0x13 : 0x03,
					   .addr_bytes = wide ? 4 : 3};
	n->quad_program_opcode = p != NULL ? p->quad_program_opcode : 0;
	for (unsigned i = 0; wide && i < n->costs.levels; i++)
		n->costs.level[i].opcode = opcode4(n->costs.level[i].opcode);
}

/* Four lines when the part can do it both ways and is set up for it. Its
 * status registers are the product's: they are not written. */
static enum err_code choose_lines(struct nor *n, struct err *e)
{
	const struct octospi_command read_sr2 = {.opcode = NOR_READ_SR2};
	uint8_t sr2[4] = {0};
	enum err_code rc = ERR_OK;

	n->quad = n->geometry.quad_read_opcode != 0 &&
		  n->geometry.quad_read_dummy_clocks <= DUMMY_MAX &&
		  n->quad_program_opcode != 0 && !is_wide(n) &&
		  n->geometry.quad_enable != SFDP_QUAD_UNKNOWN;
	if (n->quad && n->geometry.quad_enable == SFDP_QUAD_SR2_BIT1) {
		rc = octospi_read(&n->ospi, &read_sr2, sr2, sizeof sr2, e);
		n->quad = (sr2[0] & SR2_QE) != 0;
	}
	if (rc == ERR_OK && !n->quad)
		log_info("NOR_SINGLE", "part=%s reason=\"%s\"", n->id.part,
			 n->geometry.quad_read_opcode == 0
				 ? "the part has no quad read"
				 : "quad mode is not enabled in the part");
	return rc;
}

/* Chip select high for 50 ns between commands (W25Q64JV rev K, tSHSL): four
 * clocks of 80 MHz. */
#define SELECT_HIGH_CLOCKS 4u
#define FAST_READ_DUMMY	   8u

struct loader_setup nor_loader_setup(const struct nor *n)
{
	bool wide = is_wide(n);
	unsigned log2 = (unsigned)__builtin_ctzll(n->id.size_bytes);
	uint32_t addr = U5_OSPI_CCR_I1 | U5_OSPI_CCR_A1 |
			(wide ? U5_OSPI_CCR_A32 : U5_OSPI_CCR_A24);
	uint32_t data = n->quad ? U5_OSPI_CCR_D4 : U5_OSPI_CCR_D1;
	struct loader_setup s = {
		.ospi = n->ospi.wiring->ospi,
		.ospi_map = n->ospi.wiring->ospi_map,
		.dcr1 = U5_OSPI_DCR1_STANDARD |
			(SELECT_HIGH_CLOCKS - 1u) << U5_OSPI_DCR1_CSHT_SHIFT |
			(log2 - 1u) << U5_OSPI_DCR1_SIZE_SHIFT,
		.dcr2 = n->ospi.wiring->divider - 1u,
		.read_ccr = addr | data,
		.read_tcr = FAST_READ_DUMMY | U5_OSPI_TCR_SSHIFT,
		.read_ir = wide ? 0x0C : 0x0B,
		.program_ccr = addr | data,
		.program_ir = wide ? 0x12 : 0x02,
		.erase_ccr = addr,
		.page_bytes = NOR_PAGE_BYTES,
	};

	if (n->quad) {
		s.read_tcr =
			n->geometry.quad_read_dummy_clocks | U5_OSPI_TCR_SSHIFT;
		s.read_ir = n->geometry.quad_read_opcode;
		s.program_ir = n->quad_program_opcode;
	}
	return s;
}

static enum err_code check_geometry(const struct nor *n, struct err *e)
{
	bool times = n->costs.levels > 0 && n->geometry.page_max_ms > 0;

	for (unsigned i = 0; i < n->costs.levels; i++)
		times = times && n->costs.level[i].max_ms > 0;
	if (!times || n->geometry.page_bytes < NOR_PAGE_BYTES ||
	    n->id.size_bytes > 128u << 20)
		return err_set(e, ERR_MALFORMED,
			       "the SPI flash %02x%02x%02x is not one that "
			       "this station can program",
			       n->id.jedec_id[0], n->id.jedec_id[1],
			       n->id.jedec_id[2]);
	return ERR_OK;
}

static enum err_code identify_once(struct nor *n, struct err *e)
{
	const struct part *p;
	enum err_code rc = octospi_start(&n->ospi, START_SIZE_LOG2, e);

	if (rc == ERR_OK)
		rc = reset_part(n, e);
	if (rc == ERR_OK)
		rc = read_id(n, e);
	if (rc != ERR_OK)
		return rc;
	p = find_part(n->id.jedec_id);
	rc = read_geometry(n, e);
	if ((rc == ERR_NOT_FOUND || rc == ERR_MALFORMED) && p != NULL) {
		assume_geometry(n, p);
		rc = ERR_OK;
	}
	if (rc != ERR_OK)
		return rc == ERR_NOT_FOUND
			       ? err_set(e, ERR_MALFORMED, "unknown SPI flash")
			       : rc;
	snprintf(n->id.part, sizeof n->id.part, "%s",
		 p != NULL ? p->name : "unknown");
	n->id.size_bytes = n->geometry.size_bytes;
	choose_erases(n, p);
	choose_commands(n, p);
	rc = check_geometry(n, e);
	return rc == ERR_OK ? choose_lines(n, e) : rc;
}

enum err_code nor_identify(struct nor *n, struct err *e)
{
	enum err_code rc = ERR_WIRE;

	n->known = false;
	for (int i = 0; i < IDENTIFY_TRIES && rc == ERR_WIRE; i++)
		rc = identify_once(n, e);
	if (rc == ERR_NOT_FOUND) {
		mono_sleep_ms(RESET_DEAF_MS);
		rc = identify_once(n, e);
	}
	if (rc == ERR_OK)
		octospi_set_size(&n->ospi,
				 (unsigned)__builtin_ctzll(n->id.size_bytes));
	n->known = rc == ERR_OK;
	return rc;
}
