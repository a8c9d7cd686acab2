/* image inspect: what an image holds, and where. */
#include "cli/image/image_cli.h"
#include "cli/image/draw.h"
#include "proto/base/hex.h"

#include <string.h>

static enum err_code take_key(void *arg, int val, const char *value,
			      struct err *e)
{
	(void)val, (void)e;
	*(const char **)arg = value;
	return ERR_OK;
}

static json_t *describe_parts(const struct image *im)
{
	json_t *parts = json_array();

	for (uint32_t i = 0; i < im->part_count; i++) {
		const struct image_part *p = &im->parts[i];

		json_array_append_new(
			parts,
			json_pack("{ss ss sI sI sb so so}", "type",
				  image_part_name(p->type), "version",
				  p->version, "offset", (json_int_t)p->offset,
				  "length", (json_int_t)p->length, "encrypted",
				  p->flags & IMAGE_FLAG_ENCRYPTED ? 1 : 0,
				  "sha256", image_cli_hash(p->stored_sha256),
				  "installed_sha256",
				  image_cli_hash(p->installed_sha256)));
	}
	return parts;
}

static json_t *describe_blocks(const struct image *im,
			       const struct image_map *map)
{
	json_t *blocks = json_array();
	uint8_t sha256[IMAGE_HASH_BYTES];

	for (uint32_t i = 0; i < im->block_count; i++) {
		if (image_block_listed(im, i, sha256, NULL) != IMAGE_OK)
			memset(sha256, 0, sizeof sha256);
		json_array_append_new(blocks,
				      json_pack("{si so}", "blank_sectors",
						(int)map->blank[i], "sha256",
						image_cli_hash(sha256)));
	}
	return blocks;
}

static json_t *describe(const struct image *im, const struct image_map *map,
			json_t *manifest)
{
	char key[2 * IMAGE_PUBLIC_KEY_BYTES + 1];
	char id[2 * IMAGE_KEY_ID_BYTES + 1];
	json_t *j;

	hex_encode(key, im->attest_key, sizeof im->attest_key);
	hex_encode(id, im->key_id, sizeof im->key_id);
	j = json_pack("{si ss ss ss sI sI sI sI ss ss so so}", "format",
		      (int)IMAGE_FORMAT, "product", im->product, "release",
		      im->version, "fwid", im->firmware_id, "len_bytes",
		      (json_int_t)im->image_bytes, "header_bytes",
		      (json_int_t)im->header_bytes, "align_bytes",
		      (json_int_t)im->align, "nor_min_bytes",
		      (json_int_t)im->nor_min_bytes, "attestation_key", key,
		      "release_key_id", id, "parts", describe_parts(im),
		      "blocks", describe_blocks(im, map));
	json_object_set(j, "manifest", manifest);
	return j;
}

static void print_head(const struct image *im, bool signer_known)
{
	char id[2 * IMAGE_KEY_ID_BYTES + 1], key[17];

	hex_encode(id, im->key_id, sizeof im->key_id);
	hex_encode(key, im->attest_key + 1, 8);
	printf("product          %s\nrelease          %s\n", im->product,
	       im->version);
	printf("signed by        %s, %s\n", id,
	       signer_known ? "checked" : "not checked (--release-key)");
	printf("for SFI cards of %s\n", im->firmware_id);
	printf("attestation key  %s...\n", key);
	printf("SPI flash        at least %u bytes; this image has %u\n\n",
	       im->nor_min_bytes, im->image_bytes);
}

static void print_hashes(const struct image *im)
{
	char hex[2 * IMAGE_HASH_BYTES + 1];

	printf("\nSHA-256, as stored\n");
	for (uint32_t i = 0; i < im->part_count; i++)
		printf("%-15s %s\n", image_part_name(im->parts[i].type),
		       hex_encode(hex, im->parts[i].stored_sha256,
				  IMAGE_HASH_BYTES));
}

enum err_code cmd_image_inspect(struct cli *c, int argc, char **argv,
				struct err *e)
{
	static const struct option own[] = {
		{"release-key", required_argument, NULL, IMAGE_OPT_RELEASE_KEY},
		{0}};
	struct product_bundle bundles[2];
	const char *release_key = NULL;
	static struct image_map map;
	json_t *manifest = NULL, *about;
	struct image_file f;
	enum err_code rc;
	int first;

	rc = cli_options(c, argc, argv, own, take_key, &release_key, &first, e);
	if (rc)
		return rc;
	if (first + 1 != argc)
		return err_set(e, ERR_USAGE, "give one FILE.pli");
	rc = image_cli_open(&f, argv[first], release_key, e);
	if (!rc)
		rc = image_file_manifest(&f, bundles, &manifest, e);
	if (!rc)
		rc = image_map_fill(&map, &f, e);
	if (!rc && c->json) {
		about = describe(&f.image, &map, manifest);
		cli_print_json(about);
		json_decref(about);
	} else if (!rc) {
		print_head(&f.image, release_key != NULL);
		image_draw_layout(&f.image);
		image_draw_blocks(&f.image, &map);
		print_hashes(&f.image);
		image_draw_manifest(manifest, bundles);
	}
	json_decref(manifest);
	image_file_close(&f);
	return rc;
}
