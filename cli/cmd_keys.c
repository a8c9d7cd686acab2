/* keys ...: the brand's keys, docs/keys.md. */
#include "cli/cli.h"
#include "proto/base/file.h"
#include "proto/base/hex.h"
#include "proto/bundle/bundle.h"
#include "proto/image/image_build.h"
#include "proto/keys/signer.h"
#include "proto/keys/token.h"

#include <mbedtls/sha256.h>
#include <string.h>
#include <unistd.h>

enum {
	OPT_PASSPHRASE_FILE = 1000,
	OPT_PIN_FILE,
	OPT_PUBLIC,
	OPT_NO_PASSPHRASE,
	OPT_FORCE,
};

struct keys {
	struct key_unlock unlock;
	const char *pin_path, *public_path;
	bool no_passphrase, force;
};

static const struct option new_options[] = {
	{"passphrase-file", required_argument, NULL, OPT_PASSPHRASE_FILE},
	{"pin-file", required_argument, NULL, OPT_PIN_FILE},
	{"public", required_argument, NULL, OPT_PUBLIC},
	{"no-passphrase", no_argument, NULL, OPT_NO_PASSPHRASE},
	{"force", no_argument, NULL, OPT_FORCE},
	{0},
};

static const struct option show_options[] = {
	{"passphrase-file", required_argument, NULL, OPT_PASSPHRASE_FILE},
	{"pin-file", required_argument, NULL, OPT_PIN_FILE},
	{"public", required_argument, NULL, OPT_PUBLIC},
	{"force", no_argument, NULL, OPT_FORCE},
	{0},
};

static enum err_code take_option(void *arg, int val, const char *value,
				 struct err *e)
{
	struct keys *k = arg;

	switch (val) {
	case OPT_PASSPHRASE_FILE:
		return key_unlock_add(&k->unlock, value, e);
	case OPT_PIN_FILE:
		k->pin_path = value;
		break;
	case OPT_PUBLIC:
		k->public_path = value;
		break;
	case OPT_NO_PASSPHRASE:
		k->no_passphrase = true;
		break;
	default:
		k->force = true;
		break;
	}
	return ERR_OK;
}

/* -------- what may be seen of a key -------- */

/* type, file and fingerprint are always there. */
static json_t *about_sfi(const char *file, const uint8_t key[KEY_SFI_BYTES])
{
	uint8_t fingerprint[KEY_HASH_BYTES];
	char hex[2 * KEY_HASH_BYTES + 1];

	key_sfi_fingerprint(fingerprint, key);
	return json_pack("{ss ss ss}", "type", "SFI", "file", file,
			 "fingerprint",
			 hex_encode(hex, fingerprint, sizeof fingerprint));
}

static enum err_code about_p256(json_t **out, const char *file,
				const uint8_t public_key[KEY_PUBLIC_BYTES],
				struct err *e)
{
	uint8_t fingerprint[KEY_HASH_BYTES], id[KEY_HASH_BYTES];
	char hex[2 * KEY_HASH_BYTES + 1], release[2 * IMAGE_KEY_ID_BYTES + 1];
	char signer[17], pem[KEY_PUBLIC_PEM_BYTES];
	enum err_code rc = key_fingerprint(fingerprint, public_key, e);

	if (!rc)
		rc = key_public_pem(pem, public_key, e);
	if (rc)
		return rc;
	mbedtls_sha256_ret(public_key, KEY_PUBLIC_BYTES, id, 0);
	snprintf(signer, sizeof signer, "%016llx",
		 (unsigned long long)bundle_signer_id(public_key));
	*out = json_pack(
		"{ss ss ss ss ss ss}", "type", "EC P-256", "file", file,
		"fingerprint", hex_encode(hex, fingerprint, sizeof fingerprint),
		"release_key_id", hex_encode(release, id, IMAGE_KEY_ID_BYTES),
		"signer_id", signer, "public_pem", pem);
	return ERR_OK;
}

static const char *member(const json_t *about, const char *name)
{
	return json_string_value(json_object_get(about, name));
}

static void print_about(const json_t *about)
{
	static const char *const lines[][2] = {
		{"role", "role"},
		{"type", "type"},
		{"fingerprint", "fingerprint, SHA-256"},
		{"release_key_id", "id as a release key"},
		{"signer_id", "id as a signer"},
		{"protection", "protection"},
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		if (member(about, lines[i][0]))
			printf("%-22s%s\n", lines[i][1],
			       member(about, lines[i][0]));
	if (member(about, "public_pem"))
		printf("%s", member(about, "public_pem"));
}

static enum err_code keep_secret(const char *path, struct err *e)
{
	enum key_file kind;

	if (access(path, F_OK) || key_file_kind(&kind, path, NULL) ||
	    kind == KEY_FILE_PUBLIC)
		return ERR_OK;
	err_set(e, ERR_EXISTS, "--public: %s holds a secret key", path);
	return err_hint(e, "choose another name");
}

/* May the public half be written to its place? Asked before a key is made, and
 * before it is written: no secret key is overwritten by it, whatever was said.
 */
static enum err_code check_public(const struct keys *k, struct err *e)
{
	if (!k->public_path)
		return ERR_OK;
	if (k->force)
		return keep_secret(k->public_path, e);
	return access(k->public_path, F_OK)
		       ? ERR_OK
		       : err_set(e, ERR_EXISTS, "%s exists", k->public_path);
}

/* Print it, and export the public key when asked to. */
static enum err_code report(const struct cli *c, const struct keys *k,
			    const json_t *about, struct err *e)
{
	const char *pem = member(about, "public_pem");
	enum err_code rc;

	if (k->public_path && !pem)
		return err_set(e, ERR_USAGE, "an SFI key has no public half");
	rc = check_public(k, e);
	if (rc)
		return rc;
	if (k->public_path && k->force)
		rc = file_write(k->public_path, pem, strlen(pem), 0644, e);
	else if (k->public_path)
		rc = file_create(k->public_path, pem, strlen(pem), 0644, e);
	if (rc)
		return rc;
	if (c->json)
		cli_print_json(about);
	else
		print_about(about);
	return ERR_OK;
}

/* -------- new -------- */

struct role {
	const char *name;
	bool sfi, token; /* what it is; may a token hold it? */
	const char *why; /* it may not */
};

static const struct role roles[] = {
	{"release", false, true, NULL},
	{"signer", false, true, NULL},
	{"attestation", false, false,
	 "an attestation key goes into the test program of an image; a token "
	 "does not give it away"},
	{"sfi", true, false,
	 "an SFI key goes onto the card and into the image's build; a token "
	 "does not give it away"},
};

static const struct role *role_named(const char *name)
{
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
		if (strcmp(roles[i].name, name) == 0)
			return &roles[i];
	return NULL;
}

static enum err_code make_in_token(struct keys *k, const struct role *role,
				   const char *uri, json_t **about,
				   struct err *e)
{
	uint8_t public_key[KEY_PUBLIC_BYTES];
	enum err_code rc;

	if (!role->token)
		return err_set(e, ERR_USAGE, "%s", role->why);
	if (k->unlock.count || k->no_passphrase || k->force)
		return err_set(e, ERR_USAGE,
			       "--passphrase-file, --no-passphrase and --force "
			       "are for files, not for tokens");
	rc = token_create(uri, k->pin_path, public_key, e);
	return rc ? rc : about_p256(about, uri, public_key, e);
}

static enum err_code make_file(struct keys *k, const struct role *role,
			       const char *path,
			       const struct secret *passphrase, json_t **about,
			       struct err *e)
{
	uint8_t public_key[KEY_PUBLIC_BYTES], key[KEY_SFI_BYTES];
	enum err_code rc;

	if (!role->sfi) {
		rc = key_create(path, role->name, passphrase, k->force,
				public_key, e);
		return rc ? rc : about_p256(about, path, public_key, e);
	}
	rc = key_create_sfi(path, passphrase, k->force, key, e);
	if (!rc)
		*about = about_sfi(path, key);
	explicit_bzero(key, sizeof key);
	return rc;
}

/* Nobody is asked for a passphrase for nothing. */
static enum err_code check_free(const struct keys *k, const char *path,
				struct err *e)
{
	enum key_file kind;

	if (k->force || key_file_kind(&kind, path, NULL))
		return ERR_OK; /* the last word is key_create()'s */
	err_set(e, ERR_EXISTS, "%s exists", path);
	return err_hint(e, "a key that is overwritten is lost; choose another "
			   "name, or say --force");
}

static enum err_code make(struct keys *k, const struct role *role,
			  const char *where, json_t **about, struct err *e)
{
	struct secret passphrase = {0};
	enum err_code rc = ERR_OK;

	if (signer_is_token(where))
		return make_in_token(k, role, where, about, e);
	if (k->unlock.count + k->no_passphrase > 1)
		return err_set(e, ERR_USAGE,
			       "give --passphrase-file once, or "
			       "--no-passphrase");
	rc = check_free(k, where, e);
	if (!rc && !k->no_passphrase)
		rc = key_passphrase_new(&passphrase, &k->unlock, where, e);
	if (!rc)
		rc = make_file(k, role, where,
			       k->no_passphrase ? NULL : &passphrase, about, e);
	secret_fini(&passphrase);
	return rc;
}

static enum err_code run_new(const struct cli *c, struct keys *k,
			     const char *name, const char *where, struct err *e)
{
	const struct role *role = role_named(name);
	json_t *about = NULL;
	enum err_code rc;

	if (!role)
		return err_set(e, ERR_USAGE,
			       "\"%s\" is none of release, signer, "
			       "attestation, sfi",
			       name);
	if (role->sfi && k->public_path)
		return err_set(e, ERR_USAGE, "an SFI key has no public half");
	if (k->public_path && strcmp(k->public_path, where) == 0)
		return err_set(e, ERR_USAGE, "--public: %s is the key's place",
			       where);
	rc = check_public(k, e);
	if (!rc)
		rc = make(k, role, where, &about, e);
	if (rc)
		return rc;
	json_object_set_new(about, "role", json_string(role->name));
	json_object_set_new(about, "protection",
			    json_string(signer_is_token(where) ? "token"
					: k->no_passphrase     ? "none"
							       : "passphrase"));
	rc = report(c, k, about, e);
	json_decref(about);
	return rc;
}

enum err_code cmd_keys_new(struct cli *c, int argc, char **argv, struct err *e)
{
	struct keys k = {0};
	enum err_code rc;
	int first;

	rc = cli_options(c, argc, argv, new_options, take_option, &k, &first,
			 e);
	if (!rc && first + 2 != argc)
		rc = err_set(e, ERR_USAGE,
			     "give what kind of key, and the FILE or PKCS#11 "
			     "URI that it shall have");
	if (!rc)
		rc = run_new(c, &k, argv[first], argv[first + 1], e);
	key_unlock_fini(&k.unlock);
	return rc;
}

/* -------- show -------- */

static enum err_code show_private(struct keys *k, const char *key,
				  json_t **about, struct err *e)
{
	struct signer *s;
	enum err_code rc = signer_open(&s, key, k->pin_path, &k->unlock, e);

	if (!rc)
		rc = about_p256(about, key, signer_public_key(s), e);
	signer_close(s);
	return rc;
}

static enum err_code show_public(const char *path, json_t **about,
				 struct err *e)
{
	uint8_t public_key[KEY_PUBLIC_BYTES];
	enum err_code rc = image_public_key_load(public_key, path, e);

	return rc ? rc : about_p256(about, path, public_key, e);
}

static enum err_code show_sfi(struct keys *k, const char *path, json_t **about,
			      struct err *e)
{
	uint8_t key[KEY_SFI_BYTES];
	enum err_code rc = key_load_sfi(key, path, &k->unlock, e);

	if (!rc)
		*about = about_sfi(path, key);
	explicit_bzero(key, sizeof key);
	return rc;
}

static enum err_code look(struct keys *k, const char *key, json_t **about,
			  struct err *e)
{
	enum key_file kind = KEY_FILE_PRIVATE;
	enum err_code rc = ERR_OK;

	if (!signer_is_token(key))
		rc = key_file_kind(&kind, key, e);
	if (rc)
		return rc;
	switch (kind) {
	case KEY_FILE_SFI:
		return show_sfi(k, key, about, e);
	case KEY_FILE_PUBLIC:
		return show_public(key, about, e);
	default:
		return show_private(k, key, about, e);
	}
}

enum err_code cmd_keys_show(struct cli *c, int argc, char **argv, struct err *e)
{
	struct keys k = {0};
	json_t *about = NULL;
	enum err_code rc;
	int first;

	rc = cli_options(c, argc, argv, show_options, take_option, &k, &first,
			 e);
	if (!rc && first + 1 != argc)
		rc = err_set(e, ERR_USAGE, "give one KEY");
	if (!rc)
		rc = check_public(&k, e);
	if (!rc)
		rc = look(&k, argv[first], &about, e);
	if (!rc)
		rc = report(c, &k, about, e);
	json_decref(about);
	key_unlock_fini(&k.unlock);
	return rc;
}
