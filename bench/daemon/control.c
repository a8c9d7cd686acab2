#include "bench/daemon/control.h"

#include "bench/daemon/account_state.h"
#include "bench/daemon/faults.h"
#include "proto/base/file.h"
#include "proto/base/hex.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A command adds its results to reply. */
typedef enum err_code command_fn(struct bench *b, json_t *args, json_t *reply,
				 struct err *e);

/* -------- arguments -------- */

static enum err_code unpack_failed(const json_error_t *je, struct err *e)
{
	return err_set(e, ERR_INPUT, "%s", je->text);
}

static struct worker *find_worker(struct bench *b, const char *serial,
				  struct err *e)
{
	for (size_t i = 0; i < b->workers_n; i++) {
		if (strcmp(b->workers[i].config->usb.serial, serial) == 0)
			return &b->workers[i];
	}
	err_set(e, ERR_NOT_FOUND, "no probe %s", serial);
	return NULL;
}

static enum err_code probe_only(struct bench *b, json_t *args,
				struct worker **w, struct err *e)
{
	const char *cmd, *probe;
	json_error_t je;

	if (json_unpack_ex(args, &je, JSON_STRICT, "{s:s,s:s}", "cmd", &cmd,
			   "probe", &probe) != 0)
		return unpack_failed(&je, e);
	*w = find_worker(b, probe, e);
	return *w != NULL ? ERR_OK : e->code;
}

static enum err_code parse_faults(struct board_spec *spec, json_t *faults,
				  struct err *e)
{
	size_t i;
	json_t *v;

	if (!json_is_array(faults) ||
	    json_array_size(faults) > BOARD_FAULTS_MAX)
		return err_set(e, ERR_INPUT,
			       "faults is not a list of at most %u names",
			       BOARD_FAULTS_MAX);
	json_array_foreach (faults, i, v) {
		int n = json_is_string(v) ? faults_find(json_string_value(v))
					  : -1;

		if (n < 0)
			return err_set(e, ERR_INPUT, "board %s: unknown fault",
				       spec->serial);
		spec->faults[i] = faults_table[n].name;
	}
	return ERR_OK;
}

/* What kind of board it is, where it is not the bench's own. */
static enum err_code parse_kind(struct board_spec *spec, const char *wiring,
				const char *nor_part, struct err *e)
{
	if (wiring != NULL && !chip_has_wiring(wiring))
		return err_set(e, ERR_INPUT, "board %s: unknown wiring",
			       spec->serial);
	if (nor_part != NULL && (!*nor_part || !chip_has_nor_part(nor_part)))
		return err_set(e, ERR_INPUT, "board %s: unknown nor_part",
			       spec->serial);
	snprintf(spec->wiring, sizeof(spec->wiring), "%s",
		 wiring != NULL ? wiring : "");
	snprintf(spec->nor_part, sizeof(spec->nor_part), "%s",
		 nor_part != NULL ? nor_part : "");
	return ERR_OK;
}

static enum err_code parse_board(struct board_spec *spec, json_t *board,
				 struct err *e)
{
	const char *serial, *uid = NULL, *wiring = NULL, *nor_part = NULL;
	json_t *faults = NULL;
	json_error_t je;

	memset(spec, 0, sizeof(*spec));
	if (json_unpack_ex(board, &je, JSON_STRICT, "{s:s,s?:s,s?:o,s?:s,s?:s}",
			   "serial", &serial, "uid", &uid, "faults", &faults,
			   "wiring", &wiring, "nor_part", &nor_part) != 0)
		return unpack_failed(&je, e);
	if (*serial == '\0' || strlen(serial) > BOARD_SERIAL_MAX)
		return err_set(e, ERR_INPUT, "serial not of 1 to %u characters",
			       BOARD_SERIAL_MAX);
	memcpy(spec->serial, serial, strlen(serial) + 1);
	spec->uid_given = uid != NULL;
	if (uid != NULL && !hex_decode(spec->uid, sizeof(spec->uid), uid))
		return err_set(e, ERR_INPUT, "board %s: uid is not 24 digits",
			       serial);
	if (parse_kind(spec, wiring, nor_part, e) != ERR_OK)
		return e->code;
	return faults != NULL ? parse_faults(spec, faults, e) : ERR_OK;
}

/* -------- boards and probes -------- */

static enum err_code do_insert(struct worker *w, void *arg, struct err *e)
{
	if (w->feeder.state != FEEDER_EMPTY)
		return err_set(e, ERR_STATE, "the operator is at work there");
	return worker_put_in(w, arg, e);
}

static enum err_code cmd_insert(struct bench *b, json_t *args, json_t *reply,
				struct err *e)
{
	const char *cmd, *probe;
	struct board_spec spec;
	struct board *board;
	json_error_t je;
	json_t *what;
	struct worker *w;
	enum err_code rc;

	if (json_unpack_ex(args, &je, JSON_STRICT, "{s:s,s:s,s:o}", "cmd", &cmd,
			   "probe", &probe, "board", &what) != 0)
		return unpack_failed(&je, e);
	w = find_worker(b, probe, e);
	if (w == NULL)
		return e->code;
	if ((rc = parse_board(&spec, what, e)) != ERR_OK ||
	    (rc = board_take(&b->boards, &spec, &board, e)) != ERR_OK)
		return rc;
	rc = worker_call(w, do_insert, board, e);
	if (rc != ERR_OK)
		board_give_back(&b->boards, board);
	else
		json_object_set_new(reply, "uid", json_string(board->uid_hex));
	return rc;
}

/* A board that the operator handles stays his: he sees it fall out. */
static enum err_code do_remove(struct worker *w, void *arg, struct err *e)
{
	struct board *board = w->board;
	enum err_code rc = worker_take_out(w, e);

	(void)arg;
	if (rc == ERR_OK && w->feeder.board != board)
		board_give_back(w->boards, board);
	return rc;
}

static enum err_code cmd_remove(struct bench *b, json_t *args, json_t *reply,
				struct err *e)
{
	struct worker *w;
	enum err_code rc = probe_only(b, args, &w, e);

	(void)reply;
	return rc == ERR_OK ? worker_call(w, do_remove, NULL, e) : rc;
}

static enum err_code do_plug(struct worker *w, void *arg, struct err *e)
{
	(void)e;
	worker_plug(w, *(bool *)arg);
	return ERR_OK;
}

static enum err_code cmd_plug(struct bench *b, json_t *args, json_t *reply,
			      struct err *e)
{
	const char *cmd = json_string_value(json_object_get(args, "cmd"));
	bool plugged = strcmp(cmd, "plug") == 0;
	struct worker *w;
	enum err_code rc = probe_only(b, args, &w, e);

	(void)reply;
	return rc == ERR_OK ? worker_call(w, do_plug, &plugged, e) : rc;
}

/* -------- state -------- */

static json_t *board_state(const struct board *b, const struct worker *w)
{
	char text[200];

	chip_describe(b->chip, text, sizeof(text));
	return json_pack("{s:s,s:s,s:s,s:o}", "serial", b->spec.serial, "uid",
			 b->uid_hex, "chip", text, "account",
			 account_state_board(b, w));
}

static json_t *swd_state(const struct swd_counts *c)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I}", "transfers",
			 (json_int_t)c->transfers, "waits",
			 (json_int_t)c->waits, "faults", (json_int_t)c->faults,
			 "protocol_errors", (json_int_t)c->protocol_errors,
			 "contentions", (json_int_t)c->contentions);
}

static enum err_code do_state(struct worker *w, void *arg, struct err *e)
{
	const struct harness *h = w->harness;

	(void)e;
	*(json_t **)arg = json_pack(
		"{s:s,s:b,s:I,s:{s:b,s:b,s:b},s:o,s:{s:I,s:I},s:o,s:o}",
		"serial", w->probe->serial, "plugged", w->usb.plugged,
		"time_ns", (json_int_t)(h->now_ps / 1000), "lights", "red",
		h->lights & HARNESS_RED, "yellow", h->lights & HARNESS_YELLOW,
		"green", h->lights & HARNESS_GREEN, "swd",
		swd_state(&h->swd.counts), "uart", "framing_errors",
		(json_int_t)h->uart.framing_errors, "overruns",
		(json_int_t)h->uart.overruns, "account", account_state_probe(w),
		"board",
		w->board != NULL ? board_state(w->board, w) : json_null());
	return ERR_OK;
}

static json_t *feed_board(const struct feed_done *d)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:i}", "serial", d->spec.serial,
			 "uid", d->uid_hex, "probe", d->probe, "light",
			 d->light == HARNESS_GREEN ? "green"
			 : d->light == HARNESS_RED ? "red"
						   : "none",
			 "insertions", (int)d->insertions);
}

static void feed_report(struct feed *f, json_t *reply)
{
	json_t *done = json_array();

	pthread_mutex_lock(&f->mutex);
	json_object_set_new(reply, "total", json_integer((json_int_t)f->n));
	json_object_set_new(reply, "remaining",
			    json_integer((json_int_t)(f->n - f->done_n)));
	for (size_t i = 0; i < f->done_n; i++)
		json_array_append_new(done, feed_board(&f->done[i]));
	pthread_mutex_unlock(&f->mutex);
	json_object_set_new(reply, "done", done);
}

static enum err_code no_arguments(json_t *args, struct err *e)
{
	const char *cmd;
	json_error_t je;

	if (json_unpack_ex(args, &je, JSON_STRICT, "{s:s}", "cmd", &cmd) != 0)
		return unpack_failed(&je, e);
	return ERR_OK;
}

static enum err_code cmd_state(struct bench *b, json_t *args, json_t *reply,
			       struct err *e)
{
	json_t *probes, *feed;

	if (no_arguments(args, e) != ERR_OK)
		return e->code;
	probes = json_array();
	feed = json_object();
	for (size_t i = 0; i < b->workers_n; i++) {
		json_t *one = NULL;

		worker_call(&b->workers[i], do_state, &one, e);
		json_array_append_new(probes, one);
	}
	feed_report(&b->feed, feed);
	json_object_set_new(reply, "probes", probes);
	json_object_set_new(reply, "feed", feed);
	return ERR_OK;
}

/* -------- one board, wherever it is -------- */

struct visit {
	struct board *board;
	/* w: the harness it is in, or NULL. */
	enum err_code (*fn)(struct visit *v, const struct worker *w,
			    struct err *e);
	const char *path;
	bool nor;
	json_t *reply;
};

static enum err_code do_visit(struct worker *w, void *arg, struct err *e)
{
	struct visit *v = arg;

	if (w->board != v->board)
		return err_set(e, ERR_STATE, "not here");
	return v->fn(v, w, e);
}

/* The harness it is in does it, if it is in one; a taken board in none is on
 * its way between two. */
static enum err_code visit_board(struct bench *b, struct visit *v,
				 const char *serial, struct err *e)
{
	enum err_code rc;

	v->board = board_find(&b->boards, serial);
	if (v->board == NULL)
		return err_set(e, ERR_NOT_FOUND, "no board %s", serial);
	for (size_t i = 0; i < b->workers_n; i++) {
		rc = worker_call(&b->workers[i], do_visit, v, e);
		if (rc != ERR_STATE)
			return rc;
	}
	pthread_mutex_lock(&b->boards.mutex);
	rc = v->board->taken ? err_set(e, ERR_STATE,
				       "board %s is being handled", serial)
			     : v->fn(v, NULL, e);
	pthread_mutex_unlock(&b->boards.mutex);
	return rc;
}

static enum err_code dump_write(struct visit *v, const struct worker *w,
				struct err *e)
{
	size_t len;
	const uint8_t *data = v->nor ? chip_nor(v->board->chip, &len)
				     : chip_flash(v->board->chip, &len);
	enum err_code rc;

	(void)w;
	if (data == NULL)
		return err_set(e, ERR_NOT_FOUND, "board %s has no SPI flash",
			       v->board->spec.serial);
	rc = file_write(v->path, data, len, 0644, e);
	if (rc == ERR_OK)
		json_object_set_new(v->reply, "bytes",
				    json_integer((json_int_t)len));
	return rc;
}

static enum err_code cmd_dump(struct bench *b, json_t *args, json_t *reply,
			      struct err *e)
{
	struct visit v = {.fn = dump_write, .reply = reply};
	const char *cmd, *serial;
	json_error_t je;

	if (json_unpack_ex(args, &je, JSON_STRICT, "{s:s,s:s,s:s}", "cmd", &cmd,
			   "board", &serial, "file", &v.path) != 0)
		return unpack_failed(&je, e);
	v.nor = strcmp(cmd, "nor") == 0;
	return visit_board(b, &v, serial, e);
}

static enum err_code account_read(struct visit *v, const struct worker *w,
				  struct err *e)
{
	(void)e;
	json_object_set_new(v->reply, "account",
			    account_state_board(v->board, w));
	return ERR_OK;
}

static enum err_code cmd_account(struct bench *b, json_t *args, json_t *reply,
				 struct err *e)
{
	struct visit v = {.fn = account_read, .reply = reply};
	const char *cmd, *serial;
	json_error_t je;

	if (json_unpack_ex(args, &je, JSON_STRICT, "{s:s,s:s}", "cmd", &cmd,
			   "board", &serial) != 0)
		return unpack_failed(&je, e);
	return visit_board(b, &v, serial, e);
}

static enum err_code do_account_reset(struct worker *w, void *arg,
				      struct err *e)
{
	(void)arg;
	(void)e;
	account_state_reset_probe(w);
	if (w->board != NULL)
		account_state_reset_board(w->board, w);
	else if (w->feeder.board != NULL)
		account_state_reset_board(w->feeder.board, NULL);
	return ERR_OK;
}

static void reset_untaken(struct board_registry *r)
{
	pthread_mutex_lock(&r->mutex);
	for (size_t i = 0; i < r->n; i++) {
		if (!r->boards[i]->taken)
			account_state_reset_board(r->boards[i], NULL);
	}
	pthread_mutex_unlock(&r->mutex);
}

static enum err_code cmd_account_reset(struct bench *b, json_t *args,
				       json_t *reply, struct err *e)
{
	const char *cmd, *probe = NULL;
	struct worker *w = NULL;
	json_error_t je;

	(void)reply;
	if (json_unpack_ex(args, &je, JSON_STRICT, "{s:s,s?:s}", "cmd", &cmd,
			   "probe", &probe) != 0)
		return unpack_failed(&je, e);
	if (probe != NULL && (w = find_worker(b, probe, e)) == NULL)
		return e->code;
	if (w != NULL)
		return worker_call(w, do_account_reset, NULL, e);
	for (size_t i = 0; i < b->workers_n; i++)
		worker_call(&b->workers[i], do_account_reset, NULL, e);
	reset_untaken(&b->boards);
	return ERR_OK;
}

/* -------- the host's sleep -------- */

#define SLEEP_MAX_US 10000000
#define PS_PER_US    1000000u

static enum err_code do_sleep(struct worker *w, void *arg, struct err *e)
{
	(void)e;
	probe_elapse(w->probe, *(uint64_t *)arg * PS_PER_US);
	return ERR_OK;
}

static enum err_code cmd_sleep(struct bench *b, json_t *args, json_t *reply,
			       struct err *e)
{
	const char *cmd, *probe;
	json_error_t je;
	struct worker *w;
	json_int_t us;
	uint64_t arg;

	(void)reply;
	if (json_unpack_ex(args, &je, JSON_STRICT, "{s:s,s:s,s:I}", "cmd", &cmd,
			   "probe", &probe, "us", &us) != 0)
		return unpack_failed(&je, e);
	if (us < 0 || us > SLEEP_MAX_US)
		return err_set(e, ERR_INPUT, "us is not in 0 to %d",
			       SLEEP_MAX_US);
	arg = (uint64_t)us;
	w = find_worker(b, probe, e);
	return w != NULL ? worker_call(w, do_sleep, &arg, e) : e->code;
}

/* -------- cards -------- */

static struct card_bay *find_bay(struct bench *b, const char *reader,
				 struct err *e)
{
	for (size_t i = 0; i < b->bays_n; i++) {
		if (strcmp(b->config.readers[i].name, reader) == 0)
			return b->bays[i];
	}
	err_set(e, ERR_NOT_FOUND, "no card reader %s", reader);
	return NULL;
}

static enum err_code cmd_card_insert(struct bench *b, json_t *args,
				     json_t *reply, struct err *e)
{
	const char *cmd, *reader, *file;
	json_error_t je;
	struct card_bay *bay;

	(void)reply;
	if (json_unpack_ex(args, &je, JSON_STRICT, "{s:s,s:s,s:s}", "cmd", &cmd,
			   "reader", &reader, "file", &file) != 0)
		return unpack_failed(&je, e);
	bay = find_bay(b, reader, e);
	return bay != NULL ? card_bay_insert(bay, file, e) : e->code;
}

static enum err_code cmd_card_remove(struct bench *b, json_t *args,
				     json_t *reply, struct err *e)
{
	const char *cmd, *reader;
	json_error_t je;
	struct card_bay *bay;

	(void)reply;
	if (json_unpack_ex(args, &je, JSON_STRICT, "{s:s,s:s}", "cmd", &cmd,
			   "reader", &reader) != 0)
		return unpack_failed(&je, e);
	bay = find_bay(b, reader, e);
	return bay != NULL ? card_bay_remove(bay, e) : e->code;
}

static enum err_code cmd_card_fault(struct bench *b, json_t *args,
				    json_t *reply, struct err *e)
{
	static const char *const names[] = {
		[CARD_BAY_NO_FAULT] = "none",
		[CARD_BAY_LOSE_COMMAND] = "lose-command",
		[CARD_BAY_LOSE_REPLY] = "lose-reply",
	};
	const char *cmd, *reader, *fault;
	struct card_bay *bay;
	json_error_t je;
	int apdu = 1;

	(void)reply;
	if (json_unpack_ex(args, &je, JSON_STRICT, "{s:s,s:s,s:s,s?:i}", "cmd",
			   &cmd, "reader", &reader, "fault", &fault, "apdu",
			   &apdu) != 0)
		return unpack_failed(&je, e);
	bay = find_bay(b, reader, e);
	if (bay == NULL)
		return e->code;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], fault) == 0 && apdu > 0) {
			card_bay_set_fault(bay, (enum card_bay_fault)i,
					   (uint32_t)apdu);
			return ERR_OK;
		}
	}
	return err_set(e, ERR_INPUT, "unknown card fault, or apdu below 1");
}

static enum err_code cmd_card_state(struct bench *b, json_t *args,
				    json_t *reply, struct err *e)
{
	json_t *readers;

	if (no_arguments(args, e) != ERR_OK)
		return e->code;
	readers = json_array();
	for (size_t i = 0; i < b->bays_n; i++) {
		struct card_bay_state st;

		card_bay_get_state(b->bays[i], &st);
		json_array_append_new(
			readers,
			json_pack("{s:s,s:b,s:b,s:I,s:I,s:s}", "name",
				  b->config.readers[i].name, "alive", st.alive,
				  "present", st.present, "apdus",
				  (json_int_t)st.apdus, "counter",
				  (json_int_t)st.counter, "serial", st.serial));
	}
	json_object_set_new(reply, "readers", readers);
	return ERR_OK;
}

/* -------- feed -------- */

static enum err_code parse_boards(json_t *boards, struct board_spec *specs,
				  struct err *e)
{
	size_t i;
	json_t *v;

	json_array_foreach (boards, i, v) {
		enum err_code rc = parse_board(&specs[i], v, e);

		if (rc != ERR_OK)
			return rc;
	}
	return ERR_OK;
}

static void wake_workers(struct bench *b);

static enum err_code cmd_feed(struct bench *b, json_t *args, json_t *reply,
			      struct err *e)
{
	struct board_spec *specs;
	const char *cmd;
	json_error_t je;
	json_t *boards;
	size_t n;

	(void)reply;
	if (json_unpack_ex(args, &je, JSON_STRICT, "{s:s,s:o}", "cmd", &cmd,
			   "boards", &boards) != 0)
		return unpack_failed(&je, e);
	n = json_array_size(boards);
	if (n == 0 || n > BOARDS_MAX)
		return err_set(e, ERR_INPUT, "boards is not a list of 1 to %u",
			       BOARDS_MAX);
	specs = calloc(n, sizeof(*specs));
	if (specs == NULL)
		return err_set(e, ERR_NO_MEMORY, "feed");
	if (parse_boards(boards, specs, e) != ERR_OK) {
		free(specs);
		return e->code;
	}
	if (feed_start(&b->feed, specs, n, e) != ERR_OK)
		return e->code;
	wake_workers(b);
	return ERR_OK;
}

static enum err_code do_nothing(struct worker *w, void *arg, struct err *e)
{
	(void)w;
	(void)arg;
	(void)e;
	return ERR_OK;
}

/* Idle harnesses sleep: have them look. */
static void wake_workers(struct bench *b)
{
	for (size_t i = 0; i < b->workers_n; i++)
		worker_call(&b->workers[i], do_nothing, NULL, NULL);
}

static enum err_code cmd_feed_state(struct bench *b, json_t *args,
				    json_t *reply, struct err *e)
{
	if (no_arguments(args, e) != ERR_OK)
		return e->code;
	feed_report(&b->feed, reply);
	return ERR_OK;
}

static enum err_code cmd_faults(struct bench *b, json_t *args, json_t *reply,
				struct err *e)
{
	static const char *const kinds[] = {"board", "firmware", "line",
					    "once"};
	json_t *list;

	(void)b;
	if (no_arguments(args, e) != ERR_OK)
		return e->code;
	list = json_array();
	for (size_t i = 0; i < faults_count; i++)
		json_array_append_new(list,
				      json_pack("{s:s,s:s,s:s}", "name",
						faults_table[i].name, "kind",
						kinds[faults_table[i].kind],
						"what", faults_table[i].what));
	json_object_set_new(reply, "faults", list);
	return ERR_OK;
}

/* -------- dispatch -------- */

static const struct {
	const char *name;
	command_fn *fn;
} commands[] = {
	{"insert", cmd_insert},
	{"remove", cmd_remove},
	{"plug", cmd_plug},
	{"unplug", cmd_plug},
	{"state", cmd_state},
	{"nor", cmd_dump},
	{"flash", cmd_dump},
	{"account", cmd_account},
	{"account-reset", cmd_account_reset},
	{"sleep", cmd_sleep},
	{"card-insert", cmd_card_insert},
	{"card-remove", cmd_card_remove},
	{"card-fault", cmd_card_fault},
	{"card-state", cmd_card_state},
	{"feed", cmd_feed},
	{"feed-state", cmd_feed_state},
	{"faults", cmd_faults},
};

static enum err_code run(struct bench *b, json_t *args, json_t *reply,
			 struct err *e)
{
	const char *cmd = json_string_value(json_object_get(args, "cmd"));

	if (cmd == NULL)
		return err_set(e, ERR_INPUT, "no \"cmd\" in the object");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, cmd) == 0)
			return commands[i].fn(b, args, reply, e);
	}
	return err_set(e, ERR_INPUT, "unknown command");
}

char *control_handle(struct bench *b, const char *line, size_t len)
{
	struct err e = {0};
	json_error_t je;
	json_t *args = json_loadb(line, len, JSON_REJECT_DUPLICATES, &je);
	json_t *reply = json_object();
	enum err_code rc;
	char *out;

	if (args == NULL)
		rc = err_set(&e, ERR_MALFORMED, "not JSON: %s", je.text);
	else
		rc = run(b, args, reply, &e);
	json_object_set_new(reply, "ok", json_boolean(rc == ERR_OK));
	if (rc != ERR_OK) {
		json_object_set_new(reply, "code", json_string(err_name(rc)));
		json_object_set_new(reply, "text", json_string(e.text));
	}
	out = json_dumps(reply, JSON_COMPACT);
	json_decref(reply);
	json_decref(args);
	return out;
}
