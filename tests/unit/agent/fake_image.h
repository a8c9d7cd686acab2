/* A small real image, made by the image builder, for tests of the agent. */
#ifndef TESTS_UNIT_AGENT_FAKE_IMAGE_H
#define TESTS_UNIT_AGENT_FAKE_IMAGE_H

#include "proto/base/dbuf.h"

/* Firmware identifier "fw-1", smallest NOR 8 MiB; program versions 1.2 to
 * 1.5. folder: an existing one for the input files. expect: JSON as
 * docs/images.md has it; NULL: nothing. sha256: hex. */
void fake_image_make(const char *folder, const char *expect, struct dbuf *image,
		     char sha256[65]);

#endif
