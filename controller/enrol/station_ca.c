#include "controller/enrol/station_ca.h"

#include "proto/base/file.h"
#include "proto/base/hex.h"
#include "proto/base/secret.h"
#include "proto/base/wall.h"

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/oid.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>
#include <mbedtls/x509_crt.h>
#include <mbedtls/x509_csr.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define CA_FILE_MAX_BYTES 65536
#define SERIAL_BYTES	  16

struct station_ca {
	mbedtls_x509_crt cert;
	mbedtls_pk_context key;
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context drbg;
	struct dbuf pem;
	char sha256[65];
	char issuer[512];
};

static enum err_code load_cert(struct station_ca *ca, const char *file,
			       struct err *e)
{
	uint8_t hash[32];
	enum err_code rc = file_read(file, &ca->pem, e);

	if (rc)
		return rc;
	if (mbedtls_x509_crt_parse(&ca->cert,
				   (const uint8_t *)dbuf_text(&ca->pem),
				   ca->pem.len + 1) ||
	    !ca->cert.ca_istrue)
		return err_set(e, ERR_CONFIG, "%s: not a CA certificate in PEM",
			       file);
	if (mbedtls_sha256_ret(ca->cert.raw.p, ca->cert.raw.len, hash, 0) ||
	    mbedtls_x509_dn_gets(ca->issuer, sizeof(ca->issuer),
				 &ca->cert.subject) < 0)
		return err_set(e, ERR_CONFIG, "%s: unusable name", file);
	hex_encode(ca->sha256, hash, sizeof(hash));
	return ERR_OK;
}

static enum err_code load_key(struct station_ca *ca, const char *file,
			      struct err *e)
{
	struct dbuf pem;
	struct stat st;
	enum err_code rc;

	if (stat(file, &st) == 0 && (st.st_mode & 077))
		return err_set(e, ERR_CONFIG, "%s: others may read this key",
			       file);
	dbuf_init(&pem, CA_FILE_MAX_BYTES);
	rc = file_read(file, &pem, e);
	if (!rc &&
	    mbedtls_pk_parse_key(&ca->key, (const uint8_t *)dbuf_text(&pem),
				 pem.len + 1, NULL, 0))
		rc = err_set(e, ERR_CONFIG, "%s: not a private key in PEM",
			     file);
	else if (!rc && mbedtls_pk_check_pair(&ca->cert.pk, &ca->key))
		rc = err_set(e, ERR_CONFIG,
			     "%s: not the key of the CA certificate", file);
	if (pem.data)
		mbedtls_platform_zeroize(pem.data, pem.len);
	dbuf_fini(&pem);
	return rc;
}

enum err_code station_ca_open(struct station_ca **out, const char *cert_file,
			      const char *key_file, struct err *e)
{
	struct station_ca *ca = calloc(1, sizeof(*ca));
	enum err_code rc;

	if (!ca)
		return err_set(e, ERR_NO_MEMORY, "station CA");
	dbuf_init(&ca->pem, CA_FILE_MAX_BYTES);
	mbedtls_x509_crt_init(&ca->cert);
	mbedtls_pk_init(&ca->key);
	mbedtls_entropy_init(&ca->entropy);
	mbedtls_ctr_drbg_init(&ca->drbg);
	if (mbedtls_ctr_drbg_seed(&ca->drbg, mbedtls_entropy_func, &ca->entropy,
				  NULL, 0))
		rc = err_set(e, ERR_FAILED, "no random numbers");
	else if (!(rc = load_cert(ca, cert_file, e)))
		rc = load_key(ca, key_file, e);
	if (rc) {
		station_ca_close(ca);
		return rc;
	}
	*out = ca;
	return ERR_OK;
}

void station_ca_close(struct station_ca *ca)
{
	if (!ca)
		return;
	mbedtls_ctr_drbg_free(&ca->drbg);
	mbedtls_entropy_free(&ca->entropy);
	mbedtls_pk_free(&ca->key);
	mbedtls_x509_crt_free(&ca->cert);
	dbuf_fini(&ca->pem);
	free(ca);
}

const char *station_ca_pem(const struct station_ca *ca)
{
	return dbuf_text(&ca->pem);
}

const char *station_ca_sha256(const struct station_ca *ca)
{
	return ca->sha256;
}

static enum err_code read_request(mbedtls_x509_csr *csr, const char *pem,
				  struct err *e)
{
	uint8_t hash[32];

	if (mbedtls_x509_csr_parse(csr, (const uint8_t *)pem, strlen(pem) + 1))
		return err_set(e, ERR_MALFORMED,
			       "not a certificate request in PEM");
	if (!mbedtls_pk_can_do(&csr->pk, MBEDTLS_PK_ECDSA) ||
	    mbedtls_pk_ec(csr->pk)->grp.id != MBEDTLS_ECP_DP_SECP256R1 ||
	    csr->sig_md != MBEDTLS_MD_SHA256)
		return err_set(e, ERR_REFUSED,
			       "the request is not P-256 with SHA-256");
	if (mbedtls_sha256_ret(csr->cri.p, csr->cri.len, hash, 0) ||
	    mbedtls_pk_verify(&csr->pk, MBEDTLS_MD_SHA256, hash, sizeof(hash),
			      csr->sig.p, csr->sig.len))
		return err_set(e, ERR_REFUSED,
			       "the request's signature does not verify");
	return ERR_OK;
}

static void x509_time(char out[16], int64_t wall_ms)
{
	time_t t = (time_t)(wall_ms / 1000);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, 16, "%Y%m%d%H%M%S", &tm);
}

static int set_serial(struct station_ca *ca, mbedtls_x509write_cert *w)
{
	uint8_t bytes[SERIAL_BYTES];
	mbedtls_mpi serial;
	int rc;

	mbedtls_mpi_init(&serial);
	rc = mbedtls_ctr_drbg_random(&ca->drbg, bytes, sizeof(bytes));
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* positive, 16 bytes */
	if (!rc)
		rc = mbedtls_mpi_read_binary(&serial, bytes, sizeof(bytes));
	if (!rc)
		rc = mbedtls_x509write_crt_set_serial(w, &serial);
	mbedtls_mpi_free(&serial);
	return rc;
}

/* extendedKeyUsage = clientAuth (RFC 5280 4.2.1.12); 2.28 has no setter. */
static int set_client_auth(mbedtls_x509write_cert *w)
{
	static const uint8_t eku[] = {0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06,
				      0x01, 0x05, 0x05, 0x07, 0x03, 0x02};

	return mbedtls_x509write_crt_set_extension(
		w, MBEDTLS_OID_EXTENDED_KEY_USAGE,
		MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0, eku,
		sizeof(eku));
}

static int fill(struct station_ca *ca, mbedtls_x509write_cert *w,
		mbedtls_pk_context *subject_key, const char *station)
{
	char from[16], to[16], subject[80];
	int64_t now = wall_now_ms();
	int rc;

	/* An hour back, for a station whose clock is behind. */
	x509_time(from, now - 3600 * INT64_C(1000));
	x509_time(to, now + STATION_CA_VALID_DAYS * INT64_C(86400000));
	snprintf(subject, sizeof(subject), "CN=%s", station);
	mbedtls_x509write_crt_set_version(w, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(w, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_issuer_key(w, &ca->key);
	mbedtls_x509write_crt_set_subject_key(w, subject_key);
	if ((rc = set_serial(ca, w)) ||
	    (rc = mbedtls_x509write_crt_set_issuer_name(w, ca->issuer)) ||
	    (rc = mbedtls_x509write_crt_set_subject_name(w, subject)) ||
	    (rc = mbedtls_x509write_crt_set_validity(w, from, to)) ||
	    (rc = mbedtls_x509write_crt_set_basic_constraints(w, 0, -1)) ||
	    (rc = mbedtls_x509write_crt_set_key_usage(
		     w, MBEDTLS_X509_KU_DIGITAL_SIGNATURE)) ||
	    (rc = mbedtls_x509write_crt_set_subject_key_identifier(w)) ||
	    (rc = mbedtls_x509write_crt_set_authority_key_identifier(w)))
		return rc;
	return set_client_auth(w);
}

static int hash_pem(const char *pem, char out[65])
{
	mbedtls_x509_crt crt;
	uint8_t hash[32];
	int rc;

	mbedtls_x509_crt_init(&crt);
	rc = mbedtls_x509_crt_parse(&crt, (const uint8_t *)pem,
				    strlen(pem) + 1);
	if (!rc)
		rc = mbedtls_sha256_ret(crt.raw.p, crt.raw.len, hash, 0);
	if (!rc)
		hex_encode(out, hash, sizeof(hash));
	mbedtls_x509_crt_free(&crt);
	return rc;
}

enum err_code station_ca_issue(struct station_ca *ca, const char *station,
			       const char *csr_pem,
			       char out_pem[STATION_CA_PEM_SIZE],
			       char cert_sha256[65], struct err *e)
{
	mbedtls_x509write_cert w;
	mbedtls_x509_csr csr;
	enum err_code rc;

	mbedtls_x509write_crt_init(&w);
	mbedtls_x509_csr_init(&csr);
	rc = read_request(&csr, csr_pem, e);
	if (!rc && (fill(ca, &w, &csr.pk, station) ||
		    mbedtls_x509write_crt_pem(
			    &w, (uint8_t *)out_pem, STATION_CA_PEM_SIZE,
			    mbedtls_ctr_drbg_random, &ca->drbg) ||
		    hash_pem(out_pem, cert_sha256)))
		rc = err_set(e, ERR_FAILED,
			     "the station's certificate cannot be written");
	mbedtls_x509_csr_free(&csr);
	mbedtls_x509write_crt_free(&w);
	return rc;
}
