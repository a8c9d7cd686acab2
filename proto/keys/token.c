/* A key in a PKCS#11 token, named by a URI (RFC 7512). p11-kit parses the URI
 * and loads modules; the calls are PKCS#11 2.40's own. CKM_ECDSA signs a hash
 * and gives r || s, just what a manifest has. */
#include "proto/keys/token_private.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX 64u

enum err_code token_refused(struct err *e, const char *what, CK_RV rv)
{
	return err_set(e, ERR_FAILED, "token: %s: %s", what,
		       p11_kit_strerror(rv));
}

/* -------- modules and slots -------- */

/* "type=", when it is there: only a private key signs. */
static enum err_code check_type(const struct token *t, struct err *e)
{
	CK_ATTRIBUTE *a = p11_kit_uri_get_attribute(t->uri, CKA_CLASS);
	CK_OBJECT_CLASS class;

	if (!a)
		return ERR_OK;
	if (a->ulValueLen == sizeof class) {
		memcpy(&class, a->pValue, sizeof class);
		if (class == CKO_PRIVATE_KEY)
			return ERR_OK;
	}
	return err_set(e, ERR_USAGE,
		       "PKCS#11 URI: type= is not private: no key to sign "
		       "with");
}

static enum err_code parse_uri(struct token *t, const char *text, struct err *e)
{
	int rc;

	t->uri = p11_kit_uri_new();
	if (!t->uri)
		return err_set(e, ERR_NO_MEMORY, "PKCS#11 URI");
	rc = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, t->uri);
	if (rc != P11_KIT_URI_OK || p11_kit_uri_any_unrecognized(t->uri))
		return err_set(e, ERR_USAGE, "PKCS#11 URI: %s",
			       rc ? p11_kit_uri_message(rc)
				  : "it has unknown attributes");
	if (p11_kit_uri_get_pin_value(t->uri)) {
		err_set(e, ERR_USAGE,
			"PKCS#11 URI: a PIN in an argument can be seen by "
			"others");
		return err_hint(e, "use --pin-file or pin-source");
	}
	return check_type(t, e);
}

static enum err_code load_modules(struct token *t, struct err *e)
{
	const char *path = p11_kit_uri_get_module_path(t->uri);
	CK_RV rv;

	if (path) {
		t->modules = calloc(2, sizeof *t->modules);
		if (t->modules)
			t->modules[0] = p11_kit_module_load(path, 0);
		if (!t->modules || !t->modules[0]) {
			free(t->modules);
			t->modules = NULL;
		}
	} else
		t->modules = p11_kit_modules_load(NULL, 0);
	if (!t->modules)
		return err_set(e, ERR_NOT_FOUND, "PKCS#11 module: %s",
			       p11_kit_message());
	rv = p11_kit_modules_initialize(t->modules, NULL);
	return rv == CKR_OK ? ERR_OK : token_refused(e, "C_Initialize", rv);
}

/* Does the URI's library-* and module-name fit the module? */
static bool module_fits(const struct token *t, CK_FUNCTION_LIST *module)
{
	const char *wanted = p11_kit_uri_get_module_name(t->uri);
	CK_INFO info;
	char *name;
	bool fits;

	if (module->C_GetInfo(&info) != CKR_OK ||
	    !p11_kit_uri_match_module_info(t->uri, &info))
		return false;
	if (!wanted)
		return true;
	name = p11_kit_module_get_name(module);
	fits = name && strcmp(name, wanted) == 0;
	free(name);
	return fits;
}

static bool slot_fits(const struct token *t, CK_FUNCTION_LIST *module,
		      CK_SLOT_ID slot)
{
	CK_SLOT_ID wanted = p11_kit_uri_get_slot_id(t->uri);
	CK_SLOT_INFO info;

	return (wanted == (CK_SLOT_ID)-1 || wanted == slot) &&
	       module->C_GetSlotInfo(slot, &info) == CKR_OK &&
	       p11_kit_uri_match_slot_info(t->uri, &info);
}

/* Count the tokens of a module that the URI fits; the last one is taken. */
static unsigned find_in(struct token *t, CK_FUNCTION_LIST *module)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = SLOTS_MAX;
	CK_TOKEN_INFO info;
	unsigned found = 0;

	if (!module_fits(t, module) ||
	    module->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
		return 0;
	for (CK_ULONG i = 0; i < count; i++) {
		if (!slot_fits(t, module, slots[i]) ||
		    module->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
		    !(info.flags & CKF_TOKEN_INITIALIZED) ||
		    !p11_kit_uri_match_token_info(t->uri, &info))
			continue;
		t->module = module;
		t->slot = slots[i];
		t->flags = info.flags;
		found++;
	}
	return found;
}

static enum err_code find_token(struct token *t, struct err *e)
{
	unsigned found = 0;

	for (CK_FUNCTION_LIST **m = t->modules; *m; m++)
		found += find_in(t, *m);
	if (found == 1)
		return ERR_OK;
	err_set(e, ERR_NOT_FOUND, "the PKCS#11 URI fits %u tokens", found);
	return err_hint(e, found ? "name one by token= or serial="
				 : "insert the token, or name its module by "
				   "?module-path=");
}

/* -------- session -------- */

/* The PIN out of a file, the URI's pin-source, or a person. */
static enum err_code get_pin(struct secret *pin, const struct token *t,
			     const char *path, struct err *e)
{
	if (!path)
		path = p11_kit_uri_get_pin_source(t->uri);
	if (!path && key_ask(pin, "PIN of the token: ", "give --pin-file", e))
		return err_prefix(e, "token: PIN");
	if (!path)
		return ERR_OK;
	if (strncmp(path, "file:", 5) == 0)
		path += 5;
	return secret_load(pin, path, e);
}

static enum err_code log_in(struct token *t, const char *pin_path,
			    struct err *e)
{
	struct secret pin = {0};
	enum err_code rc;
	CK_RV rv;

	if (!(t->flags & CKF_LOGIN_REQUIRED))
		return ERR_OK;
	if (t->flags & CKF_PROTECTED_AUTHENTICATION_PATH) /* its own keys */
		rv = t->module->C_Login(t->session, CKU_USER, NULL, 0);
	else {
		rc = get_pin(&pin, t, pin_path, e);
		if (rc)
			return rc;
		rv = t->module->C_Login(t->session, CKU_USER, pin.bytes,
					pin.len);
		secret_fini(&pin);
	}
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return ERR_OK;
	return err_set(e, ERR_UNAUTHORISED, "token: C_Login: %s",
		       p11_kit_strerror(rv));
}

static enum err_code open_session(struct token *t, const char *pin_path,
				  CK_FLAGS flags, struct err *e)
{
	CK_RV rv = t->module->C_OpenSession(t->slot, CKF_SERIAL_SESSION | flags,
					    NULL, NULL, &t->session);

	if (rv != CKR_OK) {
		t->session = 0;
		return token_refused(e, "C_OpenSession", rv);
	}
	return log_in(t, pin_path, e);
}

/* -------- the key -------- */

enum err_code token_find(struct token *t, CK_ATTRIBUTE *like, CK_ULONG n,
			 CK_OBJECT_HANDLE *object, CK_ULONG *found,
			 struct err *e)
{
	CK_OBJECT_HANDLE objects[2];
	CK_RV rv = t->module->C_FindObjectsInit(t->session, like, n);

	*found = 0;
	if (rv != CKR_OK)
		return token_refused(e, "C_FindObjectsInit", rv);
	rv = t->module->C_FindObjects(t->session, objects, 2, found);
	t->module->C_FindObjectsFinal(t->session);
	if (rv != CKR_OK)
		return token_refused(e, "C_FindObjects", rv);
	if (*found)
		*object = objects[0];
	return ERR_OK;
}

static enum err_code find_key(struct token *t, struct err *e)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_KEY_TYPE type = CKK_EC;
	CK_ATTRIBUTE like[4] = {{CKA_CLASS, &class, sizeof class},
				{CKA_KEY_TYPE, &type, sizeof type}};
	static const CK_ATTRIBUTE_TYPE named[] = {CKA_ID, CKA_LABEL};
	CK_ULONG n = 2, found;
	enum err_code rc;

	for (unsigned i = 0; i < 2; i++) {
		CK_ATTRIBUTE *a = p11_kit_uri_get_attribute(t->uri, named[i]);

		if (a)
			like[n++] = *a;
	}
	rc = token_find(t, like, n, &t->key, &found, e);
	if (rc || found == 1)
		return rc;
	err_set(e, ERR_NOT_FOUND,
		"the PKCS#11 URI fits %s private EC key of the token",
		found ? "more than one" : "no");
	return err_hint(e, found ? "name one by object= or id="
				 : "give the PIN by --pin-file; check object= "
				   "and id=");
}

/* CKA_EC_POINT: a DER OCTET STRING around the X9.62 point. */
bool token_take_point(struct token *t, CK_OBJECT_HANDLE object,
		      uint8_t public_key[KEY_PUBLIC_BYTES])
{
	static const uint8_t oid[] = {0x06, 0x08, 0x2A, 0x86, 0x48,
				      0xCE, 0x3D, 0x03, 0x01, 0x07};
	uint8_t params[sizeof oid], point[2 + KEY_PUBLIC_BYTES];
	CK_ATTRIBUTE get[] = {{CKA_EC_PARAMS, params, sizeof params},
			      {CKA_EC_POINT, point, sizeof point}};

	if (t->module->C_GetAttributeValue(t->session, object, get, 2) !=
		    CKR_OK ||
	    get[0].ulValueLen != sizeof oid || memcmp(params, oid, sizeof oid))
		return false;
	if (get[1].ulValueLen != sizeof point || point[0] != 0x04 ||
	    point[1] != KEY_PUBLIC_BYTES || point[2] != 0x04)
		return false;
	memcpy(public_key, point + 2, KEY_PUBLIC_BYTES);
	return true;
}

/* The public key lies beside the private one, under the same CKA_ID. */
static enum err_code find_public(struct token *t,
				 uint8_t public_key[KEY_PUBLIC_BYTES],
				 struct err *e)
{
	uint8_t id[256];
	CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
	CK_ATTRIBUTE like[] = {{CKA_CLASS, &class, sizeof class},
			       {CKA_ID, id, sizeof id}};
	CK_OBJECT_HANDLE object;
	CK_ULONG found = 0;
	enum err_code rc;
	CK_RV rv =
		t->module->C_GetAttributeValue(t->session, t->key, &like[1], 1);

	if (rv != CKR_OK)
		return token_refused(e, "CKA_ID", rv);
	rc = token_find(t, like, 2, &object, &found, e);
	if (rc)
		return rc;
	if (found != 1 || !token_take_point(t, object, public_key))
		return err_set(e, ERR_INPUT,
			       "token: no P-256 public key beside the private "
			       "key");
	return ERR_OK;
}

/* -------- all of it -------- */

enum err_code token_connect(struct token **out, const char *uri,
			    const char *pin_path, CK_FLAGS session_flags,
			    struct err *e)
{
	struct token *t = calloc(1, sizeof *t);
	enum err_code rc;

	*out = NULL;
	if (!t)
		return err_set(e, ERR_NO_MEMORY, "token");
	rc = parse_uri(t, uri, e);
	if (!rc)
		rc = load_modules(t, e);
	if (!rc)
		rc = find_token(t, e);
	if (!rc)
		rc = open_session(t, pin_path, session_flags, e);
	if (rc)
		token_close(t);
	else
		*out = t;
	return rc;
}

enum err_code token_open(struct token **out, const char *uri,
			 const char *pin_path,
			 uint8_t public_key[KEY_PUBLIC_BYTES], struct err *e)
{
	struct token *t;
	enum err_code rc = token_connect(&t, uri, pin_path, 0, e);

	*out = NULL;
	if (!rc)
		rc = find_key(t, e);
	if (!rc)
		rc = find_public(t, public_key, e);
	if (rc)
		token_close(t);
	else
		*out = t;
	return rc;
}

void token_close(struct token *t)
{
	if (!t)
		return;
	if (t->session)
		t->module->C_CloseSession(t->session); /* logs out, too */
	if (t->modules) {
		p11_kit_modules_finalize(t->modules);
		p11_kit_modules_release(t->modules);
	}
	p11_kit_uri_free(t->uri);
	free(t);
}

enum err_code token_sign(struct token *t, const uint8_t digest[KEY_HASH_BYTES],
			 uint8_t signature[KEY_SIGNATURE_BYTES], struct err *e)
{
	CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
	CK_ULONG len = KEY_SIGNATURE_BYTES;
	CK_RV rv = t->module->C_SignInit(t->session, &mechanism, t->key);

	if (rv != CKR_OK)
		return token_refused(e, "C_SignInit", rv);
	rv = t->module->C_Sign(t->session, (CK_BYTE *)digest, KEY_HASH_BYTES,
			       signature, &len);
	if (rv != CKR_OK)
		return token_refused(e, "C_Sign", rv);
	if (len != KEY_SIGNATURE_BYTES)
		return err_set(e, ERR_FAILED,
			       "token: a signature of %lu bytes instead of %u",
			       len, KEY_SIGNATURE_BYTES);
	return ERR_OK;
}
