/* The private peripheral bus: system control space with core debug, FPB, DWT
 * and the CoreSight identification (Armv8-M ARM DDI0553, B14, D1; Cortex-M33
 * TRM 100230), plus DBGMCU. Watchpoints hold values but never match.
 */
#ifndef BENCH_CHIP_SCS_H
#define BENCH_CHIP_SCS_H

#include <stdbool.h>
#include <stdint.h>

struct chip;

#define SCS_DFSR_HALTED	       (1u << 0)
#define SCS_DFSR_BKPT	       (1u << 1)
#define SCS_DFSR_VCATCH	       (1u << 3)

#define SCS_DEMCR_VC_CORERESET (1u << 0)
#define SCS_DEMCR_VC_HARDERR   (1u << 10)
#define SCS_DEMCR_TRCENA       (1u << 24)

struct scs {
	/* debug: survives a system reset */
	bool debug_enabled; /* DHCSR.C_DEBUGEN */
	bool halt_request;  /* DHCSR.C_HALT */
	bool step_request;  /* DHCSR.C_STEP */
	bool maskints;
	bool reset_seen; /* DHCSR.S_RESET_ST */
	uint32_t demcr, dcrdr, dfsr, dscsr;
	uint32_t fp_ctrl, fp_comp[8];
	uint32_t dwt_ctrl, dwt_comp[4], dwt_func[4];
	uint64_t cyccnt_base; /* cpu_cycle_count() when CYCCNT was 0 */
	uint32_t cyccnt_held; /* value while not counting */
	uint32_t dbgmcu[4];

	/* system control: goes with a reset */
	uint32_t vtor, aircr, scr, ccr, shcsr, cfsr, hfsr, mmfar, bfar, cpacr,
		fpccr, syst_csr, syst_rvr;
	uint64_t syst_base;
	uint32_t shpr[3];
	uint32_t mpu[8], sau[5];
};

void scs_power_on(struct chip *c);
/* System reset; core debug stays. */
void scs_reset(struct chip *c);

uint32_t scs_read(struct chip *c, unsigned index, uint32_t off, unsigned size);
void scs_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
	       uint32_t value);
uint32_t dbgmcu_read(struct chip *c, unsigned index, uint32_t off,
		     unsigned size);
void dbgmcu_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
		  uint32_t value);
/* trace.c: FPB, DWT, ROM tables and component identification. */
uint32_t trace_read(struct chip *c, uint32_t off);
void trace_write(struct chip *c, uint32_t off, uint32_t value);
uint32_t trace_id(uint32_t off);
/* DEMCR.TRCENA starts and stops the cycle counter. */
void trace_set_demcr(struct chip *c, uint32_t value);

/* May the debugger halt the core in the state it is in (RDP, TrustZone)? */
bool scs_may_halt(const struct chip *c);

#endif
