/* The station's SFI card, used by one harness at a time. A thread looks at
 * the reader every second so that the console shows the card that is in it;
 * licences are asked for by the harness workers, serialised here.
 *
 * The card is opened for each use: taking it out in between harms nothing.
 */
#ifndef AGENT_FLOW_CARDBOX_H
#define AGENT_FLOW_CARDBOX_H

#include "proto/card/card.h"
#include "proto/msg/msg.h"
#include "proto/rules.h"

struct cardbox;

/* pattern: of the reader's name, with * and ? (fnmatch); the first reader
 * that matches and holds a card is used. */
enum err_code cardbox_start(struct cardbox **c, const char *pattern,
			    struct err *e);
void cardbox_stop(struct cardbox *c);

/* The card in the reader now, for a HEARTBEAT. */
void cardbox_fill(struct cardbox *c, struct msg_HEARTBEAT *hb);

/* Called with the card's state before the count is spent, to journal it; an
 * error ends the call with nothing spent. */
typedef enum err_code cardbox_before_fn(void *arg, const struct card_info *info,
					struct err *e);

/* A licence for one chip, from a card that must be in operation, have
 * installs left and be for fwid. On an error *failure says whose fault it is
 * and out->count whether an install was spent all the same. Blocks for other
 * harnesses and the card, some seconds at most. */
enum err_code cardbox_licence(struct cardbox *c, const char *fwid,
			      const uint8_t chip_cert[SFI_CHIP_CERT_BYTES],
			      cardbox_before_fn *before, void *before_arg,
			      struct card_licence *out, enum failure *failure,
			      struct err *e);

#endif
