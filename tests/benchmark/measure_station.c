/* Memory of a real provline-agent: a whole line as `provline demo --keep` runs
 * it, one station with four harnesses. Idle is its RSS when the line is up and
 * no board has been in; programming is its peak RSS (VmHWM) when four boards,
 * put in together, have been all the way through, so nothing in between can
 * be missed.
 */
#include "tests/benchmark/measure.h"

#include "proto/base/dbuf.h"
#include "proto/base/file.h"
#include "proto/base/mono.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define HARNESSES     4
#define UP_MS	      60000
#define BOARDS_MS     180000
#define STOP_MS	      20000
#define LOOK_MS	      50
#define TEXT_MAX      (1u << 20)
#define CONTROL_PLACE "BENCH_CONTROL="

/* ---- reading what programs write ---- */

/* The word behind `key` in a file, e.g. "VmRSS:". False: not there (yet). */
static bool word_behind(const char *path, const char *key, char *out,
			size_t size)
{
	struct dbuf text;
	const char *at = NULL;
	size_t len = 0;

	dbuf_init(&text, TEXT_MAX);
	if (file_read(path, &text, NULL) == ERR_OK)
		at = strstr(dbuf_text(&text), key);
	if (at) {
		at += strlen(key);
		at += strspn(at, " \t");
		len = strcspn(at, " \t\n");
	}
	if (len > 0 && len < size)
		snprintf(out, size, "%.*s", (int)len, at);
	dbuf_fini(&text);
	return len > 0 && len < size;
}

static enum err_code memory_mib(const char *pid, const char *key, double *mib,
				struct err *e)
{
	char path[64], kib[32];

	snprintf(path, sizeof path, "/proc/%.20s/status", pid);
	if (!word_behind(path, key, kib, sizeof kib))
		return err_set(e, ERR_IO, "%s has no %s", path, key);
	*mib = strtod(kib, NULL) / 1024.0;
	return ERR_OK;
}

/* ---- the line ---- */

struct station {
	struct process demo;
	char out[96];
	char pid[32];	   /* the agent's */
	char control[108]; /* its bench's control socket */
};

static void prepare(struct station *s, const struct rig *rig)
{
	char text[PATH_MAX];

	snprintf(s->out, sizeof s->out, "%s/line", rig->dir);
	process_init(&s->demo, "demo", rig->dir);
	snprintf(text, sizeof text, "%s/provline", rig->bin);
	process_arg(&s->demo, text);
	process_arg(&s->demo, "demo");
	process_arg(&s->demo, "--keep");
	process_arg(&s->demo, "--boards");
	process_arg(&s->demo, "0");
	process_arg(&s->demo, "--quantity");
	process_arg(&s->demo, "8");
	process_arg(&s->demo, "--stations");
	process_arg(&s->demo, "1");
	process_arg(&s->demo, "--harnesses");
	snprintf(text, sizeof text, "%d", HARNESSES);
	process_arg(&s->demo, text);
	process_arg(&s->demo, "--out");
	process_arg(&s->demo, s->out);
}

static bool is_up(struct station *s)
{
	char path[128], word[32];

	snprintf(path, sizeof path, "%s/log/agent-S1.pid", s->out);
	if (!word_behind(s->demo.log_path, "Ctrl-C", word, sizeof word) ||
	    !word_behind(path, "", s->pid, sizeof s->pid))
		return false;
	snprintf(path, sizeof path, "%s/line.env", s->out);
	return word_behind(path, CONTROL_PLACE, s->control, sizeof s->control);
}

static enum err_code line_up(struct station *s, struct err *e)
{
	struct mono deadline = mono_after_ms(UP_MS);
	enum err_code rc = process_start(&s->demo, e);

	while (!rc && !is_up(s)) {
		mono_sleep_ms(LOOK_MS);
		rc = process_watch(&s->demo, e);
		if (!rc && mono_passed(deadline))
			rc = err_set(e, ERR_TIMEOUT, "the line is not up");
	}
	return rc;
}

/* ---- boards ---- */

static enum err_code feed(struct control *c, struct err *e)
{
	json_t *boards = json_array();
	char serial[16];

	for (int i = 1; i <= HARNESSES; i++) {
		snprintf(serial, sizeof serial, "RSS%d", i);
		json_array_append_new(boards,
				      json_pack("{ss}", "serial", serial));
	}
	return control_call(
		c, json_pack("{ss so}", "cmd", "feed", "boards", boards), NULL,
		e);
}

/* How many have left the line, and how many of them under a green light. */
static enum err_code left(struct control *c, int *all, int *green,
			  struct err *e)
{
	json_t *reply = NULL, *board;
	enum err_code rc = control_call(
		c, json_pack("{ss}", "cmd", "feed-state"), &reply, e);
	size_t i;

	*all = *green = 0;
	json_array_foreach (json_object_get(reply, "done"), i, board) {
		const char *light =
			json_string_value(json_object_get(board, "light"));

		*all += 1;
		*green += light && strcmp(light, "green") == 0;
	}
	json_decref(reply);
	return rc;
}

static enum err_code run_boards(struct station *s, struct err *e)
{
	struct mono deadline = mono_after_ms(BOARDS_MS);
	struct control c;
	int all = 0, green = 0;
	enum err_code rc = control_open(&c, s->control, 1000, e);

	if (rc)
		return rc;
	rc = feed(&c, e);
	while (!rc && all < HARNESSES) {
		mono_sleep_ms(LOOK_MS);
		rc = left(&c, &all, &green, e);
		if (!rc && mono_passed(deadline))
			rc = err_set(e, ERR_TIMEOUT, "only %d boards were done",
				     all);
	}
	if (!rc && green != HARNESSES)
		rc = err_set(e, ERR_FAILED, "only %d of %d boards passed",
			     green, HARNESSES);
	control_close(&c);
	return rc;
}

enum err_code measure_station(struct run *r, struct err *e)
{
	struct station s = {0};
	double idle = 0, peak = 0;
	enum err_code rc;
	bool clean;

	prepare(&s, &r->rig);
	rc = line_up(&s, e);
	if (!rc)
		rc = memory_mib(s.pid, "VmRSS:", &idle, e);
	if (!rc)
		rc = run_boards(&s, e);
	if (!rc)
		rc = memory_mib(s.pid, "VmHWM:", &peak, e);
	process_stop(&s.demo, STOP_MS, &clean);
	process_fini(&s.demo);
	if (rc)
		return rc;
	run_result(r, FIGURE_RSS_IDLE, idle);
	run_result(r, FIGURE_RSS_PROGRAMMING, peak);
	return ERR_OK;
}
