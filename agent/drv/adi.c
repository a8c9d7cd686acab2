/* Invariants: a batch is self-contained (it starts by writing CSW and TAR) and
 * ends with a read of RDBUFF, whose ACK tells that everything before it went
 * through (IHI 0031E B2.2.7, B4.2.5). The result of an AP read arrives with
 * the next AP read or RDBUFF: `out` of a place is where the value that its
 * transfer brings goes, so it belongs to the access before it.
 */
#include "agent/drv/adi.h"

#include "agent/drv/dp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* MEM-AP registers, bank 0 (IHI 0031E, C2.6) */
#define AP_CSW	       0x0u
#define AP_TAR	       0x4u
#define AP_DRW	       0xCu

/* AHB5-AP: privileged data access, HNONSEC in bit 30 */
#define CSW_BASE       0x0B000000u
#define CSW_NON_SECURE 0x40000000u
#define CSW_INCREMENT  0x00000010u
#define CSW_SIZE_8     0u
#define CSW_SIZE_16    1u
#define CSW_SIZE_32    2u

/* TAR increments are guaranteed within 1 KiB only (C2.2.2) */
#define TAR_WINDOW     1024u

#define BATCH_MAX      (256u * 1024u)
#define CHUNK_WORDS    4096u

struct place {
	uint32_t addr; /* memory address of a DRW or TAR transfer */
	uint32_t csw;
	uint32_t *out;
};

struct adi {
	struct dp dp;
	struct swd_transfer *t;
	struct place *place;
	size_t count, cap;
	bool secure;
	/* while queueing: what the AP will hold then */
	uint32_t csw, tar;
	bool csw_known, tar_known;
	uint32_t *pending; /* where the AP read queued last goes */
	uint32_t fault_addr;
	struct adi_stats stats;
};

enum err_code adi_new(struct adi **out, struct swd_wire wire, uint32_t max_hz,
		      struct err *e)
{
	struct adi *a = calloc(1, sizeof *a);

	*out = a;
	if (a == NULL)
		return err_set(e, ERR_NO_MEMORY, "no memory for a debug port");
	dp_init(&a->dp, wire, max_hz);
	return ERR_OK;
}

void adi_free(struct adi *a)
{
	if (a == NULL)
		return;
	free(a->t);
	free(a->place);
	free(a);
}

enum err_code adi_connect(struct adi *a, uint32_t *dpidr, struct err *e)
{
	dp_progress(&a->dp);
	a->dp.powered = false;
	return dp_connect(&a->dp, dpidr, e);
}

enum err_code adi_power_up(struct adi *a, struct err *e)
{
	enum err_code rc = dp_power_up(&a->dp, e);

	while (rc == ERR_WIRE) {
		rc = dp_repair(&a->dp, true, e);
		if (rc == ERR_OK)
			rc = dp_power_up(&a->dp, e);
	}
	if (rc == ERR_OK)
		dp_progress(&a->dp);
	return rc;
}

void adi_set_secure(struct adi *a, bool secure)
{
	a->secure = secure;
}

bool adi_secure(const struct adi *a)
{
	return a->secure;
}

void adi_restore_clock(struct adi *a)
{
	dp_restore_clock(&a->dp);
}

uint32_t adi_clock_hz(const struct adi *a)
{
	return a->dp.clock_hz;
}

uint32_t adi_fault_address(const struct adi *a)
{
	return a->fault_addr;
}

void adi_stats(const struct adi *a, struct adi_stats *out)
{
	*out = a->stats;
	out->line_resets = a->dp.stats.line_resets;
	out->reconnects = a->dp.stats.reconnects;
	out->clock_drops = a->dp.stats.clock_drops;
}

/* ---- queueing ---- */

static void grow(struct adi *a)
{
	size_t cap = a->cap == 0 ? 1024 : a->cap * 2;

	assert(cap <= BATCH_MAX);
	a->t = realloc(a->t, cap * sizeof *a->t);
	a->place = realloc(a->place, cap * sizeof *a->place);
	/* a few MiB at most; without them there is nothing to go on with */
	if (a->t == NULL || a->place == NULL)
		abort();
	a->cap = cap;
}

static void queue(struct adi *a, struct swd_transfer t, uint32_t addr,
		  uint32_t *out)
{
	if (a->count == a->cap)
		grow(a);
	a->t[a->count] = t;
	a->place[a->count] = (struct place){addr, a->csw, out};
	a->count++;
}

static void collect_pending(struct adi *a)
{
	struct swd_transfer rdbuff = {.read = true, .addr = DP_RDBUFF};

	if (a->pending == NULL)
		return;
	queue(a, rdbuff, a->tar, a->pending);
	a->pending = NULL;
}

static void aim(struct adi *a, uint32_t addr, unsigned size, bool increment)
{
	uint32_t csw = CSW_BASE | size | (increment ? CSW_INCREMENT : 0) |
		       (a->secure ? 0 : CSW_NON_SECURE);

	if (!a->csw_known || a->csw != csw) {
		collect_pending(a);
		a->csw = csw;
		a->csw_known = true;
		queue(a,
		      (struct swd_transfer){
			      .ap = true, .addr = AP_CSW, .value = csw},
		      addr, NULL);
	}
	if (!a->tar_known || a->tar != addr) {
		collect_pending(a);
		a->tar = addr;
		a->tar_known = true;
		queue(a,
		      (struct swd_transfer){
			      .ap = true, .addr = AP_TAR, .value = addr},
		      addr, NULL);
	}
}

static void advance(struct adi *a, unsigned size, bool increment)
{
	if (!increment)
		return;
	a->tar += 1u << size;
	if (a->tar % TAR_WINDOW == 0)
		a->tar_known = false;
}

static void queue_put(struct adi *a, uint32_t addr, unsigned size,
		      bool increment, uint32_t value)
{
	struct swd_transfer t = {.ap = true, .addr = AP_DRW, .value = value};

	assert(addr % (1u << size) == 0);
	collect_pending(a);
	aim(a, addr, size, increment);
	queue(a, t, addr, NULL);
	advance(a, size, increment);
}

static void queue_get(struct adi *a, uint32_t addr, unsigned size,
		      bool increment, uint32_t *value)
{
	struct swd_transfer t = {.ap = true, .read = true, .addr = AP_DRW};

	assert(addr % (1u << size) == 0);
	aim(a, addr, size, increment);
	queue(a, t, addr, a->pending);
	a->pending = value;
	advance(a, size, increment);
}

void adi_put32(struct adi *a, uint32_t addr, uint32_t value)
{
	queue_put(a, addr, CSW_SIZE_32, true, value);
}

void adi_put32_block(struct adi *a, uint32_t addr, const uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		queue_put(a, addr + 4 * (uint32_t)i, CSW_SIZE_32, true, v[i]);
}

void adi_put32_fifo(struct adi *a, uint32_t addr, const uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		queue_put(a, addr, CSW_SIZE_32, false, v[i]);
}

void adi_get32(struct adi *a, uint32_t addr, uint32_t *value)
{
	queue_get(a, addr, CSW_SIZE_32, true, value);
}

void adi_get32_block(struct adi *a, uint32_t addr, uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		queue_get(a, addr + 4 * (uint32_t)i, CSW_SIZE_32, true, &v[i]);
}

void adi_get32_fifo(struct adi *a, uint32_t addr, uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		queue_get(a, addr, CSW_SIZE_32, false, &v[i]);
}

void adi_idle_us(struct adi *a, uint32_t us)
{
	assert(a->count > 0 && us <= 100000);
	a->t[a->count - 1].idle_us += us;
}

void adi_drop(struct adi *a)
{
	a->count = 0;
	a->pending = NULL;
	a->csw_known = false;
	a->tar_known = false;
}

/* ---- running ---- */

static bool is_drw(const struct swd_transfer *t)
{
	return t->ap && t->addr == AP_DRW;
}

/* A bus error shows at the transfer after the one that caused it. */
static enum err_code bus_error(struct adi *a, size_t at, struct err *e)
{
	while (at > 0 && !is_drw(&a->t[at - 1]))
		at--;
	a->fault_addr = at > 0 ? a->place[at - 1].addr : 0;
	return err_set(e, ERR_TARGET_FAULT,
		       "the board refuses the %s of 0x%08x",
		       at > 0 && a->t[at - 1].read ? "read" : "write",
		       (unsigned)a->fault_addr);
}

/* After a repair: go back to a place from which everything can be done again,
 * and point the AP there. */
static enum err_code rewind_to(struct adi *a, size_t *at, struct err *e)
{
	struct swd_transfer aim_at[2] = {{.ap = true, .addr = AP_CSW},
					 {.ap = true, .addr = AP_TAR}};
	size_t i = *at > 0 ? *at - 1 : 0;
	size_t done;
	enum swd_end end;
	enum err_code rc;

	while (i > 0 && (a->place[i].out != NULL || !a->t[i].ap))
		i--;
	*at = i;
	aim_at[0].value = a->place[i].csw;
	aim_at[1].value = a->place[i].addr;
	rc = a->dp.wire.ops->transfer(a->dp.wire.ctx, aim_at, 2, &done, &end,
				      e);
	if (rc == ERR_OK && end != SWD_END_ALL)
		rc = err_set(e, ERR_WIRE, "SWD transfer disturbed");
	return rc;
}

static enum err_code recover(struct adi *a, size_t *at, bool lost,
			     enum adi_policy policy, struct err *e)
{
	enum err_code rc;

	do {
		rc = dp_repair(&a->dp, lost, e);
		if (rc != ERR_OK)
			return rc;
		if (policy == ADI_ONCE)
			return err_set(e, ERR_WIRE,
				       "SWD transfer disturbed near 0x%08x",
				       (unsigned)a->place[*at].addr);
		rc = rewind_to(a, at, e);
	} while (rc == ERR_WIRE);
	return rc;
}

static enum err_code on_fault(struct adi *a, size_t *at, enum adi_policy policy,
			      struct err *e)
{
	uint32_t stat = 0;
	enum err_code rc = dp_read(&a->dp, DP_CTRL_STAT, &stat, e);

	a->stats.faults++;
	if (rc != ERR_OK && rc != ERR_WIRE)
		return rc;
	if (rc == ERR_WIRE)
		return recover(a, at, true, policy, e);
	/* The write before was dropped and nothing after it done: it can go
	 * again as it is, once; when that does not help, the ladder. */
	if ((stat & DP_CTRL_WDATAERR) != 0 && *at > 0 && a->dp.rung == 0) {
		a->stats.parity_errors++;
		rc = dp_repair(&a->dp, false, e);
		if (rc == ERR_OK && a->dp.rung == 1)
			(*at)--;
		else if (rc == ERR_OK)
			rc = recover(a, at, false, policy, e);
		return rc;
	}
	if ((stat & DP_CTRL_STICKYERR) != 0) {
		rc = dp_write(&a->dp, DP_ABORT, DP_ABORT_CLEAR_ALL, e);
		if (rc == ERR_OK || rc == ERR_WIRE)
			return bus_error(a, *at, e);
		return rc;
	}
	return recover(a, at, false, policy, e);
}

static enum err_code on_wait(struct adi *a, size_t *at, struct mono deadline,
			     enum adi_policy policy, struct err *e)
{
	bool over = mono_passed(deadline);
	uint32_t clear = DP_ABORT_ORUNERRCLR | (over ? DP_ABORT_DAPABORT : 0u);
	enum err_code rc = dp_write(&a->dp, DP_ABORT, clear, e);

	a->stats.waits++;
	if (rc == ERR_WIRE)
		return recover(a, at, true, policy, e);
	if (rc == ERR_OK && over)
		return err_set(e, ERR_WIRE,
			       "the bus does not answer at 0x%08x for %d ms",
			       (unsigned)a->place[*at].addr,
			       ADI_WAIT_BUDGET_MS);
	return rc;
}

static enum err_code on_end(struct adi *a, size_t *at, enum swd_end end,
			    struct mono wait_deadline, enum adi_policy policy,
			    struct err *e)
{
	switch (end) {
	case SWD_END_ALL:
		return ERR_OK;
	case SWD_END_WAIT:
		return on_wait(a, at, wait_deadline, policy, e);
	case SWD_END_FAULT:
		return on_fault(a, at, policy, e);
	case SWD_END_PARITY:
		a->stats.parity_errors++;
		return recover(a, at, false, policy, e);
	case SWD_END_NO_ACK:
		a->stats.no_acks++;
		return recover(a, at, true, policy, e);
	}
	assert(false);
	return ERR_BUG;
}

static void deliver(struct adi *a, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (a->place[i].out != NULL)
			*a->place[i].out = a->t[i].value;
}

static enum err_code run_queue(struct adi *a, enum adi_policy policy,
			       struct err *e)
{
	struct mono wait_deadline = mono_after_ms(ADI_WAIT_BUDGET_MS);
	size_t at = 0;
	size_t furthest = 0;

	while (at < a->count) {
		size_t done;
		enum swd_end end;
		enum err_code rc =
			a->dp.wire.ops->transfer(a->dp.wire.ctx, a->t + at,
						 a->count - at, &done, &end, e);

		if (rc != ERR_OK)
			return rc;
		deliver(a, at, at + done);
		a->stats.transfers += done;
		at += done;
		if (at > furthest) {
			furthest = at;
			dp_progress(&a->dp);
			wait_deadline = mono_after_ms(ADI_WAIT_BUDGET_MS);
		}
		rc = on_end(a, &at, end, wait_deadline, policy, e);
		if (rc != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

enum err_code adi_run(struct adi *a, enum adi_policy policy, struct err *e)
{
	struct swd_transfer rdbuff = {.read = true, .addr = DP_RDBUFF};
	enum err_code rc;

	if (a->count == 0)
		return ERR_OK;
	if (a->pending != NULL)
		collect_pending(a);
	else
		queue(a, rdbuff, a->tar, NULL);
	rc = run_queue(a, policy, e);
	adi_drop(a);
	return rc;
}

/* ---- one by one ---- */

enum err_code adi_read32(struct adi *a, uint32_t addr, uint32_t *value,
			 struct err *e)
{
	adi_get32(a, addr, value);
	return adi_run(a, ADI_REPEAT, e);
}

enum err_code adi_write32(struct adi *a, uint32_t addr, uint32_t value,
			  struct err *e)
{
	adi_put32(a, addr, value);
	return adi_run(a, ADI_REPEAT, e);
}

/* Narrow data travel on their byte lane (C2.2.6). */
static enum err_code read_narrow(struct adi *a, uint32_t addr, unsigned size,
				 uint32_t *value, struct err *e)
{
	uint32_t raw = 0;
	enum err_code rc;

	queue_get(a, addr, size, false, &raw);
	rc = adi_run(a, ADI_REPEAT, e);
	*value = raw >> 8 * (addr & 3u);
	return rc;
}

static enum err_code write_narrow(struct adi *a, uint32_t addr, unsigned size,
				  uint32_t value, struct err *e)
{
	queue_put(a, addr, size, false, value << 8 * (addr & 3u));
	return adi_run(a, ADI_REPEAT, e);
}

enum err_code adi_read16(struct adi *a, uint32_t addr, uint16_t *value,
			 struct err *e)
{
	uint32_t v = 0;
	enum err_code rc = read_narrow(a, addr, CSW_SIZE_16, &v, e);

	*value = (uint16_t)v;
	return rc;
}

enum err_code adi_write16(struct adi *a, uint32_t addr, uint16_t value,
			  struct err *e)
{
	return write_narrow(a, addr, CSW_SIZE_16, value, e);
}

/* How much of [addr, addr + len) the next step takes: 1 byte, or words. */
static size_t step_len(uint32_t addr, size_t len)
{
	size_t max = CHUNK_WORDS * 4u;

	if (addr % 4 != 0 || len < 4)
		return 1;
	return len > max ? max : len - len % 4;
}

enum err_code adi_read(struct adi *a, uint32_t addr, void *buf, size_t len,
		       struct err *e)
{
	uint32_t words[CHUNK_WORDS];
	uint8_t *p = buf;

	while (len > 0) {
		size_t n = step_len(addr, len);
		enum err_code rc;

		if (n == 1) {
			rc = read_narrow(a, addr, CSW_SIZE_8, words, e);
		} else {
			adi_get32_block(a, addr, words, n / 4);
			rc = adi_run(a, ADI_REPEAT, e);
		}
		if (rc != ERR_OK)
			return rc;
		memcpy(p, words, n);
		p += n;
		addr += (uint32_t)n;
		len -= n;
	}
	return ERR_OK;
}

enum err_code adi_write(struct adi *a, uint32_t addr, const void *buf,
			size_t len, struct err *e)
{
	uint32_t words[CHUNK_WORDS];
	const uint8_t *p = buf;
	enum err_code rc = ERR_OK;

	while (len > 0 && rc == ERR_OK) {
		size_t n = step_len(addr, len);

		if (n == 1) {
			rc = write_narrow(a, addr, CSW_SIZE_8, *p, e);
		} else {
			memcpy(words, p, n);
			adi_put32_block(a, addr, words, n / 4);
			rc = adi_run(a, ADI_REPEAT, e);
		}
		p += n;
		addr += (uint32_t)n;
		len -= n;
	}
	return rc;
}

enum err_code adi_wait32(struct adi *a, uint32_t addr, uint32_t mask,
			 uint32_t want, int budget_ms, uint32_t *value,
			 struct err *e)
{
	struct mono deadline = mono_after_ms(budget_ms);
	uint32_t v = 0;
	bool last;

	do {
		enum err_code rc;

		last = mono_passed(deadline);
		rc = adi_read32(a, addr, &v, e);
		if (value != NULL)
			*value = v;
		if (rc != ERR_OK || (v & mask) == want)
			return rc;
	} while (!last);
	return err_set(e, ERR_TIMEOUT,
		       "0x%08x stays 0x%08x for more than %d ms",
		       (unsigned)addr, (unsigned)v, budget_ms);
}
