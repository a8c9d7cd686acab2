#include "agent/enrol_http.h"

#include <curl/curl.h>
#include <mbedtls/sha256.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>
#include <string.h>

#define PIN_MS	10000L
#define POST_MS 20000L

static enum err_code common(CURL *c, const char *url, long timeout_ms)
{
	bool fine = curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
		    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") ==
			    CURLE_OK &&
		    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, timeout_ms) ==
			    CURLE_OK &&
		    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
		    curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK &&
		    curl_easy_setopt(c, CURLOPT_SSLVERSION,
				     (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;

	return fine ? ERR_OK : ERR_FAILED;
}

static enum err_code curl_error(CURLcode rc, const char *url, struct err *e)
{
	switch (rc) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
		return err_set(e, ERR_UNAUTHORISED, "%s: %s", url,
			       curl_easy_strerror(rc));
	case CURLE_WRITE_ERROR:
		return err_set(e, ERR_TOO_BIG, "%s: the answer is too long",
			       url);
	default:
		return err_set(e, ERR_UNREACHABLE, "%s: %s", url,
			       curl_easy_strerror(rc));
	}
}

/* ---- pinning ---- */

static bool has_hash(const char *pem, const uint8_t sha256[32])
{
	mbedtls_x509_crt crt;
	uint8_t hash[32];
	bool same;

	mbedtls_x509_crt_init(&crt);
	same = mbedtls_x509_crt_parse(&crt, (const unsigned char *)pem,
				      strlen(pem) + 1) == 0 &&
	       mbedtls_sha256_ret(crt.raw.p, crt.raw.len, hash, 0) == 0 &&
	       memcmp(hash, sha256, sizeof(hash)) == 0;
	mbedtls_x509_crt_free(&crt);
	return same;
}

static enum err_code find_in_chain(CURL *c, const uint8_t ca_sha256[32],
				   struct dbuf *ca_pem, struct err *e)
{
	struct curl_certinfo *chain = NULL;

	if (curl_easy_getinfo(c, CURLINFO_CERTINFO, &chain) != CURLE_OK ||
	    chain == NULL)
		return err_set(e, ERR_FAILED, "no certificate chain");
	for (int i = 0; i < chain->num_of_certs; i++) {
		for (struct curl_slist *s = chain->certinfo[i]; s != NULL;
		     s = s->next) {
			if (strncmp(s->data, "Cert:", 5) != 0 ||
			    !has_hash(s->data + 5, ca_sha256))
				continue;
			dbuf_clear(ca_pem);
			return dbuf_add(ca_pem, s->data + 5,
					strlen(s->data + 5));
		}
	}
	return err_set(e, ERR_INTEGRITY,
		       "none of the controller's %d certificates has the hash "
		       "of the token: another controller answers there",
		       chain->num_of_certs);
}

enum err_code enrol_http_pin(const char *url, const uint8_t ca_sha256[32],
			     struct dbuf *ca_pem, struct err *e)
{
	CURL *c = curl_easy_init();
	enum err_code rc;
	CURLcode done;

	if (c == NULL)
		return err_set(e, ERR_NO_MEMORY, "enrolment");
	rc = common(c, url, PIN_MS);
	/* nothing is believed and nothing is sent here */
	if (rc == ERR_OK &&
	    (curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L) != CURLE_OK ||
	     curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L) != CURLE_OK ||
	     curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L) != CURLE_OK ||
	     curl_easy_setopt(c, CURLOPT_CERTINFO, 1L) != CURLE_OK))
		rc = ERR_FAILED;
	if (rc != ERR_OK) {
		rc = err_set(e, rc, "libcurl lacks what enrolment needs");
		goto out;
	}
	done = curl_easy_perform(c);
	rc = done == CURLE_OK ? find_in_chain(c, ca_sha256, ca_pem, e)
			      : curl_error(done, url, e);
out:
	curl_easy_cleanup(c);
	return rc;
}

/* ---- asking ---- */

static size_t take(char *data, size_t one, size_t n, void *arg)
{
	return dbuf_add(arg, data, one * n) == ERR_OK ? one * n : 0;
}

static bool set_post(CURL *c, const struct dbuf *ca_pem, const char *json,
		     struct curl_slist *headers, struct dbuf *reply)
{
	struct curl_blob ca = {.data = ca_pem->data,
			       .len = ca_pem->len,
			       .flags = CURL_BLOB_NOCOPY};

	return curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &ca) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_POSTFIELDS, json) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
	       curl_easy_setopt(c, CURLOPT_WRITEDATA, reply) == CURLE_OK;
}

enum err_code enrol_http_post(const char *url, const struct dbuf *ca_pem,
			      const char *json, struct dbuf *reply,
			      long *status, struct err *e)
{
	struct curl_slist *headers =
		curl_slist_append(NULL, "Content-Type: application/json");
	CURL *c = curl_easy_init();
	CURLcode done = CURLE_OUT_OF_MEMORY;
	enum err_code rc = ERR_OK;

	*status = 0;
	if (c == NULL || headers == NULL || common(c, url, POST_MS) != ERR_OK ||
	    !set_post(c, ca_pem, json, headers, reply)) {
		rc = err_set(e, ERR_FAILED,
			     "libcurl lacks what enrolment needs");
		goto out;
	}
	done = curl_easy_perform(c);
	if (done != CURLE_OK)
		rc = curl_error(done, url, e);
	else
		(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, status);
out:
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	return rc;
}
