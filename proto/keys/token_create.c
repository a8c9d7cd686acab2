/* A key pair that a token makes for itself (PKCS#11 2.40, 2.3.3 for EC). */
#include "proto/keys/token_private.h"

#include "proto/base/secret.h"

#include <string.h>

#define ID_BYTES 8u

static enum err_code check_free(struct token *t, CK_ATTRIBUTE *label,
				struct err *e)
{
	CK_OBJECT_HANDLE object;
	CK_ULONG found;
	enum err_code rc = token_find(t, label, 1, &object, &found, e);

	if (rc || !found)
		return rc;
	err_set(e, ERR_EXISTS, "the token has an object \"%.*s\"",
		(int)label->ulValueLen, (const char *)label->pValue);
	err_hint(e, "choose another object=, or remove that one with the "
		    "token's own tools");
	return ERR_EXISTS;
}

static enum err_code generate(struct token *t, CK_ATTRIBUTE *label,
			      CK_OBJECT_HANDLE *public, struct err *e)
{
	static CK_BYTE p256[] = {0x06, 0x08, 0x2A, 0x86, 0x48,
				 0xCE, 0x3D, 0x03, 0x01, 0x07};
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_MECHANISM mechanism = {CKM_EC_KEY_PAIR_GEN, NULL, 0};
	struct secret id = {0}; /* random, to tell key pairs apart */
	CK_OBJECT_HANDLE private;
	enum err_code rc = secret_random(&id, ID_BYTES, e);
	CK_ATTRIBUTE of_public[] = {
		{CKA_TOKEN, &yes, sizeof yes},
		{CKA_VERIFY, &yes, sizeof yes},
		{CKA_EC_PARAMS, p256, sizeof p256},
		{CKA_ID, id.bytes, ID_BYTES},
		*label,
	};
	CK_ATTRIBUTE of_private[] = {
		{CKA_TOKEN, &yes, sizeof yes},
		{CKA_PRIVATE, &yes, sizeof yes},
		{CKA_SENSITIVE, &yes, sizeof yes},
		{CKA_EXTRACTABLE, &no, sizeof no},
		{CKA_SIGN, &yes, sizeof yes},
		{CKA_DECRYPT, &no, sizeof no},
		{CKA_UNWRAP, &no, sizeof no},
		{CKA_ID, id.bytes, ID_BYTES},
		*label,
	};
	CK_RV rv;

	if (rc)
		return rc;
	rv = t->module->C_GenerateKeyPair(
		t->session, &mechanism, of_public,
		sizeof of_public / sizeof *of_public, of_private,
		sizeof of_private / sizeof *of_private, public, &private);
	return rv == CKR_OK ? ERR_OK
			    : token_refused(e, "C_GenerateKeyPair", rv);
}

enum err_code token_create(const char *uri, const char *pin_path,
			   uint8_t public_key[KEY_PUBLIC_BYTES], struct err *e)
{
	CK_OBJECT_HANDLE public;
	CK_ATTRIBUTE *label;
	struct token *t;
	enum err_code rc = token_connect(&t, uri, pin_path, CKF_RW_SESSION, e);

	if (rc)
		return rc;
	label = p11_kit_uri_get_attribute(t->uri, CKA_LABEL);
	if (!label || !label->ulValueLen) {
		rc = err_set(e, ERR_USAGE, "PKCS#11 URI: no object=");
		err_hint(e, "name the new key by object=NAME");
	}
	if (!rc)
		rc = check_free(t, label, e);
	if (!rc)
		rc = generate(t, label, &public, e);
	if (!rc && !token_take_point(t, public, public_key))
		rc = err_set(e, ERR_FAILED,
			     "token: it made another key than P-256");
	token_close(t);
	return rc;
}
