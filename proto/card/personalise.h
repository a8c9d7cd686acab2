/* The maker's side of the SFI card: a blank card gets the brand's firmware
 * identifier, key and count, and is locked. APDUs: proto/board/sfi.h. The key
 * goes to the card in the clear, so the machine and its reader must be ones
 * that may know it: docs/keys.md.
 */
#ifndef PROTO_CARD_PERSONALISE_H
#define PROTO_CARD_PERSONALISE_H

#include "proto/card/card.h"
#include "proto/keys/key.h"

/* What goes onto a card. */
struct card_content {
	uint8_t firmware_id[SFI_FWID_BYTES]; /* zero padded */
	uint32_t maximum;		     /* installs, at least 1 */
	uint8_t key[KEY_SFI_BYTES];	     /* the caller wipes it */
};

/* The firmware identifier of 1 to 16 printable ASCII characters, no space in
 * front or behind. ERR_USAGE. */
enum err_code card_content_name(struct card_content *content, const char *text,
				struct err *e);

/* How a card stands to a content. */
enum card_match {
	CARD_MATCH_NONE,  /* the card is blank */
	CARD_MATCH_SAME,  /* it holds just this */
	CARD_MATCH_OTHER, /* it holds something else */
};
enum err_code card_compare(struct card *c, const struct card_info *info,
			   const struct card_content *content,
			   enum card_match *match, struct err *e);

/* The fingerprint of the card's key (key_sfi_fingerprint()); not of a blank
 * card, ERR_STATE. */
enum err_code card_fingerprint(struct card *c, uint8_t out[KEY_HASH_BYTES],
			       struct err *e);

/* Write the content and read back what can be read back. The card must not be
 * locked: ERR_STATE. When the call was cut, nothing or all of it is in the
 * card; the same call again puts that right. */
enum err_code card_write_content(struct card *c,
				 const struct card_content *content,
				 struct err *e);

/* Lock a card that holds this content. Cannot be undone. */
enum err_code card_lock(struct card *c, const struct card_content *content,
			struct err *e);

#endif
