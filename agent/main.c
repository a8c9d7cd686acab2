/* provline-agent: the station daemon. This file only wires. */
#include "agent/config.h"
#include "agent/enrol.h"
#include "agent/flow/cardbox.h"
#include "agent/flow/harness.h"
#include "agent/flow/keeper.h"
#include "agent/flow/resume.h"
#include "agent/link/cache.h"
#include "agent/link/link.h"
#include "agent/link/spool.h"
#include "agent/sfi_loader.h"
#include "proto/base/file.h"
#include "proto/base/log.h"

#include <curl/curl.h>
#include <getopt.h>
#include <mbedtls/platform_util.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define PROGRAM "provline-agent"

static const char usage[] =
	"usage: provline-agent --config FILE [--check-config | --enrol TOKEN]\n"
	"\n"
	"The daemon of one station: drives its harnesses and SFI card, and\n"
	"reports to the controller. SIGTERM ends it cleanly.\n"
	"\n"
	"  --config FILE    the configuration; every key is explained in\n"
	"                   provline-agent.conf\n"
	"  --check-config   check it and exit\n"
	"  --enrol TOKEN    enrol this station once, with the token that\n"
	"                   `provline station enroll` printed; - reads it\n"
	"                   from standard input\n"
	"  --help           this text\n"
	"  --version\n";

struct options {
	const char *config;
	const char *enrol;
	bool check;
};

struct agent {
	struct config config;
	struct spool *spool;
	struct link *link;
	struct cache *cache;
	struct cardbox *cards;
	struct dbuf loader[CONFIG_HARNESSES_MAX];
	struct station station;
	struct keeper keeper;
	struct harness harness[CONFIG_HARNESSES_MAX];
	size_t running; /* harness threads */
	bool keeping;	/* the keeper runs */
};

/* ---- options ---- */

/* Returns 0 to go on, -1 after help or version, else an error was set. */
static int parse_options(int argc, char **argv, struct options *o,
			 struct err *e)
{
	static const struct option table[] = {
		{"config", required_argument, NULL, 'c'},
		{"check-config", no_argument, NULL, 'k'},
		{"enrol", required_argument, NULL, 'e'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'k':
			o->check = true;
			break;
		case 'e':
			o->enrol = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return -1;
		case 'v':
			puts(PROGRAM " " PROVLINE_VERSION);
			return -1;
		default:
			err_set(e, ERR_USAGE, "%s: no such option, or no value",
				argv[optind - 1]);
			return 1;
		}
	}
	if (optind < argc || o->config == NULL) {
		if (optind < argc)
			err_set(e, ERR_USAGE, "%s: not expected", argv[optind]);
		else
			err_set(e, ERR_USAGE, "--config FILE is missing");
		return 1;
	}
	return 0;
}

/* ---- enrolment ---- */

static enum err_code enrol(const struct config *c, const char *arg,
			   struct err *e)
{
	struct enrol_token token;
	char line[256] = "";
	enum err_code rc;

	if (strcmp(arg, "-") != 0)
		snprintf(line, sizeof(line), "%s", arg);
	else if (fgets(line, sizeof(line), stdin) == NULL)
		return err_set(e, ERR_INPUT, "no token on standard input");
	/* as copied from a terminal, where it is indented */
	line[strcspn(line, "\r\n")] = '\0';
	rc = enrol_token_parse(&token, line + strspn(line, " \t"), e);
	mbedtls_platform_zeroize(line, sizeof(line));
	if (rc == ERR_OK)
		rc = enrol_station(c->enrol_url, c->station, c->data_dir,
				   &token, e);
	enrol_token_fini(&token);
	return rc;
}

/* ---- the daemon's parts ---- */

static enum err_code load_loaders(struct agent *a, struct err *e)
{
	enum err_code rc = ERR_OK;

	for (size_t i = 0; i < a->config.harness_n && rc == ERR_OK; i++) {
		const struct config_harness *h = &a->config.harness[i];

		rc = sfi_loader_read(&a->loader[i], h->sfi_loader,
				     h->target.wiring, e);
		if (rc != ERR_OK)
			rc = err_prefix(e, "harness %s", h->name);
	}
	return rc;
}

static enum err_code open_link(struct agent *a, struct err *e)
{
	struct link_config lc = {
		.station = a->config.station,
		.urls = a->config.controllers,
		.url_n = a->config.controller_n,
		.server_name = a->config.server_name,
		.data_dir = a->config.data_dir,
		.agent_version = PROVLINE_VERSION,
	};

	return link_open(&a->link, &lc, a->spool, e);
}

static enum err_code open_parts(struct agent *a, struct err *e)
{
	char path[512];
	enum err_code rc = load_loaders(a, e);

	if (rc == ERR_OK)
		rc = file_mkdir(a->config.data_dir, 0700, e);
	snprintf(path, sizeof(path), "%s/spool.db", a->config.data_dir);
	if (rc == ERR_OK)
		rc = spool_open(&a->spool, path, e);
	if (rc == ERR_OK)
		rc = resume_recover(a->spool, e);
	if (rc == ERR_OK)
		rc = open_link(a, e);
	if (rc == ERR_OK)
		rc = cache_new(&a->cache, a->config.data_dir,
			       (uint64_t)a->config.image_cache_mib << 20,
			       a->link, e);
	if (rc == ERR_OK)
		rc = cardbox_start(&a->cards, a->config.reader, e);
	return rc;
}

static void init_station(struct agent *a)
{
	const char *names[CONFIG_HARNESSES_MAX];
	struct station *st = &a->station;

	for (size_t i = 0; i < a->config.harness_n; i++)
		names[i] = a->config.harness[i].name;
	station_init(st, names, a->config.harness_n);
	st->link = a->link;
	st->spool = a->spool;
	st->cache = a->cache;
	st->cards = a->cards;
	st->silence_ms = a->config.silence_ms;
	for (size_t i = 0; i < a->config.harness_n; i++) {
		st->harness[i].loader = a->loader[i].data;
		st->harness[i].loader_len = a->loader[i].len;
	}
}

static enum err_code start_threads(struct agent *a, struct err *e)
{
	enum err_code rc = keeper_start(&a->keeper, &a->station, e);

	a->keeping = rc == ERR_OK;
	for (size_t i = 0; i < a->config.harness_n && rc == ERR_OK; i++) {
		rc = harness_start(&a->harness[i], &a->station, i,
				   &a->config.harness[i].target,
				   a->config.harness[i].scanner,
				   a->config.harness[i].fixture, e);
		a->running += rc == ERR_OK;
	}
	return rc;
}

/* Attempts in hand end first, journalled; then nobody needs the link. */
static void stop_threads(struct agent *a)
{
	station_stop(&a->station);
	for (size_t i = 0; i < a->running; i++)
		harness_cancel(&a->harness[i]);
	link_stop(a->link);
	for (size_t i = 0; i < a->running; i++)
		harness_join(&a->harness[i]);
	if (a->keeping)
		keeper_join(&a->keeper);
	station_fini(&a->station);
}

static void close_parts(struct agent *a)
{
	cardbox_stop(a->cards);
	cache_free(a->cache);
	link_close(a->link);
	spool_close(a->spool);
	for (size_t i = 0; i < CONFIG_HARNESSES_MAX; i++)
		dbuf_fini(&a->loader[i]);
}

static enum err_code run(struct agent *a, const sigset_t *signals,
			 struct err *e)
{
	enum err_code rc = open_parts(a, e);
	int sig = 0;

	if (rc == ERR_OK) {
		init_station(a);
		rc = start_threads(a, e);
		if (rc == ERR_OK) {
			log_info("STARTED", "station=%s version=%s",
				 a->config.station, PROVLINE_VERSION);
			(void)sigwait(signals, &sig);
			log_info("STOPPING", "signal=%d", sig);
		}
		stop_threads(a);
	}
	close_parts(a);
	return rc;
}

/* Blocked in every thread; run() waits for them. */
static void block_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	static struct agent agent;
	struct options o = {0};
	struct rlimit no_core = {0, 0};
	struct err e = {0};
	enum err_code rc = ERR_OK;
	sigset_t signals;
	int parsed = parse_options(argc, argv, &o, &e);

	if (parsed != 0)
		return parsed < 0 ? 0 : err_print(stderr, PROGRAM, &e);
	(void)setrlimit(RLIMIT_CORE, &no_core); /* keys live here */
	rc = config_load(&agent.config, o.config, &e);
	if (rc == ERR_OK) {
		log_init(PROGRAM, agent.config.log_level);
		(void)curl_global_init(CURL_GLOBAL_DEFAULT);
		block_signals(&signals);
		if (o.enrol != NULL)
			rc = enrol(&agent.config, o.enrol, &e);
		else if (!o.check)
			rc = run(&agent, &signals, &e);
		curl_global_cleanup();
	}
	config_fini(&agent.config);
	return rc == ERR_OK ? 0 : err_print(stderr, PROGRAM, &e);
}
