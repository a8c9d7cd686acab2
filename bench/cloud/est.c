#include "bench/cloud/est.h"

#include "bench/cloud/ca.h"
#include "bench/cloud/issued.h"
#include "bench/cloud/request.h"
#include "proto/base/log.h"

#include <openssl/evp.h>
#include <openssl/pkcs7.h>

#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PATH_CACERTS	  "/.well-known/est/cacerts"
#define PATH_ENROLL	  "/.well-known/est/simpleenroll"
#define TYPE_CERTS	  "application/pkcs7-mime; smime-type=certs-only"
#define TYPE_PKCS10	  "application/pkcs10"
#define TYPE_TEXT	  "text/plain"
#define NAMES_MAX	  16u
#define CREDENTIALS_MAX	  512u /* base64, decoded and as received */
#define BASE64_LINE_BYTES 48

struct est {
	const struct cloud_config *config;
	struct ca *ca;
	struct issued issued;
	struct secret secret;
	regex_t name_pattern;
	bool has_pattern;
	uint32_t enrolments; /* with valid credentials, for the faults */
};

static void refuse(struct est_reply *reply, unsigned status, const char *why)
{
	reply->status = status;
	reply->content_type = TYPE_TEXT;
	dbuf_clear(&reply->body);
	dbuf_addf(&reply->body, "%s\n", why);
}

/* -------- who asks -------- */

static bool basic_is_right(const struct est *est, const char *authorization)
{
	static const char scheme[] = "Basic ";
	const char *text = authorization + sizeof scheme - 1;
	uint8_t decoded[CREDENTIALS_MAX];
	size_t user_len = strlen(est->config->auth_user);
	size_t len;
	bool right;
	int n;

	if (!user_len || strncasecmp(authorization, scheme, 6) != 0)
		return false;
	len = strlen(text);
	if (len > sizeof decoded)
		return false;
	n = EVP_DecodeBlock(decoded, (const uint8_t *)text, (int)len);
	/* EVP_DecodeBlock counts the padding as zero bytes */
	while (n > 0 && len > 0 && text[len - 1] == '=') {
		n--;
		len--;
	}
	right = n > (int)user_len && decoded[user_len] == ':' &&
		memcmp(decoded, est->config->auth_user, user_len) == 0 &&
		secret_equal(&est->secret, decoded + user_len + 1,
			     (size_t)n - user_len - 1);
	explicit_bzero(decoded, sizeof decoded);
	return right;
}

/* -------- what they get -------- */

static enum err_code put_base64(struct dbuf *out, const uint8_t *der, int len)
{
	uint8_t line[BASE64_LINE_BYTES * 4 / 3 + 1];
	enum err_code rc = ERR_OK;

	for (int at = 0; at < len && !rc; at += BASE64_LINE_BYTES) {
		int n = len - at < BASE64_LINE_BYTES ? len - at
						     : BASE64_LINE_BYTES;
		int chars = EVP_EncodeBlock(line, der + at, n);

		rc = dbuf_addf(out, "%.*s\n", chars, (char *)line);
	}
	return rc;
}

/* RFC 7030 4.1.3: a degenerate SignedData that only carries certificates. */
static enum err_code put_certs(struct dbuf *out, X509 *const *certs,
			       unsigned count)
{
	PKCS7 *p7 = PKCS7_new();
	enum err_code rc = ERR_FAILED;
	uint8_t *der = NULL;
	int len;

	if (!p7 || !PKCS7_set_type(p7, NID_pkcs7_signed) ||
	    !PKCS7_content_new(p7, NID_pkcs7_data) ||
	    !PKCS7_set_detached(p7, 1))
		goto out;
	for (unsigned i = 0; i < count; i++)
		if (!PKCS7_add_certificate(p7, certs[i]))
			goto out;
	len = i2d_PKCS7(p7, &der);
	if (len > 0)
		rc = put_base64(out, der, len);
out:
	OPENSSL_free(der);
	PKCS7_free(p7);
	return rc;
}

static void reply_certs(struct est_reply *reply, X509 *const *certs,
			unsigned count)
{
	reply->status = 200;
	reply->content_type = TYPE_CERTS;
	if (put_certs(&reply->body, certs, count))
		refuse(reply, 500, "out of memory");
}

static void handle_cacerts(struct est *est, struct est_reply *reply)
{
	X509 *chain[2] = {ca_issuing(est->ca), ca_root(est->ca)};

	reply_certs(reply, chain, 2);
}

static unsigned status_of(enum err_code code)
{
	switch (code) {
	case ERR_MALFORMED:
	case ERR_REFUSED:
	case ERR_INTEGRITY:
		return 400;
	case ERR_CONFLICT:
		return 409;
	case ERR_TOO_BIG:
		return 413;
	case ERR_DISK_FULL:
		return 507;
	default:
		return 500;
	}
}

static bool type_is(const char *content_type, const char *want)
{
	size_t len = strlen(want);

	return strncasecmp(content_type, want, len) == 0 &&
	       (content_type[len] == '\0' || content_type[len] == ';' ||
		content_type[len] == ' ');
}

static void enrol(struct est *est, const struct est_request *q,
		  struct est_reply *reply)
{
	struct request request;
	X509 *cert = NULL;
	enum err_code rc;
	bool is_new;
	struct err e;

	rc = request_parse(&request, q->body, q->body_len, &est->name_pattern,
			   &e);
	if (rc) {
		log_warn("ENROL_REFUSED", "error=%s", err_name(rc));
		refuse(reply, status_of(rc), e.text);
		return;
	}
	rc = issued_get(&est->issued, est->ca, &request,
			est->config->certificate_days, &cert, &is_new, &e);
	if (rc) {
		log_warn("ENROL_REFUSED", "device=%s error=%s", request.name,
			 err_name(rc));
		/* what is wrong with our own disk is not the client's affair */
		refuse(reply, status_of(rc),
		       rc == ERR_CONFLICT ? e.text : err_text(rc));
	} else {
		log_info("ENROLLED", "device=%s key=%.16s new=%d", request.name,
			 request.key_id, is_new);
		reply_certs(reply, &cert, 1);
	}
	X509_free(cert);
	request_fini(&request);
}

/* -------- faults -------- */

static bool nth(uint32_t count, uint32_t every)
{
	return every && count % every == 0;
}

/* Faults that strike before anything is issued. */
static bool fault_before(const struct est *est, struct est_reply *reply)
{
	const struct cloud_faults *f = &est->config->faults;

	reply->delay_ms = f->delay_ms;
	if (nth(est->enrolments, f->pending_every)) {
		refuse(reply, 202, "come back later");
		reply->retry_after_s = f->retry_after_s;
		return true;
	}
	if (nth(est->enrolments, f->error_every)) {
		refuse(reply, 503, "out of order on purpose");
		return true;
	}
	return false;
}

static void fault_after(const struct est *est, struct est_reply *reply)
{
	const struct cloud_faults *f = &est->config->faults;

	if (reply->status == 200 && nth(est->enrolments, f->garbage_every)) {
		dbuf_clear(&reply->body);
		dbuf_addf(&reply->body,
			  "MIIB\x01\xff garbage on purpose ===\n");
	}
	reply->drop = nth(est->enrolments, f->drop_every);
}

static void handle_enroll(struct est *est, const struct est_request *q,
			  struct est_reply *reply)
{
	if (!q->client_verified && !basic_is_right(est, q->authorization)) {
		reply->challenge = est->config->auth_user[0] != '\0';
		refuse(reply, reply->challenge ? 401 : 403,
		       "credentials are needed");
		log_warn("ENROL_UNAUTHORISED", "credentials=%s",
			 q->authorization[0] ? "wrong" : "none");
		return;
	}
	est->enrolments++;
	if (!type_is(q->content_type, TYPE_PKCS10)) {
		refuse(reply, 415, "the body must be " TYPE_PKCS10);
		return;
	}
	if (fault_before(est, reply))
		return;
	enrol(est, q, reply);
	fault_after(est, reply);
}

unsigned est_check_path(const char *path, bool is_post)
{
	if (strcmp(path, PATH_CACERTS) == 0)
		return is_post ? 405 : 0;
	if (strcmp(path, PATH_ENROLL) == 0)
		return is_post ? 0 : 405;
	return 404;
}

void est_handle(struct est *est, const struct est_request *request,
		struct est_reply *reply)
{
	unsigned refused = est_check_path(request->path, request->is_post);

	memset(reply, 0, sizeof *reply);
	dbuf_init(&reply->body, EST_REPLY_MAX_BYTES);
	if (refused)
		refuse(reply, refused,
		       refused == 404 ? "not found" : "wrong method");
	else if (request->is_post)
		handle_enroll(est, request, reply);
	else
		handle_cacerts(est, reply);
}

/* -------- life -------- */

enum err_code est_open(struct est **est, const struct cloud_config *config,
		       struct err *e)
{
	const char *names[NAMES_MAX];
	struct ca_server server = {names, cloud_config_name_count(config)};
	struct est *s;
	enum err_code rc = ERR_OK;

	if (server.name_count > NAMES_MAX)
		return err_set(e, ERR_CONFIG, "server_names: over %u",
			       NAMES_MAX);
	for (unsigned i = 0; i < server.name_count; i++)
		names[i] = cloud_config_name(config, i);
	s = calloc(1, sizeof *s);
	if (!s)
		return err_set(e, ERR_NO_MEMORY, "EST");
	s->config = config;
	s->has_pattern = regcomp(&s->name_pattern, config->common_name,
				 REG_EXTENDED | REG_NOSUB) == 0;
	if (!s->has_pattern)
		rc = err_set(e, ERR_CONFIG, "common_name");
	if (!rc && config->auth_user[0])
		rc = secret_load(&s->secret, config->auth_secret_file, e);
	if (!rc && config->auth_user[0] && s->secret.len == 0)
		rc = err_set(e, ERR_CONFIG, "%s: empty",
			     config->auth_secret_file);
	if (!rc)
		rc = ca_open(&s->ca, config->data_dir, &server, e);
	if (!rc)
		rc = issued_open(&s->issued, config->data_dir, e);
	if (rc)
		est_close(s);
	else
		*est = s;
	return rc;
}

void est_close(struct est *est)
{
	if (!est)
		return;
	ca_free(est->ca);
	secret_fini(&est->secret);
	if (est->has_pattern)
		regfree(&est->name_pattern);
	free(est);
}

const char *est_server_cert_path(const struct est *est)
{
	return ca_server_cert_path(est->ca);
}

const char *est_server_key_path(const struct est *est)
{
	return ca_server_key_path(est->ca);
}
