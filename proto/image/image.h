/* The SPI-flash image, "*.pli": what the NOR holds from its first byte on.
 * One reader for command line, controller, agent and firmware: portable C
 * without allocation, stdio or clocks; SHA-256 and ECDSA by mbedTLS 2.28
 * (SHA-256 by something quicker where the host has it: image_sha256_fn).
 * For people: docs/images.md.
 *
 * All numbers little-endian. The file is header, parts and padding, cut into
 * 4 KiB sectors (the NOR's smallest erase unit); padding is 0xFF. Programs and
 * data begin at multiples of the alignment, usually 64 KiB (the NOR's block),
 * so that none shares an erase unit with another; the manifests lie in sectors
 * of their own.
 *
 *   0x000   8  "PLIMAGE1"
 *   0x008   4  format version, 2
 *   0x00C   4  header bytes: sector 0 and the block table, whole sectors
 *   0x010   4  image bytes: the whole file, whole sectors, at most 64 MiB
 *   0x014   4  the smallest NOR that will do, bytes
 *   0x018   4  block bytes, 65536
 *   0x01C   4  number of blocks
 *   0x020   4  number of parts
 *   0x024   4  alignment of programs and data, bytes: 4096 or 65536
 *   0x028  32  product             text, zero padded to the end of the field
 *   0x048  32  release version
 *   0x068  16  SFI firmware identifier
 *   0x078  65  attestation public key, X9.62 uncompressed P-256
 *   0x0B9   7  0
 *   0x0C0  16  AES-128-GCM tag of the encrypted part
 *   0x0D0   8  release key id: first 8 bytes of SHA-256(X9.62 public key)
 *   0x0D8  40  0
 *   0x100 896  8 part entries of 112 bytes, unused ones 0; in ascending order
 *              of offset: 4 type (enum image_part_type), 4 flags, 4 offset,
 *              4 length, 32 version, 32 SHA-256 of the bytes stored here,
 *              32 SHA-256 of the bytes as installed in the MCU (as stored, for
 *              parts that are not installed)
 *   0x480      0xFF
 *   0xF80  32  SFI binding: HMAC-SHA-256 by the 28 bytes of SFI key and nonce
 *              over "provline-image-v1", [0, 0xF80) and the block table. Only
 *              a chip with a licence can check it; it ties all parts to the
 *              SFI key, though only one of them is encrypted with it
 *   0xFA0  32  header hash: SHA-256 over [0, 0xFA0) and the block table
 *   0xFC0  64  ECDSA P-256 by the release key over that hash, r || s
 *   0x1000     block table: SHA-256 of each 64 KiB of the file; the first
 *              begins at the end of the header, the last ends with the file.
 *              0xFF to the end of the sector
 */
#ifndef PROTO_IMAGE_IMAGE_H
#define PROTO_IMAGE_IMAGE_H

#include "proto/board/layout.h"
#include "proto/board/sfi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGE_MAGIC		"PLIMAGE1"
#define IMAGE_FORMAT		2u
#define IMAGE_SECTOR_BYTES	4096u
#define IMAGE_BLOCK_BYTES	65536u
#define IMAGE_MAX_BYTES		(64u << 20)
#define IMAGE_MANIFEST_BYTES	16384u /* at most, of each manifest */
#define IMAGE_PART_SLOTS	8u
#define IMAGE_PART_ENTRY_BYTES	112u
#define IMAGE_HASH_BYTES	32u
#define IMAGE_PUBLIC_KEY_BYTES	65u
#define IMAGE_KEY_ID_BYTES	8u
#define IMAGE_SIGNATURE_BYTES	64u
#define IMAGE_TEXT_BYTES	32u
#define IMAGE_BINDING_LABEL	"provline-image-v1"

/* Offsets inside sector 0. */
#define IMAGE_AT_FORMAT		0x008u
#define IMAGE_AT_HEADER_BYTES	0x00Cu
#define IMAGE_AT_IMAGE_BYTES	0x010u
#define IMAGE_AT_NOR_BYTES	0x014u
#define IMAGE_AT_BLOCK_BYTES	0x018u
#define IMAGE_AT_BLOCK_COUNT	0x01Cu
#define IMAGE_AT_PART_COUNT	0x020u
#define IMAGE_AT_ALIGN		0x024u
#define IMAGE_AT_PRODUCT	0x028u
#define IMAGE_AT_VERSION	0x048u
#define IMAGE_AT_FWID		0x068u
#define IMAGE_AT_ATTEST_KEY	0x078u
#define IMAGE_AT_GCM_TAG	0x0C0u
#define IMAGE_AT_KEY_ID		0x0D0u
#define IMAGE_AT_PARTS		0x100u
#define IMAGE_AT_FILL		0x480u
#define IMAGE_AT_BINDING	0xF80u
#define IMAGE_AT_HEADER_HASH	0xFA0u
#define IMAGE_AT_SIGNATURE	0xFC0u
#define IMAGE_AT_BLOCK_TABLE	0x1000u

/* Offsets inside a part's entry. */
#define IMAGE_PART_AT_TYPE	0u
#define IMAGE_PART_AT_FLAGS	4u
#define IMAGE_PART_AT_OFFSET	8u
#define IMAGE_PART_AT_LENGTH	12u
#define IMAGE_PART_AT_VERSION	16u
#define IMAGE_PART_AT_STORED	48u
#define IMAGE_PART_AT_INSTALLED 80u

#define IMAGE_FLAG_ENCRYPTED	1u /* AES-128-GCM, SFI key and nonce, no AAD */

/* What a part is: a program, under its number, or one of these. Programs and
 * the product manifest are in every image, once. */
enum image_part_type {
	IMAGE_TEST = LAYOUT_PROGRAM_TEST,
	IMAGE_KERNEL = LAYOUT_PROGRAM_KERNEL,
	IMAGE_APP_TEST = LAYOUT_PROGRAM_APP_TEST, /* the bundle's layer */
	IMAGE_APP = LAYOUT_PROGRAM_APP,
	IMAGE_MANIFEST = 16,	    /* product manifest, product.h */
	IMAGE_APP_TEST_BUNDLE = 17, /* the bundle's manifest, bundle.h */
	IMAGE_APP_BUNDLE = 18,
	IMAGE_DATA = 19, /* for the application, stays in SPI flash */
};

enum image_error {
#define IMAGE_ERROR(name, text) IMAGE_##name,
#include "proto/image/image_errors.def"
#undef IMAGE_ERROR
	IMAGE_ERROR_COUNT
};
const char *image_error_text(enum image_error error);

/* Where an error was seen. part: enum image_part_type, 0 for the header;
 * padding belongs to the part in front of it. offset: in the image; the exact
 * byte where that can be known, else where the damaged header, part or 64 KiB
 * block begins. */
struct image_fault {
	enum image_error error;
	uint32_t offset;
	uint32_t part;
};
/* "header", "hardware-test", "kernel", "app-test", "app": the names that
 * BOOT and INSTALLED use for the programs; "manifest", "app-bundle", ... */
const char *image_part_name(uint32_t part);

/* Fetch len bytes at offset; false when that fails. The reader never asks
 * for anything beyond available_bytes. */
typedef bool image_read_fn(void *arg, uint32_t offset, void *buf, size_t len);

/* SHA-256 over len bytes at offset, by other means than read() and mbedTLS;
 * false when they cannot be had. The host's hook: the same bytes, sooner. */
typedef bool image_sha256_fn(void *arg, uint32_t offset, uint32_t len,
			     uint8_t out[IMAGE_HASH_BYTES]);

struct image_part {
	uint32_t type; /* enum image_part_type */
	uint32_t flags;
	uint32_t offset;
	uint32_t length; /* without padding */
	char version[IMAGE_TEXT_BYTES];
	uint8_t stored_sha256[IMAGE_HASH_BYTES];
	uint8_t installed_sha256[IMAGE_HASH_BYTES];
};

struct image {
	image_read_fn *read;
	image_sha256_fn *sha256; /* NULL: read() and mbedTLS; after opening */
	void *read_arg;		 /* of both */
	uint32_t align;
	uint32_t header_bytes, image_bytes, nor_min_bytes, block_count;
	char product[IMAGE_TEXT_BYTES];
	char version[IMAGE_TEXT_BYTES];
	char firmware_id[SFI_FWID_BYTES + 1];
	uint8_t attest_key[IMAGE_PUBLIC_KEY_BYTES];
	uint8_t gcm_tag[SFI_TAG_BYTES];
	uint8_t key_id[IMAGE_KEY_ID_BYTES];
	uint8_t binding[IMAGE_HASH_BYTES];
	uint8_t header_sha256[IMAGE_HASH_BYTES];
	uint8_t signature[IMAGE_SIGNATURE_BYTES];
	uint32_t part_count;
	struct image_part parts[IMAGE_PART_SLOTS];
};

/* Read and check the header: every field, the header hash, the part table.
 * Not the signature, not the parts. available_bytes: size of file or NOR.
 * Uses about 5 KiB of stack. */
enum image_error image_open(struct image *im, image_read_fn *read, void *arg,
			    uint64_t available_bytes, struct image_fault *f);

/* NULL when it has no such part; an opened image has the four programs and
 * the product manifest. type: enum image_part_type or enum layout_program. */
const struct image_part *image_part(const struct image *im, uint32_t type);

/* The part that offset lies in or behind: enum image_part_type, 0 for the
 * header. */
uint32_t image_part_at(const struct image *im, uint32_t offset);

/* The part's bytes against its hash. The fault names the first 64 KiB block
 * of the part that is damaged. */
enum image_error image_verify_part(const struct image *im,
				   const struct image_part *part,
				   struct image_fault *f);

/* Every byte behind the header: parts, padding, block table. */
enum image_error image_verify_all(const struct image *im,
				  struct image_fault *f);

/* The halves of that: parts and padding against the part table, and blocks
 * against the block table. Each alone reads every byte behind the header. */
enum image_error image_verify_parts(const struct image *im,
				    struct image_fault *f);
enum image_error image_verify_blocks(const struct image *im,
				     struct image_fault *f);

/* SHA-256 of block `index` as the table has it, and as the bytes are. */
enum image_error image_block_listed(const struct image *im, uint32_t index,
				    uint8_t sha256[IMAGE_HASH_BYTES],
				    struct image_fault *f);
enum image_error image_block_actual(const struct image *im, uint32_t index,
				    uint8_t sha256[IMAGE_HASH_BYTES],
				    struct image_fault *f);

/* The release signature, by this X9.62 public key. */
enum image_error image_verify_signature(
	const struct image *im, const uint8_t key[IMAGE_PUBLIC_KEY_BYTES],
	struct image_fault *f);

/* The SFI binding, by SFI key and nonce as unwrapped from the licence. */
enum image_error image_verify_binding(const struct image *im,
				      const uint8_t key_nonce[28],
				      struct image_fault *f);

/* HMAC of the binding over sector 0 and the block table, through read. Also
 * what the builder puts there. */
enum image_error image_compute_binding(const struct image *im,
				       const uint8_t key_nonce[28],
				       uint8_t out[IMAGE_HASH_BYTES],
				       struct image_fault *f);

#endif
