#include "cli/demo/control.h"

#include "proto/base/dbuf.h"
#include "proto/base/mono.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REPLY_MAX_BYTES (8u << 20)
#define REPLY_MS	10000

enum err_code control_open(struct control *c, const char *path, int wait_ms,
			   struct err *e)
{
	struct mono deadline = mono_after_ms(wait_ms);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	c->fd = -1;
	if (strlen(path) >= sizeof addr.sun_path)
		return err_set(e, ERR_INPUT, "%s: the path is too long", path);
	strcpy(addr.sun_path, path);
	for (;;) {
		c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (c->fd < 0)
			return err_set_errno(e, ERR_FAILED, errno, "socket");
		if (connect(c->fd, (struct sockaddr *)&addr, sizeof addr) == 0)
			return ERR_OK;
		control_close(c);
		if (mono_passed(deadline))
			return err_set_errno(e, ERR_UNREACHABLE, errno, "%s",
					     path);
		mono_sleep_ms(20);
	}
}

void control_close(struct control *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static bool send_line(int fd, const char *text)
{
	size_t len = strlen(text);

	return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len &&
	       send(fd, "\n", 1, MSG_NOSIGNAL) == 1;
}

static enum err_code read_line(int fd, struct dbuf *line, struct err *e)
{
	struct mono deadline = mono_after_ms(REPLY_MS);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char chunk[4096];
	ssize_t n;

	while (!line->len || line->data[line->len - 1] != '\n') {
		if (poll(&p, 1, (int)mono_left_ms(deadline)) <= 0)
			return err_set(e, ERR_TIMEOUT, "the bench is silent");
		n = recv(fd, chunk, sizeof chunk, 0);
		if (n <= 0)
			return err_set(e, ERR_UNREACHABLE, "the bench is gone");
		if (dbuf_add(line, chunk, (size_t)n))
			return err_set(e, ERR_TOO_BIG, "the bench's answer");
	}
	return ERR_OK;
}

/* {"ok":true,...}, or {"ok":false,"code":...,"text":...} */
static enum err_code check_reply(const json_t *reply, struct err *e)
{
	const char *code = json_string_value(json_object_get(reply, "code"));
	const char *text = json_string_value(json_object_get(reply, "text"));

	if (json_is_true(json_object_get(reply, "ok")))
		return ERR_OK;
	return err_set(e, code ? err_from_name(code) : ERR_FAILED,
		       "the bench: %s", text ? text : "no reason given");
}

enum err_code control_call(struct control *c, json_t *request, json_t **reply,
			   struct err *e)
{
	char *text = json_dumps(request, JSON_COMPACT);
	enum err_code rc = ERR_OK;
	struct dbuf line;
	json_t *j = NULL;

	dbuf_init(&line, REPLY_MAX_BYTES);
	if (!text || !send_line(c->fd, text))
		rc = err_set(e, ERR_UNREACHABLE, "the bench is gone");
	if (!rc)
		rc = read_line(c->fd, &line, e);
	if (!rc) {
		j = json_loadb(dbuf_text(&line), line.len, 0, NULL);
		rc = check_reply(j, e);
	}
	if (!rc && reply)
		*reply = json_incref(j);
	json_decref(j);
	json_decref(request);
	dbuf_fini(&line);
	free(text);
	return rc;
}
