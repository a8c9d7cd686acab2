/* What the portable reader saw, for people. Host only. */
#ifndef PROTO_IMAGE_IMAGE_FAULT_H
#define PROTO_IMAGE_IMAGE_FAULT_H

#include "proto/base/err.h"
#include "proto/image/image.h"

/* Turn a fault into an error: "image at 0x00012000 (kernel): part does not
 * ...". Returns ERR_INTEGRITY (ERR_IO for IMAGE_IO). */
enum err_code image_fault_err(const struct image_fault *f, struct err *e);

#endif
