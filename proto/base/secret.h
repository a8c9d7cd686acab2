/* Bytes that must never be seen: keys, tokens, passwords. There is no way to
 * print one; it is wiped when it ends. Pass it by pointer only. */
#ifndef PROTO_BASE_SECRET_H
#define PROTO_BASE_SECRET_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_MAX_BYTES 512

struct secret {
	size_t len;
	uint8_t bytes[SECRET_MAX_BYTES];
};

/* Copies; the caller wipes its own copy. ERR_TOO_BIG. */
enum err_code secret_set(struct secret *s, const void *bytes, size_t len,
			 struct err *e);

/* len random bytes from the kernel. */
enum err_code secret_random(struct secret *s, size_t len, struct err *e);

/* A file that only its owner may read; trailing newlines are cut.
 * ERR_CONFIG when others may read it, ERR_IO, ERR_TOO_BIG. */
enum err_code secret_load(struct secret *s, const char *path, struct err *e);

/* Constant time in the length of b. */
bool secret_equal(const struct secret *a, const void *b, size_t b_len);

/* Wipe. Idempotent. */
void secret_fini(struct secret *s);

#endif
