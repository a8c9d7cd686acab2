#include "bench/chip/board.h"

/* Core registers by DCRSR.REGSEL (DDI0553, D1.2.44). */

static int unicorn_id(unsigned regsel)
{
	static const int LOW[19] = {
		UC_ARM_REG_R0,	 UC_ARM_REG_R1,	 UC_ARM_REG_R2,	 UC_ARM_REG_R3,
		UC_ARM_REG_R4,	 UC_ARM_REG_R5,	 UC_ARM_REG_R6,	 UC_ARM_REG_R7,
		UC_ARM_REG_R8,	 UC_ARM_REG_R9,	 UC_ARM_REG_R10, UC_ARM_REG_R11,
		UC_ARM_REG_R12,	 UC_ARM_REG_SP,	 UC_ARM_REG_LR,	 UC_ARM_REG_PC,
		UC_ARM_REG_XPSR, UC_ARM_REG_MSP, UC_ARM_REG_PSP};

	if (regsel < 19)
		return LOW[regsel];
	if (regsel == 26) /* MSP_S */
		return UC_ARM_REG_MSP;
	if (regsel == 27) /* PSP_S */
		return UC_ARM_REG_PSP;
	if (regsel == 33)
		return UC_ARM_REG_FPSCR;
	if (regsel >= 64 && regsel < 96)
		return UC_ARM_REG_S0 + (int)(regsel - 64);
	return UC_ARM_REG_INVALID;
}

/* 20, 34: CONTROL, FAULTMASK, BASEPRI, PRIMASK in one word */
static const int SPECIAL[4] = {UC_ARM_REG_PRIMASK, UC_ARM_REG_BASEPRI,
			       UC_ARM_REG_FAULTMASK, UC_ARM_REG_CONTROL};

static bool is_special(unsigned regsel)
{
	return regsel == 20 || regsel == 34;
}

uint32_t cpu_reg(struct chip *c, unsigned regsel)
{
	uint32_t value = 0;

	if (is_special(regsel)) {
		for (unsigned i = 0; i < 4; i++) {
			uint32_t part = 0;

			uc_reg_read(c->cpu.uc, SPECIAL[i], &part);
			value |= (part & 0xFFu) << (8 * i);
		}
		return value;
	}
	if (unicorn_id(regsel) != UC_ARM_REG_INVALID)
		uc_reg_read(c->cpu.uc, unicorn_id(regsel), &value);
	if (regsel == 16)
		value |= 0x01000000u; /* EPSR.T is not in Unicorn's word */
	return value;
}

void cpu_set_reg(struct chip *c, unsigned regsel, uint32_t value)
{
	if (is_special(regsel)) {
		for (unsigned i = 0; i < 4; i++) {
			uint32_t part = value >> (8 * i) & 0xFFu;

			uc_reg_write(c->cpu.uc, SPECIAL[i], &part);
		}
		return;
	}
	if (regsel == 15)
		value &= ~1u;
	if (unicorn_id(regsel) != UC_ARM_REG_INVALID)
		uc_reg_write(c->cpu.uc, unicorn_id(regsel), &value);
}
