#include "bench/chip/nor.h"

#include "bench/chip/board.h"

#include <stdlib.h>
#include <string.h>

static const struct nor_part PARTS[] = {
	/* Winbond W25Q64JV Rev J and W25Q128JV Rev F, AC characteristics */
	{"w25q64jv",
	 {0xEF, 0x40, 0x17},
	 8u << 20,
	 true,
	 false,
	 400,
	 45000,
	 120000,
	 150000,
	 20000000,
	 30,
	 30},
	{"w25q128jv",
	 {0xEF, 0x40, 0x18},
	 16u << 20,
	 true,
	 false,
	 400,
	 45000,
	 120000,
	 150000,
	 40000000,
	 30,
	 30},
	/* Macronix MX25LM51245G Rev 1.6 */
	{"mx25lm51245g",
	 {0xC2, 0x85, 0x3A},
	 64u << 20,
	 false,
	 true,
	 150,
	 25000,
	 0,
	 220000,
	 150000000,
	 40,
	 100000},
};

enum kind {
	K_READ,
	K_RDID,
	K_SFDP,
	K_STATUS,
	K_RES,
	K_PROGRAM,
	K_ERASE4,
	K_ERASE32,
	K_ERASE64,
	K_ERASE_CHIP,
	K_WREN,
	K_WRDI,
	K_WRSR,
	K_SLEEP,
	K_WAKE,
	K_RESET_ENABLE,
	K_RESET,
	K_ADDR4_ON,
	K_ADDR4_OFF,
};

#define ADDR_MODE 0xFFu /* 3 bytes, or 4 after B7 */

enum need { ANY, QUAD, FOUR };

struct nor_op {
	uint8_t op;
	uint8_t kind;	    /* enum kind */
	uint8_t addr_bytes; /* or ADDR_MODE */
	uint8_t dummy;	    /* clocks */
	uint8_t addr_lines, data_lines;
	uint8_t need; /* enum need */
	uint8_t arg;  /* status register number */
};

static const struct nor_op OPS[] = {
	{0x03, K_READ, ADDR_MODE, 0, 1, 1, ANY, 0},
	{0x0B, K_READ, ADDR_MODE, 8, 1, 1, ANY, 0},
	{0x13, K_READ, 4, 0, 1, 1, FOUR, 0},
	{0x0C, K_READ, 4, 8, 1, 1, FOUR, 0},
	{0x3B, K_READ, ADDR_MODE, 8, 1, 2, QUAD, 0},
	{0x6B, K_READ, ADDR_MODE, 8, 1, 4, QUAD, 0},
	{0xEB, K_READ, ADDR_MODE, 6, 4, 4, QUAD, 0},
	{0x9F, K_RDID, 0, 0, 0, 1, ANY, 0},
	{0x5A, K_SFDP, 3, 8, 1, 1, ANY, 0},
	{0x05, K_STATUS, 0, 0, 0, 1, ANY, 1},
	{0x35, K_STATUS, 0, 0, 0, 1, QUAD, 2},
	{0x15, K_STATUS, 0, 0, 0, 1, ANY, 3},
	{0xAB, K_WAKE, 0, 0, 0, 0, ANY, 0},
	{0xAB, K_RES, 3, 0, 1, 1, QUAD, 0},
	{0xAB, K_RES, 0, 24, 0, 1, ANY, 0},
	{0x02, K_PROGRAM, ADDR_MODE, 0, 1, 1, ANY, 0},
	{0x12, K_PROGRAM, 4, 0, 1, 1, FOUR, 0},
	{0x32, K_PROGRAM, ADDR_MODE, 0, 1, 4, QUAD, 0},
	{0x20, K_ERASE4, ADDR_MODE, 0, 1, 0, ANY, 0},
	{0x21, K_ERASE4, 4, 0, 1, 0, FOUR, 0},
	{0x52, K_ERASE32, ADDR_MODE, 0, 1, 0, QUAD, 0},
	{0xD8, K_ERASE64, ADDR_MODE, 0, 1, 0, ANY, 0},
	{0xDC, K_ERASE64, 4, 0, 1, 0, FOUR, 0},
	{0x60, K_ERASE_CHIP, 0, 0, 0, 0, ANY, 0},
	{0xC7, K_ERASE_CHIP, 0, 0, 0, 0, ANY, 0},
	{0x06, K_WREN, 0, 0, 0, 0, ANY, 0},
	{0x50, K_WREN, 0, 0, 0, 0, QUAD, 0},
	{0x04, K_WRDI, 0, 0, 0, 0, ANY, 0},
	{0x01, K_WRSR, 0, 0, 0, 1, ANY, 1},
	{0x31, K_WRSR, 0, 0, 0, 1, QUAD, 2},
	{0x11, K_WRSR, 0, 0, 0, 1, QUAD, 3},
	{0xB9, K_SLEEP, 0, 0, 0, 0, ANY, 0},
	{0x66, K_RESET_ENABLE, 0, 0, 0, 0, ANY, 0},
	{0x99, K_RESET, 0, 0, 0, 0, ANY, 0},
	{0xB7, K_ADDR4_ON, 0, 0, 0, 0, FOUR, 0},
	{0xE9, K_ADDR4_OFF, 0, 0, 0, 0, FOUR, 0},
};

#define SR1_WIP	 0x01u
#define SR1_WEL	 0x02u
#define SR2_QE	 0x02u
#define WRSR_US	 15000u
#define SECTOR4	 0x1000u
#define SECTOR32 0x8000u
#define SECTOR64 0x10000u

const struct nor_part *nor_find_part(const char *name)
{
	for (size_t i = 0; i < sizeof(PARTS) / sizeof(PARTS[0]); i++)
		if (strcmp(PARTS[i].name, name) == 0)
			return &PARTS[i];
	return NULL;
}

bool nor_init(struct chip *c, const char *name)
{
	struct nor *n = &c->nor;
	const struct nor_part *part = nor_find_part(name);

	if (!name[0] || board_has(c, FAULT_NOR_MISSING))
		return true;
	if (!part)
		return false;
	n->custom = *part;
	if (board_has(c, FAULT_NOR_WRONG_SIZE)) {
		n->custom.size_bytes /= 2;
		n->custom.id[2]--;
		n->custom.chip_us /= 2;
	}
	n->part = &n->custom;
	n->data = malloc(n->part->size_bytes);
	if (!n->data)
		return false;
	memset(n->data, 0xFF, n->part->size_bytes);
	nor_build_sfdp(n->part, n->sfdp);
	return true;
}

void nor_fini(struct chip *c)
{
	free(c->nor.data);
	c->nor.data = NULL;
}

static void soft_reset(struct nor *n)
{
	n->wel = n->reset_enabled = n->addr4 = n->deep_sleep = false;
	n->op = NULL;
	n->sr2 = n->part && n->part->quad ? SR2_QE : 0; /* -IQ parts */
	n->sr3 = 0x60;
}

void nor_power_on(struct chip *c)
{
	soft_reset(&c->nor);
	c->nor_pins = (struct nor_pins){0};
	c->nor.busy_until_ps = 0;
	c->nor.resetting = false;
}

static bool is_busy(const struct chip *c, uint64_t t_ps)
{
	return t_ps < c->nor.busy_until_ps;
}

uint8_t nor_status(const struct chip *c, uint64_t t_ps)
{
	/* WEL falls when the operation ends. */
	bool busy = is_busy(c, t_ps);

	return (uint8_t)((busy ? SR1_WIP | SR1_WEL : 0u) |
			 (c->nor.wel ? SR1_WEL : 0u));
}

uint64_t nor_next_event(struct chip *c, uint64_t t_ps)
{
	return is_busy(c, t_ps) ? c->nor.busy_until_ps : BOARD_NEVER;
}

/* spent_ns: the row of the account. */
static void busy(struct chip *c, uint64_t t_ps, uint64_t us, uint64_t *spent_ns)
{
	c->nor.wel = c->nor.resetting = false;
	c->nor.busy_until_ps = t_ps + us * 1000000u;
	*spent_ns += us * 1000u;
}

/* -------- selecting -------- */

static bool has(const struct nor_part *p, uint8_t need)
{
	return need == ANY || (need == QUAD && p->quad) ||
	       (need == FOUR && p->four_byte);
}

static unsigned addr_bytes(const struct nor *n, const struct nor_op *op)
{
	if (op->addr_bytes == ADDR_MODE)
		return n->addr4 ? 4 : 3;
	return op->addr_bytes;
}

/* A command is understood only with the phases its data sheet gives it. Data
 * that the controller does not clock is no error. */
static bool fits(const struct nor *n, const struct nor_op *op,
		 const struct nor_command *cmd)
{
	unsigned addr = addr_bytes(n, op);

	if (op->op != cmd->op || cmd->op_lines != 1 || !has(n->part, op->need))
		return false;
	if (cmd->addr_bytes != addr ||
	    (addr && cmd->addr_lines != op->addr_lines))
		return false;
	if (cmd->data_lines == 0)
		return op->data_lines == 0 || op->kind == K_READ;
	return cmd->data_lines == op->data_lines &&
	       cmd->dummy_clocks == op->dummy;
}

bool nor_serial(const struct nor *n, uint8_t op, struct nor_command *cmd)
{
	unsigned longest = 0;

	*cmd = (struct nor_command){0};
	for (size_t i = 0; i < sizeof(OPS) / sizeof(OPS[0]); i++) {
		const struct nor_op *o = &OPS[i];
		unsigned clocks = 8 * addr_bytes(n, o) + o->dummy;

		if (o->op != op || o->addr_lines > 1 || o->data_lines > 1 ||
		    n->part == NULL || !has(n->part, o->need) ||
		    (cmd->op_lines != 0 && clocks < longest))
			continue;
		longest = clocks;
		*cmd = (struct nor_command){.op = op,
					    .op_lines = 1,
					    .addr_lines = o->addr_lines,
					    .data_lines = o->data_lines,
					    .addr_bytes = addr_bytes(n, o),
					    .dummy_clocks = o->dummy};
	}
	return cmd->op_lines != 0;
}

bool nor_drives(const struct nor *n)
{
	return n->op && n->op->data_lines != 0 && n->op->kind != K_PROGRAM &&
	       n->op->kind != K_WRSR;
}

static bool answers_while_busy(const struct nor_op *op)
{
	return op->kind == K_STATUS || op->kind == K_RESET_ENABLE ||
	       op->kind == K_RESET;
}

void nor_select(struct chip *c, const struct nor_command *cmd, uint64_t t_ps)
{
	struct nor *n = &c->nor;

	n->op = NULL;
	if (!n->part)
		return;
	for (size_t i = 0; i < sizeof(OPS) / sizeof(OPS[0]) && !n->op; i++)
		if (fits(n, &OPS[i], cmd))
			n->op = &OPS[i];
	if (n->op && n->deep_sleep && n->op->kind != K_WAKE &&
	    n->op->kind != K_RES)
		n->op = NULL;
	if (n->op && is_busy(c, t_ps) &&
	    (n->resetting || !answers_while_busy(n->op)))
		n->op = NULL;
	n->addr = cmd->addr & (n->part->size_bytes - 1u);
	if (n->op && n->op->kind == K_SFDP)
		n->addr = cmd->addr;
	n->pos = 0;
	n->page_bytes = 0;
	memset(n->page, 0xFF, sizeof(n->page));
}

/* -------- data -------- */

static uint8_t read_array(struct nor *n)
{
	uint32_t at = (n->addr + n->pos) & (n->part->size_bytes - 1u);
	uint8_t byte = n->data[at];

	if (n->bad_bit_chosen && at == n->bad_addr)
		byte &= (uint8_t)~n->bad_mask;
	return byte;
}

static uint8_t read_sfdp(const struct nor *n)
{
	uint32_t at = n->addr + n->pos;

	return at < NOR_SFDP_BYTES ? n->sfdp[at] : 0xFF;
}

static uint8_t status_byte(const struct chip *c, uint64_t t_ps)
{
	const struct nor *n = &c->nor;

	if (n->op->arg == 1)
		return nor_status(c, t_ps);
	return n->op->arg == 2 ? n->sr2 : n->sr3;
}

uint8_t nor_shift_out(struct chip *c, uint64_t t_ps)
{
	struct nor *n = &c->nor;
	uint8_t byte = 0xFF;

	if (!n->op)
		return byte;
	switch (n->op->kind) {
	case K_READ:
		byte = read_array(n);
		break;
	case K_RDID:
		byte = n->pos < 3 ? n->part->id[n->pos] : 0xFF;
		break;
	case K_SFDP:
		byte = read_sfdp(n);
		break;
	case K_STATUS:
		byte = status_byte(c, t_ps);
		break;
	case K_RES:
		byte = (uint8_t)(n->part->id[2] - 1u);
		break;
	default:
		break;
	}
	n->pos++;
	return byte;
}

void nor_shift_in(struct chip *c, uint8_t byte)
{
	struct nor *n = &c->nor;

	if (!n->op)
		return;
	if (n->op->kind == K_PROGRAM)
		n->page[(n->addr + n->pos) % NOR_PAGE_BYTES] = byte;
	else if (n->op->kind == K_WRSR && n->pos < 2)
		n->page[n->pos] = byte;
	n->pos++;
}

/* -------- what happens when chip select rises -------- */

/* nor-bit-error: the first bit that is meant to stay 1 next to programmed
 * ones is stuck at 0. */
static void choose_bad_bit(struct chip *c, uint32_t base)
{
	struct nor *n = &c->nor;

	if (!board_has(c, FAULT_NOR_BIT_ERROR) || n->bad_bit_chosen)
		return;
	for (unsigned i = 16; i < NOR_PAGE_BYTES; i++) {
		uint8_t byte = n->data[base + i];

		if (byte == 0 || byte == 0xFF)
			continue;
		n->bad_bit_chosen = true;
		n->bad_addr = base + i;
		n->bad_mask = (uint8_t)(byte & -byte);
		return;
	}
}

static void program(struct chip *c, uint64_t t_ps)
{
	struct nor *n = &c->nor;
	uint32_t base = n->addr & ~(NOR_PAGE_BYTES - 1u);

	if (!n->wel || !n->pos)
		return;
	for (unsigned i = 0; i < NOR_PAGE_BYTES; i++)
		n->data[base + i] &= n->page[i];
	choose_bad_bit(c, base);
	busy(c, t_ps, n->part->program_us, &c->account.nor_program_ns);
	c->account.nor_program_count++;
	c->account.nor_program_bytes +=
		n->pos < NOR_PAGE_BYTES ? n->pos : NOR_PAGE_BYTES;
	if (board_has(c, FAULT_NOR_STUCK_BUSY))
		n->busy_until_ps = BOARD_NEVER;
}

static void erase(struct chip *c, uint64_t t_ps, uint32_t size, uint32_t us)
{
	struct nor *n = &c->nor;

	if (!n->wel)
		return;
	memset(n->data + (n->addr & ~(size - 1u)), 0xFF, size);
	busy(c, t_ps, us, &c->account.nor_erase_ns);
	c->account.nor_erase_count++;
}

static void write_status(struct chip *c, uint64_t t_ps)
{
	struct nor *n = &c->nor;

	if (!n->wel || !n->pos)
		return;
	/* Block protection is not modelled: its bits read 0. */
	if (n->op->arg == 2)
		n->sr2 = n->page[0];
	else if (n->op->arg == 3)
		n->sr3 = n->page[0];
	else if (n->pos >= 2)
		n->sr2 = n->page[1];
	busy(c, t_ps, WRSR_US, &c->account.nor_register_ns);
}

static void reset(struct chip *c, uint64_t t_ps)
{
	struct nor *n = &c->nor;
	bool stuck = n->busy_until_ps == BOARD_NEVER;
	uint64_t us =
		is_busy(c, t_ps) ? n->part->reset_busy_us : n->part->reset_us;

	if (!n->reset_enabled)
		return;
	soft_reset(n);
	n->resetting = !stuck;
	if (!stuck)
		n->busy_until_ps = t_ps + us * 1000000u;
}

static void execute(struct chip *c, enum kind kind, uint64_t t_ps)
{
	struct nor *n = &c->nor;

	switch (kind) {
	case K_PROGRAM:
		program(c, t_ps);
		break;
	case K_ERASE4:
		erase(c, t_ps, SECTOR4, n->part->erase4_us);
		break;
	case K_ERASE32:
		erase(c, t_ps, SECTOR32, n->part->erase32_us);
		break;
	case K_ERASE64:
		erase(c, t_ps, SECTOR64, n->part->erase64_us);
		break;
	case K_ERASE_CHIP:
		n->addr = 0;
		erase(c, t_ps, n->part->size_bytes, n->part->chip_us);
		break;
	case K_WREN:
	case K_WRDI:
		n->wel = kind == K_WREN;
		break;
	case K_WRSR:
		write_status(c, t_ps);
		break;
	case K_SLEEP:
		n->deep_sleep = true;
		break;
	case K_WAKE:
	case K_RES:
		n->deep_sleep = false;
		break;
	case K_RESET:
		reset(c, t_ps);
		break;
	case K_ADDR4_ON:
	case K_ADDR4_OFF:
		n->addr4 = kind == K_ADDR4_ON;
		break;
	case K_READ:
	case K_RDID:
	case K_SFDP:
	case K_STATUS:
	case K_RESET_ENABLE:
		break;
	}
	n->reset_enabled = kind == K_RESET_ENABLE;
}

void nor_deselect(struct chip *c, uint64_t t_ps)
{
	const struct nor_op *op = c->nor.op;

	if (op)
		execute(c, (enum kind)op->kind, t_ps);
	c->nor.op = NULL;
}
