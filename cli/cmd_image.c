/* image ...: from built programs to the file that the factory gets. */
#include "cli/cli.h"
#include "proto/base/dbuf.h"
#include "proto/base/file.h"
#include "proto/base/hex.h"
#include "proto/image/image.h"
#include "proto/image/image_build.h"

#include <inttypes.h>
#include <string.h>

enum {
	OPT_PRODUCT = 1000,
	OPT_RELEASE,
	OPT_TEST,
	OPT_KERNEL,
	OPT_APP_TEST,
	OPT_APP,
	OPT_SFI_KEY,
	OPT_FWID,
	OPT_ATTESTATION,
	OPT_RELEASE_KEY,
	OPT_PIN_FILE,
	OPT_NOR_BYTES,
	OPT_PASSPHRASE_FILE,
};

static const char **text_option(struct image_build *b, int val)
{
	switch (val) {
	case OPT_PRODUCT:
		return &b->product;
	case OPT_RELEASE:
		return &b->version;
	case OPT_TEST:
		return &b->test_path;
	case OPT_KERNEL:
		return &b->kernel_path;
	case OPT_APP_TEST:
		return &b->app_test_path;
	case OPT_APP:
		return &b->app_path;
	case OPT_SFI_KEY:
		return &b->sfi_key_path;
	case OPT_FWID:
		return &b->firmware_id;
	case OPT_ATTESTATION:
		return &b->attest_key_path;
	case OPT_PIN_FILE:
		return &b->pin_path;
	default:
		return &b->release_key_path;
	}
}

static enum err_code take_build_option(void *arg, int val, const char *value,
				       struct err *e)
{
	struct image_build *b = arg;
	enum err_code rc;
	long bytes;

	if (val == OPT_PASSPHRASE_FILE)
		return key_unlock_add(b->unlock, value, e);
	if (val != OPT_NOR_BYTES) {
		*text_option(b, val) = value;
		return ERR_OK;
	}
	rc = cli_number("--nor-bytes", value, 1, IMAGE_MAX_BYTES, &bytes, e);
	b->nor_min_bytes = (uint32_t)bytes;
	return rc;
}

static const struct option build_options[] = {
	{"product", required_argument, NULL, OPT_PRODUCT},
	{"release", required_argument, NULL, OPT_RELEASE},
	{"test", required_argument, NULL, OPT_TEST},
	{"kernel", required_argument, NULL, OPT_KERNEL},
	{"app-test", required_argument, NULL, OPT_APP_TEST},
	{"app", required_argument, NULL, OPT_APP},
	{"sfi-key", required_argument, NULL, OPT_SFI_KEY},
	{"fwid", required_argument, NULL, OPT_FWID},
	{"attestation-key", required_argument, NULL, OPT_ATTESTATION},
	{"release-key", required_argument, NULL, OPT_RELEASE_KEY},
	{"pin-file", required_argument, NULL, OPT_PIN_FILE},
	{"nor-bytes", required_argument, NULL, OPT_NOR_BYTES},
	{"passphrase-file", required_argument, NULL, OPT_PASSPHRASE_FILE},
	{0},
};

static enum err_code run_build(struct cli *c, int argc, char **argv,
			       struct image_build *b, struct err *e)
{
	uint8_t sha256[IMAGE_HASH_BYTES];
	char hex[2 * IMAGE_HASH_BYTES + 1];
	enum err_code rc;
	int first;

	rc = cli_options(c, argc, argv, build_options, take_build_option, b,
			 &first, e);
	if (rc)
		return rc;
	if (first + 1 != argc)
		return err_set(e, ERR_USAGE, "give one OUT.pli");
	for (const struct option *o = build_options; o->name; o++)
		if (o->val < OPT_PIN_FILE && !*text_option(b, o->val))
			return err_set(e, ERR_USAGE, "--%s is missing",
				       o->name);
	rc = image_build_file(b, argv[first], sha256, e);
	if (!rc)
		printf("%s\n", hex_encode(hex, sha256, sizeof sha256));
	return rc;
}

enum err_code cmd_image_build(struct cli *c, int argc, char **argv,
			      struct err *e)
{
	struct key_unlock unlock = {0};
	struct image_build b = {.unlock = &unlock};
	enum err_code rc = run_build(c, argc, argv, &b, e);

	key_unlock_fini(&unlock);
	return rc;
}

/* An image file with the signer that must have signed it, if given. */
struct opened {
	struct dbuf bytes;
	struct image image;
	const char *release_key;
};

static enum err_code take_key(void *arg, int val, const char *value,
			      struct err *e)
{
	(void)val, (void)e;
	*(const char **)arg = value;
	return ERR_OK;
}

static enum err_code check_signature(const struct opened *o, struct err *e)
{
	uint8_t key[IMAGE_PUBLIC_KEY_BYTES];
	struct image_fault fault;
	enum err_code rc;

	if (!o->release_key)
		return ERR_OK;
	rc = image_public_key_load(key, o->release_key, e);
	if (rc)
		return rc;
	if (image_verify_signature(&o->image, key, &fault) == IMAGE_OK)
		return ERR_OK;
	return image_fault_err(&fault, e);
}

static enum err_code open_image(struct cli *c, int argc, char **argv,
				struct opened *o, char **file, struct err *e)
{
	static const struct option own[] = {
		{"release-key", required_argument, NULL, OPT_RELEASE_KEY}, {0}};
	enum err_code rc;
	int first;

	memset(o, 0, sizeof *o);
	dbuf_init(&o->bytes, IMAGE_MAX_BYTES);
	rc = cli_options(c, argc, argv, own, take_key, &o->release_key, &first,
			 e);
	if (rc)
		return rc;
	if (first + 1 != argc)
		return err_set(e, ERR_USAGE, "give one FILE.pli");
	*file = argv[first];
	rc = file_read(*file, &o->bytes, e);
	if (rc)
		return rc;
	rc = image_check_bytes(&o->image, o->bytes.data, o->bytes.len, e);
	if (!rc)
		rc = check_signature(o, e);
	if (rc)
		err_prefix(e, "%s", *file);
	return rc;
}

static json_t *describe_parts(const struct image *im)
{
	json_t *parts = json_array();
	char hex[2 * IMAGE_HASH_BYTES + 1];

	for (uint32_t i = 0; i < im->part_count; i++) {
		const struct image_part *p = &im->parts[i];

		json_array_append_new(
			parts,
			json_pack("{ss ss sI sI sb ss}", "type",
				  image_part_name(p->type), "version",
				  p->version, "offset", (json_int_t)p->offset,
				  "length", (json_int_t)p->length, "encrypted",
				  p->flags & IMAGE_FLAG_ENCRYPTED ? 1 : 0,
				  "sha256",
				  hex_encode(hex, p->stored_sha256,
					     sizeof p->stored_sha256)));
	}
	return parts;
}

static json_t *describe(const struct image *im)
{
	char key[2 * IMAGE_PUBLIC_KEY_BYTES + 1];
	char id[2 * IMAGE_KEY_ID_BYTES + 1];

	hex_encode(key, im->attest_key, sizeof im->attest_key);
	hex_encode(id, im->key_id, sizeof im->key_id);
	return json_pack("{ss ss ss sI sI ss ss so}", "product", im->product,
			 "release", im->version, "fwid", im->firmware_id,
			 "len_bytes", (json_int_t)im->image_bytes,
			 "nor_min_bytes", (json_int_t)im->nor_min_bytes,
			 "attestation_key", key, "release_key_id", id, "parts",
			 describe_parts(im));
}

enum err_code cmd_image_inspect(struct cli *c, int argc, char **argv,
				struct err *e)
{
	static const struct table_column columns[] = {
		{"PART", "type", 0},
		{"VERSION", "version", 0},
		{"OFFSET", "offset", 0},
		{"LENGTH", "length", 0},
		{"ENCRYPTED", "encrypted", 0},
		{"SHA-256", "sha256", 0},
		{NULL, NULL, 0},
	};
	struct opened o;
	json_t *about;
	char *file;
	enum err_code rc = open_image(c, argc, argv, &o, &file, e);

	if (!rc) {
		about = describe(&o.image);
		if (c->json) {
			cli_print_json(about);
		} else {
			printf("%s %s, for SFI cards of %s, %" PRIu32
			       " bytes, SPI flash of at least %" PRIu32
			       " bytes\n\n",
			       o.image.product, o.image.version,
			       o.image.firmware_id, o.image.image_bytes,
			       o.image.nor_min_bytes);
			table_print(stdout, columns,
				    json_object_get(about, "parts"));
		}
		json_decref(about);
	}
	dbuf_fini(&o.bytes);
	return rc;
}

enum err_code cmd_image_verify(struct cli *c, int argc, char **argv,
			       struct err *e)
{
	struct opened o;
	char *file;
	enum err_code rc = open_image(c, argc, argv, &o, &file, e);

	if (!rc)
		printf("%s: every byte is as it was built%s\n", file,
		       o.release_key ? ", and signed by that key" : "");
	dbuf_fini(&o.bytes);
	return rc;
}
