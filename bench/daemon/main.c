/* provline-bench: virtual boards, probes and cards. */
#include "bench/card/card_new.h"
#include "bench/daemon/bench.h"
#include "bench/daemon/ctl.h"
#include "bench/daemon/server.h"
#include "proto/base/file.h"
#include "proto/base/log.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define PROGRAM "provline-bench"

static const char help[] =
	"Usage: provline-bench --config FILE [--check-config] [--log LEVEL]\n"
	"       provline-bench ctl --socket PATH JSON\n"
	"       provline-bench card-new --help\n"
	"\n"
	"Runs virtual boards behind virtual FT2232H probes. Programs reach them"
	"\n"
	"with LD_LIBRARY_PATH=build/lib/bench and PROVLINE_BENCH_SOCKET set "
	"to\n"
	"the configuration's usb_socket. ctl sends one command to the control\n"
	"socket and prints the answer (commands: bench/daemon/control.h).\n";

/* Blocked before any thread is made, so that all of them inherit it. */
static enum err_code signals(int *fd, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	*fd = signalfd(-1, &set, SFD_CLOEXEC);
	return *fd >= 0 ? ERR_OK : err_set_errno(e, ERR_IO, errno, "signalfd");
}

static enum err_code start_bays(struct bench *b, struct err *e)
{
	for (size_t i = 0; i < b->config.readers_n; i++) {
		char dir[512];
		struct card_bay_config c = {
			.socket_path = b->config.readers[i].socket,
			.run_dir = dir,
			.reader_name = b->config.readers[i].name,
		};
		enum err_code rc;

		snprintf(dir, sizeof(dir), "%s/reader-%zu", b->config.data_dir,
			 i + 1);
		rc = card_bay_start(&b->bays[i], &c, e);
		if (rc != ERR_OK)
			return rc;
		b->bays_n++;
	}
	return ERR_OK;
}

static enum err_code start_workers(struct bench *b, struct err *e)
{
	for (unsigned i = 0; i < b->config.probes_n; i++) {
		enum err_code rc = worker_start(&b->workers[i], &b->config, i,
						&b->boards, &b->feed, e);

		if (rc != ERR_OK)
			return rc;
		b->workers_n++;
	}
	return ERR_OK;
}

static enum err_code run(struct bench *b, struct err *e)
{
	int stop_fd = -1;
	enum err_code rc = signals(&stop_fd, e);

	feed_init(&b->feed);
	if (rc == ERR_OK)
		rc = file_mkdir(b->config.data_dir, 0700, e);
	if (rc != ERR_OK)
		goto out;
	rc = board_registry_init(&b->boards, b->config.data_dir,
				 b->config.maker_key, b->config.nor_part,
				 b->config.seed, e);
	if (rc != ERR_OK)
		goto out;
	b->boards.wiring = b->config.wiring;
	rc = start_bays(b, e);
	if (rc == ERR_OK)
		rc = start_workers(b, e);
	if (rc == ERR_OK)
		rc = server_run(b, stop_fd, e);
	for (size_t i = 0; i < b->workers_n; i++)
		worker_stop(&b->workers[i]);
	for (size_t i = 0; i < b->bays_n; i++)
		card_bay_stop(b->bays[i]);
	board_registry_fini(&b->boards);
out:
	feed_fini(&b->feed);
	if (stop_fd >= 0)
		close(stop_fd);
	return rc;
}

static int serve(const char *path, bool check_only)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct err e = {0};

	if (b == NULL)
		err_set(&e, ERR_NO_MEMORY, "bench");
	else if (config_load(&b->config, path, &e) == ERR_OK) {
		if (!check_only)
			run(b, &e);
		config_fini(&b->config);
	}
	free(b);
	return e.code == ERR_OK ? 0 : err_print(stderr, PROGRAM, &e);
}

static int usage(const char *what)
{
	struct err e = {0};

	err_set(&e, ERR_USAGE, "%s", what);
	return err_print(stderr, PROGRAM, &e);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check-config", no_argument, NULL, 'k'},
		{"log", required_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'},
		{0},
	};
	enum log_level level = LOG_INFO;
	const char *path = NULL;
	bool check_only = false;
	int c;

	if (argc > 1 && strcmp(argv[1], "ctl") == 0)
		return ctl_main(PROGRAM, argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "card-new") == 0)
		return card_new_main(PROGRAM, argc - 1, argv + 1);
	opterr = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return 0;
		}
		if (c == 'v') {
			puts(PROGRAM " " PROVLINE_VERSION);
			return 0;
		}
		if (c == 'c')
			path = optarg;
		else if (c == 'k')
			check_only = true;
		else if (c != 'l' || !log_level_parse(optarg, &level))
			return usage("unknown option, no value, or no such log "
				     "level");
	}
	if (path == NULL || optind != argc)
		return usage("--config FILE is needed");
	log_init(PROGRAM, level);
	return serve(path, check_only);
}
