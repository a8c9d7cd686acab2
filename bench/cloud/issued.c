#include "bench/cloud/issued.h"

#include "bench/cloud/ca_files.h"
#include "proto/base/dbuf.h"
#include "proto/base/file.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum err_code issued_open(struct issued *s, const char *dir, struct err *e)
{
	char path[PATH_MAX];
	enum err_code rc;

	if (strlen(dir) >= sizeof s->dir)
		return err_set(e, ERR_CONFIG, "data_dir: too long");
	strcpy(s->dir, dir);
	snprintf(path, sizeof path, "%s/devices", dir);
	rc = file_mkdir(path, 0700, e);
	if (rc)
		return rc;
	snprintf(path, sizeof path, "%s/keys", dir);
	return file_mkdir(path, 0700, e);
}

/* Give the key to the name, or find that it has it. Comes before the
 * certificate, so a crash in between leaves a key that only the same name can
 * use: its next request goes on from there. */
static enum err_code claim_key(const struct issued *s, const struct request *r,
			       struct err *e)
{
	char path[PATH_MAX];
	struct dbuf owner;
	enum err_code rc;

	snprintf(path, sizeof path, "%s/keys/%s", s->dir, r->key_id);
	if (access(path, F_OK) && errno == ENOENT)
		return file_write(path, r->name, strlen(r->name), 0600, e);
	dbuf_init(&owner, REQUEST_NAME_SIZE);
	rc = file_read(path, &owner, e);
	if (!rc && strcmp(dbuf_text(&owner), r->name) != 0)
		rc = err_set(e, ERR_CONFLICT,
			     "the key belongs to another device");
	dbuf_fini(&owner);
	return rc;
}

static enum err_code check_same_key(X509 *cert, const struct request *r,
				    struct err *e)
{
	char key_id[REQUEST_KEY_ID_SIZE];
	enum err_code rc =
		request_key_id(key_id, X509_get_X509_PUBKEY(cert), e);

	if (!rc && strcmp(key_id, r->key_id) != 0)
		rc = err_set(e, ERR_CONFLICT,
			     "the device has a certificate for another key");
	return rc;
}

enum err_code issued_get(const struct issued *s, struct ca *ca,
			 const struct request *r, uint32_t days, X509 **cert,
			 bool *is_new, struct err *e)
{
	char path[PATH_MAX];
	enum err_code rc;

	snprintf(path, sizeof path, "%s/devices/%s.pem", s->dir, r->name);
	rc = ca_cert_load(cert, path, e);
	if (rc)
		return rc;
	*is_new = *cert == NULL;
	if (*cert)
		rc = check_same_key(*cert, r, e);
	else if (!(rc = claim_key(s, r, e)) &&
		 !(rc = ca_issue(ca, r->req, days, cert, e)))
		rc = ca_certs_save(cert, 1, path, e);
	if (rc) {
		X509_free(*cert);
		*cert = NULL;
	}
	return rc;
}
