#include "controller/init_keys.h"

#include "controller/controller_init.h"
#include "proto/base/file.h"

#include <arpa/inet.h>
#include <limits.h>
#include <mbedtls/asn1write.h>
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/oid.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/x509_crt.h>
#include <string.h>
#include <time.h>

#define CA_YEARS     20
#define SERVER_YEARS 10
#define CA_NAME	     "CN=Provline station CA,O=Provline"
#define SERVER_NAME  "CN=provline-controller,O=Provline"
#define PEM_MAX	     4096
#define SAN_MAX	     1024

struct maker {
	const char *dir;
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context drbg;
	mbedtls_pk_context ca, server, checkpoint;
	unsigned char ca_pem[PEM_MAX]; /* empty until the CA is made */
};

static enum err_code new_key(struct maker *m, mbedtls_pk_context *key,
			     struct err *e)
{
	if (mbedtls_pk_setup(key,
			     mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) ||
	    mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(*key),
				mbedtls_ctr_drbg_random, &m->drbg))
		return err_set(e, ERR_FAILED, "no key was made");
	return ERR_OK;
}

static enum err_code write_file(struct maker *m, const char *name,
				const unsigned char *pem, unsigned mode,
				struct err *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", m->dir, name);
	return file_write(path, pem, strlen((const char *)pem), mode, e);
}

static enum err_code write_key(struct maker *m, const char *name,
			       mbedtls_pk_context *key, struct err *e)
{
	unsigned char pem[PEM_MAX];
	enum err_code rc;

	if (mbedtls_pk_write_key_pem(key, pem, sizeof pem))
		rc = err_set(e, ERR_BUG, "%s as PEM", name);
	else
		rc = write_file(m, name, pem, 0600, e);
	mbedtls_platform_zeroize(pem, sizeof pem);
	return rc;
}

/* SubjectAltName (RFC 5280, 4.2.1.6), written from its end as mbedTLS does. */
static int put_name(unsigned char **p, unsigned char *start, const char *name)
{
	unsigned char ip[16];
	const void *value = name;
	size_t len = strlen(name);
	int tag = MBEDTLS_ASN1_CONTEXT_SPECIFIC | 2; /* dNSName */
	int rv;

	if (inet_pton(AF_INET, name, ip) == 1) {
		tag = MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7; /* iPAddress */
		value = ip;
		len = 4;
	} else if (inet_pton(AF_INET6, name, ip) == 1) {
		tag = MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7;
		value = ip;
		len = 16;
	}
	rv = mbedtls_asn1_write_raw_buffer(p, start, value, len);
	if (rv < 0)
		return rv;
	rv = mbedtls_asn1_write_len(p, start, len);
	if (rv < 0)
		return rv;
	return mbedtls_asn1_write_tag(p, start, (unsigned char)tag);
}

static bool name_ok(const char *name)
{
	unsigned char ip[16];
	static const char ok[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz0123456789.-_";
	size_t len = strlen(name);

	if (inet_pton(AF_INET, name, ip) == 1 ||
	    inet_pton(AF_INET6, name, ip) == 1)
		return true;
	return len && len < 254 && strspn(name, ok) == len && name[0] != '-' &&
	       name[0] != '.';
}

static enum err_code set_names(mbedtls_x509write_cert *crt,
			       const char *const *names, struct err *e)
{
	unsigned char buf[SAN_MAX];
	unsigned char *p = buf + sizeof buf;
	size_t len;
	int rv = 0;

	for (; *names && rv >= 0; names++) {
		if (!name_ok(*names))
			return err_set(e, ERR_INPUT,
				       "%.60s: not a name or address", *names);
		rv = put_name(&p, buf, *names);
	}
	len = (size_t)(buf + sizeof buf - p);
	if (rv >= 0)
		rv = mbedtls_asn1_write_len(&p, buf, len);
	if (rv >= 0)
		rv = mbedtls_asn1_write_tag(&p, buf,
					    MBEDTLS_ASN1_CONSTRUCTED |
						    MBEDTLS_ASN1_SEQUENCE);
	if (rv < 0)
		return err_set(e, ERR_INPUT, "too many names");
	if (mbedtls_x509write_crt_set_extension(
		    crt, MBEDTLS_OID_SUBJECT_ALT_NAME,
		    MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0, p,
		    (size_t)(buf + sizeof buf - p)))
		return err_set(e, ERR_NO_MEMORY, "certificate");
	return ERR_OK;
}

static int set_serverauth(mbedtls_x509write_cert *crt)
{
	/* SEQUENCE { OID id-kp-serverAuth }, RFC 5280, 4.2.1.12 */
	static const unsigned char eku[] = {0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06,
					    0x01, 0x05, 0x05, 0x07, 0x03, 0x01};

	return mbedtls_x509write_crt_set_extension(
		crt, MBEDTLS_OID_EXTENDED_KEY_USAGE,
		MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0, eku,
		sizeof eku);
}

static int set_common(struct maker *m, mbedtls_x509write_cert *crt,
		      const char *subject, int years)
{
	char from[16], to[16];
	unsigned char serial_bytes[16];
	mbedtls_mpi serial;
	time_t now = time(NULL) - 3600; /* stations' clocks may lag */
	struct tm tm;
	int rv;

	gmtime_r(&now, &tm);
	strftime(from, sizeof from, "%Y%m%d%H%M%S", &tm);
	tm.tm_year += years;
	tm.tm_mday = tm.tm_mon == 1 && tm.tm_mday == 29 ? 28 : tm.tm_mday;
	strftime(to, sizeof to, "%Y%m%d%H%M%S", &tm);
	mbedtls_x509write_crt_set_version(crt, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(crt, MBEDTLS_MD_SHA256);
	mbedtls_x509write_crt_set_issuer_key(crt, &m->ca);
	mbedtls_mpi_init(&serial);
	rv = mbedtls_ctr_drbg_random(&m->drbg, serial_bytes,
				     sizeof serial_bytes);
	serial_bytes[0] = (unsigned char)((serial_bytes[0] & 0x3f) | 0x40);
	if (!rv)
		rv = mbedtls_mpi_read_binary(&serial, serial_bytes,
					     sizeof serial_bytes);
	if (!rv)
		rv = mbedtls_x509write_crt_set_serial(crt, &serial);
	if (!rv)
		rv = mbedtls_x509write_crt_set_validity(crt, from, to);
	if (!rv)
		rv = mbedtls_x509write_crt_set_issuer_name(crt, CA_NAME);
	if (!rv)
		rv = mbedtls_x509write_crt_set_subject_name(crt, subject);
	mbedtls_mpi_free(&serial);
	return rv;
}

static enum err_code write_cert(struct maker *m, const char *name,
				mbedtls_x509write_cert *crt, struct err *e)
{
	unsigned char pem[PEM_MAX];

	size_t used;

	if (mbedtls_x509write_crt_pem(crt, pem, sizeof pem,
				      mbedtls_ctr_drbg_random, &m->drbg))
		return err_set(e, ERR_FAILED, "%s was not signed", name);
	/* The CA stands behind the server's own: a station that enrols knows
	 * nothing but the CA's hash and must find it in the handshake. */
	used = strlen((char *)pem);
	if (m->ca_pem[0] == '\0')
		memcpy(m->ca_pem, pem, used + 1);
	else if (used + strlen((char *)m->ca_pem) < sizeof pem)
		strcpy((char *)pem + used, (char *)m->ca_pem);
	else
		return err_set(e, ERR_BUG, "%s is too long", name);
	return write_file(m, name, pem, 0644, e);
}

static enum err_code make_ca(struct maker *m, struct err *e)
{
	mbedtls_x509write_cert crt;
	enum err_code rc = ERR_OK;

	mbedtls_x509write_crt_init(&crt);
	mbedtls_x509write_crt_set_subject_key(&crt, &m->ca);
	if (set_common(m, &crt, CA_NAME, CA_YEARS) ||
	    mbedtls_x509write_crt_set_basic_constraints(&crt, 1, 0) ||
	    mbedtls_x509write_crt_set_key_usage(
		    &crt,
		    MBEDTLS_X509_KU_KEY_CERT_SIGN | MBEDTLS_X509_KU_CRL_SIGN) ||
	    mbedtls_x509write_crt_set_subject_key_identifier(&crt))
		rc = err_set(e, ERR_FAILED, "CA certificate");
	if (!rc)
		rc = write_cert(m, CONTROLLER_FILE_CA, &crt, e);
	mbedtls_x509write_crt_free(&crt);
	return rc;
}

static enum err_code make_server(struct maker *m, const char *const *names,
				 struct err *e)
{
	mbedtls_x509write_cert crt;
	enum err_code rc;

	mbedtls_x509write_crt_init(&crt);
	mbedtls_x509write_crt_set_subject_key(&crt, &m->server);
	rc = set_names(&crt, names, e);
	if (!rc && (set_common(m, &crt, SERVER_NAME, SERVER_YEARS) ||
		    mbedtls_x509write_crt_set_basic_constraints(&crt, 0, -1) ||
		    mbedtls_x509write_crt_set_key_usage(
			    &crt, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) ||
		    set_serverauth(&crt) ||
		    mbedtls_x509write_crt_set_authority_key_identifier(&crt)))
		rc = err_set(e, ERR_FAILED, "server certificate");
	if (!rc)
		rc = write_cert(m, CONTROLLER_FILE_SERVER, &crt, e);
	mbedtls_x509write_crt_free(&crt);
	return rc;
}

static enum err_code make_keys(struct maker *m, struct err *e)
{
	unsigned char pem[PEM_MAX];
	enum err_code rc = new_key(m, &m->ca, e);

	if (!rc)
		rc = new_key(m, &m->server, e);
	if (!rc)
		rc = new_key(m, &m->checkpoint, e);
	if (!rc)
		rc = write_key(m, CONTROLLER_FILE_CA_KEY, &m->ca, e);
	if (!rc)
		rc = write_key(m, CONTROLLER_FILE_SERVER_KEY, &m->server, e);
	if (!rc)
		rc = write_key(m, CONTROLLER_FILE_CHECKPOINT_KEY,
			       &m->checkpoint, e);
	if (!rc && mbedtls_pk_write_pubkey_pem(&m->checkpoint, pem, sizeof pem))
		rc = err_set(e, ERR_BUG, "checkpoint key as PEM");
	if (!rc)
		rc = write_file(m, CONTROLLER_FILE_CHECKPOINT, pem, 0644, e);
	return rc;
}

enum err_code init_keys_make(const char *dir, const char *const *names,
			     struct err *e)
{
	struct maker m = {.dir = dir};
	enum err_code rc = ERR_OK;

	mbedtls_entropy_init(&m.entropy);
	mbedtls_ctr_drbg_init(&m.drbg);
	mbedtls_pk_init(&m.ca);
	mbedtls_pk_init(&m.server);
	mbedtls_pk_init(&m.checkpoint);
	if (mbedtls_ctr_drbg_seed(&m.drbg, mbedtls_entropy_func, &m.entropy,
				  (const unsigned char *)"provline-init", 13))
		rc = err_set(e, ERR_FAILED, "no random numbers");
	if (!rc)
		rc = make_keys(&m, e);
	if (!rc)
		rc = make_ca(&m, e);
	if (!rc)
		rc = make_server(&m, names, e);
	mbedtls_pk_free(&m.checkpoint);
	mbedtls_pk_free(&m.server);
	mbedtls_pk_free(&m.ca);
	mbedtls_ctr_drbg_free(&m.drbg);
	mbedtls_entropy_free(&m.entropy);
	return rc;
}
