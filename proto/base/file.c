#include "proto/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_read_at(int fd, uint64_t offset, void *buf, size_t len)
{
	uint8_t *at = buf;

	while (len) {
		ssize_t n = pread(fd, at, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return true;
}

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
	explicit_bzero(chunk, sizeof chunk); /* it may be a key's */
	return rc;
}

/* -------- writing -------- */

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

/* rename(2) would put a file in the place of /dev/null just as well. */
static enum err_code check_target(const char *path, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) || S_ISREG(st.st_mode))
		return ERR_OK;
	if (S_ISDIR(st.st_mode))
		return err_set_errno(e, ERR_IO, EISDIR, "%s", path);
	err_set(e, ERR_INPUT, "%s: %s", path,
		S_ISLNK(st.st_mode) ? "a symbolic link" : "not a regular file");
	return err_hint(e, "name the file that is to be written");
}

enum err_code file_new_open(struct file_new *n, const char *path, struct err *e)
{
	enum err_code rc = check_target(path, e);

	n->fd = -1;
	if (rc)
		return rc;
	if ((size_t)snprintf(n->temp, sizeof n->temp, "%s.XXXXXX", path) >=
	    sizeof n->temp)
		return err_set(e, ERR_INPUT, "%s: the path is too long", path);
	n->fd = mkostemp(n->temp, O_CLOEXEC);
	return n->fd < 0 ? err_set_errno(e, ERR_IO, errno, "%s", path) : ERR_OK;
}

enum err_code file_new_add(struct file_new *n, const char *path,
			   const void *data, size_t len, struct err *e)
{
	const uint8_t *at = data;

	while (len) {
		ssize_t done = write(n->fd, at, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_set_errno(e, ERR_IO, errno, "%s", path);
		at += done;
		len -= (size_t)done;
	}
	return ERR_OK;
}

/* The temporary file under its name. */
static int put_in_place(const char *temp, const char *path, bool replace)
{
	if (replace)
		return rename(temp, path);
	if (link(temp, path))
		return -1;
	unlink(temp);
	return 0;
}

enum err_code file_new_keep(struct file_new *n, const char *path, unsigned mode,
			    bool replace, struct err *e)
{
	int errnum;

	if (fchmod(n->fd, mode) || fsync(n->fd) ||
	    put_in_place(n->temp, path, replace)) {
		errnum = errno;
		file_new_drop(n);
		if (errnum == EEXIST)
			return err_set(e, ERR_EXISTS, "%s exists", path);
		return err_set_errno(e, ERR_IO, errnum, "%s", path);
	}
	close(n->fd);
	n->fd = -1;
	file_sync_folder(path);
	return ERR_OK;
}

void file_new_drop(struct file_new *n)
{
	if (n->fd < 0)
		return;
	close(n->fd);
	unlink(n->temp);
	n->fd = -1;
}

static enum err_code write_whole(const char *path, const void *data, size_t len,
				 unsigned mode, bool replace, struct err *e)
{
	struct file_new n;
	enum err_code rc = file_new_open(&n, path, e);

	if (rc)
		return rc;
	rc = file_new_add(&n, path, data, len, e);
	if (!rc)
		rc = file_new_keep(&n, path, mode, replace, e);
	file_new_drop(&n);
	return rc;
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
