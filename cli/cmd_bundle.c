/* bundle ...: an application as a Microvisor bundle, docs/bundles.md. */
#include "cli/cli.h"
#include "proto/base/file.h"
#include "proto/base/hex.h"
#include "proto/bundle/bundle_build.h"
#include "proto/image/image_build.h"
#include "proto/rom/rom.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	OPT_OUTPUT = 'o',
	OPT_KEY = 1000,
	OPT_PIN_FILE,
	OPT_PASSPHRASE_FILE,
	OPT_LOAD_ADDRESS,
	OPT_DEBUG_AUTH,
	OPT_CRASH_KEY,
	OPT_GRACE,
	OPT_CHECK_IN,
	OPT_POLITENESS,
	OPT_KERNEL,
	OPT_MIN_RESTART,
	OPT_MAX_RESTART,
	OPT_STACK,
	OPT_SIGNER,
	OPT_FOREIGN,
};

static const struct option build_options[] = {
	{"output", required_argument, NULL, OPT_OUTPUT},
	{"key", required_argument, NULL, OPT_KEY},
	{"pin-file", required_argument, NULL, OPT_PIN_FILE},
	{"passphrase-file", required_argument, NULL, OPT_PASSPHRASE_FILE},
	{"load-address", required_argument, NULL, OPT_LOAD_ADDRESS},
	{"debug-auth-pubkey", required_argument, NULL, OPT_DEBUG_AUTH},
	{"crash-report-key", required_argument, NULL, OPT_CRASH_KEY},
	{"connection-grace-time", required_argument, NULL, OPT_GRACE},
	{"minimum-check-in-time", required_argument, NULL, OPT_CHECK_IN},
	{"maximum-politeness-time", required_argument, NULL, OPT_POLITENESS},
	{"minimum-kernel-version", required_argument, NULL, OPT_KERNEL},
	{"minimum-restart-interval", required_argument, NULL, OPT_MIN_RESTART},
	{"maximum-restart-interval", required_argument, NULL, OPT_MAX_RESTART},
	{"crash-stack-bytes", required_argument, NULL, OPT_STACK},
	{0},
};

/* -------- build -------- */

struct build {
	struct bundle_build in;
	const char *output;
};

static const char **text_option(struct build *b, int val)
{
	switch (val) {
	case OPT_OUTPUT:
		return &b->output;
	case OPT_KEY:
		return &b->in.key;
	case OPT_PIN_FILE:
		return &b->in.pin_path;
	case OPT_DEBUG_AUTH:
		return &b->in.debug_auth_path;
	case OPT_CRASH_KEY:
		return &b->in.crash_report_path;
	default:
		return NULL;
	}
}

static uint32_t *number_option(struct bundle_policy *p, int val)
{
	switch (val) {
	case OPT_GRACE:
		return &p->connection_grace_s;
	case OPT_CHECK_IN:
		return &p->minimum_check_in_s;
	case OPT_POLITENESS:
		return &p->maximum_politeness_s;
	case OPT_KERNEL:
		return &p->minimum_kernel_version;
	case OPT_MIN_RESTART:
		return &p->minimum_restart_ms;
	case OPT_MAX_RESTART:
		return &p->maximum_restart_ms;
	default:
		return &p->stack_bytes;
	}
}

static const char *option_name(int val)
{
	const struct option *o = build_options;

	while (o->val != val)
		o++;
	return o->name;
}

static enum err_code take_address(struct build *b, const char *text,
				  struct err *e)
{
	unsigned long address;
	char *end;

	/* strtoul(3) takes white space and signs as well */
	errno = 0;
	address = strtoul(text, &end, 16);
	if (!isxdigit((unsigned char)*text) || *end || errno ||
	    address > UINT32_MAX || address % 128)
		return err_set(e, ERR_USAGE,
			       "--load-address: \"%s\" is not a hexadecimal "
			       "32-bit address, a multiple of 0x80",
			       text);
	b->in.load_address = (uint32_t)address;
	return ERR_OK;
}

static enum err_code take_build_option(void *arg, int val, const char *value,
				       struct err *e)
{
	struct build *b = arg;
	const char **text = text_option(b, val);
	char option[40];
	enum err_code rc;
	long number;

	if (val == OPT_LOAD_ADDRESS)
		return take_address(b, value, e);
	if (val == OPT_PASSPHRASE_FILE)
		return key_unlock_add(b->in.unlock, value, e);
	if (text) {
		*text = value;
		return ERR_OK;
	}
	snprintf(option, sizeof option, "--%s", option_name(val));
	rc = cli_number(option, value, 0, UINT32_MAX, &number, e);
	if (!rc)
		*number_option(&b->in.policy, val) = (uint32_t)number;
	return rc;
}

static enum err_code run_build(struct cli *c, int argc, char **argv,
			       struct build *b, struct err *e)
{
	uint8_t sha256[BUNDLE_HASH_BYTES];
	char hex[2 * BUNDLE_HASH_BYTES + 1];
	enum err_code rc;
	json_t *reply;
	int first;

	rc = cli_options(c, argc, argv, build_options, take_build_option, b,
			 &first, e);
	if (rc)
		return rc;
	if (first + 1 != argc)
		return err_set(e, ERR_USAGE, "give one ROM");
	if (!b->output)
		return err_set(e, ERR_USAGE, "--output is missing");
	b->in.rom_path = argv[first];
	rc = bundle_build_file(&b->in, b->output, sha256, e);
	if (rc)
		return rc;
	hex_encode(hex, sha256, sizeof sha256);
	if (!c->json) {
		printf("%s\n", hex);
		return ERR_OK;
	}
	reply = json_pack("{ss ss}", "file", b->output, "sha256", hex);
	cli_print_json(reply);
	json_decref(reply);
	return ERR_OK;
}

enum err_code cmd_bundle_build(struct cli *c, int argc, char **argv,
			       struct err *e)
{
	struct key_unlock unlock = {0};
	struct build b = {.in.load_address = ROM_LOAD_ADDRESS,
			  .in.unlock = &unlock};
	enum err_code rc = run_build(c, argc, argv, &b, e);

	key_unlock_fini(&unlock);
	return rc;
}

/* -------- reading -------- */

struct opened {
	struct bundle bundle;
	const char *signer;
	bool foreign;
};

static const struct option read_options[] = {
	{"foreign", no_argument, NULL, OPT_FOREIGN},
	{"signer", required_argument, NULL, OPT_SIGNER},
	{0},
};

static enum err_code take_read_option(void *arg, int val, const char *value,
				      struct err *e)
{
	struct opened *o = arg;

	(void)e;
	if (val == OPT_FOREIGN)
		o->foreign = true;
	else
		o->signer = value;
	return ERR_OK;
}

/* A file that is too long is no bundle, whatever it holds. */
static enum err_code too_long(struct err *e)
{
	return err_set(e, ERR_INTEGRITY,
		       "archive at 0x%08x: a bundle has at most %u bytes",
		       BUNDLE_MAX_BYTES, BUNDLE_MAX_BYTES);
}

static enum err_code read_bundle(struct opened *o, const char *path,
				 struct err *e)
{
	struct dbuf bytes;
	enum err_code rc;

	dbuf_init(&bytes, BUNDLE_MAX_BYTES);
	rc = file_read(path, &bytes, e);
	if (!rc)
		rc = bundle_open(&o->bundle, bytes.data, bytes.len,
				 o->foreign ? BUNDLE_FOREIGN : BUNDLE_OURS, e);
	else if (rc == ERR_TOO_BIG)
		rc = too_long(e);
	if (rc == ERR_INTEGRITY)
		err_prefix(e, "%s", path);
	dbuf_fini(&bytes);
	return rc;
}

static enum err_code check_signer(const struct opened *o, const char *path,
				  struct err *e)
{
	uint8_t key[BUNDLE_PUBLIC_KEY_BYTES];
	enum err_code rc;

	if (!o->signer)
		return ERR_OK;
	rc = image_public_key_load(key, o->signer, e);
	if (rc)
		return rc;
	rc = bundle_verify_signature(&o->bundle, key, e);
	return rc ? err_prefix(e, "%s", path) : ERR_OK;
}

/* bundle_close() whatever this returns */
static enum err_code open_bundle(struct cli *c, int argc, char **argv,
				 struct opened *o, const char **file,
				 struct err *e)
{
	enum err_code rc;
	int first;

	rc = cli_options(c, argc, argv, read_options, take_read_option, o,
			 &first, e);
	if (rc)
		return rc;
	if (first + 1 != argc)
		return err_set(e, ERR_USAGE, "give one FILE.zip");
	*file = argv[first];
	rc = read_bundle(o, *file, e);
	return rc ? rc : check_signer(o, *file, e);
}

/* -------- inspect -------- */

static json_t *describe_place(size_t at)
{
	return at == BUNDLE_NOWHERE ? json_null()
				    : json_integer((json_int_t)at);
}

static json_t *describe_layers(const struct bundle *b)
{
	char fetch[2 * BUNDLE_HASH_BYTES + 1];
	char measured[2 * BUNDLE_HASH_BYTES + 1];
	json_t *layers = json_array();

	for (size_t i = 0; i < b->layer_count; i++) {
		const struct bundle_layer *l = &b->layers[i];

		hex_encode(fetch, l->fetch_sha256, sizeof l->fetch_sha256);
		hex_encode(measured, l->measured_sha256,
			   sizeof l->measured_sha256);
		json_array_append_new(
			layers,
			json_pack("{ss sI sI sI sI so ss ss}", "flash",
				  l->external ? "external" : "internal",
				  "start", (json_int_t)l->start, "size",
				  (json_int_t)l->size, "length",
				  (json_int_t)l->data.len, "packed",
				  (json_int_t)l->packed, "offset",
				  describe_place(l->at), "fetch_sha256", fetch,
				  "measurement_sha256", measured));
	}
	return layers;
}

static json_t *describe_key(const struct bundle_key *key)
{
	char hex[2 * BUNDLE_PUBLIC_KEY_BYTES + 1];

	return key->len ? json_string(hex_encode(hex, key->bytes, key->len))
			: json_null();
}

/* Policies that the manifest does not have are null. */
static json_t *describe_policy(const struct bundle_policy *p)
{
	json_t *j = json_object();

	json_object_set_new(
		j, "debug",
		p->has_debug ? json_pack("{sb so}", "debuggable", p->debuggable,
					 "debug_auth_pubkey",
					 describe_key(&p->debug_auth))
			     : json_null());
	json_object_set_new(
		j, "crash",
		p->has_crash ? json_pack("{sI sI so sI}", "minimum_restart_ms",
					 (json_int_t)p->minimum_restart_ms,
					 "maximum_restart_ms",
					 (json_int_t)p->maximum_restart_ms,
					 "crash_report_pubkey",
					 describe_key(&p->crash_report),
					 "include_stack_bytes",
					 (json_int_t)p->stack_bytes)
			     : json_null());
	json_object_set_new(
		j, "update",
		p->has_update
			? json_pack("{sI sI}", "maximum_politeness_time_sec",
				    (json_int_t)p->maximum_politeness_s,
				    "minimum_kernel_version",
				    (json_int_t)p->minimum_kernel_version)
			: json_null());
	json_object_set_new(
		j, "connectivity",
		p->has_connectivity
			? json_pack("{sI sI}", "connection_grace_time_sec",
				    (json_int_t)p->connection_grace_s,
				    "minimum_check_in_time_sec",
				    (json_int_t)p->minimum_check_in_s)
			: json_null());
	return j;
}

static json_t *describe(const struct bundle *b)
{
	char hex[2 * BUNDLE_SIGNATURE_BYTES + 1];
	char id[17];
	json_t *j = json_pack("{so so}", "layers", describe_layers(b), "policy",
			      describe_policy(&b->policy));

	snprintf(id, sizeof id, "%016llx", (unsigned long long)b->signer_id);
	hex_encode(hex, b->signature, sizeof b->signature);
	json_object_set_new(j, "signer_id",
			    b->signer_id ? json_string(id) : json_null());
	json_object_set_new(j, "signature",
			    b->signer_id ? json_string(hex) : json_null());
	json_object_set_new(j, "manifest_offset",
			    describe_place(b->manifest_at));
	return j;
}

/* "  policy.field: value", of every field that the manifest has */
static void print_policies(const json_t *policies)
{
	const char *policy, *field;
	json_t *fields, *value;

	json_object_foreach ((json_t *)policies, policy, fields) {
		json_object_foreach (fields, field, value) {
			char *text = json_dumps(value, JSON_ENCODE_ANY);

			printf("%s.%s: %s\n", policy, field, text ? text : "");
			free(text);
		}
	}
}

static void print_description(const struct bundle *b, const json_t *about)
{
	static const struct table_column columns[] = {
		{"FLASH", "flash", 0},
		{"START", "start", 0},
		{"SIZE", "size", 0},
		{"BYTES", "length", 0},
		{"PACKED", "packed", 0},
		{"OFFSET", "offset", 0},
		{"SHA-256 (FETCH)", "fetch_sha256", 0},
		{"SHA-256 (MEASUREMENT)", "measurement_sha256", 0},
		{NULL, NULL, 0},
	};

	if (b->signer_id)
		printf("signed by %016llx\n", (unsigned long long)b->signer_id);
	else
		printf("not signed\n");
	print_policies(json_object_get(about, "policy"));
	printf("\n");
	table_print(stdout, columns, json_object_get(about, "layers"));
}

enum err_code cmd_bundle_inspect(struct cli *c, int argc, char **argv,
				 struct err *e)
{
	struct opened o = {0};
	const char *file;
	enum err_code rc = open_bundle(c, argc, argv, &o, &file, e);

	if (!rc) {
		json_t *about = describe(&o.bundle);

		if (c->json)
			cli_print_json(about);
		else
			print_description(&o.bundle, about);
		json_decref(about);
	}
	bundle_close(&o.bundle);
	return rc;
}

/* -------- verify -------- */

enum err_code cmd_bundle_verify(struct cli *c, int argc, char **argv,
				struct err *e)
{
	struct opened o = {0};
	const char *file, *signature;
	enum err_code rc = open_bundle(c, argc, argv, &o, &file, e);
	json_t *reply;

	signature = o.signer		 ? "verified"
		    : o.bundle.signer_id ? "not checked"
					 : "none";
	if (!rc && c->json) {
		reply = json_pack("{ss sb ss}", "file", file, "foreign",
				  o.foreign, "signature", signature);
		cli_print_json(reply);
		json_decref(reply);
	} else if (!rc)
		printf("%s: %s; %s\n", file,
		       o.foreign ? "manifest and layers are whole"
				 : "every byte is as it was built",
		       o.signer		    ? "signed by that key"
		       : o.bundle.signer_id ? "signed, but --signer did not "
					      "say by whom it must be"
					    : "it is not signed");
	bundle_close(&o.bundle);
	return rc;
}
