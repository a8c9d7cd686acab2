#include "tests/benchmark/rig.h"

#include "proto/base/dbuf.h"
#include "proto/base/file.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define START_MS      10000
#define STOP_MS	      5000
#define NOR_MAX_BYTES (64u << 20)

/* ---- life ---- */

static enum err_code find_programs(struct rig *r, struct err *e)
{
	ssize_t n = readlink("/proc/self/exe", r->bin, sizeof r->bin - 1);

	if (n < 0)
		return err_set_errno(e, ERR_IO, errno, "/proc/self/exe");
	r->bin[n] = '\0';
	*strrchr(r->bin, '/') = '\0';
	snprintf(r->library, sizeof r->library, "%s/../lib/bench", r->bin);
	return ERR_OK;
}

static enum err_code write_config(struct rig *r, const char *path,
				  struct err *e)
{
	char text[1024];
	int n = snprintf(text, sizeof text,
			 "usb_socket = \"%s\"\n"
			 "control_socket = \"%s\"\n"
			 "data_dir = \"%s/data\"\n"
			 "nor_part = \"w25q64jv\"\n"
			 "pace = 0.0\n"
			 "patient = true\n"
			 "seed = %llu\n"
			 "probe \"" RIG_PROBE "\" {\n"
			 "  layout = \"resistor\"\n}\n"
			 "probe \"" RIG_PROBE_OE "\" {\n"
			 "  layout = \"output-enable\"\n}\n",
			 r->usb, r->socket, r->dir,
			 (unsigned long long)r->seed);

	return file_write(path, text, (size_t)n, 0600, e);
}

static enum err_code start_bench(struct rig *r, struct err *e)
{
	char path[PATH_MAX];
	enum err_code rc;

	process_init(&r->bench, "bench", r->dir);
	snprintf(path, sizeof path, "%s/provline-bench", r->bin);
	process_arg(&r->bench, path);
	snprintf(path, sizeof path, "%s/bench.conf", r->dir);
	process_arg(&r->bench, "--config");
	process_arg(&r->bench, path);
	rc = write_config(r, path, e);
	if (!rc)
		rc = process_start(&r->bench, e);
	if (!rc)
		rc = control_open(&r->control, r->socket, START_MS, e);
	return rc;
}

enum err_code rig_start(struct rig *r, uint64_t seed, struct err *e)
{
	char dir[] = "/tmp/provline-benchmark-XXXXXX";

	*r = (struct rig){.seed = seed, .control.fd = -1};
	if (find_programs(r, e))
		return e->code;
	if (!mkdtemp(dir))
		return err_set_errno(e, ERR_IO, errno, "%s", dir);
	snprintf(r->dir, sizeof r->dir, "%s", dir);
	snprintf(r->usb, sizeof r->usb, "%s/usb", dir);
	snprintf(r->socket, sizeof r->socket, "%s/control", dir);
	setenv("PROVLINE_BENCH_SOCKET", r->usb, 1);
	setenv("PROVLINE_HOST_SLEEPS", r->socket, 1);
	return start_bench(r, e);
}

static int remove_entry(const char *path, const struct stat *st, int type,
			struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

void rig_stop(struct rig *r)
{
	bool clean;

	control_close(&r->control);
	process_stop(&r->bench, STOP_MS, &clean);
	process_fini(&r->bench);
	if (r->dir[0])
		nftw(r->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- boards ---- */

enum err_code rig_insert(struct rig *r, const char *probe, const char *board,
			 struct err *e)
{
	return control_call(&r->control,
			    json_pack("{ss ss s{ss}}", "cmd", "insert", "probe",
				      probe, "board", "serial", board),
			    NULL, e);
}

enum err_code rig_remove(struct rig *r, const char *probe, struct err *e)
{
	return control_call(
		&r->control,
		json_pack("{ss ss}", "cmd", "remove", "probe", probe), NULL, e);
}

static enum err_code take_probe(const json_t *state, const char *probe,
				struct account *a, struct err *e)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(state, "probes"), i, one) {
		const char *serial =
			json_string_value(json_object_get(one, "serial"));

		if (serial && strcmp(serial, probe) == 0)
			return account_take(a, one, e);
	}
	return err_set(e, ERR_NOT_FOUND, "the bench shows no probe %s", probe);
}

enum err_code rig_look(struct rig *r, const char *probe, struct account *a,
		       struct err *e)
{
	json_t *reply = NULL;
	enum err_code rc = control_call(
		&r->control, json_pack("{ss}", "cmd", "state"), &reply, e);

	if (!rc)
		rc = take_probe(reply, probe, a, e);
	json_decref(reply);
	return rc;
}

enum err_code rig_look_file(const char *path, const char *probe,
			    struct account *a, struct err *e)
{
	json_error_t je;
	json_t *state = json_load_file(path, 0, &je);
	enum err_code rc =
		state ? take_probe(state, probe, a, e)
		      : err_set(e, ERR_MALFORMED, "%s: %s", path, je.text);

	json_decref(state);
	return rc;
}

static enum err_code compare(const struct dbuf *held, const char *board,
			     const uint8_t *bytes, size_t len, struct err *e)
{
	size_t at = 0;

	if (held->len < len)
		return err_set(e, ERR_INTEGRITY, "%s: its NOR is too small",
			       board);
	while (at < len && held->data[at] == bytes[at])
		at++;
	if (at < len)
		return err_set(e, ERR_INTEGRITY,
			       "%s: its NOR holds another byte at %zu", board,
			       at);
	return ERR_OK;
}

enum err_code rig_nor_holds(struct rig *r, const char *board,
			    const uint8_t *bytes, size_t len, struct err *e)
{
	char path[96];
	struct dbuf held;
	enum err_code rc;

	snprintf(path, sizeof path, "%s/nor", r->dir);
	dbuf_init(&held, NOR_MAX_BYTES);
	rc = control_call(&r->control,
			  json_pack("{ss ss ss}", "cmd", "nor", "board", board,
				    "file", path),
			  NULL, e);
	if (!rc)
		rc = file_read(path, &held, e);
	if (!rc)
		rc = compare(&held, board, bytes, len, e);
	dbuf_fini(&held);
	return rc;
}
