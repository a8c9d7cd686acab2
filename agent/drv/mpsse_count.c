#include "agent/drv/mpsse_count.h"

#define OP_BITS	       0x02u
#define OP_WRITE       0x10u
#define OP_READ	       0x20u
#define OP_TMS	       0x40u
#define OP_SHIFT_END   0x80u
#define OP_SET_LOW     0x80u
#define OP_SET_HIGH    0x82u
#define OP_DIVISOR     0x86u
#define OP_DIV5_OFF    0x8Au
#define OP_DIV5_ON     0x8Bu
#define OP_CLOCK_BITS  0x8Eu
#define OP_CLOCK_BYTES 0x8Fu

void mpsse_count_start(struct mpsse_count *c)
{
	c->divisor = 0;
	c->divide_by_5 = true;
	c->have = c->want = 0;
	c->skip = 0;
}

static bool is_shift(uint8_t op)
{
	return op < OP_SHIFT_END && (op & (OP_WRITE | OP_READ | OP_TMS)) != 0;
}

/* Length of opcode and parameters, without the data of byte shifts. */
static uint8_t head_len(uint8_t op)
{
	if (is_shift(op) && (op & OP_BITS))
		return op & (OP_WRITE | OP_TMS) ? 3 : 2;
	if (is_shift(op))
		return 3;
	switch (op) {
	case OP_SET_LOW:
	case OP_SET_HIGH:
	case OP_DIVISOR:
	case OP_CLOCK_BYTES:
		return 3;
	case OP_CLOCK_BITS:
		return 2;
	default:
		return 1;
	}
}

/* 3.8.1: 60 or 12 MHz / ((1 + divisor) * 2). */
static void add(struct mpsse_count *c, uint64_t clocks)
{
	uint64_t base_mhz = c->divide_by_5 ? 12u : 60u;

	c->clocks += clocks;
	c->ps += clocks * 2u * (1u + c->divisor) * 1000000u / base_mhz;
}

static void execute(struct mpsse_count *c)
{
	uint8_t op = c->head[0];
	uint32_t value = (uint32_t)(c->head[1] | c->head[2] << 8);

	if (is_shift(op) && (op & OP_BITS)) {
		add(c, (c->head[1] & 7u) + 1u);
	} else if (is_shift(op)) {
		add(c, (value + 1u) * 8u);
		c->skip = op & OP_WRITE ? value + 1u : 0;
	} else if (op == OP_CLOCK_BITS) {
		add(c, (c->head[1] & 7u) + 1u);
	} else if (op == OP_CLOCK_BYTES) {
		add(c, (value + 1u) * 8u);
	} else if (op == OP_DIVISOR) {
		c->divisor = value;
	} else if (op == OP_DIV5_OFF || op == OP_DIV5_ON) {
		c->divide_by_5 = op == OP_DIV5_ON;
	}
}

void mpsse_count_feed(struct mpsse_count *c, const uint8_t *out, size_t len)
{
	size_t at = 0;

	while (at < len) {
		if (c->skip > 0) {
			size_t n = c->skip < len - at ? c->skip : len - at;

			c->skip -= (uint32_t)n;
			at += n;
			continue;
		}
		if (c->have == 0)
			c->want = head_len(out[at]);
		c->head[c->have++] = out[at++];
		if (c->have == c->want) {
			c->have = 0;
			execute(c);
		}
	}
}
