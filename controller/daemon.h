/* The running controller: its parts on one loop, started in order, stopped in
 * the reverse one. */
#ifndef CONTROLLER_DAEMON_H
#define CONTROLLER_DAEMON_H

#include "controller/config.h"

/* Runs until SIGTERM or SIGINT; returns when everything is committed and
 * closed. Ends the process itself, with its line on stderr and exit code, when
 * it cannot start (configuration, address in use, another controller on this
 * folder, a newer schema, a record that was changed) and when the database can
 * no longer be written: then nothing is acknowledged any more and the
 * supervisor starts anew. */
enum err_code daemon_run(const struct config *config, struct err *e);

#endif
