/* The demo's configuration files, one function per daemon. */
#ifndef CLI_DEMO_SETTINGS_H
#define CLI_DEMO_SETTINGS_H

#include "cli/demo/line.h"

#define SETTINGS_FWID "DEMO-1-SFI"

enum err_code settings_cloud(const struct line *l, const char *path,
			     struct err *e);
enum err_code settings_bench(const struct line *l, const char *path,
			     struct err *e);
enum err_code settings_controller(const struct line *l, const char *path,
				  struct err *e);
/* number counts from 1 */
enum err_code settings_agent(const struct line *l, unsigned number,
			     const char *path, struct err *e);

/* OUT/line.env: what a shell script needs to work with this line. */
enum err_code settings_environment(const struct line *l, struct err *e);

#endif
