/* provline-usbfs: runs a program that sees the bench's probes as devices of the
 * Linux kernel, through the real libusb-1.0. */
#include "bench/usb/link.h"
#include "bench/usbfs/usbfs.h"
#include "proto/base/log.h"

#include <errno.h>
#include <getopt.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM	   "provline-usbfs"
#define PRELOAD	   "libumockdev-preload.so.0"
#define AGAIN_ENV  "PROVLINE_USBFS_PRELOADED"
#define REFRESH_MS 50u

static const char help[] =
	"Usage: provline-usbfs [--socket PATH] [--log LEVEL] -- COMMAND "
	"[ARG...]\n"
	"\n"
	"Runs COMMAND with the probes of a running provline-bench as USB\n"
	"devices under /dev/bus/usb and /sys, by umockdev. COMMAND and its\n"
	"libusb-1.0 stay as they are. --socket is the bench's usb_socket\n"
	"(default: PROVLINE_BENCH_SOCKET). Exits as COMMAND does, with 128 "
	"and\n"
	"the signal's number when it was killed.\n";

struct run {
	GMainLoop *loop;
	GPid pid;
	int status; /* as waitpid() gives it */
	struct usbfs *usbfs;
};

/* -------- the command -------- */

/* In the child: it must not outlive the devices. */
static void child_setup(gpointer arg)
{
	sigset_t none;

	(void)arg;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static enum err_code start(struct run *r, char **argv, struct err *e)
{
	GError *error = NULL;

	if (!g_spawn_async(NULL, argv, NULL,
			   G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
				   G_SPAWN_CHILD_INHERITS_STDIN,
			   child_setup, NULL, &r->pid, &error)) {
		err_set(e, ERR_USAGE, "%s", error->message);
		g_error_free(error);
	}
	return e->code;
}

static void on_exit_of_child(GPid pid, gint status, gpointer arg)
{
	struct run *r = arg;

	(void)pid;
	r->status = status;
	g_main_loop_quit(r->loop);
}

static gboolean on_refresh(gpointer arg)
{
	struct run *r = arg;

	usbfs_refresh(r->usbfs);
	return G_SOURCE_CONTINUE;
}

static gboolean on_term(gpointer arg)
{
	struct run *r = arg;

	kill(r->pid, SIGTERM);
	return G_SOURCE_CONTINUE;
}

/* From a terminal the child gets it too. */
static gboolean on_interrupt(gpointer arg)
{
	(void)arg;
	return G_SOURCE_CONTINUE;
}

/* What GLib and umockdev have to say. A program that is killed in the middle of
 * an ioctl is no fault. */
static void on_glib_log(const gchar *domain, GLogLevelFlags level,
			const gchar *message, gpointer arg)
{
	char text[512];

	(void)domain;
	(void)arg;
	log_quote(text, sizeof(text), message, strlen(message));
	if ((level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL |
		      G_LOG_LEVEL_WARNING)) != 0 &&
	    strstr(message, "IoctlClient with open stream") == NULL)
		log_warn("USBFS_GLIB", "text=%s", text);
	else
		log_debug("USBFS_GLIB", "text=%s", text);
	if (level & G_LOG_FLAG_FATAL)
		abort();
}

static int run(char **argv)
{
	struct run r = {.loop = g_main_loop_new(NULL, FALSE)};
	struct err e = {0};

	if (usbfs_new(&r.usbfs, &e) == ERR_OK) {
		if (start(&r, argv, &e) == ERR_OK) {
			g_child_watch_add(r.pid, on_exit_of_child, &r);
			g_timeout_add(REFRESH_MS, on_refresh, &r);
			g_unix_signal_add(SIGTERM, on_term, &r);
			g_unix_signal_add(SIGINT, on_interrupt, &r);
			g_main_loop_run(r.loop);
		}
		usbfs_free(r.usbfs);
	}
	g_main_loop_unref(r.loop);
	if (e.code != ERR_OK)
		return err_print(stderr, PROGRAM, &e);
	return WIFSIGNALED(r.status) ? 128 + WTERMSIG(r.status)
				     : WEXITSTATUS(r.status);
}

static int usage(const char *what)
{
	struct err e = {0};

	err_set(&e, ERR_USAGE, "%s", what);
	return err_print(stderr, PROGRAM, &e);
}

/* -------- the environment -------- */

static void env_add(const char *name, const char *value)
{
	const char *have = g_getenv(name);
	char *all = have != NULL && *have != '\0'
			    ? g_strconcat(have, ":", value, NULL)
			    : g_strdup(value);

	g_setenv(name, all, TRUE);
	g_free(all);
}

/* umockdev's library must be loaded into COMMAND, and into this program, whose
 * uevents are made out of what libudev sees in the test bed. */
static int run_again_preloaded(char **argv)
{
	struct err e = {0};

	env_add("LD_PRELOAD", PRELOAD);
	/* For programs with AddressSanitizer, which else wants to be first. */
	env_add("ASAN_OPTIONS", "verify_asan_link_order=0");
	g_setenv(AGAIN_ENV, "1", TRUE);
	execv("/proc/self/exe", argv);
	err_set_errno(&e, ERR_IO, errno, "cannot run /proc/self/exe");
	return err_print(stderr, PROGRAM, &e);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},
		{"log", required_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	enum log_level level = LOG_WARN;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(help, stdout);
			return 0;
		}
		if (c == 's')
			g_setenv(LINK_ENV, optarg, TRUE);
		else if (c != 'l' || !log_level_parse(optarg, &level))
			return usage("unknown option, no value, or no such log "
				     "level");
	}
	if (optind == argc)
		return usage("a COMMAND is needed");
	if (g_getenv(LINK_ENV) == NULL)
		return usage("--socket PATH is needed");
	if (g_getenv(AGAIN_ENV) == NULL)
		return run_again_preloaded(argv);
	g_unsetenv(AGAIN_ENV);
	log_init(PROGRAM, level);
	g_log_set_default_handler(on_glib_log, NULL);
	return run(argv + optind);
}
