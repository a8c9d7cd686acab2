/* provline-cloud's configuration: one libconfuse file; provline-cloud.conf in
 * this folder shows every key. */
#ifndef BENCH_CLOUD_CONFIG_H
#define BENCH_CLOUD_CONFIG_H

#include "proto/base/err.h"

#include <confuse.h>
#include <stdbool.h>
#include <stdint.h>

/* What goes wrong on purpose. "every" counts enrolment requests with valid
 * credentials since the start: every nth, 0 = never. */
struct cloud_faults {
	uint32_t delay_ms;
	uint32_t pending_every; /* 202 and Retry-After, nothing issued */
	uint32_t retry_after_s;
	uint32_t error_every;	/* 503, nothing issued */
	uint32_t garbage_every; /* issued, but the reply is noise */
	uint32_t drop_every;	/* issued, but the connection ends */
};

struct cloud_config {
	cfg_t *cfg; /* owns all strings */
	const char *listen;
	uint16_t port;
	const char *data_dir;
	const char *auth_user;	      /* "" when HTTP Basic is off */
	const char *auth_secret_file; /* "" when HTTP Basic is off */
	const char *client_ca_file;   /* "" when client certificates are off */
	const char *common_name;      /* extended regular expression */
	uint32_t certificate_days;
	uint32_t request_timeout_ms;
	struct cloud_faults faults;
};

/* Reads and checks everything that can be checked without opening a port.
 * ERR_CONFIG names file, line and key. */
enum err_code cloud_config_load(struct cloud_config *c, const char *path,
				struct err *e);
void cloud_config_fini(struct cloud_config *c);

/* Names for the server's own certificate: DNS names or IP addresses. */
unsigned cloud_config_name_count(const struct cloud_config *c);
const char *cloud_config_name(const struct cloud_config *c, unsigned i);

#endif
