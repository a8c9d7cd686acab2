/* A probe's FIFO: bytes with the modelled time at which each went in, and for
 * the last ones that were taken out, when that was: so that a sender which is
 * simulated later knows when its byte would have found room. */
#ifndef BENCH_PROBE_FIFO_H
#define BENCH_PROBE_FIFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIFO_BYTES_MAX 4096u

struct fifo {
	size_t size; /* <= FIFO_BYTES_MAX */
	size_t head, len;
	uint64_t in_total, out_total;
	uint8_t data[FIFO_BYTES_MAX];
	uint64_t in_ps[FIFO_BYTES_MAX];
	uint64_t out_ps[FIFO_BYTES_MAX]; /* by byte number modulo size */
};

void fifo_init(struct fifo *f, size_t size);
void fifo_clear(struct fifo *f);

static inline size_t fifo_room(const struct fifo *f)
{
	return f->size - f->len;
}

/* There must be room. */
void fifo_put(struct fifo *f, uint8_t byte, uint64_t at_ps);
/* There must be a byte. */
uint8_t fifo_get(struct fifo *f, uint64_t at_ps);
/* When the nth byte (0 = oldest) went in. */
uint64_t fifo_in_ps(const struct fifo *f, size_t n);
/* The earliest time at which n more bytes had room: n <= fifo_room(). */
uint64_t fifo_room_ps(const struct fifo *f, size_t n);

#endif
