/* What the reader's files share. Private to proto/image. */
#ifndef PROTO_IMAGE_READER_H
#define PROTO_IMAGE_READER_H

#include "proto/image/image.h"

#include <mbedtls/sha256.h>

/* Fill f (may be NULL); returns error. */
static inline enum image_error image_fault_set(struct image_fault *f,
					       enum image_error error,
					       uint32_t offset, uint32_t part)
{
	if (f != NULL)
		*f = (struct image_fault){error, offset, part};
	return error;
}

/* Feed a range of the image to a running hash; false when it cannot be read. */
bool image_hash_range(const struct image *im, mbedtls_sha256_context *sha,
		      uint32_t offset, uint32_t len);

#endif
