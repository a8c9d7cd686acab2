/* The steps: load program and keys, describe the layer, sign, pack, and read
 * back what was packed. */
#include "proto/bundle/bundle_build.h"
#include "proto/bundle/parts.h"

#include "proto/base/file.h"
#include "proto/base/hex.h"
#include "proto/image/image_build.h"
#include "proto/keys/signer.h"
#include "proto/rom/rom.h"

#include <mbedtls/sha256.h>
#include <string.h>

_Static_assert(ROM_AREA_BYTES == BUNDLE_FLASH_BYTES, "one area for programs");

static enum err_code load_key(struct bundle_key *key, const char *path,
			      struct err *e)
{
	enum err_code rc;

	if (!path)
		return ERR_OK;
	rc = image_public_key_load(key->bytes, path, e);
	if (!rc)
		key->len = sizeof key->bytes;
	return rc;
}

/* Present or absent as the vendor's bundler leaves them: update and
 * connectivity always, the others when there is something to say. */
static void set_presence(struct bundle_policy *p, const struct bundle_build *in)
{
	p->has_debug = in->debug_auth_path || p->debuggable;
	p->has_crash = in->crash_report_path || p->minimum_restart_ms ||
		       p->maximum_restart_ms;
	p->has_update = true;
	p->has_connectivity = true;
}

static enum err_code load_policy(struct bundle *b,
				 const struct bundle_build *in, struct err *e)
{
	enum err_code rc;

	b->policy = in->policy;
	set_presence(&b->policy, in);
	if (b->policy.stack_bytes && !in->crash_report_path)
		return err_set(e, ERR_USAGE,
			       "stack bytes go into crash reports: a crash "
			       "report key is missing");
	if (b->policy.maximum_restart_ms < b->policy.minimum_restart_ms)
		return err_set(e, ERR_USAGE,
			       "the maximum restart interval, %u ms, is below "
			       "the minimum, %u ms",
			       b->policy.maximum_restart_ms,
			       b->policy.minimum_restart_ms);
	rc = load_key(&b->policy.debug_auth, in->debug_auth_path, e);
	if (!rc)
		rc = load_key(&b->policy.crash_report, in->crash_report_path,
			      e);
	return rc;
}

static enum err_code load_layer(struct bundle *b, const struct bundle_build *in,
				struct err *e)
{
	struct bundle_layer *l = &b->layers[0];
	enum err_code rc;

	dbuf_init(&l->data, BUNDLE_FLASH_BYTES);
	rc = rom_load(in->rom_path, in->load_address, &l->data, e);
	if (rc)
		return rc;
	b->layer_count = 1;
	l->size = BUNDLE_FLASH_BYTES;
	mbedtls_sha256_ret(l->data.data, l->data.len, l->fetch_sha256, 0);
	layer_measure(l, l->measured_sha256);
	return ERR_OK;
}

static enum err_code sign(struct bundle *b, const struct bundle_build *in,
			  struct err *e)
{
	uint8_t digest[BUNDLE_HASH_BYTES];
	struct signer *s;
	enum err_code rc;

	if (!in->key)
		return ERR_OK;
	rc = signer_open(&s, in->key, in->pin_path, in->unlock, e);
	if (rc)
		return rc;
	bundle_digest(b, digest);
	b->signer_id = bundle_signer_id(signer_public_key(s));
	rc = signer_sign(s, digest, b->signature, e);
	if (!rc && bundle_verify_signature(b, signer_public_key(s), NULL))
		rc = err_set(e, ERR_FAILED,
			     "%s: what it signed does not verify", in->key);
	signer_close(s);
	return rc;
}

static enum err_code pack(struct bundle *b, struct dbuf *out, struct err *e)
{
	struct bundle_archive a = {.count = 2};
	struct dbuf *manifest = &a.entries[1].data;
	struct bundle check;
	size_t start = out->len;
	enum err_code rc;

	hex_encode(a.entries[0].name, b->layers[0].fetch_sha256,
		   BUNDLE_HASH_BYTES);
	a.entries[0].data = b->layers[0].data; /* borrowed */
	strcpy(a.entries[1].name, BUNDLE_MANIFEST_NAME);
	dbuf_init(manifest, BUNDLE_MANIFEST_BYTES);
	rc = manifest_encode(b, manifest, e);
	if (!rc)
		rc = archive_write(&a, out, e);
	dbuf_fini(manifest);
	if (rc)
		return rc;
	rc = bundle_open(&check, out->data + start, out->len - start,
			 BUNDLE_OURS, e);
	bundle_close(&check);
	return rc ? err_prefix(e, "bundle just built") : ERR_OK;
}

enum err_code bundle_build(const struct bundle_build *in, struct dbuf *out,
			   struct err *e)
{
	struct bundle b = {0};
	enum err_code rc = load_policy(&b, in, e);

	if (!rc)
		rc = load_layer(&b, in, e);
	if (!rc)
		rc = manifest_encode_body(&b, e);
	if (!rc)
		rc = sign(&b, in, e);
	if (!rc)
		rc = pack(&b, out, e);
	bundle_close(&b);
	return rc;
}

enum err_code bundle_build_file(const struct bundle_build *in, const char *path,
				uint8_t sha256[BUNDLE_HASH_BYTES],
				struct err *e)
{
	struct dbuf out;
	enum err_code rc;

	dbuf_init(&out, BUNDLE_MAX_BYTES);
	rc = bundle_build(in, &out, e);
	if (!rc)
		rc = file_write(path, out.data, out.len, 0644, e);
	if (!rc)
		mbedtls_sha256_ret(out.data, out.len, sha256, 0);
	dbuf_fini(&out);
	return rc;
}
