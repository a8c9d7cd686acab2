#include "bench/daemon/config.h"

#include "bench/chip/chip.h"
#include "proto/base/conf.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/un.h>

/* libconfuse reports through a callback without an argument of ours. The file
 * is read once, before any thread is started. */
static struct err *report_to;

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	conf_error(report_to, cfg ? cfg->filename : NULL, cfg ? cfg->line : 0,
		   fmt, ap);
}

static int reject(cfg_t *cfg, cfg_opt_t *opt, const char *what)
{
	cfg_error(cfg, "%s: %s", opt->name, what);
	return -1;
}

static int check_pace(cfg_t *cfg, cfg_opt_t *opt)
{
	double v = cfg_opt_getnfloat(opt, 0);

	return v >= 0 && v <= 1000 ? 0 : reject(cfg, opt, "not in 0 to 1000");
}

static int check_seed(cfg_t *cfg, cfg_opt_t *opt)
{
	return cfg_opt_getnint(opt, 0) >= 0 ? 0
					    : reject(cfg, opt, "is negative");
}

static int check_type(cfg_t *cfg, cfg_opt_t *opt)
{
	enum probe_type type;

	return probe_type_parse(cfg_opt_getnstr(opt, 0), &type)
		       ? 0
		       : reject(cfg, opt, "not ft2232h, ft232h or ft4232h");
}

static bool layout_parse(const char *name, enum harness_layout *layout)
{
	static const char *const NAMES[] = {
		[HARNESS_RESISTOR] = "resistor",
		[HARNESS_OUTPUT_ENABLE] = "output-enable",
		[HARNESS_SPI_NOR] = "spi-nor",
	};

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		if (strcmp(name, NAMES[i]) == 0) {
			*layout = (enum harness_layout)i;
			return true;
		}
	}
	return false;
}

static int check_layout(cfg_t *cfg, cfg_opt_t *opt)
{
	enum harness_layout layout;

	return layout_parse(cfg_opt_getnstr(opt, 0), &layout)
		       ? 0
		       : reject(cfg, opt,
				"not resistor, output-enable or spi-nor");
}

static int check_wiring(cfg_t *cfg, cfg_opt_t *opt)
{
	return chip_has_wiring(cfg_opt_getnstr(opt, 0))
		       ? 0
		       : reject(cfg, opt, "neither bench nor b-u585i-iot02a");
}

/* What a string descriptor is given here; libftdi and openocd replace anything
 * else by question marks, and then nothing finds it. */
static bool is_printable(const char *v)
{
	while (*v >= 0x20 && *v <= 0x7E)
		v++;
	return *v == '\0';
}

static int check_string(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *v = cfg_opt_getnstr(opt, 0);

	if (!is_printable(v))
		return reject(cfg, opt, "not printable ASCII");
	return strlen(v) <= PROBE_STRING_MAX
		       ? 0
		       : reject(cfg, opt, "longer than 126 characters");
}

static int check_socket(cfg_t *cfg, cfg_opt_t *opt)
{
	size_t n = strlen(cfg_opt_getnstr(opt, 0));

	return n > 0 && n < sizeof(((struct sockaddr_un *)0)->sun_path)
		       ? 0
		       : reject(cfg, opt, "not a path of 1 to 107 bytes");
}

static int check_title(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *sec = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	size_t n = strlen(cfg_title(sec));

	if (!is_printable(cfg_title(sec)))
		return reject(cfg, opt, "name not printable ASCII");
	return n > 0 && n <= PROBE_STRING_MAX
		       ? 0
		       : reject(cfg, opt, "name not of 1 to 126 characters");
}

static cfg_t *parser_new(void)
{
	cfg_opt_t probe[] = {
		CFG_STR("type", "ft2232h", CFGF_NONE),
		CFG_STR("manufacturer", "Provline", CFGF_NONE),
		CFG_STR("product", "Provline harness", CFGF_NONE),
		CFG_STR("layout", "resistor", CFGF_NONE),
		CFG_STR("trace", "", CFGF_NONE),
		CFG_STR("scanner", "", CFGF_NONE),
		CFG_END(),
	};
	cfg_opt_t reader[] = {
		CFG_STR("socket", NULL, CFGF_NODEFAULT),
		CFG_END(),
	};
	cfg_opt_t top[] = {
		CFG_STR("usb_socket", NULL, CFGF_NODEFAULT),
		CFG_STR("control_socket", NULL, CFGF_NODEFAULT),
		CFG_STR("data_dir", NULL, CFGF_NODEFAULT),
		CFG_STR("maker_key", "", CFGF_NONE),
		CFG_STR("nor_part", "w25q64jv", CFGF_NONE),
		CFG_STR("wiring", "bench", CFGF_NONE),
		CFG_FLOAT("pace", 0.0, CFGF_NONE),
		CFG_BOOL("patient", cfg_false, CFGF_NONE),
		CFG_INT("seed", 1, CFGF_NONE),
		CFG_SEC("probe", probe,
			CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_SEC("card_reader", reader,
			CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_END(),
	};
	cfg_t *cfg = cfg_init(top, CFGF_NONE);

	if (cfg == NULL)
		return NULL;
	cfg_set_error_function(cfg, on_error);
	cfg_set_validate_func(cfg, "pace", check_pace);
	cfg_set_validate_func(cfg, "seed", check_seed);
	cfg_set_validate_func(cfg, "usb_socket", check_socket);
	cfg_set_validate_func(cfg, "control_socket", check_socket);
	cfg_set_validate_func(cfg, "wiring", check_wiring);
	cfg_set_validate_func(cfg, "probe", check_title);
	cfg_set_validate_func(cfg, "probe|type", check_type);
	cfg_set_validate_func(cfg, "probe|layout", check_layout);
	cfg_set_validate_func(cfg, "probe|manufacturer", check_string);
	cfg_set_validate_func(cfg, "probe|product", check_string);
	cfg_set_validate_func(cfg, "card_reader|socket", check_socket);
	return cfg;
}

static enum err_code required(cfg_t *cfg, const char *path, const char *key,
			      const char **value, struct err *e)
{
	*value = cfg_getstr(cfg, key);
	if (*value != NULL && **value != '\0')
		return ERR_OK;
	return err_set(e, ERR_CONFIG, "%s:%d: %s is missing", path, cfg->line,
		       key);
}

static const char *optional(cfg_t *cfg, const char *key)
{
	const char *v = cfg_getstr(cfg, key);

	return v != NULL && *v != '\0' ? v : NULL;
}

static enum err_code take_probe(struct config_probe *p, cfg_t *sec,
				const char *path, struct err *e)
{
	probe_type_parse(cfg_getstr(sec, "type"), &p->usb.type);
	p->usb.serial = cfg_title(sec);
	p->usb.manufacturer = cfg_getstr(sec, "manufacturer");
	p->usb.product = cfg_getstr(sec, "product");
	layout_parse(cfg_getstr(sec, "layout"), &p->layout);
	p->trace = optional(sec, "trace");
	p->scanner = optional(sec, "scanner");
	if (p->layout == HARNESS_SPI_NOR && p->trace != NULL)
		return err_set(e, ERR_CONFIG,
			       "%s:%d: trace knows SWD and UART only, not the "
			       "spi-nor layout",
			       path, sec->line);
	return ERR_OK;
}

static enum err_code take_sections(struct config *c, cfg_t *cfg,
				   const char *path, struct err *e)
{
	c->probes_n = cfg_size(cfg, "probe");
	c->readers_n = cfg_size(cfg, "card_reader");
	if (c->probes_n > CONFIG_PROBES_MAX ||
	    c->readers_n > CONFIG_READERS_MAX)
		return err_set(e, ERR_CONFIG,
			       "%s: more than %u probes or %u card readers",
			       path, CONFIG_PROBES_MAX, CONFIG_READERS_MAX);
	for (unsigned i = 0; i < c->probes_n; i++) {
		enum err_code rc = take_probe(
			&c->probes[i], cfg_getnsec(cfg, "probe", i), path, e);

		if (rc != ERR_OK)
			return rc;
	}
	for (unsigned i = 0; i < c->readers_n; i++) {
		cfg_t *sec = cfg_getnsec(cfg, "card_reader", i);
		enum err_code rc =
			required(sec, path, "socket", &c->readers[i].socket, e);

		if (rc != ERR_OK)
			return rc;
		c->readers[i].name = cfg_title(sec);
	}
	return ERR_OK;
}

static enum err_code take(struct config *c, cfg_t *cfg, const char *path,
			  struct err *e)
{
	enum err_code rc;

	if ((rc = required(cfg, path, "usb_socket", &c->usb_socket, e)) ||
	    (rc = required(cfg, path, "control_socket", &c->control_socket,
			   e)) ||
	    (rc = required(cfg, path, "data_dir", &c->data_dir, e)))
		return rc;
	c->maker_key = optional(cfg, "maker_key");
	c->nor_part = cfg_getstr(cfg, "nor_part");
	c->wiring = cfg_getstr(cfg, "wiring");
	c->pace = cfg_getfloat(cfg, "pace");
	c->patient = cfg_getbool(cfg, "patient");
	c->seed = (uint64_t)cfg_getint(cfg, "seed");
	return take_sections(c, cfg, path, e);
}

enum err_code config_load(struct config *c, const char *path, struct err *e)
{
	struct err local = {0};
	cfg_t *cfg = parser_new();
	int rc = CFG_FILE_ERROR;

	memset(c, 0, sizeof(*c));
	if (cfg == NULL)
		return err_set(e, ERR_NO_MEMORY, "configuration");
	report_to = &local;
	if (conf_check_file(path, &local) == ERR_OK)
		rc = cfg_parse(cfg, path);
	report_to = NULL;
	if (rc != CFG_SUCCESS && local.code == ERR_OK)
		err_set(&local, ERR_CONFIG, "%s: not valid", path);
	else if (rc == CFG_SUCCESS)
		take(c, cfg, path, &local);
	if (local.code != ERR_OK) {
		cfg_free(cfg);
		if (e != NULL)
			*e = local;
		return local.code;
	}
	c->parsed = cfg;
	return ERR_OK;
}

void config_fini(struct config *c)
{
	if (c->parsed != NULL)
		cfg_free(c->parsed);
	c->parsed = NULL;
}
