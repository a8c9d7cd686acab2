/* Key files: who may read them, what is in them, and that none is lost to
 * another that is written over it. */
#include "proto/base/file.h"
#include "proto/keys/key_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_BYTES 4096u

void key_forget(struct dbuf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->len);
	dbuf_fini(b);
}

static enum err_code check_rights(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_set_errno(e, ERR_IO, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "%s: not a file", path);
	if (st.st_mode & (S_IRWXG | S_IRWXO)) {
		err_set(e, ERR_CONFIG, "%s: others have rights to this key",
			path);
		err_hint(e, "chmod 600 it; if others could read it, replace "
			    "the key");
		return ERR_CONFIG;
	}
	return ERR_OK;
}

/* In one go: a buffer that grows leaves copies behind. */
static enum err_code read_all(int fd, struct dbuf *out, const char *path,
			      struct err *e)
{
	uint8_t bytes[KEY_FILE_MAX_BYTES + 1];
	enum err_code rc = ERR_OK;
	size_t len = 0;
	ssize_t n;

	while (len < sizeof bytes &&
	       (n = read(fd, bytes + len, sizeof bytes - len)) != 0) {
		if (n > 0)
			len += (size_t)n;
		else if (errno != EINTR) {
			rc = err_set_errno(e, ERR_IO, errno, "%s", path);
			break;
		}
	}
	if (!rc && len > KEY_FILE_MAX_BYTES)
		rc = err_set(e, ERR_INPUT, "%s: too long for a key", path);
	if (!rc && dbuf_add(out, bytes, len))
		rc = err_set(e, ERR_NO_MEMORY, "%s", path);
	explicit_bzero(bytes, sizeof bytes);
	return rc;
}

enum err_code key_read_file(struct dbuf *out, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum err_code rc;

	dbuf_init(out, KEY_FILE_MAX_BYTES);
	if (fd < 0)
		return err_set_errno(e, ERR_IO, errno, "%s", path);
	rc = check_rights(fd, path, e);
	if (!rc)
		rc = read_all(fd, out, path, e);
	close(fd);
	return rc;
}

enum err_code key_file_kind(enum key_file *kind, const char *path,
			    struct err *e)
{
	uint8_t head[HEAD_BYTES + 1] = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum err_code rc = ERR_OK;
	ssize_t n;

	if (fd < 0)
		return err_set_errno(e, ERR_IO, errno, "%s", path);
	n = read(fd, head, HEAD_BYTES);
	close(fd);
	if (n < 0)
		return err_set_errno(e, ERR_IO, errno, "%s", path);
	if (n == KEY_SFI_BYTES || strstr((char *)head, "-----BEGIN CMS-"))
		*kind = KEY_FILE_SFI;
	else if (strstr((char *)head, "-----BEGIN PUBLIC KEY-"))
		*kind = KEY_FILE_PUBLIC;
	else if (strstr((char *)head, "PRIVATE KEY-----"))
		*kind = KEY_FILE_PRIVATE;
	else
		rc = err_set(e, ERR_INPUT, "%s: no key", path);
	explicit_bzero(head, sizeof head);
	return rc;
}

enum err_code key_write_file(const char *path, const void *text, size_t len,
			     bool force, struct err *e)
{
	enum err_code rc = force ? file_write(path, text, len, 0600, e)
				 : file_create(path, text, len, 0600, e);

	if (rc == ERR_EXISTS)
		err_hint(e, "a key that is overwritten is lost; choose another "
			    "name, or say --force");
	return rc;
}
