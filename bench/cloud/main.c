/* provline-cloud: wiring only. */
#include "bench/cloud/config.h"
#include "bench/cloud/est.h"
#include "bench/cloud/http.h"
#include "proto/base/log.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>

#define PROGRAM "provline-cloud"

static const char usage[] =
	"usage: provline-cloud --config FILE [--check-config]\n"
	"\n"
	"The reference device cloud: an EST server (RFC 7030) with its own "
	"CA.\n"
	"\n"
	"  --config FILE   see provline-cloud.conf for every key\n"
	"  --check-config  check the file and exit\n"
	"  --version\n"
	"  --help\n"
	"\n"
	"SIGTERM ends it, SIGHUP reads the fault_ keys again.\n";

struct args {
	const char *config;
	bool check_only, help, version;
};

static volatile sig_atomic_t stop, reload;
static struct http *running; /* for the signal handler alone */

static void on_signal(int signum)
{
	int saved = errno;

	if (signum == SIGHUP)
		reload = 1;
	else
		stop = 1;
	if (running)
		http_wake(running);
	errno = saved;
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static enum err_code args_parse(struct args *a, int argc, char **argv,
				struct err *e)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check-config", no_argument, NULL, 'k'},
		{"version", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			a->config = optarg;
			break;
		case 'k':
			a->check_only = true;
			break;
		case 'v':
			a->version = true;
			break;
		case 'h':
			a->help = true;
			break;
		default:
			return err_set(e, ERR_USAGE, "bad option %s",
				       argv[optind - 1]);
		}
	}
	if (optind != argc)
		return err_set(e, ERR_USAGE, "unexpected: %s", argv[optind]);
	if (!a->config && !a->help && !a->version)
		return err_set(e, ERR_USAGE, "--config FILE is needed");
	return ERR_OK;
}

/* A file that is wrong now leaves things as they are. */
static void reload_faults(struct cloud_config *config, const char *path)
{
	struct cloud_config again;
	struct err e;

	if (cloud_config_load(&again, path, &e)) {
		log_warn("RELOAD_FAILED", "error=%s", e.text);
		return;
	}
	config->faults = again.faults;
	cloud_config_fini(&again);
	log_info("RELOADED", "delay_ms=%u", config->faults.delay_ms);
}

static enum err_code serve(struct cloud_config *config, const char *path,
			   struct err *e)
{
	struct est *est = NULL;
	struct http *http = NULL;
	enum err_code rc = est_open(&est, config, e);

	if (!rc)
		rc = http_open(&http, config, est, e);
	if (rc)
		goto out;
	running = http;
	log_info("LISTENING", "address=%s port=%u", config->listen,
		 http_port(http));
	while (!stop) {
		http_serve(http);
		if (reload) {
			reload = 0;
			reload_faults(config, path);
		}
	}
	log_info("STOPPING", "reason=signal");
	running = NULL;
out:
	http_close(http);
	est_close(est);
	return rc;
}

int main(int argc, char **argv)
{
	struct cloud_config config = {0};
	struct args args = {0};
	enum err_code rc;
	struct err e;

	log_init(PROGRAM, LOG_INFO);
	rc = args_parse(&args, argc, argv, &e);
	if (!rc && (args.help || args.version)) {
		fputs(args.help ? usage : PROGRAM " " PROVLINE_VERSION "\n",
		      stdout);
		return 0;
	}
	if (!rc)
		rc = cloud_config_load(&config, args.config, &e);
	if (!rc && !args.check_only) {
		catch_signals();
		rc = serve(&config, args.config, &e);
	}
	cloud_config_fini(&config);
	return rc ? err_print(stderr, PROGRAM, &e) : 0;
}
