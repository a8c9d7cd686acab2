/* A signature against the key id beside it. Host only. */
#ifndef PROTO_IMAGE_SIGNED_BY_H
#define PROTO_IMAGE_SIGNED_BY_H

#include "proto/image/image.h"

/* Is the signature one of the key whose id the header has? That finds what was
 * damaged. It says nothing about who that is: whoever signs anew can put the id
 * of a key of his own. */
bool image_signed_by_key_id(const struct image *im);

#endif
