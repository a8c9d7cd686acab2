#include "bench/chip/board.h"

/* FPB, DWT, the CoreSight identification and ROM tables, DBGMCU. */

enum {
	DWT = 0x1000,
	DWT_CYCCNT = 0x1004,
	DWT_COMP0 = 0x1020,
	FPB = 0x2000,
	FPB_COMP0 = 0x2008,
	MCU_ROM = 0xFE000,
	CPU_ROM = 0xFF000,
};

#define DWT_CYCCNTENA 1u

/* -------- identification: CIDR, PIDR, DEVARCH -------- */

/* Arm's JEP106 code is 0x23 with continuation 4, ST's 0x20 with 0. Part
 * numbers: Cortex-M33 TRM 100230, CoreSight component tables. */
static const struct {
	uint32_t page;
	uint32_t part, devarch;
	uint8_t component_class;
	bool st;
} COMPONENTS[] = {
	{0x00000, 0xD21, 0x47701A01, 9, false}, /* ITM */
	{0x01000, 0xD21, 0x47701A02, 9, false}, /* DWT */
	{0x02000, 0xD21, 0x47701A03, 9, false}, /* FPB */
	{0x0E000, 0xD21, 0x47702A04, 9, false}, /* SCS */
	{MCU_ROM, 0x482, 0, 1, true},		{CPU_ROM, 0x4C9, 0, 1, false},
};

uint32_t trace_id(uint32_t off)
{
	static const uint8_t CIDR[4] = {0x0D, 0x00, 0x05, 0xB1};

	for (size_t i = 0; i < sizeof(COMPONENTS) / sizeof(COMPONENTS[0]);
	     i++) {
		uint32_t part = COMPONENTS[i].part;
		uint32_t reg = off & 0xFFFu;

		if (COMPONENTS[i].page != (off & ~0xFFFu))
			continue;
		if (reg == 0xFBC)
			return COMPONENTS[i].devarch;
		if (reg == 0xFD0)
			return COMPONENTS[i].st ? 0 : 4;
		if (reg == 0xFE0)
			return part & 0xFFu;
		if (reg == 0xFE4)
			return (COMPONENTS[i].st ? 0x00u : 0xB0u) | part >> 8;
		if (reg == 0xFE8)
			return COMPONENTS[i].st ? 0x0Au : 0x0Bu;
		if (reg == 0xFF4)
			return (uint32_t)COMPONENTS[i].component_class << 4;
		if (reg >= 0xFF0)
			return CIDR[(reg - 0xFF0) / 4];
	}
	return 0;
}

static uint32_t rom_table(uint32_t off)
{
	static const uint32_t CPU_ENTRIES[] = {0xFFF0F003u, 0xFFF02003u,
					       0xFFF03003u, 0xFFF01003u, 0};

	if (off >= CPU_ROM) {
		uint32_t i = (off - CPU_ROM) / 4;

		return i < sizeof(CPU_ENTRIES) / 4 ? CPU_ENTRIES[i] : 0;
	}
	/* The MCU's table points to the processor's. */
	return off == MCU_ROM ? 0x00001003u : 0;
}

/* -------- FPB and DWT -------- */

static void update_breakpoints(struct chip *c)
{
	for (unsigned i = 0; i < CPU_BREAKPOINTS; i++) {
		uint32_t comp = c->scs.fp_comp[i];
		bool on = (c->scs.fp_ctrl & 1u) && (comp & 1u);

		cpu_set_breakpoint(c, i, on, comp & ~1u);
	}
}

static bool cyccnt_runs(const struct scs *s)
{
	return (s->dwt_ctrl & DWT_CYCCNTENA) && (s->demcr & SCS_DEMCR_TRCENA);
}

static uint32_t read_cyccnt(const struct chip *c)
{
	if (!cyccnt_runs(&c->scs))
		return c->scs.cyccnt_held;
	return (uint32_t)(cpu_cycle_count(c) - c->scs.cyccnt_base);
}

static void set_cyccnt(struct chip *c, uint32_t value)
{
	c->scs.cyccnt_held = value;
	c->scs.cyccnt_base = cpu_cycle_count(c) - value;
}

void trace_set_demcr(struct chip *c, uint32_t value)
{
	uint32_t held = read_cyccnt(c);

	c->scs.demcr = value;
	set_cyccnt(c, held);
}

uint32_t trace_read(struct chip *c, uint32_t off)
{
	const struct scs *s = &c->scs;

	if (off == FPB)
		return s->fp_ctrl;
	if (off >= FPB_COMP0 && off < FPB_COMP0 + 32)
		return s->fp_comp[(off - FPB_COMP0) / 4];
	if (off == DWT)
		return s->dwt_ctrl;
	if (off == DWT_CYCCNT)
		return read_cyccnt(c);
	if (off >= DWT_COMP0 && off < DWT_COMP0 + 64) {
		unsigned n = (off - DWT_COMP0) / 16;

		if (off % 16 == 8)
			return s->dwt_func[n];
		return off % 16 == 0 ? s->dwt_comp[n] : 0;
	}
	if (off >= MCU_ROM && (off & 0xFFFu) < 0xFD0)
		return rom_table(off);
	return trace_id(off);
}

void trace_write(struct chip *c, uint32_t off, uint32_t v)
{
	struct scs *s = &c->scs;

	if (off == FPB && (v & 2u)) {
		s->fp_ctrl = (s->fp_ctrl & ~1u) | (v & 1u);
		update_breakpoints(c);
	} else if (off >= FPB_COMP0 && off < FPB_COMP0 + 32) {
		s->fp_comp[(off - FPB_COMP0) / 4] = v;
		update_breakpoints(c);
	} else if (off == DWT) {
		uint32_t held = read_cyccnt(c);

		s->dwt_ctrl = (s->dwt_ctrl & 0xF0000000u) | (v & 0xFFFFFFFu);
		set_cyccnt(c, held);
	} else if (off == DWT_CYCCNT) {
		set_cyccnt(c, v);
	} else if (off >= DWT_COMP0 && off < DWT_COMP0 + 64) {
		unsigned n = (off - DWT_COMP0) / 16;

		if (off % 16 == 8)
			s->dwt_func[n] = v & 0xFFFu;
		else if (off % 16 == 0)
			s->dwt_comp[n] = v;
	}
}

/* -------- DBGMCU (RM0456 Rev 6, section 75.12) -------- */

#define REV_ID 0x3001u /* W */

uint32_t dbgmcu_read(struct chip *c, unsigned index, uint32_t off,
		     unsigned size)
{
	(void)index;
	(void)size;
	if (off == 0)
		return REV_ID << 16 | (c->dev_id & 0xFFFu);
	if (off == 0xFC)
		return 0x00010001u; /* AP 0 present and enabled */
	if (off >= 0xFD0)
		return trace_id(MCU_ROM | off);
	return off <= 0x10 ? c->scs.dbgmcu[off / 4 - 1] : 0;
}

void dbgmcu_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
		  uint32_t value)
{
	(void)index;
	(void)size;
	if (off >= 4 && off <= 0x10)
		c->scs.dbgmcu[off / 4 - 1] = value;
}
