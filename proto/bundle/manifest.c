/* struct bundle to bytes and back. One encoding only: what is read is written
 * again and compared, so unknown fields, fields given twice and numbers in a
 * long form are refused. */
#include "proto/bundle/parts.h"

#include "bundle.pb-c.h"

#include <string.h>

/* -------- writing -------- */

/* The messages of one manifest; they point into each other and into b. */
struct messages {
	Bundle__AppManifest__AppBody body;
	Bundle__AppLayerReference *list[BUNDLE_LAYERS_MAX];
	Bundle__AppLayerReference refs[BUNDLE_LAYERS_MAX];
	Bundle__AppLayerRegion targets[BUNDLE_LAYERS_MAX];
	Bundle__InternalFlashRegion internal[BUNDLE_LAYERS_MAX];
	Bundle__SpiFlashRegion external[BUNDLE_LAYERS_MAX];
	Bundle__DebugPolicy debug;
	Bundle__CrashPolicy crash;
	Bundle__UpdatePolicy update;
	Bundle__ConnectivityPolicy connectivity;
};

static ProtobufCBinaryData bytes_of(const uint8_t *bytes, size_t len)
{
	return (ProtobufCBinaryData){len, (uint8_t *)bytes};
}

static void fill_layer(struct messages *m, size_t i,
		       const struct bundle_layer *layer)
{
	Bundle__AppLayerReference *ref = &m->refs[i];
	Bundle__AppLayerRegion *target = &m->targets[i];

	bundle__app_layer_reference__init(ref);
	bundle__app_layer_region__init(target);
	bundle__internal_flash_region__init(&m->internal[i]);
	bundle__spi_flash_region__init(&m->external[i]);
	m->internal[i].start = m->external[i].start = layer->start;
	m->internal[i].size = m->external[i].size = layer->size;
	if (layer->external) {
		target->where_case =
			BUNDLE__APP_LAYER_REGION__WHERE_EXTERNAL_FLASH;
		target->external_flash = &m->external[i];
	} else {
		target->where_case =
			BUNDLE__APP_LAYER_REGION__WHERE_INTERNAL_FLASH;
		target->internal_flash = &m->internal[i];
	}
	ref->target = target;
	ref->encrypted_with_key_id = layer->key_id;
	ref->fetch_hash = bytes_of(layer->fetch_sha256, BUNDLE_HASH_BYTES);
	ref->measurement_hash =
		bytes_of(layer->measured_sha256, BUNDLE_HASH_BYTES);
	m->list[i] = ref;
}

static void fill_policy(struct messages *m, const struct bundle_policy *p)
{
	bundle__debug_policy__init(&m->debug);
	m->debug.debuggable = p->debuggable;
	m->debug.debug_auth_pubkey =
		bytes_of(p->debug_auth.bytes, p->debug_auth.len);
	bundle__crash_policy__init(&m->crash);
	m->crash.minimum_restart_ms = p->minimum_restart_ms;
	m->crash.maximum_restart_ms = p->maximum_restart_ms;
	m->crash.crash_report_pubkey =
		bytes_of(p->crash_report.bytes, p->crash_report.len);
	m->crash.include_stack_bytes = p->stack_bytes;
	bundle__update_policy__init(&m->update);
	m->update.maximum_politeness_time_sec = p->maximum_politeness_s;
	m->update.minimum_kernel_version = p->minimum_kernel_version;
	bundle__connectivity_policy__init(&m->connectivity);
	m->connectivity.connection_grace_time_sec = p->connection_grace_s;
	m->connectivity.minimum_check_in_time_sec = p->minimum_check_in_s;

	m->body.debug = p->has_debug ? &m->debug : NULL;
	m->body.crash = p->has_crash ? &m->crash : NULL;
	m->body.update = p->has_update ? &m->update : NULL;
	m->body.connectivity = p->has_connectivity ? &m->connectivity : NULL;
}

static enum err_code pack(const ProtobufCMessage *m, struct dbuf *out,
			  struct err *e)
{
	uint8_t bytes[BUNDLE_MANIFEST_BYTES];
	size_t len = protobuf_c_message_get_packed_size(m);

	if (len > sizeof bytes)
		return err_set(e, ERR_TOO_BIG, "manifest of %zu bytes", len);
	protobuf_c_message_pack(m, bytes);
	if (dbuf_add(out, bytes, len))
		return err_set(e, ERR_NO_MEMORY, "manifest of %zu bytes", len);
	return ERR_OK;
}

enum err_code manifest_encode_body(struct bundle *b, struct err *e)
{
	struct messages m;

	bundle__app_manifest__app_body__init(&m.body);
	for (size_t i = 0; i < b->layer_count; i++)
		fill_layer(&m, i, &b->layers[i]);
	m.body.n_layers = b->layer_count;
	m.body.layers = m.list;
	fill_policy(&m, &b->policy);
	dbuf_fini(&b->body);
	dbuf_init(&b->body, BUNDLE_MANIFEST_BYTES);
	return pack(&m.body.base, &b->body, e);
}

enum err_code manifest_encode(const struct bundle *b, struct dbuf *out,
			      struct err *e)
{
	Bundle__OpaqueManifest m;

	bundle__opaque_manifest__init(&m);
	m.signer_id = b->signer_id;
	m.body = bytes_of(b->body.data, b->body.len);
	m.signature = bytes_of(b->signature,
			       b->signer_id ? BUNDLE_SIGNATURE_BYTES : 0);
	return pack(&m.base, out, e);
}

/* -------- reading -------- */

static enum err_code wrong(const struct bundle *b, struct err *e,
			   const char *what)
{
	return bundle_damaged(e, "manifest", b->manifest_at, "%s", what);
}

static bool take_hash(uint8_t out[BUNDLE_HASH_BYTES],
		      const ProtobufCBinaryData *from)
{
	if (from->len != BUNDLE_HASH_BYTES)
		return false;
	memcpy(out, from->data, BUNDLE_HASH_BYTES);
	return true;
}

static bool take_region(struct bundle_layer *layer,
			const Bundle__AppLayerRegion *target)
{
	if (!target)
		return false;
	switch (target->where_case) {
	case BUNDLE__APP_LAYER_REGION__WHERE_INTERNAL_FLASH:
		layer->start = target->internal_flash->start;
		layer->size = target->internal_flash->size;
		return true;
	case BUNDLE__APP_LAYER_REGION__WHERE_EXTERNAL_FLASH:
		layer->external = true;
		layer->start = target->external_flash->start;
		layer->size = target->external_flash->size;
		return true;
	default:
		return false;
	}
}

static enum err_code take_layers(struct bundle *b,
				 const Bundle__AppManifest__AppBody *body,
				 struct err *e)
{
	if (body->n_layers < 1 || body->n_layers > BUNDLE_LAYERS_MAX)
		return wrong(b, e, "it must list 1 to 8 layers");
	for (size_t i = 0; i < body->n_layers; i++) {
		const Bundle__AppLayerReference *ref = body->layers[i];
		struct bundle_layer *layer = &b->layers[i];

		if (!take_region(layer, ref->target))
			return wrong(b, e, "a layer has no flash region");
		if (!take_hash(layer->fetch_sha256, &ref->fetch_hash) ||
		    !take_hash(layer->measured_sha256, &ref->measurement_hash))
			return wrong(b, e, "a layer's hash is not 32 bytes");
		layer->key_id = ref->encrypted_with_key_id;
	}
	b->layer_count = body->n_layers;
	return ERR_OK;
}

static bool take_key(struct bundle_key *key, const ProtobufCBinaryData *from)
{
	if (from->len != 0 &&
	    (from->len != sizeof key->bytes || from->data[0] != 4))
		return false;
	if (from->len)
		memcpy(key->bytes, from->data, from->len);
	key->len = from->len;
	return true;
}

static void take_numbers(struct bundle_policy *p,
			 const Bundle__AppManifest__AppBody *body)
{
	p->has_update = body->update;
	if (body->update) {
		p->maximum_politeness_s =
			body->update->maximum_politeness_time_sec;
		p->minimum_kernel_version =
			body->update->minimum_kernel_version;
	}
	p->has_connectivity = body->connectivity;
	if (body->connectivity) {
		p->connection_grace_s =
			body->connectivity->connection_grace_time_sec;
		p->minimum_check_in_s =
			body->connectivity->minimum_check_in_time_sec;
	}
}

static enum err_code take_policy(struct bundle *b,
				 const Bundle__AppManifest__AppBody *body,
				 struct err *e)
{
	struct bundle_policy *p = &b->policy;

	p->has_debug = body->debug;
	if (body->debug) {
		p->debuggable = body->debug->debuggable;
		if (!take_key(&p->debug_auth, &body->debug->debug_auth_pubkey))
			return wrong(b, e, "its debugging key is no P-256 key");
	}
	p->has_crash = body->crash;
	if (body->crash) {
		p->minimum_restart_ms = body->crash->minimum_restart_ms;
		p->maximum_restart_ms = body->crash->maximum_restart_ms;
		p->stack_bytes = body->crash->include_stack_bytes;
		if (!take_key(&p->crash_report,
			      &body->crash->crash_report_pubkey))
			return wrong(b, e,
				     "its crash report key is no P-256 key");
	}
	take_numbers(p, body);
	return ERR_OK;
}

static enum err_code take_body(struct bundle *b,
			       const ProtobufCBinaryData *from, struct err *e)
{
	ProtobufCMessage *m = protobuf_c_message_unpack(
		&bundle__app_manifest__app_body__descriptor, NULL, from->len,
		from->data);
	Bundle__AppManifest__AppBody *body = (void *)m;
	enum err_code rc;

	if (!m)
		return wrong(b, e, "its body is no application's");
	rc = take_layers(b, body, e);
	if (!rc)
		rc = take_policy(b, body, e);
	protobuf_c_message_free_unpacked(m, NULL);
	return rc;
}

static enum err_code take_manifest(struct bundle *b,
				   const Bundle__OpaqueManifest *m,
				   struct err *e)
{
	if (m->signature.len != (m->signer_id ? BUNDLE_SIGNATURE_BYTES : 0))
		return bundle_damaged(
			e, "manifest", b->manifest_at,
			"signer id %016llx with a signature of %zu bytes",
			(unsigned long long)m->signer_id, m->signature.len);
	b->signer_id = m->signer_id;
	if (m->signer_id)
		memcpy(b->signature, m->signature.data, sizeof b->signature);
	return take_body(b, &m->body, e);
}

/* What was read must be what would be written. */
static enum err_code check_form(struct bundle *b, const uint8_t *bytes,
				size_t len, struct err *e)
{
	enum err_code rc = manifest_encode_body(b, e);
	struct dbuf again;

	dbuf_init(&again, BUNDLE_MANIFEST_BYTES);
	if (!rc)
		rc = manifest_encode(b, &again, e);
	if (!rc && (again.len != len || memcmp(again.data, bytes, len) != 0))
		rc = wrong(b, e,
			   "it holds fields that are unknown, doubled or in "
			   "another form");
	dbuf_fini(&again);
	return rc;
}

enum err_code manifest_decode(struct bundle *b, const uint8_t *bytes,
			      size_t len, struct err *e)
{
	Bundle__OpaqueManifest *m;
	enum err_code rc;

	if (len == 0 || len > BUNDLE_MANIFEST_BYTES)
		return wrong(b, e, "it must have 1 to 16384 bytes");
	m = bundle__opaque_manifest__unpack(NULL, len, bytes);
	if (!m)
		return wrong(b, e, "it is no protobuf message of its kind");
	rc = take_manifest(b, m, e);
	bundle__opaque_manifest__free_unpacked(m, NULL);
	return rc ? rc : check_form(b, bytes, len, e);
}
