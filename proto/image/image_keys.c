/* Public P-256 keys out of PEM files. What was read is wiped: a private key may
 * be in there. */
#include "proto/image/keys.h"

#include "proto/base/file.h"

#include <mbedtls/pk.h>
#include <mbedtls/platform_util.h>
#include <errno.h>
#include <sys/stat.h>

static enum err_code public_of(const mbedtls_pk_context *pk, const char *path,
			       uint8_t out[IMAGE_PUBLIC_KEY_BYTES],
			       struct err *e)
{
	const mbedtls_ecp_keypair *ec;
	size_t len;

	if (mbedtls_pk_get_type(pk) != MBEDTLS_PK_ECKEY)
		return err_set(e, ERR_INPUT, "%s: no P-256 key", path);
	ec = mbedtls_pk_ec(*pk);
	if (ec->grp.id != MBEDTLS_ECP_DP_SECP256R1 ||
	    mbedtls_ecp_point_write_binary(&ec->grp, &ec->Q,
					   MBEDTLS_ECP_PF_UNCOMPRESSED, &len,
					   out, IMAGE_PUBLIC_KEY_BYTES) != 0)
		return err_set(e, ERR_INPUT, "%s: no P-256 key", path);
	return ERR_OK;
}

static enum err_code read_pem(struct dbuf *pem, const char *path, struct err *e)
{
	dbuf_init(pem, IMAGE_PEM_MAX_BYTES);
	return file_read(path, pem, e);
}

void image_forget(struct dbuf *b)
{
	if (b->data != NULL)
		mbedtls_platform_zeroize(b->data, b->len);
	dbuf_fini(b);
}

/* Whoever gives the private half gives a key file, docs/keys.md. */
static enum err_code check_rights(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st))
		return err_set_errno(e, ERR_IO, errno, "%s", path);
	if (!(st.st_mode & (S_IRWXG | S_IRWXO)))
		return ERR_OK;
	err_set(e, ERR_CONFIG, "%s: others have rights to this private key",
		path);
	return err_hint(e, "give the public half; if others could read it, "
			   "replace the key");
}

enum err_code image_public_key_load(uint8_t out[IMAGE_PUBLIC_KEY_BYTES],
				    const char *path, struct err *e)
{
	mbedtls_pk_context pk;
	struct dbuf pem;
	enum err_code rc = read_pem(&pem, path, e);
	const uint8_t *text = (const uint8_t *)dbuf_text(&pem);

	mbedtls_pk_init(&pk);
	if (rc == ERR_OK &&
	    mbedtls_pk_parse_public_key(&pk, text, pem.len + 1) != 0) {
		if (mbedtls_pk_parse_key(&pk, text, pem.len + 1, NULL, 0) != 0)
			rc = err_set(e, ERR_INPUT, "%s: no key", path);
		else
			rc = check_rights(path, e);
	}
	if (rc == ERR_OK)
		rc = public_of(&pk, path, out, e);
	mbedtls_pk_free(&pk);
	image_forget(&pem);
	return rc;
}
