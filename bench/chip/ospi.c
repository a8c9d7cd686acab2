#include "bench/chip/board.h"

#include <string.h>

enum {
	CR = 0x000,
	DCR1 = 0x008,
	DCR2 = 0x00C,
	DCR3 = 0x010,
	DCR4 = 0x014,
	SR = 0x020,
	FCR = 0x024,
	DLR = 0x040,
	AR = 0x048,
	DR = 0x050,
	PSMKR = 0x080,
	PSMAR = 0x088,
	PIR = 0x090,
	CCR = 0x100,
	TCR = 0x108,
	IR = 0x110,
	ABR = 0x120,
	LPTR = 0x130,
	WCCR = 0x180,
	WTCR = 0x188,
	WIR = 0x190,
	WABR = 0x1A0,
	HLCR = 0x200,
	/* Identification; it tells OCTOSPI from the older QUADSPI. */
	MAGIC = 0x3FC,
};

#define MAGIC_VALUE 0xA3C5DD01u
#define CR_EN	    (1u << 0)
#define CR_ABORT    (1u << 1)
#define CR_APMS	    (1u << 22)
#define CR_PMM	    (1u << 23)
#define SR_TEF	    (1u << 0)
#define SR_TCF	    (1u << 1)
#define SR_FTF	    (1u << 2)
#define SR_SMF	    (1u << 3)
#define SR_TOF	    (1u << 4)
#define SR_BUSY	    (1u << 5)
#define FLAGS	    (SR_TEF | SR_TCF | SR_SMF | SR_TOF)
#define UNLIMITED   0xFFFFFFFFu

static const uint16_t STORED[] = {CR,	 DCR1,	DCR2, DCR3, DCR4, DLR, AR,
				  PSMKR, PSMAR, PIR,  CCR,  TCR,  IR,  ABR,
				  LPTR,	 WCCR,	WTCR, WIR,  WABR, HLCR};

static bool is_stored(uint32_t off)
{
	for (size_t i = 0; i < sizeof(STORED) / sizeof(STORED[0]); i++)
		if (STORED[i] == off)
			return true;
	return false;
}

static uint32_t reg(const struct ospi *o, uint32_t off)
{
	return o->reg[off / 4];
}

static unsigned mode(const struct ospi *o)
{
	return reg(o, CR) >> 28 & 3u;
}

void ospi_reset(struct chip *c)
{
	memset(c->ospi, 0, sizeof(c->ospi));
}

static bool has_nor(const struct chip *c, unsigned index)
{
	return index == c->wiring->nor_ospi;
}

/* -------- one command on the wires -------- */

static unsigned lines(uint32_t code)
{
	static const uint8_t LINES[8] = {0, 1, 2, 4, 8, 0, 0, 0};

	return LINES[code & 7u];
}

static uint64_t clock_ps(const struct chip *c, const struct ospi *o)
{
	uint64_t kernel = 1000000000000ull / c->rcc.sysclk_hz;

	return kernel * ((reg(o, DCR2) & 0xFFu) + 1u);
}

static unsigned phase_clocks(uint32_t bytes, unsigned on_lines)
{
	return on_lines ? bytes * 8u / on_lines : 0;
}

static struct nor_command command(const struct ospi *o, uint32_t addr)
{
	uint32_t ccr = reg(o, CCR);
	struct nor_command cmd = {
		.op = (uint8_t)reg(o, IR),
		.op_lines = lines(ccr),
		.addr_lines = lines(ccr >> 8),
		.data_lines = lines(ccr >> 24),
		.addr = addr,
		.dummy_clocks = reg(o, TCR) & 0x1Fu,
	};

	if (cmd.addr_lines)
		cmd.addr_bytes = (ccr >> 12 & 3u) + 1u;
	cmd.dummy_clocks +=
		phase_clocks((ccr >> 20 & 3u) + 1u, lines(ccr >> 16));
	return cmd;
}

/* Chip select falls; returns how long instruction, address and dummies take. */
static uint64_t select_nor(struct chip *c, unsigned index, uint32_t addr,
			   uint64_t t)
{
	struct ospi *o = &c->ospi[index];
	struct nor_command cmd = command(o, addr);
	uint32_t op_bytes = (reg(o, CCR) >> 4 & 3u) + 1u;

	if (has_nor(c, index))
		nor_select(c, &cmd, t);
	o->byte_ps = cmd.data_lines
			     ? clock_ps(c, o) * phase_clocks(1, cmd.data_lines)
			     : 0;
	return clock_ps(c, o) * (phase_clocks(op_bytes, cmd.op_lines) +
				 phase_clocks(cmd.addr_bytes, cmd.addr_lines) +
				 cmd.dummy_clocks + 1u);
}

static uint8_t shift_out(struct chip *c, unsigned index, uint64_t t)
{
	return has_nor(c, index) ? nor_shift_out(c, t) : 0xFF;
}

static void end_transfer(struct chip *c, unsigned index, uint64_t t)
{
	struct ospi *o = &c->ospi[index];

	if (has_nor(c, index))
		nor_deselect(c, t);
	o->flags |= SR_TCF;
}

static uint64_t data_length(const struct ospi *o)
{
	return reg(o, DLR) == UNLIMITED ? UINT64_MAX
					: (uint64_t)reg(o, DLR) + 1u;
}

/* -------- running -------- */

static void begin(struct chip *c, unsigned index)
{
	struct ospi *o = &c->ospi[index];
	uint64_t now = board_time_ps(c);
	unsigned data = lines(reg(o, CCR) >> 24);

	if (!(reg(o, CR) & CR_EN))
		return;
	o->head = o->fill = 0;
	o->paused = false;
	o->next_ps = now + select_nor(c, index, reg(o, AR), now);
	o->remaining = data_length(o);
	if (!data) {
		o->phase = OSPI_COMMAND;
	} else if (mode(o) == 0) {
		o->phase = OSPI_WRITE;
		o->paused = true;
	} else {
		o->phase = mode(o) == 2 ? OSPI_POLL : OSPI_READ;
		o->polled_ps = 0;
		o->next_ps += o->byte_ps;
	}
}

static void push(struct ospi *o, uint8_t byte)
{
	o->fifo[(o->head + o->fill++) % OSPI_FIFO_BYTES] = byte;
}

static uint8_t pop(struct ospi *o)
{
	uint8_t byte = o->fifo[o->head];

	o->head = (o->head + 1) % OSPI_FIFO_BYTES;
	o->fill--;
	return byte;
}

static void sync_read(struct chip *c, unsigned index, uint64_t now)
{
	struct ospi *o = &c->ospi[index];

	while (o->remaining && !o->paused && o->next_ps <= now) {
		push(o, shift_out(c, index, o->next_ps));
		if (--o->remaining == 0) {
			end_transfer(c, index, o->next_ps);
			break;
		}
		o->next_ps += o->byte_ps;
		o->paused = o->fill == OSPI_FIFO_BYTES;
	}
	if (!o->remaining && !o->fill)
		o->phase = OSPI_IDLE;
}

static void sync_write(struct chip *c, unsigned index, uint64_t now)
{
	struct ospi *o = &c->ospi[index];

	while (o->fill && !o->paused && o->next_ps <= now) {
		uint8_t byte = pop(o);

		if (has_nor(c, index))
			nor_shift_in(c, byte);
		if (--o->remaining == 0) {
			end_transfer(c, index, o->next_ps);
			o->phase = OSPI_IDLE;
			return;
		}
		o->paused = o->fill == 0;
		if (!o->paused)
			o->next_ps += o->byte_ps;
	}
}

/* One status read of the automatic polling; true on a match. */
static bool poll_once(struct chip *c, unsigned index, uint64_t t)
{
	struct ospi *o = &c->ospi[index];
	uint32_t value = 0, mask = reg(o, PSMKR);
	uint64_t bytes = o->remaining < 4 ? o->remaining : 4;

	select_nor(c, index, reg(o, AR), t);
	for (unsigned i = 0; i < bytes; i++)
		value |= (uint32_t)shift_out(c, index, t) << (8 * i);
	if (has_nor(c, index))
		nor_deselect(c, t);
	o->head = o->fill = 0;
	for (unsigned i = 0; i < bytes; i++)
		push(o, (uint8_t)(value >> (8 * i)));
	if (reg(o, CR) & CR_PMM)
		return (~(value ^ reg(o, PSMAR)) & mask) != 0;
	return ((value ^ reg(o, PSMAR)) & mask) == 0;
}

static void sync_poll(struct chip *c, unsigned index, uint64_t now)
{
	struct ospi *o = &c->ospi[index];
	uint64_t interval;

	if (o->next_ps > now)
		return;
	/* Between two changes of the NOR every poll reads the same, so only
	 * the last one up to now counts, or the first after a change. */
	if (c->nor.busy_until_ps <= now && c->nor.busy_until_ps > o->next_ps)
		o->next_ps = c->nor.busy_until_ps;
	o->polled_ps = o->next_ps;
	if (poll_once(c, index, o->next_ps)) {
		o->flags |= SR_SMF;
		if (reg(o, CR) & CR_APMS) {
			o->flags |= SR_TCF;
			o->phase = OSPI_IDLE;
		}
	}
	interval = clock_ps(c, o) * (reg(o, PIR) & 0xFFFFu) + 8 * o->byte_ps +
		   1000000u;
	o->next_ps = now + interval;
}

static void ospi_sync(struct chip *c, unsigned index)
{
	struct ospi *o = &c->ospi[index];
	uint64_t now = board_time_ps(c);

	switch (o->phase) {
	case OSPI_COMMAND:
		if (o->next_ps <= now) {
			end_transfer(c, index, o->next_ps);
			o->phase = OSPI_IDLE;
		}
		break;
	case OSPI_READ:
		sync_read(c, index, now);
		break;
	case OSPI_WRITE:
		sync_write(c, index, now);
		break;
	case OSPI_POLL:
		sync_poll(c, index, now);
		break;
	case OSPI_IDLE:
	case OSPI_MAPPED:
		break;
	}
}

/* The first poll that can read something new: the one behind the NOR's end, if
 * that has not been made. */
static uint64_t poll_event(const struct chip *c, const struct ospi *o)
{
	uint64_t ready_ps = c->nor.busy_until_ps;

	if (o->polled_ps != 0 && o->polled_ps >= ready_ps)
		return BOARD_NEVER;
	return ready_ps > o->next_ps ? ready_ps : o->next_ps;
}

uint64_t ospi_next_event(struct chip *c, uint64_t t_ps)
{
	uint64_t next = BOARD_NEVER;

	for (unsigned i = 0; i < OSPI_COUNT; i++) {
		struct ospi *o = &c->ospi[i];
		uint64_t at = o->next_ps;

		ospi_sync(c, i);
		if (o->phase == OSPI_IDLE || o->phase == OSPI_MAPPED ||
		    o->paused || (o->phase == OSPI_READ && !o->remaining))
			continue;
		at = o->phase == OSPI_POLL ? poll_event(c, o) : o->next_ps;
		if (at > t_ps && at < next)
			next = at;
	}
	return next;
}

static void abort_transfer(struct chip *c, unsigned index)
{
	struct ospi *o = &c->ospi[index];

	if (o->phase != OSPI_IDLE && has_nor(c, index))
		nor_deselect(c, board_time_ps(c));
	o->phase = OSPI_IDLE;
	o->head = o->fill = 0;
	o->remaining = 0;
	o->paused = false;
}

/* -------- the data register -------- */

/* The access holds the bus until the FIFO can serve it. */
static void wait_for(struct chip *c, unsigned index, unsigned size, bool room)
{
	struct ospi *o = &c->ospi[index];

	while (room ? o->fill + size > OSPI_FIFO_BYTES : o->fill < size) {
		uint64_t t = o->next_ps;

		if (o->paused || !o->remaining)
			return;
		board_stall(c, t);
		if (o->phase == OSPI_READ)
			sync_read(c, index, t);
		else
			sync_write(c, index, t);
		if (o->phase == OSPI_IDLE)
			return;
	}
}

static uint32_t read_data(struct chip *c, unsigned index, unsigned size)
{
	struct ospi *o = &c->ospi[index];
	uint32_t value = 0;

	if (o->phase == OSPI_READ)
		wait_for(c, index, size, false);
	for (unsigned i = 0; i < size && o->fill; i++)
		value |= (uint32_t)pop(o) << (8 * i);
	if (o->phase == OSPI_READ && o->paused) {
		o->paused = false;
		o->next_ps = board_time_ps(c) + o->byte_ps;
	}
	if (o->phase == OSPI_READ && !o->remaining && !o->fill)
		o->phase = OSPI_IDLE;
	return value;
}

static void write_data(struct chip *c, unsigned index, unsigned size,
		       uint32_t value)
{
	struct ospi *o = &c->ospi[index];
	uint32_t ccr = reg(o, CCR);

	/* A write without address starts with its first data. */
	if (o->phase == OSPI_IDLE && mode(o) == 0 && lines(ccr >> 24) &&
	    !lines(ccr >> 8))
		begin(c, index);
	if (o->phase != OSPI_WRITE)
		return;
	wait_for(c, index, size, true);
	for (unsigned i = 0;
	     i < size && o->fill < OSPI_FIFO_BYTES && o->fill < o->remaining;
	     i++)
		push(o, (uint8_t)(value >> (8 * i)));
	if (o->paused) {
		uint64_t now = board_time_ps(c);

		o->paused = false;
		o->next_ps = (o->next_ps > now ? o->next_ps : now) + o->byte_ps;
	}
}

/* -------- registers -------- */

static uint32_t read_sr(struct chip *c, unsigned index)
{
	const struct ospi *o = &c->ospi[index];
	unsigned threshold = (reg(o, CR) >> 8 & 0x1Fu) + 1u;
	uint32_t sr = o->flags | o->fill << 8;
	bool ftf = false;

	/* Mapped mode is busy from its first access until an abort. */
	if (o->phase == OSPI_MAPPED ? o->map_next != UINT64_MAX
				    : o->phase != OSPI_IDLE)
		sr |= SR_BUSY;
	if (mode(o) == 1 && o->phase == OSPI_READ)
		ftf = o->fill >= threshold || (!o->remaining && o->fill);
	else if (mode(o) == 0)
		ftf = OSPI_FIFO_BYTES - o->fill >= threshold;
	return ftf ? sr | SR_FTF : sr;
}

uint32_t ospi_read(struct chip *c, unsigned index, uint32_t off, unsigned size)
{
	struct ospi *o = &c->ospi[index];
	uint32_t word = off & ~3u, v = 0;

	ospi_sync(c, index);
	if (word == DR)
		return read_data(c, index, size);
	if (word == SR)
		v = read_sr(c, index);
	else if (word == MAGIC)
		v = MAGIC_VALUE;
	else if (is_stored(word))
		v = reg(o, word);
	return v >> (8 * (off & 3u));
}

/* Which register write sets off the communication (RM0456 28.4.8). */
static void after_write(struct chip *c, unsigned index, uint32_t off)
{
	struct ospi *o = &c->ospi[index];
	uint32_t ccr = reg(o, CCR);
	bool addr = lines(ccr >> 8), data = lines(ccr >> 24);
	bool reads = mode(o) == 1 || mode(o) == 2;

	if (mode(o) == 3 || o->phase != OSPI_IDLE)
		return;
	if (off == IR && !addr && (!data || reads))
		begin(c, index);
	if (off == AR && addr)
		begin(c, index);
}

static void write_cr(struct chip *c, unsigned index, uint32_t value)
{
	struct ospi *o = &c->ospi[index];

	o->reg[CR / 4] = value & ~CR_ABORT;
	if ((value & CR_ABORT) || !(value & CR_EN) ||
	    (o->phase == OSPI_MAPPED && mode(o) != 3))
		abort_transfer(c, index);
	if (mode(o) == 3 && o->phase == OSPI_IDLE && (value & CR_EN)) {
		o->phase = OSPI_MAPPED;
		o->map_next = UINT64_MAX;
	}
}

void ospi_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
		uint32_t value)
{
	struct ospi *o = &c->ospi[index];

	ospi_sync(c, index);
	if ((off & ~3u) == DR) {
		write_data(c, index, size, value);
		return;
	}
	if (size < 4) {
		uint32_t shift = 8 * (off & 3u);
		uint32_t mask = (size == 1 ? 0xFFu : 0xFFFFu) << shift;

		off &= ~3u;
		value = (is_stored(off) ? reg(o, off) & ~mask : 0u) |
			(value << shift & mask);
	}
	if (off == FCR) {
		o->flags &= ~(value & FLAGS);
	} else if (off == CR) {
		write_cr(c, index, value);
	} else if (is_stored(off)) {
		o->reg[off / 4] = value;
		after_write(c, index, off);
	}
}

/* -------- memory-mapped mode -------- */

uint32_t ospi_map_read(struct chip *c, unsigned index, uint32_t off,
		       unsigned size)
{
	struct ospi *o = &c->ospi[index];
	uint64_t now = board_time_ps(c);
	uint32_t value = 0;

	if (o->phase != OSPI_MAPPED)
		return 0;
	if (o->map_next != off) {
		if (has_nor(c, index))
			nor_deselect(c, now);
		o->next_ps = now + select_nor(c, index, off, now);
	} else if (now > o->next_ps + OSPI_FIFO_BYTES * o->byte_ps) {
		/* It has read ahead as far as the FIFO goes. */
		o->next_ps = now - OSPI_FIFO_BYTES * o->byte_ps;
	}
	for (unsigned i = 0; i < size; i++)
		value |= (uint32_t)shift_out(c, index, now) << (8 * i);
	o->next_ps += size * o->byte_ps;
	o->map_next = (uint64_t)off + size;
	board_stall(c, o->next_ps);
	return value;
}

void ospi_map_write(struct chip *c, unsigned index, uint32_t off, unsigned size,
		    uint32_t value)
{
	(void)off;
	(void)size;
	(void)value;
	c->ospi[index].flags |= SR_TEF;
}
