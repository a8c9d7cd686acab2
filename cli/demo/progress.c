#include "cli/demo/progress.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static bool drawn;

static bool on_terminal(void)
{
	return isatty(STDERR_FILENO);
}

void progress_say(const char *what)
{
	if (!on_terminal()) {
		fprintf(stderr, "%s\n", what);
		return;
	}
	fprintf(stderr, "\r\033[K%s", what);
	fflush(stderr);
	drawn = true;
}

/* " 1/H1 spi-flash 42%" for each harness. */
static void add_harnesses(char *line, size_t size, const json_t *station)
{
	const json_t *h;
	size_t i, n = strlen(line);

	json_array_foreach (json_object_get(station, "harnesses"), i, h) {
		const char *state =
			json_string_value(json_object_get(h, "state"));
		const char *step =
			json_string_value(json_object_get(h, "step"));
		bool busy = state && strcmp(state, "busy") == 0;

		if (n < size)
			n += (size_t)snprintf(
				line + n, size - n, " | %.12s %.20s",
				json_string_value(
					json_object_get(station, "station")),
				busy && step ? step : (state ? state : "?"));
	}
}

void progress_show(struct rest *r, const char *lot, size_t done, size_t count)
{
	json_t *status = NULL, *station;
	char line[200];
	struct err e;
	size_t i;

	if (!on_terminal() || rest_call(r, "GET", "/status", NULL, &status, &e))
		return;
	snprintf(line, sizeof line, "lot %s: %zu of %zu boards", lot, done,
		 count);
	json_array_foreach (json_object_get(status, "stations"), i, station)
		add_harnesses(line, sizeof line, station);
	json_decref(status);
	progress_say(line);
}

void progress_end(void)
{
	if (drawn)
		fprintf(stderr, "\r\033[K");
	drawn = false;
}
