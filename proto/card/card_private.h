/* Between card.c and personalise.c: one APDU at a time. */
#ifndef PROTO_CARD_CARD_PRIVATE_H
#define PROTO_CARD_CARD_PRIVATE_H

#include "proto/card/card.h"

struct card_reply {
	uint8_t data[256];
	size_t len;
	unsigned sw;
};

/* A command of the applet, with P1 and P2 zero: data if len > 0, then Le 0 if
 * the card shall answer with data. What is sent is wiped. Any status word is
 * ERR_OK. */
enum err_code card_command(struct card *c, uint8_t ins, const void *data,
			   size_t len, bool answer, struct card_reply *r,
			   struct err *e);

#endif
