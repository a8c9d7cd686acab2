/* The product manifest: what a release is and what it expects of board and
 * line, as JSON in a part of its own. Host only; the firmware takes what it
 * needs from the header. One text for one content: members sorted, two spaces
 * of indentation, a newline at the end.
 *
 *   provline_product_manifest  1
 *   product, release, sfi_firmware_id, attestation_public_key
 *   parts     name -> version, length, sha256 (as installed), and for bundles
 *             bundle: sha256 of the ZIP, signer_id or null
 *   nor       min_bytes, jedec_ids [6 hexadecimal digits]
 *   harness   fixture, swclk_max_hz, modules [names]
 *   limits    measurement -> min, max, unit
 *
 * The members nor.jedec_ids, harness and limits come from the expectations
 * that the builder is given; all are optional; the agent judges by them
 * (product_expect.h). The rest repeats the header, and is compared with it. */
#ifndef PROTO_IMAGE_PRODUCT_H
#define PROTO_IMAGE_PRODUCT_H

#include "proto/base/dbuf.h"
#include "proto/base/err.h"
#include "proto/image/image.h"

#include <jansson.h>

/* The bundle that an application came in. */
struct product_bundle {
	bool there;
	uint64_t signer_id; /* 0: not signed */
	uint8_t sha256[IMAGE_HASH_BYTES];
};

/* Expectations as a person writes them: an object of "nor" (jedec_ids),
 * "harness" and "limits". NULL and *e filled when it is something else:
 * ERR_IO, ERR_INPUT. The caller decrefs. path NULL: none. */
json_t *product_expect_load(const char *path, struct err *e);

/* The manifest's text, appended to out. im: product, version, firmware_id,
 * attest_key, nor_min_bytes, parts (without the manifest itself). bundles: of
 * app-test and app. expect: borrowed. ERR_TOO_BIG */
enum err_code product_compose(const struct image *im,
			      const struct product_bundle bundles[2],
			      const json_t *expect, struct dbuf *out,
			      struct err *e);

/* Is this text the one manifest that goes with the header, whatever it
 * expects? Then *manifest (may be NULL) is its content, the caller's, and
 * bundles what it says of these. ERR_INTEGRITY names part and offset. */
enum err_code product_parse(const struct image *im, const uint8_t *text,
			    size_t len, struct product_bundle bundles[2],
			    json_t **manifest, struct err *e);

#endif
