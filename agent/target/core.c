#include "agent/target/core.h"

#include "agent/target/u5_regs.h"

#define REG_BUDGET_MS 50

enum err_code core_request_halt(struct adi *a, struct err *e)
{
	adi_put32(a, U5_DHCSR,
		  U5_DHCSR_KEY | U5_DHCSR_C_DEBUGEN | U5_DHCSR_C_HALT);
	adi_put32(a, U5_DEMCR,
		  U5_DEMCR_TRCENA | U5_DEMCR_VC_CORERESET |
			  U5_DEMCR_VC_HARDERR);
	return adi_run(a, ADI_REPEAT, e);
}

enum err_code core_wait_halted(struct adi *a, int budget_ms, struct err *e)
{
	return adi_wait32(a, U5_DHCSR, U5_DHCSR_S_HALT, U5_DHCSR_S_HALT,
			  budget_ms, NULL, e);
}

static enum err_code wait_register(struct adi *a, struct err *e)
{
	return adi_wait32(a, U5_DHCSR, U5_DHCSR_S_REGRDY, U5_DHCSR_S_REGRDY,
			  REG_BUDGET_MS, NULL, e);
}

enum err_code core_write_register(struct adi *a, uint32_t reg, uint32_t value,
				  struct err *e)
{
	enum err_code rc;

	adi_put32(a, U5_DCRDR, value);
	adi_put32(a, U5_DCRSR, U5_DCRSR_WRITE | reg);
	rc = adi_run(a, ADI_REPEAT, e);
	return rc == ERR_OK ? wait_register(a, e) : rc;
}

enum err_code core_read_register(struct adi *a, uint32_t reg, uint32_t *value,
				 struct err *e)
{
	enum err_code rc = adi_write32(a, U5_DCRSR, reg, e);

	if (rc == ERR_OK)
		rc = wait_register(a, e);
	return rc == ERR_OK ? adi_read32(a, U5_DCRDR, value, e) : rc;
}

enum err_code core_start(struct adi *a, uint32_t pc, uint32_t sp, struct err *e)
{
	const struct {
		uint32_t reg, value;
	} start[] = {
		{U5_REG_SP, sp},    {U5_REG_LR, 0xFFFFFFFFu},
		{U5_REG_MASKS, 1u}, /* PRIMASK */
		{U5_REG_PC, pc},    {U5_REG_XPSR, U5_XPSR_THUMB},
	};
	enum err_code rc = ERR_OK;

	for (size_t i = 0; rc == ERR_OK && i < sizeof start / sizeof start[0];
	     i++)
		rc = core_write_register(a, start[i].reg, start[i].value, e);
	if (rc == ERR_OK)
		rc = adi_write32(a, U5_DHCSR, U5_DHCSR_KEY | U5_DHCSR_C_DEBUGEN,
				 e);
	return rc;
}

enum err_code core_look(struct adi *a, bool *halted, bool *locked_up,
			uint32_t *pc, struct err *e)
{
	uint32_t dhcsr = 0;
	enum err_code rc = adi_read32(a, U5_DHCSR, &dhcsr, e);

	*halted = (dhcsr & U5_DHCSR_S_HALT) != 0;
	*locked_up = (dhcsr & U5_DHCSR_S_LOCKUP) != 0;
	*pc = 0;
	if (rc == ERR_OK && *halted)
		rc = core_read_register(a, U5_REG_PC, pc, e);
	return rc;
}
