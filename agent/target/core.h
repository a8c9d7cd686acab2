/* The Cortex-M33 seen by its debug registers (Armv8-M ARM, DDI 0553B, D1.2):
 * halting, core registers, letting code run that the host has put into SRAM.
 * Each call within 200 ms. ERR_TIMEOUT when the core does not do it.
 */
#ifndef AGENT_TARGET_CORE_H
#define AGENT_TARGET_CORE_H

#include "agent/drv/adi.h"

/* Debug enabled and a halt asked for, vector catch for reset and hard faults;
 * does not wait. */
enum err_code core_request_halt(struct adi *a, struct err *e);
enum err_code core_wait_halted(struct adi *a, int budget_ms, struct err *e);

/* Registers by DCRSR.REGSEL; the core must be halted. */
enum err_code core_write_register(struct adi *a, uint32_t reg, uint32_t value,
				  struct err *e);
enum err_code core_read_register(struct adi *a, uint32_t reg, uint32_t *value,
				 struct err *e);

/* From the halted state: run from pc with this stack, interrupts masked. */
enum err_code core_start(struct adi *a, uint32_t pc, uint32_t sp,
			 struct err *e);

/* Why is nothing happening? *halted: in debug state, by a breakpoint or a
 * caught fault; *pc then says where. *locked_up: a fault nobody caught. */
enum err_code core_look(struct adi *a, bool *halted, bool *locked_up,
			uint32_t *pc, struct err *e);

#endif
