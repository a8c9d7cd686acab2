#include "proto/base/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_CHARS "abcdefghijklmnopqrstuvwxyz0123456789_"

enum err_code conf_check_file(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	enum err_code rc = ERR_OK;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		rc = err_set_errno(e, ERR_CONFIG, errno, "%s", path);
	else if (!S_ISREG(st.st_mode))
		rc = err_set(e, ERR_CONFIG, "%s: not a file", path);
	if (fd >= 0)
		close(fd);
	return rc;
}

static bool starts_with_key(const char *line, const char *key, size_t key_len)
{
	line += strspn(line, " \t");
	return key_len > 0 && strncmp(line, key, key_len) == 0 &&
	       strchr(" \t=", line[key_len]) != NULL;
}

/* The line in the file. libconfuse 3.3 counts a line with a comment as three,
 * and checks a value when it reads the token behind it: undo the first, and
 * go back to the line with the key that text begins with. */
static int line_of(const char *path, int counted, const char *text)
{
	size_t key_len = strspn(text, KEY_CHARS);
	FILE *f = fopen(path, "re");
	int line = 0, found = 0;
	char read[512];

	if (!f)
		return counted;
	while (counted > 0 && fgets(read, sizeof read, f)) {
		line++;
		counted -= strchr(read, '#') ? 3 : 1;
		if (starts_with_key(read, text, key_len))
			found = line;
	}
	fclose(f);
	return found ? found : line;
}

void conf_error(struct err *e, const char *file, int counted, const char *fmt,
		va_list ap)
{
	char text[240];

	if (!e || e->code != ERR_OK)
		return;
	vsnprintf(text, sizeof text, fmt, ap);
	if (!file)
		err_set(e, ERR_CONFIG, "%s", text);
	else
		err_set(e, ERR_CONFIG, "%s:%d: %s", file,
			line_of(file, counted, text), text);
}
