#include "bench/daemon/ctl.h"

#include "proto/base/dbuf.h"
#include "proto/base/err.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REPLY_MAX (16u * 1024u * 1024u)

static enum err_code dial(int *fd, const char *path, struct err *e)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(at.sun_path))
		return err_set(e, ERR_USAGE, "socket path is too long");
	memcpy(at.sun_path, path, strlen(path));
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return err_set_errno(e, ERR_IO, errno, "socket");
	if (connect(*fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return ERR_OK;
	err_set_errno(e, ERR_UNREACHABLE, errno, "bench at %s", path);
	close(*fd);
	return e->code;
}

static enum err_code send_line(int fd, const char *text, struct err *e)
{
	struct dbuf line;
	enum err_code rc;
	size_t at = 0;

	dbuf_init(&line, REPLY_MAX);
	rc = dbuf_addf(&line, "%s\n", text);
	while (rc == ERR_OK && at < line.len) {
		ssize_t n =
			send(fd, line.data + at, line.len - at, MSG_NOSIGNAL);

		if (n < 0)
			rc = ERR_IO;
		else
			at += (size_t)n;
	}
	dbuf_fini(&line);
	return rc == ERR_OK ? rc : err_set(e, rc, "command not sent");
}

static enum err_code receive_line(int fd, struct dbuf *reply, struct err *e)
{
	char buf[8192];

	while (reply->len == 0 || reply->data[reply->len - 1] != '\n') {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);

		if (n <= 0)
			return err_set(e, ERR_UNREACHABLE,
				       "the bench closed the connection");
		if (dbuf_add(reply, buf, (size_t)n) != ERR_OK)
			return err_set(e, ERR_TOO_BIG, "reply");
	}
	return ERR_OK;
}

static enum err_code judge(const struct dbuf *reply, struct err *e)
{
	json_error_t je;
	json_t *o = json_loads(dbuf_text(reply), 0, &je);
	const char *code, *text;

	if (o == NULL)
		return err_set(e, ERR_MALFORMED, "reply is not JSON");
	if (!json_is_true(json_object_get(o, "ok"))) {
		code = json_string_value(json_object_get(o, "code"));
		text = json_string_value(json_object_get(o, "text"));
		err_set(e, err_from_name(code != NULL ? code : ""), "%s",
			text != NULL ? text : "refused");
	}
	json_decref(o);
	return e->code;
}

static enum err_code talk(const char *path, const char *json, struct err *e)
{
	struct dbuf reply;
	enum err_code rc;
	int fd = -1;

	rc = dial(&fd, path, e);
	if (rc != ERR_OK)
		return rc;
	dbuf_init(&reply, REPLY_MAX);
	rc = send_line(fd, json, e);
	if (rc == ERR_OK)
		rc = receive_line(fd, &reply, e);
	if (rc == ERR_OK)
		rc = judge(&reply, e);
	if (rc == ERR_OK)
		fputs(dbuf_text(&reply), stdout);
	dbuf_fini(&reply);
	close(fd);
	return rc;
}

int ctl_main(const char *program, int argc, char **argv)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'}, {0}};
	const char *path = NULL;
	struct err e = {0};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) == 's')
		path = optarg;
	if (c != -1 || path == NULL || optind != argc - 1)
		err_set(&e, ERR_USAGE,
			"ctl needs --socket PATH and one JSON "
			"object");
	else
		talk(path, argv[optind], &e);
	return e.code == ERR_OK ? 0 : err_print(stderr, program, &e);
}
