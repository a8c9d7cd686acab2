/* The error ladder over a wire with a small but honest debug port behind it:
 * posted reads, sticky flags, overrun detection, TAR that wraps at 1 KiB.
 * Every transfer of a job is once the one that fails, in every way. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "agent/drv/dp.c"

#include "agent/drv/adi.c"
#include "agent/drv/adi_run.c"
#include "agent/drv/adi_memory.c"
#include "agent/drv/adi_clock.c"

/* -------- a debug port -------- */

#define MEM_BASE  0x20000000u
#define MEM_WORDS 1024u
#define HOLE	  0x30000000u
#define FIFO	  0x40000000u

enum trouble {
	WIRE_WAIT,
	WIRE_FALSE_FAULT, /* the ACK was damaged on its way */
	WIRE_READ_PARITY,
	WIRE_WRITE_PARITY,
	WIRE_NO_ACK_LOST, /* the request did not get through */
	WIRE_NO_ACK_DONE, /* it did, the ACK did not */
	TROUBLES
};

static struct {
	bool dead;
	struct mono dead_until;
	bool lockout; /* nothing until the next line reset */
	uint32_t ctrl, csw, tar, read_buffer;
	uint32_t mem[MEM_WORDS];
	uint32_t fifo[64];
	size_t fifo_len;
	unsigned wait_for_ever; /* at this address + 1 */
	uint32_t hz, works_up_to_hz, clean_up_to_hz;
	uint32_t top_hz;      /* the fastest that was ever set */
	unsigned clock_noise; /* one transfer in so many is disturbed above */
	unsigned clock_count;
	long countdown; /* transfers until the trouble; -1 none */
	enum trouble trouble;
	unsigned repeats; /* how often more */
	long then;	  /* so many transfers later one more; -1 none */
	enum trouble then_trouble;
	unsigned sequences;
	bool streams_fail; /* the chip is too slow for them */
} port;

static bool sticky(void)
{
	return (port.ctrl & (DP_CTRL_STICKYERR | DP_CTRL_WDATAERR |
			     DP_CTRL_STICKYORUN)) != 0;
}

static void bump_tar(void)
{
	uint32_t size = 1u << (port.csw & 7u);

	if ((port.csw & CSW_INCREMENT) != 0)
		port.tar = (port.tar & ~1023u) | ((port.tar + size) & 1023u);
}

static void mem_access(bool read, uint32_t value)
{
	uint32_t i = (port.tar - MEM_BASE) / 4;

	if (port.tar == FIFO && !read && port.fifo_len < 64) {
		port.fifo[port.fifo_len++] = value;
	} else if (i < MEM_WORDS && read) {
		port.read_buffer = port.mem[i];
	} else if (i < MEM_WORDS) {
		uint32_t lane = 8 * (port.tar & 3u);
		uint32_t mask = (port.csw & 7u) == 0   ? 0xFFu << lane
				: (port.csw & 7u) == 1 ? 0xFFFFu << lane
						       : UINT32_MAX;

		port.mem[i] = (port.mem[i] & ~mask) | (value & mask);
	} else {
		port.ctrl |= DP_CTRL_STICKYERR;
		return;
	}
	bump_tar();
}

static void ap_access(struct swd_transfer *t)
{
	uint32_t posted = port.read_buffer;

	if (t->addr == AP_CSW && !t->read)
		port.csw = t->value;
	else if (t->addr == AP_TAR && !t->read)
		port.tar = t->value;
	else
		mem_access(t->read, t->value);
	if (t->read)
		t->value = posted;
	else
		port.read_buffer = 0xDEADBEEFu; /* UNKNOWN after a write */
}

static void dp_access(struct swd_transfer *t)
{
	if (t->read && t->addr == DP_DPIDR)
		t->value = 0x0BE12477u;
	else if (t->read && t->addr == DP_CTRL_STAT)
		t->value = port.ctrl;
	else if (t->read)
		t->value = port.read_buffer;
	else if (t->addr == DP_ABORT)
		port.ctrl &= ~(((t->value & 4u) << 3) | ((t->value & 8u) << 4) |
			       ((t->value & 16u) >> 3));
	else if (t->addr == DP_CTRL_STAT)
		port.ctrl = (port.ctrl & 0xA2u) | t->value |
			    (t->value & DP_CTRL_POWER_REQ) << 1;
}

/* Too fast for the cable: now and then a bit of what is written is wrong. */
static bool too_fast(void)
{
	return port.hz > port.clean_up_to_hz &&
	       ++port.clock_count % port.clock_noise == 0;
}

static void count_down(bool now)
{
	if (now && port.repeats > 0) {
		port.repeats--;
	} else if (now) {
		port.countdown = port.then;
		port.trouble = port.then_trouble;
		port.then = -1;
	} else if (port.countdown >= 0) {
		port.countdown--;
	}
}

static enum swd_end single(struct swd_transfer *t)
{
	bool free_of_sticky = !t->ap && (t->read ? t->addr != DP_RDBUFF
						 : t->addr == DP_ABORT);
	uint32_t before = t->value;
	bool now = port.countdown == 0;
	enum trouble kind;

	if (port.dead || !mono_passed(port.dead_until) || port.lockout ||
	    port.hz > port.works_up_to_hz)
		return SWD_END_NO_ACK;
	kind = port.trouble;
	count_down(now);
	if (now && kind == WIRE_NO_ACK_LOST) {
		port.lockout = true;
		return SWD_END_NO_ACK;
	}
	if (sticky() && !free_of_sticky)
		return SWD_END_FAULT;
	if ((now && kind == WIRE_WAIT && !free_of_sticky) ||
	    (port.wait_for_ever != 0 && t->ap && t->addr == AP_DRW &&
	     port.tar == port.wait_for_ever - 1)) {
		port.ctrl |= DP_CTRL_STICKYORUN;
		return SWD_END_WAIT;
	}
	if (too_fast() && !t->read) {
		port.ctrl |= t->ap ? DP_CTRL_WDATAERR : 0;
		return SWD_END_ALL;
	}
	if (now && kind == WIRE_WRITE_PARITY && !t->read) {
		port.ctrl |= DP_CTRL_WDATAERR;
		return SWD_END_ALL;
	}
	if (t->ap)
		ap_access(t);
	else
		dp_access(t);
	if (now && kind == WIRE_NO_ACK_DONE)
		return SWD_END_NO_ACK;
	if (now && kind == WIRE_FALSE_FAULT)
		return SWD_END_FAULT;
	if (now && kind == WIRE_READ_PARITY && t->read) {
		t->value = before;
		return SWD_END_PARITY;
	}
	return SWD_END_ALL;
}

/* Nobody looks at the ACKs of a stream. */
static enum swd_end one(struct swd_transfer *t)
{
	struct swd_transfer word = {.ap = t->ap, .addr = t->addr};

	if (t->count == 0)
		return single(t);
	for (uint32_t i = 0; i < t->count; i++) {
		word.value = t->words[i];
		(void)single(&word);
		if (port.streams_fail && i == 1)
			port.ctrl |= DP_CTRL_STICKYORUN;
	}
	return SWD_END_ALL;
}

/* Everything in an exchange is clocked whatever happens to it, 50 transfers
 * to an exchange. */
static enum err_code fake_transfer(void *ctx, struct swd_transfer *t,
				   size_t count, size_t *done,
				   enum swd_end *end, struct err *e)
{
	(void)ctx;
	(void)e;
	*end = SWD_END_ALL;
	*done = 0;
	for (size_t i = 0; i < count; i++) {
		struct swd_transfer copy = t[i];
		enum swd_end this = one(&copy);

		if (*end == SWD_END_ALL && this == SWD_END_ALL) {
			t[i] = copy;
			(*done)++;
		} else if (*end == SWD_END_ALL) {
			*end = this;
		}
		if (i % 50 == 49 && *end != SWD_END_ALL)
			break;
	}
	return ERR_OK;
}

static enum err_code fake_sequence(void *ctx, const uint8_t *bits, size_t count,
				   struct err *e)
{
	(void)ctx;
	(void)bits;
	(void)count;
	(void)e;
	port.lockout = false;
	port.sequences++;
	return ERR_OK;
}

static enum err_code fake_clock(void *ctx, uint32_t hz, uint32_t *actual,
				struct err *e)
{
	(void)ctx;
	(void)e;
	port.hz = hz;
	port.top_hz = hz > port.top_hz ? hz : port.top_hz;
	*actual = hz;
	return ERR_OK;
}

static enum err_code fake_reset(void *ctx, bool hold, struct err *e)
{
	(void)ctx;
	(void)hold;
	(void)e;
	return ERR_OK;
}

static const struct swd_ops fake_ops = {fake_sequence, fake_transfer,
					fake_clock, fake_reset};

static struct adi *start(void)
{
	struct adi *a;

	memset(&port, 0, sizeof port);
	port.countdown = port.then = -1;
	port.works_up_to_hz = port.clean_up_to_hz = UINT32_MAX;
	assert_int_equal(
		adi_new(&a, (struct swd_wire){&fake_ops, NULL}, 30000000, NULL),
		ERR_OK);
	assert_int_equal(adi_connect(a, NULL, NULL), ERR_OK);
	assert_int_equal(adi_power_up(a, NULL), ERR_OK);
	return a;
}

/* -------- a job: write, read back across two TAR windows -------- */

enum { JOB_WORDS = 300, JOB_AT = 64 };

static enum err_code job(struct adi *a, enum adi_policy policy, uint32_t seed)
{
	uint32_t out[JOB_WORDS], in[JOB_WORDS], one_word = 0;
	enum err_code rc;

	for (uint32_t i = 0; i < JOB_WORDS; i++)
		out[i] = seed + i * 0x01010101u;
	adi_put32_block(a, MEM_BASE + JOB_AT * 4, out, JOB_WORDS);
	adi_get32_block(a, MEM_BASE + JOB_AT * 4, in, JOB_WORDS);
	adi_put32(a, MEM_BASE, seed);
	adi_get32(a, MEM_BASE, &one_word);
	rc = adi_run(a, policy, NULL);
	if (rc != ERR_OK)
		return rc;
	assert_memory_equal(in, out, sizeof in);
	assert_int_equal(one_word, seed);
	assert_memory_equal(&port.mem[JOB_AT], out, sizeof out);
	return ERR_OK;
}

/* Two streams that touch, a single write and a look at what is there, in one
 * batch; 3 KiB windows. */
static enum err_code stream_job(struct adi *a, enum adi_policy policy,
				uint32_t seed)
{
	enum { WORDS = 600, SPLIT = 21 };
	uint32_t out[WORDS], in[3], one_word = 0;
	enum err_code rc;

	for (uint32_t i = 0; i < WORDS; i++)
		out[i] = seed + i * 0x01030507u;
	memset(port.mem, 0xA5, sizeof port.mem);
	adi_stream32(a, MEM_BASE + JOB_AT * 4, out, SPLIT);
	adi_stream32(a, MEM_BASE + (JOB_AT + SPLIT) * 4, out + SPLIT,
		     WORDS - SPLIT);
	memset(out, 0, sizeof out); /* they are copied */
	adi_put32(a, MEM_BASE, seed);
	adi_get32(a, MEM_BASE, &one_word);
	adi_get32_block(a, MEM_BASE + JOB_AT * 4, in, 3);
	rc = adi_run(a, policy, NULL);
	if (rc != ERR_OK)
		return rc;
	for (uint32_t i = 0; i < WORDS; i++)
		assert_int_equal(port.mem[JOB_AT + i], seed + i * 0x01030507u);
	assert_int_equal(port.mem[JOB_AT - 1], 0xA5A5A5A5u);
	assert_int_equal(port.mem[JOB_AT + WORDS], 0xA5A5A5A5u);
	assert_int_equal(one_word, seed);
	assert_int_equal(in[2], seed + 2 * 0x01030507u);
	return ERR_OK;
}

static void streams(void **state)
{
	struct adi *a = start();
	struct adi_stats s;

	(void)state;
	assert_int_equal(stream_job(a, ADI_ONCE, 7), ERR_OK);
	adi_stats(a, &s);
	assert_int_equal(s.waits + s.faults + s.no_acks + s.parity_errors, 0);
	/* CSW; TAR for each of 3 windows; the words; TAR, DRW; TAR, DRW,
	 * RDBUFF; TAR, 3 DRW; RDBUFF */
	assert_int_equal(s.transfers, 1 + 3 + 600 + 2 + 3 + 4 + 1);
	adi_free(a);
}

/* Memory may be written twice even in a run that is not repeated: then it ends
 * well, or the caller is told. */
static void every_streamed_word_fails_once(void **state)
{
	struct adi *a = start();
	long count;

	(void)state;
	assert_int_equal(stream_job(a, ADI_ONCE, 1), ERR_OK);
	count = (long)a->stats.transfers;
	for (unsigned kind = 0; kind < TROUBLES; kind++) {
		for (long k = 0; k < count; k++) {
			uint32_t seed = (uint32_t)(kind * 1000 + k);
			enum err_code rc;

			port.countdown = k;
			port.trouble = (enum trouble)kind;
			assert_int_equal(stream_job(a, ADI_REPEAT, seed),
					 ERR_OK);
			port.countdown = k;
			rc = stream_job(a, ADI_ONCE, seed);
			assert_true(rc == ERR_OK || rc == ERR_WIRE);
			port.countdown = -1;
		}
	}
	assert_int_equal(a->dp.stats.clock_drops, 0);
	assert_false(a->stream_off);
	adi_free(a);
}

/* Where nothing can be streamed everything still gets there. */
static void streams_that_never_work(void **state)
{
	struct adi *a = start();
	struct adi_stats before, after;

	(void)state;
	port.streams_fail = true;
	assert_int_equal(stream_job(a, ADI_REPEAT, 3), ERR_OK);
	assert_int_equal(stream_job(a, ADI_REPEAT, 4), ERR_OK);
	assert_true(a->stream_off);
	adi_stats(a, &before);
	assert_int_equal(stream_job(a, ADI_REPEAT, 5), ERR_OK);
	adi_stats(a, &after);
	assert_int_equal(before.waits + before.faults,
			 after.waits + after.faults);
	port.streams_fail = false;
	assert_int_equal(adi_connect(a, NULL, NULL), ERR_OK);
	assert_int_equal(adi_power_up(a, NULL), ERR_OK);
	assert_false(a->stream_off);
	adi_free(a);
}

static void stream_into_a_hole(void **state)
{
	struct adi *a = start();
	uint32_t v[600] = {0};

	(void)state;
	adi_stream32(a, MEM_BASE + (MEM_WORDS - 300) * 4, v, 600);
	assert_int_equal(adi_run(a, ADI_REPEAT, NULL), ERR_TARGET_FAULT);
	assert_int_equal(adi_fault_address(a), MEM_BASE + MEM_WORDS * 4);
	assert_int_equal(stream_job(a, ADI_ONCE, 3), ERR_OK);
	adi_free(a);
}

static void plain_job(void **state)
{
	struct adi *a = start();
	struct adi_stats s;

	(void)state;
	assert_int_equal(job(a, ADI_ONCE, 7), ERR_OK);
	adi_stats(a, &s);
	assert_int_equal(s.waits + s.faults + s.no_acks + s.parity_errors, 0);
	adi_free(a);
}

static void every_transfer_fails_once(void **state)
{
	struct adi *a = start();
	size_t count;

	(void)state;
	assert_int_equal(job(a, ADI_ONCE, 1), ERR_OK);
	count = (size_t)a->stats.transfers;
	for (unsigned kind = 0; kind < TROUBLES; kind++) {
		for (size_t k = 0; k < count; k++) {
			port.countdown = (long)k;
			port.trouble = (enum trouble)kind;
			assert_int_equal(
				job(a, ADI_REPEAT, (uint32_t)(kind * 1000 + k)),
				ERR_OK);
		}
	}
	assert_int_equal(a->dp.stats.clock_drops, 0);
	adi_free(a);
}

/* Also what repairs a disturbance may be disturbed. */
static enum err_code small_job(struct adi *a, uint32_t seed)
{
	enum { WORDS = 12, AT = 250 }; /* across a window */
	uint32_t out[WORDS], in[WORDS];
	enum err_code rc;

	memset(port.mem, 0xA5, sizeof port.mem);
	for (uint32_t i = 0; i < WORDS; i++)
		out[i] = seed + i * 0x01010101u;
	adi_put32_block(a, MEM_BASE, out, 4);
	adi_stream32(a, MEM_BASE + AT * 4, out, WORDS);
	adi_get32_block(a, MEM_BASE + AT * 4, in, WORDS);
	rc = adi_run(a, ADI_REPEAT, NULL);
	if (rc != ERR_OK)
		return rc;
	assert_memory_equal(port.mem, out, 16);
	assert_memory_equal(&port.mem[AT], out, sizeof out);
	assert_memory_equal(in, out, sizeof in);
	assert_int_equal(port.mem[4], 0xA5A5A5A5u);
	assert_int_equal(port.mem[AT + WORDS], 0xA5A5A5A5u);
	return ERR_OK;
}

static void two_transfers_fail(void **state)
{
	enum { LATER = 12 };
	struct adi *a = start();
	long count;

	(void)state;
	assert_int_equal(small_job(a, 1), ERR_OK);
	count = (long)a->stats.transfers;
	for (long n = 0; n < count * TROUBLES * TROUBLES * LATER; n++) {
		port.countdown = n / (TROUBLES * TROUBLES * LATER);
		port.trouble = (enum trouble)(n % TROUBLES);
		port.then = n / (TROUBLES * TROUBLES) % LATER;
		port.then_trouble = (enum trouble)(n / TROUBLES % TROUBLES);
		assert_int_equal(small_job(a, (uint32_t)n), ERR_OK);
	}
	assert_int_equal(a->dp.stats.clock_drops, 0);
	adi_free(a);
}

/* What must not be done twice is not: either the FIFO got exactly the words,
 * or the caller is told. WAIT and a damaged write are always healed. */
static void fifo_words_never_double(void **state)
{
	static const uint32_t words[] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct adi *a = start();

	(void)state;
	for (unsigned kind = 0; kind < TROUBLES; kind++) {
		for (long k = 0; k < 20; k++) {
			enum err_code rc;

			port.fifo_len = 0;
			port.countdown = k;
			port.trouble = (enum trouble)kind;
			for (int i = 0; i < 8; i++)
				adi_put32(a, FIFO, words[i]);
			rc = adi_run(a, ADI_ONCE, NULL);
			if (kind == WIRE_WAIT || kind == WIRE_WRITE_PARITY)
				assert_int_equal(rc, ERR_OK);
			if (rc == ERR_OK) {
				assert_int_equal(port.fifo_len, 8);
				assert_memory_equal(port.fifo, words, 32);
			} else {
				assert_int_equal(rc, ERR_WIRE);
			}
			port.countdown = -1;
			assert_int_equal(job(a, ADI_REPEAT, 9), ERR_OK);
		}
	}
	adi_free(a);
}

static void bus_error_names_the_address(void **state)
{
	struct adi *a = start();
	uint32_t v[8];
	struct err e;

	(void)state;
	adi_get32(a, MEM_BASE, &v[0]);
	adi_put32(a, HOLE + 8, 1);
	adi_get32(a, MEM_BASE + 4, &v[1]);
	assert_int_equal(adi_run(a, ADI_REPEAT, &e), ERR_TARGET_FAULT);
	assert_int_equal(adi_fault_address(a), HOLE + 8);
	assert_non_null(strstr(e.text, "write of 0x30000008"));
	adi_get32_block(a, MEM_BASE + (MEM_WORDS - 4) * 4, v, 8);
	assert_int_equal(adi_run(a, ADI_REPEAT, &e), ERR_TARGET_FAULT);
	assert_int_equal(adi_fault_address(a), MEM_BASE + MEM_WORDS * 4);
	assert_int_equal(job(a, ADI_ONCE, 3), ERR_OK);
	adi_free(a);
}

static void last_write_is_seen_to_fail(void **state)
{
	struct adi *a = start();

	(void)state;
	assert_int_equal(adi_write32(a, HOLE, 1, NULL), ERR_TARGET_FAULT);
	adi_free(a);
}

static void waiting_ends(void **state)
{
	struct adi *a = start();
	uint32_t v;
	struct mono before = mono_now();

	(void)state;
	port.wait_for_ever = MEM_BASE + 16 + 1;
	assert_int_equal(adi_read32(a, MEM_BASE + 16, &v, NULL), ERR_WIRE);
	assert_true(mono_diff_ms(mono_now(), before) >= ADI_WAIT_BUDGET_MS);
	assert_true(mono_diff_ms(mono_now(), before) < 2000);
	port.wait_for_ever = 0;
	assert_int_equal(job(a, ADI_REPEAT, 5), ERR_OK);
	adi_free(a);
}

static void board_taken_out(void **state)
{
	struct adi *a = start();
	uint32_t v;

	(void)state;
	port.dead = true;
	assert_int_equal(adi_read32(a, MEM_BASE, &v, NULL), ERR_NO_TARGET);
	assert_int_equal(adi_connect(a, NULL, NULL), ERR_NO_TARGET);
	adi_free(a);
}

/* A contact that opens for a moment costs time, no clock. */
static void link_dropped(void **state)
{
	struct adi *a = start();

	(void)state;
	port.dead_until = mono_after_ms(DP_SILENCE_MS / 2);
	assert_int_equal(job(a, ADI_REPEAT, 21), ERR_OK);
	assert_true(mono_passed(port.dead_until));
	assert_int_equal(adi_clock_hz(a), 30000000);
	adi_free(a);
}

/* A wire that can be repaired for ever is given up nevertheless. */
static void repairs_have_a_budget(void **state)
{
	struct run r = {.t = NULL};
	struct place place = {.addr = MEM_BASE};
	struct adi *a = start();
	struct err err;

	(void)state;
	r.a = a;
	r.place = &place;
	assert_int_equal(repair(&r, false, "a test", &err), ERR_OK);
	r.repair_ns = ADI_REPAIR_BUDGET_MS * 1000000LL;
	assert_int_equal(repair(&r, false, "a test", &err), ERR_WIRE);
	assert_non_null(strstr(err.text, "0x20000000"));
	assert_non_null(strstr(err.text, "last for: a test"));
	adi_free(a);
}

static void clock_goes_down(void **state)
{
	struct adi *a = start();

	(void)state;
	port.works_up_to_hz = 8000000;
	assert_int_equal(job(a, ADI_REPEAT, 11), ERR_OK);
	assert_int_equal(adi_clock_hz(a), 7500000);
	adi_restore_clock(a);
	assert_int_equal(adi_clock_hz(a), 30000000);
	adi_free(a);
}

static void clock_self_test(void **state)
{
	struct adi *a = start();
	uint32_t v;

	(void)state;
	assert_int_equal(adi_choose_clock_port(a, NULL), ERR_OK);
	assert_int_equal(adi_choose_clock_memory(a, MEM_BASE, NULL), ERR_OK);
	assert_int_equal(adi_clock_hz(a), 30000000);
	port.clean_up_to_hz = 12000000;
	port.clock_noise = 100;
	assert_int_equal(adi_choose_clock_memory(a, MEM_BASE, NULL), ERR_OK);
	assert_int_equal(port.hz, 10000000);
	assert_int_equal(job(a, ADI_ONCE, 3), ERR_OK);
	/* what shows in one run only is not the clock's */
	adi_restore_clock(a);
	assert_int_equal(adi_connect(a, NULL, NULL), ERR_OK);
	assert_int_equal(adi_power_up(a, NULL), ERR_OK);
	port.clean_up_to_hz = 0;
	port.clock_noise = 700;
	port.clock_count = 500;
	assert_int_equal(adi_choose_clock_memory(a, MEM_BASE, NULL), ERR_OK);
	assert_int_equal(port.hz, 30000000);
	/* no answer at all at the ceiling; then none at any clock */
	port.clean_up_to_hz = UINT32_MAX;
	port.works_up_to_hz = 6000000;
	assert_int_equal(adi_connect(a, NULL, NULL), ERR_OK);
	assert_int_equal(adi_choose_clock_port(a, NULL), ERR_OK);
	assert_int_equal(port.hz, 6000000);
	port.works_up_to_hz = 1;
	assert_int_equal(adi_choose_clock_port(a, NULL), ERR_WIRE);
	assert_int_equal(adi_read32(a, MEM_BASE, &v, NULL), ERR_NO_TARGET);
	adi_free(a);
}

/* A memory that cannot follow is not a bad cable. */
/* Nothing that looks for a board or a clock leaves a ceiling that was lowered
 * between boards, not even the slow try at a silent one. */
static void a_lower_ceiling_holds(void **state)
{
	struct adi *a = start();

	(void)state;
	adi_limit_clock(a, 800000);
	port.top_hz = 0;
	port.dead = true;
	assert_int_equal(adi_connect(a, NULL, NULL), ERR_NO_TARGET);
	port.dead = false;
	assert_int_equal(adi_connect(a, NULL, NULL), ERR_OK);
	assert_int_equal(adi_choose_clock_port(a, NULL), ERR_OK);
	assert_int_equal(adi_power_up(a, NULL), ERR_OK);
	assert_int_equal(adi_choose_clock_memory(a, MEM_BASE, NULL), ERR_OK);
	adi_restore_clock(a);
	assert_int_equal(job(a, ADI_REPEAT, 5), ERR_OK);
	assert_int_equal(adi_clock_hz(a), 800000);
	assert_int_equal(port.top_hz, 800000);
	adi_limit_clock(a, 0); /* none: back to all that the wire takes */
	adi_restore_clock(a);
	assert_int_equal(adi_connect(a, NULL, NULL), ERR_OK);
	assert_int_equal(port.hz, 30000000);
	adi_free(a);
}

static void clock_test_of_slow_memory(void **state)
{
	struct adi *a = start();

	(void)state;
	port.streams_fail = true;
	assert_int_equal(adi_choose_clock_memory(a, MEM_BASE, NULL), ERR_OK);
	assert_int_equal(port.hz, 30000000);
	port.wait_for_ever = MEM_BASE + 16 + 1;
	assert_int_equal(adi_choose_clock_memory(a, MEM_BASE, NULL), ERR_WIRE);
	adi_free(a);
}

/* A place that always fails ends in an error, not in a loop. */
static void hopeless_wire(void **state)
{
	struct adi *a = start();

	(void)state;
	for (unsigned kind = 0; kind < TROUBLES; kind++) {
		struct err e = {0};
		enum err_code rc;

		if (kind == WIRE_WAIT)
			continue;
		adi_restore_clock(a);
		port.countdown = 0;
		port.trouble = (enum trouble)kind;
		port.repeats = UINT32_MAX;
		rc = job(a, ADI_REPEAT, 1);
		(void)e;
		assert_true(rc == ERR_WIRE || rc == ERR_NO_TARGET);
		port.countdown = -1;
		port.repeats = 0;
		port.lockout = false;
		port.ctrl &= ~0xA2u;
		assert_int_equal(adi_connect(a, NULL, NULL), ERR_OK);
		assert_int_equal(adi_power_up(a, NULL), ERR_OK);
	}
	adi_free(a);
}

static void unaligned_bytes(void **state)
{
	struct adi *a = start();
	uint8_t out[23], in[23] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof out; i++)
		out[i] = (uint8_t)(0x80 + i);
	memset(port.mem, 0x11, sizeof port.mem);
	assert_int_equal(adi_write(a, MEM_BASE + 5, out, sizeof out, NULL),
			 ERR_OK);
	assert_int_equal(adi_read(a, MEM_BASE + 5, in, sizeof in, NULL),
			 ERR_OK);
	assert_memory_equal(in, out, sizeof in);
	assert_int_equal(port.mem[1], 0x82818011u);
	assert_int_equal(port.mem[7], 0x11111111u);
	adi_free(a);
}

static void secure_transfers(void **state)
{
	struct adi *a = start();
	uint32_t v;

	(void)state;
	assert_int_equal(adi_read32(a, MEM_BASE, &v, NULL), ERR_OK);
	assert_int_equal(port.csw & 0xFF000000u, 0x4B000000u);
	adi_set_secure(a, true);
	assert_int_equal(adi_read32(a, MEM_BASE, &v, NULL), ERR_OK);
	assert_int_equal(port.csw & 0xFF000000u, 0x0B000000u);
	adi_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_job),
		cmocka_unit_test(every_transfer_fails_once),
		cmocka_unit_test(streams),
		cmocka_unit_test(every_streamed_word_fails_once),
		cmocka_unit_test(streams_that_never_work),
		cmocka_unit_test(stream_into_a_hole),
		cmocka_unit_test(two_transfers_fail),
		cmocka_unit_test(fifo_words_never_double),
		cmocka_unit_test(bus_error_names_the_address),
		cmocka_unit_test(last_write_is_seen_to_fail),
		cmocka_unit_test(waiting_ends),
		cmocka_unit_test(board_taken_out),
		cmocka_unit_test(link_dropped),
		cmocka_unit_test(repairs_have_a_budget),
		cmocka_unit_test(clock_goes_down),
		cmocka_unit_test(clock_self_test),
		cmocka_unit_test(a_lower_ceiling_holds),
		cmocka_unit_test(clock_test_of_slow_memory),
		cmocka_unit_test(hopeless_wire),
		cmocka_unit_test(unaligned_bytes),
		cmocka_unit_test(secure_transfers),
	};

	log_init("test_adi", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
