#include "agent/drv/scanner.h"

#include "proto/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

struct scanner {
	char path[512];
	int fd; /* -1: not there */
	char line[SCANNER_TEXT_SIZE];
	size_t len;
	bool bad; /* this line holds what no serial holds */
};

enum err_code scanner_new(struct scanner **out, const char *path, struct err *e)
{
	struct scanner *s = calloc(1, sizeof *s);

	*out = s;
	if (!s)
		return err_set(e, ERR_NO_MEMORY, "scanner");
	snprintf(s->path, sizeof s->path, "%s", path);
	s->fd = -1;
	return ERR_OK;
}

void scanner_free(struct scanner *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

static void open_device(struct scanner *s)
{
	struct termios t;

	s->fd = open(s->path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (s->fd < 0)
		return;
	s->len = 0;
	s->bad = false;
	if (tcgetattr(s->fd, &t) == 0) {
		cfmakeraw(&t);
		tcsetattr(s->fd, TCSANOW, &t);
	}
	log_info("SCANNER_OPEN", "device=%s", s->path);
}

/* True when a whole scan is in s->line. */
static bool take_char(struct scanner *s, char c)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";

	if (c == '\r' || c == '\n') {
		bool whole = s->len && !s->bad;

		if (s->bad)
			log_warn("SCAN_DROPPED", "device=%s", s->path);
		s->line[s->len] = '\0';
		s->len = 0;
		s->bad = false;
		return whole;
	}
	if (!c || !strchr(allowed, c) || s->len == sizeof s->line - 1)
		s->bad = true;
	else
		s->line[s->len++] = c;
	return false;
}

void scanner_poll(struct scanner *s, char text[SCANNER_TEXT_SIZE], bool *fresh)
{
	char chunk[256];
	ssize_t n;

	*fresh = false;
	if (s->fd < 0)
		open_device(s);
	while (s->fd >= 0) {
		n = read(s->fd, chunk, sizeof chunk);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			close(s->fd);
			s->fd = -1;
			log_warn("SCANNER_GONE", "device=%s", s->path);
			return;
		}
		for (ssize_t i = 0; i < n; i++) {
			if (take_char(s, chunk[i])) {
				strcpy(text, s->line);
				*fresh = true;
			}
		}
	}
}
