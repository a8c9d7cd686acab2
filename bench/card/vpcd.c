#include "bench/card/vpcd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum err_code vpcd_connect(int *fd, uint16_t port, struct err *e)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int on = 1, s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (s < 0 || connect(s, (struct sockaddr *)&to, sizeof to)) {
		int errnum = errno;

		if (s >= 0)
			close(s);
		return err_set_errno(e, ERR_UNREACHABLE, errnum,
				     "card reader on port %u", port);
	}
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	*fd = s;
	return ERR_OK;
}

/* vpcd sends length and body in two segments. With Nagle on its side and
 * delayed acknowledgements on ours each APDU would take 40 ms; the kernel
 * forgets TCP_QUICKACK, so it is set anew before every read. */
static enum err_code receive_part(int fd, int wake_fd, uint8_t *out, size_t len)
{
	struct pollfd fds[2] = {{.fd = fd, .events = POLLIN},
				{.fd = wake_fd, .events = POLLIN}};
	int on = 1;

	while (len) {
		ssize_t n;

		setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return ERR_UNREACHABLE;
		if (fds[1].revents)
			return ERR_CANCELLED;
		n = recv(fd, out, len, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return ERR_UNREACHABLE;
		out += n;
		len -= (size_t)n;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
	return ERR_OK;
}

enum err_code vpcd_receive(int fd, int wake_fd, uint8_t *buf, size_t *len)
{
	uint8_t head[2];
	enum err_code rc = receive_part(fd, wake_fd, head, sizeof head);

	if (rc)
		return rc;
	*len = (size_t)(head[0] << 8 | head[1]);
	return receive_part(fd, wake_fd, buf, *len);
}

enum err_code vpcd_send(int fd, const void *data, size_t len)
{
	uint8_t head[2] = {(uint8_t)(len >> 8), (uint8_t)len};
	struct iovec parts[2] = {{head, sizeof head}, {(void *)data, len}};
	struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 2};
	ssize_t n;

	do {
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	/* a blocking socket of this size takes a reply whole */
	return n == (ssize_t)(len + sizeof head) ? ERR_OK : ERR_UNREACHABLE;
}
