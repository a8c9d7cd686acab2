#include "proto/base/dbuf.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void dbuf_init(struct dbuf *b, size_t max_len)
{
	*b = (struct dbuf){.max_len = max_len};
}

void dbuf_fini(struct dbuf *b)
{
	free(b->data);
	*b = (struct dbuf){.max_len = b->max_len};
}

void dbuf_clear(struct dbuf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = 0;
}

static enum err_code reserve(struct dbuf *b, size_t more)
{
	size_t cap = b->cap ? b->cap : 64;
	uint8_t *data;

	if (more > b->max_len - b->len)
		return ERR_TOO_BIG;
	while (cap < b->len + more + 1)
		cap *= 2;
	if (cap == b->cap)
		return ERR_OK;
	data = realloc(b->data, cap);
	if (!data)
		return ERR_NO_MEMORY;
	b->data = data;
	b->cap = cap;
	return ERR_OK;
}

enum err_code dbuf_add(struct dbuf *b, const void *data, size_t len)
{
	enum err_code rc = reserve(b, len);

	if (rc)
		return rc;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = 0;
	return ERR_OK;
}

enum err_code dbuf_addf(struct dbuf *b, const char *fmt, ...)
{
	enum err_code rc;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return ERR_BUG;
	rc = reserve(b, (size_t)n);
	if (rc)
		return rc;
	va_start(ap, fmt);
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return ERR_OK;
}

void dbuf_eat(struct dbuf *b, size_t len)
{
	if (len > b->len)
		len = b->len;
	if (!len)
		return;
	memmove(b->data, b->data + len, b->len - len + 1);
	b->len -= len;
}

const char *dbuf_text(const struct dbuf *b)
{
	return b->data ? (const char *)b->data : "";
}

uint8_t *dbuf_take(struct dbuf *b, size_t *len)
{
	uint8_t *data = b->data;

	*len = b->len;
	*b = (struct dbuf){.max_len = b->max_len};
	return data;
}
