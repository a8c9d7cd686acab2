#include "controller/controller_init.h"

#include "controller/init_keys.h"
#include "controller/store/store_access.h"
#include "proto/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err_code check_empty(const char *dir, bool *there, struct err *e)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	bool empty = true;

	*there = d != NULL;
	if (!d && errno == ENOENT)
		return ERR_OK;
	if (!d)
		return err_set_errno(e, ERR_IO, errno, "%s", dir);
	while (empty && (entry = readdir(d)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 ||
			strcmp(entry->d_name, "..") == 0;
	closedir(d);
	if (empty)
		return ERR_OK;
	return err_set(e, ERR_EXISTS, "%s is there and not empty", dir);
}

static enum err_code add_admin(struct store_db *db, void *arg, struct err *e)
{
	static const struct store_actor who = {"controller", "init"};
	static const struct store_identity admin = {"admin", "admin"};

	return store_token_add(db, &who, &admin, arg, e);
}

static enum err_code make_database(const char *dir, struct err *e)
{
	char path[PATH_MAX], token[STORE_TOKEN_SIZE + 1] = "";
	struct store_config config = {.path = path};
	struct store *store;
	enum err_code rc;

	snprintf(path, sizeof path, "%s/" CONTROLLER_FILE_DB, dir);
	rc = store_open(&store, &config, e);
	if (rc)
		return rc;
	rc = store_run(store, add_admin, token, e);
	store_close(store);
	if (rc)
		return rc;
	if (chmod(path, 0600))
		return err_set_errno(e, ERR_IO, errno, "%s", path);
	snprintf(path, sizeof path, "%s/" CONTROLLER_FILE_TOKEN, dir);
	strcat(token, "\n");
	rc = file_write(path, token, strlen(token), 0600, e);
	explicit_bzero(token, sizeof token);
	return rc;
}

static enum err_code make_all(const char *dir, const char *const *names,
			      struct err *e)
{
	char path[PATH_MAX];
	enum err_code rc = init_keys_make(dir, names, e);

	snprintf(path, sizeof path, "%s/" CONTROLLER_DIR_IMAGES, dir);
	if (!rc && mkdir(path, 0700))
		rc = err_set_errno(e, ERR_IO, errno, "%s", path);
	snprintf(path, sizeof path, "%s/" CONTROLLER_DIR_KEYS, dir);
	if (!rc && mkdir(path, 0700))
		rc = err_set_errno(e, ERR_IO, errno, "%s", path);
	if (!rc)
		rc = make_database(dir, e);
	return rc;
}

/* What make_all may have left in a folder that failed. */
static void remove_all(const char *dir)
{
	static const char *const names[] = {
		CONTROLLER_FILE_CA,	    CONTROLLER_FILE_CA_KEY,
		CONTROLLER_FILE_SERVER,	    CONTROLLER_FILE_SERVER_KEY,
		CONTROLLER_FILE_CHECKPOINT, CONTROLLER_FILE_CHECKPOINT_KEY,
		CONTROLLER_FILE_DB,	    CONTROLLER_FILE_DB "-wal",
		CONTROLLER_FILE_DB "-shm",  CONTROLLER_FILE_DB ".lock",
		CONTROLLER_FILE_TOKEN};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof path, "%s/" CONTROLLER_DIR_IMAGES, dir);
	rmdir(path);
	snprintf(path, sizeof path, "%s/" CONTROLLER_DIR_KEYS, dir);
	rmdir(path);
	rmdir(dir);
}

static void sync_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		/* the files themselves are synced; this is their names */
		(void)fsync(fd);
		close(fd);
	}
}

/* The administrator's commands on this machine take localhost, whatever other
 * names there are. */
static void all_names(const char *names[CONTROLLER_NAMES_MAX + 3],
		      char host[256], const char *const *given)
{
	size_t n = 0;

	names[n++] = "localhost";
	names[n++] = "127.0.0.1";
	for (; given && *given && n < CONTROLLER_NAMES_MAX + 2; given++)
		if (strcmp(*given, names[0]) != 0 &&
		    strcmp(*given, names[1]) != 0)
			names[n++] = *given;
	if (!given && gethostname(host, 255) == 0 && *host)
		names[n++] = host;
	names[n] = NULL;
}

enum err_code controller_init(const struct controller_init_options *options,
			      struct err *e)
{
	char temp[PATH_MAX], dir[PATH_MAX], host[256] = "";
	const char *names[CONTROLLER_NAMES_MAX + 3];
	size_t len = strlen(options->dir);
	enum err_code rc;
	bool there;

	while (len > 1 && options->dir[len - 1] == '/')
		len--;
	if (!len || len > PATH_MAX - 128)
		return err_set(e, ERR_INPUT, "not a usable path");
	snprintf(dir, sizeof dir, "%.*s", (int)len, options->dir);
	rc = check_empty(dir, &there, e);
	if (rc)
		return rc;
	all_names(names, host, options->names);
	snprintf(temp, sizeof temp, "%.4000s.XXXXXX", dir);
	if (!mkdtemp(temp))
		return err_set_errno(e, ERR_IO, errno, "%s", dir);
	rc = make_all(temp, names, e);
	if (!rc) {
		sync_folder(temp);
		/* replaces an empty folder, and only an empty one */
		if (rename(temp, dir))
			rc = err_set_errno(e, ERR_IO, errno, "%s", dir);
	}
	if (rc)
		remove_all(temp);
	return rc;
}
