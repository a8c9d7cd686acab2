/* SHA-256 as quick as the host has it: OpenSSL's, with the processor's own
 * instructions. Alone in its file, since OpenSSL's names and ours collide. */
#ifndef PROTO_IMAGE_SHA_H
#define PROTO_IMAGE_SHA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sha;

struct sha *sha_new(void); /* NULL: no memory */
void sha_free(struct sha *s);

/* Any number of hashes one after the other. False: OpenSSL refuses. */
bool sha_begin(struct sha *s);
bool sha_add(struct sha *s, const void *bytes, size_t len);
bool sha_end(struct sha *s, uint8_t out[32]);

#endif
