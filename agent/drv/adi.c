/* The debug port as an object, and the batch that accesses are queued into. */
#include "agent/drv/adi_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_SLOW_HZ 1000000u

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
	free(a->words);
	free(a);
}

enum err_code adi_connect(struct adi *a, uint32_t *dpidr, struct err *e)
{
	enum err_code rc;

	dp_progress(&a->dp);
	a->dp.powered = false;
	a->streams_lost = 0;
	a->stream_off = false;
	rc = dp_connect(&a->dp, dpidr, e);
	if (rc == ERR_NO_TARGET && a->dp.clock_hz > CONNECT_SLOW_HZ) {
		uint32_t hz = a->dp.clock_hz;

		rc = dp_set_clock(&a->dp, CONNECT_SLOW_HZ, e);
		if (rc == ERR_OK)
			rc = dp_connect(&a->dp, dpidr, e);
		if (rc == ERR_NO_TARGET &&
		    dp_set_clock(&a->dp, hz, e) == ERR_OK)
			return rc;
	}
	return rc;
}

enum err_code adi_power_up(struct adi *a, struct err *e)
{
	enum err_code rc = dp_power_up(&a->dp, e);

	while (rc == ERR_WIRE) {
		rc = dp_repair(&a->dp, true, "power-up disturbed", e);
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

void adi_restore_clock(struct adi *a)
{
	dp_restore_clock(&a->dp);
}

void adi_limit_clock(struct adi *a, uint32_t max_hz)
{
	dp_limit_clock(&a->dp, max_hz);
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

static void advance(struct adi *a, uint32_t bytes, bool increment)
{
	if (!increment)
		return;
	a->tar += bytes;
	if (a->tar % TAR_WINDOW == 0)
		a->tar_known = false;
}

void adi_queue_put(struct adi *a, uint32_t addr, unsigned size, bool increment,
		   uint32_t value)
{
	struct swd_transfer t = {.ap = true, .addr = AP_DRW, .value = value};

	assert(addr % (1u << size) == 0);
	collect_pending(a);
	aim(a, addr, size, increment);
	queue(a, t, addr, NULL);
	advance(a, 1u << size, increment);
}

void adi_queue_get(struct adi *a, uint32_t addr, unsigned size, bool increment,
		   uint32_t *value)
{
	struct swd_transfer t = {.ap = true, .read = true, .addr = AP_DRW};

	assert(addr % (1u << size) == 0);
	aim(a, addr, size, increment);
	queue(a, t, addr, a->pending);
	a->pending = value;
	advance(a, 1u << size, increment);
}

void adi_put32(struct adi *a, uint32_t addr, uint32_t value)
{
	adi_queue_put(a, addr, CSW_SIZE_32, true, value);
}

void adi_put32_block(struct adi *a, uint32_t addr, const uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		adi_queue_put(a, addr + 4 * (uint32_t)i, CSW_SIZE_32, true,
			      v[i]);
}

void adi_get32(struct adi *a, uint32_t addr, uint32_t *value)
{
	adi_queue_get(a, addr, CSW_SIZE_32, true, value);
}

void adi_get32_block(struct adi *a, uint32_t addr, uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		adi_queue_get(a, addr + 4 * (uint32_t)i, CSW_SIZE_32, true,
			      &v[i]);
}

void adi_get32_fifo(struct adi *a, uint32_t addr, uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		adi_queue_get(a, addr, CSW_SIZE_32, false, &v[i]);
}

static void keep_words(struct adi *a, const uint32_t *v, size_t n)
{
	size_t cap = a->word_cap == 0 ? 4096 : a->word_cap;

	while (cap < a->word_count + n)
		cap *= 2;
	assert(cap <= STREAM_MAX);
	if (cap != a->word_cap)
		a->words = realloc(a->words, cap * sizeof *a->words);
	if (a->words == NULL)
		abort();
	a->word_cap = cap;
	memcpy(a->words + a->word_count, v, n * sizeof *v);
	a->word_count += n;
}

void adi_stream32(struct adi *a, uint32_t addr, const uint32_t *v, size_t n)
{
	assert(addr % 4 == 0);
	collect_pending(a);
	while (n > 0) {
		uint32_t room = (TAR_WINDOW - addr % TAR_WINDOW) / 4;
		uint32_t part = n < room ? (uint32_t)n : room;

		aim(a, addr, CSW_SIZE_32, true);
		queue(a,
		      (struct swd_transfer){
			      .ap = true, .addr = AP_DRW, .count = part},
		      addr, NULL);
		keep_words(a, v, part);
		advance(a, 4 * part, true);
		addr += 4 * part;
		v += part;
		n -= part;
	}
}

void adi_idle_us(struct adi *a, uint32_t us)
{
	assert(a->count > 0 && us <= 100000);
	a->t[a->count - 1].idle_us += us;
}

void adi_queue_end(struct adi *a)
{
	struct swd_transfer rdbuff = {.read = true, .addr = DP_RDBUFF};

	if (a->pending != NULL)
		collect_pending(a);
	else
		queue(a, rdbuff, a->tar, NULL);
}

void adi_drop(struct adi *a)
{
	a->count = 0;
	a->word_count = 0;
	a->pending = NULL;
	a->csw_known = false;
	a->tar_known = false;
}
