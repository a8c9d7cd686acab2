/* image import, approve, retire, list: images at the controller; user add: who
 * may approve them. */
#include "cli/cli.h"
#include "cli/import.h"
#include "proto/base/file.h"
#include "proto/base/mono.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPT_KEY = 1000, OPT_ROLE };

static enum err_code take_text(void *arg, int val, const char *value,
			       struct err *e)
{
	(void)val, (void)e;
	*(const char **)arg = value;
	return ERR_OK;
}

static enum err_code take_none(void *arg, int val, const char *value,
			       struct err *e)
{
	(void)arg, (void)val, (void)value;
	return err_set(e, ERR_BUG, "no such option");
}

/* ---- import ---- */

#define SHOW_MS 100

/* One line on a terminal, drawn again and again. */
struct show {
	bool drawn;
	uint64_t first; /* where this try began */
	struct mono since, next;
};

static void draw(const struct show *s, uint64_t done, uint64_t len)
{
	int64_t ms = mono_diff_ms(mono_now(), s->since);
	double mib = 1024.0 * 1024.0, rate = 0;

	if (ms > 0)
		rate = (double)(done - s->first) * 1000.0 / (double)ms;
	fprintf(stderr, "\r\033[K%.1f of %.1f MiB", (double)done / mib,
		(double)len / mib);
	if (rate > 0)
		fprintf(stderr, ", %.1f MiB/s, %.0f s left", rate / mib,
			(double)(len - done) / rate);
	fflush(stderr);
}

static void show_progress(void *arg, uint64_t done, uint64_t len)
{
	struct show *s = arg;

	if (!s->drawn) {
		s->drawn = true;
		s->first = done;
		s->since = mono_now();
	} else if (!mono_passed(s->next) && done < len) {
		return;
	}
	if (done < s->first)
		s->first = done;
	s->next = mono_after_ms(SHOW_MS);
	draw(s, done, len);
}

static const char *state_of(const struct import_result *r)
{
	const char *state =
		json_string_value(json_object_get(r->image, "state"));

	return state ? state : "";
}

static void tell_result(const struct cli *c, const struct import_result *r)
{
	if (c->json) {
		json_object_set_new(r->image, "known", json_boolean(r->known));
		json_object_set_new(r->image, "sent_bytes",
				    json_integer((json_int_t)r->sent_bytes));
		cli_print_json(r->image);
		return;
	}
	printf("%s\n", r->sha256);
	if (!isatty(STDERR_FILENO) && !r->known)
		return;
	fprintf(stderr, "%s%s%s\n",
		r->known ? "the controller has it already, " : "", state_of(r),
		strcmp(state_of(r), "imported") == 0
			? ": it waits for a second person's approval"
			: "");
}

enum err_code cmd_image_import(struct cli *c, int argc, char **argv,
			       struct err *e)
{
	static const struct option own[] = {
		{"release-key", required_argument, NULL, OPT_KEY}, {0}};
	struct import_options o = {0};
	struct import_result r = {0};
	struct show show = {0};
	enum err_code rc;
	int first;

	rc = cli_options(c, argc, argv, own, take_text, &o.release_key, &first,
			 e);
	if (rc)
		return rc;
	if (first + 1 != argc)
		return err_set(e, ERR_USAGE, "give one FILE.pli");
	o.path = argv[first];
	if (isatty(STDERR_FILENO) && !c->json) {
		o.progress = show_progress;
		o.arg = &show;
	}
	rc = cli_connect(c, e);
	if (!rc)
		rc = import_file(c->rest, &o, &r, e);
	if (show.drawn)
		fprintf(stderr, "\r\033[K");
	if (!rc)
		tell_result(c, &r);
	json_decref(r.image);
	return rc;
}

/* ---- release ---- */

static enum err_code move_image(struct cli *c, int argc, char **argv,
				const char *verb, struct err *e)
{
	json_t *reply = NULL;
	char path[160];
	enum err_code rc;
	int first;

	rc = cli_options(c, argc, argv, NULL, take_none, NULL, &first, e);
	if (rc)
		return rc;
	if (first + 1 != argc || strlen(argv[first]) != 64 ||
	    strspn(argv[first], "0123456789abcdef") != 64)
		return err_set(e, ERR_USAGE,
			       "give the SHA-256 of one image, 64 digits");
	snprintf(path, sizeof path, "/images/%s/%s", argv[first], verb);
	rc = cli_connect(c, e);
	if (!rc)
		rc = rest_call(c->rest, "POST", path, NULL, &reply, e);
	if (!rc && c->json)
		cli_print_json(reply);
	else if (!rc)
		printf("%s\n",
		       json_string_value(json_object_get(reply, "state")));
	json_decref(reply);
	return rc;
}

enum err_code cmd_image_approve(struct cli *c, int argc, char **argv,
				struct err *e)
{
	return move_image(c, argc, argv, "approve", e);
}

enum err_code cmd_image_retire(struct cli *c, int argc, char **argv,
			       struct err *e)
{
	return move_image(c, argc, argv, "retire", e);
}

enum err_code cmd_image_list(struct cli *c, int argc, char **argv,
			     struct err *e)
{
	static const struct table_column columns[] = {
		{"SHA-256", "sha256", 0},
		{"PRODUCT", "product", 0},
		{"RELEASE", "version", 0},
		{"STATE", "state", 0},
		{"BYTES", "len_bytes", 0},
		{"FOR CARDS OF", "fwid", 0},
		{"IMPORTED BY", "imported_by", 0},
		{"APPROVED BY", "approved_by", 0},
		{NULL, NULL, 0},
	};
	json_t *reply = NULL;
	enum err_code rc;
	int first;

	rc = cli_options(c, argc, argv, NULL, take_none, NULL, &first, e);
	if (!rc && first != argc)
		rc = err_set(e, ERR_USAGE, "\"%s\" is one word too many",
			     argv[first]);
	if (!rc)
		rc = cli_connect(c, e);
	if (!rc)
		rc = rest_call(c->rest, "GET", "/images", NULL, &reply, e);
	if (!rc && c->json)
		cli_print_json(reply);
	else if (!rc)
		table_print(stdout, columns, json_object_get(reply, "images"));
	json_decref(reply);
	return rc;
}

/* ---- users ---- */

struct user {
	const char *role, *output;
};

static enum err_code take_user_option(void *arg, int val, const char *value,
				      struct err *e)
{
	struct user *u = arg;

	(void)e;
	if (val == OPT_ROLE)
		u->role = value;
	else
		u->output = value;
	return ERR_OK;
}

/* Into the file that is there for it, or shown. */
static enum err_code give_token(const struct cli *c, const struct user *u,
				const json_t *reply, struct err *e)
{
	const char *token = json_string_value(json_object_get(reply, "token"));
	char line[200];
	enum err_code rc;

	if (!token)
		return err_set(e, ERR_MALFORMED, "the controller's answer");
	if (!u->output) {
		if (c->json)
			cli_print_json(reply);
		else
			printf("%s\n", token);
		return ERR_OK;
	}
	snprintf(line, sizeof line, "%s\n", token);
	rc = file_write(u->output, line, strlen(line), 0600, e);
	explicit_bzero(line, sizeof line);
	return rc;
}

/* A token is shown once: the place for it is made before it is asked for. One
 * that is there is not written over. */
static enum err_code add_user(struct cli *c, const struct user *u,
			      const char *name, struct err *e)
{
	json_t *reply = NULL, *body;
	enum err_code rc = cli_connect(c, e);

	if (!rc && u->output)
		rc = file_create(u->output, "", 0, 0600, e);
	if (rc)
		return rc;
	body = json_pack("{ss ss}", "name", name, "role", u->role);
	rc = body ? rest_call(c->rest, "POST", "/users", body, &reply, e)
		  : err_set(e, ERR_USAGE, "the name is no UTF-8 text");
	if (rc && u->output)
		unlink(u->output);
	if (!rc)
		rc = give_token(c, u, reply, e);
	json_decref(body);
	json_decref(reply);
	return rc;
}

enum err_code cmd_user_add(struct cli *c, int argc, char **argv, struct err *e)
{
	static const struct option own[] = {
		{"role", required_argument, NULL, OPT_ROLE},
		{"output", required_argument, NULL, 'o'},
		{0}};
	struct user u = {0};
	enum err_code rc;
	int first;

	rc = cli_options(c, argc, argv, own, take_user_option, &u, &first, e);
	if (rc)
		return rc;
	if (first + 1 != argc || !u.role)
		return err_set(e, ERR_USAGE, "give NAME and --role ROLE");
	return add_user(c, &u, argv[first], e);
}
