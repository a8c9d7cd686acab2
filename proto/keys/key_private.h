/* Between the files of proto/keys. */
#ifndef PROTO_KEYS_KEY_PRIVATE_H
#define PROTO_KEYS_KEY_PRIVATE_H

#include "proto/base/dbuf.h"
#include "proto/keys/key.h"

#define KEY_FILE_MAX_BYTES 8192u

/* A file that only its owner has rights to. key_forget() what is returned. */
enum err_code key_read_file(struct dbuf *out, const char *path, struct err *e);
void key_forget(struct dbuf *b); /* wipe and free */

/* Try to open what is encrypted with one passphrase. false: it does not fit.
 */
typedef bool key_try_fn(void *arg, const struct secret *passphrase);

/* All of the passphrases, or else what is typed (three times at most). */
enum err_code key_try_all(const char *path, const struct key_unlock *u,
			  key_try_fn *fn, void *arg, struct err *e);

/* Write a new key's file. */
enum err_code key_write_file(const char *path, const void *text, size_t len,
			     bool force, struct err *e);

#endif
