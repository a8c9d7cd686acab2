/* The keys and certificates of a new controller. */
#ifndef CONTROLLER_INIT_KEYS_H
#define CONTROLLER_INIT_KEYS_H

#include "proto/base/err.h"

/* Writes CA, server and checkpoint keys and certificates (controller_init.h)
 * into dir. names: NULL-terminated, DNS names and IP addresses. ERR_INPUT for
 * a name that is neither. */
enum err_code init_keys_make(const char *dir, const char *const *names,
			     struct err *e);

#endif
