/* The SFI binding: all of the header by a key that only a licence reveals. */
#include "proto/image/reader.h"

#include <mbedtls/md.h>
#include <mbedtls/platform_util.h>

static bool mac_range(const struct image *im, mbedtls_md_context_t *md,
		      uint32_t from, uint32_t end)
{
	uint8_t chunk[512];

	while (from < end) {
		uint32_t n = end - from;

		if (n > sizeof(chunk))
			n = sizeof(chunk);
		if (!im->read(im->read_arg, from, chunk, n) ||
		    mbedtls_md_hmac_update(md, chunk, n) != 0)
			return false;
		from += n;
	}
	return true;
}

static bool mac_image(const struct image *im, mbedtls_md_context_t *md,
		      const uint8_t key_nonce[28], uint8_t out[32])
{
	static const uint8_t label[] = IMAGE_BINDING_LABEL;
	const mbedtls_md_info_t *sha256 =
		mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);

	return mbedtls_md_setup(md, sha256, 1) == 0 &&
	       mbedtls_md_hmac_starts(md, key_nonce,
				      SFI_KEY_BYTES + SFI_NONCE_BYTES) == 0 &&
	       mbedtls_md_hmac_update(md, label, sizeof(label) - 1) == 0 &&
	       mac_range(im, md, 0, IMAGE_AT_BINDING) &&
	       mac_range(im, md, IMAGE_AT_BLOCK_TABLE, im->header_bytes) &&
	       mbedtls_md_hmac_finish(md, out) == 0;
}

enum image_error image_compute_binding(const struct image *im,
				       const uint8_t key_nonce[28],
				       uint8_t out[IMAGE_HASH_BYTES],
				       struct image_fault *f)
{
	mbedtls_md_context_t md;
	bool fine;

	mbedtls_md_init(&md);
	fine = mac_image(im, &md, key_nonce, out);
	mbedtls_md_free(&md);
	return fine ? IMAGE_OK : image_fault_set(f, IMAGE_IO, 0, 0);
}

enum image_error image_verify_binding(const struct image *im,
				      const uint8_t key_nonce[28],
				      struct image_fault *f)
{
	uint8_t actual[IMAGE_HASH_BYTES];
	uint8_t differ = 0;

	if (image_compute_binding(im, key_nonce, actual, f) != IMAGE_OK)
		return IMAGE_IO;
	for (unsigned i = 0; i < sizeof(actual); i++)
		differ |= (uint8_t)(actual[i] ^ im->binding[i]);
	mbedtls_platform_zeroize(actual, sizeof(actual));
	return differ == 0
		       ? IMAGE_OK
		       : image_fault_set(f, IMAGE_BINDING, IMAGE_AT_BINDING, 0);
}
