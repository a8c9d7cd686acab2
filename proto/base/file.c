#include "proto/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum err_code file_read(const char *path, struct dbuf *out, struct err *e)
{
	uint8_t chunk[16384];
	enum err_code rc = ERR_OK;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set_errno(e, ERR_IO, errno, "%s", path);
	while ((n = read(fd, chunk, sizeof chunk)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			rc = err_set_errno(e, ERR_IO, errno, "%s", path);
			break;
		}
		rc = dbuf_add(out, chunk, (size_t)n);
		if (rc) {
			rc = err_set(e, rc, "%s: over %zu bytes", path,
				     out->max_len);
			break;
		}
	}
	close(fd);
	return rc;
}

static enum err_code write_all(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_IO;
		data += n;
		len -= (size_t)n;
	}
	return fsync(fd) ? ERR_IO : ERR_OK;
}

void file_sync_folder(const char *path)
{
	char folder[PATH_MAX];
	char *slash;
	int fd;

	snprintf(folder, sizeof folder, "%s", path);
	slash = strrchr(folder, '/');
	if (!slash)
		strcpy(folder, ".");
	else
		slash[slash == folder] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

/* The temporary file under its name; over another one only with replace. */
static int put_in_place(const char *temp, const char *path, bool replace)
{
	if (replace)
		return rename(temp, path);
	if (link(temp, path))
		return -1;
	unlink(temp);
	return 0;
}

static enum err_code write_whole(const char *path, const void *data, size_t len,
				 unsigned mode, bool replace, struct err *e)
{
	char temp[PATH_MAX];
	int fd, errnum;

	if ((size_t)snprintf(temp, sizeof temp, "%s.XXXXXX", path) >=
	    sizeof temp)
		return err_set(e, ERR_INPUT, "%s: the path is too long", path);
	fd = mkstemp(temp);
	if (fd < 0)
		return err_set_errno(e, ERR_IO, errno, "%s", path);
	if (fchmod(fd, mode) || write_all(fd, data, len) ||
	    put_in_place(temp, path, replace)) {
		errnum = errno;
		close(fd);
		unlink(temp);
		if (errnum == EEXIST)
			return err_set(e, ERR_EXISTS, "%s exists", path);
		return err_set_errno(e, ERR_IO, errnum, "%s", path);
	}
	close(fd);
	file_sync_folder(path);
	return ERR_OK;
}

enum err_code file_write(const char *path, const void *data, size_t len,
			 unsigned mode, struct err *e)
{
	return write_whole(path, data, len, mode, true, e);
}

enum err_code file_create(const char *path, const void *data, size_t len,
			  unsigned mode, struct err *e)
{
	return write_whole(path, data, len, mode, false, e);
}

enum err_code file_mkdir(const char *path, unsigned mode, struct err *e)
{
	char part[PATH_MAX];

	if (strlen(path) >= sizeof part)
		return err_set(e, ERR_INPUT, "%s: the path is too long", path);
	strcpy(part, path);
	for (char *p = part + 1;; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = '\0';
		if (mkdir(part, mode) && errno != EEXIST)
			return err_set_errno(e, ERR_IO, errno, "%s", part);
		*p = c;
		if (!c)
			return ERR_OK;
	}
}
