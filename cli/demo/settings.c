#include "cli/demo/settings.h"

#include "proto/base/dbuf.h"
#include "proto/base/file.h"

#include <limits.h>

#define SETTINGS_MAX_BYTES 65536

/* Write the collected text; no part of it may have been refused. */
static enum err_code save(struct dbuf *text, bool whole, const char *path,
			  struct err *e)
{
	enum err_code rc =
		whole ? file_write(path, text->data, text->len, 0600, e)
		      : err_set(e, ERR_TOO_BIG, "%s", path);

	dbuf_fini(text);
	return rc;
}

enum err_code settings_cloud(const struct line *l, const char *path,
			     struct err *e)
{
	struct dbuf t;
	bool ok;

	dbuf_init(&t, SETTINGS_MAX_BYTES);
	ok = !dbuf_addf(&t,
			"port = %d\n"
			"data_dir = \"%s/cloud\"\n"
			"auth_user = \"controller\"\n"
			"auth_secret_file = \"%s/cloud.secret\"\n",
			l->cloud_port, l->work, l->work);
	return save(&t, ok, path, e);
}

enum err_code settings_bench(const struct line *l, const char *path,
			     struct err *e)
{
	struct dbuf t;
	bool ok;

	dbuf_init(&t, SETTINGS_MAX_BYTES);
	ok = !dbuf_addf(&t,
			"usb_socket = \"%s/usb\"\n"
			"control_socket = \"%s/ctl\"\n"
			"data_dir = \"%s/bench\"\n"
			"maker_key = \"%s/maker.pem\"\n"
			"pace = %.3f\n"
			"seed = %lu\n",
			l->work, l->work, l->work, l->work, l->options.pace,
			l->options.seed);
	for (unsigned s = 1; s <= l->options.stations; s++) {
		ok &= !dbuf_addf(&t,
				 "card_reader \"S%u\" {\n"
				 "  socket = \"%s/S%u.pcsc\"\n}\n",
				 s, l->work, s);
		for (unsigned h = 1; h <= l->options.harnesses; h++) {
			ok &= !dbuf_addf(&t,
					 "probe \"S%u-H%u\" {\n"
					 "  scanner = \"%s/S%u-H%u.scan\"\n",
					 s, h, l->work, s, h);
			if (l->options.trace)
				ok &= !dbuf_addf(
					&t, "  trace = \"%s/S%u-H%u.vcd\"\n",
					l->log, s, h);
			ok &= !dbuf_addf(&t, "}\n");
		}
	}
	return save(&t, ok, path, e);
}

enum err_code settings_controller(const struct line *l, const char *path,
				  struct err *e)
{
	struct dbuf t;
	bool ok;

	dbuf_init(&t, SETTINGS_MAX_BYTES);
	ok = !dbuf_addf(&t,
			"data_dir = \"%s/controller\"\n"
			"agent_listen = \"tls+tcp://127.0.0.1:%d\"\n"
			"https_host = \"127.0.0.1\"\n"
			"https_port = %d\n"
			"web_root = \"%s/../web\"\n"
			"cloud_url = \"https://localhost:%d/.well-known/est\"\n"
			"cloud_ca = \"%s/cloud-ca.pem\"\n"
			"cloud_user = \"controller\"\n"
			"cloud_password_file = \"%s/cloud.secret\"\n"
			"heartbeat_ms = 200\n",
			l->work, l->agent_port, l->https_port, l->bin,
			l->cloud_port, l->options.out, l->work);
	return save(&t, ok, path, e);
}

enum err_code settings_agent(const struct line *l, unsigned number,
			     const char *path, struct err *e)
{
	struct dbuf t;
	bool ok;

	dbuf_init(&t, SETTINGS_MAX_BYTES);
	ok = !dbuf_addf(&t,
			"station = \"S%u\"\n"
			"data_dir = \"%s/agent-S%u\"\n"
			"controllers = { \"tls+tcp://localhost:%d\" }\n"
			"enrol_url = \"%s\"\n"
			"sfi_loader = \"%s/../firmware/sfi-loader.bin\"\n",
			number, l->work, number, l->agent_port, l->url, l->bin);
	for (unsigned h = 1; h <= l->options.harnesses; h++)
		ok &= !dbuf_addf(&t,
				 "harness \"H%u\" {\n"
				 "  probe = \"S%u-H%u\"\n"
				 "  scanner = \"%s/S%u-H%u.scan\"\n}\n",
				 h, number, h, l->work, number, h);
	return save(&t, ok, path, e);
}

enum err_code settings_environment(const struct line *l, struct err *e)
{
	char path[PATH_MAX];
	struct dbuf t;
	bool ok;

	dbuf_init(&t, SETTINGS_MAX_BYTES);
	ok = !dbuf_addf(&t,
			"export PROVLINE_URL=%s\n"
			"export PROVLINE_TOKEN_FILE=%s/controller/admin.token\n"
			"export SECOND_TOKEN_FILE=%s/second.token\n"
			"export PROVLINE_CA=%s/controller/ca.pem\n"
			"export LOT=%s\n"
			"export FWID=" SETTINGS_FWID "\n"
			"export AGENT_URL=tls+tcp://localhost:%d\n"
			"export BENCH_CONTROL=%s/ctl\n"
			"export MAKER_KEY=%s/maker.pem\n"
			"export WORK=%s\n",
			l->url, l->work, l->work, l->work, l->lot,
			l->agent_port, l->work, l->work, l->work);
	snprintf(path, sizeof path, "%s/line.env", l->options.out);
	return save(&t, ok, path, e);
}
