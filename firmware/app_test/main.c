/* Sample application test: the sensor's supply rail has to be within 5 % of
 * 1650 mV, measured 16 times. Status 0, or 3 when the rail is out of range, or
 * 4 when the converter does not answer. */
#include "firmware/common/program.h"
#include "firmware/hal/hal.h"
#include "firmware/kernel/syscalls.h"

#include <string.h>

#define SAMPLES	    16u
#define RAIL_MIN_MV 1568
#define RAIL_MAX_MV 1732
#define STATUS_PASS 0u
#define STATUS_RAIL 3u
#define STATUS_ADC  4u

PROGRAM_HEADER(LAYOUT_PROGRAM_APP_TEST);

static const struct syscalls *mv;

static void log_text(const char *text)
{
	(void)mv->mvTestLog((const uint8_t *)text, (uint16_t)strlen(text));
}

/* "rail 1650 mV" */
static void log_rail(int mv_value)
{
	char text[] = "rail      mV";
	unsigned v = (unsigned)mv_value;

	for (unsigned at = 8; v > 0 && at >= 5; at--, v /= 10)
		text[at] = (char)('0' + v % 10);
	log_text(text);
}

static uint32_t test_rail(void)
{
	int sum = 0;

	for (unsigned i = 0; i < SAMPLES; i++) {
		int sample = hal_rail_mv();

		if (sample < 0)
			return STATUS_ADC;
		sum += sample;
	}
	log_rail(sum / (int)SAMPLES);
	return sum >= RAIL_MIN_MV * (int)SAMPLES &&
			       sum <= RAIL_MAX_MV * (int)SAMPLES
		       ? STATUS_PASS
		       : STATUS_RAIL;
}

int program_main(const void *argument)
{
	uint32_t status;

	mv = argument;
	if (mv == NULL || mv->magic != SYSCALLS_MAGIC)
		return 1;
	log_text("application test: sensor supply");
	status = test_rail();
	log_text(status == STATUS_PASS ? "rail within limits"
				       : "rail out of limits");
	(void)mv->mvTestingComplete(status);
	return 0;
}
