/* Every file is made only when it is missing, each from what came before it,
 * so a first start that was cut short is simply continued by the next. */
#include "bench/cloud/ca.h"

#include "bench/cloud/ca_files.h"
#include "proto/base/file.h"

#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define SERIAL_BYTES 16
#define CA_DAYS	     36500
#define SERVER_DAYS  397
#define SKEW_S	     3600l /* a client's clock may be behind ours */

struct ca {
	int lock_fd;
	EVP_PKEY *root_key, *issuing_key;
	X509 *root, *issuing;
	char server_cert_path[PATH_MAX], server_key_path[PATH_MAX];
};

struct extension {
	int nid;
	const char *value;
};

static const struct extension ca_root_ext[] = {
	{NID_basic_constraints, "critical,CA:TRUE"},
	{NID_key_usage, "critical,keyCertSign,cRLSign"},
	{NID_subject_key_identifier, "hash"},
	{0, NULL},
};
static const struct extension ca_issuing_ext[] = {
	{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
	{NID_key_usage, "critical,keyCertSign,cRLSign"},
	{NID_subject_key_identifier, "hash"},
	{NID_authority_key_identifier, "keyid"},
	{0, NULL},
};
static const struct extension device_ext[] = {
	{NID_basic_constraints, "critical,CA:FALSE"},
	{NID_key_usage, "critical,digitalSignature"},
	{NID_ext_key_usage, "clientAuth"},
	{NID_subject_key_identifier, "hash"},
	{NID_authority_key_identifier, "keyid"},
	{0, NULL},
};

/* Who signs, what is signed. issuer NULL: self-signed. */
struct order {
	X509 *issuer;
	EVP_PKEY *issuer_key;
	const X509_NAME *subject;
	EVP_PKEY *key;
	int64_t days;
	long skew_s;
	const struct extension *extensions;
};

static bool add_extensions(X509 *cert, const struct order *o)
{
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, o->issuer ? o->issuer : cert, cert, NULL, NULL, 0);
	for (const struct extension *x = o->extensions; x->value; x++) {
		X509_EXTENSION *ext =
			X509V3_EXT_conf_nid(NULL, &ctx, x->nid, x->value);
		bool added = ext && X509_add_ext(cert, ext, -1);

		X509_EXTENSION_free(ext);
		if (!added)
			return false;
	}
	return true;
}

/* RFC 5280 4.1.2.2: positive and not longer than 20 octets. */
static bool set_serial(X509 *cert)
{
	uint8_t bytes[SERIAL_BYTES];
	BIGNUM *bn;
	bool set;

	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return false;
	bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40); /* always 16 octets */
	bn = BN_bin2bn(bytes, sizeof bytes, NULL);
	set = bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert));
	BN_free(bn);
	return set;
}

static bool set_times(X509 *cert, const struct order *o)
{
	time_t now = time(NULL), from = now - o->skew_s;
	const ASN1_TIME *limit;

	if (!X509_time_adj_ex(X509_getm_notBefore(cert), 0, 0, &from) ||
	    !X509_time_adj_ex(X509_getm_notAfter(cert), (int)o->days, 0, &now))
		return false;
	limit = o->issuer ? X509_get0_notAfter(o->issuer) : NULL;
	if (!limit || ASN1_TIME_compare(X509_get0_notAfter(cert), limit) <= 0)
		return true;
	return X509_set1_notAfter(cert, limit) == 1;
}

static enum err_code sign(const struct order *o, X509 **out, struct err *e)
{
	X509 *cert = X509_new();
	const X509_NAME *issuer =
		o->issuer ? X509_get_subject_name(o->issuer) : o->subject;

	if (!cert || !X509_set_version(cert, X509_VERSION_3) ||
	    !set_serial(cert) || !X509_set_subject_name(cert, o->subject) ||
	    !X509_set_issuer_name(cert, issuer) || !set_times(cert, o) ||
	    !X509_set_pubkey(cert, o->key) || !add_extensions(cert, o) ||
	    !X509_sign(cert, o->issuer_key, EVP_sha256())) {
		X509_free(cert);
		return ca_openssl_err(e, ERR_FAILED, "certificate");
	}
	*out = cert;
	return ERR_OK;
}

static X509_NAME *name_of(const char *common_name)
{
	X509_NAME *name = X509_NAME_new();

	if (name &&
	    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC,
				       (const uint8_t *)"Provline", -1, -1,
				       0) &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				       (const uint8_t *)common_name, -1, -1, 0))
		return name;
	X509_NAME_free(name);
	return NULL;
}

/* Load the certificate, or make it. */
static enum err_code ca_cert_ensure(X509 **cert, const char *path,
				    const char *common_name,
				    struct order *order, struct err *e)
{
	X509_NAME *name;
	enum err_code rc = ca_cert_load(cert, path, e);

	if (rc)
		return rc;
	if (*cert) {
		if (X509_check_private_key(*cert, order->key) != 1)
			return ca_openssl_err(e, ERR_INPUT, path);
		return ERR_OK;
	}
	name = name_of(common_name);
	if (!name)
		return err_set(e, ERR_NO_MEMORY, "%s", path);
	order->subject = name;
	rc = sign(order, cert, e);
	if (!rc)
		rc = ca_certs_save(cert, 1, path, e);
	X509_NAME_free(name);
	return rc;
}

/* "DNS:a,IP:b"; false when a name could smuggle in another one. */
static bool alternative_names(char *out, size_t size,
			      const struct ca_server *server)
{
	size_t at = 0;

	for (unsigned i = 0; i < server->name_count; i++) {
		const char *name = server->names[i];
		struct in6_addr ip;
		bool is_ip = inet_pton(AF_INET, name, &ip) == 1 ||
			     inet_pton(AF_INET6, name, &ip) == 1;

		if (!is_ip && (!name[0] || strspn(name, "abcdefghijklmnopqrstu"
							"vwxyzABCDEFGHIJKLMNOPQ"
							"RSTUVWXYZ0123456789-.*"
							"") != strlen(name)))
			return false;
		at += (size_t)snprintf(out + at, size - at, "%s%s:%s",
				       i ? "," : "", is_ip ? "IP" : "DNS",
				       name);
		if (at >= size)
			return false;
	}
	return true;
}

static enum err_code server_cert(struct ca *ca, const struct ca_server *server,
				 struct err *e)
{
	char names[1024];
	struct extension ext[] = {
		{NID_basic_constraints, "critical,CA:FALSE"},
		{NID_key_usage, "critical,digitalSignature"},
		{NID_ext_key_usage, "serverAuth"},
		{NID_subject_alt_name, names},
		{NID_authority_key_identifier, "keyid"},
		{0, NULL},
	};
	struct order order = {.issuer = ca->issuing,
			      .issuer_key = ca->issuing_key,
			      .days = SERVER_DAYS,
			      .skew_s = SKEW_S,
			      .extensions = ext};
	X509_NAME *name = NULL;
	X509 *chain[2] = {NULL, ca->issuing};
	enum err_code rc;

	if (!alternative_names(names, sizeof names, server))
		return err_set(e, ERR_CONFIG, "server_names: not names");
	rc = ca_key_ensure(&order.key, ca->server_key_path, e);
	if (rc)
		return rc;
	name = name_of(server->names[0]);
	order.subject = name;
	rc = name ? sign(&order, &chain[0], e)
		  : err_set(e, ERR_CONFIG, "server_names: name too long");
	if (!rc)
		rc = ca_certs_save(chain, 2, ca->server_cert_path, e);
	X509_free(chain[0]);
	X509_NAME_free(name);
	EVP_PKEY_free(order.key);
	return rc;
}

static enum err_code open_authorities(struct ca *ca, const char *dir,
				      struct err *e)
{
	char path[PATH_MAX];
	struct order root = {
		.days = CA_DAYS, .skew_s = SKEW_S, .extensions = ca_root_ext};
	struct order issuing = {.days = CA_DAYS,
				.skew_s = SKEW_S,
				.extensions = ca_issuing_ext};
	X509 *anchor[2];
	enum err_code rc;

#define IN_DIR(name) (snprintf(path, sizeof path, "%s/" name, dir), path)
	if ((rc = ca_key_ensure(&ca->root_key, IN_DIR("root-key.pem"), e)))
		return rc;
	root.key = root.issuer_key = ca->root_key;
	if ((rc = ca_cert_ensure(&ca->root, IN_DIR("root.pem"),
				 "Provline Cloud Root", &root, e)) ||
	    (rc = ca_key_ensure(&ca->issuing_key, IN_DIR("issuing-key.pem"),
				e)))
		return rc;
	issuing.key = ca->issuing_key;
	issuing.issuer = ca->root;
	issuing.issuer_key = ca->root_key;
	if ((rc = ca_cert_ensure(&ca->issuing, IN_DIR("issuing.pem"),
				 "Provline Cloud Devices", &issuing, e)))
		return rc;
	anchor[0] = ca->root;
	anchor[1] = ca->issuing;
	return ca_certs_save(anchor, 2, IN_DIR("cloud-ca.pem"), e);
#undef IN_DIR
}

static enum err_code hold(struct ca *ca, const char *dir, struct err *e)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/lock", dir);
	ca->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (ca->lock_fd < 0)
		return err_set_errno(e, ERR_IO, errno, "%s", path);
	if (flock(ca->lock_fd, LOCK_EX | LOCK_NB)) {
		err_set(e, ERR_STATE, "%s: another cloud uses it", dir);
		return err_hint(e, "end it, or set another data_dir");
	}
	return ERR_OK;
}

enum err_code ca_open(struct ca **ca, const char *dir,
		      const struct ca_server *server, struct err *e)
{
	struct ca *c;
	enum err_code rc;

	if (strlen(dir) > PATH_MAX - 64)
		return err_set(e, ERR_CONFIG, "data_dir: too long");
	rc = file_mkdir(dir, 0700, e);
	if (rc)
		return rc;
	c = calloc(1, sizeof *c);
	if (!c)
		return err_set(e, ERR_NO_MEMORY, "CA");
	c->lock_fd = -1;
	snprintf(c->server_cert_path, PATH_MAX, "%s/server.pem", dir);
	snprintf(c->server_key_path, PATH_MAX, "%s/server-key.pem", dir);
	rc = hold(c, dir, e);
	if (!rc)
		rc = open_authorities(c, dir, e);
	if (!rc)
		rc = server_cert(c, server, e);
	if (rc)
		ca_free(c);
	else
		*ca = c;
	return rc;
}

void ca_free(struct ca *ca)
{
	if (!ca)
		return;
	EVP_PKEY_free(ca->root_key);
	EVP_PKEY_free(ca->issuing_key);
	X509_free(ca->root);
	X509_free(ca->issuing);
	if (ca->lock_fd >= 0)
		close(ca->lock_fd);
	free(ca);
}

const char *ca_server_cert_path(const struct ca *ca)
{
	return ca->server_cert_path;
}

const char *ca_server_key_path(const struct ca *ca)
{
	return ca->server_key_path;
}

X509 *ca_issuing(const struct ca *ca)
{
	return ca->issuing;
}

X509 *ca_root(const struct ca *ca)
{
	return ca->root;
}

enum err_code ca_issue(struct ca *ca, X509_REQ *request, uint32_t days,
		       X509 **cert, struct err *e)
{
	struct order order = {.issuer = ca->issuing,
			      .issuer_key = ca->issuing_key,
			      .subject = X509_REQ_get_subject_name(request),
			      .key = X509_REQ_get0_pubkey(request),
			      .days = days,
			      .extensions = device_ext};

	return sign(&order, cert, e);
}
