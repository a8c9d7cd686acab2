/* Exceptions that an instruction causes: SVC, BKPT and faults. All
 * configurable faults escalate to HardFault, as after reset. Stacking and
 * return follow the Armv8-M ARM (B3.19 to B3.22) without FP context. */
#ifndef BENCH_CHIP_EXCEPTION_H
#define BENCH_CHIP_EXCEPTION_H

#include <unicorn/unicorn.h>

struct chip;

/* Unicorn returned with an error: a fault. */
void exception_unicorn(struct chip *c, uc_err error);
/* Unicorn's interrupt hook has stopped it with cpu.intno. */
void exception_interrupt(struct chip *c);

#endif
