#include "cli/image/draw.h"
#include "proto/base/hex.h"

#include <string.h>

#define INNER_CHARS	65 /* between the walls of a box */
#define BLOCKS_PER_LINE 64u

/* -------- blocks -------- */

static bool is_blank(const uint8_t sector[IMAGE_SECTOR_BYTES])
{
	return sector[0] == 0xFF &&
	       memcmp(sector, sector + 1, IMAGE_SECTOR_BYTES - 1) == 0;
}

enum err_code image_map_fill(struct image_map *m, struct image_file *f,
			     struct err *e)
{
	uint8_t sector[IMAGE_SECTOR_BYTES];

	memset(m, 0, sizeof *m);
	for (uint32_t at = 0; at < f->image.image_bytes; at += sizeof sector) {
		if (!image_window_read(&f->window, at, sector, sizeof sector))
			return err_set(e, ERR_IO, "%s: at 0x%08x", f->path, at);
		m->sectors++;
		if (!is_blank(sector))
			continue;
		m->blank[at / IMAGE_BLOCK_BYTES]++;
		m->blank_sectors++;
	}
	return ERR_OK;
}

static uint32_t sectors_of(const struct image *im, uint32_t block)
{
	uint32_t left = im->image_bytes - block * IMAGE_BLOCK_BYTES;

	return (left < IMAGE_BLOCK_BYTES ? left : IMAGE_BLOCK_BYTES) /
	       IMAGE_SECTOR_BYTES;
}

void image_draw_blocks(const struct image *im, const struct image_map *m)
{
	printf("\nblocks of 64 KiB: # used  + partly blank  . blank; %u of %u "
	       "sectors blank\n",
	       m->blank_sectors, m->sectors);
	for (uint32_t i = 0; i < im->block_count; i++) {
		if (i % BLOCKS_PER_LINE == 0)
			printf("%s0x%08x  ", i ? "\n" : "",
			       i * IMAGE_BLOCK_BYTES);
		putchar(m->blank[i] == 0		   ? '#'
			: m->blank[i] == sectors_of(im, i) ? '.'
							   : '+');
	}
	putchar('\n');
}

/* -------- layout -------- */

static void draw_wall(uint32_t offset)
{
	char line[INNER_CHARS + 1];

	memset(line, '-', INNER_CHARS);
	line[INNER_CHARS] = '\0';
	printf("0x%08x +%s+\n", offset, line);
}

static void draw_box(const char *name, const char *version, const char *note,
		     uint32_t bytes)
{
	printf("%10s | %-15s %-22.22s %-9s %8u bytes |\n", "", name, version,
	       note, bytes);
}

/* Whole sectors that nobody uses. */
static void draw_gap(uint32_t from, uint32_t to)
{
	if (from >= to)
		return;
	draw_wall(from);
	draw_box("", "blank", "", to - from);
}

void image_draw_layout(const struct image *im)
{
	uint32_t end = im->header_bytes;

	draw_wall(0);
	draw_box("header", "", "", im->header_bytes);
	for (uint32_t i = 0; i < im->part_count; i++) {
		const struct image_part *p = &im->parts[i];

		draw_gap(end, p->offset);
		draw_wall(p->offset);
		draw_box(image_part_name(p->type), p->version,
			 p->flags & IMAGE_FLAG_ENCRYPTED ? "encrypted" : "",
			 p->length);
		end = p->offset + (p->length + IMAGE_SECTOR_BYTES - 1) /
					  IMAGE_SECTOR_BYTES *
					  IMAGE_SECTOR_BYTES;
	}
	draw_wall(im->image_bytes);
}

/* -------- manifest -------- */

static void draw_bundle(const char *name, const struct product_bundle *b)
{
	char hex[2 * IMAGE_HASH_BYTES + 1];

	if (!b->there)
		return;
	printf("%-15s %s\n", name,
	       hex_encode(hex, b->sha256, sizeof b->sha256));
	if (b->signer_id)
		printf("%15s signed by %016llx\n", "",
		       (unsigned long long)b->signer_id);
	else
		printf("%15s not signed\n", "");
}

/* "harness.fixture: ...", a member a line. */
static void draw_members(const char *name, const json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

		printf("%s.%s: %s\n", name, key, text ? text : "");
		free(text);
	}
}

void image_draw_manifest(const json_t *manifest,
			 const struct product_bundle bundles[2])
{
	if (bundles[0].there || bundles[1].there)
		printf("\nbundles, SHA-256 of the file\n");
	draw_bundle("app-test.zip", &bundles[0]);
	draw_bundle("app.zip", &bundles[1]);
	printf("\nexpectations\n");
	draw_members("nor", json_object_get(manifest, "nor"));
	draw_members("harness", json_object_get(manifest, "harness"));
	draw_members("limits", json_object_get(manifest, "limits"));
}
