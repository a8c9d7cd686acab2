/* What the cloud has issued: DIR/devices/NAME.pem, the certificate, and
 * DIR/keys/KEYID, the name that a public key belongs to. A name has one key
 * and a key one name, for ever. Everything is on disk before it is returned.
 * Blocks on files. */
#ifndef BENCH_CLOUD_ISSUED_H
#define BENCH_CLOUD_ISSUED_H

#include "bench/cloud/ca.h"
#include "bench/cloud/request.h"
#include "proto/base/err.h"

#include <stdbool.h>

struct issued {
	char dir[3800];
};

/* ERR_IO, ERR_DISK_FULL. Nothing to free. */
enum err_code issued_open(struct issued *s, const char *dir, struct err *e);

/* The certificate for a request that has been checked: the one from before
 * when name and key are those from before, otherwise a new one (*is_new).
 * ERR_CONFLICT when the name has another key or the key another name.
 * The caller frees *cert. */
enum err_code issued_get(const struct issued *s, struct ca *ca,
			 const struct request *r, uint32_t days, X509 **cert,
			 bool *is_new, struct err *e);

#endif
