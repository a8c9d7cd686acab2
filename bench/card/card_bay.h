/* A card bay: one PC/SC reader of a virtual station. A private, unmodified
 * pcscd with the packaged vpcd driver serves clients on a Unix socket of its
 * own (they set PCSCLITE_CSOCK_NAME to it); the bay puts a virtual card into
 * that reader and takes it out again.
 *
 * No privileges are needed: the socket is handed to pcscd by socket
 * activation (LISTEN_FDS), and the TCP port between vpcd and the card is a
 * free one that is verified to be this pcscd's. vpcd listens on all
 * addresses, so run the bench on machines you trust.
 *
 * pcscd gets SIGKILL when the thread that called card_bay_start() ends,
 * whatever ends it: start bays from a thread that lives as long as they do.
 * All other calls may come from any one thread at a time.
 */
#ifndef BENCH_CARD_CARD_BAY_H
#define BENCH_CARD_CARD_BAY_H

#include "proto/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct card_bay_config {
	const char *socket_path; /* for PCSCLITE_CSOCK_NAME, < 108 bytes */
	const char *run_dir;	 /* configuration and pcscd.log; made */
	const char *reader_name; /* e.g. "SFI"; pcscd appends " 00 00" */
};

enum card_bay_fault {
	CARD_BAY_NO_FAULT,
	CARD_BAY_LOSE_COMMAND, /* gone before the APDU is carried out */
	CARD_BAY_LOSE_REPLY,   /* gone after it, before the answer is read */
};

struct card_bay_state {
	bool alive;	  /* pcscd runs */
	bool present;	  /* a card is in the reader */
	uint32_t apdus;	  /* carried out since the last insertion */
	uint32_t counter; /* the last card's */
	char serial[9];	  /* the last card's; "" before the first */
};

struct card_bay;

/* Strings are copied. Blocks until the reader can take a card, at most 10 s.
 * ERR_INPUT (paths), ERR_IO, ERR_NOT_FOUND (pcscd or vpcd is not installed),
 * ERR_TIMEOUT. */
enum err_code card_bay_start(struct card_bay **bay,
			     const struct card_bay_config *config,
			     struct err *e);

/* Takes the card out, ends pcscd and removes the socket. Blocks for up to 3 s.
 * NULL is fine. */
void card_bay_stop(struct card_bay *bay);

/* Put a card in; card_file is made by card_make(). Clients see it after
 * pcscd's next poll (0.2 to 0.4 s). ERR_STATE when a card is in, or this card
 * is elsewhere; the errors of card_open(); ERR_UNREACHABLE when pcscd ended. */
enum err_code card_bay_insert(struct card_bay *bay, const char *card_file,
			      struct err *e);

/* Take it out; a command under way is finished, its answer may be lost.
 * ERR_STATE when there is none. */
enum err_code card_bay_remove(struct card_bay *bay, struct err *e);

/* The card drops out at the nth APDU (1 = the next) from now on, once.
 * CARD_BAY_NO_FAULT cancels. It stays out until the next insertion. */
void card_bay_set_fault(struct card_bay *bay, enum card_bay_fault fault,
			uint32_t nth_apdu);

void card_bay_get_state(struct card_bay *bay, struct card_bay_state *out);

#endif
