#include "controller/daemon.h"

#include "controller/audit/checkpoint.h"
#include "controller/audit/evidence_write.h"
#include "controller/audit/verify.h"
#include "controller/console/console.h"
#include "controller/controller_init.h"
#include "controller/enrol/enrol.h"
#include "controller/enrol/station_ca.h"
#include "controller/session/session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct daemon {
	const struct config *config;
	uv_loop_t loop;
	uv_signal_t sigterm, sigint;
	unsigned open; /* console, sessions, enrolment: not closed yet */
	bool stopping;
	struct store *store;
	struct chain_key *checkpoint_key; /* the writer thread's */
	char checkpoint_pem[CHAIN_KEY_PEM_SIZE];
	struct checkpointer *checkpointer;
	struct station_ca *ca;
	struct enrol *enrol;
	struct sessions *sessions;
	struct console *console;
};

static const char *in_dir(const struct daemon *d, const char *name,
			  char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%.4000s/%s", d->config->data_dir, name);
	return path;
}

/* ---- stopping ---- */

static void on_closed(void *arg)
{
	struct daemon *d = arg;

	if (--d->open == 0)
		uv_stop(&d->loop);
}

static void stop(struct daemon *d)
{
	if (d->stopping)
		return;
	d->stopping = true;
	log_info("STOPPING", "queued=%u", store_queue_len(d->store));
	if (d->console)
		console_close(d->console, on_closed, d);
	if (d->sessions)
		sessions_close(d->sessions, on_closed, d);
	if (d->enrol)
		enrol_close(d->enrol, on_closed, d);
	if (d->checkpointer)
		checkpointer_close(d->checkpointer);
	d->console = NULL;
	d->sessions = NULL;
	d->enrol = NULL;
	d->checkpointer = NULL;
}

static void on_signal(uv_signal_t *handle, int signum)
{
	log_info("SIGNAL", "number=%d", signum);
	stop(handle->data);
}

/* Nothing may be answered after a commit that failed, not even a goodbye. */
static void on_store_failed(void *arg, const struct err *e)
{
	(void)arg;
	_exit(err_print(stderr, "provline-controller", e));
}

/* ---- what the parts ask of each other ---- */

static void on_changed(void *ctx)
{
	struct daemon *d = ctx;

	if (d->console)
		console_changed(d->console);
}

static void on_log(void *ctx, const char *station, const char *harness,
		   const char *attempt, const char *text)
{
	struct daemon *d = ctx;

	if (d->console)
		console_log(d->console, station, harness, attempt, text);
}

static json_t *live_stations(void *ctx)
{
	struct daemon *d = ctx;

	return d->sessions ? sessions_stations(d->sessions) : json_array();
}

static json_t *live_alarms(void *ctx)
{
	struct daemon *d = ctx;
	uint64_t reserve = (uint64_t)d->config->disk_reserve_mib << 20;
	json_t *all = json_array();

	if (reserve && store_free_bytes(d->store) < reserve)
		json_array_append_new(
			all, json_pack("{ssss}", "code", "disk-full", "text",
				       "the controller's disk is nearly full: "
				       "no new units are started"));
	if (!*d->config->cloud_url)
		json_array_append_new(
			all, json_pack("{ssss}", "code", "unreachable", "text",
				       "no cloud is configured: units cannot "
				       "get certificates"));
	return all;
}

static void live_revoked(void *ctx, const char *station)
{
	struct daemon *d = ctx;

	if (d->sessions)
		sessions_revoked(d->sessions, station);
}

static void live_orders_changed(void *ctx)
{
	struct daemon *d = ctx;

	if (d->sessions)
		sessions_orders_changed(d->sessions);
}

static enum err_code live_evidence(void *ctx, struct store_db *db,
				   const char *lot, console_sink *sink,
				   void *arg, struct err *e)
{
	const struct daemon *d = ctx;

	return evidence_write(db, lot, d->checkpoint_pem, sink, arg, e);
}

/* ---- starting ---- */

static enum err_code start_store(struct daemon *d, struct err *e)
{
	char db[PATH_MAX], key[PATH_MAX];
	struct store_config c = {
		.path = in_dir(d, CONTROLLER_FILE_DB, db),
		.loop = &d->loop,
		.failed = on_store_failed,
		.seal = checkpoint_run,
		.reserve_bytes = (uint64_t)d->config->disk_reserve_mib << 20};
	enum err_code rc;

	if (access(db, F_OK)) {
		bool foreign = errno == EACCES;

		err_set_errno(e, ERR_CONFIG, errno, "%s", db);
		if (foreign)
			return err_hint(e, "start it as the user who owns %s",
					d->config->data_dir);
		return err_hint(e,
				"make the folder with provline init --data "
				"%s",
				d->config->data_dir);
	}
	rc = chain_key_open(&d->checkpoint_key,
			    in_dir(d, CONTROLLER_FILE_CHECKPOINT_KEY, key), e);
	if (!rc)
		rc = chain_key_pem(d->checkpoint_key, d->checkpoint_pem, e);
	c.seal_arg = d->checkpoint_key;
	if (!rc)
		rc = store_open(&d->store, &c, e);
	/* a record that someone changed is not continued */
	if (!rc)
		rc = store_run(d->store, verify_run, d->checkpoint_key, e);
	if (!rc)
		rc = store_run(d->store, checkpoint_run, d->checkpoint_key, e);
	if (!rc)
		rc = checkpointer_open(&d->checkpointer, &d->loop, d->store,
				       d->checkpoint_key,
				       d->config->checkpoint_ms, e);
	return rc;
}

static enum err_code start_enrol(struct daemon *d, struct err *e)
{
	char cert[PATH_MAX], key[PATH_MAX];
	const struct config *k = d->config;
	struct enrol_config c = {
		.url = k->cloud_url,
		.ca_file = k->cloud_ca,
		.user = *k->cloud_user ? k->cloud_user : NULL,
		.password_file =
			*k->cloud_password_file ? k->cloud_password_file : NULL,
		.budget_ms = k->cloud_budget_ms};
	enum err_code rc =
		station_ca_open(&d->ca, in_dir(d, CONTROLLER_FILE_CA, cert),
				in_dir(d, CONTROLLER_FILE_CA_KEY, key), e);

	if (rc || !*k->cloud_url)
		return rc;
	rc = enrol_open(&d->enrol, &d->loop, &c, e);
	if (!rc)
		d->open++;
	return rc;
}

static enum err_code start_sessions(struct daemon *d, struct err *e)
{
	char ca[PATH_MAX], cert[PATH_MAX], key[PATH_MAX], images[PATH_MAX];
	struct sessions_config c = {
		.url = d->config->agent_listen,
		.ca_file = in_dir(d, CONTROLLER_FILE_CA, ca),
		.cert_file = in_dir(d, CONTROLLER_FILE_SERVER, cert),
		.key_file = in_dir(d, CONTROLLER_FILE_SERVER_KEY, key),
		.image_dir = in_dir(d, CONTROLLER_DIR_IMAGES, images),
		.store = d->store,
		.enrol = d->enrol,
		.heartbeat_ms = d->config->heartbeat_ms,
		.lease_ms = d->config->lease_ms,
		.hooks = {d, on_changed, on_log}};
	enum err_code rc = sessions_open(&d->sessions, &d->loop, &c, e);

	if (!rc)
		d->open++;
	return rc;
}

static enum err_code start_console(struct daemon *d, struct err *e)
{
	char cert[PATH_MAX], key[PATH_MAX], images[PATH_MAX], signers[PATH_MAX];
	const struct config *k = d->config;
	struct console_config c = {
		.host = *k->https_host ? k->https_host : NULL,
		.port = (uint16_t)k->https_port,
		.cert_file = in_dir(d, CONTROLLER_FILE_SERVER, cert),
		.key_file = in_dir(d, CONTROLLER_FILE_SERVER_KEY, key),
		.web_dir = *k->web_root ? k->web_root : NULL,
		.image_dir = in_dir(d, CONTROLLER_DIR_IMAGES, images),
		.key_dir = in_dir(d, CONTROLLER_DIR_KEYS, signers),
		.upload = {.image_max_bytes = (uint64_t)k->image_max_mib << 20,
			   .count_max = k->uploads_max,
			   .keep_s = k->upload_keep_s,
			   .reserve_bytes = (uint64_t)k->disk_reserve_mib
					    << 20},
		.station_ca = d->ca,
		.store = d->store,
		.live = {.ctx = d,
			 .stations = live_stations,
			 .alarms = live_alarms,
			 .revoked = live_revoked,
			 .orders_changed = live_orders_changed,
			 .evidence = live_evidence}};
	enum err_code rc = console_open(&d->console, &d->loop, &c, e);

	if (!rc)
		d->open++;
	return rc;
}

static enum err_code start(struct daemon *d, struct err *e)
{
	enum err_code rc = start_store(d, e);

	if (!rc)
		rc = start_enrol(d, e);
	if (!rc)
		rc = start_sessions(d, e);
	if (!rc)
		rc = start_console(d, e);
	if (!rc)
		log_info("READY", "agent_port=%u https_port=%u data_dir=%s",
			 sessions_port(d->sessions), console_port(d->console),
			 d->config->data_dir);
	return rc;
}

static enum err_code watch_signals(struct daemon *d, struct err *e)
{
	d->sigterm.data = d->sigint.data = d;
	if (uv_signal_init(&d->loop, &d->sigterm) ||
	    uv_signal_init(&d->loop, &d->sigint) ||
	    uv_signal_start(&d->sigterm, on_signal, SIGTERM) ||
	    uv_signal_start(&d->sigint, on_signal, SIGINT))
		return err_set(e, ERR_FAILED, "signals");
	return ERR_OK;
}

static void clean_up(struct daemon *d)
{
	if (d->store)
		store_close(d->store);
	if (d->ca)
		station_ca_close(d->ca);
	chain_key_close(d->checkpoint_key);
	uv_close((uv_handle_t *)&d->sigterm, NULL);
	uv_close((uv_handle_t *)&d->sigint, NULL);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&d->loop))
		log_error("LOOP_BUSY", "a handle was not closed");
}

enum err_code daemon_run(const struct config *config, struct err *e)
{
	struct daemon d = {.config = config};
	enum err_code rc;

	if (uv_loop_init(&d.loop))
		return err_set(e, ERR_NO_MEMORY, "event loop");
	rc = watch_signals(&d, e);
	if (!rc)
		rc = start(&d, e);
	/* Nothing was promised to anybody yet, and half-started parts have no
	 * way back: the process ends with all it holds. */
	if (rc)
		_exit(err_print(stderr, "provline-controller", e));
	uv_run(&d.loop, UV_RUN_DEFAULT);
	clean_up(&d);
	log_info("STOPPED", "all is committed");
	return ERR_OK;
}
