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

/* Card applet. ISO/IEC 7816-4 short APDUs, CLA 0x80 except SELECT. The table is
 * also in docs/cloud-and-card.md.
 *
 * A card is BLANK (it has its serial and the silicon maker's public key, and
 * nothing of the brand), then PERSONALISED, then OPERATIONAL: locked, for good.
 * Only an operational card issues licences; only one that is not can be given
 * another content. The key goes in and never comes out.
 *
 *  SELECT  00 A4 04 00 Lc AID                        -> 9000
 *  INFO    80 10 00 00 00 -> struct of 37 bytes: 1 version (1), 8 serial
 *          (ASCII), 16 firmware id, 4 counter BE, 4 maximum BE, 1 state,
 *          3 reserved (0); of a blank card firmware id, counter and maximum
 *          are 0
 *  LICENCE 80 20 00 00 88 <chip certificate> 00 -> 136-byte licence; the
 *          counter has fallen by one when, and only when, 9000 is sent.
 *  PERSONALISE 80 30 00 00 30 <16 firmware id, zero padded, 4 maximum BE,
 *          16 AES-128 key, 12 nonce> -> 9000: all of it is in the card, the
 *          counter is the maximum, the state is PERSONALISED; after any other
 *          answer the card is as it was.
 *  CHECK   80 32 00 00 00 -> 32 bytes: fingerprint of the card's key
 *          (SFI_KEY_LABEL)
 *  LOCK    80 34 00 00 20 <32 fingerprint> -> 9000: the state is OPERATIONAL.
 *          The fingerprint must be that of the card's key, so that no card is
 *          locked by mistake.
 * Status words: 6A82 no such applet; 6985 not in this state (LICENCE: not
 * operational; CHECK, LOCK: blank; PERSONALISE, LOCK: operational); 6A80 wrong
 * data (LICENCE: chip certificate not genuine; PERSONALISE: firmware id not 1
 * to 16 printable ASCII, maximum 0; LOCK: fingerprint of another key); 6283
 * counter at zero, 6581 memory failure, 6700 wrong length, 6D00/6E00 unknown
 * INS/CLA. */
#define SFI_AID			"\xF0\x50\x52\x4F\x56\x4C\x53\x46\x49"
#define SFI_AID_BYTES		9u
#define SFI_CLA			0x80u
#define SFI_INS_INFO		0x10u
#define SFI_INS_LICENCE		0x20u
#define SFI_INS_PERSONALISE	0x30u
#define SFI_INS_CHECK		0x32u
#define SFI_INS_LOCK		0x34u
#define SFI_PERSONALISE_BYTES	48u
#define SFI_INFO_BYTES		37u
#define SFI_CARD_SERIAL_BYTES	8u
#define SFI_STATE_BLANK		0u
#define SFI_STATE_OPERATIONAL	1u
#define SFI_STATE_PERSONALISED	2u
#define SFI_SW_OK		0x9000u
#define SFI_SW_NOT_OPERATIONAL	0x6985u
#define SFI_SW_WRONG_STATE	SFI_SW_NOT_OPERATIONAL
#define SFI_SW_NOT_GENUINE	0x6A80u
#define SFI_SW_WRONG_DATA	SFI_SW_NOT_GENUINE
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
