/* provline-controller: the line's controller. This file only reads the command
 * line. */
#include "controller/config.h"
#include "controller/daemon.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define PROGRAM "provline-controller"

static const char usage[] =
	"usage: provline-controller --config FILE | --data DIR\n"
	"                           [--check-config]\n"
	"\n"
	"The line's controller: agents, database, web console. SIGTERM ends "
	"it\n"
	"when everything is committed.\n"
	"\n"
	"  --config FILE    the configuration; every key is explained in\n"
	"                   provline-controller.conf\n"
	"  --data DIR       the folder that `provline init` made; with "
	"--config\n"
	"                   it replaces the file's data_dir, alone it means\n"
	"                   defaults for everything else\n"
	"  --check-config   check it and exit\n"
	"  --help           this text\n"
	"  --version\n";

struct options {
	const char *config;
	const char *data;
	bool check;
	bool done; /* help or version was printed */
};

static enum err_code parse(int argc, char **argv, struct options *o,
			   struct err *e)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"data", required_argument, NULL, 'd'},
		{"check-config", no_argument, NULL, 'k'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{0}};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'c') {
			o->config = optarg;
		} else if (c == 'd') {
			o->data = optarg;
		} else if (c == 'k') {
			o->check = true;
		} else if (c == 'h' || c == 'v') {
			fputs(c == 'h' ? usage
				       : PROGRAM " " PROVLINE_VERSION "\n",
			      stdout);
			o->done = true;
			return ERR_OK;
		} else {
			return err_set(e, ERR_USAGE, "%s", argv[optind - 1]);
		}
	}
	if (optind != argc)
		return err_set(e, ERR_USAGE, "%s: no such argument",
			       argv[optind]);
	if (!o->config && !o->data)
		return err_set(e, ERR_USAGE,
			       "give --config FILE or --data DIR");
	return ERR_OK;
}

static enum err_code configure(const struct options *o, struct config *c,
			       struct err *e)
{
	enum err_code rc = ERR_OK;

	config_defaults(c);
	if (o->config)
		rc = config_load(c, o->config, e);
	if (!rc && o->data) {
		if (strlen(o->data) >= sizeof c->data_dir - 64)
			return err_set(e, ERR_USAGE, "--data: path too long");
		strcpy(c->data_dir, o->data);
	}
	return rc;
}

/* Keys are in memory: none may reach a core file or another user's files. */
static void harden(void)
{
	static const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	umask(077);
	signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct config config;
	struct err e = {0};
	enum err_code rc;

	harden();
	rc = parse(argc, argv, &o, &e);
	if (!rc && o.done)
		return 0;
	if (!rc)
		rc = configure(&o, &config, &e);
	if (!rc && o.check) {
		puts("the configuration is valid");
		return 0;
	}
	if (!rc) {
		log_init(PROGRAM, config.log_level);
		rc = daemon_run(&config, &e);
	}
	return rc ? err_print(stderr, PROGRAM, &e) : 0;
}
