/* Provline's open stand-in for Secure Firmware Install: chip certificate,
 * licence, the card's APDUs and the chip's RSS services. The vendor's own
 * (STM32HSM, RSSe) are closed; what is known of them is that a chip certificate
 * is 136 bytes, that the card issues one licence per chip and counts down, and
 * that a licence may be used again on the same chip (AN5054 Rev 16, 4 and 6).
 * Sizes and roles follow that; contents are ours. Freestanding.
 *
 * Chip certificate, 136 bytes, readable by anyone:
 *   8 product id, ASCII, "48200000" for a U585
 *  64 chip public key, P-256, X || Y big-endian
 *  64 ECDSA P-256/SHA-256 by the silicon maker over the first 72 bytes, r || s
 *
 * Licence, 136 bytes, useful to one chip only:
 *   4 "PLL1"
 *   8 licence id: card serial's last 4 bytes, counter value after issue (BE)
 *  16 firmware identifier, zero padded
 *  64 ephemeral public key of the card, P-256, X || Y
 *  28 wrapped: 16 AES-128 firmware key, 12 GCM nonce of the firmware
 *  16 GCM tag
 *   wrap key || iv (16 + 12) = first 28 bytes of
 *   SHA-256(ECDH x || "provline-sfi-licence-v1" || licence id || firmware id);
 *   AES-128-GCM, additional data = the first 28 bytes of the licence.
 */
#ifndef PROTO_BOARD_SFI_H
#define PROTO_BOARD_SFI_H

#include <stdint.h>

#define SFI_CHIP_CERT_BYTES	136u
#define SFI_LICENCE_BYTES	136u
#define SFI_LICENCE_ID_OFFSET	4u
#define SFI_LICENCE_ID_BYTES	8u
#define SFI_LICENCE_AAD_BYTES	28u
#define SFI_FWID_OFFSET		12u
#define SFI_FWID_BYTES		16u
#define SFI_KEY_BYTES		16u
#define SFI_NONCE_BYTES		12u
#define SFI_TAG_BYTES		16u
#define SFI_KDF_LABEL		"provline-sfi-licence-v1"
/* What may be known of a key: SHA-256(label || AES-128 key || nonce). */
#define SFI_KEY_LABEL		"provline-sfi-key-v1"
#define SFI_FINGERPRINT_BYTES	32u
#define SFI_PRODUCT_ID		"48200000"

/* Card applet. ISO/IEC 7816-4 short APDUs, CLA 0x80 except SELECT.
 *  SELECT  00 A4 04 00 Lc AID                        -> 9000
 *  INFO    80 10 00 00 00 -> struct of 37 bytes: 1 version (1), 8 serial
 *          (ASCII), 16 firmware id, 4 counter BE, 4 maximum BE, 1 state,
 *          3 reserved (0)
 *  LICENCE 80 20 00 00 88 <chip certificate> 00 -> 136-byte licence; the
 *          counter has fallen by one when, and only when, 9000 is sent.
 * Status words: 6A82 no such applet, 6985 not operational, 6A80 chip
 * certificate not genuine, 6283 counter at zero, 6700 wrong length,
 * 6D00/6E00 unknown INS/CLA. */
#define SFI_AID			"\xF0\x50\x52\x4F\x56\x4C\x53\x46\x49"
#define SFI_AID_BYTES		9u
#define SFI_CLA			0x80u
#define SFI_INS_INFO		0x10u
#define SFI_INS_LICENCE		0x20u
#define SFI_INFO_BYTES		37u
#define SFI_CARD_SERIAL_BYTES	8u
#define SFI_STATE_OPEN		0u /* not personalised, or not locked */
#define SFI_STATE_OPERATIONAL	1u
#define SFI_SW_OK		0x9000u
#define SFI_SW_NOT_OPERATIONAL	0x6985u
#define SFI_SW_NOT_GENUINE	0x6A80u
#define SFI_SW_EMPTY		0x6283u

/* RSS services, called by code on the chip through the table in system memory
 * (the address is that of the public RSSLIB table in stm32u585xx.h; its
 * layout is ours). Each entry is a Thumb function address. Success and error
 * codes are the vendor's. Arguments must lie in SRAM or flash.
 *   +0 get_certificate(uint8_t out[136])
 *   +4 unwrap(const uint8_t licence[136], uint8_t key_nonce[28]): only from
 *      secure code with TZEN=1; checks the tag.
 *   +8 a mark, "PLRS": on silicon the vendor's own entries lie here, and
 *      nobody should call those by our names. */
#define SFI_RSS_TABLE		0x0BF99E40u
#define SFI_RSS_GET_CERTIFICATE 0u
#define SFI_RSS_UNWRAP		4u
#define SFI_RSS_MARK		8u
#define SFI_RSS_MARK_VALUE	0x53524c50u
#define SFI_RSS_OK		0xEAEAEAEAu
#define SFI_RSS_ERROR		0xF5F5F5F5u

/* The device ID: "PV" and the first 16 bytes, as 32 lower-case hex digits, of
 * SHA-256("provline-device-id-v1" || UID). UID as its 12 bytes in memory
 * order; printed as 24 lower-case hex digits. */
#define SFI_DEVICE_ID_LABEL	"provline-device-id-v1"
#define SFI_DEVICE_ID_CHARS	34u
#define SFI_UID_BYTES		12u

/* The CSR (RFC 2986): subject CN = device ID, serialNumber = UID in hex;
 * attribute challengePassword = this attempt's challenge in hex; ECDSA
 * P-256/SHA-256 by the device key. The second signature is by the test
 * program's attestation key, ECDSA P-256/SHA-256, DER, over
 * SFI_ATTEST_LABEL || UID || challenge (32 bytes) || SHA-256(CSR DER). */
#define SFI_ATTEST_LABEL	"provline-attest-v1"
#define SFI_CHALLENGE_BYTES	32u

#endif
