#include "controller/console/upload_private.h"

#include "controller/console/upload_check.h"
#include "proto/base/file.h"
#include "proto/base/log.h"
#include "proto/base/wall.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define FOLDER "uploads"

bool upload_hash_ok(const char *sha256)
{
	size_t len = strspn(sha256, "0123456789abcdef");

	return len == UPLOAD_HASH_SIZE - 1 && !sha256[len];
}

/* "SHA256.LENGTH", and nothing else. */
static bool parse_name(const char *name, struct upload_state *s)
{
	char *end;

	memset(s, 0, sizeof(*s));
	if (strlen(name) < UPLOAD_HASH_SIZE + 1 ||
	    name[UPLOAD_HASH_SIZE - 1] != '.')
		return false;
	memcpy(s->sha256, name, UPLOAD_HASH_SIZE - 1);
	name += UPLOAD_HASH_SIZE;
	if (!upload_hash_ok(s->sha256) || *name < '1' || *name > '9')
		return false;
	s->len_bytes = strtoull(name, &end, 10);
	return *end == '\0';
}

static void path_of(char out[PATH_MAX], const char *image_dir,
		    const struct upload_state *s)
{
	snprintf(out, PATH_MAX, "%.3900s/" FOLDER "/%.64s.%" PRIu64, image_dir,
		 s->sha256, s->len_bytes);
}

enum err_code upload_sync_folder(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int bad = fd < 0 || fsync(fd);
	int errnum = errno;

	if (fd >= 0)
		close(fd);
	return bad ? err_set_errno(e, ERR_IO, errnum, "%s", path) : ERR_OK;
}

static void folder_of(char out[PATH_MAX], const char *image_dir)
{
	snprintf(out, PATH_MAX, "%.3900s/" FOLDER, image_dir);
}

enum err_code upload_init(const char *image_dir, struct err *e)
{
	char folder[PATH_MAX];

	folder_of(folder, image_dir);
	return file_mkdir(folder, 0700, e);
}

/* ---- looking ---- */

/* Ends early when fn returns false. */
typedef bool visit_fn(void *arg, const struct upload_state *s);

static enum err_code visit(const char *image_dir, const struct upload_limits *l,
			   visit_fn *fn, void *arg, struct err *e)
{
	char folder[PATH_MAX];
	struct upload_state s;
	struct stat st;
	bool more = true;
	DIR *d;

	folder_of(folder, image_dir);
	d = opendir(folder);
	if (!d)
		return err_set_errno(e, ERR_IO, errno, "%s", folder);
	for (struct dirent *f = readdir(d); f && more; f = readdir(d)) {
		if (!parse_name(f->d_name, &s) ||
		    fstatat(dirfd(d), f->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(st.st_mode))
			continue;
		s.offset = (uint64_t)st.st_size;
		s.expires_at =
			(st.st_mtim.tv_sec + (l ? l->keep_s : 0)) * 1000 +
			st.st_mtim.tv_nsec / 1000000;
		more = fn(arg, &s);
	}
	closedir(d);
	return ERR_OK;
}

struct search {
	const char *sha256;
	struct upload_state *out;
	bool found;
};

static bool match(void *arg, const struct upload_state *s)
{
	struct search *q = arg;

	if (strcmp(s->sha256, q->sha256) != 0)
		return true;
	*q->out = *s;
	q->found = true;
	return false;
}

enum err_code upload_find(const char *image_dir, const struct upload_limits *l,
			  const char *sha256, struct upload_state *out,
			  struct err *e)
{
	struct search q = {sha256, out, false};
	enum err_code rc;

	*out = (struct upload_state){.offset = 0};
	rc = visit(image_dir, l, match, &q, e);
	if (rc || q.found)
		return rc;
	return err_set(e, ERR_NOT_FOUND, "no upload %.64s", sha256);
}

struct listing {
	upload_fn *fn;
	void *arg;
};

static bool give_one(void *arg, const struct upload_state *s)
{
	struct listing *g = arg;

	g->fn(g->arg, s);
	return true;
}

enum err_code upload_each(const char *image_dir, const struct upload_limits *l,
			  upload_fn *fn, void *arg, struct err *e)
{
	struct listing g = {fn, arg};

	return visit(image_dir, l, give_one, &g, e);
}

/* ---- one in use ---- */

/* Opens and locks; a file that was removed meanwhile is none. */
static enum err_code lock_file(int *out, const char *path, struct err *e)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0)
		return err_set(e, ERR_NOT_FOUND, "there is no such upload");
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		err_set(e, ERR_CONFLICT, "someone else is sending this image");
		err_hint(e, "wait, or leave it to them");
		return ERR_CONFLICT;
	}
	if (fstat(fd, &st) || st.st_nlink == 0) {
		close(fd);
		return err_set(e, ERR_NOT_FOUND, "there is no such upload");
	}
	*out = fd;
	return ERR_OK;
}

enum err_code upload_open(struct upload **out, const char *image_dir,
			  const char *sha256, struct err *e)
{
	struct upload *u = calloc(1, sizeof(*u));
	enum err_code rc;
	struct stat st;

	*out = NULL;
	if (!u)
		return err_set(e, ERR_NO_MEMORY, "upload");
	snprintf(u->image_dir, sizeof(u->image_dir), "%s", image_dir);
	rc = upload_find(image_dir, NULL, sha256, &u->state, e);
	if (!rc) {
		path_of(u->path, image_dir, &u->state);
		rc = lock_file(&u->fd, u->path, e);
	}
	if (rc) {
		free(u);
		return rc;
	}
	/* only now nobody else moves it */
	u->state.offset = fstat(u->fd, &st) ? 0 : (uint64_t)st.st_size;
	*out = u;
	return ERR_OK;
}

void upload_close(struct upload *u)
{
	if (!u)
		return;
	close(u->fd);
	free(u);
}

void upload_discard(struct upload *u)
{
	(void)unlink(u->path);
}

uint64_t upload_offset(const struct upload *u)
{
	return u->state.offset;
}

uint64_t upload_len(const struct upload *u)
{
	return u->state.len_bytes;
}

const char *upload_sha256(const struct upload *u)
{
	return u->state.sha256;
}

static int write_at(int fd, const uint8_t *at, size_t len, uint64_t offset)
{
	while (len) {
		ssize_t n = pwrite(fd, at, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return fdatasync(fd);
}

enum err_code upload_append(struct upload *u, uint64_t offset, const void *data,
			    size_t len, struct err *e)
{
	struct upload_state *s = &u->state;
	enum err_code rc;

	if (offset != s->offset) {
		err_set(e, ERR_CONFLICT,
			"offset %" PRIu64 " was sent, %" PRIu64 " comes next",
			offset, s->offset);
		err_hint(e, "go on at the offset that comes next");
		return ERR_CONFLICT;
	}
	if (s->offset > s->len_bytes || len > s->len_bytes - s->offset)
		return err_set(e, ERR_TOO_BIG,
			       "more than the %" PRIu64 " bytes announced",
			       s->len_bytes);
	if (write_at(u->fd, data, len, offset)) {
		rc = err_set_errno(e, ERR_IO, errno, "upload");
		if (rc == ERR_DISK_FULL)
			upload_discard(u);
		return rc;
	}
	s->offset += len;
	return ERR_OK;
}

/* ---- beginning ---- */

struct sweep {
	const char *image_dir;
	const struct upload_limits *limits;
	int64_t now_ms;
	unsigned left, removed;
};

static bool sweep_one(void *arg, const struct upload_state *s)
{
	struct sweep *w = arg;
	char path[PATH_MAX];
	int fd;

	w->left++;
	path_of(path, w->image_dir, s);
	if (s->expires_at > w->now_ms || lock_file(&fd, path, NULL))
		return true;
	if (!unlink(path)) {
		log_info("UPLOAD_EXPIRED", "sha256=%s offset=%" PRIu64,
			 s->sha256, s->offset);
		w->left--;
		w->removed++;
	}
	close(fd);
	return true;
}

static void sweep(struct sweep *w, const char *image_dir,
		  const struct upload_limits *l)
{
	*w = (struct sweep){
		.image_dir = image_dir, .limits = l, .now_ms = wall_now_ms()};
	(void)visit(image_dir, l, sweep_one, w, NULL);
}

unsigned upload_sweep(const char *image_dir, const struct upload_limits *l)
{
	struct sweep w;

	sweep(&w, image_dir, l);
	return w.removed;
}

static enum err_code check_room(const char *image_dir,
				const struct upload_limits *l,
				uint64_t len_bytes, struct err *e)
{
	struct statvfs v;
	uint64_t free_bytes;

	if (statvfs(image_dir, &v))
		return err_set_errno(e, ERR_IO, errno, "%s", image_dir);
	free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
	if (len_bytes <= free_bytes &&
	    free_bytes - len_bytes >= l->reserve_bytes)
		return ERR_OK;
	err_set(e, ERR_DISK_FULL,
		"%" PRIu64 " MiB are free on the controller's disk; the image "
		"has %" PRIu64 ", and %" PRIu64 " stay reserved",
		free_bytes >> 20, (len_bytes + (1u << 20) - 1) >> 20,
		l->reserve_bytes >> 20);
	err_hint(e, "free space on the controller, then import again");
	return ERR_DISK_FULL;
}

/* The space is taken now, so that a disk that fills up meanwhile does not stop
 * it half-way. A file system without this is as good as the check before. */
static enum err_code take_room(int fd, uint64_t len_bytes, struct err *e)
{
	if (!fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)len_bytes) ||
	    (errno != ENOSPC && errno != EDQUOT))
		return ERR_OK;
	return err_set_errno(e, ERR_IO, errno, "upload");
}

static enum err_code make_file(const char *image_dir,
			       const struct upload_state *s, struct err *e)
{
	char path[PATH_MAX], folder[PATH_MAX];
	enum err_code rc;
	int fd;

	path_of(path, image_dir, s);
	folder_of(folder, image_dir);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(e, ERR_IO, errno, "upload");
	rc = take_room(fd, s->len_bytes, e);
	close(fd);
	if (rc)
		(void)unlink(path);
	return rc ? rc : upload_sync_folder(folder, e);
}

/* The file that was verified and lost its row: a second name for it, since its
 * row may be on its way. True when it was there. */
static bool take_back(const char *image_dir, struct upload_state *s)
{
	char from[PATH_MAX], to[PATH_MAX];

	store_image_path(from, sizeof(from), image_dir, s->sha256);
	path_of(to, image_dir, s);
	if (access(from, F_OK) ||
	    !upload_intact(image_dir, s->sha256, s->len_bytes) ||
	    link(from, to))
		return false;
	s->offset = s->len_bytes;
	return true;
}

static enum err_code check_new(const char *image_dir,
			       const struct upload_limits *l,
			       const char *sha256, uint64_t len_bytes,
			       struct err *e)
{
	if (!upload_hash_ok(sha256))
		return err_set(e, ERR_INPUT,
			       "sha256 is not 64 lower-case hex digits");
	if (strlen(image_dir) > 3900)
		return err_set(e, ERR_CONFIG, "image folder's name too long");
	if (len_bytes <= l->image_max_bytes)
		return ERR_OK;
	err_set(e, ERR_TOO_BIG,
		"the image has %" PRIu64 " bytes, this controller takes "
		"%" PRIu64,
		len_bytes, l->image_max_bytes);
	err_hint(e, "see image_max_mib in the controller's "
		    "configuration");
	return ERR_TOO_BIG;
}

/* With the folder locked: find, count, make. */
static enum err_code begin(const char *image_dir, const struct upload_limits *l,
			   struct upload_state *s, struct err *e)
{
	struct upload_state old;
	struct sweep w;
	enum err_code rc;

	sweep(&w, image_dir, l);
	rc = upload_find(image_dir, l, s->sha256, &old, e);
	if (!rc && old.len_bytes == s->len_bytes) {
		*s = old;
		return ERR_OK;
	}
	/* the same hash with another length: one of them is wrong */
	if (!rc)
		rc = upload_drop(image_dir, s->sha256, e);
	if (rc && rc != ERR_NOT_FOUND)
		return rc;
	if (take_back(image_dir, s))
		return ERR_OK;
	if (w.left >= l->count_max) {
		err_set(e, ERR_QUOTA, "%u imports are unfinished, %u may be",
			w.left, l->count_max);
		err_hint(e, "finish one, or wait until one expires");
		return ERR_QUOTA;
	}
	rc = check_room(image_dir, l, s->len_bytes, e);
	return rc ? rc : make_file(image_dir, s, e);
}

enum err_code upload_begin(const char *image_dir, const struct upload_limits *l,
			   const char *sha256, uint64_t len_bytes,
			   struct upload_state *out, struct err *e)
{
	enum err_code rc = check_new(image_dir, l, sha256, len_bytes, e);
	char folder[PATH_MAX];
	int fd;

	if (rc)
		return rc;
	*out = (struct upload_state){.len_bytes = len_bytes,
				     .expires_at =
					     wall_now_ms() + l->keep_s * 1000};
	memcpy(out->sha256, sha256, UPLOAD_HASH_SIZE);
	folder_of(folder, image_dir);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX))
		rc = err_set_errno(e, ERR_IO, errno, "%s", folder);
	if (!rc)
		rc = begin(image_dir, l, out, e);
	if (fd >= 0)
		close(fd);
	return rc;
}

enum err_code upload_drop(const char *image_dir, const char *sha256,
			  struct err *e)
{
	struct upload *u;
	enum err_code rc = upload_open(&u, image_dir, sha256, e);

	if (rc)
		return rc;
	upload_discard(u);
	upload_close(u);
	return ERR_OK;
}
