/* image build: from built programs to the file that the factory gets. */
#include "cli/image/image_cli.h"
#include "proto/base/hex.h"

#include <string.h>

static const struct option options[] = {
	{"product", required_argument, NULL, IMAGE_OPT_PRODUCT},
	{"release", required_argument, NULL, IMAGE_OPT_RELEASE},
	{"test", required_argument, NULL, IMAGE_OPT_TEST},
	{"kernel", required_argument, NULL, IMAGE_OPT_KERNEL},
	{"app-test", required_argument, NULL, IMAGE_OPT_APP_TEST},
	{"app", required_argument, NULL, IMAGE_OPT_APP},
	{"sfi-key", required_argument, NULL, IMAGE_OPT_SFI_KEY},
	{"fwid", required_argument, NULL, IMAGE_OPT_FWID},
	{"attestation-key", required_argument, NULL, IMAGE_OPT_ATTESTATION},
	{"release-key", required_argument, NULL, IMAGE_OPT_RELEASE_KEY},
	/* up to here all are needed */
	{"nor-bytes", required_argument, NULL, IMAGE_OPT_NOR_BYTES},
	{"align", required_argument, NULL, IMAGE_OPT_ALIGN},
	{"data", required_argument, NULL, IMAGE_OPT_DATA},
	{"expect", required_argument, NULL, IMAGE_OPT_EXPECT},
	{"pin-file", required_argument, NULL, IMAGE_OPT_PIN_FILE},
	{"passphrase-file", required_argument, NULL, IMAGE_OPT_PASSPHRASE},
	{0},
};

static const char **text_option(struct image_build *b, int val)
{
	switch (val) {
	case IMAGE_OPT_PRODUCT:
		return &b->product;
	case IMAGE_OPT_RELEASE:
		return &b->version;
	case IMAGE_OPT_TEST:
		return &b->test_path;
	case IMAGE_OPT_KERNEL:
		return &b->kernel_path;
	case IMAGE_OPT_APP_TEST:
		return &b->app_test_path;
	case IMAGE_OPT_APP:
		return &b->app_path;
	case IMAGE_OPT_SFI_KEY:
		return &b->sfi_key_path;
	case IMAGE_OPT_FWID:
		return &b->firmware_id;
	case IMAGE_OPT_ATTESTATION:
		return &b->attest_key_path;
	case IMAGE_OPT_DATA:
		return &b->data_path;
	case IMAGE_OPT_EXPECT:
		return &b->expect_path;
	case IMAGE_OPT_PIN_FILE:
		return &b->pin_path;
	default:
		return &b->release_key_path;
	}
}

static enum err_code take_option(void *arg, int val, const char *value,
				 struct err *e)
{
	struct image_build *b = arg;
	enum err_code rc;
	long bytes;

	if (val == IMAGE_OPT_PASSPHRASE)
		return key_unlock_add(b->unlock, value, e);
	if (val == IMAGE_OPT_NOR_BYTES) {
		rc = cli_number("--nor-bytes", value, 1, IMAGE_MAX_BYTES,
				&bytes, e);
		b->nor_min_bytes = (uint32_t)bytes;
		return rc;
	}
	if (val != IMAGE_OPT_ALIGN) {
		*text_option(b, val) = value;
		return ERR_OK;
	}
	if (strcmp(value, "4096") != 0 && strcmp(value, "65536") != 0)
		return err_set(e, ERR_USAGE,
			       "--align: \"%s\" is neither 4096 nor 65536",
			       value);
	b->align = strcmp(value, "4096") == 0 ? IMAGE_SECTOR_BYTES
					      : IMAGE_BLOCK_BYTES;
	return ERR_OK;
}

static enum err_code run(struct cli *c, int argc, char **argv,
			 struct image_build *b, struct err *e)
{
	uint8_t sha256[IMAGE_HASH_BYTES];
	char hex[2 * IMAGE_HASH_BYTES + 1];
	enum err_code rc;
	json_t *reply;
	int first;

	rc = cli_options(c, argc, argv, options, take_option, b, &first, e);
	if (rc)
		return rc;
	if (first + 1 != argc)
		return err_set(e, ERR_USAGE, "give one OUT.pli");
	for (const struct option *o = options; o->val != IMAGE_OPT_NOR_BYTES;
	     o++)
		if (!*text_option(b, o->val))
			return err_set(e, ERR_USAGE, "--%s is missing",
				       o->name);
	rc = image_build_file(b, argv[first], sha256, e);
	if (rc)
		return rc;
	hex_encode(hex, sha256, sizeof sha256);
	if (!c->json) {
		printf("%s\n", hex);
		return ERR_OK;
	}
	reply = json_pack("{ss ss}", "file", argv[first], "sha256", hex);
	cli_print_json(reply);
	json_decref(reply);
	return ERR_OK;
}

enum err_code cmd_image_build(struct cli *c, int argc, char **argv,
			      struct err *e)
{
	struct key_unlock unlock = {0};
	struct image_build b = {.unlock = &unlock};
	enum err_code rc = run(c, argc, argv, &b, e);

	key_unlock_fini(&unlock);
	return rc;
}
