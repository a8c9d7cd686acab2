/* What the commands `image build|inspect|verify|diff|extract` share: all of
 * them work on files and need no controller. */
#ifndef CLI_IMAGE_IMAGE_CLI_H
#define CLI_IMAGE_IMAGE_CLI_H

#include "cli/cli.h"
#include "proto/image/image_file.h"

/* Values of the options; each command has some of them. */
enum {
	IMAGE_OPT_PRODUCT = 1000,
	IMAGE_OPT_RELEASE,
	IMAGE_OPT_TEST,
	IMAGE_OPT_KERNEL,
	IMAGE_OPT_APP_TEST,
	IMAGE_OPT_APP,
	IMAGE_OPT_SFI_KEY,
	IMAGE_OPT_FWID,
	IMAGE_OPT_ATTESTATION,
	IMAGE_OPT_RELEASE_KEY,
	IMAGE_OPT_NOR_BYTES,
	IMAGE_OPT_ALIGN,
	IMAGE_OPT_DATA,
	IMAGE_OPT_EXPECT,
	IMAGE_OPT_NOT_OLDER,
	IMAGE_OPT_PART,
	IMAGE_OPT_PIN_FILE,
	IMAGE_OPT_PASSPHRASE,
};

/* Open and check every byte; who signed it when release_key (PEM) is not
 * NULL. image_file_close() whatever this returns. */
enum err_code image_cli_open(struct image_file *f, const char *path,
			     const char *release_key, struct err *e);

/* SHA-256 as text. */
json_t *image_cli_hash(const uint8_t sha256[IMAGE_HASH_BYTES]);

#endif
