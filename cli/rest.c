#include "cli/rest.h"

#include "proto/base/dbuf.h"
#include "proto/base/file.h"
#include "proto/base/secret.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPLY_MAX_BYTES (16u << 20)
#define CONNECT_MS	5000L
#define SILENCE_S	30L

struct rest {
	CURL *curl;
	char base[400];
	struct curl_slist *headers; /* holds the token: wiped at the end */
	char error[CURL_ERROR_SIZE];
};

/* Where an answer goes: a buffer, or a file once the status says success. */
struct sink {
	struct rest *rest;
	struct dbuf text;
	FILE *file;
	bool write_failed;
};

static enum err_code add_token(struct rest *r, const char *path, struct err *e)
{
	struct secret token = {0};
	char header[SECRET_MAX_BYTES + 32];
	enum err_code rc = secret_load(&token, path, e);

	if (rc == ERR_IO)
		err_hint(e, "give the file with your token with --token-file");
	if (!rc) {
		snprintf(header, sizeof header, "Authorization: Bearer %.*s",
			 (int)token.len, (const char *)token.bytes);
		r->headers = curl_slist_append(r->headers, header);
	}
	explicit_bzero(header, sizeof header);
	secret_fini(&token);
	return rc;
}

enum err_code rest_new(struct rest **out, const struct rest_config *c,
		       struct err *e)
{
	struct rest *r = calloc(1, sizeof *r);
	enum err_code rc;

	*out = NULL;
	if (!r)
		return err_set(e, ERR_NO_MEMORY, "REST client");
	if (strncmp(c->url, "https://", 8) != 0) {
		rc = err_set(e, ERR_USAGE,
			     "%s: the controller's address is "
			     "https://HOST:PORT",
			     c->url);
		goto fail;
	}
	snprintf(r->base, sizeof r->base, "%s/api/v1", c->url);
	r->curl = curl_easy_init();
	if (!r->curl) {
		rc = err_set(e, ERR_NO_MEMORY, "libcurl");
		goto fail;
	}
	if (access(c->ca_path, R_OK)) {
		rc = err_set_errno(e, ERR_IO, errno, "%s", c->ca_path);
		err_hint(e, "give the controller's ca.pem with --ca");
		goto fail;
	}
	rc = add_token(r, c->token_path, e);
	if (rc)
		goto fail;
	curl_easy_setopt(r->curl, CURLOPT_CAINFO, c->ca_path);
	curl_easy_setopt(r->curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(r->curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(r->curl, CURLOPT_ERRORBUFFER, r->error);
	curl_easy_setopt(r->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(r->curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(r->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(r->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(r->curl, CURLOPT_LOW_SPEED_TIME, SILENCE_S);
	*out = r;
	return ERR_OK;
fail:
	rest_free(r);
	return rc;
}

void rest_free(struct rest *r)
{
	if (!r)
		return;
	for (struct curl_slist *h = r->headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(r->headers);
	curl_easy_cleanup(r->curl);
	free(r);
}

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
	struct sink *s = arg;
	long status = 0;

	curl_easy_getinfo(s->rest->curl, CURLINFO_RESPONSE_CODE, &status);
	if (s->file && status / 100 == 2) {
		s->write_failed = fwrite(data, size, n, s->file) != n;
		return s->write_failed ? 0 : size * n;
	}
	return dbuf_add(&s->text, data, size * n) ? 0 : size * n;
}

/* What the controller said about its refusal, in its own words. */
static enum err_code from_problem(const struct sink *s, long status,
				  struct err *e)
{
	json_t *problem = json_loadb(dbuf_text(&s->text), s->text.len, 0, NULL);
	const char *code = json_string_value(json_object_get(problem, "code"));
	const char *detail =
		json_string_value(json_object_get(problem, "detail"));
	enum err_code rc = ERR_FAILED;
	const char *hint;

	if (code)
		rc = err_from_name(code);
	else if (status == 401)
		rc = ERR_UNAUTHORISED;
	err_set(e, rc, "%s", detail ? detail : err_text(rc));
	if (!detail)
		err_set(e, rc, "the controller answered with status %ld",
			status);
	hint = json_string_value(json_object_get(problem, "hint"));
	if (hint)
		err_hint(e, "%s", hint);
	json_decref(problem);
	return rc;
}

static enum err_code perform(struct sink *s, const char *path, struct err *e)
{
	struct rest *r = s->rest;
	char url[1200];
	long status = 0;
	CURLcode cc;

	if ((size_t)snprintf(url, sizeof url, "%s%s", r->base, path) >=
	    sizeof url)
		return err_set(e, ERR_USAGE, "the address is too long");
	r->error[0] = '\0';
	curl_easy_setopt(r->curl, CURLOPT_URL, url);
	curl_easy_setopt(r->curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(r->curl, CURLOPT_WRITEDATA, s);
	cc = curl_easy_perform(r->curl);
	if (s->write_failed)
		return err_set_errno(e, ERR_IO, errno, "writing the answer");
	if (cc == CURLE_WRITE_ERROR)
		return err_set(e, ERR_TOO_BIG, "an answer over %u bytes",
			       REPLY_MAX_BYTES);
	if (cc == CURLE_PEER_FAILED_VERIFICATION) {
		err_set(e, ERR_UNAUTHORISED,
			"%s is not this CA's controller: %s", r->base,
			r->error);
		return err_hint(e, "give its own ca.pem with --ca, and in "
				   "--url a name that it was made for");
	}
	if (cc)
		return err_set(e, ERR_UNREACHABLE, "%s: %s", r->base,
			       r->error[0] ? r->error : curl_easy_strerror(cc));
	curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &status);
	return status / 100 == 2 ? ERR_OK : from_problem(s, status, e);
}

static enum err_code parse_reply(const struct sink *s, json_t **reply,
				 struct err *e)
{
	json_error_t je;

	if (!reply)
		return ERR_OK;
	*reply = NULL;
	if (!s->text.len)
		return ERR_OK;
	*reply = json_loadb(dbuf_text(&s->text), s->text.len, 0, &je);
	if (*reply)
		return ERR_OK;
	return err_set(e, ERR_MALFORMED, "the controller's answer: %s",
		       je.text);
}

/* Options of one request, back to those of every request. */
static void reset_request(struct rest *r)
{
	curl_easy_setopt(r->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)-1);
	curl_easy_setopt(r->curl, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(r->curl, CURLOPT_CUSTOMREQUEST, NULL);
	curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, r->headers);
}

enum err_code rest_call(struct rest *r, const char *method, const char *path,
			const json_t *body, json_t **reply, struct err *e)
{
	struct sink s = {.rest = r};
	struct curl_slist type = {.data = "Content-Type: application/json",
				  .next = r->headers};
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	enum err_code rc;

	dbuf_init(&s.text, REPLY_MAX_BYTES);
	reset_request(r);
	if (strcmp(method, "GET") != 0) {
		curl_easy_setopt(r->curl, CURLOPT_POSTFIELDS, text ? text : "");
		curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, &type);
		curl_easy_setopt(r->curl, CURLOPT_CUSTOMREQUEST, method);
	}
	rc = perform(&s, path, e);
	if (!rc)
		rc = parse_reply(&s, reply, e);
	reset_request(r);
	dbuf_fini(&s.text);
	free(text);
	return rc;
}

enum err_code rest_patch(struct rest *r, const char *path, const void *data,
			 size_t len, json_t **reply, struct err *e)
{
	struct sink s = {.rest = r};
	struct curl_slist expect = {.data = "Expect:", .next = r->headers};
	struct curl_slist type = {
		.data = "Content-Type: application/octet-stream",
		.next = &expect};
	enum err_code rc;

	dbuf_init(&s.text, REPLY_MAX_BYTES);
	reset_request(r);
	curl_easy_setopt(r->curl, CURLOPT_POSTFIELDS, data);
	curl_easy_setopt(r->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	curl_easy_setopt(r->curl, CURLOPT_CUSTOMREQUEST, "PATCH");
	curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, &type);
	rc = perform(&s, path, e);
	if (!rc)
		rc = parse_reply(&s, reply, e);
	reset_request(r);
	dbuf_fini(&s.text);
	return rc;
}

enum err_code rest_download(struct rest *r, const char *path, FILE *out,
			    struct err *e)
{
	struct sink s = {.rest = r, .file = out};
	enum err_code rc;

	dbuf_init(&s.text, REPLY_MAX_BYTES);
	reset_request(r);
	rc = perform(&s, path, e);
	if (!rc && fflush(out))
		rc = err_set_errno(e, ERR_IO, errno, "writing the answer");
	dbuf_fini(&s.text);
	return rc;
}

enum err_code rest_save(struct rest *r, const char *path, const char *file,
			struct err *e)
{
	struct file_new n;
	enum err_code rc;
	FILE *out = NULL;

	if (!file)
		return rest_download(r, path, stdout, e);
	rc = file_new_open(&n, file, e);
	if (rc)
		return rc;
	out = fdopen(dup(n.fd), "wb");
	rc = out ? rest_download(r, path, out, e)
		 : err_set_errno(e, ERR_IO, errno, "%s", file);
	if (out && fclose(out) && !rc)
		rc = err_set_errno(e, ERR_IO, errno, "%s", file);
	if (!rc)
		rc = file_new_keep(&n, file, 0644, true, e);
	file_new_drop(&n);
	return rc;
}

char *rest_escape(const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = malloc(3 * strlen(text) + 1), *o = out;

	if (!out)
		abort();
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z') || strchr("-._~", c)) {
			*o++ = (char)c;
		} else {
			*o++ = '%';
			*o++ = digits[c >> 4];
			*o++ = digits[c & 15];
		}
	}
	*o = '\0';
	return out;
}
