#include "bench/probe/fifo.h"

#include <assert.h>
#include <string.h>

void fifo_init(struct fifo *f, size_t size)
{
	assert(size > 0 && size <= FIFO_BYTES_MAX);
	memset(f, 0, sizeof(*f));
	f->size = size;
}

void fifo_clear(struct fifo *f)
{
	f->out_total += f->len;
	f->head = (f->head + f->len) % f->size;
	f->len = 0;
}

void fifo_put(struct fifo *f, uint8_t byte, uint64_t at_ps)
{
	size_t i = (f->head + f->len) % f->size;

	assert(f->len < f->size);
	f->data[i] = byte;
	f->in_ps[i] = at_ps;
	f->len++;
	f->in_total++;
}

uint8_t fifo_get(struct fifo *f, uint64_t at_ps)
{
	uint8_t byte = f->data[f->head];

	assert(f->len > 0);
	f->out_ps[f->out_total % f->size] = at_ps;
	f->out_total++;
	f->head = (f->head + 1) % f->size;
	f->len--;
	return byte;
}

uint64_t fifo_in_ps(const struct fifo *f, size_t n)
{
	assert(n < f->len);
	return f->in_ps[(f->head + n) % f->size];
}

uint64_t fifo_room_ps(const struct fifo *f, size_t n)
{
	uint64_t last = f->in_total + n;

	assert(n <= fifo_room(f));
	if (last <= f->size)
		return 0;
	/* Its place was that of the byte one size before it. */
	return f->out_ps[(last - 1) % f->size];
}
