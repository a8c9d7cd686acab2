/* Keys for one demo: made fresh, used once, gone with the work folder. */
#ifndef CLI_DEMO_KEYS_H
#define CLI_DEMO_KEYS_H

#include "proto/base/err.h"

#include <stddef.h>

/* A new P-256 private key as PEM, mode 0600. */
enum err_code keys_new_p256(const char *path, struct err *e);

/* The public half of a private key's PEM file, as PEM. */
enum err_code keys_public(const char *private_path, const char *path,
			  struct err *e);

/* len random bytes, mode 0600. */
enum err_code keys_new_random(const char *path, size_t len, struct err *e);

#endif
