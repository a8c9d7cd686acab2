/* The console over the fake store, with stations that move: for the browser
 * test and for looking at pages without a line.
 *
 *   console-bench CERT KEY CA CA_KEY WEB_DIR IMAGE_DIR [ROWS [PORT]]
 *
 * With a PORT a browser's session from before is still open.
 *
 * Prints "port N" when it listens. Commands on stdin, one a line: "step" (the
 * boards go on), "offline" (station st2 leaves), "online", "log TEXT". End of
 * input or SIGTERM: closes everything, exit 0. */
#include "controller/console/console.h"
#include "controller/enrol/station_ca.h"
#include "proto/base/log.h"
#include "proto/rules.h"
#include "tests/e2e/fake_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct console *console;
static unsigned ticks;
static bool st2_offline, closing;
static uv_pipe_t input;
static uv_signal_t terminate;
static char input_buf[4096];

static json_t *harness(unsigned station, unsigned n)
{
	static const char *const states[] = {"busy", "busy", "pass", "fail"};
	unsigned phase = ticks + station * 3 + n * 5;
	enum step step = (enum step)(phase % STEP_COUNT);
	const char *state = states[phase / STEP_COUNT % 4];
	char name[8];

	snprintf(name, sizeof(name), "h%u", n);
	return json_pack(
		"{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:i,s:s}", "harness", name,
		"state", state, "step", step_name(step), "attempt",
		"7b0f6a6e-3c69-4a8e-9d53-0d1b1d9f2a11", "uid",
		"0000000000000000000000a1", "board_serial", "B00042",
		"failure_code", strcmp(state, "fail") ? "" : "wifi", "percent",
		(int)(phase * 17 % 101), "note",
		strcmp(state, "fail") ? "" : "send to repair: WiFi module");
}

static json_t *on_stations(void *ctx)
{
	json_t *list = json_array();

	(void)ctx;
	for (unsigned s = 1; s <= FAKE_STATIONS; s++) {
		char name[8];
		bool online = !(s == 2 && st2_offline);

		snprintf(name, sizeof(name), "st%u", s);
		json_array_append_new(
			list,
			json_pack("{s:s,s:b,s:s,s:s,s:i,s:[o,o],s:[{s:s,s:s,"
				  "s:i,s:i,s:s}]}",
				  "station", name, "online", online,
				  "agent_version", "0.1.0", "last_seen",
				  "2026-03-01T08:15:30.123Z", "spooled",
				  online ? 0 : 4, "harnesses", harness(s, 1),
				  harness(s, 2), "cards", "card_serial",
				  "PV000001", "fwid", "gateway-u5-1.2",
				  "counter", s == 3 ? 9 : 930, "maximum", 1000,
				  "state", "operational"));
	}
	return list;
}

static json_t *on_alarms(void *ctx)
{
	(void)ctx;
	return st2_offline ? json_pack("[{s:s,s:s}]", "code", "station-offline",
				       "text",
				       "Station st2 does not answer since "
				       "08:15. Its boards go on by themselves; "
				       "check its network cable.")
			   : json_array();
}

static void on_closed(void *arg)
{
	(void)arg;
}

static void close_all(void)
{
	if (closing)
		return;
	closing = true;
	uv_close((uv_handle_t *)&input, NULL);
	uv_close((uv_handle_t *)&terminate, NULL);
	console_close(console, on_closed, NULL);
}

static void on_signal(uv_signal_t *s, int signum)
{
	(void)s;
	(void)signum;
	close_all();
}

static void obey(const char *line)
{
	if (!strcmp(line, "step")) {
		ticks++;
		fake.passed++;
	} else if (!strcmp(line, "offline")) {
		st2_offline = true;
	} else if (!strcmp(line, "online")) {
		st2_offline = false;
	} else if (!strncmp(line, "log ", 4)) {
		console_log(console, "st1", "h1",
			    "7b0f6a6e-3c69-4a8e-9d53-0d1b1d9f2a11", line + 4);
	}
	console_changed(console);
}

static void on_alloc(uv_handle_t *h, size_t want, uv_buf_t *buf)
{
	(void)h;
	(void)want;
	*buf = uv_buf_init(input_buf, sizeof(input_buf) - 1);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	(void)s;
	if (n < 0) {
		close_all();
		return;
	}
	buf->base[n] = '\0';
	for (char *line = strtok(buf->base, "\n"); line;
	     line = strtok(NULL, "\n"))
		obey(line);
}

static int fail(const struct err *e)
{
	return err_print(stderr, "console-bench", e);
}

int main(int argc, char **argv)
{
	struct station_ca *ca = NULL;
	uv_loop_t *loop = uv_default_loop();
	struct console_config config = {
		.host = "127.0.0.1",
		.upload = {.image_max_bytes = 64u << 20,
			   .count_max = 8,
			   .keep_s = 3600},
		.key_dir = "release-keys",
		.live = {.stations = on_stations, .alarms = on_alarms},
	};
	struct err e;

	if (argc < 7)
		return 2;
	log_init("console-bench", LOG_INFO);
	config.cert_file = argv[1];
	config.key_file = argv[2];
	config.web_dir = *argv[5] ? argv[5] : NULL;
	config.image_dir = argv[6];
	fake.trace_rows = argc > 7 ? (unsigned)atoi(argv[7]) : 20;
	if (argc > 8) {
		config.port = (uint16_t)atoi(argv[8]);
		fake.session_open = true;
	}
	fake.passed = 71;
	fake.failed = 4;
	fake_init(loop);
	if (station_ca_open(&ca, argv[3], argv[4], &e))
		return fail(&e);
	config.station_ca = ca;
	if (console_open(&console, loop, &config, &e))
		return fail(&e);
	uv_signal_init(loop, &terminate);
	uv_signal_start(&terminate, on_signal, 15);
	uv_pipe_init(loop, &input, 0);
	uv_pipe_open(&input, 0);
	uv_read_start((uv_stream_t *)&input, on_alloc, on_read);
	printf("port %u\n", console_port(console));
	fflush(stdout);
	uv_run(loop, UV_RUN_DEFAULT);
	uv_loop_close(loop);
	station_ca_close(ca);
	return 0;
}
