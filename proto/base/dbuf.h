/* A growing byte buffer with a maximum that is stated when it is made: what
 * would make it larger is refused and leaves it as it was. There always is a
 * NUL behind the content (not counted in len), so text can be used in place. */
#ifndef PROTO_BASE_DBUF_H
#define PROTO_BASE_DBUF_H

#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct dbuf {
	uint8_t *data; /* NULL until the first add */
	size_t len;
	size_t cap;
	size_t max_len;
};

void dbuf_init(struct dbuf *b, size_t max_len);
void dbuf_fini(struct dbuf *b); /* frees; usable again after dbuf_init */
void dbuf_clear(struct dbuf *b);

/* ERR_TOO_BIG past the maximum, ERR_NO_MEMORY. */
enum err_code dbuf_add(struct dbuf *b, const void *data, size_t len);
enum err_code dbuf_addf(struct dbuf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Remove len bytes (at most b->len) at the front. */
void dbuf_eat(struct dbuf *b, size_t len);

/* The content as text: never NULL. */
const char *dbuf_text(const struct dbuf *b);

/* Move the content out: the caller frees what is returned (malloc), b is
 * empty afterwards. NULL when b never held anything. */
uint8_t *dbuf_take(struct dbuf *b, size_t *len);

#endif
