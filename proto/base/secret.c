#include "proto/base/secret.h"

#include "proto/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum err_code secret_set(struct secret *s, const void *bytes, size_t len,
			 struct err *e)
{
	if (len > sizeof s->bytes)
		return err_set(e, ERR_TOO_BIG, "a secret of %zu bytes", len);
	secret_fini(s);
	memcpy(s->bytes, bytes, len);
	s->len = len;
	return ERR_OK;
}

enum err_code secret_random(struct secret *s, size_t len, struct err *e)
{
	if (len > sizeof s->bytes)
		return err_set(e, ERR_TOO_BIG, "a secret of %zu bytes", len);
	secret_fini(s);
	if (getrandom(s->bytes, len, 0) != (ssize_t)len)
		return err_set_errno(e, ERR_IO, errno, "random bytes");
	s->len = len;
	return ERR_OK;
}

/* All there is, however it comes: a pipe gives it in pieces. -1: errno. */
static ssize_t read_all(int fd, uint8_t *out, size_t max)
{
	size_t len = 0;
	ssize_t n;

	while (len < max && (n = read(fd, out + len, max - len)) != 0) {
		if (n > 0)
			len += (size_t)n;
		else if (errno != EINTR)
			return -1;
	}
	return (ssize_t)len;
}

enum err_code secret_load(struct secret *s, const char *path, struct err *e)
{
	enum err_code rc = ERR_OK;
	struct stat st;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set_errno(e, ERR_IO, errno, "%s", path);
	secret_fini(s);
	if (fstat(fd, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO))) {
		rc = err_set(e, ERR_CONFIG, "%s: others may read it", path);
		err_hint(e, "chmod 600 it, or replace the secret");
		goto out;
	}
	n = read_all(fd, s->bytes, sizeof s->bytes);
	if (n < 0) {
		rc = err_set_errno(e, ERR_IO, errno, "%s", path);
		secret_fini(s);
	} else if ((size_t)n == sizeof s->bytes) {
		secret_fini(s);
		rc = err_set(e, ERR_TOO_BIG, "%s: over %d bytes", path,
			     SECRET_MAX_BYTES - 1);
	} else {
		while (n > 0 &&
		       (s->bytes[n - 1] == '\n' || s->bytes[n - 1] == '\r'))
			s->bytes[--n] = 0;
		s->len = (size_t)n;
	}
out:
	close(fd);
	return rc;
}

bool secret_equal(const struct secret *a, const void *b, size_t b_len)
{
	const uint8_t *p = b;
	unsigned diff = a->len != b_len;

	for (size_t i = 0; i < b_len; i++)
		diff |= (unsigned)(a->bytes[i % sizeof a->bytes] ^ p[i]);
	return diff == 0;
}

void secret_fini(struct secret *s)
{
	explicit_bzero(s, sizeof *s);
}
