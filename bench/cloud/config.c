#include "bench/cloud/config.h"

#include "proto/base/conf.h"

#include <errno.h>
#include <regex.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

/* libconfuse reports through a callback without an argument of ours; parsing
 * happens once, on one thread, before anything else runs. */
static struct err *parse_err;

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	conf_error(parse_err, cfg ? cfg->filename : NULL, cfg ? cfg->line : 0,
		   fmt, ap);
}

struct limit {
	const char *key;
	long min, max;
};

static const struct limit limits[] = {
	{"port", 0, 65535},
	{"certificate_days", 1, 36500},
	{"request_timeout_ms", 100, 600000},
	{"fault_delay_ms", 0, 600000},
	{"fault_pending_every", 0, 1000000},
	{"fault_retry_after_s", 0, 86400},
	{"fault_error_every", 0, 1000000},
	{"fault_garbage_every", 0, 1000000},
	{"fault_drop_every", 0, 1000000},
};

static int check_number(cfg_t *cfg, cfg_opt_t *opt)
{
	long v = cfg_opt_getnint(opt, 0);

	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		if (strcmp(limits[i].key, opt->name) == 0 &&
		    (v < limits[i].min || v > limits[i].max)) {
			cfg_error(cfg, "%s: %ld is not within %ld..%ld",
				  opt->name, v, limits[i].min, limits[i].max);
			return -1;
		}
	return 0;
}

static cfg_t *new_parser(void)
{
	cfg_opt_t options[] = {
		CFG_STR("listen", "127.0.0.1", CFGF_NONE),
		CFG_INT("port", 8443, CFGF_NONE),
		CFG_STR("data_dir", "/var/lib/provline-cloud", CFGF_NONE),
		CFG_STR_LIST("server_names", "{localhost, 127.0.0.1}",
			     CFGF_NONE),
		CFG_STR("auth_user", "", CFGF_NONE),
		CFG_STR("auth_secret_file", "", CFGF_NONE),
		CFG_STR("client_ca_file", "", CFGF_NONE),
		CFG_STR("common_name", "^PV[0-9a-f]{32}$", CFGF_NONE),
		CFG_INT("certificate_days", 7300, CFGF_NONE),
		CFG_INT("request_timeout_ms", 10000, CFGF_NONE),
		CFG_INT("fault_delay_ms", 0, CFGF_NONE),
		CFG_INT("fault_pending_every", 0, CFGF_NONE),
		CFG_INT("fault_retry_after_s", 1, CFGF_NONE),
		CFG_INT("fault_error_every", 0, CFGF_NONE),
		CFG_INT("fault_garbage_every", 0, CFGF_NONE),
		CFG_INT("fault_drop_every", 0, CFGF_NONE),
		CFG_END(),
	};
	cfg_t *cfg = cfg_init(options, CFGF_NONE);

	if (!cfg)
		return NULL;
	cfg_set_error_function(cfg, on_error);
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		cfg_set_validate_func(cfg, limits[i].key, check_number);
	return cfg;
}

static void take_values(struct cloud_config *c)
{
	cfg_t *cfg = c->cfg;

	c->listen = cfg_getstr(cfg, "listen");
	c->port = (uint16_t)cfg_getint(cfg, "port");
	c->data_dir = cfg_getstr(cfg, "data_dir");
	c->auth_user = cfg_getstr(cfg, "auth_user");
	c->auth_secret_file = cfg_getstr(cfg, "auth_secret_file");
	c->client_ca_file = cfg_getstr(cfg, "client_ca_file");
	c->common_name = cfg_getstr(cfg, "common_name");
	c->certificate_days = (uint32_t)cfg_getint(cfg, "certificate_days");
	c->request_timeout_ms = (uint32_t)cfg_getint(cfg, "request_timeout_ms");
	c->faults = (struct cloud_faults){
		.delay_ms = (uint32_t)cfg_getint(cfg, "fault_delay_ms"),
		.pending_every =
			(uint32_t)cfg_getint(cfg, "fault_pending_every"),
		.retry_after_s =
			(uint32_t)cfg_getint(cfg, "fault_retry_after_s"),
		.error_every = (uint32_t)cfg_getint(cfg, "fault_error_every"),
		.garbage_every =
			(uint32_t)cfg_getint(cfg, "fault_garbage_every"),
		.drop_every = (uint32_t)cfg_getint(cfg, "fault_drop_every"),
	};
}

static enum err_code check_file(const char *path, const char *key,
				const char *file, struct err *e)
{
	if (file[0] && access(file, R_OK))
		return err_set_errno(e, ERR_CONFIG, errno, "%s: %s: %s", path,
				     key, file);
	return ERR_OK;
}

/* What no single key can tell. */
static enum err_code check_together(const struct cloud_config *c,
				    const char *path, struct err *e)
{
	enum err_code rc;
	regex_t re;

	if (!c->auth_user[0] != !c->auth_secret_file[0])
		return err_set(e, ERR_CONFIG,
			       "%s: auth_user and auth_secret_file: one needs "
			       "the other",
			       path);
	if (!c->auth_user[0] && !c->client_ca_file[0])
		return err_set(e, ERR_CONFIG,
			       "%s: nobody could enrol: set auth_user and "
			       "auth_secret_file, or client_ca_file",
			       path);
	if (cloud_config_name_count(c) == 0)
		return err_set(e, ERR_CONFIG,
			       "%s: server_names: at least one is needed",
			       path);
	if (regcomp(&re, c->common_name, REG_EXTENDED | REG_NOSUB))
		return err_set(e, ERR_CONFIG,
			       "%s: common_name: not a regular expression",
			       path);
	regfree(&re);
	rc = check_file(path, "auth_secret_file", c->auth_secret_file, e);
	return rc ? rc
		  : check_file(path, "client_ca_file", c->client_ca_file, e);
}

enum err_code cloud_config_load(struct cloud_config *c, const char *path,
				struct err *e)
{
	struct err found = {0};
	enum err_code rc;
	int parsed;

	memset(c, 0, sizeof *c);
	if (conf_check_file(path, e))
		return ERR_CONFIG;
	c->cfg = new_parser();
	if (!c->cfg)
		return err_set(e, ERR_NO_MEMORY, "%s", path);
	parse_err = &found;
	parsed = cfg_parse(c->cfg, path);
	parse_err = NULL;
	if (found.code)
		rc = err_set(e, found.code, "%s", found.text);
	else if (parsed != CFG_SUCCESS)
		rc = err_set(e, ERR_CONFIG, "%s: cannot be read", path);
	else {
		take_values(c);
		rc = check_together(c, path, e);
	}
	if (rc)
		cloud_config_fini(c);
	return rc;
}

void cloud_config_fini(struct cloud_config *c)
{
	if (c->cfg)
		cfg_free(c->cfg);
	c->cfg = NULL;
}

unsigned cloud_config_name_count(const struct cloud_config *c)
{
	return cfg_size(c->cfg, "server_names");
}

const char *cloud_config_name(const struct cloud_config *c, unsigned i)
{
	return cfg_getnstr(c->cfg, "server_names", i);
}
