/* Sample application: tells that it runs, then blinks a LED on PA5, as a sign
 * of a board that has been provisioned. */
#include "firmware/common/program.h"
#include "firmware/hal/hal.h"
#include "firmware/hal/reg.h"
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
	GPIO(0, GPIO_MODER) = (GPIO(0, GPIO_MODER) & ~(3u << 10)) | 1u << 10;
	for (;;) {
		GPIO(0, GPIO_BSRR) = 1u << 5;
		hal_wait_ms(BLINK_MS);
		GPIO(0, GPIO_BSRR) = 1u << 21;
		hal_wait_ms(BLINK_MS);
	}
}
