/* A Microvisor application bundle: a ZIP of one entry per layer, named by the
 * layer's SHA-256 in hexadecimal, and the entry "manifest" (bundle.proto).
 * Format: Microvisor-Tools, bundler-py/bundler.py; docs/bundles.md.
 *
 * A ZIP has many ways to say the same and bytes that nobody reads. Ours has
 * one: what `bundle build` writes (BUNDLE_OURS). A file is accepted only when
 * packing its content again gives the same bytes, so every byte of it counts.
 * For archives that another tool packed there is BUNDLE_FOREIGN: all of the
 * content is checked, the ZIP around it only as far as libzip does. */
#ifndef PROTO_BUNDLE_BUNDLE_H
#define PROTO_BUNDLE_BUNDLE_H

#include "proto/base/dbuf.h"
#include "proto/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUNDLE_MAX_BYTES	(16u << 20) /* of the file */
#define BUNDLE_LAYERS_MAX	8u
#define BUNDLE_LAYER_MAX_BYTES	(8u << 20)
#define BUNDLE_MANIFEST_BYTES	16384u	  /* at most */
#define BUNDLE_FLASH_BYTES	0x100000u /* internal flash of applications */
#define BUNDLE_HASH_BYTES	32u
#define BUNDLE_PUBLIC_KEY_BYTES 65u /* X9.62 uncompressed P-256 */
#define BUNDLE_SIGNATURE_BYTES	64u /* r || s */
#define BUNDLE_LABEL		"twlo-mv-manifest-v1" /* and its NUL */

/* As a place in the file: not known, in foreign archives. */
#define BUNDLE_NOWHERE		SIZE_MAX

enum bundle_packing { BUNDLE_OURS, BUNDLE_FOREIGN };

/* A public key in the manifest; len 0 when there is none. */
struct bundle_key {
	uint8_t bytes[BUNDLE_PUBLIC_KEY_BYTES];
	size_t len;
};

/* What the manifest asks of the device. A policy that is absent and one
 * that is there with nothing but zeros are different bytes. */
struct bundle_policy {
	bool has_debug, has_crash, has_update, has_connectivity;
	bool debuggable;
	struct bundle_key debug_auth, crash_report;
	uint32_t minimum_restart_ms, maximum_restart_ms, stack_bytes;
	uint32_t maximum_politeness_s, minimum_kernel_version;
	uint32_t connection_grace_s, minimum_check_in_s;
};

struct bundle_layer {
	bool external;	      /* SPI flash; else internal */
	uint32_t start, size; /* of the region, bytes */
	uint64_t key_id;      /* that it is encrypted with; 0: in the clear */
	uint8_t fetch_sha256[BUNDLE_HASH_BYTES];
	uint8_t measured_sha256[BUNDLE_HASH_BYTES];
	struct dbuf data;
	size_t at, packed; /* its compressed bytes in the file */
};

struct bundle {
	uint64_t signer_id; /* 0: not signed */
	uint8_t signature[BUNDLE_SIGNATURE_BYTES];
	size_t manifest_at; /* in the file */
	struct bundle_policy policy;
	size_t layer_count;
	struct bundle_layer layers[BUNDLE_LAYERS_MAX];
	struct dbuf body; /* what is signed, without the label */
};

/* Read and check everything but who signed it. b is initialised here; call
 * bundle_close() whatever this returns. The text of ERR_INTEGRITY names the
 * part and its offset in the file (not in foreign archives, where libzip does
 * not tell it). Holds the content of all layers, at most 64 MiB, and the
 * archive a second time. ERR_NO_MEMORY. */
enum err_code bundle_open(struct bundle *b, const uint8_t *bytes, size_t len,
			  enum bundle_packing packing, struct err *e);
void bundle_close(struct bundle *b);

/* -------- a bundle taken apart, as an SPI-flash image holds it -------- */

/* A bundle of one layer out of its manifest and that layer (both copied);
 * checks what bundle_open() does, but for the packing. Initialises b as that
 * does. ERR_INTEGRITY: offsets are in the manifest. */
enum err_code bundle_assemble(struct bundle *b, const uint8_t *manifest,
			      size_t manifest_len, const uint8_t *layer,
			      size_t layer_len, struct err *e);

/* The manifest's bytes, and the archive as `bundle build` packs it, appended
 * to out. ERR_TOO_BIG, ERR_NO_MEMORY. */
enum err_code bundle_manifest(const struct bundle *b, struct dbuf *out,
			      struct err *e);
enum err_code bundle_pack(const struct bundle *b, struct dbuf *out,
			  struct err *e);

/* The signature, by this X9.62 public key. ERR_INTEGRITY: not signed, signed
 * by another, or the signature does not match. */
enum err_code bundle_verify_signature(
	const struct bundle *b, const uint8_t key[BUNDLE_PUBLIC_KEY_BYTES],
	struct err *e);

/* First 8 bytes of SHA-256(00 00 || key), as a number. */
uint64_t bundle_signer_id(const uint8_t key[BUNDLE_PUBLIC_KEY_BYTES]);

#endif
