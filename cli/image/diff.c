/* image diff: two releases, and what a line rewrites to get from one to the
 * other. */
#include "cli/image/image_cli.h"
#include "proto/image/compare.h"

#include <string.h>

static enum err_code take_key(void *arg, int val, const char *value,
			      struct err *e)
{
	(void)val, (void)e;
	*(const char **)arg = value;
	return ERR_OK;
}

/* -------- what is told -------- */

static json_t *side(const struct image_part *p)
{
	return p ? json_pack("{ss sI sI}", "version", p->version, "offset",
			     (json_int_t)p->offset, "length",
			     (json_int_t)p->length)
		 : json_null();
}

static json_t *describe_cost(const struct compare_cost *c)
{
	return json_pack("{sI sI sI sI}", "blocks", (json_int_t)c->blocks,
			 "sectors", (json_int_t)c->sectors, "erased_sectors",
			 (json_int_t)c->erased, "bytes", (json_int_t)c->bytes);
}

static json_t *describe_rows(const struct comparison *c)
{
	json_t *rows = json_array();

	for (unsigned i = 0; i < c->count; i++) {
		const struct compare_row *r = &c->rows[i];

		json_array_append_new(
			rows, json_pack("{ss ss so so so}", "type",
					image_part_name(r->type), "state",
					compare_state_name(r->state), "old",
					side(r->before), "new", side(r->after),
					"rewrite", describe_cost(&r->cost)));
	}
	return rows;
}

/* "limits.rssi": as flat as a person reads it. */
static void add_fields(json_t *to, const char *prefix, const json_t *old,
		       const json_t *new);

static void add_field(json_t *to, const char *name, json_t *old, json_t *new)
{
	if (json_is_object(old) && json_is_object(new))
		add_fields(to, name, old, new);
	else if (!old || !new || !json_equal(old, new))
		json_array_append_new(to,
				      json_pack("{ss sO? sO?}", "name", name,
						"old", old, "new", new));
}

static void add_fields(json_t *to, const char *prefix, const json_t *old,
		       const json_t *new)
{
	char name[160];
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)new, key, value) {
		/* parts have rows of their own */
		if (!*prefix && strcmp(key, "parts") == 0)
			continue;
		snprintf(name, sizeof name, "%s%s%s", prefix,
			 *prefix ? "." : "", key);
		add_field(to, name, json_object_get(old, key), value);
	}
	json_object_foreach ((json_t *)old, key, value) {
		if (json_object_get(new, key))
			continue;
		snprintf(name, sizeof name, "%s%s%s", prefix,
			 *prefix ? "." : "", key);
		add_field(to, name, value, NULL);
	}
}

static json_t *describe(const struct comparison *c, const json_t *old,
			const json_t *new)
{
	json_t *fields = json_array();
	json_t *all = describe_cost(&c->all);

	add_fields(fields, "", old, new);
	json_object_set_new(all, "of_blocks", json_integer(c->blocks));
	json_object_set_new(all, "of_sectors", json_integer(c->sectors));
	return json_pack("{so so so}", "parts", describe_rows(c), "fields",
			 fields, "rewrite", all);
}

/* -------- for people -------- */

static json_t *row_text(const struct comparison *c, const struct compare_row *r)
{
	char version[2 * IMAGE_TEXT_BYTES + 4] = "";
	const struct image_part *a = r->before, *b = r->after;

	if (a && b && strcmp(a->version, b->version) != 0)
		snprintf(version, sizeof version, "%s > %s", a->version,
			 b->version);
	else if (a || b)
		snprintf(version, sizeof version, "%s", (b ? b : a)->version);
	return json_pack("{ss ss sI ss sI sI sI}", "part",
			 image_part_name(r->type), "version", version, "length",
			 (json_int_t)(b	  ? b->length
				      : a ? 0
					  : c->header_bytes),
			 "state", compare_state_name(r->state), "blocks",
			 (json_int_t)r->cost.blocks, "sectors",
			 (json_int_t)r->cost.sectors, "bytes",
			 (json_int_t)r->cost.bytes);
}

static void print_fields(const json_t *about)
{
	const json_t *fields = json_object_get(about, "fields");

	for (size_t i = 0; i < json_array_size(fields); i++) {
		const json_t *f = json_array_get(fields, i);
		char *old = json_dumps(json_object_get(f, "old"),
				       JSON_ENCODE_ANY | JSON_COMPACT);
		char *new = json_dumps(json_object_get(f, "new"),
				       JSON_ENCODE_ANY | JSON_COMPACT);

		printf("%s%s: %s > %s\n", i ? "" : "\n",
		       json_string_value(json_object_get(f, "name")),
		       old ? old : "", new ? new : "");
		free(old);
		free(new);
	}
}

static void print_comparison(const struct comparison *c, const json_t *about)
{
	static const struct table_column columns[] = {
		{"PART", "part", 0},	 {"VERSION", "version", 0},
		{"LENGTH", "length", 0}, {"STATE", "state", 0},
		{"BLOCKS", "blocks", 0}, {"SECTORS", "sectors", 0},
		{"BYTES", "bytes", 0},	 {NULL, NULL, 0},
	};
	json_t *rows = json_array();

	for (unsigned i = 0; i < c->count; i++)
		json_array_append_new(rows, row_text(c, &c->rows[i]));
	table_print(stdout, columns, rows);
	json_decref(rows);
	print_fields(about);
	printf("\nA line with the old release in its SPI flash rewrites\n"
	       "%u of %u blocks of 64 KiB, in them %u of %u sectors of 4 KiB, "
	       "erasing %u;\n%u bytes differ.\n",
	       c->all.blocks, c->blocks, c->all.sectors, c->sectors,
	       c->all.erased, c->all.bytes);
}

/* -------- the command -------- */

static enum err_code compare(const struct cli *c, struct image_file *old,
			     struct image_file *new, struct err *e)
{
	struct product_bundle bundles[2];
	json_t *before = NULL, *after = NULL, *about;
	struct comparison result;
	enum err_code rc = image_compare(old, new, &result, e);

	if (!rc)
		rc = image_file_manifest(old, bundles, &before, e);
	if (!rc)
		rc = image_file_manifest(new, bundles, &after, e);
	if (!rc) {
		about = describe(&result, before, after);
		if (c->json)
			cli_print_json(about);
		else
			print_comparison(&result, about);
		json_decref(about);
	}
	json_decref(before);
	json_decref(after);
	return rc;
}

enum err_code cmd_image_diff(struct cli *c, int argc, char **argv,
			     struct err *e)
{
	static const struct option own[] = {
		{"release-key", required_argument, NULL, IMAGE_OPT_RELEASE_KEY},
		{0}};
	const char *release_key = NULL;
	struct image_file old, new;
	enum err_code rc;
	int first;

	rc = cli_options(c, argc, argv, own, take_key, &release_key, &first, e);
	if (rc)
		return rc;
	if (first + 2 != argc)
		return err_set(e, ERR_USAGE, "give OLD.pli and NEW.pli");
	rc = image_cli_open(&old, argv[first], release_key, e);
	if (!rc) {
		rc = image_cli_open(&new, argv[first + 1], release_key, e);
		if (!rc)
			rc = compare(c, &old, &new, e);
		image_file_close(&new);
	}
	image_file_close(&old);
	return rc;
}
