/* The clock self-test: raw transfers, no repairs, so that what would be healed
 * elsewhere is seen. Patterns are those that a bad cable garbles first: lines
 * that change with every clock, long runs of one level, a single bit on its
 * way, noise.
 */
#include "agent/drv/adi_private.h"

#include "proto/base/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define TEST_WORDS    (ADI_TEST_BYTES / 4u)
#define TRANSFERS_MAX (2u * TEST_WORDS + 4u)
#define PORT_READS    128u
/* One disturbance may have come from anywhere, two come from the clock. */
#define TEST_RUNS     2
#define OVERRUN_TRIES 8

struct clock_test {
	struct adi *a;
	bool memory;
	uint32_t addr;
	bool spaced;  /* the bus is too slow for accesses back to back */
	bool connect; /* the port is in an unknown state */
	char why[64]; /* the last run was not clean */
	uint32_t words[TEST_WORDS];
	struct swd_transfer t[TRANSFERS_MAX];
};

static void make_words(uint32_t words[TEST_WORDS])
{
	uint32_t x = 0x2545F491u;

	for (uint32_t i = 0; i < TEST_WORDS; i++) {
		uint32_t odd = 0u - (i & 1u);

		x ^= x << 13; /* xorshift */
		x ^= x >> 17;
		x ^= x << 5;
		if (i < 64)
			words[i] = 0x55555555u ^ odd;
		else if (i < 96)
			words[i] = odd;
		else if (i < 160)
			words[i] = (1u << (i & 31u)) ^ (i < 128 ? 0 : ~0u);
		else
			words[i] = x;
	}
}

/* ---- one run ---- */

static size_t add_writes(struct clock_test *c, size_t n)
{
	struct swd_transfer write = {.ap = true, .addr = AP_DRW};

	if (!c->spaced) {
		write.count = TEST_WORDS;
		write.words = c->words;
		c->t[n++] = write;
		return n;
	}
	write.idle_us = 1;
	for (uint32_t i = 0; i < TEST_WORDS; i++) {
		write.value = c->words[i];
		c->t[n++] = write;
	}
	return n;
}

/* What the reads bring lies in the transfers from *data on. */
static size_t make_transfers(struct clock_test *c, size_t *data)
{
	uint32_t csw = CSW_BASE | CSW_SIZE_32 | CSW_INCREMENT |
		       (c->a->secure ? 0 : CSW_NON_SECURE);
	struct swd_transfer tar = {
		.ap = true, .addr = AP_TAR, .value = c->addr};
	size_t n = 0;

	c->t[n++] =
		(struct swd_transfer){.ap = true, .addr = AP_CSW, .value = csw};
	c->t[n++] = tar;
	n = add_writes(c, n);
	c->t[n++] = tar;
	*data = n + 1;
	for (uint32_t i = 0; i < TEST_WORDS; i++)
		c->t[n++] = (struct swd_transfer){.ap = true,
						  .read = true,
						  .addr = AP_DRW,
						  .idle_us = c->spaced};
	c->t[n++] = (struct swd_transfer){.read = true, .addr = DP_RDBUFF};
	return n;
}

static enum err_code run_raw(struct clock_test *c, size_t n, enum swd_end *end,
			     struct err *e)
{
	const struct swd_wire *wire = &c->a->dp.wire;
	size_t done;

	return wire->ops->transfer(wire->ctx, c->t, n, &done, end, e);
}

/* An overrun is the bus's doing, not the wire's. */
static enum err_code judge_end(struct clock_test *c, enum swd_end end,
			       bool *overrun, struct err *e)
{
	static const char *const ends[] = {"", "WAIT", "FAULT",
					   "a read with wrong parity",
					   "no acknowledge"};
	uint32_t stat = 0;
	enum err_code rc = ERR_OK;

	*overrun = end == SWD_END_WAIT;
	if (end == SWD_END_FAULT) {
		rc = dp_read(&c->a->dp, DP_CTRL_STAT, &stat, e);
		*overrun = rc == ERR_OK && (stat & DP_CTRL_WDATAERR) == 0 &&
			   (stat & DP_CTRL_STICKYORUN) != 0;
	}
	if (!*overrun)
		snprintf(c->why, sizeof c->why, "clock test: %s",
			 (stat & DP_CTRL_WDATAERR) != 0
				 ? "a write with wrong parity"
				 : ends[end]);
	else if (rc == ERR_OK)
		rc = dp_abort(&c->a->dp, DP_ABORT_CLEAR_ALL, e);
	return rc == ERR_WIRE ? ERR_OK : rc;
}

static void compare(struct clock_test *c, const struct swd_transfer *got)
{
	for (uint32_t i = 0; i < TEST_WORDS; i++)
		if (got[i].value != c->words[i])
			snprintf(c->why, sizeof c->why,
				 "clock test: 0x%08x came back as 0x%08x",
				 (unsigned)c->words[i], (unsigned)got[i].value);
}

/* A bus that does not keep up is given time, a busy one another chance. */
static enum err_code run_memory(struct clock_test *c, struct err *e)
{
	for (int i = 0; i < OVERRUN_TRIES; i++) {
		size_t data, n = make_transfers(c, &data);
		enum swd_end end;
		bool overrun = false;
		enum err_code rc = run_raw(c, n, &end, e);

		if (rc == ERR_OK && end == SWD_END_ALL) {
			compare(c, c->t + data);
			return rc;
		}
		if (rc == ERR_OK)
			rc = judge_end(c, end, &overrun, e);
		if (rc != ERR_OK || !overrun)
			return rc;
		c->spaced = true;
	}
	snprintf(c->why, sizeof c->why,
		 "clock test: the bus does not keep up at 0x%08x",
		 (unsigned)c->addr);
	return ERR_OK;
}

static enum err_code run_port(struct clock_test *c, struct err *e)
{
	enum swd_end end;
	bool overrun = false;
	enum err_code rc;

	for (uint32_t i = 0; i < PORT_READS; i++)
		c->t[i] = (struct swd_transfer){.read = true, .addr = DP_DPIDR};
	rc = run_raw(c, PORT_READS, &end, e);
	if (rc == ERR_OK && end != SWD_END_ALL)
		rc = judge_end(c, end, &overrun, e);
	for (uint32_t i = 1;
	     rc == ERR_OK && end == SWD_END_ALL && i < PORT_READS; i++)
		if (c->t[i].value != c->t[0].value)
			snprintf(c->why, sizeof c->why,
				 "clock test: DPIDR reads 0x%08x and 0x%08x",
				 (unsigned)c->t[0].value,
				 (unsigned)c->t[i].value);
	return rc;
}

/* ---- all clocks ---- */

static enum err_code run_once(struct clock_test *c, struct err *e)
{
	enum err_code rc = ERR_OK;

	c->why[0] = '\0';
	if (c->connect)
		rc = dp_connect(&c->a->dp, NULL, e);
	if (c->connect && rc == ERR_OK && c->memory)
		rc = dp_power_up(&c->a->dp, e);
	if (rc == ERR_NO_TARGET || rc == ERR_WIRE) {
		snprintf(c->why, sizeof c->why, "clock test: no answer");
		return ERR_OK;
	}
	if (rc != ERR_OK)
		return rc;
	rc = c->memory ? run_memory(c, e) : run_port(c, e);
	c->connect = c->why[0] != '\0';
	return rc;
}

static enum err_code choose(struct clock_test *c, uint32_t hz, struct err *e)
{
	struct dp *d = &c->a->dp;
	enum err_code rc;

	do {
		rc = dp_set_clock(d, hz, e);
		for (int i = 0; rc == ERR_OK && i < TEST_RUNS; i++) {
			rc = run_once(c, e);
			if (c->why[0] == '\0')
				return rc;
		}
		hz = dp_slower(hz);
		if (rc == ERR_OK && hz != 0)
			log_warn("SWD_SLOWER",
				 "clock_hz=%u from_hz=%u reason=\"%s\"",
				 (unsigned)hz, (unsigned)d->actual_hz, c->why);
	} while (rc == ERR_OK && hz != 0);
	if (rc != ERR_OK)
		return rc;
	return err_set(e, ERR_WIRE, "SWD is disturbed even at %u Hz: %s",
		       (unsigned)d->actual_hz, c->why);
}

static enum err_code test_clock(struct adi *a, bool memory, uint32_t addr,
				uint32_t hz, struct err *e)
{
	struct clock_test *c = calloc(1, sizeof *c);
	enum err_code rc;

	if (c == NULL)
		return err_set(e, ERR_NO_MEMORY, "no memory for a clock test");
	c->a = a;
	c->memory = memory;
	c->addr = addr;
	c->connect = a->dp.clock_hz != hz;
	make_words(c->words);
	rc = choose(c, hz, e);
	if (rc == ERR_OK)
		dp_progress(&a->dp);
	free(c);
	return rc;
}

enum err_code adi_choose_clock_memory(struct adi *a, uint32_t addr,
				      struct err *e)
{
	assert(addr % ADI_TEST_BYTES == 0 && ADI_TEST_BYTES == TAR_WINDOW);
	return test_clock(a, true, addr, a->dp.clock_hz, e);
}

enum err_code adi_choose_clock_port(struct adi *a, struct err *e)
{
	return test_clock(a, false, 0, a->dp.max_hz, e);
}
