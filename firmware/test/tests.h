/* The hardware tests, in order. Each says its measurement with limits in a
 * TEST sentence; the first failure is FAIL and ends the program. */
#ifndef FIRMWARE_TEST_TESTS_H
#define FIRMWARE_TEST_TESTS_H

#include "proto/image/image.h"

void tests_run(const struct image *im);

#endif
