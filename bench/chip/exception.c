#include "bench/chip/exception.h"

#include "bench/chip/board.h"

#include <string.h>

/* What UC_HOOK_INTR reports: QEMU's target/arm/cpu.h. */
enum intno {
	INT_UNDEFINED = 1,
	INT_SVC = 2,
	INT_PREFETCH = 3,
	INT_DATA = 4,
	INT_BKPT = 7,
	INT_EXCEPTION_EXIT = 8,
	INT_NOCP = 17,
	INT_INVSTATE = 18,
};

#define VECTOR_HARDFAULT      3u
#define VECTOR_SVC	      11u
#define FRAME_WORDS	      8u

/* CFSR, HFSR: DDI0553 D1.2.25, D1.2.105 */
#define CFSR_IBUSERR	      (1u << 8)
#define CFSR_PRECISERR	      (1u << 9)
#define CFSR_STKERR	      (1u << 12)
#define CFSR_BFARVALID	      (1u << 15)
#define CFSR_UNDEFINSTR	      (1u << 16)
#define CFSR_INVSTATE	      (1u << 17)
#define CFSR_INVPC	      (1u << 18)
#define CFSR_NOCP	      (1u << 19)
#define HFSR_VECTTBL	      (1u << 1)
#define HFSR_FORCED	      (1u << 30)
#define HFSR_DEBUGEVT	      (1u << 31)
#define EXC_RETURN_THREAD_MSP 0xFFFFFFF9u
#define EXC_RETURN_THREAD_PSP 0xFFFFFFFDu
#define EXC_RETURN_HANDLER    0xFFFFFFF1u
#define XPSR_EXCEPTION	      0x1FFu

/* Writable memory: a frame cannot be pushed into flash. */
static uint8_t *stack_memory(struct chip *c, uint32_t addr)
{
	if (addr >> 28 != 2 && addr >> 28 != 3)
		return NULL;
	return cpu_memory(c, addr, FRAME_WORDS * 4u);
}

static uint32_t current_exception(struct chip *c)
{
	return cpu_reg(c, 16) & XPSR_EXCEPTION;
}

static uint32_t exc_return(struct chip *c)
{
	if (current_exception(c))
		return EXC_RETURN_HANDLER;
	return cpu_reg(c, 20) & 0x02000000u ? EXC_RETURN_THREAD_PSP
					    : EXC_RETURN_THREAD_MSP;
}

/* False when the frame cannot be pushed or the vector is not one. */
static bool enter(struct chip *c, uint32_t number, uint32_t return_pc)
{
	uint32_t sp = cpu_reg(c, 13), pad = sp & 4u;
	uint32_t frame[FRAME_WORDS], lr = exc_return(c), vector = 0;
	const uint8_t *table = cpu_memory(c, c->scs.vtor + number * 4u, 4);
	uint8_t *at = stack_memory(c, sp - pad - FRAME_WORDS * 4u);

	if (!at)
		c->scs.cfsr |= CFSR_STKERR;
	if (table)
		memcpy(&vector, table, 4);
	if (!at || vector == 0xFFFFFFFFu || !(vector & 1u) ||
	    !cpu_memory(c, vector & ~1u, 2))
		return false;
	for (unsigned i = 0; i < 4; i++)
		frame[i] = cpu_reg(c, i);
	frame[4] = cpu_reg(c, 12);
	frame[5] = cpu_reg(c, 14);
	frame[6] = return_pc;
	frame[7] = (cpu_reg(c, 16) & ~0x200u) | (pad ? 0x200u : 0u);
	memcpy(at, frame, sizeof(frame));
	cpu_set_reg(c, 13, sp - pad - FRAME_WORDS * 4u);
	cpu_set_reg(c, 14, lr);
	cpu_set_reg(c, 16, (frame[7] & 0xF8000000u) | 0x01000000u | number);
	cpu_set_reg(c, 15, vector & ~1u);
	return true;
}

static void hard_fault(struct chip *c, uint32_t pc)
{
	uint32_t now = current_exception(c);
	bool entered = now != VECTOR_HARDFAULT && now != 2 &&
		       enter(c, VECTOR_HARDFAULT, pc);

	if (c->scs.debug_enabled && (c->scs.demcr & SCS_DEMCR_VC_HARDERR) &&
	    scs_may_halt(c))
		cpu_halt(c, SCS_DFSR_VCATCH);
	else if (!entered)
		cpu_lock_up(c);
}

static void fault(struct chip *c, uint32_t cfsr)
{
	c->scs.cfsr |= cfsr;
	c->scs.hfsr |= HFSR_FORCED;
	hard_fault(c, cpu_reg(c, 15));
}

void exception_unicorn(struct chip *c, uc_err error)
{
	uint32_t addr = (uint32_t)c->cpu.fault_addr;

	switch (error) {
	case UC_ERR_READ_UNMAPPED:
	case UC_ERR_WRITE_UNMAPPED:
	case UC_ERR_READ_PROT:
	case UC_ERR_WRITE_PROT:
		/* Unicorn keeps no PC inside a block; its begin is as near as
		 * the model comes. */
		cpu_set_reg(c, 15, c->cpu.block_addr);
		c->scs.bfar = addr;
		fault(c, CFSR_PRECISERR | CFSR_BFARVALID);
		break;
	case UC_ERR_FETCH_UNMAPPED:
	case UC_ERR_FETCH_PROT:
		fault(c, CFSR_IBUSERR);
		break;
	default:
		fault(c, CFSR_UNDEFINSTR);
	}
}

static void breakpoint_insn(struct chip *c)
{
	if (c->scs.debug_enabled && scs_may_halt(c)) {
		cpu_halt(c, SCS_DFSR_BKPT);
		return;
	}
	c->scs.hfsr |= HFSR_DEBUGEVT;
	hard_fault(c, cpu_reg(c, 15));
}

static void leave(struct chip *c)
{
	uint32_t exc = cpu_reg(c, 15) | 1u, sp, frame[FRAME_WORDS];
	const uint8_t *at;

	/* Back to thread mode first: it decides which stack SP is. */
	cpu_set_reg(c, 16, 0x01000000u);
	sp = exc == EXC_RETURN_THREAD_PSP ? cpu_reg(c, 18) : cpu_reg(c, 17);
	at = stack_memory(c, sp);
	if (!at) {
		fault(c, CFSR_INVPC);
		return;
	}
	memcpy(frame, at, sizeof(frame));
	for (unsigned i = 0; i < 4; i++)
		cpu_set_reg(c, i, frame[i]);
	cpu_set_reg(c, 12, frame[4]);
	cpu_set_reg(c, 14, frame[5]);
	cpu_set_reg(c, exc == EXC_RETURN_THREAD_PSP ? 18 : 17,
		    sp + (uint32_t)sizeof(frame) +
			    (frame[7] & 0x200u ? 4u : 0u));
	cpu_set_reg(c, 16, frame[7] & ~0x200u);
	cpu_set_reg(c, 15, frame[6]);
}

void exception_interrupt(struct chip *c)
{
	switch (c->cpu.intno) {
	case INT_BKPT:
		breakpoint_insn(c);
		break;
	case INT_SVC:
		if (!enter(c, VECTOR_SVC, cpu_reg(c, 15))) {
			c->scs.hfsr |= HFSR_VECTTBL;
			hard_fault(c, cpu_reg(c, 15));
		}
		break;
	case INT_EXCEPTION_EXIT:
		leave(c);
		break;
	case INT_PREFETCH:
		fault(c, CFSR_IBUSERR);
		break;
	case INT_DATA:
		fault(c, CFSR_PRECISERR);
		break;
	case INT_NOCP:
		fault(c, CFSR_NOCP);
		break;
	case INT_INVSTATE:
		fault(c, CFSR_INVSTATE);
		break;
	default:
		fault(c, CFSR_UNDEFINSTR);
	}
}
