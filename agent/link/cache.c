#include "agent/link/cache.h"

#include "proto/base/file.h"
#include "proto/base/hex.h"
#include "proto/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mbedtls/sha256.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES 4096u
#define CHUNK_BYTES (512u * 1024u)
#define IMAGE_MAX   (64u * 1024u * 1024u) /* proto/image/image.h */

/* A file as it was when its whole content was last seen to be right. */
struct seen {
	char sha256[65];
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed_at; /* any write moves it */
};

#define SEEN_MAX 8u

struct cache {
	char dir[440];
	uint64_t max_bytes;
	struct link *link;
	pthread_mutex_t lock;  /* one fetch at a time */
	pthread_mutex_t books; /* of what follows; held for moments */
	char wanted[CACHE_USERS_MAX][65];
	struct seen seen[SEEN_MAX];
	unsigned seen_next;
};

struct cache_image {
	int fd;
	uint64_t len;
	bool altered;
	uint64_t altered_at;
	size_t block_n;
	uint8_t (*block)[32]; /* hash of each block, as checked */
};

static void path_of(const struct cache *c, char out[512], const char *name,
		    const char *suffix)
{
	snprintf(out, 512, "%s/%.64s%s", c->dir, name, suffix);
}

/* ---- set-up ---- */

static bool ends_with(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return n >= m && strcmp(name + n - m, suffix) == 0;
}

static void sweep(struct cache *c)
{
	DIR *d = opendir(c->dir);
	char path[800];

	if (d == NULL)
		return;
	for (struct dirent *f = readdir(d); f != NULL; f = readdir(d)) {
		if (!ends_with(f->d_name, ".part"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", c->dir, f->d_name);
		(void)unlink(path);
	}
	closedir(d);
}

enum err_code cache_new(struct cache **out, const char *data_dir,
			uint64_t max_bytes, struct link *link, struct err *e)
{
	struct cache *c = calloc(1, sizeof(*c));
	enum err_code rc;

	*out = NULL;
	if (c == NULL)
		return err_set(e, ERR_NO_MEMORY, "image cache");
	if (snprintf(c->dir, sizeof(c->dir), "%s/images", data_dir) >=
	    (int)sizeof(c->dir)) {
		free(c);
		return err_set(e, ERR_CONFIG, "data_dir: path too long");
	}
	rc = file_mkdir(c->dir, 0700, e);
	if (rc != ERR_OK) {
		free(c);
		return rc;
	}
	c->link = link;
	c->max_bytes = max_bytes;
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->books, NULL);
	sweep(c);
	*out = c;
	return ERR_OK;
}

void cache_free(struct cache *c)
{
	if (c == NULL)
		return;
	pthread_mutex_destroy(&c->books);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* ---- room ---- */

static bool is_older(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec
				      : a->tv_nsec < b->tv_nsec;
}

/* name: "HASH.pli", "HASH.bad" or "HASH.part". */
static bool is_held(struct cache *c, const char *name)
{
	bool held = false;

	if (ends_with(name, ".bad"))
		return false;
	pthread_mutex_lock(&c->books);
	for (unsigned i = 0; i < CACHE_USERS_MAX && !held; i++)
		held = c->wanted[i][0] != '\0' &&
		       strncmp(c->wanted[i], name, 64) == 0;
	pthread_mutex_unlock(&c->books);
	return held;
}

struct room {
	uint64_t used;	  /* bytes of all files */
	char victim[800]; /* empty: none may go */
	struct timespec used_at;
	bool damaged;
};

/* What was set aside goes before any image, then the one used longest ago. */
static void consider(struct room *r, const char *path, const struct stat *st)
{
	bool damaged = ends_with(path, ".bad");

	if (r->victim[0] != '\0' &&
	    (r->damaged > damaged ||
	     (r->damaged == damaged && !is_older(&st->st_mtim, &r->used_at))))
		return;
	snprintf(r->victim, sizeof(r->victim), "%s", path);
	r->used_at = st->st_mtim;
	r->damaged = damaged;
}

static void look(struct cache *c, struct room *r)
{
	DIR *d = opendir(c->dir);
	char path[800];
	struct stat st;

	memset(r, 0, sizeof(*r));
	if (d == NULL)
		return;
	for (struct dirent *f = readdir(d); f != NULL; f = readdir(d)) {
		snprintf(path, sizeof(path), "%s/%s", c->dir, f->d_name);
		if (f->d_name[0] == '.' || stat(path, &st) != 0)
			continue;
		r->used += (uint64_t)st.st_size;
		if (!is_held(c, f->d_name))
			consider(r, path, &st);
	}
	closedir(d);
}

/* Until so many bytes more fit. */
static enum err_code make_room(struct cache *c, uint64_t len, struct err *e)
{
	struct room r;

	for (look(c, &r); r.used + len > c->max_bytes; look(c, &r)) {
		if (r.victim[0] == '\0' || unlink(r.victim) != 0) {
			err_set(e, ERR_DISK_FULL,
				"the image cache of %llu MiB is full of images "
				"in use",
				(unsigned long long)(c->max_bytes >> 20));
			(void)err_hint(e, "raise image_cache_mib");
			return ERR_DISK_FULL;
		}
		log_info("IMAGE_EVICTED", "file=%s",
			 strrchr(r.victim, '/') + 1);
	}
	return ERR_OK;
}

/* ---- fetching ---- */

static enum err_code write_all(int fd, const uint8_t *p, size_t len,
			       struct err *e)
{
	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(e, ERR_IO, errno, "image cache");
		p += n;
		len -= (size_t)n;
	}
	return ERR_OK;
}

static enum err_code fetch_chunk(struct cache *c, struct msg *m, int fd,
				 uint64_t total, uint64_t *at,
				 mbedtls_sha256_context *sha,
				 struct mono deadline, struct err *e)
{
	struct link_reply r = {0};
	enum err_code rc;

	m->u.IMAGE_GET.offset = *at;
	m->u.IMAGE_GET.len =
		total - *at > CHUNK_BYTES ? CHUNK_BYTES : total - *at;
	rc = link_call(c->link, m, &r, deadline, e);
	if (rc != ERR_OK)
		return rc;
	if (strcmp(r.m->u.IMAGE_CHUNK.sha256, m->u.IMAGE_GET.sha256) != 0 ||
	    r.m->u.IMAGE_CHUNK.offset != *at ||
	    r.m->u.IMAGE_CHUNK.total_len != total || r.m->body_len == 0 ||
	    r.m->body_len > m->u.IMAGE_GET.len)
		rc = err_set(e, ERR_INTEGRITY,
			     "the controller sent another piece of the image "
			     "than was asked for");
	else
		rc = write_all(fd, r.m->body, r.m->body_len, e);
	if (rc == ERR_OK) {
		(void)mbedtls_sha256_update_ret(sha, r.m->body, r.m->body_len);
		*at += r.m->body_len;
	}
	link_reply_fini(&r);
	return rc;
}

/* What an earlier fetch left: into the hash. Its end is where to go on. */
static uint64_t hash_part(int fd, uint64_t len, mbedtls_sha256_context *sha)
{
	uint8_t buf[BLOCK_BYTES];
	uint64_t at = 0;
	struct stat st;

	if (fstat(fd, &st) != 0 || (uint64_t)st.st_size > len)
		st.st_size = 0;
	while (at < (uint64_t)st.st_size) {
		ssize_t n = pread(fd, buf, sizeof(buf), (off_t)at);

		if (n <= 0)
			break;
		(void)mbedtls_sha256_update_ret(sha, buf, (size_t)n);
		at += (uint64_t)n;
	}
	return at;
}

static enum err_code fetch_rest(struct cache *c, struct msg *m, uint64_t len,
				int fd, mbedtls_sha256_context *sha,
				struct mono deadline, struct err *e)
{
	uint64_t at = hash_part(fd, len, sha);
	enum err_code rc = ERR_OK;

	log_info("IMAGE_FETCH", "sha256=%s len=%llu at=%llu",
		 m->u.IMAGE_GET.sha256, (unsigned long long)len,
		 (unsigned long long)at);
	if (ftruncate(fd, (off_t)at) != 0 || lseek(fd, (off_t)at, SEEK_SET) < 0)
		return err_set_errno(e, ERR_IO, errno, "image cache");
	while (rc == ERR_OK && at < len)
		rc = fetch_chunk(c, m, fd, len, &at, sha, deadline, e);
	return rc;
}

static enum err_code fetch_into(struct cache *c, const char *sha256,
				uint64_t len, int fd, struct mono deadline,
				struct err *e)
{
	struct msg *m = msg_new(MSG_IMAGE_GET);
	mbedtls_sha256_context sha;
	enum err_code rc;
	uint8_t hash[32];
	char hex[65];

	if (m == NULL)
		return err_set(e, ERR_NO_MEMORY, "image cache");
	snprintf(m->u.IMAGE_GET.sha256, sizeof(m->u.IMAGE_GET.sha256), "%s",
		 sha256);
	mbedtls_sha256_init(&sha);
	(void)mbedtls_sha256_starts_ret(&sha, 0);
	rc = fetch_rest(c, m, len, fd, &sha, deadline, e);
	(void)mbedtls_sha256_finish_ret(&sha, hash);
	mbedtls_sha256_free(&sha);
	msg_free(m);
	if (rc == ERR_OK && strcmp(hex_encode(hex, hash, 32), sha256) != 0)
		rc = err_set(e, ERR_INTEGRITY,
			     "the image that came has hash %s, not %s", hex,
			     sha256);
	if (rc == ERR_OK && fsync(fd) != 0)
		rc = err_set_errno(e, ERR_IO, errno, "image cache");
	return rc;
}

/* Is what has come so far worth keeping? */
static bool is_cut_off(enum err_code rc)
{
	return rc == ERR_UNREACHABLE || rc == ERR_TIMEOUT ||
	       rc == ERR_NOT_BOUND || rc == ERR_CANCELLED;
}

static enum err_code fetch(struct cache *c, const char *sha256, uint64_t len,
			   struct mono deadline, struct err *e)
{
	char part[512], whole[512];
	struct stat st = {0};
	enum err_code rc;
	int fd;

	path_of(c, part, sha256, ".part");
	path_of(c, whole, sha256, ".pli");
	/* what is half here is counted already */
	if (stat(part, &st) != 0 || (uint64_t)st.st_size > len)
		st.st_size = 0;
	rc = make_room(c, len - (uint64_t)st.st_size, e);
	if (rc != ERR_OK)
		return rc;
	fd = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(e, ERR_IO, errno, "%s", part);
	rc = fetch_into(c, sha256, len, fd, deadline, e);
	if (close(fd) != 0 && rc == ERR_OK)
		rc = err_set_errno(e, ERR_IO, errno, "%s", part);
	if (rc == ERR_OK && rename(part, whole) != 0)
		rc = err_set_errno(e, ERR_IO, errno, "%s", whole);
	if (rc != ERR_OK && !is_cut_off(rc))
		(void)unlink(part);
	return rc;
}

/* ---- what is known to be right ---- */

static bool same_file(const struct seen *s, const char *sha256,
		      const struct stat *st)
{
	return strcmp(s->sha256, sha256) == 0 && s->dev == st->st_dev &&
	       s->ino == st->st_ino && s->size == st->st_size &&
	       s->changed_at.tv_sec == st->st_ctim.tv_sec &&
	       s->changed_at.tv_nsec == st->st_ctim.tv_nsec;
}

static bool was_seen(struct cache *c, const char *sha256, const struct stat *st)
{
	bool seen = false;

	pthread_mutex_lock(&c->books);
	for (unsigned i = 0; i < SEEN_MAX && !seen; i++)
		seen = same_file(&c->seen[i], sha256, st);
	pthread_mutex_unlock(&c->books);
	return seen;
}

static void note_seen(struct cache *c, const char *sha256,
		      const struct stat *st)
{
	struct seen *s = NULL;

	pthread_mutex_lock(&c->books);
	for (unsigned i = 0; i < SEEN_MAX && s == NULL; i++)
		if (strcmp(c->seen[i].sha256, sha256) == 0)
			s = &c->seen[i];
	if (s == NULL)
		s = &c->seen[c->seen_next++ % SEEN_MAX];
	*s = (struct seen){.dev = st->st_dev,
			   .ino = st->st_ino,
			   .size = st->st_size,
			   .changed_at = st->st_ctim};
	snprintf(s->sha256, sizeof(s->sha256), "%s", sha256);
	pthread_mutex_unlock(&c->books);
}

/* Not what its name says: out of the way, for whoever wants to know why. */
static void set_aside(struct cache *c, const char *sha256)
{
	char path[512], bad[512];

	path_of(c, path, sha256, ".pli");
	path_of(c, bad, sha256, ".bad");
	log_warn("IMAGE_ALTERED", "sha256=%s file=%s", sha256, bad);
	(void)rename(path, bad);
}

/* True without reading it when nothing touched the file since it was read. */
static bool is_right(struct cache *c, const char *sha256, uint64_t len)
{
	struct cache_image *i;
	char path[512];
	struct stat st;

	path_of(c, path, sha256, ".pli");
	if (stat(path, &st) != 0)
		return false;
	if ((uint64_t)st.st_size == len && was_seen(c, sha256, &st))
		return true;
	if (cache_open(c, sha256, &i, NULL) != ERR_OK)
		return false; /* and set aside */
	cache_close(i);
	return (uint64_t)st.st_size == len;
}

static void hold(struct cache *c, unsigned user, const char *sha256)
{
	pthread_mutex_lock(&c->books);
	snprintf(c->wanted[user], sizeof(c->wanted[user]), "%s", sha256);
	pthread_mutex_unlock(&c->books);
}

enum err_code cache_ensure(struct cache *c, unsigned user, const char *sha256,
			   uint64_t len_bytes, struct mono deadline,
			   struct err *e)
{
	enum err_code rc = ERR_OK;

	if (strlen(sha256) != 64 || len_bytes == 0 || len_bytes > IMAGE_MAX ||
	    user >= CACHE_USERS_MAX)
		return err_set(e, ERR_INPUT, "no image to fetch");
	hold(c, user, sha256);
	pthread_mutex_lock(&c->lock);
	if (!is_right(c, sha256, len_bytes))
		rc = fetch(c, sha256, len_bytes, deadline, e);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

/* ---- reading ---- */

static enum err_code read_at(int fd, uint64_t offset, void *buf, size_t len,
			     struct err *e)
{
	uint8_t *p = buf;

	while (len > 0) {
		ssize_t n = pread(fd, p, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(e, ERR_IO, errno, "image");
		if (n == 0)
			return err_set(e, ERR_IO, "read past the image's end");
		p += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return ERR_OK;
}

static size_t block_len(const struct cache_image *i, size_t block)
{
	uint64_t left = i->len - (uint64_t)block * BLOCK_BYTES;

	return left > BLOCK_BYTES ? BLOCK_BYTES : (size_t)left;
}

/* Hash the whole and each block. */
static enum err_code survey(struct cache_image *i, char hex[65], struct err *e)
{
	mbedtls_sha256_context sha;
	uint8_t buf[BLOCK_BYTES], hash[32];
	enum err_code rc = ERR_OK;

	i->block_n = (size_t)((i->len + BLOCK_BYTES - 1) / BLOCK_BYTES);
	i->block = calloc(i->block_n + 1, sizeof(*i->block));
	if (i->block == NULL)
		return err_set(e, ERR_NO_MEMORY, "image");
	mbedtls_sha256_init(&sha);
	(void)mbedtls_sha256_starts_ret(&sha, 0);
	for (size_t b = 0; b < i->block_n && rc == ERR_OK; b++) {
		size_t n = block_len(i, b);

		rc = read_at(i->fd, (uint64_t)b * BLOCK_BYTES, buf, n, e);
		(void)mbedtls_sha256_update_ret(&sha, buf, n);
		(void)mbedtls_sha256_ret(buf, n, i->block[b], 0);
	}
	(void)mbedtls_sha256_finish_ret(&sha, hash);
	mbedtls_sha256_free(&sha);
	hex_encode(hex, hash, 32);
	return rc;
}

enum err_code cache_open(struct cache *c, const char *sha256,
			 struct cache_image **out, struct err *e)
{
	struct cache_image *i = calloc(1, sizeof(*i));
	char path[512], hex[65];
	enum err_code rc;
	struct stat st;
	bool known;

	*out = NULL;
	if (i == NULL)
		return err_set(e, ERR_NO_MEMORY, "image");
	path_of(c, path, sha256, ".pli");
	i->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (i->fd < 0 || fstat(i->fd, &st) != 0) {
		rc = err_set_errno(e, ERR_NOT_FOUND, errno, "%s", path);
		cache_close(i);
		return rc;
	}
	i->len = (uint64_t)st.st_size;
	(void)futimens(i->fd, NULL); /* used now: evicted last */
	/* before it is read: what changes it later is seen as a change */
	known = fstat(i->fd, &st) == 0;
	rc = survey(i, hex, e);
	if (rc == ERR_OK && strcmp(hex, sha256) != 0) {
		set_aside(c, sha256);
		rc = err_set(e, ERR_INTEGRITY,
			     "the image on this station's disk was altered: "
			     "hash %s, not %s",
			     hex, sha256);
	}
	if (rc != ERR_OK) {
		cache_close(i);
		return rc;
	}
	if (known)
		note_seen(c, sha256, &st);
	*out = i;
	return ERR_OK;
}

void cache_close(struct cache_image *i)
{
	if (i == NULL)
		return;
	if (i->fd >= 0)
		(void)close(i->fd);
	free(i->block);
	free(i);
}

uint64_t cache_len(const struct cache_image *i)
{
	return i->len;
}

/* Read one block, compare its hash, and copy what is wanted of it. */
static enum err_code read_block(struct cache_image *i, size_t block,
				size_t from, size_t len, uint8_t *out,
				struct err *e)
{
	uint8_t buf[BLOCK_BYTES], hash[32];
	size_t n = block_len(i, block);
	enum err_code rc;

	rc = read_at(i->fd, (uint64_t)block * BLOCK_BYTES, buf, n, e);
	if (rc != ERR_OK)
		return rc;
	(void)mbedtls_sha256_ret(buf, n, hash, 0);
	if (memcmp(hash, i->block[block], sizeof(hash)) != 0) {
		i->altered = true;
		i->altered_at = (uint64_t)block * BLOCK_BYTES;
		return cache_seal(i, e);
	}
	memcpy(out, buf + from, len);
	return ERR_OK;
}

enum err_code cache_read(struct cache_image *i, uint64_t offset, void *buf,
			 size_t len, struct err *e)
{
	enum err_code rc = ERR_OK;
	uint8_t *out = buf;

	if (offset > i->len || len > i->len - offset)
		return err_set(e, ERR_IO, "read past the image's end");
	while (len > 0 && rc == ERR_OK) {
		size_t block = (size_t)(offset / BLOCK_BYTES);
		size_t from = (size_t)(offset % BLOCK_BYTES);
		size_t n = block_len(i, block) - from;

		if (n > len)
			n = len;
		rc = read_block(i, block, from, n, out, e);
		out += n;
		offset += n;
		len -= n;
	}
	return rc;
}

bool cache_image_read(void *image, uint32_t offset, void *buf, size_t len)
{
	return cache_read(image, offset, buf, len, NULL) == ERR_OK;
}

enum err_code cache_seal(struct cache_image *i, struct err *e)
{
	if (!i->altered)
		return ERR_OK;
	return err_set(e, ERR_INTEGRITY,
		       "the image was altered while it was being read, near "
		       "byte %llu",
		       (unsigned long long)i->altered_at);
}
