#include "proto/image/product_expect.h"

#include "proto/base/hex.h"
#include "proto/image/image_fault.h"
#include "proto/image/product.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What follows takes from a manifest that product_parse() has let through:
 * types, ranges and numbers are as they should be. */

static void take_ids(struct product_expect *x, const json_t *ids)
{
	x->id_n = json_array_size(ids);
	for (size_t i = 0; i < x->id_n; i++)
		(void)hex_decode(x->jedec_ids[i], sizeof x->jedec_ids[i],
				 json_string_value(json_array_get(ids, i)));
}

static void take_harness(struct product_expect *x, const json_t *h)
{
	const char *fixture = json_string_value(json_object_get(h, "fixture"));
	const json_t *modules = json_object_get(h, "modules");

	if (fixture)
		snprintf(x->fixture, sizeof x->fixture, "%s", fixture);
	x->swclk_max_hz = (uint32_t)json_integer_value(
		json_object_get(h, "swclk_max_hz"));
	x->module_n = json_array_size(modules);
	for (size_t i = 0; i < x->module_n; i++)
		snprintf(x->modules[i], sizeof x->modules[i], "%s",
			 json_string_value(json_array_get(modules, i)));
}

static void take_limits(struct product_expect *x, json_t *limits)
{
	const char *name;
	json_t *j;

	json_object_foreach (limits, name, j) {
		struct product_limit *l = &x->limits[x->limit_n++];
		const json_t *min = json_object_get(j, "min");
		const json_t *max = json_object_get(j, "max");
		const char *unit =
			json_string_value(json_object_get(j, "unit"));

		snprintf(l->name, sizeof l->name, "%s", name);
		snprintf(l->unit, sizeof l->unit, "%s", unit ? unit : "");
		l->has_min = min != NULL;
		l->has_max = max != NULL;
		l->min = json_integer_value(min);
		l->max = json_integer_value(max);
	}
}

static enum err_code parse(const struct image *im, const uint8_t *text,
			   size_t len, struct product_expect *x, struct err *e)
{
	struct product_bundle bundles[2];
	json_t *manifest = NULL;
	enum err_code rc = product_parse(im, text, len, bundles, &manifest, e);

	if (!rc) {
		take_ids(x, json_object_get(json_object_get(manifest, "nor"),
					    "jedec_ids"));
		take_harness(x, json_object_get(manifest, "harness"));
		take_limits(x, json_object_get(manifest, "limits"));
	}
	json_decref(manifest);
	return rc;
}

enum err_code product_expect_read(const struct image *im,
				  struct product_expect *x, struct err *e)
{
	const struct image_part *p = image_part(im, IMAGE_MANIFEST);
	struct image_fault f = {IMAGE_OK, 0, 0};
	uint8_t *text;
	enum err_code rc;

	memset(x, 0, sizeof *x);
	if (image_verify_part(im, p, &f) != IMAGE_OK)
		return image_fault_err(&f, e);
	text = malloc(p->length); /* at most IMAGE_MANIFEST_BYTES */
	if (!text)
		return err_set(e, ERR_NO_MEMORY, "product manifest");
	if (im->read(im->read_arg, p->offset, text, p->length))
		rc = parse(im, text, p->length, x, e);
	else
		rc = err_set(e, ERR_IO, "image at 0x%08x (manifest)",
			     p->offset);
	free(text);
	return rc;
}
