#include "cli/image/image_cli.h"
#include "proto/base/hex.h"

enum err_code image_cli_open(struct image_file *f, const char *path,
			     const char *release_key, struct err *e)
{
	uint8_t key[IMAGE_PUBLIC_KEY_BYTES];
	enum err_code rc = image_file_open(f, path, e);

	if (!rc && release_key)
		rc = image_public_key_load(key, release_key, e);
	if (!rc)
		rc = image_file_verify(f, release_key ? key : NULL, e);
	return rc;
}

json_t *image_cli_hash(const uint8_t sha256[IMAGE_HASH_BYTES])
{
	char hex[2 * IMAGE_HASH_BYTES + 1];

	return json_string(hex_encode(hex, sha256, IMAGE_HASH_BYTES));
}
