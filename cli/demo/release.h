/* What people do before the line runs, with the very commands that they would
 * use: an engineer makes keys, bundles and the image and imports it, a second
 * one approves it, the manager makes the lot. OUT/log/commands.log has each
 * command as it could be typed in the work folder, and what it printed. */
#ifndef CLI_DEMO_RELEASE_H
#define CLI_DEMO_RELEASE_H

#include "cli/demo/line.h"

/* Keys of the trial, in the clear, gone with the work folder. */
enum err_code release_keys(struct line *l, struct err *e);

/* OUT/image.pli, imported and approved; a lot of it that runs, assigned to
 * every station. Needs the controller, and the stations to be enrolled. */
enum err_code release_lot(struct line *l, struct err *e);

#endif
