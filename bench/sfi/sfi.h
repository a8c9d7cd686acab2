/* Both ends of the open SFI stand-in of proto/board/sfi.h: what the silicon
 * maker puts into a chip, what the card does with a chip certificate, and what
 * the chip's RSS does with a licence. mbedTLS does the cryptography.
 *
 * No call blocks on anything but files and the kernel's random numbers.
 */
#ifndef BENCH_SFI_SFI_H
#define BENCH_SFI_SFI_H

#include "proto/base/err.h"
#include "proto/board/sfi.h"

#include <stdbool.h>
#include <stdint.h>

#define SFI_PRIVATE_BYTES   32u /* P-256 scalar, big-endian */
#define SFI_PUBLIC_BYTES    64u /* P-256 point, X || Y, big-endian */
#define SFI_KEY_NONCE_BYTES (SFI_KEY_BYTES + SFI_NONCE_BYTES)

/* The silicon maker: a P-256 key that signs chip certificates. */
struct sfi_maker;

/* Load the maker's private key from a PEM file. With create, a missing file is
 * made (mode 0600) with a new key. ERR_IO; ERR_INPUT for anything that is not
 * an unencrypted P-256 private key. Free with sfi_maker_free(). */
enum err_code sfi_maker_open(struct sfi_maker **maker, const char *path,
			     bool create, struct err *e);
void sfi_maker_free(struct sfi_maker *maker); /* wipes; NULL is fine */

/* The public key, as the card holds it. */
void sfi_maker_public(const struct sfi_maker *maker,
		      uint8_t out[SFI_PUBLIC_BYTES]);

/* The same from a PEM file that holds either half of the key pair. */
enum err_code sfi_maker_public_load(uint8_t out[SFI_PUBLIC_BYTES],
				    const char *path, struct err *e);

/* The private key and certificate of the chip with this UID. Both follow from
 * the maker's key and the UID alone (HMAC-SHA-256 and RFC 6979), so a board
 * that comes back shows the same certificate. The caller wipes chip_key. */
enum err_code sfi_maker_chip(const struct sfi_maker *maker,
			     const uint8_t uid[SFI_UID_BYTES],
			     uint8_t chip_key[SFI_PRIVATE_BYTES],
			     uint8_t cert[SFI_CHIP_CERT_BYTES], struct err *e);

/* Is the certificate this maker's, for this product, with a key that lies on
 * the curve? ERR_INTEGRITY when not. */
enum err_code sfi_chip_cert_check(const uint8_t cert[SFI_CHIP_CERT_BYTES],
				  const uint8_t maker_public[SFI_PUBLIC_BYTES],
				  struct err *e);

/* The card's side: wrap key and nonce for the chip of a certificate that has
 * been checked. Every call uses a new ephemeral key. */
enum err_code sfi_licence_issue(uint8_t out[SFI_LICENCE_BYTES],
				const uint8_t cert[SFI_CHIP_CERT_BYTES],
				const uint8_t licence_id[SFI_LICENCE_ID_BYTES],
				const uint8_t fwid[SFI_FWID_BYTES],
				const uint8_t key_nonce[SFI_KEY_NONCE_BYTES],
				struct err *e);

/* SFI_KEY_LABEL. */
void sfi_key_fingerprint(uint8_t out[SFI_FINGERPRINT_BYTES],
			 const uint8_t key_nonce[SFI_KEY_NONCE_BYTES]);

/* The chip's side. ERR_INTEGRITY when the licence is for another chip or any
 * bit of it changed; key_nonce is zero then. The caller wipes it. */
enum err_code sfi_licence_unwrap(uint8_t key_nonce[SFI_KEY_NONCE_BYTES],
				 const uint8_t licence[SFI_LICENCE_BYTES],
				 const uint8_t chip_key[SFI_PRIVATE_BYTES],
				 struct err *e);

#endif
