#include "agent/target/loader_host.h"

#include "agent/target/core.h"
#include "agent/target/loader_blob.h"

#include <assert.h>
#include <string.h>

#define READY_BUDGET_MS 100
#define HALT_BUDGET_MS	100
/* A batch of this much data runs at once: enough that the exchange's own cost
 * does not count; less while the loader has nothing to do. */
#define BATCH_BYTES	(32u * 1024u)
#define BATCH_IDLE	4096u
/* Between two looks at a busy loader. */
#define POLL_MIN_US	100u
#define POLL_MAX_US	4000u
/* On top of data sheet maxima. Waits are counted in clocks sent, which are the
 * board's time too, however long this process is kept from running. */
#define SLACK_MS	500u

#define STATE_WORDS	(sizeof(struct loader_state) / 4)
#define OP_WORDS	(sizeof(struct loader_op) / 4)
#define DIGEST_WORDS	(sizeof(struct loader_digest) / 4)

uint32_t loader_result_address(uint32_t n)
{
	assert(n < LOADER_RESULT_MAX);
	return LOADER_RESULTS + n * (uint32_t)sizeof(struct loader_digest);
}

uint32_t loader_queued(const struct loader *l)
{
	return l->queued;
}

/* ---- starting ---- */

static enum err_code load(struct loader *l, struct err *e)
{
	static const struct loader_state clear;
	enum err_code rc;

	rc = adi_write(l->adi, LOADER_BASE, loader_blob, loader_blob_bytes, e);
	if (rc == ERR_OK)
		rc = adi_write(l->adi, LOADER_SETUP, &l->setup, sizeof l->setup,
			       e);
	if (rc == ERR_OK)
		rc = adi_write(l->adi, LOADER_STATE, &clear, sizeof clear, e);
	return rc == ERR_OK ? adi_write32(l->adi, LOADER_HEAD, 0, e) : rc;
}

/* A disturbed word that nothing noticed would be code to be run. */
static enum err_code verify(struct loader *l, struct err *e)
{
	uint8_t held[4096];
	enum err_code rc;

	assert(loader_blob_bytes <= sizeof held);
	rc = adi_read(l->adi, LOADER_BASE, held, loader_blob_bytes, e);
	if (rc == ERR_OK && memcmp(held, loader_blob, loader_blob_bytes) != 0)
		rc = err_set(e, ERR_WIRE,
			     "SRAM does not hold what was "
			     "written to it");
	return rc;
}

static enum err_code refusal(const struct loader *l, struct err *e);

static enum err_code wait_ready(struct loader *l, struct err *e)
{
	enum err_code rc = adi_wait32(
		l->adi, LOADER_STATE + offsetof(struct loader_state, ready),
		0xFFFFFFFFu, LOADER_READY, READY_BUDGET_MS, NULL, e);

	if (rc != ERR_TIMEOUT)
		return rc;
	rc = adi_read(l->adi, LOADER_STATE, &l->state, sizeof l->state, e);
	return rc == ERR_OK ? refusal(l, e) : rc;
}

enum err_code loader_start(struct loader *l, struct adi *adi,
			   const struct loader_setup *setup, struct err *e)
{
	enum err_code rc;

	memset(l, 0, sizeof *l);
	l->adi = adi;
	l->setup = *setup;
	rc = core_request_halt(adi, e);
	if (rc == ERR_OK)
		rc = core_wait_halted(adi, HALT_BUDGET_MS, e);
	if (rc == ERR_OK)
		rc = load(l, e);
	if (rc == ERR_OK)
		rc = verify(l, e);
	if (rc == ERR_OK)
		rc = core_start(adi, LOADER_BASE, LOADER_STACK_TOP, e);
	return rc == ERR_OK ? wait_ready(l, e) : rc;
}

enum err_code loader_stop(struct loader *l, struct err *e)
{
	enum err_code rc;

	adi_drop(l->adi);
	rc = core_request_halt(l->adi, e);
	return rc == ERR_OK ? core_wait_halted(l->adi, HALT_BUDGET_MS, e) : rc;
}

/* ---- why it does not go on ---- */

static enum err_code refusal(const struct loader *l, struct err *e)
{
	const struct loader_op *op = &l->op[l->state.done % LOADER_OPS];

	switch (l->state.status) {
	case LOADER_NOR_BUSY:
		return err_set(e, ERR_TIMEOUT,
			       "NOR busy for more than %u ms after command "
			       "0x%02x at 0x%x",
			       (unsigned)op->max_ms,
			       (unsigned)(op->kind == LOADER_ERASE
						  ? op->opcode
						  : l->setup.program_ir),
			       (unsigned)l->state.failed_addr);
	case LOADER_NO_CLOCK:
		return err_set(e, ERR_WIRE, "the chip's PLL does not come up");
	case LOADER_OSPI_STUCK:
		return err_set(e, ERR_WIRE,
			       "the OCTOSPI does not finish at NOR 0x%x",
			       (unsigned)l->state.failed_addr);
	case LOADER_HASH_STUCK:
		return err_set(e, ERR_WIRE,
			       "the HASH processor does not finish");
	case LOADER_BAD_OP:
		return err_set(e, ERR_WIRE,
			       "the RAM loader does not know operation %u",
			       (unsigned)op->kind);
	default:
		return err_set(e, ERR_WIRE,
			       "the RAM loader does not answer: status 0x%x",
			       (unsigned)l->state.status);
	}
}

static enum err_code no_progress(struct loader *l, struct err *e)
{
	bool halted, locked_up;
	uint32_t pc;
	enum err_code rc = core_look(l->adi, &halted, &locked_up, &pc, e);

	if (rc != ERR_OK)
		return rc;
	if (halted || locked_up)
		return err_set(e, ERR_WIRE, "the RAM loader crashed at 0x%08x",
			       (unsigned)pc);
	return err_set(e, ERR_WIRE,
		       "the RAM loader makes no progress for %u ms",
		       (unsigned)(l->budget_ms + SLACK_MS));
}

/* ---- exchanges ---- */

static void note_progress(struct loader *l, uint32_t before)
{
	if (l->state.progress != before)
		l->waited_us = 0;
	while (l->freed != l->state.done) {
		l->data_free = l->data_of[l->freed % LOADER_OPS];
		l->freed++;
	}
}

/* What the target says must make sense before it is counted with. */
static enum err_code check_state(const struct loader *l, uint32_t done_before,
				 struct err *e)
{
	if (l->state.done - done_before > l->written - done_before)
		return err_set(e, ERR_WIRE,
			       "the RAM loader's mailbox is damaged");
	if (l->state.status != LOADER_WORKS)
		return refusal(l, e);
	return ERR_OK;
}

/* Run the batch; after idle_us more the loader's state is read. */
static enum err_code exchange(struct loader *l, uint32_t idle_us, struct err *e)
{
	uint32_t words[STATE_WORDS];
	uint32_t done = l->state.done, progress = l->state.progress;
	enum err_code rc;

	if (l->written != l->queued)
		adi_put32(l->adi, LOADER_HEAD, l->queued);
	else if (idle_us > 0)
		adi_get32(l->adi, LOADER_STATE, words);
	if (idle_us > 0)
		adi_idle_us(l->adi, idle_us);
	adi_get32_block(l->adi, LOADER_STATE, words, STATE_WORDS);
	l->batch_bytes = 0;
	rc = adi_run(l->adi, ADI_REPEAT, e);
	if (rc != ERR_OK)
		return rc;
	l->waited_us = l->written == done ? 0 : l->waited_us + idle_us;
	l->written = l->queued;
	memcpy(&l->state, words, sizeof words);
	rc = check_state(l, done, e);
	if (rc == ERR_OK)
		note_progress(l, progress);
	return rc;
}

/* Look again after a pause that grows while nothing happens. */
static enum err_code look_again(struct loader *l, struct err *e)
{
	uint32_t before = l->state.progress;
	uint64_t budget_us = 1000ull * (l->budget_ms + SLACK_MS);
	enum err_code rc = exchange(l, l->poll_us, e);

	if (rc != ERR_OK)
		return rc;
	if (l->state.progress != before || l->state.done == l->written)
		l->poll_us = POLL_MIN_US;
	else if (l->waited_us > budget_us)
		return no_progress(l, e);
	else if (l->poll_us < POLL_MAX_US)
		l->poll_us += l->poll_us / 4;
	return ERR_OK;
}

/* ---- operations ---- */

/* Data do not wrap around: what is left at the end of the ring stays unused. */
static uint64_t place_data(const struct loader *l, uint32_t len)
{
	uint64_t left = LOADER_DATA_BYTES - l->data_end % LOADER_DATA_BYTES;

	return len <= left ? l->data_end : l->data_end + left;
}

static bool has_room(const struct loader *l, uint32_t data_bytes)
{
	uint64_t end = place_data(l, data_bytes) + data_bytes;

	return l->queued - l->state.done < LOADER_OPS &&
	       end - l->data_free <= LOADER_DATA_BYTES;
}

static enum err_code wait_room(struct loader *l, uint32_t data_bytes,
			       struct err *e)
{
	enum err_code rc = ERR_OK;

	l->poll_us = POLL_MIN_US;
	if (!has_room(l, data_bytes))
		rc = exchange(l, 0, e);
	while (rc == ERR_OK && !has_room(l, data_bytes))
		rc = look_again(l, e);
	return rc;
}

static void queue_data(struct loader *l, struct loader_op *op, const void *data)
{
	uint32_t words[LOADER_DATA_MAX / 4];
	uint64_t at = place_data(l, op->len_bytes);

	assert(op->len_bytes % 4 == 0 && op->len_bytes <= LOADER_DATA_MAX);
	memcpy(words, data, op->len_bytes);
	op->data = LOADER_DATA + (uint32_t)(at % LOADER_DATA_BYTES);
	adi_stream32(l->adi, op->data, words, op->len_bytes / 4);
	l->data_end = at + op->len_bytes;
}

static bool batch_is_due(const struct loader *l)
{
	bool idle = l->state.done == l->written;

	return l->batch_bytes >= (idle ? BATCH_IDLE : BATCH_BYTES);
}

enum err_code loader_push(struct loader *l, struct loader_op op,
			  const void *data, struct err *e)
{
	uint32_t data_bytes = data != NULL ? op.len_bytes : 0;
	uint32_t slot = l->queued % LOADER_OPS;
	uint32_t words[OP_WORDS];
	enum err_code rc = wait_room(l, data_bytes, e);

	if (rc != ERR_OK)
		return rc;
	if (data != NULL)
		queue_data(l, &op, data);
	memcpy(words, &op, sizeof words);
	adi_stream32(l->adi, LOADER_RING + slot * (uint32_t)sizeof op, words,
		     OP_WORDS);
	l->op[slot] = op;
	l->data_of[slot] = l->data_end;
	l->queued++;
	if (op.max_ms > l->budget_ms)
		l->budget_ms = op.max_ms;
	l->batch_bytes += data_bytes + sizeof op;
	return batch_is_due(l) ? exchange(l, 0, e) : ERR_OK;
}

enum err_code loader_wait(struct loader *l, uint32_t count, bool each,
			  struct err *e)
{
	uint32_t before = l->state.done;
	enum err_code rc = ERR_OK;

	l->poll_us = POLL_MIN_US;
	if (l->written != l->queued)
		rc = exchange(l, 0, e);
	while (rc == ERR_OK && (int32_t)(l->state.done - count) < 0 &&
	       !(each && l->state.done != before))
		rc = look_again(l, e);
	return rc;
}

enum err_code loader_digests(struct loader *l, uint32_t first, size_t count,
			     struct loader_digest *out, struct err *e)
{
	return adi_read(l->adi, loader_result_address(first), out,
			count * sizeof *out, e);
}
