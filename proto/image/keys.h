/* Keys for the builders of images and bundles. Private to these. */
#ifndef PROTO_IMAGE_KEYS_H
#define PROTO_IMAGE_KEYS_H

#include "proto/image/image_build.h"

#define IMAGE_PEM_MAX_BYTES 8192u

/* Wipe and free. */
void image_forget(struct dbuf *b);

#endif
