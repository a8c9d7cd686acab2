#include "controller/console/statics.h"

#include "proto/base/file.h"
#include "proto/base/hex.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <mbedtls/sha256.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const struct {
	const char *ext, *type;
} types[] = {{".html", "text/html; charset=utf-8"},
	     {".js", "text/javascript; charset=utf-8"},
	     {".css", "text/css; charset=utf-8"},
	     {".svg", "image/svg+xml"},
	     {".png", "image/png"},
	     {".ico", "image/x-icon"},
	     {".woff2", "font/woff2"},
	     {".json", "application/json"},
	     {".webmanifest", "application/manifest+json"},
	     {".txt", "text/plain; charset=utf-8"}};

static const char *type_of(const char *name)
{
	const char *ext = strrchr(name, '.');

	for (size_t i = 0; ext && i < sizeof(types) / sizeof(types[0]); i++)
		if (!strcmp(ext, types[i].ext))
			return types[i].type;
	return NULL;
}

static enum err_code add_file(struct statics *s, const char *file,
			      const char *path, struct err *e)
{
	struct statics_file *f = &s->files[s->n];
	uint8_t hash[32];
	struct dbuf data;
	enum err_code rc;

	if (s->n == STATICS_MAX_FILES || strlen(path) >= sizeof(f->path))
		return err_set(e, ERR_CONFIG, "%s: too many files", file);
	f->type = type_of(path);
	if (!f->type)
		return err_set(e, ERR_CONFIG, "%s: no content type is known",
			       file);
	dbuf_init(&data, STATICS_MAX_BYTES);
	rc = file_read(file, &data, e);
	if (!rc && mbedtls_sha256_ret((const uint8_t *)dbuf_text(&data),
				      data.len, hash, 0))
		rc = err_set(e, ERR_FAILED, "%s: no hash", file);
	if (rc) {
		dbuf_fini(&data);
		return rc;
	}
	strcpy(f->path, path);
	f->etag[0] = '"';
	hex_encode(f->etag + 1, hash, sizeof(hash));
	strcat(f->etag, "\"");
	/* The builder puts a hash into the names of what lies in assets/. */
	f->immutable = !strncmp(path, "/assets/", 8);
	f->data = dbuf_take(&data, &f->len);
	s->n++;
	return ERR_OK;
}

static enum err_code add_folder(struct statics *s, const char *dir,
				const char *prefix, unsigned depth,
				struct err *e)
{
	DIR *d = opendir(dir);
	enum err_code rc = ERR_OK;
	struct dirent *entry;

	if (!d)
		return err_set_errno(e, ERR_CONFIG, errno, "%s", dir);
	while (!rc && (entry = readdir(d))) {
		char file[PATH_MAX], path[PATH_MAX];
		struct stat st;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", dir, entry->d_name);
		snprintf(path, sizeof(path), "%s/%s", prefix, entry->d_name);
		if (stat(file, &st))
			rc = err_set_errno(e, ERR_CONFIG, errno, "%s", file);
		else if (S_ISREG(st.st_mode))
			rc = add_file(s, file, path, e);
		else if (S_ISDIR(st.st_mode) && depth < 3)
			rc = add_folder(s, file, path, depth + 1, e);
	}
	closedir(d);
	return rc;
}

enum err_code statics_load(struct statics *s, const char *dir, struct err *e)
{
	enum err_code rc;

	memset(s, 0, sizeof(*s));
	if (!dir)
		return ERR_OK;
	s->files = calloc(STATICS_MAX_FILES, sizeof(*s->files));
	if (!s->files)
		return err_set(e, ERR_NO_MEMORY, "web console");
	rc = add_folder(s, dir, "", 0, e);
	if (!rc && !statics_find(s, "/"))
		rc = err_set(e, ERR_CONFIG, "%s: no index.html in it", dir);
	if (rc)
		statics_free(s);
	return rc;
}

void statics_free(struct statics *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->files[i].data);
	free(s->files);
	memset(s, 0, sizeof(*s));
}

const struct statics_file *statics_find(const struct statics *s,
					const char *path)
{
	if (!strcmp(path, "/"))
		path = "/index.html";
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->files[i].path, path))
			return &s->files[i];
	return NULL;
}
