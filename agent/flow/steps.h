/* The fifteen steps as one table, in the order of proto/steps.def. The last
 * one, record, is the attempt's end and run by attempt.c for every outcome. */
#ifndef AGENT_FLOW_STEPS_H
#define AGENT_FLOW_STEPS_H

#include "agent/flow/attempt.h"

struct flow_step {
	enum step step;
	enum flow_end (*run)(struct attempt *a);
	int64_t budget_ms; /* of the whole step */
	bool irreversible;
};

extern const struct flow_step flow_steps[STEP_COUNT];

/* Can seating the board again cure this failure? Then the light may ask for
 * it, if the permit allows another attempt. */
bool flow_reseat_helps(enum failure f);

/* Which step a program belongs to; STEP_COUNT for PROGRAM_NONE. */
enum step flow_program_step(enum flow_program p);
enum flow_program flow_program_parse(const char *name);

/* steps_board.c */
enum flow_end step_detect(struct attempt *a);
enum flow_end step_identify(struct attempt *a);
enum flow_end step_spi_flash(struct attempt *a);
enum flow_end step_sfi_load(struct attempt *a);
enum flow_end step_lock_down(struct attempt *a);
/* steps_line.c */
enum flow_end step_permit(struct attempt *a);
enum flow_end step_licence(struct attempt *a);
/* steps_dut.c */
enum flow_end step_sfi_install(struct attempt *a);
enum flow_end step_hardware_test(struct attempt *a);
enum flow_end step_microvisor_install(struct attempt *a);
enum flow_end step_app_test(struct attempt *a);
enum flow_end step_app_install(struct attempt *a);
/* steps_identity.c */
enum flow_end step_identity(struct attempt *a);
enum flow_end step_certificate(struct attempt *a);

#endif
