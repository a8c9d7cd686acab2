#include "bench/chip/board.h"

/* Offsets from 0xE0000000; DDI0553 B14 and D1. */
enum {
	SYST_CSR = 0xE010,
	SYST_RVR = 0xE014,
	SYST_CVR = 0xE018,
	CPUID = 0xED00,
	VTOR = 0xED08,
	AIRCR = 0xED0C,
	SCR = 0xED10,
	CCR = 0xED14,
	SHPR1 = 0xED18,
	SHCSR = 0xED24,
	CFSR = 0xED28,
	HFSR = 0xED2C,
	DFSR = 0xED30,
	MMFAR = 0xED34,
	BFAR = 0xED38,
	CPACR = 0xED88,
	MPU_TYPE = 0xED90,
	SAU_CTRL = 0xEDD0,
	SAU_TYPE = 0xEDD4,
	DHCSR = 0xEDF0,
	DCRSR = 0xEDF4,
	DCRDR = 0xEDF8,
	DEMCR = 0xEDFC,
	DSCSR = 0xEE08,
	FPCCR = 0xEF34,
	DAUTHSTATUS = 0xEFB8,
};

#define AIRCR_KEY	  0x05FA0000u
#define AIRCR_SYSRESETREQ (1u << 2)
#define DHCSR_KEY	  0xA05F0000u
#define DHCSR_C_DEBUGEN	  (1u << 0)
#define DHCSR_C_HALT	  (1u << 1)
#define DHCSR_C_STEP	  (1u << 2)
#define DHCSR_C_MASKINTS  (1u << 3)
#define DHCSR_S_REGRDY	  (1u << 16)
#define DHCSR_S_HALT	  (1u << 17)
#define DHCSR_S_SLEEP	  (1u << 18)
#define DHCSR_S_LOCKUP	  (1u << 19)
#define DHCSR_S_SDE	  (1u << 20)
#define DHCSR_S_RETIRE	  (1u << 24)
#define DHCSR_S_RESET	  (1u << 25)
#define DEMCR_WRITABLE	  0x011F0FF1u
#define DSCSR_CDS	  (1u << 16)

/* Cortex-M33 r0p4 with FPU and DSP; TRM 100230, system control. */
static const struct {
	uint16_t off;
	uint32_t value;
} CONSTANTS[] = {
	{0xE004, 0x00000003},			    /* ICTR: 125 lines */
	{CPUID, 0x410FD214},  {0xED40, 0x00000030}, /* ID_PFR0 */
	{0xED44, 0x00000210},			    /* ID_PFR1 */
	{0xED48, 0x00200000},			    /* ID_DFR0 */
	{0xED50, 0x00101F40},			    /* ID_MMFR0 */
	{0xED58, 0x01000000},			    /* ID_MMFR2 */
	{0xED60, 0x01101110},			    /* ID_ISAR0 */
	{0xED64, 0x02212000}, {0xED68, 0x20232232},   {0xED6C, 0x01111131},
	{0xED70, 0x01310132}, {MPU_TYPE, 0x00000800}, {0xEF40, 0x10110021},
	{0xEF44, 0x11000011}, {0xEF48, 0x00000040},
};

void scs_power_on(struct chip *c)
{
	struct scs fresh = {.fp_ctrl = 0x10000080u, .dwt_ctrl = 0x40000000u};

	for (unsigned i = 0; i < CPU_BREAKPOINTS; i++)
		cpu_set_breakpoint(c, i, false, 0);
	c->scs = fresh;
}

void scs_reset(struct chip *c)
{
	struct scs *s = &c->scs;

	s->aircr = 0;
	s->scr = 0;
	s->ccr = 0x201;
	s->shcsr = s->cfsr = s->hfsr = s->mmfar = s->bfar = s->cpacr = 0;
	s->fpccr = 0xC0000004u;
	s->syst_csr = s->syst_rvr = 0;
	s->shpr[0] = s->shpr[1] = s->shpr[2] = 0;
	for (unsigned i = 0; i < 8; i++)
		s->mpu[i] = 0;
	for (unsigned i = 0; i < 5; i++)
		s->sau[i] = 0;
}

/* -------- debug -------- */

static uint32_t read_dhcsr(struct chip *c)
{
	struct scs *s = &c->scs;
	bool halted = c->cpu.state == CPU_HALTED;
	uint32_t v = DHCSR_S_REGRDY;

	v |= s->debug_enabled ? DHCSR_C_DEBUGEN : 0u;
	v |= halted || s->halt_request ? DHCSR_C_HALT : 0u;
	v |= s->step_request ? DHCSR_C_STEP : 0u;
	v |= s->maskints ? DHCSR_C_MASKINTS : 0u;
	v |= halted ? DHCSR_S_HALT : 0u;
	v |= c->cpu.state == CPU_LOCKUP ? DHCSR_S_LOCKUP : 0u;
	v |= c->cpu.state == CPU_RUN ? DHCSR_S_RETIRE : 0u;
	v |= chip_secure_debug(c) ? DHCSR_S_SDE : 0u;
	v |= s->reset_seen ? DHCSR_S_RESET : 0u;
	if (!c->cpu.inside)
		s->reset_seen = false;
	return v;
}

static void write_dhcsr(struct chip *c, uint32_t v)
{
	struct scs *s = &c->scs;
	bool halted = c->cpu.state == CPU_HALTED;

	if ((v & 0xFFFF0000u) != DHCSR_KEY || c->cpu.inside)
		return;
	s->debug_enabled = v & DHCSR_C_DEBUGEN;
	s->halt_request = s->debug_enabled && (v & DHCSR_C_HALT);
	s->step_request = s->debug_enabled && (v & DHCSR_C_STEP);
	s->maskints = s->debug_enabled && (v & DHCSR_C_MASKINTS);
	if (s->halt_request && !halted && c->cpu.state != CPU_OFF &&
	    scs_may_halt(c))
		cpu_halt(c, SCS_DFSR_HALTED);
	else if (halted && !s->halt_request && s->step_request)
		cpu_step(c);
	else if (halted && !s->halt_request)
		cpu_resume(c);
}

static void write_dcrsr(struct chip *c, uint32_t v)
{
	if (c->cpu.state != CPU_HALTED)
		return;
	if (v & 0x10000u)
		cpu_set_reg(c, v & 0x7Fu, c->scs.dcrdr);
	else
		c->scs.dcrdr = cpu_reg(c, v & 0x7Fu);
}

static uint32_t read_dauthstatus(const struct chip *c)
{
	/* 2 bits each: implemented, and enabled. */
	if (!board_tzen(c))
		return 0x0F;
	return chip_secure_debug(c) ? 0xFF : 0xAF;
}

/* -------- SysTick, polled -------- */

static uint32_t systick_count(const struct chip *c)
{
	uint64_t period = (uint64_t)c->scs.syst_rvr + 1u;
	uint64_t gone = cpu_cycle_count(c) - c->scs.syst_base;

	if (!(c->scs.syst_csr & 1u) || period < 2)
		return 0;
	return (uint32_t)((period - 1 - gone % period) & 0xFFFFFFu);
}

static uint32_t read_syst_csr(struct chip *c)
{
	uint64_t period = (uint64_t)c->scs.syst_rvr + 1u;
	uint64_t gone = cpu_cycle_count(c) - c->scs.syst_base;
	uint32_t flag = 0;

	if ((c->scs.syst_csr & 1u) && gone >= period) {
		flag = 1u << 16;
		c->scs.syst_base += gone - gone % period;
	}
	return c->scs.syst_csr | flag;
}

/* -------- dispatch -------- */

static uint32_t *plain_register(struct scs *s, uint32_t off)
{
	switch (off) {
	case SCR:
		return &s->scr;
	case CCR:
		return &s->ccr;
	case SHPR1:
	case SHPR1 + 4:
	case SHPR1 + 8:
		return &s->shpr[(off - SHPR1) / 4];
	case SHCSR:
		return &s->shcsr;
	case MMFAR:
		return &s->mmfar;
	case BFAR:
		return &s->bfar;
	case CPACR:
		return &s->cpacr;
	case SYST_RVR:
		return &s->syst_rvr;
	case DCRDR:
		return &s->dcrdr;
	case FPCCR:
		return &s->fpccr;
	default:
		break;
	}
	if (off > MPU_TYPE && off <= MPU_TYPE + 32)
		return &s->mpu[(off - MPU_TYPE - 4) / 4];
	if (off == SAU_CTRL || (off > SAU_TYPE && off <= SAU_TYPE + 16))
		return &s->sau[off == SAU_CTRL ? 0 : (off - SAU_TYPE) / 4];
	return NULL;
}

static uint32_t read_system(struct chip *c, uint32_t off)
{
	const uint32_t *plain = plain_register(&c->scs, off);

	if (plain)
		return *plain;
	switch (off) {
	case SYST_CSR:
		return read_syst_csr(c);
	case SYST_CVR:
		return systick_count(c);
	case VTOR:
		return c->scs.vtor;
	case AIRCR:
		return 0xFA050000u | c->scs.aircr;
	case CFSR:
		return c->scs.cfsr;
	case HFSR:
		return c->scs.hfsr;
	case DFSR:
		return c->scs.dfsr;
	case SAU_TYPE:
		return board_tzen(c) ? 8 : 0;
	case DHCSR:
		return read_dhcsr(c);
	case DEMCR:
		return c->scs.demcr;
	case DSCSR:
		return c->scs.dscsr | (board_tzen(c) ? DSCSR_CDS : 0u);
	case DAUTHSTATUS:
		return read_dauthstatus(c);
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(CONSTANTS) / sizeof(CONSTANTS[0]); i++)
		if (CONSTANTS[i].off == off)
			return CONSTANTS[i].value;
	return trace_id(off);
}

static void write_aircr(struct chip *c, uint32_t v)
{
	if ((v & 0xFFFF0000u) != AIRCR_KEY)
		return;
	c->scs.aircr = v & 0x6708u;
	if (v & AIRCR_SYSRESETREQ)
		board_reset(c, RESET_SOFTWARE);
}

static void write_system(struct chip *c, uint32_t off, uint32_t v)
{
	struct scs *s = &c->scs;
	uint32_t *plain = plain_register(s, off);

	if (plain) {
		*plain = off == SYST_RVR ? v & 0xFFFFFFu : v;
		return;
	}
	switch (off) {
	case SYST_CSR:
		if ((v & 1u) && !(s->syst_csr & 1u))
			s->syst_base = cpu_cycle_count(c);
		s->syst_csr = v & 7u;
		break;
	case SYST_CVR:
		s->syst_base = cpu_cycle_count(c);
		break;
	case VTOR:
		s->vtor = v & ~0x7Fu;
		break;
	case AIRCR:
		write_aircr(c, v);
		break;
	case CFSR:
		s->cfsr &= ~v;
		break;
	case HFSR:
		s->hfsr &= ~v;
		break;
	case DFSR:
		s->dfsr &= ~v;
		break;
	case DHCSR:
		write_dhcsr(c, v);
		break;
	case DCRSR:
		write_dcrsr(c, v);
		break;
	case DEMCR:
		trace_set_demcr(c, v & DEMCR_WRITABLE);
		break;
	case DSCSR:
		s->dscsr = v & 3u;
		break;
	default:
		break;
	}
}

uint32_t scs_read(struct chip *c, unsigned index, uint32_t off, unsigned size)
{
	(void)size;
	off += index;
	return off >= 0xE000 && off < 0xF000 ? read_system(c, off)
					     : trace_read(c, off);
}

void scs_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
	       uint32_t value)
{
	(void)size;
	off += index;
	if (off >= 0xE000 && off < 0xF000)
		write_system(c, off, value);
	else
		trace_write(c, off, value);
}
