#include "bench/daemon/barcode.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum err_code barcode_open(struct barcode *b, const char *path, struct err *e)
{
	struct termios raw = {0};
	char tty[64];

	*b = (struct barcode){.master = -1, .slave = -1};
	if (!path || !path[0])
		return ERR_OK;
	cfmakeraw(&raw);
	/* The bench keeps the far end open as well, so that a station may come
	 * and go. */
	if (openpty(&b->master, &b->slave, tty, &raw, NULL))
		return err_set_errno(e, ERR_IO, errno, "a pseudo-terminal");
	fcntl(b->master, F_SETFL, O_NONBLOCK);
	fcntl(b->master, F_SETFD, FD_CLOEXEC);
	fcntl(b->slave, F_SETFD, FD_CLOEXEC);
	snprintf(b->path, sizeof b->path, "%s", path);
	unlink(path);
	if (symlink(tty, path) == 0)
		return ERR_OK;
	err_set_errno(e, ERR_IO, errno, "%s", path);
	barcode_close(b);
	return e ? e->code : ERR_IO;
}

void barcode_close(struct barcode *b)
{
	if (b->master < 0)
		return;
	unlink(b->path);
	close(b->master);
	close(b->slave);
	b->master = b->slave = -1;
}

void barcode_scan(struct barcode *b, const char *text)
{
	char line[128];
	int n;

	if (b->master < 0)
		return;
	/* What nobody has read is of a board that is gone. */
	tcflush(b->slave, TCIFLUSH);
	n = snprintf(line, sizeof line, "%s\r", text);
	if (write(b->master, line, (size_t)n) != n)
		return; /* the queue is full: nobody listens */
}
