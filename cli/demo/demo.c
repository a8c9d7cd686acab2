/* provline demo: one lot on the virtual bench, through the daemons, links and
 * file formats that a real line uses. */
#include "cli/cli.h"
#include "cli/demo/line.h"
#include "cli/demo/outputs.h"
#include "cli/demo/progress.h"
#include "cli/demo/scenario.h"
#include "proto/base/file.h"
#include "proto/base/mono.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WATCH_MS       100
#define BOARD_LIMIT_MS 180000 /* for one board, on a slow machine */
#define CLOSE_LIMIT_MS 20000

enum {
	OPT_STATIONS = 1000,
	OPT_HARNESSES,
	OPT_BOARDS,
	OPT_SCENARIO,
	OPT_QUANTITY,
	OPT_SEED,
	OPT_PACE,
	OPT_OUT,
	OPT_KEEP,
	OPT_LIST,
	OPT_TRACE,
};

struct demo_options {
	long stations, harnesses, boards, quantity, seed;
	double pace;
	const char *scenario, *out;
	bool keep, list, trace, seed_given;
	char default_out[PATH_MAX];
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

static enum err_code take_pace(struct demo_options *o, const char *value,
			       struct err *e)
{
	char *end;

	o->pace = strtod(value, &end);
	if (end == value || *end || !(o->pace >= 0 && o->pace <= 1000))
		return err_set(e, ERR_USAGE,
			       "--pace: \"%s\" is not a number from 0 to 1000",
			       value);
	return ERR_OK;
}

static enum err_code take_option(void *arg, int val, const char *value,
				 struct err *e)
{
	struct demo_options *o = arg;

	switch (val) {
	case OPT_STATIONS:
		return cli_number("--stations", value, 1, LINE_MAX_STATIONS,
				  &o->stations, e);
	case OPT_HARNESSES:
		return cli_number("--harnesses", value, 1, LINE_MAX_HARNESSES,
				  &o->harnesses, e);
	case OPT_BOARDS:
		return cli_number("--boards", value, 0, SCENARIO_MAX_BOARDS,
				  &o->boards, e);
	case OPT_QUANTITY:
		return cli_number("--quantity", value, 1, 1000000, &o->quantity,
				  e);
	case OPT_SEED:
		o->seed_given = true;
		return cli_number("--seed", value, 0, LONG_MAX, &o->seed, e);
	case OPT_PACE:
		return take_pace(o, value, e);
	case OPT_SCENARIO:
		o->scenario = value;
		return ERR_OK;
	case OPT_OUT:
		o->out = value;
		return ERR_OK;
	case OPT_TRACE:
		o->trace = true;
		return ERR_OK;
	case OPT_KEEP:
		o->keep = true;
		return ERR_OK;
	default:
		o->list = true;
		return ERR_OK;
	}
}

static enum err_code parse(struct cli *c, int argc, char **argv,
			   struct demo_options *o, struct err *e)
{
	static const struct option own[] = {
		{"stations", required_argument, NULL, OPT_STATIONS},
		{"harnesses", required_argument, NULL, OPT_HARNESSES},
		{"boards", required_argument, NULL, OPT_BOARDS},
		{"scenario", required_argument, NULL, OPT_SCENARIO},
		{"quantity", required_argument, NULL, OPT_QUANTITY},
		{"seed", required_argument, NULL, OPT_SEED},
		{"pace", required_argument, NULL, OPT_PACE},
		{"out", required_argument, NULL, OPT_OUT},
		{"keep", no_argument, NULL, OPT_KEEP},
		{"trace", no_argument, NULL, OPT_TRACE},
		{"list-faults", no_argument, NULL, OPT_LIST},
		{0}};
	enum err_code rc;
	int first;

	*o = (struct demo_options){
		.stations = 2, .harnesses = 1, .boards = 12, .seed = 1};
	rc = cli_options(c, argc, argv, own, take_option, o, &first, e);
	if (!rc && first != argc)
		rc = err_set(e, ERR_USAGE, "\"%s\" is one word too many",
			     argv[first]);
	return rc;
}

static enum err_code list_faults(const struct cli *c)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < scenario_fault_count(); i++) {
		json_array_append_new(list,
				      json_pack("{ss ss}", "fault",
						scenario_fault_name(i), "what",
						scenario_fault_text(i)));
		if (!c->json)
			printf("%-20s %s\n", scenario_fault_name(i),
			       scenario_fault_text(i));
	}
	if (c->json)
		cli_print_json(list);
	json_decref(list);
	return ERR_OK;
}

/* BUILD/demo/20260301-081530, beside the folder that the programs are in. */
static enum err_code choose_out(struct demo_options *o, struct err *e)
{
	char bin[400];
	ssize_t n = readlink("/proc/self/exe", bin, sizeof bin - 1);
	time_t now = time(NULL);
	struct tm tm;
	char stamp[32];

	if (o->out)
		return file_mkdir(o->out, 0755, e);
	if (n < 0)
		return err_set_errno(e, ERR_IO, errno, "/proc/self/exe");
	bin[n] = '\0';
	*strrchr(bin, '/') = '\0';
	localtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &tm);
	snprintf(o->default_out, sizeof o->default_out, "%s/../demo/%s-%d", bin,
		 stamp, (int)getpid());
	if (file_mkdir(o->default_out, 0755, e))
		return e->code;
	o->out = realpath(o->default_out, NULL);
	return o->out ? ERR_OK : err_set_errno(e, ERR_IO, errno, "--out");
}

static enum err_code feed(struct line *l, const struct scenario *s,
			  struct err *e)
{
	if (!s->count)
		return ERR_OK;
	return control_call(&l->control,
			    json_pack("{ss so}", "cmd", "feed", "boards",
				      scenario_to_json(s)),
			    NULL, e);
}

/* How many boards have left the line. */
static enum err_code boards_done(struct line *l, size_t *done, struct err *e)
{
	json_t *reply = NULL;
	enum err_code rc = control_call(
		&l->control, json_pack("{ss}", "cmd", "feed-state"), &reply, e);

	if (!rc)
		*done = json_array_size(json_object_get(reply, "done"));
	json_decref(reply);
	return rc;
}

static enum err_code run_lot(struct line *l, const struct scenario *s,
			     struct err *e)
{
	struct mono deadline = mono_after_ms(BOARD_LIMIT_MS);
	size_t done = 0, seen = 0;
	enum err_code rc = feed(l, s, e);

	while (!rc && done < s->count) {
		if (interrupted)
			return err_set(e, ERR_CANCELLED, "interrupted");
		mono_sleep_ms(WATCH_MS);
		rc = line_watch(l, e);
		if (!rc)
			rc = boards_done(l, &done, e);
		if (rc)
			break;
		progress_show(l->rest, l->lot, done, s->count);
		if (done != seen)
			deadline = mono_after_ms(BOARD_LIMIT_MS);
		seen = done;
		if (mono_passed(deadline))
			rc = err_set(e, ERR_TIMEOUT,
				     "no board was finished for %d s",
				     BOARD_LIMIT_MS / 1000);
	}
	progress_end();
	return rc;
}

/* The last result may still be on its way from a station's spool. */
static enum err_code close_lot(struct line *l, struct err *e)
{
	struct mono deadline = mono_after_ms(CLOSE_LIMIT_MS);
	enum err_code rc;
	char path[64];

	snprintf(path, sizeof path, "/lots/%s/close", l->lot);
	for (;;) {
		rc = rest_call(l->rest, "POST", path, NULL, NULL, e);
		if (!rc || mono_passed(deadline) || interrupted)
			return rc;
		mono_sleep_ms(WATCH_MS);
		if (line_watch(l, e))
			return e->code;
	}
}

static enum err_code finish(struct cli *c, struct line *l,
			    const struct scenario *s, struct err *e)
{
	json_t *summary = NULL;
	enum err_code rc = close_lot(l, e);

	if (!rc)
		rc = outputs_summary(l->rest, l->lot, &summary, e);
	if (!rc)
		rc = outputs_save(l->rest, l->lot, l->options.out, summary, e);
	if (!rc && c->json)
		cli_print_json(summary);
	else if (!rc)
		rc = outputs_print(stdout, l->rest, l->lot, summary, e);
	if (!rc && !c->json)
		printf("Files: %s\n", l->options.out);
	if (!rc)
		rc = outputs_judge(stderr, s, summary, e);
	json_decref(summary);
	return rc;
}

/* The line stays up until Ctrl-C, for a look at the console or for tests that
 * bring boards of their own. */
static enum err_code keep(struct line *l, struct err *e)
{
	json_t *sign_in = NULL;
	enum err_code rc =
		rest_call(l->rest, "POST", "/sign-ins", NULL, &sign_in, e);

	if (rc)
		return rc;
	printf("\nConsole: %s/#signin=%s\n"
	       "The browser does not know this line's CA: %s/ca.pem\n"
	       "Scripts: . %s/line.env\n"
	       "Ctrl-C ends the line.\n",
	       l->url, json_string_value(json_object_get(sign_in, "token")),
	       l->options.out, l->options.out);
	fflush(stdout);
	json_decref(sign_in);
	while (!interrupted && !rc) {
		mono_sleep_ms(WATCH_MS);
		rc = line_watch(l, e);
	}
	return rc;
}

static void say(const char *what)
{
	progress_say(what);
}

static enum err_code run_line(struct cli *c, const struct demo_options *o,
			      const struct scenario *s, struct err *e)
{
	struct line_options options = {
		.stations = (unsigned)o->stations,
		.harnesses = (unsigned)o->harnesses,
		.seed = (unsigned long)s->seed,
		.quantity = o->quantity ? (unsigned long)o->quantity
					: (s->count ? s->count : 1),
		.pace = o->pace,
		.trace = o->trace,
		.out = o->out,
	};
	struct line *l = calloc(1, sizeof *l);
	enum err_code rc;
	bool clean;

	if (!l)
		return err_set(e, ERR_NO_MEMORY, "the line");
	rc = line_init(l, &options, e);
	if (!rc)
		rc = line_start(l, say, e);
	if (!rc)
		rc = run_lot(l, s, e);
	if (!rc && s->count)
		rc = finish(c, l, s, e);
	if (!rc && o->keep)
		rc = keep(l, e);
	progress_end();
	line_stop(l, &clean);
	if (!rc && !clean) {
		rc = err_set(e, ERR_FAILED, "a daemon did not end cleanly");
		err_hint(e, "see %.140s", l->log);
	}
	free(l);
	return rc;
}

static void catch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal};

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

enum err_code cmd_demo(struct cli *c, int argc, char **argv, struct err *e)
{
	struct scenario s = {0};
	struct demo_options o;
	enum err_code rc = parse(c, argc, argv, &o, e);

	if (rc)
		return rc;
	if (o.list)
		return list_faults(c);
	if (o.scenario)
		rc = scenario_load(&s, o.scenario, e);
	else
		rc = scenario_make(&s, (size_t)o.boards, (uint64_t)o.seed, e);
	if (!rc && o.scenario && o.seed_given)
		s.seed = (uint64_t)o.seed;
	if (!rc)
		rc = choose_out(&o, e);
	if (!rc) {
		catch_signals();
		rc = run_line(c, &o, &s, e);
	}
	scenario_fini(&s);
	return rc;
}
