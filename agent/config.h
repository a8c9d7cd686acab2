/* The agent's configuration file (libconfuse). Every key is documented in
 * deploy/provline-agent.conf. */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include "agent/target/target.h"
#include "proto/base/err.h"
#include "proto/base/log.h"

#include <stddef.h>

#define CONFIG_URLS_MAX	     4u
#define CONFIG_HARNESSES_MAX 16u

struct config_harness {
	const char *name;
	struct target_config target;
	const char *scanner;	/* NULL: none */
	const char *sfi_loader; /* its own, or the station's */
	const char *fixture;	/* empty: not said */
};

/* Strings belong to the configuration. */
struct config {
	void *cfg; /* the parser's tree */
	const char *station;
	const char *controllers[CONFIG_URLS_MAX];
	size_t controller_n;
	const char *server_name;
	const char *enrol_url;
	const char *data_dir;
	const char *reader;
	int silence_ms;
	unsigned image_cache_mib;
	enum log_level log_level;
	struct config_harness harness[CONFIG_HARNESSES_MAX];
	size_t harness_n;
};

/* ERR_CONFIG with file, line and key. *c must be finished also after an
 * error. */
enum err_code config_load(struct config *c, const char *path, struct err *e);
void config_fini(struct config *c);

#endif
