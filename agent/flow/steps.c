#include "agent/flow/steps.h"

#include <string.h>

const struct flow_step flow_steps[STEP_COUNT] = {
	{STEP_DETECT, step_detect, 2000, false},
	{STEP_IDENTIFY, step_identify, 60000, false},
	{STEP_PERMIT, step_permit, 60000, false},
	{STEP_SPI_FLASH, step_spi_flash, 600000, false},
	{STEP_LICENCE, step_licence, 60000, true},
	{STEP_SFI_LOAD, step_sfi_load, 30000, false},
	{STEP_LOCK_DOWN, step_lock_down, 15000, true},
	{STEP_SFI_INSTALL, step_sfi_install, 120000, false},
	{STEP_HARDWARE_TEST, step_hardware_test, 120000, false},
	{STEP_IDENTITY, step_identity, 60000, false},
	{STEP_CERTIFICATE, step_certificate, 120000, true},
	{STEP_MICROVISOR_INSTALL, step_microvisor_install, 60000, false},
	{STEP_APP_TEST, step_app_test, 600000, false},
	{STEP_APP_INSTALL, step_app_install, 60000, false},
	{STEP_RECORD, NULL, 0, false},
};

bool flow_reseat_helps(enum failure f)
{
	switch (f) {
	case FAILURE_NO_CONTACT:
	case FAILURE_CONTACT_LOST:
	case FAILURE_PROBE_LOST:
	case FAILURE_UART_LOST:
	case FAILURE_APP_TEST_TIMEOUT:
	case FAILURE_CARD_MISSING:
	case FAILURE_CARD_WRONG:
	case FAILURE_CARD_EMPTY:
	case FAILURE_CLOUD_DOWN:
	case FAILURE_STATION:
		return true;
	default: /* the board, not its seat */
		return false;
	}
}

static const struct {
	const char *name;
	enum flow_program program;
	enum step step;
} programs[] = {
	{"sfi-loader", PROGRAM_LOADER, STEP_SFI_INSTALL},
	{"hardware-test", PROGRAM_TEST, STEP_HARDWARE_TEST},
	{"kernel", PROGRAM_KERNEL, STEP_APP_TEST},
	{"app-test", PROGRAM_APP_TEST, STEP_APP_TEST},
	{"app", PROGRAM_APP, STEP_APP_INSTALL},
};

enum step flow_program_step(enum flow_program p)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (programs[i].program == p)
			return programs[i].step;
	return STEP_COUNT;
}

enum flow_program flow_program_parse(const char *name)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (strcmp(programs[i].name, name) == 0)
			return programs[i].program;
	return PROGRAM_NONE;
}
