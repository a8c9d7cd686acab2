#include "bench/cloud/ca_files.h"

#include "proto/base/dbuf.h"
#include "proto/base/file.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <errno.h>
#include <unistd.h>

#define PEM_MAX_BYTES 16384

enum err_code ca_openssl_err(struct err *e, enum err_code code,
			     const char *what)
{
	char text[160];
	unsigned long error = ERR_peek_last_error();

	ERR_error_string_n(error, text, sizeof text);
	ERR_clear_error();
	return err_set(e, code, "%s: %s", what,
		       error ? text : "not what it should be");
}

static enum err_code save_bio(BIO *bio, const char *path, unsigned mode,
			      struct err *e)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	return file_write(path, data, (size_t)len, mode, e);
}

static enum err_code key_create(EVP_PKEY **key, const char *path, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	enum err_code rc;

	*key = EVP_EC_gen("P-256");
	if (!bio || !*key ||
	    !PEM_write_bio_PrivateKey(bio, *key, NULL, NULL, 0, NULL, NULL))
		rc = ca_openssl_err(e, ERR_FAILED, path);
	else
		rc = save_bio(bio, path, 0600, e);
	BIO_free(bio);
	return rc;
}

/* Read a PEM file into a BIO that owns a copy. */
static enum err_code load_bio(BIO **bio, const char *path, struct err *e)
{
	struct dbuf b;
	enum err_code rc;

	dbuf_init(&b, PEM_MAX_BYTES);
	rc = file_read(path, &b, e);
	if (!rc) {
		*bio = BIO_new(BIO_s_secmem());
		if (!*bio || BIO_write(*bio, b.data, (int)b.len) != (int)b.len)
			rc = err_set(e, ERR_INPUT, "%s: empty", path);
	}
	if (b.data)
		OPENSSL_cleanse(b.data, b.len);
	dbuf_fini(&b);
	return rc;
}

static bool is_p256(EVP_PKEY *key)
{
	char group[32];
	size_t len;

	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	       EVP_PKEY_get_group_name(key, group, sizeof group, &len) &&
	       OBJ_txt2nid(group) == NID_X9_62_prime256v1;
}

enum err_code ca_key_ensure(EVP_PKEY **key, const char *path, struct err *e)
{
	BIO *bio = NULL;
	enum err_code rc;

	*key = NULL;
	if (access(path, F_OK) && errno == ENOENT) {
		rc = key_create(key, path, e);
		goto out;
	}
	rc = load_bio(&bio, path, e);
	if (rc)
		goto out;
	*key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"");
	if (!*key || !is_p256(*key))
		rc = ca_openssl_err(e, ERR_INPUT, path);
out:
	BIO_free(bio);
	if (rc) {
		EVP_PKEY_free(*key);
		*key = NULL;
	}
	return rc;
}

enum err_code ca_cert_load(X509 **cert, const char *path, struct err *e)
{
	BIO *bio = NULL;
	enum err_code rc;

	*cert = NULL;
	if (access(path, F_OK) && errno == ENOENT)
		return ERR_OK;
	rc = load_bio(&bio, path, e);
	if (!rc) {
		*cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		if (!*cert)
			rc = ca_openssl_err(e, ERR_INPUT, path);
	}
	BIO_free(bio);
	return rc;
}

enum err_code ca_certs_save(X509 *const *certs, unsigned count,
			    const char *path, struct err *e)
{
	BIO *bio = BIO_new(BIO_s_mem());
	enum err_code rc = ERR_OK;

	for (unsigned i = 0; bio && i < count; i++)
		if (!PEM_write_bio_X509(bio, certs[i]))
			rc = ca_openssl_err(e, ERR_FAILED, path);
	if (!bio)
		rc = err_set(e, ERR_NO_MEMORY, "%s", path);
	if (!rc)
		rc = save_bio(bio, path, 0644, e);
	BIO_free(bio);
	return rc;
}
