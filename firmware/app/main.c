/* Sample application: tells that it runs, then blinks the LED, as a sign of a
 * board that has been provisioned. */
#include "firmware/common/program.h"
#include "firmware/hal/hal.h"
#include "firmware/kernel/syscalls.h"

#include <string.h>

#define BLINK_MS 500u

PROGRAM_HEADER(LAYOUT_PROGRAM_APP);

static const char running[] = "application running";

int program_main(const void *argument)
{
	const struct syscalls *mv = argument;

	if (mv == NULL || mv->magic != SYSCALLS_MAGIC)
		return 1;
	(void)mv->mvTestLog((const uint8_t *)running,
			    (uint16_t)strlen(running));
	for (;;) {
		hal_led(true);
		hal_wait_ms(BLINK_MS);
		hal_led(false);
		hal_wait_ms(BLINK_MS);
	}
}
