/* Where layers go and what they hold. */
#include "proto/bundle/parts.h"

#include <mbedtls/sha256.h>
#include <stdint.h>
#include <string.h>

void layer_measure(const struct bundle_layer *layer,
		   uint8_t out[BUNDLE_HASH_BYTES])
{
	mbedtls_sha256_context sha;
	uint8_t blank[4096];
	size_t left = layer->size - layer->data.len;

	memset(blank, 0xFF, sizeof blank);
	mbedtls_sha256_init(&sha);
	mbedtls_sha256_starts_ret(&sha, 0);
	mbedtls_sha256_update_ret(&sha, layer->data.data, layer->data.len);
	while (left) {
		size_t n = left < sizeof blank ? left : sizeof blank;

		mbedtls_sha256_update_ret(&sha, blank, n);
		left -= n;
	}
	mbedtls_sha256_finish_ret(&sha, out);
	mbedtls_sha256_free(&sha);
}

static bool overlap(const struct bundle_layer *a, const struct bundle_layer *b)
{
	return a->external == b->external &&
	       a->start < (uint64_t)b->start + b->size &&
	       b->start < (uint64_t)a->start + a->size;
}

static enum err_code check_region(const struct bundle *b, size_t i,
				  struct err *e)
{
	const struct bundle_layer *l = &b->layers[i];
	uint64_t end = (uint64_t)l->start + l->size;
	uint64_t most = l->external ? UINT64_C(1) << 32 : BUNDLE_FLASH_BYTES;

	if (!l->size || end > most || l->size > BUNDLE_LAYER_MAX_BYTES)
		return bundle_damaged(
			e, "manifest", b->manifest_at,
			"layer %zu: region 0x%x, 0x%x bytes, does not fit "
			"into the %s flash",
			i, l->start, l->size, l->external ? "SPI" : "internal");
	for (size_t k = 0; k < i; k++)
		if (overlap(l, &b->layers[k]))
			return bundle_damaged(e, "manifest", b->manifest_at,
					      "layers %zu and %zu overlap", k,
					      i);
	return ERR_OK;
}

static enum err_code check_content(const struct bundle *b, size_t i,
				   struct err *e)
{
	const struct bundle_layer *l = &b->layers[i];
	uint8_t hash[BUNDLE_HASH_BYTES];
	char part[16];

	snprintf(part, sizeof part, "layer %zu", i);
	if (l->data.len == 0 || l->data.len >= l->size)
		return bundle_damaged(e, part, l->at,
				      "%zu bytes do not fit into a region of "
				      "%u, which must be larger",
				      l->data.len, l->size);
	mbedtls_sha256_ret(l->data.data, l->data.len, hash, 0);
	if (memcmp(hash, l->fetch_sha256, sizeof hash) != 0)
		return bundle_damaged(e, part, l->at,
				      "its content does not match its fetch "
				      "hash");
	if (l->key_id)
		return bundle_damaged(e, part, l->at,
				      "it is encrypted with key %016llx, so it "
				      "cannot be checked",
				      (unsigned long long)l->key_id);
	layer_measure(l, hash);
	if (memcmp(hash, l->measured_sha256, sizeof hash) != 0)
		return bundle_damaged(e, part, l->at,
				      "its content does not match its "
				      "measurement hash");
	return ERR_OK;
}

enum err_code layers_check(const struct bundle *b, struct err *e)
{
	enum err_code rc = ERR_OK;

	for (size_t i = 0; !rc && i < b->layer_count; i++)
		rc = check_region(b, i, e);
	for (size_t i = 0; !rc && i < b->layer_count; i++)
		rc = check_content(b, i, e);
	return rc;
}
