#include "controller/config.h"

#include "proto/base/conf.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

/* libconfuse's error callback has no argument of ours: set only while
 * config_load runs, which is before there is a second thread. */
static struct err *load_err;

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	conf_error(load_err, cfg ? cfg->filename : NULL, cfg ? cfg->line : 0,
		   fmt, ap);
}

/* Bounds of the numbers, by key. */
static const struct bound {
	const char *key;
	long min, max;
} bounds[] = {
	{"https_port", 0, 65535},	 {"cloud_budget_ms", 1000, 600000},
	{"heartbeat_ms", 100, 60000},	 {"lease_ms", 1000, 86400000},
	{"checkpoint_ms", 100, 3600000}, {"disk_reserve_mib", 0, 1048576},
	{"image_max_mib", 1, 64},	 {"uploads_max", 1, 100},
	{"upload_keep_s", 1, 2592000},
};

static int check_number(cfg_t *cfg, cfg_opt_t *opt)
{
	long v = cfg_opt_getnint(opt, 0);

	for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
		if (strcmp(bounds[i].key, opt->name) != 0)
			continue;
		if (v >= bounds[i].min && v <= bounds[i].max)
			return 0;
		cfg_error(cfg, "%s must be %ld to %ld", opt->name,
			  bounds[i].min, bounds[i].max);
	}
	return -1;
}

static int check_level(cfg_t *cfg, cfg_opt_t *opt)
{
	enum log_level level;

	if (log_level_parse(cfg_opt_getnstr(opt, 0), &level))
		return 0;
	cfg_error(cfg, "%s must be error, warn, info or debug", opt->name);
	return -1;
}

static int check_scheme(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *want =
		strcmp(opt->name, "cloud_url") == 0 ? "https://" : "tls+tcp://";
	const char *v = cfg_opt_getnstr(opt, 0);

	if (!*v || strncmp(v, want, strlen(want)) == 0)
		return 0;
	cfg_error(cfg, "%s must begin with %s", opt->name, want);
	return -1;
}

static int check_text(cfg_t *cfg, cfg_opt_t *opt)
{
	if (strlen(cfg_opt_getnstr(opt, 0)) < 120)
		return 0;
	cfg_error(cfg, "%s is too long", opt->name);
	return -1;
}

static int check_path(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *v = cfg_opt_getnstr(opt, 0);

	if (strlen(v) >= PATH_MAX - 64) {
		cfg_error(cfg, "%s is too long", opt->name);
		return -1;
	}
	if (!*v || access(v, R_OK) == 0)
		return 0;
	cfg_error(cfg, "%s: %s: %s", opt->name, v, strerror(errno));
	return -1;
}

/* The console that was built or installed with this program. */
static void find_web_root(char *out, size_t size)
{
	char exe[PATH_MAX - 32], index[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	char *slash;

	exe[n < 0 ? 0 : n] = '\0';
	slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	snprintf(out, size, "%s/../web", exe);
	snprintf(index, sizeof index, "%.*s/index.html", PATH_MAX - 16, out);
	if (!slash || access(index, R_OK))
		snprintf(out, size, "/usr/share/provline/web");
	if (access(out, R_OK | X_OK))
		out[0] = '\0';
}

void config_defaults(struct config *c)
{
	*c = (struct config){.data_dir = "/var/lib/provline",
			     .agent_listen = "tls+tcp://0.0.0.0:7411",
			     .https_port = 7443,
			     .cloud_budget_ms = 20000,
			     .log_level = LOG_INFO,
			     .heartbeat_ms = 1000,
			     .lease_ms = 60000,
			     .checkpoint_ms = 5000,
			     .disk_reserve_mib = 64,
			     .image_max_mib = 64,
			     .uploads_max = 8,
			     .upload_keep_s = 86400};
	find_web_root(c->web_root, sizeof c->web_root);
}

#define COPY(field, cfg, key) \
	snprintf(field, sizeof(field), "%s", cfg_getstr(cfg, key))

static void take(struct config *c, cfg_t *cfg)
{
	COPY(c->data_dir, cfg, "data_dir");
	COPY(c->agent_listen, cfg, "agent_listen");
	COPY(c->https_host, cfg, "https_host");
	COPY(c->web_root, cfg, "web_root");
	COPY(c->cloud_url, cfg, "cloud_url");
	COPY(c->cloud_ca, cfg, "cloud_ca");
	COPY(c->cloud_user, cfg, "cloud_user");
	COPY(c->cloud_password_file, cfg, "cloud_password_file");
	(void)log_level_parse(cfg_getstr(cfg, "log_level"), &c->log_level);
	c->https_port = (unsigned)cfg_getint(cfg, "https_port");
	c->cloud_budget_ms = (unsigned)cfg_getint(cfg, "cloud_budget_ms");
	c->heartbeat_ms = (unsigned)cfg_getint(cfg, "heartbeat_ms");
	c->lease_ms = (unsigned)cfg_getint(cfg, "lease_ms");
	c->checkpoint_ms = (unsigned)cfg_getint(cfg, "checkpoint_ms");
	c->disk_reserve_mib = (unsigned)cfg_getint(cfg, "disk_reserve_mib");
	c->image_max_mib = (unsigned)cfg_getint(cfg, "image_max_mib");
	c->uploads_max = (unsigned)cfg_getint(cfg, "uploads_max");
	c->upload_keep_s = (unsigned)cfg_getint(cfg, "upload_keep_s");
}

static void set_checks(cfg_t *cfg)
{
	static const char *const paths[] = {"web_root", "cloud_ca",
					    "cloud_password_file"};

	for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
		cfg_set_validate_func(cfg, bounds[i].key, check_number);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		cfg_set_validate_func(cfg, paths[i], check_path);
	cfg_set_validate_func(cfg, "data_dir", check_path);
	cfg_set_validate_func(cfg, "log_level", check_level);
	cfg_set_validate_func(cfg, "agent_listen", check_scheme);
	cfg_set_validate_func(cfg, "cloud_url", check_scheme);
	cfg_set_validate_func(cfg, "https_host", check_text);
	cfg_set_validate_func(cfg, "cloud_user", check_text);
}

static enum err_code parse(cfg_t *cfg, const char *path, struct err *e)
{
	if (conf_check_file(path, e))
		return ERR_CONFIG;
	if (cfg_parse(cfg, path) != CFG_SUCCESS || e->code) {
		if (!e->code)
			err_set(e, ERR_CONFIG, "%s: cannot be read", path);
		return e->code;
	}
	if (*cfg_getstr(cfg, "cloud_url") && !*cfg_getstr(cfg, "cloud_ca"))
		return err_set(e, ERR_CONFIG, "%s: cloud_url needs cloud_ca",
			       path);
	return ERR_OK;
}

enum err_code config_load(struct config *c, const char *path, struct err *e)
{
	struct config d;
	struct err own = {0};
	enum err_code rc;
	cfg_t *cfg;

	config_defaults(&d);
	cfg_opt_t opts[] = {
		CFG_STR("data_dir", d.data_dir, CFGF_NONE),
		CFG_STR("agent_listen", d.agent_listen, CFGF_NONE),
		CFG_STR("https_host", d.https_host, CFGF_NONE),
		CFG_INT("https_port", (long)d.https_port, CFGF_NONE),
		CFG_STR("web_root", d.web_root, CFGF_NONE),
		CFG_STR("cloud_url", d.cloud_url, CFGF_NONE),
		CFG_STR("cloud_ca", d.cloud_ca, CFGF_NONE),
		CFG_STR("cloud_user", d.cloud_user, CFGF_NONE),
		CFG_STR("cloud_password_file", d.cloud_password_file,
			CFGF_NONE),
		CFG_INT("cloud_budget_ms", (long)d.cloud_budget_ms, CFGF_NONE),
		CFG_STR("log_level", "info", CFGF_NONE),
		CFG_INT("heartbeat_ms", (long)d.heartbeat_ms, CFGF_NONE),
		CFG_INT("lease_ms", (long)d.lease_ms, CFGF_NONE),
		CFG_INT("checkpoint_ms", (long)d.checkpoint_ms, CFGF_NONE),
		CFG_INT("disk_reserve_mib", (long)d.disk_reserve_mib,
			CFGF_NONE),
		CFG_INT("image_max_mib", (long)d.image_max_mib, CFGF_NONE),
		CFG_INT("uploads_max", (long)d.uploads_max, CFGF_NONE),
		CFG_INT("upload_keep_s", (long)d.upload_keep_s, CFGF_NONE),
		CFG_END(),
	};
	cfg = cfg_init(opts, CFGF_NONE);
	if (!cfg)
		return err_set(e, ERR_NO_MEMORY, "configuration");
	load_err = &own;
	cfg_set_error_function(cfg, on_error);
	set_checks(cfg);
	rc = parse(cfg, path, &own);
	load_err = NULL;
	if (!rc)
		take(c, cfg);
	else if (e)
		*e = own;
	cfg_free(cfg);
	return rc;
}
