/* Measurements of the hardware test, judged again on this side: a value
 * outside its limits, or one that cannot be read as a number where limits are
 * given, does not pass whatever the DUT says. */
#ifndef AGENT_FLOW_LIMITS_H
#define AGENT_FLOW_LIMITS_H

#include "proto/image/product_expect.h"
#include "proto/msg/msg.h"
#include "proto/rules.h"
#include "proto/uart/uart.h"

#include <stdbool.h>

/* low and high: empty for no limit, or decimal text; any other text is what the
 * value has to be. */
bool limits_hold(const char *value, const char *low, const char *high);

/* TEST as a measurement; texts are cut to printable ASCII. */
void limits_record(struct msg_MEASUREMENT *m, enum step step,
		   const struct uart_TEST *t);

/* Judge m by the release's limit too. low and high become the stricter of
 * both, so that the record has what decided; pass stays only when m was within
 * its own limits as well. A limit that is text gives way to a number, having
 * had its say in pass. False: m has another unit than the limit: it does not
 * pass, whatever its number, and keeps its own limits. */
bool limits_tighten(struct msg_MEASUREMENT *m, const struct product_limit *l);

#endif
