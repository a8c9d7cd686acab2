/* Any bytes as a manifest: what is accepted is what would be written, and its
 * layers are checked without harm, whatever regions it names. */
#include "proto/bundle/parts.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void check_accepted(struct bundle *b, const uint8_t *data, size_t size)
{
	static const uint8_t key[BUNDLE_PUBLIC_KEY_BYTES] = {4};
	struct err e = {0};
	struct dbuf again;

	CHECK(b->layer_count >= 1 && b->layer_count <= BUNDLE_LAYERS_MAX);
	dbuf_init(&again, BUNDLE_MANIFEST_BYTES);
	CHECK(!manifest_encode(b, &again, &e));
	CHECK(again.len == size && !memcmp(again.data, data, size));
	dbuf_fini(&again);
	CHECK(bundle_verify_signature(b, key, &e)); /* no point of the curve */
	for (size_t i = 0; i < b->layer_count; i++)
		dbuf_add(&b->layers[i].data, "layer", 5);
	layers_check(b, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bundle b = {0};
	struct err e = {0};

	for (size_t i = 0; i < BUNDLE_LAYERS_MAX; i++)
		dbuf_init(&b.layers[i].data, 16);
	if (manifest_decode(&b, data, size, &e))
		CHECK(e.text[0] && e.code == ERR_INTEGRITY);
	else
		check_accepted(&b, data, size);
	bundle_close(&b);
	return 0;
}
