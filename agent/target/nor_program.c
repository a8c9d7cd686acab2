/* Making the NOR equal to an image, with the RAM loader:
 *
 *   probe   does a block of 64 KiB look blank? Then it is taken for blank; if
 *           it is not, that shows when it is verified
 *   hash    the target takes the SHA-256 of each block that does not; while it
 *           does, the host takes those of the image
 *   sectors of a block that differs and is not blank, the same by sectors
 *   write   the cheapest erases, then the pages that are not blank, in one
 *           stream: the wire is ahead of the NOR by as much as SRAM holds, so
 *           a block's data arrive while the one before is erased or programmed
 *   verify  each block written, and each taken for blank, is hashed
 *
 * A block is done when the target's hash of it was right. Whatever goes wrong
 * on the way, the blocks that are not done start over from the first step.
 */
#include "agent/target/loader_host.h"
#include "agent/target/nor.h"

#include "proto/base/log.h"
#include "proto/base/mono.h"

#include <mbedtls/sha256.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK		  NOR_BLOCK_BYTES
#define PAGE		  NOR_PAGE_BYTES
#define RESTARTS	  6 /* without a block done in between */
#define WRITE_TRIES	  3
/* Blocks looked at by sectors in one go. */
#define GROUP		  128u
/* The slowest hashing that is not a failure: one line at 10 MHz. */
#define HASH_BYTES_PER_MS 1000u
#define SLACK_MS	  200

enum { ERASED_BYTE = 0xFF };

struct block {
	uint8_t want[32];
	bool done;
	bool blank;	 /* when last hashed, or by its looks */
	bool probed;	 /* by its looks only */
	bool skip_known; /* its equal bytes have been counted */
	uint8_t tries;
	uint32_t sectors; /* first of its sector digests; 0: none taken */
};

struct work {
	struct nor *n;
	uint64_t len;
	target_read_fn *read;
	void *read_arg;
	target_progress_fn *progress;
	void *progress_arg;
	unsigned percent;
	struct target_nor_report *report;
	struct loader loader;
	struct block *block;
	uint32_t count, done;
	uint8_t image_sha[32];
	bool image_known;
	uint32_t compare_us; /* hashing so far that was not verifying */
	uint8_t want[BLOCK]; /* of the block at hand */
	struct loader_digest digest[GROUP * NOR_PLAN_SECTORS];
};

static bool is_blank(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != ERASED_BYTE)
			return false;
	return true;
}

static uint32_t used_bytes(const struct work *w, uint32_t i)
{
	uint64_t at = (uint64_t)i * BLOCK;

	return w->len - at < BLOCK ? (uint32_t)(w->len - at) : BLOCK;
}

/* Never backwards, and 100 only at the end. */
static void tell(struct work *w, unsigned percent)
{
	if (percent > w->percent)
		w->percent = percent;
	if (w->progress != NULL)
		w->progress(w->progress_arg, w->percent);
}

static enum err_code sha_failed(struct err *e)
{
	return err_set(e, ERR_BUG, "SHA-256 failed");
}

static enum err_code sha256(const uint8_t *data, size_t len, uint8_t out[32],
			    struct err *e)
{
	return mbedtls_sha256_ret(data, len, out, 0) == 0 ? ERR_OK
							  : sha_failed(e);
}

/* As bytes, the way everybody else writes it. */
static void digest_bytes(const struct loader_digest *d, uint8_t out[32])
{
	for (unsigned i = 0; i < 32; i++)
		out[i] = (uint8_t)(d->h[i / 4] >> (24 - 8 * (i % 4)));
}

static bool digest_is(const struct loader_digest *d, const uint8_t want[32])
{
	uint8_t held[32];

	digest_bytes(d, held);
	return memcmp(held, want, sizeof held) == 0;
}

/* ---- the image ---- */

static enum err_code read_want(struct work *w, uint32_t i, struct err *e)
{
	uint32_t used = used_bytes(w, i);

	memset(w->want + used, ERASED_BYTE, BLOCK - used);
	return w->read(w->read_arg, (uint64_t)i * BLOCK, w->want, used, e);
}

static enum err_code hash_blocks(struct work *w, mbedtls_sha256_context *all,
				 struct err *e)
{
	enum err_code rc = ERR_OK;

	for (uint32_t i = 0; i < w->count && rc == ERR_OK; i++) {
		uint32_t used = used_bytes(w, i);

		rc = read_want(w, i, e);
		if (rc == ERR_OK)
			rc = sha256(w->want, used, w->block[i].want, e);
		if (rc == ERR_OK &&
		    mbedtls_sha256_update_ret(all, w->want, used) != 0)
			rc = sha_failed(e);
	}
	return rc;
}

static enum err_code hash_image(struct work *w, struct err *e)
{
	mbedtls_sha256_context all;
	enum err_code rc = ERR_OK;

	if (w->image_known)
		return ERR_OK;
	mbedtls_sha256_init(&all);
	if (mbedtls_sha256_starts_ret(&all, 0) != 0)
		rc = sha_failed(e);
	if (rc == ERR_OK)
		rc = hash_blocks(w, &all, e);
	if (rc == ERR_OK && mbedtls_sha256_finish_ret(&all, w->image_sha) != 0)
		rc = sha_failed(e);
	mbedtls_sha256_free(&all);
	w->image_known = rc == ERR_OK;
	return rc;
}

/* ---- hashing on the target ---- */

static enum err_code push_look(struct work *w, enum loader_kind kind,
			       uint64_t at, uint64_t len, uint32_t unit,
			       uint32_t result, struct err *e)
{
	const struct loader_op op = {
		.kind = kind,
		.nor_addr = (uint32_t)at,
		.len_bytes = (uint32_t)len,
		.unit_bytes = unit,
		.result = loader_result_address(result),
		.max_ms = unit / HASH_BYTES_PER_MS + 1u,
	};

	return loader_push(&w->loader, op, NULL, e);
}

static enum err_code push_block_hash(struct work *w, uint32_t i, struct err *e)
{
	return push_look(w, LOADER_HASH, (uint64_t)i * BLOCK, used_bytes(w, i),
			 BLOCK, i, e);
}

static bool is_settled(const struct block *b)
{
	return b->done || b->probed;
}

/* One operation for each run of blocks of which nothing is known. */
static enum err_code push_open_blocks(struct work *w, enum loader_kind kind,
				      struct err *e)
{
	enum err_code rc = ERR_OK;

	for (uint32_t i = 0; i < w->count && rc == ERR_OK; i++) {
		uint32_t first = i;
		uint64_t at = (uint64_t)first * BLOCK, end;

		if (is_settled(&w->block[i]))
			continue;
		while (i + 1 < w->count && !is_settled(&w->block[i + 1]))
			i++;
		end = (uint64_t)i * BLOCK + used_bytes(w, i);
		rc = push_look(w, kind, at, end - at, BLOCK, first, e);
	}
	return rc;
}

static enum err_code wait_all(struct work *w, struct err *e)
{
	return loader_wait(&w->loader, loader_queued(&w->loader), false, e);
}

static void judge_looks(struct work *w, uint32_t i,
			const struct loader_digest *d)
{
	struct block *b = &w->block[i];

	if (!b->done)
		b->probed = b->blank = d->blank == 1;
}

static void judge_hash(struct work *w, uint32_t i,
		       const struct loader_digest *d)
{
	struct block *b = &w->block[i];

	if (is_settled(b))
		return;
	b->done = digest_is(d, b->want);
	b->blank = d->blank == 1;
	b->sectors = 0;
	w->done += b->done;
	if (b->done && !b->skip_known)
		w->report->bytes_skipped += used_bytes(w, i);
	b->skip_known = b->skip_known || b->done;
}

/* Fetch what the target found of all blocks, and judge each. */
static enum err_code judge_blocks(struct work *w,
				  void (*judge)(struct work *w, uint32_t i,
						const struct loader_digest *d),
				  struct err *e)
{
	uint32_t max = sizeof w->digest / sizeof w->digest[0];
	enum err_code rc = ERR_OK;

	for (uint32_t i = 0; i < w->count && rc == ERR_OK; i += max) {
		uint32_t n = w->count - i < max ? w->count - i : max;

		rc = loader_digests(&w->loader, i, n, w->digest, e);
		for (uint32_t k = 0; k < n && rc == ERR_OK; k++)
			judge(w, i + k, &w->digest[k]);
	}
	return rc;
}

static enum err_code probe_open_blocks(struct work *w, struct err *e)
{
	enum err_code rc = push_open_blocks(w, LOADER_PROBE, e);

	/* so that the target is at it while the image is read */
	if (rc == ERR_OK)
		rc = loader_wait(&w->loader, 0, false, e);
	if (rc == ERR_OK)
		rc = hash_image(w, e);
	if (rc == ERR_OK)
		rc = wait_all(w, e);
	return rc == ERR_OK ? judge_blocks(w, judge_looks, e) : rc;
}

static enum err_code hash_open_blocks(struct work *w, struct err *e)
{
	enum err_code rc = push_open_blocks(w, LOADER_HASH, e);

	if (rc == ERR_OK)
		rc = wait_all(w, e);
	w->compare_us += w->loader.state.hash_us;
	return rc == ERR_OK ? judge_blocks(w, judge_hash, e) : rc;
}

/* ---- writing one block ---- */

static uint32_t sector_bytes(const struct work *w)
{
	return w->n->costs.level[0].size_bytes;
}

static uint32_t sector_count(const struct work *w, uint32_t i)
{
	return (used_bytes(w, i) + sector_bytes(w) - 1) / sector_bytes(w);
}

static unsigned want_pages(const uint8_t *p, uint32_t len)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < len; i += PAGE)
		n += !is_blank(p + i, PAGE);
	return n;
}

static enum err_code look_at_sector(struct work *w, uint32_t i, uint32_t k,
				    struct nor_plan_sector *s, struct err *e)
{
	struct block *b = &w->block[i];
	uint32_t size = sector_bytes(w), used = used_bytes(w, i);
	uint32_t len = used - k * size < size ? used - k * size : size;
	const uint8_t *want = w->want + k * size;
	const struct loader_digest *held = NULL;
	uint8_t sha[32];
	enum err_code rc = ERR_OK;

	if (b->sectors != 0)
		held = &w->digest[b->sectors - w->count + k];
	s->want_pages = want_pages(want, size);
	s->blank = held != NULL ? held->blank == 1 : b->blank;
	s->same = b->blank && s->want_pages == 0;
	if (held != NULL) {
		rc = sha256(want, len, sha, e);
		s->same = digest_is(held, sha);
	}
	if (s->same && !b->skip_known)
		w->report->bytes_skipped += len;
	return rc;
}

static enum err_code plan_block(struct work *w, uint32_t i,
				struct nor_plan *plan, struct err *e)
{
	struct nor_plan_sector s[NOR_PLAN_SECTORS] = {{.outside = true}};
	uint32_t count = sector_count(w, i);
	enum err_code rc = ERR_OK;

	for (uint32_t k = 0; k < NOR_PLAN_SECTORS; k++)
		s[k].outside = true;
	for (uint32_t k = 0; k < count && rc == ERR_OK; k++) {
		s[k].outside = false;
		rc = look_at_sector(w, i, k, &s[k], e);
	}
	if (rc == ERR_OK)
		nor_plan_block(plan, &w->n->costs, s, BLOCK / sector_bytes(w));
	w->block[i].skip_known = true;
	return rc;
}

static enum err_code push_erases(struct work *w, uint32_t i,
				 const struct nor_plan *plan, struct err *e)
{
	enum err_code rc = ERR_OK;

	for (unsigned k = 0; k < plan->erases && rc == ERR_OK; k++) {
		const struct sfdp_erase *t =
			&w->n->costs.level[plan->erase[k].level];
		const struct loader_op op = {
			.kind = LOADER_ERASE,
			.nor_addr = i * BLOCK + plan->erase[k].offset,
			.opcode = t->opcode,
			.max_ms = t->max_ms + SLACK_MS,
		};

		rc = loader_push(&w->loader, op, NULL, e);
		w->report->bytes_erased += t->size_bytes;
	}
	return rc;
}

static enum err_code push_pages(struct work *w, uint32_t i, uint32_t from,
				uint32_t len, struct err *e)
{
	const struct loader_op op = {
		.kind = LOADER_PROGRAM,
		.nor_addr = i * BLOCK + from,
		.len_bytes = len,
		.max_ms = w->n->geometry.page_max_ms + SLACK_MS,
	};

	w->report->bytes_programmed += len;
	return loader_push(&w->loader, op, w->want + from, e);
}

/* Runs of pages that are not blank, within [from, end). */
static enum err_code push_sector(struct work *w, uint32_t i, uint32_t from,
				 uint32_t end, struct err *e)
{
	enum err_code rc = ERR_OK;

	for (uint32_t at = from; at < end && rc == ERR_OK; at += PAGE) {
		uint32_t run = at;

		while (run < end && run - at < LOADER_DATA_MAX &&
		       !is_blank(w->want + run, PAGE))
			run += PAGE;
		if (run == at)
			continue;
		rc = push_pages(w, i, at, run - at, e);
		at = run - PAGE;
	}
	return rc;
}

static enum err_code write_block(struct work *w, uint32_t i, struct err *e)
{
	struct nor_plan plan = {.erases = 0};
	uint32_t size = sector_bytes(w);
	enum err_code rc = read_want(w, i, e);

	if (rc == ERR_OK)
		rc = plan_block(w, i, &plan, e);
	if (rc == ERR_OK)
		rc = push_erases(w, i, &plan, e);
	for (uint32_t k = 0; rc == ERR_OK && k < BLOCK / size; k++)
		if ((plan.program & 1u << k) != 0)
			rc = push_sector(w, i, k * size, (k + 1) * size, e);
	/* a guess that turns out wrong is nobody's failure */
	w->block[i].tries += !w->block[i].probed;
	w->block[i].probed = false;
	return rc == ERR_OK ? push_block_hash(w, i, e) : rc;
}

/* ---- all blocks ---- */

/* Digests of the sectors of what the group has to write over. */
static enum err_code hash_sectors(struct work *w, uint32_t first, uint32_t *end,
				  struct err *e)
{
	uint32_t before_us = w->loader.state.hash_us;
	uint32_t used = 0, i;
	enum err_code rc = ERR_OK;

	for (i = first; i < w->count && used < GROUP && rc == ERR_OK; i++) {
		struct block *b = &w->block[i];

		if (b->done || b->blank)
			continue;
		b->sectors = w->count + used * NOR_PLAN_SECTORS;
		rc = push_look(w, LOADER_HASH, (uint64_t)i * BLOCK,
			       used_bytes(w, i), sector_bytes(w), b->sectors,
			       e);
		used++;
	}
	*end = i;
	if (rc == ERR_OK && used > 0)
		rc = wait_all(w, e);
	w->compare_us += w->loader.state.hash_us - before_us;
	if (rc == ERR_OK && used > 0)
		rc = loader_digests(&w->loader, w->count,
				    used * NOR_PLAN_SECTORS, w->digest, e);
	return rc;
}

/* Hashing is the first tenth, writing the rest, by operations done. */
static void tell_writing(struct work *w, uint32_t block)
{
	tell(w, 10 + (unsigned)((uint64_t)block * 88 / w->count));
}

static enum err_code write_open_blocks(struct work *w, struct err *e)
{
	enum err_code rc = ERR_OK;
	uint32_t i = 0, end;

	while (i < w->count && rc == ERR_OK) {
		rc = hash_sectors(w, i, &end, e);
		for (; i < end && rc == ERR_OK; i++) {
			if (!w->block[i].done)
				rc = write_block(w, i, e);
			tell_writing(w, i);
		}
	}
	return rc == ERR_OK ? wait_all(w, e) : rc;
}

/* ---- when a block does not become what it should ---- */

static enum err_code find_difference(struct work *w, uint32_t i, struct err *e)
{
	static const char *const why = "the SPI flash does not hold what was "
				       "written to it";
	unsigned log2 = (unsigned)__builtin_ctzll(w->n->id.size_bytes);
	uint8_t *held = (uint8_t *)w->digest;
	uint32_t used = used_bytes(w, i);
	enum err_code rc = loader_stop(&w->loader, e);

	_Static_assert(sizeof w->digest >= BLOCK, "room for a block");
	if (rc == ERR_OK)
		rc = octospi_start(&w->n->ospi, log2, e);
	if (rc == ERR_OK)
		rc = read_want(w, i, e);
	if (rc == ERR_OK)
		rc = octospi_map_read(&w->n->ospi, &w->n->read, i * BLOCK, held,
				      BLOCK, e);
	if (rc != ERR_OK)
		return rc;
	for (uint32_t k = 0; k < used; k++)
		if (w->want[k] != held[k])
			return err_set(e, ERR_INTEGRITY,
				       "the SPI flash holds 0x%02x at offset "
				       "0x%x, not 0x%02x",
				       held[k], (unsigned)(i * BLOCK + k),
				       w->want[k]);
	return err_set(e, ERR_INTEGRITY, "%s: block at offset 0x%x", why,
		       (unsigned)(i * BLOCK));
}

static enum err_code start_loader(struct work *w, struct err *e)
{
	const struct loader_setup s = nor_loader_setup(w->n);

	return loader_start(&w->loader, w->n->ospi.adi, &s, e);
}

static void note_times(struct work *w)
{
	w->report->erase_us += w->loader.state.erase_us;
	w->report->program_us += w->loader.state.program_us;
	w->report->compare_us += w->compare_us;
	w->report->verify_us += w->loader.state.hash_us - w->compare_us;
	w->compare_us = 0;
}

/* Four lines may not all be there on this board: one will do. */
static enum err_code after_mismatch(struct work *w, uint32_t i, struct err *e)
{
	if (w->block[i].tries >= WRITE_TRIES)
		return find_difference(w, i, e);
	if (w->block[i].tries == 0)
		return ERR_OK;
	log_warn("NOR_MISMATCH", "offset=0x%x try=%u lines=%u",
		 (unsigned)(i * BLOCK), w->block[i].tries,
		 w->n->quad ? 4u : 1u);
	if (!w->n->quad)
		return ERR_OK;
	w->n->quad = false;
	note_times(w);
	return start_loader(w, e);
}

static enum err_code bring(struct work *w, struct err *e)
{
	enum err_code rc = probe_open_blocks(w, e);

	if (rc == ERR_OK)
		rc = hash_open_blocks(w, e);
	tell(w, 10);
	while (rc == ERR_OK && w->done < w->count) {
		rc = write_open_blocks(w, e);
		if (rc == ERR_OK)
			rc = judge_blocks(w, judge_hash, e);
		for (uint32_t i = 0; rc == ERR_OK && i < w->count; i++)
			if (!w->block[i].done) {
				rc = after_mismatch(w, i, e);
				break;
			}
	}
	return rc;
}

/* ---- around it ---- */

/* The link has been repaired, the part may be in the middle of something: see
 * to both before the loader is started again. */
static enum err_code recover(struct work *w, struct err *e)
{
	struct nor *n = w->n;
	unsigned log2 = (unsigned)__builtin_ctzll(n->id.size_bytes);
	uint32_t max_ms = n->costs.level[n->costs.levels - 1].max_ms;
	enum err_code rc = loader_stop(&w->loader, e);

	if (rc == ERR_OK)
		rc = octospi_start(&n->ospi, log2, e);
	if (rc == ERR_OK)
		rc = octospi_wait_ready(&n->ospi, (int)max_ms + SLACK_MS, e);
	return rc == ERR_OK ? start_loader(w, e) : rc;
}

static enum err_code bring_surely(struct work *w, struct err *e)
{
	struct err why = {0};
	uint32_t done = 0;
	enum err_code rc = start_loader(w, &why);

	if (rc == ERR_OK)
		rc = bring(w, &why);
	for (int i = 0; rc == ERR_WIRE && i < RESTARTS; i++) {
		log_warn("NOR_RESTART", "done=%u of=%u reason=\"%s\"", w->done,
			 w->count, why.text);
		note_times(w);
		if (w->done > done)
			i = 0;
		done = w->done;
		rc = recover(w, &why);
		if (rc == ERR_OK)
			rc = bring(w, &why);
	}
	note_times(w);
	if (rc != ERR_OK && e != NULL)
		*e = why;
	return rc;
}

static enum err_code prepare(struct nor *n, uint64_t len, struct err *e)
{
	enum err_code rc = n->known ? ERR_OK : nor_identify(n, e);

	if (rc != ERR_OK)
		return rc;
	if (len == 0 || len > n->id.size_bytes)
		return err_set(e, ERR_TOO_BIG,
			       "image of %llu bytes for a SPI flash of %llu",
			       (unsigned long long)len,
			       (unsigned long long)n->id.size_bytes);
	return ERR_OK;
}

static struct work *new_work(struct nor *n, uint64_t len, struct err *e)
{
	struct work *w = calloc(1, sizeof *w);

	if (w != NULL) {
		w->n = n;
		w->len = len;
		w->count = (uint32_t)((len + BLOCK - 1) / BLOCK);
		w->block = calloc(w->count, sizeof *w->block);
	}
	if (w == NULL || w->block == NULL) {
		free(w);
		w = NULL;
		(void)err_set(e, ERR_NO_MEMORY, "no memory for a block");
	}
	return w;
}

static void free_work(struct work *w)
{
	free(w->block);
	free(w);
}

/* The core is left halted, as it was found, whatever has happened. */
static enum err_code finish(struct work *w, enum err_code rc, struct err *e)
{
	enum err_code stop = loader_stop(&w->loader, rc == ERR_OK ? e : NULL);

	w->n->ospi.mapped = false;
	return rc == ERR_OK ? stop : rc;
}

enum err_code nor_program(struct nor *n, uint64_t len, target_read_fn *read,
			  void *read_arg, target_progress_fn *progress,
			  void *progress_arg, struct target_nor_report *report,
			  struct err *e)
{
	struct mono start = mono_now();
	enum err_code rc = prepare(n, len, e);
	struct work *w;

	memset(report, 0, sizeof *report);
	if (rc != ERR_OK)
		return rc;
	w = new_work(n, len, e);
	if (w == NULL)
		return ERR_NO_MEMORY;
	w->read = read;
	w->read_arg = read_arg;
	w->progress = progress;
	w->progress_arg = progress_arg;
	w->report = report;
	rc = bring_surely(w, e);
	rc = finish(w, rc, e);
	report->bytes_compared = len;
	memcpy(report->sha256, w->image_sha, sizeof report->sha256);
	if (rc == ERR_OK)
		tell(w, 100);
	log_debug(
		"NOR_TIMES",
		"erase_us=%llu program_us=%llu compare_us=%llu verify_us=%llu",
		(unsigned long long)report->erase_us,
		(unsigned long long)report->program_us,
		(unsigned long long)report->compare_us,
		(unsigned long long)report->verify_us);
	free_work(w);
	report->wire_ms = mono_diff_ms(mono_now(), start);
	return rc;
}

/* ---- hash alone ---- */

static enum err_code hash_once(struct work *w, uint8_t out[32], struct err *e)
{
	uint32_t unit = (uint32_t)((w->len + 3) & ~3ull);
	struct loader_digest d;
	enum err_code rc = push_look(w, LOADER_HASH, 0, w->len, unit, 0, e);

	if (rc == ERR_OK)
		rc = wait_all(w, e);
	if (rc == ERR_OK)
		rc = loader_digests(&w->loader, 0, 1, &d, e);
	if (rc == ERR_OK)
		digest_bytes(&d, out);
	return rc;
}

enum err_code nor_sha256(struct nor *n, uint64_t len, uint8_t out[32],
			 struct err *e)
{
	enum err_code rc = prepare(n, len, e);
	struct work *w;

	if (rc != ERR_OK)
		return rc;
	w = new_work(n, len, e);
	if (w == NULL)
		return ERR_NO_MEMORY;
	rc = start_loader(w, e);
	if (rc == ERR_OK)
		rc = hash_once(w, out, e);
	for (int i = 0; rc == ERR_WIRE && i < RESTARTS; i++) {
		rc = recover(w, e);
		if (rc == ERR_OK)
			rc = hash_once(w, out, e);
	}
	rc = finish(w, rc, e);
	free_work(w);
	return rc;
}
