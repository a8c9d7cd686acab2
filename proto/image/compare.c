#include "proto/image/compare.h"

#include <string.h>

const char *compare_state_name(enum compare_state state)
{
	static const char *const names[] = {"same",    "moved", "rekeyed",
					    "changed", "new",	"gone"};

	return names[state];
}

/* -------- rows -------- */

static enum compare_state state_of(const struct image_part *before,
				   const struct image_part *after)
{
	if (!before)
		return COMPARE_NEW;
	if (!after)
		return COMPARE_GONE;
	if (memcmp(before->installed_sha256, after->installed_sha256,
		   IMAGE_HASH_BYTES) != 0)
		return COMPARE_CHANGED;
	if (memcmp(before->stored_sha256, after->stored_sha256,
		   IMAGE_HASH_BYTES) != 0)
		return COMPARE_REKEYED;
	return before->offset == after->offset ? COMPARE_SAME : COMPARE_MOVED;
}

static void add_row(struct comparison *c, const struct image_part *before,
		    const struct image_part *after)
{
	c->rows[c->count++] =
		(struct compare_row){.type = after ? after->type : before->type,
				     .before = before,
				     .after = after,
				     .state = state_of(before, after)};
}

/* The new image's order, then what only the old one has. */
static void list_parts(struct comparison *c, const struct image *before,
		       const struct image *after)
{
	bool same = memcmp(before->header_sha256, after->header_sha256,
			   IMAGE_HASH_BYTES) == 0;

	c->rows[c->count++].state = same ? COMPARE_SAME : COMPARE_CHANGED;
	for (uint32_t i = 0; i < after->part_count; i++)
		add_row(c, image_part(before, after->parts[i].type),
			&after->parts[i]);
	for (uint32_t i = 0; i < before->part_count; i++)
		if (!image_part(after, before->parts[i].type))
			add_row(c, &before->parts[i], NULL);
}

static struct compare_row *row_at(struct comparison *c, const struct image *im,
				  uint32_t offset)
{
	uint32_t type = image_part_at(im, offset);
	unsigned i = 0;

	while (c->rows[i].type != type)
		i++;
	return &c->rows[i];
}

/* -------- bytes -------- */

static bool read_before(struct image_file *f, uint32_t offset,
			uint8_t sector[IMAGE_SECTOR_BYTES])
{
	if (offset >= f->image.image_bytes) {
		memset(sector, 0xFF, IMAGE_SECTOR_BYTES);
		return true;
	}
	return image_window_read(&f->window, offset, sector,
				 IMAGE_SECTOR_BYTES);
}

static struct compare_cost sector_cost(const uint8_t *before,
				       const uint8_t *after)
{
	struct compare_cost cost = {.sectors = 1};

	for (uint32_t i = 0; i < IMAGE_SECTOR_BYTES; i++) {
		cost.bytes += before[i] != after[i];
		cost.erased |= (after[i] & ~before[i]) != 0;
	}
	return cost;
}

static void add_cost(struct compare_cost *to, const struct compare_cost *cost,
		     bool first_in_block)
{
	to->blocks += first_in_block;
	to->sectors += cost->sectors;
	to->erased += cost->erased;
	to->bytes += cost->bytes;
}

enum err_code image_compare(struct image_file *before, struct image_file *after,
			    struct comparison *c, struct err *e)
{
	uint8_t old[IMAGE_SECTOR_BYTES], new[IMAGE_SECTOR_BYTES];
	const struct compare_row *last = NULL;
	uint32_t last_block = UINT32_MAX;

	memset(c, 0, sizeof *c);
	list_parts(c, &before->image, &after->image);
	c->blocks = after->image.block_count;
	c->header_bytes = after->image.header_bytes;
	c->sectors = after->image.image_bytes / IMAGE_SECTOR_BYTES;
	for (uint32_t at = 0; at < after->image.image_bytes;
	     at += IMAGE_SECTOR_BYTES) {
		uint32_t block = at / IMAGE_BLOCK_BYTES;
		struct compare_row *row = row_at(c, &after->image, at);
		struct compare_cost cost;

		if (!read_before(before, at, old) ||
		    !image_window_read(&after->window, at, new, sizeof new))
			return err_set(e, ERR_IO,
				       "the images cannot be read at 0x%08x",
				       at);
		if (memcmp(old, new, sizeof new) == 0)
			continue;
		cost = sector_cost(old, new);
		add_cost(&c->all, &cost, block != last_block);
		add_cost(&row->cost, &cost, block != last_block || row != last);
		last_block = block;
		last = row;
	}
	return ERR_OK;
}
