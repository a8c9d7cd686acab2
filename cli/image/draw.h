/* An image drawn for a terminal of 80 columns, in ASCII. */
#ifndef CLI_IMAGE_DRAW_H
#define CLI_IMAGE_DRAW_H

#include "proto/image/image_file.h"

#define IMAGE_BLOCKS_MAX (IMAGE_MAX_BYTES / IMAGE_BLOCK_BYTES)

/* Of each block, how many of its sectors of 4 KiB are blank. */
struct image_map {
	uint8_t blank[IMAGE_BLOCKS_MAX];
	uint32_t sectors, blank_sectors;
};
enum err_code image_map_fill(struct image_map *m, struct image_file *f,
			     struct err *e);

/* Header, parts and gaps as a column of boxes, from the first byte down. */
void image_draw_layout(const struct image *im);

/* A character for each block of 64 KiB. */
void image_draw_blocks(const struct image *im, const struct image_map *m);

/* Bundles and expectations. */
void image_draw_manifest(const json_t *manifest,
			 const struct product_bundle bundles[2]);

#endif
