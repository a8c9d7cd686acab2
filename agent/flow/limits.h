/* Measurements of the hardware test, judged again on this side: a value
 * outside its limits, or one that cannot be read as a number where limits are
 * given, does not pass whatever the DUT says. */
#ifndef AGENT_FLOW_LIMITS_H
#define AGENT_FLOW_LIMITS_H

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

#endif
