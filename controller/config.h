/* The controller's configuration file (libconfuse; every key is documented in
 * deploy/provline-controller.conf). */
#ifndef CONTROLLER_CONFIG_H
#define CONTROLLER_CONFIG_H

#include "proto/base/err.h"
#include "proto/base/log.h"

#include <limits.h>

struct config {
	char data_dir[PATH_MAX];
	char agent_listen[256];
	char https_host[128]; /* empty: all addresses */
	unsigned https_port;
	char web_root[PATH_MAX]; /* empty: no console */
	char cloud_url[512];	 /* empty: no cloud */
	char cloud_ca[PATH_MAX];
	char cloud_user[128];
	char cloud_password_file[PATH_MAX];
	unsigned cloud_budget_ms;
	enum log_level log_level;
	unsigned heartbeat_ms;
	unsigned lease_ms;
	unsigned checkpoint_ms;
	unsigned disk_reserve_mib;
	unsigned image_max_mib;
	unsigned uploads_max;
	unsigned upload_keep_s;
};

/* What a file without keys gives. */
void config_defaults(struct config *c);

/* ERR_CONFIG: unreadable file, unknown key, bad value; the text names file,
 * line and key. */
enum err_code config_load(struct config *c, const char *path, struct err *e);

#endif
