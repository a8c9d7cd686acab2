/* SFI keys: 28 bytes, raw or in a CMS envelope under a passphrase. */
#include "proto/base/openssl_names.h"

#include "proto/base/secret.h"
#include "proto/board/sfi.h"
#include "proto/keys/key_private.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <string.h>

#include <openssl/cms.h> /* after pem.h: declares more then */

/* PBKDF2 with HMAC-SHA-1, which is all that OpenSSL offers here: OWASP's count
 * for it. A second or two. */
#define PBKDF2_ROUNDS 1300000

_Static_assert(KEY_SFI_BYTES == SFI_KEY_BYTES + SFI_NONCE_BYTES, "SFI key");

struct opening {
	const struct dbuf *pem;
	uint8_t *key;
};

static bool take_content(CMS_ContentInfo *cms, const struct secret *passphrase,
			 uint8_t key[KEY_SFI_BYTES])
{
	BIO *out = BIO_new(BIO_s_secmem());
	char *bytes;
	bool fine;

	/* takes a char *, and only reads */
	fine = out &&
	       CMS_decrypt_set1_password(cms,
					 (unsigned char *)passphrase->bytes,
					 (ossl_ssize_t)passphrase->len) == 1 &&
	       CMS_decrypt(cms, NULL, NULL, NULL, out, CMS_BINARY) == 1 &&
	       BIO_get_mem_data(out, &bytes) == (long)KEY_SFI_BYTES;
	if (fine)
		memcpy(key, bytes, KEY_SFI_BYTES);
	BIO_free(out);
	return fine;
}

static bool try_cms(void *arg, const struct secret *passphrase)
{
	struct opening *o = arg;
	BIO *bio = BIO_new_mem_buf(o->pem->data, (int)o->pem->len);
	CMS_ContentInfo *cms = PEM_read_bio_CMS(bio, NULL, NULL, NULL);
	/* only what is authenticated as a whole: nothing else tells a wrong
	 * passphrase from a right one for sure */
	bool fine = cms &&
		    OBJ_obj2nid(CMS_get0_type(cms)) ==
			    NID_id_smime_ct_authEnvelopedData &&
		    take_content(cms, passphrase, o->key);

	CMS_ContentInfo_free(cms);
	BIO_free(bio);
	ERR_clear_error();
	return fine;
}

enum err_code key_load_sfi(uint8_t key[KEY_SFI_BYTES], const char *path,
			   const struct key_unlock *u, struct err *e)
{
	struct dbuf file;
	struct opening o = {&file, key};
	enum err_code rc = key_read_file(&file, path, e);

	if (!rc && file.len == KEY_SFI_BYTES)
		memcpy(key, file.data, KEY_SFI_BYTES);
	else if (!rc && strstr(dbuf_text(&file), "-----BEGIN CMS-----"))
		rc = key_try_all(path, u, try_cms, &o, e);
	else if (!rc) {
		rc = err_set(e, ERR_INPUT, "%s: %zu bytes instead of %u", path,
			     file.len, KEY_SFI_BYTES);
		err_hint(e, "give an SFI key: 28 raw bytes, or what `provline "
			    "keys new sfi` makes");
	}
	key_forget(&file);
	return rc;
}

static CMS_ContentInfo *seal(const uint8_t key[KEY_SFI_BYTES],
			     const struct secret *passphrase)
{
	CMS_ContentInfo *cms = CMS_AuthEnvelopedData_create(EVP_aes_256_gcm());
	unsigned char *copy =
		OPENSSL_memdup(passphrase->bytes, passphrase->len);
	BIO *in = BIO_new_mem_buf(key, KEY_SFI_BYTES);
	CMS_RecipientInfo *r = NULL;
	bool fine;

	if (cms && copy)
		r = CMS_add0_recipient_password(
			cms, PBKDF2_ROUNDS, NID_id_alg_PWRI_KEK, -1, copy,
			(ossl_ssize_t)passphrase->len, EVP_aes_256_cbc());
	if (!r)
		OPENSSL_clear_free(copy, passphrase->len);
	/* until here the envelope owns the copy, and does not wipe it */
	fine = r && in && CMS_set_detached(cms, 0) == 1 &&
	       CMS_final(cms, in, NULL, CMS_BINARY) == 1;
	if (r)
		OPENSSL_cleanse(copy, passphrase->len);
	BIO_free(in);
	if (fine)
		return cms;
	CMS_ContentInfo_free(cms);
	return NULL;
}

static enum err_code write_sealed(const char *path, const uint8_t *key,
				  const struct secret *passphrase, bool force,
				  struct err *e)
{
	CMS_ContentInfo *cms = seal(key, passphrase);
	BIO *bio = BIO_new(BIO_s_mem());
	enum err_code rc;
	char *text;
	long len;

	if (!cms || !bio || BIO_printf(bio, "Provline SFI key\n") <= 0 ||
	    PEM_write_bio_CMS(bio, cms) != 1)
		rc = err_set(e, ERR_FAILED, "%s: OpenSSL encrypts no key",
			     path);
	else {
		len = BIO_get_mem_data(bio, &text);
		rc = key_write_file(path, text, (size_t)len, force, e);
	}
	BIO_free(bio);
	CMS_ContentInfo_free(cms);
	ERR_clear_error();
	return rc;
}

enum err_code key_create_sfi(const char *path, const struct secret *passphrase,
			     bool force, uint8_t key[KEY_SFI_BYTES],
			     struct err *e)
{
	struct secret s = {0};
	enum err_code rc = secret_random(&s, KEY_SFI_BYTES, e);

	if (!rc)
		memcpy(key, s.bytes, KEY_SFI_BYTES);
	secret_fini(&s);
	if (rc)
		return rc;
	if (passphrase)
		return write_sealed(path, key, passphrase, force, e);
	return key_write_file(path, key, KEY_SFI_BYTES, force, e);
}

void key_sfi_fingerprint(uint8_t out[KEY_HASH_BYTES],
			 const uint8_t key[KEY_SFI_BYTES])
{
	uint8_t text[sizeof SFI_KEY_LABEL - 1 + KEY_SFI_BYTES];

	memcpy(text, SFI_KEY_LABEL, sizeof SFI_KEY_LABEL - 1);
	memcpy(text + sizeof SFI_KEY_LABEL - 1, key, KEY_SFI_BYTES);
	SHA256(text, sizeof text, out);
	OPENSSL_cleanse(text, sizeof text);
}
