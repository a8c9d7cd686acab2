/* Making the NOR equal to an image, a block of 64 KiB at a time:
 *
 *   read the block, compare by pages; a page that differs and is blank is
 *   programmed, one that differs and is not makes its sector one to erase
 *
 * and at last everything is read back. Bytes of the last block beyond the
 * image keep their content. A block whose transfers were disturbed starts over
 * from reading it, whatever was done to it so far.
 */
#include "agent/target/nor.h"

#include "proto/base/mono.h"

#include <mbedtls/sha256.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK	    NOR_BLOCK_BYTES
#define PAGE	    OCTOSPI_WRITE_MAX
#define BLOCK_TRIES 6
/* On top of data sheet maxima: this process may be kept from running. */
#define SLACK_MS    200

struct work {
	struct nor *n;
	uint64_t len;
	target_read_fn *read;
	void *read_arg;
	target_progress_fn *progress;
	void *progress_arg;
	struct target_nor_report *report;
	uint8_t want[BLOCK];
	uint8_t have[BLOCK];
};

static bool is_blank(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != 0xFF)
			return false;
	return true;
}

static size_t used_bytes(const struct work *w, uint64_t at)
{
	return w->len - at < BLOCK ? (size_t)(w->len - at) : BLOCK;
}

/* Programming is the first 80 percent, reading back the rest. */
static void tell(const struct work *w, uint64_t done, unsigned from,
		 unsigned to)
{
	if (w->progress != NULL)
		w->progress(w->progress_arg,
			    from + (unsigned)(done * (to - from) / w->len));
}

static enum err_code read_block(struct work *w, uint64_t at, struct err *e)
{
	return octospi_map_read(&w->n->ospi, &w->n->read, (uint32_t)at, w->have,
				BLOCK, e);
}

/* ---- one block ---- */

static enum err_code erase(struct work *w, const struct sfdp_erase *unit,
			   uint64_t block_at, uint32_t offset, struct err *e)
{
	const struct octospi_command c = {
		.opcode = unit->opcode,
		.addr_bytes = w->n->program.addr_bytes,
		.addr = (uint32_t)block_at + offset,
	};
	enum err_code rc = octospi_modify(&w->n->ospi, &c, NULL, 0, 0,
					  (int)unit->max_ms + SLACK_MS, e);

	if (rc != ERR_OK)
		return rc;
	memset(w->have + offset, 0xFF, unit->size_bytes);
	w->report->bytes_erased += unit->size_bytes;
	return ERR_OK;
}

/* Does a page in [offset, offset + len) differ without being blank? */
static bool needs_erase(const struct work *w, uint32_t offset, uint32_t len)
{
	for (uint32_t i = offset; i < offset + len; i += PAGE)
		if (memcmp(w->want + i, w->have + i, PAGE) != 0 &&
		    !is_blank(w->have + i, PAGE))
			return true;
	return false;
}

static enum err_code erase_what_must(struct work *w, uint64_t at, struct err *e)
{
	const struct sfdp_erase *sector = &w->n->sector;
	const struct sfdp_erase *block = &w->n->block;
	uint32_t count = 0;
	enum err_code rc = ERR_OK;

	for (uint32_t i = 0; i < BLOCK; i += sector->size_bytes)
		count += needs_erase(w, i, sector->size_bytes);
	/* A 64 KiB erase takes about as long as three or four of 4 KiB, but
	 * then everything in it has to be programmed again. */
	if (block->size_bytes == BLOCK &&
	    count * 2 > BLOCK / sector->size_bytes)
		return erase(w, block, at, 0, e);
	for (uint32_t i = 0; i < BLOCK && rc == ERR_OK; i += sector->size_bytes)
		if (needs_erase(w, i, sector->size_bytes))
			rc = erase(w, sector, at, i, e);
	return rc;
}

static enum err_code program_what_differs(struct work *w, uint64_t at,
					  struct err *e)
{
	enum err_code rc = ERR_OK;

	for (uint32_t i = 0; i < BLOCK && rc == ERR_OK; i += PAGE) {
		struct octospi_command c = w->n->program;

		if (memcmp(w->want + i, w->have + i, PAGE) == 0)
			continue;
		c.addr = (uint32_t)at + i;
		/* waited for on the wire: dearer in clocks, but cheaper than
		 * asking over USB again and again */
		rc = octospi_modify(&w->n->ospi, &c, w->want + i, PAGE,
				    w->n->geometry.page_typical_us,
				    (int)w->n->geometry.page_max_ms + SLACK_MS,
				    e);
		if (rc == ERR_OK)
			w->report->bytes_programmed += PAGE;
	}
	return rc;
}

static uint64_t equal_bytes(const struct work *w, size_t used)
{
	uint64_t n = 0;

	for (size_t i = 0; i < used; i += PAGE)
		if (memcmp(w->want + i, w->have + i, PAGE) == 0)
			n += used - i < PAGE ? used - i : PAGE;
	return n;
}

static enum err_code bring_block(struct work *w, uint64_t at, bool first,
				 struct err *e)
{
	size_t used = used_bytes(w, at);
	enum err_code rc = read_block(w, at, e);

	if (rc != ERR_OK)
		return rc;
	memcpy(w->want + used, w->have + used, BLOCK - used);
	if (first) {
		w->report->bytes_compared += used;
		w->report->bytes_skipped += equal_bytes(w, used);
	}
	if (memcmp(w->want, w->have, BLOCK) == 0)
		return ERR_OK;
	rc = erase_what_must(w, at, e);
	return rc == ERR_OK ? program_what_differs(w, at, e) : rc;
}

/* The link has been repaired, the part may be in the middle of something: see
 * to both before the block is begun again. */
static enum err_code recover(struct work *w, struct err *e)
{
	uint64_t size = w->n->id.size_bytes;
	/* a mode bit nobody needs, written to nowhere: waits for the end of
	 * what is going on and takes the write enable away */
	const struct octospi_command write_disable = {.opcode = 0x04};
	enum err_code rc =
		octospi_start(&w->n->ospi, (unsigned)__builtin_ctzll(size), e);

	return rc == ERR_OK
		       ? octospi_modify(&w->n->ospi, &write_disable, NULL, 0, 0,
					(int)w->n->block.max_ms + SLACK_MS, e)
		       : rc;
}

static enum err_code bring_block_surely(struct work *w, uint64_t at,
					struct err *e)
{
	size_t used = used_bytes(w, at);
	enum err_code rc = w->read(w->read_arg, at, w->want, used, e);
	enum err_code again;

	if (rc != ERR_OK)
		return rc;
	rc = bring_block(w, at, true, e);
	for (int i = 1; rc == ERR_WIRE && i < BLOCK_TRIES; i++) {
		again = recover(w, e);
		rc = again == ERR_OK ? bring_block(w, at, false, e) : again;
	}
	return rc;
}

/* ---- reading back ---- */

static enum err_code compare(const struct work *w, uint64_t at, size_t used,
			     struct err *e)
{
	for (size_t i = 0; i < used; i++)
		if (w->want[i] != w->have[i])
			return err_set(e, ERR_INTEGRITY,
				       "the SPI flash holds 0x%02x at offset "
				       "0x%llx, not 0x%02x",
				       w->have[i], (unsigned long long)(at + i),
				       w->want[i]);
	return ERR_OK;
}

/* Hash len bytes as the NOR gives them; compare with the image if there is
 * one. */
static enum err_code hash_all(struct work *w, mbedtls_sha256_context *sha,
			      struct err *e)
{
	enum err_code rc = ERR_OK;

	for (uint64_t at = 0; at < w->len && rc == ERR_OK; at += BLOCK) {
		size_t used = used_bytes(w, at);

		rc = read_block(w, at, e);
		if (rc == ERR_OK && w->read != NULL)
			rc = w->read(w->read_arg, at, w->want, used, e);
		if (rc == ERR_OK && w->read != NULL)
			rc = compare(w, at, used, e);
		if (rc == ERR_OK &&
		    mbedtls_sha256_update_ret(sha, w->have, used) != 0)
			rc = err_set(e, ERR_BUG, "SHA-256 failed");
		if (rc == ERR_OK)
			tell(w, at + used, w->read != NULL ? 80 : 0, 100);
	}
	return rc;
}

static enum err_code read_back(struct work *w, uint8_t sha256[32],
			       struct err *e)
{
	mbedtls_sha256_context sha;
	enum err_code rc = ERR_OK;

	mbedtls_sha256_init(&sha);
	if (mbedtls_sha256_starts_ret(&sha, 0) != 0)
		rc = err_set(e, ERR_BUG, "SHA-256 failed");
	if (rc == ERR_OK)
		rc = hash_all(w, &sha, e);
	if (rc == ERR_OK && mbedtls_sha256_finish_ret(&sha, sha256) != 0)
		rc = err_set(e, ERR_BUG, "SHA-256 failed");
	mbedtls_sha256_free(&sha);
	return rc;
}

/* ---- whole images ---- */

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
	w = calloc(1, sizeof *w);
	if (w == NULL)
		return err_set(e, ERR_NO_MEMORY, "no memory for a block");
	w->n = n;
	w->len = len;
	w->read = read;
	w->read_arg = read_arg;
	w->progress = progress;
	w->progress_arg = progress_arg;
	w->report = report;
	for (uint64_t at = 0; at < len && rc == ERR_OK; at += BLOCK) {
		rc = bring_block_surely(w, at, e);
		tell(w, at + used_bytes(w, at), 0, 80);
	}
	if (rc == ERR_OK)
		rc = read_back(w, report->sha256, e);
	free(w);
	report->wire_ms = mono_diff_ms(mono_now(), start);
	return rc;
}

enum err_code nor_sha256(struct nor *n, uint64_t len, uint8_t sha256[32],
			 struct err *e)
{
	enum err_code rc = prepare(n, len, e);
	struct work *w;

	if (rc != ERR_OK)
		return rc;
	w = calloc(1, sizeof *w);
	if (w == NULL)
		return err_set(e, ERR_NO_MEMORY, "no memory for a block");
	w->n = n;
	w->len = len;
	rc = read_back(w, sha256, e);
	free(w);
	return rc;
}
