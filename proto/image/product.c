#include "proto/image/product.h"
#include "proto/image/product_expect.h"

#include "proto/base/file.h"
#include "proto/base/hex.h"

#include <string.h>

#define FORMAT	     1
#define SWCLK_MIN_HZ 100000
#define SWCLK_MAX_HZ 30000000

/* -------- expectations -------- */

/* A short word as in names of measurements and modules. */
static bool is_name(const char *s)
{
	size_t n = s ? strspn(s, "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
		     : 0;

	return n > 0 && n <= PRODUCT_TEXT_MAX && s[n] == '\0';
}

static bool is_text(const json_t *j, size_t max)
{
	const char *s = json_string_value(j);
	size_t n = 0;

	while (s && s[n] >= 0x20 && s[n] < 0x7F)
		n++;
	return n > 0 && n <= max && s[n] == '\0' && n == json_string_length(j);
}

static bool is_jedec_id(const char *s)
{
	return s && strlen(s) == 6 && strspn(s, "0123456789abcdef") == 6;
}

/* A list without doubles of strings that pass. */
static bool is_list(const json_t *list, bool (*pass)(const char *))
{
	size_t n = json_array_size(list);

	if (n == 0 || n > PRODUCT_LIST_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		const json_t *a = json_array_get(list, i);

		if (!pass(json_string_value(a)))
			return false;
		for (size_t k = 0; k < i; k++)
			if (json_equal(a, json_array_get(list, k)))
				return false;
	}
	return true;
}

/* Has the object these members alone? names ends with NULL. */
static const char *foreign_member(const json_t *object, const char **names)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		const char **n = names;

		while (*n && strcmp(*n, key) != 0)
			n++;
		if (!*n)
			return key;
	}
	return NULL;
}

static bool nor_fine(const json_t *nor)
{
	static const char *names[] = {"jedec_ids", NULL};

	return json_is_object(nor) && !foreign_member(nor, names) &&
	       is_list(json_object_get(nor, "jedec_ids"), is_jedec_id);
}

static bool harness_fine(const json_t *h)
{
	static const char *names[] = {"fixture", "modules", "swclk_max_hz",
				      NULL};
	const json_t *fixture = json_object_get(h, "fixture");
	const json_t *modules = json_object_get(h, "modules");
	const json_t *swclk = json_object_get(h, "swclk_max_hz");

	return json_object_size(h) > 0 && !foreign_member(h, names) &&
	       (!fixture || is_text(fixture, PRODUCT_TEXT_MAX)) &&
	       (!modules || is_list(modules, is_name)) &&
	       (!swclk || (json_is_integer(swclk) &&
			   json_integer_value(swclk) >= SWCLK_MIN_HZ &&
			   json_integer_value(swclk) <= SWCLK_MAX_HZ));
}

/* Whole, and short enough for a measurement's record. */
static bool is_limit(const json_t *j)
{
	return json_is_integer(j) &&
	       json_integer_value(j) >= -PRODUCT_LIMIT_MOST &&
	       json_integer_value(j) <= PRODUCT_LIMIT_MOST;
}

static bool limit_fine(const char *name, const json_t *l)
{
	static const char *names[] = {"max", "min", "unit", NULL};
	const json_t *min = json_object_get(l, "min");
	const json_t *max = json_object_get(l, "max");
	const json_t *unit = json_object_get(l, "unit");

	return is_name(name) && json_is_object(l) &&
	       !foreign_member(l, names) && (min || max) &&
	       (!min || is_limit(min)) && (!max || is_limit(max)) &&
	       (!unit || is_text(unit, PRODUCT_UNIT_MAX)) &&
	       (!min || !max ||
		json_integer_value(min) <= json_integer_value(max));
}

/* The name of what is wrong; NULL: nothing. */
static const char *wrong_in_expect(const json_t *expect)
{
	static const char *names[] = {"harness", "limits", "nor", NULL};
	const json_t *nor = json_object_get(expect, "nor");
	const json_t *harness = json_object_get(expect, "harness");
	json_t *limits = json_object_get(expect, "limits"), *limit;
	const char *name;

	if (!json_is_object(expect))
		return "it is no object";
	if ((name = foreign_member(expect, names)))
		return name;
	if (nor && !nor_fine(nor))
		return "nor";
	if (harness && !harness_fine(harness))
		return "harness";
	if (limits && (json_object_size(limits) == 0 ||
		       json_object_size(limits) > PRODUCT_LIMITS_MAX))
		return "limits";
	json_object_foreach (limits, name, limit)
		if (!limit_fine(name, limit))
			return name;
	return NULL;
}

json_t *product_expect_load(const char *path, struct err *e)
{
	struct dbuf text;
	json_error_t at;
	json_t *expect = NULL;
	const char *wrong;

	if (!path)
		return json_object();
	dbuf_init(&text, IMAGE_MANIFEST_BYTES);
	if (file_read(path, &text, e) == ERR_OK) {
		expect = json_loadb(dbuf_text(&text), text.len,
				    JSON_REJECT_DUPLICATES, &at);
		if (!expect)
			err_set(e, ERR_INPUT, "%s: line %d: %s", path, at.line,
				at.text);
	}
	dbuf_fini(&text);
	wrong = expect ? wrong_in_expect(expect) : NULL;
	if (!wrong)
		return expect;
	err_set(e, ERR_INPUT, "%s: \"%.40s\" is not as docs/images.md has it",
		path, wrong);
	json_decref(expect);
	return NULL;
}

/* -------- composing -------- */

static json_t *hex_text(const uint8_t *bytes, size_t len)
{
	char hex[2 * IMAGE_PUBLIC_KEY_BYTES + 1];

	return json_string(hex_encode(hex, bytes, len));
}

static json_t *describe_bundle(const struct product_bundle *b)
{
	char id[17];

	snprintf(id, sizeof id, "%016llx", (unsigned long long)b->signer_id);
	return json_pack("{so so}", "sha256",
			 hex_text(b->sha256, sizeof b->sha256), "signer_id",
			 b->signer_id ? json_string(id) : json_null());
}

static json_t *describe_parts(const struct image *im,
			      const struct product_bundle bundles[2])
{
	json_t *parts = json_object();

	for (uint32_t i = 0; i < im->part_count; i++) {
		const struct image_part *p = &im->parts[i];
		json_t *about;

		if (p->type > LAYOUT_PROGRAM_APP && p->type != IMAGE_DATA)
			continue;
		about = json_pack(
			"{ss sI so}", "version", p->version, "length",
			(json_int_t)p->length, "sha256",
			hex_text(p->installed_sha256, IMAGE_HASH_BYTES));
		if (p->type == IMAGE_APP_TEST && bundles[0].there)
			json_object_set_new(about, "bundle",
					    describe_bundle(&bundles[0]));
		if (p->type == IMAGE_APP && bundles[1].there)
			json_object_set_new(about, "bundle",
					    describe_bundle(&bundles[1]));
		json_object_set_new(parts, image_part_name(p->type), about);
	}
	return parts;
}

static json_t *describe(const struct image *im,
			const struct product_bundle bundles[2],
			const json_t *expect)
{
	json_t *j = json_pack(
		"{si ss ss ss so so}", "provline_product_manifest", FORMAT,
		"product", im->product, "release", im->version,
		"sfi_firmware_id", im->firmware_id, "attestation_public_key",
		hex_text(im->attest_key, sizeof im->attest_key), "parts",
		describe_parts(im, bundles));
	json_t *nor = json_deep_copy(json_object_get(expect, "nor"));

	if (!nor)
		nor = json_object();
	json_object_set_new(nor, "min_bytes",
			    json_integer((json_int_t)im->nor_min_bytes));
	json_object_set_new(j, "nor", nor);
	json_object_set_new(j, "harness",
			    json_deep_copy(json_object_get(expect, "harness")));
	json_object_set_new(j, "limits",
			    json_deep_copy(json_object_get(expect, "limits")));
	return j;
}

enum err_code product_compose(const struct image *im,
			      const struct product_bundle bundles[2],
			      const json_t *expect, struct dbuf *out,
			      struct err *e)
{
	json_t *j = describe(im, bundles, expect);
	char *text = json_dumps(j, JSON_INDENT(2) | JSON_SORT_KEYS |
					   JSON_ENSURE_ASCII);
	enum err_code rc = text ? ERR_OK : ERR_NO_MEMORY;

	if (!rc)
		rc = dbuf_addf(out, "%s\n", text);
	free(text);
	json_decref(j);
	return rc ? err_set(e, rc, "product manifest: over %zu bytes",
			    out->max_len)
		  : ERR_OK;
}

/* -------- parsing -------- */

static enum err_code wrong(const struct image *im, const char *what,
			   struct err *e)
{
	const struct image_part *p = image_part(im, IMAGE_MANIFEST);

	return err_set(e, ERR_INTEGRITY, "image at 0x%08x (manifest): %s",
		       p ? p->offset : 0, what);
}

/* What the text expects, as an object of its own. */
static json_t *expect_of(const json_t *manifest)
{
	json_t *expect = json_object(), *nor;

	nor = json_deep_copy(json_object_get(manifest, "nor"));
	json_object_del(nor, "min_bytes");
	if (json_object_size(nor) > 0)
		json_object_set(expect, "nor", nor);
	json_decref(nor);
	if (json_object_get(manifest, "harness"))
		json_object_set(expect, "harness",
				json_object_get(manifest, "harness"));
	if (json_object_get(manifest, "limits"))
		json_object_set(expect, "limits",
				json_object_get(manifest, "limits"));
	return expect;
}

static bool bundle_of(const json_t *manifest, const char *part,
		      struct product_bundle *b)
{
	const json_t *j = json_object_get(
		json_object_get(json_object_get(manifest, "parts"), part),
		"bundle");
	const char *sha = json_string_value(json_object_get(j, "sha256"));
	const char *id = json_string_value(json_object_get(j, "signer_id"));

	memset(b, 0, sizeof *b);
	b->there = j != NULL;
	if (!j)
		return true;
	if (id)
		b->signer_id = strtoull(id, NULL, 16);
	return sha && hex_decode(b->sha256, sizeof b->sha256, sha);
}

static enum err_code compare(const struct image *im, const uint8_t *text,
			     size_t len, const struct product_bundle bundles[2],
			     const json_t *expect, struct err *e)
{
	struct dbuf again;
	enum err_code rc;

	dbuf_init(&again, IMAGE_MANIFEST_BYTES);
	rc = product_compose(im, bundles, expect, &again, e);
	if (!rc && (again.len != len || memcmp(again.data, text, len) != 0))
		rc = wrong(im,
			   "product manifest does not say what the header "
			   "says",
			   e);
	dbuf_fini(&again);
	return rc;
}

enum err_code product_parse(const struct image *im, const uint8_t *text,
			    size_t len, struct product_bundle bundles[2],
			    json_t **manifest, struct err *e)
{
	json_t *j = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES,
			       NULL);
	json_t *expect = NULL;
	enum err_code rc = ERR_OK;

	if (!json_is_object(j))
		rc = wrong(im, "product manifest is no JSON object", e);
	if (!rc) {
		expect = expect_of(j);
		if (wrong_in_expect(expect))
			rc = wrong(im,
				   "product manifest expects what cannot be",
				   e);
	}
	if (!rc && (!bundle_of(j, "app-test", &bundles[0]) ||
		    !bundle_of(j, "app", &bundles[1])))
		rc = wrong(im, "product manifest has no hash of a bundle", e);
	if (!rc)
		rc = compare(im, text, len, bundles, expect, e);
	json_decref(expect);
	if (!rc && manifest)
		*manifest = json_incref(j);
	json_decref(j);
	return rc;
}
