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
#define IMAGE_MAX   (64u * 1024u * 1024u)

struct cache {
	char dir[440];
	struct link *link;
	pthread_mutex_t lock; /* one fetch at a time */
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
			struct link *link, struct err *e)
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
	pthread_mutex_init(&c->lock, NULL);
	sweep(c);
	*out = c;
	return ERR_OK;
}

void cache_free(struct cache *c)
{
	if (c == NULL)
		return;
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static bool is_older(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec
				      : a->tv_nsec < b->tv_nsec;
}

/* Make room for one more: the file whose time is oldest goes. */
static void evict(struct cache *c)
{
	char path[800], oldest[800] = "";
	struct timespec oldest_at = {0};
	struct stat st;
	unsigned count = 0;
	DIR *d = opendir(c->dir);

	if (d == NULL)
		return;
	for (struct dirent *f = readdir(d); f != NULL; f = readdir(d)) {
		if (!ends_with(f->d_name, ".pli"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", c->dir, f->d_name);
		if (stat(path, &st) != 0)
			continue;
		count++;
		if (oldest[0] == '\0' || is_older(&st.st_mtim, &oldest_at)) {
			snprintf(oldest, sizeof(oldest), "%s", path);
			oldest_at = st.st_mtim;
		}
	}
	closedir(d);
	if (count >= CACHE_IMAGES_MAX)
		(void)unlink(oldest);
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

static enum err_code fetch_into(struct cache *c, const char *sha256,
				uint64_t len, int fd, struct mono deadline,
				struct err *e)
{
	struct msg *m = msg_new(MSG_IMAGE_GET);
	mbedtls_sha256_context sha;
	enum err_code rc = ERR_OK;
	uint8_t hash[32];
	char hex[65];
	uint64_t at = 0;

	if (m == NULL)
		return err_set(e, ERR_NO_MEMORY, "image cache");
	snprintf(m->u.IMAGE_GET.sha256, sizeof(m->u.IMAGE_GET.sha256), "%s",
		 sha256);
	mbedtls_sha256_init(&sha);
	(void)mbedtls_sha256_starts_ret(&sha, 0);
	while (rc == ERR_OK && at < len)
		rc = fetch_chunk(c, m, fd, len, &at, &sha, deadline, e);
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

static enum err_code fetch(struct cache *c, const char *sha256, uint64_t len,
			   struct mono deadline, struct err *e)
{
	char part[512], whole[512];
	enum err_code rc;
	int fd;

	path_of(c, part, sha256, ".part");
	path_of(c, whole, sha256, ".pli");
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(e, ERR_IO, errno, "%s", part);
	log_info("IMAGE_FETCH", "sha256=%s len=%llu", sha256,
		 (unsigned long long)len);
	rc = fetch_into(c, sha256, len, fd, deadline, e);
	if (close(fd) != 0 && rc == ERR_OK)
		rc = err_set_errno(e, ERR_IO, errno, "%s", part);
	if (rc == ERR_OK) {
		evict(c);
		if (rename(part, whole) != 0)
			rc = err_set_errno(e, ERR_IO, errno, "%s", whole);
	}
	if (rc != ERR_OK)
		(void)unlink(part);
	return rc;
}

enum err_code cache_ensure(struct cache *c, const char *sha256,
			   uint64_t len_bytes, struct mono deadline,
			   struct err *e)
{
	enum err_code rc = ERR_OK;
	char path[512];
	struct stat st;

	if (strlen(sha256) != 64 || len_bytes == 0 || len_bytes > IMAGE_MAX)
		return err_set(e, ERR_INPUT, "no image to fetch");
	path_of(c, path, sha256, ".pli");
	pthread_mutex_lock(&c->lock);
	if (stat(path, &st) != 0 || (uint64_t)st.st_size != len_bytes)
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
	char path[512], bad[512], hex[65];
	enum err_code rc;
	struct stat st;

	*out = NULL;
	if (i == NULL)
		return err_set(e, ERR_NO_MEMORY, "image");
	path_of(c, path, sha256, ".pli");
	path_of(c, bad, sha256, ".bad");
	i->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (i->fd < 0 || fstat(i->fd, &st) != 0) {
		rc = err_set_errno(e, ERR_NOT_FOUND, errno, "%s", path);
		cache_close(i);
		return rc;
	}
	i->len = (uint64_t)st.st_size;
	(void)futimens(i->fd, NULL); /* used now: evicted last */
	rc = survey(i, hex, e);
	if (rc == ERR_OK && strcmp(hex, sha256) != 0) {
		(void)rename(path, bad);
		rc = err_set(e, ERR_INTEGRITY,
			     "the image on this station's disk was altered: "
			     "hash %s, not %s",
			     hex, sha256);
	}
	if (rc != ERR_OK) {
		cache_close(i);
		return rc;
	}
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

enum err_code cache_seal(struct cache_image *i, struct err *e)
{
	if (!i->altered)
		return ERR_OK;
	return err_set(e, ERR_INTEGRITY,
		       "the image was altered while it was being read, near "
		       "byte %llu",
		       (unsigned long long)i->altered_at);
}
