/* The running controller: its parts on one loop, started in order, stopped in
 * the reverse one. */
#ifndef CONTROLLER_DAEMON_H
#define CONTROLLER_DAEMON_H

#include "controller/config.h"

/* Runs until SIGTERM or SIGINT; returns when everything is committed and
 * closed. ERR_CONFIG, ERR_IO, ERR_STATE (another controller runs on this
 * folder, or a newer one did), ERR_INTEGRITY: could not start. Ends the
 * process itself when the database can no longer be written: then nothing is
 * acknowledged any more and the supervisor starts anew. */
enum err_code daemon_run(const struct config *config, struct err *e);

#endif
