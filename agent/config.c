#include "agent/config.h"

#include "agent/target/wiring.h"
#include "proto/base/conf.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* libconfuse reports through a callback without an argument; the agent reads
 * its configuration once, in one thread. */
static struct err *report_to;

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	conf_error(report_to, cfg ? cfg->filename : NULL, cfg ? cfg->line : 0,
		   fmt, ap);
}

/* ---- single values ---- */

static int bad(cfg_t *cfg, const cfg_opt_t *opt, const char *wanted)
{
	cfg_error(cfg, "%s: %s", opt->name, wanted);
	return -1;
}

static bool is_name(const char *s, size_t max)
{
	return s != NULL && s[0] != '\0' && strlen(s) <= max &&
	       s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "abcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
}

static int check_name(cfg_t *cfg, cfg_opt_t *opt)
{
	if (is_name(cfg_opt_getstr(opt), 32))
		return 0;
	return bad(cfg, opt, "1 to 32 of A-Z a-z 0-9 . _ -");
}

static int check_url(cfg_t *cfg, cfg_opt_t *opt)
{
	for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
		const char *u = cfg_opt_getnstr(opt, i);

		if (strncmp(u, "tls+tcp://", 10) != 0 || u[10] == '\0' ||
		    strlen(u) > 120)
			return bad(cfg, opt, "tls+tcp://HOST:PORT");
	}
	return 0;
}

static int check_enrol_url(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *u = cfg_opt_getstr(opt);

	if (strncmp(u, "https://", 8) != 0 || u[8] == '\0' || strlen(u) > 120)
		return bad(cfg, opt, "https://HOST:PORT");
	return 0;
}

/* As harness.fixture of a product manifest, which it is compared with. */
static int check_fixture(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *s = cfg_opt_getstr(opt);
	size_t n = 0;

	while (s[n] >= 0x20 && s[n] < 0x7F)
		n++;
	if (s[n] != '\0' || n > 32)
		return bad(cfg, opt, "at most 32 printable characters");
	return 0;
}

static int check_path(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *p = cfg_opt_getstr(opt);

	if (p == NULL || p[0] == '\0' || strlen(p) > 400)
		return bad(cfg, opt, "a path of 1 to 400 characters");
	return 0;
}

static int check_range(cfg_t *cfg, cfg_opt_t *opt, long low, long high)
{
	long v = cfg_opt_getnint(opt, 0);
	char wanted[64];

	if (v >= low && v <= high)
		return 0;
	snprintf(wanted, sizeof(wanted), "%ld to %ld, not %ld", low, high, v);
	return bad(cfg, opt, wanted);
}

static int check_hz(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_range(cfg, opt, 0, 30000000);
}

static int check_baud(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_range(cfg, opt, 9600, 3000000);
}

static int check_silence(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_range(cfg, opt, 500, 600000);
}

static int check_cache(cfg_t *cfg, cfg_opt_t *opt)
{
	return check_range(cfg, opt, 64, 65536);
}

static int check_layout(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *l = cfg_opt_getstr(opt);

	if (strcmp(l, "resistor") != 0 && strcmp(l, "output-enable") != 0)
		return bad(cfg, opt, "resistor or output-enable");
	return 0;
}

static int check_wiring(cfg_t *cfg, cfg_opt_t *opt)
{
	char names[128];

	if (wiring_find(cfg_opt_getstr(opt)) == NULL)
		return bad(cfg, opt, wiring_names(names, sizeof(names)));
	return 0;
}

static int check_level(cfg_t *cfg, cfg_opt_t *opt)
{
	enum log_level level;

	if (!log_level_parse(cfg_opt_getstr(opt), &level))
		return bad(cfg, opt, "error, warn, info or debug");
	return 0;
}

static void set_checks(cfg_t *cfg)
{
	cfg_set_validate_func(cfg, "station", check_name);
	cfg_set_validate_func(cfg, "controllers", check_url);
	cfg_set_validate_func(cfg, "enrol_url", check_enrol_url);
	cfg_set_validate_func(cfg, "data_dir", check_path);
	cfg_set_validate_func(cfg, "sfi_loader", check_path);
	cfg_set_validate_func(cfg, "silence_ms", check_silence);
	cfg_set_validate_func(cfg, "image_cache_mib", check_cache);
	cfg_set_validate_func(cfg, "log_level", check_level);
	cfg_set_validate_func(cfg, "harness|probe", check_name);
	cfg_set_validate_func(cfg, "harness|layout", check_layout);
	cfg_set_validate_func(cfg, "harness|wiring", check_wiring);
	cfg_set_validate_func(cfg, "harness|sfi_loader", check_path);
	cfg_set_validate_func(cfg, "harness|swd_hz", check_hz);
	cfg_set_validate_func(cfg, "harness|uart_baud", check_baud);
	cfg_set_validate_func(cfg, "harness|fixture", check_fixture);
}

/* ---- the whole ---- */

static enum err_code take_harnesses(struct config *c, const char *path,
				    struct err *e)
{
	cfg_t *cfg = c->cfg;

	c->harness_n = cfg_size(cfg, "harness");
	if (c->harness_n == 0 || c->harness_n > CONFIG_HARNESSES_MAX)
		return err_set(e, ERR_CONFIG,
			       "%s: harness: 1 to %u of them, not %zu", path,
			       CONFIG_HARNESSES_MAX, c->harness_n);
	for (size_t i = 0; i < c->harness_n; i++) {
		cfg_t *h = cfg_getnsec(cfg, "harness", (unsigned)i);
		struct config_harness *to = &c->harness[i];
		const char *layout = cfg_getstr(h, "layout");

		to->name = cfg_title(h);
		to->target.probe_serial = cfg_getstr(h, "probe");
		to->target.layout = strcmp(layout, "resistor") == 0
					    ? TARGET_LAYOUT_RESISTOR
					    : TARGET_LAYOUT_OUTPUT_ENABLE;
		to->target.wiring = cfg_getstr(h, "wiring");
		to->sfi_loader = cfg_getstr(h, "sfi_loader");
		if (to->sfi_loader == NULL)
			to->sfi_loader = cfg_getstr(cfg, "sfi_loader");
		to->target.swd_hz = (uint32_t)cfg_getint(h, "swd_hz");
		to->target.uart_baud = (uint32_t)cfg_getint(h, "uart_baud");
		to->fixture = cfg_getstr(h, "fixture");
		to->scanner = cfg_getstr(h, "scanner");
		if (to->scanner[0] == '\0')
			to->scanner = NULL;
		if (!is_name(to->name, 32))
			return err_set(e, ERR_CONFIG,
				       "%s: harness: 1 to 32 of A-Z a-z 0-9 . "
				       "_ - as its name",
				       path);
		if (to->target.probe_serial == NULL)
			return err_set(e, ERR_CONFIG,
				       "%s: harness %s: probe is missing", path,
				       to->name);
		if (to->sfi_loader == NULL)
			return err_set(e, ERR_CONFIG,
				       "%s: sfi_loader is missing, and harness "
				       "%s has none of its own",
				       path, to->name);
	}
	return ERR_OK;
}

static enum err_code take_values(struct config *c, const char *path,
				 struct err *e)
{
	static const char *const needed[] = {"station", "enrol_url",
					     "data_dir"};
	cfg_t *cfg = c->cfg;

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (cfg_getstr(cfg, needed[i]) == NULL)
			return err_set(e, ERR_CONFIG, "%s: %s is missing", path,
				       needed[i]);
	c->station = cfg_getstr(cfg, "station");
	c->server_name = cfg_getstr(cfg, "server_name");
	c->enrol_url = cfg_getstr(cfg, "enrol_url");
	c->data_dir = cfg_getstr(cfg, "data_dir");
	c->reader = cfg_getstr(cfg, "reader");
	c->silence_ms = (int)cfg_getint(cfg, "silence_ms");
	c->image_cache_mib = (unsigned)cfg_getint(cfg, "image_cache_mib");
	(void)log_level_parse(cfg_getstr(cfg, "log_level"), &c->log_level);
	c->controller_n = cfg_size(cfg, "controllers");
	if (c->controller_n == 0 || c->controller_n > CONFIG_URLS_MAX)
		return err_set(e, ERR_CONFIG,
			       "%s: controllers: 1 to %u addresses, not %zu",
			       path, CONFIG_URLS_MAX, c->controller_n);
	for (size_t i = 0; i < c->controller_n; i++)
		c->controllers[i] =
			cfg_getnstr(cfg, "controllers", (unsigned)i);
	return take_harnesses(c, path, e);
}

enum err_code config_load(struct config *c, const char *path, struct err *e)
{
	cfg_opt_t harness[] = {
		CFG_STR("probe", NULL, CFGF_NONE),
		CFG_STR("layout", "resistor", CFGF_NONE),
		CFG_STR("wiring", "bench", CFGF_NONE),
		CFG_STR("sfi_loader", NULL, CFGF_NONE),
		CFG_INT("swd_hz", 0, CFGF_NONE),
		CFG_INT("uart_baud", 115200, CFGF_NONE),
		CFG_STR("scanner", "", CFGF_NONE),
		CFG_STR("fixture", "", CFGF_NONE),
		CFG_END(),
	};
	cfg_opt_t opts[] = {
		CFG_STR("station", NULL, CFGF_NONE),
		CFG_STR_LIST("controllers", NULL, CFGF_NONE),
		CFG_STR("server_name", "", CFGF_NONE),
		CFG_STR("enrol_url", NULL, CFGF_NONE),
		CFG_STR("data_dir", NULL, CFGF_NONE),
		CFG_STR("reader", "*", CFGF_NONE),
		CFG_STR("sfi_loader", NULL, CFGF_NONE),
		CFG_INT("silence_ms", 10000, CFGF_NONE),
		CFG_INT("image_cache_mib", 256, CFGF_NONE),
		CFG_STR("log_level", "info", CFGF_NONE),
		CFG_SEC("harness", harness,
			CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_END(),
	};
	struct err seen = {.code = ERR_OK};
	int rc;

	*c = (struct config){.log_level = LOG_INFO};
	if (conf_check_file(path, e) != ERR_OK)
		return ERR_CONFIG;
	c->cfg = cfg_init(opts, CFGF_NONE);
	if (c->cfg == NULL)
		return err_set(e, ERR_NO_MEMORY, "configuration");
	report_to = &seen;
	cfg_set_error_function(c->cfg, on_error);
	set_checks(c->cfg);
	rc = cfg_parse(c->cfg, path);
	report_to = NULL;
	if (rc != CFG_SUCCESS) {
		if (seen.code == ERR_OK)
			(void)err_set(&seen, ERR_CONFIG, "%s: cannot be read",
				      path);
		if (e != NULL)
			*e = seen;
		return seen.code;
	}
	return take_values(c, path, e);
}

void config_fini(struct config *c)
{
	if (c->cfg != NULL)
		(void)cfg_free(c->cfg);
	c->cfg = NULL;
}
