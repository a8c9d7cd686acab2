/* The HAL over arrays: flash that can lose its supply after any number of
 * quad-words or pages, a fixed UID, random numbers from the kernel. */
#ifndef TESTS_UNIT_FIRMWARE_FAKE_HAL_H
#define TESTS_UNIT_FIRMWARE_FAKE_HAL_H

#include <stdint.h>

extern uint8_t fake_flash[];

/* All of flash blank, nothing fails. */
void fake_reset(void);

/* After so many more erases or quad-words the flash takes nothing more: as if
 * the supply went away. 0: at once. Negative: never. */
void fake_fail_after(int operations);

#endif
