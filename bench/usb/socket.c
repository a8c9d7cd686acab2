#include "bench/usb/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

bool usb_connect(int *fd)
{
	const char *path = getenv(LINK_ENV);
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	if (path == NULL || strlen(path) >= sizeof(at.sun_path))
		return false;
	memcpy(at.sun_path, path, strlen(path));
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return false;
	if (connect(*fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return true;
	close(*fd);
	return false;
}

static bool send_all(int fd, const void *data, size_t len, int flags)
{
	const uint8_t *p = data;

	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL | flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

bool usb_send(int fd, const struct link_msg *m, const void *payload)
{
	return send_all(fd, m, sizeof(*m), m->len > 0 ? MSG_MORE : 0) &&
	       send_all(fd, payload, m->len, 0);
}

bool usb_recv(int fd, void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len > 0) {
		ssize_t n = recv(fd, p, len, MSG_WAITALL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

void usb_disconnect(int fd)
{
	struct timeval limit = {.tv_sec = 1};
	char drop[4096];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	shutdown(fd, SHUT_WR);
	while (recv(fd, drop, sizeof(drop), 0) > 0)
		;
	close(fd);
}
