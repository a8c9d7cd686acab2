/* Bytes as lower-case hexadecimal text and back. */
#ifndef PROTO_BASE_HEX_H
#define PROTO_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* out gets 2 * len digits and a NUL. Returns out. */
const char *hex_encode(char *out, const void *bytes, size_t len);

/* text must be exactly 2 * len digits, either case. */
bool hex_decode(uint8_t *out, size_t len, const char *text);

/* A random (version 4) UUID, RFC 9562, as text: 36 characters and the NUL.
 * Aborts when the kernel gives no random bytes. Returns out. */
const char *hex_uuid(char out[37]);

#endif
