#include "agent/enrol.h"

#include "agent/enrol_http.h"
#include "proto/base/file.h"
#include "proto/base/hex.h"
#include "proto/base/log.h"

#include <jansson.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PEM_BYTES   8192u
#define REPLY_BYTES 65536u

/* ---- token ---- */

enum err_code enrol_token_parse(struct enrol_token *t, const char *text,
				struct err *e)
{
	const char *dot = strrchr(text, '.');
	size_t len = dot == NULL ? 0 : (size_t)(dot - text);

	*t = (struct enrol_token){0};
	if (dot == NULL || len == 0 || len > ENROL_TOKEN_MAX ||
	    !hex_decode(t->ca_sha256, sizeof(t->ca_sha256), dot + 1))
		return err_set(e, ERR_INPUT,
			       "the token is not TOKEN.CASHA256, whole as "
			       "the controller printed it");
	for (size_t i = 0; i < len; i++)
		if (text[i] <= 0x20 || text[i] > 0x7e || text[i] == '"' ||
		    text[i] == '\\')
			return err_set(e, ERR_INPUT,
				       "the token holds a character that no "
				       "token has");
	return secret_set(&t->token, text, len, e);
}

void enrol_token_fini(struct enrol_token *t)
{
	secret_fini(&t->token);
}

/* ---- key and request ---- */

struct maker {
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context rng;
	mbedtls_pk_context key;
	unsigned char key_pem[2048]; /* wiped */
	unsigned char csr_pem[2048];
};

static void maker_init(struct maker *m)
{
	memset(m, 0, sizeof(*m));
	mbedtls_entropy_init(&m->entropy);
	mbedtls_ctr_drbg_init(&m->rng);
	mbedtls_pk_init(&m->key);
}

static void maker_fini(struct maker *m)
{
	mbedtls_pk_free(&m->key);
	mbedtls_ctr_drbg_free(&m->rng);
	mbedtls_entropy_free(&m->entropy);
	mbedtls_platform_zeroize(m->key_pem, sizeof(m->key_pem));
}

static enum err_code make_key(struct maker *m, struct err *e)
{
	if (mbedtls_ctr_drbg_seed(&m->rng, mbedtls_entropy_func, &m->entropy,
				  NULL, 0) != 0 ||
	    mbedtls_pk_setup(&m->key, mbedtls_pk_info_from_type(
					      MBEDTLS_PK_ECKEY)) != 0 ||
	    mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(m->key),
				mbedtls_ctr_drbg_random, &m->rng) != 0 ||
	    mbedtls_pk_write_key_pem(&m->key, m->key_pem, sizeof(m->key_pem)) !=
		    0)
		return err_set(e, ERR_FAILED, "cannot make a key");
	return ERR_OK;
}

static enum err_code make_csr(struct maker *m, const char *station,
			      struct err *e)
{
	mbedtls_x509write_csr csr;
	char name[64];
	int rc;

	snprintf(name, sizeof(name), "CN=%.32s", station);
	mbedtls_x509write_csr_init(&csr);
	mbedtls_x509write_csr_set_md_alg(&csr, MBEDTLS_MD_SHA256);
	mbedtls_x509write_csr_set_key(&csr, &m->key);
	rc = mbedtls_x509write_csr_set_subject_name(&csr, name);
	if (rc == 0)
		rc = mbedtls_x509write_csr_pem(
			&csr, m->csr_pem, sizeof(m->csr_pem),
			mbedtls_ctr_drbg_random, &m->rng);
	mbedtls_x509write_csr_free(&csr);
	return rc == 0 ? ERR_OK
		       : err_set(e, ERR_FAILED, "cannot make a request");
}

/* ---- asking ---- */

static enum err_code request_json(const struct enrol_token *t,
				  const struct maker *m, char **text,
				  struct err *e)
{
	json_t *o = json_pack("{s:s%,s:s}", "token", t->token.bytes,
			      t->token.len, "csr", (const char *)m->csr_pem);

	*text = o == NULL ? NULL : json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return *text != NULL ? ERR_OK : err_set(e, ERR_NO_MEMORY, "enrolment");
}

/* The problem document of RFC 9457, as the error it names. */
static enum err_code problem(const struct dbuf *reply, long status,
			     struct err *e)
{
	json_t *o = json_loadb(dbuf_text(reply), reply->len, 0, NULL);
	const char *code = json_string_value(json_object_get(o, "code"));
	const char *detail = json_string_value(json_object_get(o, "detail"));
	enum err_code rc = code == NULL ? ERR_FAILED : err_from_name(code);

	rc = err_set(e, rc == ERR_OK ? ERR_FAILED : rc,
		     "the controller answers %ld: %s", status,
		     detail == NULL ? "no reason given" : detail);
	json_decref(o);
	return rc;
}

static enum err_code field(json_t *o, const char *name, struct dbuf *out,
			   struct err *e)
{
	const char *text = json_string_value(json_object_get(o, name));

	if (text == NULL || strlen(text) >= PEM_BYTES)
		return err_set(e, ERR_MALFORMED,
			       "the controller's answer lacks %s", name);
	return dbuf_add(out, text, strlen(text));
}

static enum err_code ask(const char *url, const struct dbuf *pinned,
			 const char *json, struct dbuf *cert_pem,
			 struct dbuf *ca_pem, struct err *e)
{
	struct dbuf reply;
	char full[160];
	json_t *o = NULL;
	long status = 0;
	enum err_code rc;

	snprintf(full, sizeof(full), "%s/api/v1/enrol", url);
	dbuf_init(&reply, REPLY_BYTES);
	rc = enrol_http_post(full, pinned, json, &reply, &status, e);
	if (rc == ERR_OK && (status < 200 || status > 299))
		rc = problem(&reply, status, e);
	if (rc != ERR_OK)
		goto out;
	o = json_loadb(dbuf_text(&reply), reply.len, 0, NULL);
	rc = field(o, "certificate", cert_pem, e);
	if (rc == ERR_OK)
		rc = field(o, "ca", ca_pem, e);
out:
	json_decref(o);
	dbuf_fini(&reply);
	return rc;
}

/* ---- believing ---- */

/* The controller names the station that the token was made for; under another
 * name nothing would work. */
static enum err_code check_name(const mbedtls_x509_crt *cert,
				const char *station, struct err *e)
{
	char subject[256];

	if (mbedtls_x509_dn_gets(subject, sizeof(subject), &cert->subject) < 0)
		return err_set(e, ERR_MALFORMED,
			       "the certificate's subject is too long");
	if (strncmp(subject, "CN=", 3) == 0 &&
	    strcmp(subject + 3, station) == 0)
		return ERR_OK;
	err_set(e, ERR_CONFIG, "the token is for %s, but this is station %s",
		subject, station);
	return err_hint(e, "set station, then enrol with a new token");
}

static enum err_code check(struct maker *m, const struct enrol_token *t,
			   const char *station, const struct dbuf *cert_pem,
			   const struct dbuf *ca_pem, struct err *e)
{
	mbedtls_x509_crt cert, ca;
	enum err_code rc = ERR_OK;
	uint8_t hash[32] = {0};
	uint32_t flags = 0;

	mbedtls_x509_crt_init(&cert);
	mbedtls_x509_crt_init(&ca);
	if (mbedtls_x509_crt_parse(&cert, cert_pem->data, cert_pem->len + 1) !=
		    0 ||
	    mbedtls_x509_crt_parse(&ca, ca_pem->data, ca_pem->len + 1) != 0)
		rc = err_set(e, ERR_MALFORMED,
			     "the controller's answer is no certificate");
	else if (mbedtls_sha256_ret(ca.raw.p, ca.raw.len, hash, 0) != 0 ||
		 memcmp(hash, t->ca_sha256, sizeof(hash)) != 0)
		rc = err_set(e, ERR_INTEGRITY,
			     "the CA in the answer is not the token's");
	else if (mbedtls_pk_check_pair(&cert.pk, &m->key) != 0)
		rc = err_set(e, ERR_INTEGRITY,
			     "the certificate is for another key");
	else if (mbedtls_x509_crt_verify(&cert, &ca, NULL, NULL, &flags, NULL,
					 NULL) != 0)
		rc = err_set(e, ERR_INTEGRITY,
			     "the certificate is not by the token's CA (%x)",
			     (unsigned)flags);
	else
		rc = check_name(&cert, station, e);
	mbedtls_x509_crt_free(&cert);
	mbedtls_x509_crt_free(&ca);
	return rc;
}

static enum err_code put(const char *dir, const char *name, const void *data,
			 size_t len, unsigned mode, struct err *e)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return file_write(path, data, len, mode, e);
}

static enum err_code store(struct maker *m, const char *dir,
			   const struct dbuf *cert_pem,
			   const struct dbuf *ca_pem, struct err *e)
{
	enum err_code rc = file_mkdir(dir, 0700, e);

	if (rc == ERR_OK)
		rc = put(dir, "station.key", m->key_pem,
			 strlen((const char *)m->key_pem), 0600, e);
	if (rc == ERR_OK)
		rc = put(dir, "ca.pem", ca_pem->data, ca_pem->len, 0644, e);
	if (rc == ERR_OK)
		rc = put(dir, "station.pem", cert_pem->data, cert_pem->len,
			 0644, e);
	return rc;
}

enum err_code enrol_station(const char *url, const char *station,
			    const char *data_dir, const struct enrol_token *t,
			    struct err *e)
{
	struct dbuf pinned, cert_pem, ca_pem;
	char *json = NULL;
	struct maker m;
	enum err_code rc;

	dbuf_init(&pinned, PEM_BYTES);
	dbuf_init(&cert_pem, PEM_BYTES);
	dbuf_init(&ca_pem, PEM_BYTES);
	maker_init(&m);
	rc = enrol_http_pin(url, t->ca_sha256, &pinned, e);
	if (rc == ERR_OK)
		rc = make_key(&m, e);
	if (rc == ERR_OK)
		rc = make_csr(&m, station, e);
	if (rc == ERR_OK)
		rc = request_json(t, &m, &json, e);
	if (rc == ERR_OK)
		rc = ask(url, &pinned, json, &cert_pem, &ca_pem, e);
	if (rc == ERR_OK)
		rc = check(&m, t, station, &cert_pem, &ca_pem, e);
	if (rc == ERR_OK)
		rc = store(&m, data_dir, &cert_pem, &ca_pem, e);
	if (rc == ERR_OK)
		log_info("ENROLLED", "station=%s", station);
	if (json != NULL)
		mbedtls_platform_zeroize(json, strlen(json));
	free(json);
	maker_fini(&m);
	dbuf_fini(&pinned);
	dbuf_fini(&cert_pem);
	dbuf_fini(&ca_pem);
	return rc;
}
