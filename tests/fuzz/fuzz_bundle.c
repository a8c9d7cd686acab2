/* Any bytes as a bundle, packed by us or by another tool. What passes as ours
 * passes as foreign too. The first byte chooses a second life for inputs whose
 * CRCs and hashes a fuzzer cannot guess: 'M' takes the rest as manifest and
 * layer, split in the middle, and packs them rightly first. */
#include "proto/bundle/parts.h"
#include "tests/fuzz/fuzz.h"

#include "proto/base/hex.h"

#include <mbedtls/sha256.h>
#include <string.h>

static void read_both(const uint8_t *data, size_t size)
{
	struct err e = {0};
	struct bundle ours, foreign;
	enum err_code rc = bundle_open(&ours, data, size, BUNDLE_OURS, &e);

	CHECK(!rc || (e.text[0] && rc == ERR_INTEGRITY));
	CHECK(!rc || strstr(e.text, " at 0x"));
	if (bundle_open(&foreign, data, size, BUNDLE_FOREIGN, &e))
		CHECK(rc && e.text[0]);
	bundle_close(&foreign);
	bundle_close(&ours);
}

static void read_packed(const uint8_t *data, size_t size)
{
	struct bundle_archive a = {.count = 2};
	struct err e = {0};
	uint8_t sha256[BUNDLE_HASH_BYTES];
	struct dbuf file;

	mbedtls_sha256_ret(data + size / 2, size - size / 2, sha256, 0);
	hex_encode(a.entries[0].name, sha256, sizeof sha256);
	strcpy(a.entries[1].name, BUNDLE_MANIFEST_NAME);
	dbuf_init(&a.entries[0].data, 1 << 20);
	dbuf_init(&a.entries[1].data, 1 << 20);
	dbuf_add(&a.entries[0].data, data + size / 2, size - size / 2);
	dbuf_add(&a.entries[1].data, data, size / 2);
	dbuf_init(&file, BUNDLE_MAX_BYTES);
	if (!archive_write(&a, &file, &e))
		read_both(file.data, file.len);
	dbuf_fini(&file);
	archive_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 2 && data[0] == 'M')
		read_packed(data + 1, size - 1);
	else
		read_both(data, size);
	return 0;
}
