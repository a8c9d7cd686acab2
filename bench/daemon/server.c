#include "bench/daemon/server.h"

#include "bench/daemon/control.h"
#include "proto/base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 64u

enum client_kind { CLIENT_FREE, CLIENT_USB, CLIENT_CONTROL };

struct client {
	enum client_kind kind;
	int fd;
	struct dbuf in;
};

struct server {
	struct bench *bench;
	int usb_fd, control_fd;
	struct client client[CLIENTS_MAX];
};

static enum err_code listen_on(int *fd, const char *path, struct err *e)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct stat st;

	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return err_set_errno(e, ERR_IO, errno, "socket");
	/* What a bench that was killed left behind may go; a file may not. */
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
	memcpy(at.sun_path, path, strlen(path));
	if (bind(*fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
	    listen(*fd, 64) != 0)
		return err_set_errno(e, ERR_IO, errno, "socket %s", path);
	return ERR_OK;
}

static void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	dbuf_fini(&c->in);
	c->kind = CLIENT_FREE;
	c->fd = -1;
}

static void client_accept(struct server *s, int listen_fd,
			  enum client_kind kind)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &s->client[i];

		if (c->kind != CLIENT_FREE)
			continue;
		*c = (struct client){.kind = kind, .fd = fd};
		dbuf_init(&c->in, kind == CLIENT_USB ? sizeof(struct link_msg)
						     : CONTROL_LINE_MAX);
		return;
	}
	log_warn("BENCH_CLIENTS", "limit=%u", CLIENTS_MAX);
	close(fd);
}

static bool send_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

/* -------- USB -------- */

static bool usb_list(struct server *s, const struct client *c,
		     const struct link_msg *ask)
{
	struct link_device list[CONFIG_PROBES_MAX];
	struct link_msg m = {.kind = LINK_DONE, .id = ask->id};
	size_t n = 0;

	for (size_t i = 0; i < s->bench->workers_n; i++) {
		if (worker_describe(&s->bench->workers[i], &list[n]))
			n++;
	}
	m.len = (uint32_t)(n * sizeof(list[0]));
	return send_all(c->fd, &m, sizeof(m)) && send_all(c->fd, list, m.len);
}

/* Gives the connection away on success; closing it is the caller's. */
static bool usb_open(struct server *s, struct client *c,
		     const struct link_msg *ask)
{
	struct link_msg m = {
		.kind = LINK_DONE, .id = ask->id, .status = LINK_NO_DEVICE};

	for (size_t i = 0; i < s->bench->workers_n; i++) {
		struct worker *w = &s->bench->workers[i];
		struct link_device d;

		if (!worker_describe(w, &d) || d.id != ask->a)
			continue;
		m.status = LINK_OK;
		if (!send_all(c->fd, &m, sizeof(m)))
			return false;
		worker_adopt(w, c->fd);
		c->fd = -1;
		return false;
	}
	return send_all(c->fd, &m, sizeof(m));
}

/* False: close the client. */
static bool usb_message(struct server *s, struct client *c)
{
	struct link_msg m;
	uint8_t buf[sizeof(m)];
	ssize_t n = recv(c->fd, buf, sizeof(m) - c->in.len, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0 || dbuf_add(&c->in, buf, (size_t)n) != ERR_OK)
		return false;
	if (c->in.len < sizeof(m))
		return true;
	memcpy(&m, c->in.data, sizeof(m));
	dbuf_clear(&c->in);
	if (m.len != 0)
		return false;
	if (m.kind == LINK_LIST)
		return usb_list(s, c, &m);
	return m.kind == LINK_OPEN && usb_open(s, c, &m);
}

/* -------- control -------- */

static bool control_lines(struct server *s, struct client *c)
{
	char *end;

	while (c->in.len > 0 &&
	       (end = memchr(c->in.data, '\n', c->in.len)) != NULL) {
		size_t len = (size_t)(end - (char *)c->in.data);
		char *reply = control_handle(s->bench, dbuf_text(&c->in), len);
		bool ok = reply != NULL &&
			  send_all(c->fd, reply, strlen(reply)) &&
			  send_all(c->fd, "\n", 1);

		free(reply);
		if (!ok)
			return false;
		dbuf_eat(&c->in, len + 1);
	}
	return true;
}

static bool control_message(struct server *s, struct client *c)
{
	char buf[8192];
	ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0 || dbuf_add(&c->in, buf, (size_t)n) != ERR_OK)
		return false;
	return control_lines(s, c);
}

/* -------- the loop -------- */

static void serve_clients(struct server *s, const struct pollfd *fds, nfds_t n)
{
	for (nfds_t i = 0; i < n; i++) {
		for (size_t k = 0; k < CLIENTS_MAX; k++) {
			struct client *c = &s->client[k];
			bool ok;

			if (fds[i].revents == 0 || c->kind == CLIENT_FREE ||
			    c->fd != fds[i].fd)
				continue;
			ok = c->kind == CLIENT_USB ? usb_message(s, c)
						   : control_message(s, c);
			if (!ok)
				client_close(c);
			break;
		}
	}
}

static enum err_code loop(struct server *s, int stop_fd, struct err *e)
{
	struct pollfd fds[CLIENTS_MAX + 3];

	for (;;) {
		nfds_t n = 0;

		for (size_t i = 0; i < CLIENTS_MAX; i++) {
			if (s->client[i].kind != CLIENT_FREE)
				fds[n++] =
					(struct pollfd){.fd = s->client[i].fd,
							.events = POLLIN};
		}
		fds[n] = (struct pollfd){.fd = s->usb_fd, .events = POLLIN};
		fds[n + 1] =
			(struct pollfd){.fd = s->control_fd, .events = POLLIN};
		fds[n + 2] = (struct pollfd){.fd = stop_fd, .events = POLLIN};
		if (poll(fds, n + 3, -1) < 0) {
			if (errno == EINTR)
				continue;
			return err_set_errno(e, ERR_IO, errno, "poll");
		}
		if (fds[n + 2].revents != 0)
			return ERR_OK;
		serve_clients(s, fds, n);
		if (fds[n].revents != 0)
			client_accept(s, s->usb_fd, CLIENT_USB);
		if (fds[n + 1].revents != 0)
			client_accept(s, s->control_fd, CLIENT_CONTROL);
	}
}

enum err_code server_run(struct bench *b, int stop_fd, struct err *e)
{
	struct server *s = calloc(1, sizeof(*s));
	enum err_code rc;

	if (s == NULL)
		return err_set(e, ERR_NO_MEMORY, "server");
	s->bench = b;
	s->usb_fd = s->control_fd = -1;
	for (size_t i = 0; i < CLIENTS_MAX; i++)
		s->client[i].fd = -1;
	rc = listen_on(&s->usb_fd, b->config.usb_socket, e);
	if (rc == ERR_OK)
		rc = listen_on(&s->control_fd, b->config.control_socket, e);
	if (rc == ERR_OK) {
		log_info("BENCH_READY", "usb=%s control=%s probes=%zu",
			 b->config.usb_socket, b->config.control_socket,
			 b->workers_n);
		rc = loop(s, stop_fd, e);
		unlink(b->config.usb_socket);
		unlink(b->config.control_socket);
	}
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (s->client[i].kind != CLIENT_FREE)
			client_close(&s->client[i]);
	}
	if (s->usb_fd >= 0)
		close(s->usb_fd);
	if (s->control_fd >= 0)
		close(s->control_fd);
	free(s);
	return rc;
}
