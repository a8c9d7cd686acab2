/* The SFI card in a PC/SC reader: Provline's applet of proto/board/sfi.h over
 * PC/SC (PC/SC Workgroup part 5; ISO/IEC 7816-4 for the APDUs). Which pcscd
 * is talked to is libpcsclite's business (PCSCLITE_CSOCK_NAME).
 *
 * A card is opened for exclusive use and belongs to one thread. All errors:
 * ERR_NO_CARD  no such reader, no card in it, or taken out in between
 * ERR_CARD     the card refuses; the text says why
 * ERR_IO       reader or pcscd not working
 */
#ifndef PROTO_CARD_CARD_H
#define PROTO_CARD_CARD_H

#include "proto/base/err.h"
#include "proto/board/sfi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct card;

#define CARD_READER_NAME_BYTES 128u /* MAX_READERNAME of pcsclite */
#define CARD_READERS_MAX       16u

struct card_reader {
	char name[CARD_READER_NAME_BYTES];
	bool present; /* a card is in it */
};

enum card_state {
	CARD_BLANK,	   /* nothing of the brand in it */
	CARD_PERSONALISED, /* not locked yet */
	CARD_OPERATIONAL   /* locked */
};

struct card_info {
	char serial[SFI_CARD_SERIAL_BYTES + 1]; /* printable ASCII */
	uint8_t firmware_id[SFI_FWID_BYTES];
	uint32_t counter; /* installs left */
	uint32_t counter_max;
	enum card_state state;
	bool operational; /* state is CARD_OPERATIONAL */
};

/* Readers that pcscd knows, *count of them; none is ERR_OK. Blocks 1 s. */
enum err_code card_readers(struct card_reader out[CARD_READERS_MAX],
			   size_t *count, struct err *e);

/* Connect to the card in this reader (exact name, or NULL for the first reader
 * that holds a card) and select the applet. ERR_CARD when the card has no
 * such applet or another program uses it. */
enum err_code card_open(struct card **c, const char *reader, struct err *e);
/* NULL allowed. The card is left as it is: pcscd powers it down when nobody has
 * used it for a second. */
void card_close(struct card *c);

enum err_code card_read_info(struct card *c, struct card_info *info,
			     struct err *e);

/* What a call for a licence did to the card. */
enum card_count {
	CARD_COUNT_KEPT,   /* no install was spent */
	CARD_COUNT_SPENT,  /* one was: before - after == 1 */
	CARD_COUNT_UNKNOWN /* cut in the middle and the card cannot be asked */
};

struct card_licence {
	uint8_t licence[SFI_LICENCE_BYTES]; /* only after ERR_OK */
	struct card_info before;	    /* read right before */
	struct card_info after; /* unless count is UNKNOWN; when the card
				 * left right behind a complete licence, what
				 * that licence says */
	enum card_count count;
};

/* Ask for the licence of one chip. Reads INFO before and after it; when the
 * call was cut (card taken out, reader error) it reconnects for up to 2 s to
 * read INFO, so that *out tells whether an install was spent even if the
 * licence is lost. *out is filled in any case: check out->count also after an
 * error. ERR_CARD texts: empty, not operational, chip not genuine, answer
 * that does not belong to this card. */
enum err_code card_issue_licence(struct card *c,
				 const uint8_t chip_cert[SFI_CHIP_CERT_BYTES],
				 struct card_licence *out, struct err *e);

/* Why the last call on this card ended in ERR_CARD. */
enum card_refusal {
	CARD_REFUSAL_NONE,
	CARD_REFUSAL_NO_APPLET,
	CARD_REFUSAL_NOT_OPERATIONAL,
	CARD_REFUSAL_NOT_GENUINE, /* the chip's certificate */
	CARD_REFUSAL_EMPTY,
	CARD_REFUSAL_OTHER
};
enum card_refusal card_last_refusal(const struct card *c);

#endif
