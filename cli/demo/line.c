#include "cli/demo/line.h"

#include "cli/demo/release.h"
#include "cli/demo/settings.h"
#include "proto/base/dbuf.h"
#include "proto/base/file.h"
#include "proto/base/mono.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#define READY_MS   120000
#define STOP_MS	   10000
#define PORT_FIRST 10000
#define PORT_COUNT 22000
#define PORT_TRIES 100
#define RUN_MS	   120000

/* ---- folders, ports ---- */

static enum err_code find_programs(struct line *l, struct err *e)
{
	ssize_t n = readlink("/proc/self/exe", l->bin, sizeof l->bin - 1);

	if (n < 0)
		return err_set_errno(e, ERR_IO, errno, "/proc/self/exe");
	l->bin[n] = '\0';
	*strrchr(l->bin, '/') = '\0';
	return ERR_OK;
}

/* A port that is free now, held by the socket; -1: none. Below those that the
 * kernel gives to connections (32768 on, as a rule): one of these could be
 * taken while a daemon that was killed is started again. */
static int hold_port(int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	for (int tries = 0; tries < PORT_TRIES; tries++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		uint16_t random = 0;

		if (fd < 0)
			return -1;
		if (getrandom(&random, sizeof random, 0) == sizeof random) {
			*port = PORT_FIRST + random % PORT_COUNT;
			a.sin_port = htons((uint16_t)*port);
			if (bind(fd, (struct sockaddr *)&a, sizeof a) == 0)
				return fd;
		}
		close(fd);
	}
	return -1;
}

/* All are held while they are chosen, so that they differ. */
static enum err_code choose_ports(int *const ports[], size_t count,
				  struct err *e)
{
	enum err_code rc = ERR_OK;
	int fds[8];
	size_t n;

	for (n = 0; n < count; n++) {
		fds[n] = hold_port(ports[n]);
		if (fds[n] < 0) {
			rc = err_set_errno(e, ERR_FAILED, errno,
					   "a free TCP port");
			break;
		}
	}
	while (n--)
		close(fds[n]);
	return rc;
}

enum err_code line_init(struct line *l, const struct line_options *o,
			struct err *e)
{
	int *const ports[] = {&l->cloud_port, &l->https_port, &l->agent_port};
	char work[] = "/tmp/provline-XXXXXX";
	enum err_code rc;

	*l = (struct line){.options = *o, .control.fd = -1};
	snprintf(l->lot, sizeof l->lot, "DEMO");
	snprintf(l->log, sizeof l->log, "%.390s/log", o->out);
	rc = file_mkdir(l->log, 0755, e);
	if (!rc)
		rc = find_programs(l, e);
	if (!rc)
		rc = choose_ports(ports, 3, e);
	if (rc)
		return rc;
	if (!mkdtemp(work))
		return err_set_errno(e, ERR_IO, errno, "%s", work);
	strcpy(l->work, work);
	snprintf(l->url, sizeof l->url, "https://localhost:%d", l->https_port);
	return ERR_OK;
}

/* "WORK/name" in one of a few turning buffers: good for an argument list. */
static const char *at(const struct line *l, const char *name)
{
	static char buffers[8][200];
	static unsigned turn;
	char *b = buffers[turn++ % 8];

	snprintf(b, sizeof buffers[0], "%s/%.120s", l->work, name);
	return b;
}

/* ---- waiting for daemons ---- */

static enum err_code watch_one(struct process *p, const char *what,
			       struct mono deadline, struct err *e)
{
	enum err_code rc = process_watch(p, e);

	if (rc)
		return rc;
	if (mono_passed(deadline)) {
		err_set(e, ERR_TIMEOUT, "%s is not ready: %s", p->name, what);
		return err_hint(e, "see %.140s", p->log_path);
	}
	mono_sleep_ms(20);
	return ERR_OK;
}

static bool port_answers(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool up;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	up = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
	if (fd >= 0)
		close(fd);
	return up;
}

static enum err_code wait_port(struct process *p, int port, struct err *e)
{
	struct mono deadline = mono_after_ms(READY_MS);
	enum err_code rc = ERR_OK;

	while (!rc && !port_answers(port))
		rc = watch_one(p, "its port does not answer", deadline, e);
	return rc;
}

/* ---- programs ---- */

void line_process(const struct line *l, struct process *p, const char *name,
		  const char *program, const char *config)
{
	char path[PATH_MAX];

	process_init(p, name, l->log);
	snprintf(path, sizeof path, "%s/%s", l->bin, program);
	process_arg(p, path);
	if (config) {
		process_arg(p, "--config");
		process_arg(p, config);
	}
}

/* A public file. */
static enum err_code copy(const char *from, const char *folder,
			  const char *name, struct err *e)
{
	char to[PATH_MAX];
	enum err_code rc;
	struct dbuf text;

	dbuf_init(&text, 65536);
	snprintf(to, sizeof to, "%s/%s", folder, name);
	rc = file_read(from, &text, e);
	if (!rc)
		rc = file_write(to, text.data, text.len, 0644, e);
	dbuf_fini(&text);
	return rc;
}

static enum err_code start_cloud(struct line *l, struct err *e)
{
	enum err_code rc = settings_cloud(l, at(l, "cloud.conf"), e);

	if (rc)
		return rc;
	line_process(l, &l->cloud, "cloud", "provline-cloud",
		     at(l, "cloud.conf"));
	rc = process_start(&l->cloud, e);
	if (!rc)
		rc = wait_port(&l->cloud, l->cloud_port, e);
	if (!rc)
		rc = copy(at(l, "cloud/cloud-ca.pem"), l->options.out,
			  "cloud-ca.pem", e);
	return rc;
}

static enum err_code new_card(struct line *l, unsigned station, struct err *e)
{
	struct process p;
	char number[16], file[32], serial[16];
	enum err_code rc;

	snprintf(number, sizeof number, "%lu", 2 * l->options.quantity + 10);
	snprintf(file, sizeof file, "S%u.card", station);
	snprintf(serial, sizeof serial, "CARD%04u", station);
	line_process(l, &p, "card-new", "provline-bench", NULL);
	process_arg(&p, "card-new");
	process_arg(&p, at(l, file));
	process_arg(&p, "--serial");
	process_arg(&p, serial);
	process_arg(&p, "--fwid");
	process_arg(&p, SETTINGS_FWID);
	process_arg(&p, "--key");
	process_arg(&p, at(l, "sfi.key"));
	process_arg(&p, "--max");
	process_arg(&p, number);
	process_arg(&p, "--maker-key");
	process_arg(&p, at(l, "maker.pem"));
	rc = process_run(&p, RUN_MS, e);
	process_fini(&p);
	return rc;
}

static enum err_code insert_card(struct line *l, unsigned station,
				 struct err *e)
{
	char file[32], bay[16];

	snprintf(file, sizeof file, "S%u.card", station);
	snprintf(bay, sizeof bay, "S%u", station);
	return control_call(&l->control,
			    json_pack("{ss ss ss}", "cmd", "card-insert",
				      "reader", bay, "file", at(l, file)),
			    NULL, e);
}

static enum err_code wait_control(struct line *l, struct err *e)
{
	struct mono deadline = mono_after_ms(READY_MS);
	enum err_code rc = ERR_OK;

	while (!rc && control_open(&l->control, at(l, "ctl"), 0, e))
		rc = watch_one(&l->bench, "its socket does not answer",
			       deadline, e);
	return rc;
}

static enum err_code start_bench(struct line *l, struct err *e)
{
	enum err_code rc = settings_bench(l, at(l, "bench.conf"), e);

	for (unsigned s = 1; s <= l->options.stations && !rc; s++)
		rc = new_card(l, s, e);
	if (rc)
		return rc;
	line_process(l, &l->bench, "bench", "provline-bench",
		     at(l, "bench.conf"));
	rc = process_start(&l->bench, e);
	if (!rc)
		rc = wait_control(l, e);
	for (unsigned s = 1; s <= l->options.stations && !rc; s++)
		rc = insert_card(l, s, e);
	return rc;
}

static enum err_code connect_rest(struct line *l, struct err *e)
{
	struct rest_config c = {.url = l->url,
				.token_path = at(l, "controller/admin.token"),
				.ca_path = at(l, "controller/ca.pem")};

	return rest_new(&l->rest, &c, e);
}

static enum err_code start_controller(struct line *l, struct err *e)
{
	enum err_code rc;
	struct process p;

	line_process(l, &p, "init", "provline", NULL);
	process_arg(&p, "init");
	process_arg(&p, "--data");
	process_arg(&p, at(l, "controller"));
	rc = process_run(&p, RUN_MS, e);
	process_fini(&p);
	if (!rc)
		rc = copy(at(l, "release.pub"),
			  at(l, "controller/release-keys"), "demo.pem", e);
	if (!rc)
		rc = settings_controller(l, at(l, "controller.conf"), e);
	if (rc)
		return rc;
	line_process(l, &l->controller, "controller", "provline-controller",
		     at(l, "controller.conf"));
	rc = process_start(&l->controller, e);
	if (!rc)
		rc = wait_port(&l->controller, l->https_port, e);
	if (!rc)
		rc = connect_rest(l, e);
	if (!rc)
		rc = copy(at(l, "controller/ca.pem"), l->options.out, "ca.pem",
			  e);
	return rc;
}

/* ---- stations ---- */

static enum err_code enrol(struct line *l, const char *station,
			   const char *config, struct err *e)
{
	json_t *reply = NULL, *body = json_pack("{ss}", "station", station);
	enum err_code rc =
		rest_call(l->rest, "POST", "/stations", body, &reply, e);
	struct process p;
	char token[400], name[40];
	const char *file = at(l, "enrol.token");

	json_decref(body);
	if (rc)
		return rc;
	snprintf(token, sizeof token, "%s.%s",
		 json_string_value(json_object_get(reply, "token")),
		 json_string_value(json_object_get(reply, "ca_sha256")));
	json_decref(reply);
	snprintf(name, sizeof name, "enrol-%.16s", station);
	rc = file_write(file, token, strlen(token), 0600, e);
	explicit_bzero(token, sizeof token);
	if (rc)
		return rc;
	line_process(l, &p, name, "provline-agent", config);
	process_arg(&p, "--enrol");
	process_arg(&p, "-"); /* secrets are no arguments: ps shows those */
	snprintf(p.input_path, sizeof p.input_path, "%s", file);
	rc = process_run(&p, RUN_MS, e);
	process_fini(&p);
	unlink(file);
	return rc;
}

static enum err_code start_agent(struct line *l, unsigned number, struct err *e)
{
	struct process *p = &l->agents[number - 1];
	char station[16], name[32], file[48], library[PATH_MAX];
	const char *config;
	enum err_code rc;

	snprintf(station, sizeof station, "S%u", number);
	snprintf(name, sizeof name, "agent-%s", station);
	snprintf(file, sizeof file, "%s.conf", name);
	config = at(l, file);
	rc = settings_agent(l, number, config, e);
	if (!rc)
		rc = enrol(l, station, config, e);
	if (rc)
		return rc;
	line_process(l, p, name, "provline-agent", config);
	snprintf(library, sizeof library, "%s/../lib/bench", l->bin);
	process_env(p, "LD_LIBRARY_PATH", library);
	process_env(p, "PROVLINE_BENCH_SOCKET", at(l, "usb"));
	snprintf(file, sizeof file, "%s.pcsc", station);
	process_env(p, "PCSCLITE_CSOCK_NAME", at(l, file));
	return process_start(p, e);
}

static bool online(const struct line *l)
{
	json_t *reply = NULL, *s;
	unsigned count = 0;
	struct err e;
	size_t i;

	if (rest_call(l->rest, "GET", "/stations", NULL, &reply, &e))
		return false;
	json_array_foreach (json_object_get(reply, "stations"), i, s) {
		const char *state =
			json_string_value(json_object_get(s, "state"));

		count += state && strcmp(state, "online") == 0;
	}
	json_decref(reply);
	return count == l->options.stations;
}

static enum err_code start_agents(struct line *l, struct err *e)
{
	struct mono deadline;
	enum err_code rc = ERR_OK;

	for (unsigned s = 1; s <= l->options.stations && !rc; s++)
		rc = start_agent(l, s, e);
	deadline = mono_after_ms(READY_MS);
	while (!rc && !online(l))
		rc = watch_one(&l->agents[0], "not all stations are online",
			       deadline, e);
	return rc;
}

/* ---- all of it ---- */

enum err_code line_start(struct line *l, void (*say)(const char *what),
			 struct err *e)
{
	static const struct {
		const char *what;
		enum err_code (*fn)(struct line *l, struct err *e);
	} stages[] = {
		{"Keys", release_keys},
		{"Device cloud", start_cloud},
		{"Bench: boards, probes, cards", start_bench},
		{"Controller", start_controller},
		{"Stations", start_agents},
		{"Image and lot", release_lot},
	};
	enum err_code rc = ERR_OK;

	for (size_t i = 0; i < sizeof stages / sizeof stages[0] && !rc; i++) {
		say(stages[i].what);
		rc = stages[i].fn(l, e);
	}
	return rc ? rc : settings_environment(l, e);
}

/* ---- while it runs, and after ---- */

enum err_code line_watch(struct line *l, struct err *e)
{
	enum err_code rc = process_watch(&l->cloud, e);

	if (!rc)
		rc = process_watch(&l->bench, e);
	if (!rc)
		rc = process_watch(&l->controller, e);
	for (unsigned s = 0; s < l->options.stations && !rc; s++)
		rc = process_watch(&l->agents[s], e);
	return rc;
}

static int remove_entry(const char *path, const struct stat *st, int type,
			struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

void line_stop(struct line *l, bool *clean)
{
	struct process *order[LINE_MAX_STATIONS + 3];
	size_t n = 0;

	*clean = true;
	for (unsigned s = 0; s < l->options.stations; s++)
		order[n++] = &l->agents[s];
	order[n++] = &l->controller;
	order[n++] = &l->bench;
	order[n++] = &l->cloud;
	for (size_t i = 0; i < n; i++) {
		bool one;

		process_stop(order[i], STOP_MS, &one);
		process_fini(order[i]);
		*clean &= one;
	}
	control_close(&l->control);
	rest_free(l->rest);
	l->rest = NULL;
	if (l->work[0])
		nftw(l->work, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
