#include "bench/chip/nor_pins.h"

#include "bench/chip/board.h"

static void begin(struct chip *c, uint64_t t_ps)
{
	struct nor_pins *p = &c->nor_pins;

	nor_select(c, &p->command, t_ps);
	p->phase = p->command.data_lines != 0 ? NOR_DATA : NOR_COMPLETE;
}

static void enter(struct chip *c, enum nor_phase phase, uint64_t t_ps)
{
	struct nor_pins *p = &c->nor_pins;

	if (phase == NOR_ADDRESS && p->command.addr_bytes == 0)
		phase = NOR_DUMMY;
	if (phase == NOR_DUMMY && p->command.dummy_clocks == 0)
		phase = NOR_DATA;
	p->phase = phase;
	p->clocks = 0;
	if (phase == NOR_DATA)
		begin(c, t_ps);
}

static void opcode(struct chip *c, uint64_t t_ps)
{
	struct nor_pins *p = &c->nor_pins;

	if (p->clocks < 8)
		return;
	if (nor_serial(&c->nor, p->in, &p->command))
		enter(c, NOR_ADDRESS, t_ps);
	else
		p->phase = NOR_UNKNOWN;
}

static void address(struct chip *c, bool in, uint64_t t_ps)
{
	struct nor_pins *p = &c->nor_pins;

	p->command.addr = p->command.addr << 1 | in;
	if (p->clocks == 8 * p->command.addr_bytes)
		enter(c, NOR_DUMMY, t_ps);
}

static bool data(struct chip *c, uint64_t t_ps)
{
	struct nor_pins *p = &c->nor_pins;
	unsigned bit = (p->clocks - 1) % 8;

	if (!nor_drives(&c->nor)) {
		if (bit == 7)
			nor_shift_in(c, p->in);
		return true;
	}
	if (bit == 0)
		p->out = nor_shift_out(c, t_ps);
	return (p->out >> (7 - bit) & 1) != 0;
}

bool nor_pins_clock(struct chip *c, bool in, uint64_t t_ps)
{
	struct nor_pins *p = &c->nor_pins;

	if (!p->selected)
		return true;
	p->in = (uint8_t)(p->in << 1 | in);
	p->clocks++;
	switch (p->phase) {
	case NOR_OPCODE:
		opcode(c, t_ps);
		break;
	case NOR_ADDRESS:
		address(c, in, t_ps);
		break;
	case NOR_DUMMY:
		if (p->clocks == p->command.dummy_clocks)
			enter(c, NOR_DATA, t_ps);
		break;
	case NOR_DATA:
		return data(c, t_ps);
	case NOR_COMPLETE:
		c->nor.op = NULL;
		break;
	case NOR_UNKNOWN:
		break;
	}
	return true;
}

/* What writes is executed only when CS# rises after a whole byte (W25Q64JV Rev
 * J, 8.2.13 and others). A command that some parts continue with an address
 * may end with its opcode: release from power-down. */
static void deselected(struct chip *c, uint64_t t_ps)
{
	struct nor_pins *p = &c->nor_pins;

	if (p->phase == NOR_DATA && !nor_drives(&c->nor) && p->clocks % 8 != 0)
		c->nor.op = NULL;
	if ((p->phase == NOR_ADDRESS || p->phase == NOR_DUMMY) &&
	    p->clocks == 0) {
		p->command = (struct nor_command){.op = p->command.op,
						  .op_lines = 1};
		begin(c, t_ps);
	}
	if (p->phase == NOR_DATA || p->phase == NOR_COMPLETE)
		nor_deselect(c, t_ps);
}

void nor_pins_cs(struct chip *c, bool level, uint64_t t_ps)
{
	struct nor_pins *p = &c->nor_pins;

	if (level == !p->selected)
		return;
	if (level)
		deselected(c, t_ps);
	*p = (struct nor_pins){.selected = !level && c->powered};
	c->nor.op = NULL;
}
