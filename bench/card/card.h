/* The virtual SFI card: its memory, kept in one file, and the applet that
 * answers APDUs (proto/board/sfi.h, ISO/IEC 7816-4). The file is the card's
 * EEPROM: whatever the card promised is in it before the promise leaves, and
 * a card is in one reader at a time (the file FILE.lock is held).
 *
 * One thread at a time per card. Calls block on the file only.
 */
#ifndef BENCH_CARD_CARD_H
#define BENCH_CARD_CARD_H

#include "bench/sfi/sfi.h"
#include "proto/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CARD_ATR_BYTES	     10u
#define CARD_REPLY_MAX_BYTES 258u /* short APDU: 256 and the status word */

/* What a card holds. */
struct card_memory {
	/* from birth: */
	char serial[SFI_CARD_SERIAL_BYTES + 1]; /* 8 printable ASCII */
	uint8_t maker_public[SFI_PUBLIC_BYTES];
	uint8_t state; /* SFI_STATE_... */
	/* by personalisation; zero in a blank card: */
	char fwid[SFI_FWID_BYTES + 1]; /* 1..16 printable ASCII */
	uint8_t key_nonce[SFI_KEY_NONCE_BYTES];
	uint32_t maximum; /* licences the card was bought for, >= 1 */
	uint32_t counter; /* licences left, <= maximum */
};

/* Make a new card, in whatever state. ERR_INPUT for values out of range,
 * ERR_EXISTS when the file is there: no card is born twice. */
enum err_code card_make(const char *path, const struct card_memory *m,
			struct err *e);

struct card;

/* Load a card and hold it. ERR_IO, ERR_INPUT (not a card file), ERR_STATE (it
 * is in another reader). Free with card_close(). */
enum err_code card_open(struct card **card, const char *path, struct err *e);
void card_close(struct card *card); /* NULL is fine */

/* Counter and serial, for the bench's own witness. */
const struct card_memory *card_memory(const struct card *card);

/* Answer to reset, T=1. */
const uint8_t *card_atr(void);

/* Power off, power on or reset: nothing stays selected. */
void card_reset(struct card *card);

/* One command, one reply (at least a status word). Returns the reply's
 * length. A licence is returned only after the lower counter is on disk; when
 * that fails the answer is 6581 and the counter stays. */
size_t card_apdu(struct card *card, const uint8_t *command, size_t len,
		 uint8_t reply[CARD_REPLY_MAX_BYTES]);

#endif
