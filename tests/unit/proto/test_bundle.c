/* Bundles: the worked example to the byte, every byte and bit of a file
 * altered, every length, and manifests that lie. */
#include "proto/bundle/bundle_build.h"
#include "proto/bundle/parts.h"

#include "proto/base/file.h"
#include "proto/base/hex.h"
#include "proto/image/image_build.h"
#include "proto/keys/signer.h"

#include <mbedtls/sha256.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* The key of RFC 6979, A.2.5: published, so that anybody can repeat this. */
static const char key_pem[] =
	"-----BEGIN EC PRIVATE KEY-----\n"
	"MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49\n"
	"AwEHoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8\n"
	"maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n"
	"-----END EC PRIVATE KEY-----\n";
static const char other_pem[] =
	"-----BEGIN PUBLIC KEY-----\n"
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n"
	"6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n"
	"-----END PUBLIC KEY-----\n"; /* of the point G itself */

/* docs/bundles.md has the same example */
static const uint8_t rom[] = "\0\0\10\40\11\0\0\10Provline example";
#define ROM_BYTES (sizeof rom - 1)
#define EXAMPLE_SHA256 \
	"6abdffe3e596cf6dad0a300db7bbe5ecaad88c913c190777488d166870d674f8"

static char folder[] = "/tmp/provline-bundle-XXXXXX";
static char rom_path[64], key_path[64], other_path[64];
static uint8_t key[BUNDLE_PUBLIC_KEY_BYTES], other[BUNDLE_PUBLIC_KEY_BYTES];
static struct dbuf example;
static struct err error;

static struct bundle_build inputs(void)
{
	return (struct bundle_build){.rom_path = rom_path,
				     .load_address = 0x08000000,
				     .key = key_path,
				     .policy.minimum_check_in_s = 3600};
}

static void build(const struct bundle_build *in, struct dbuf *out)
{
	dbuf_init(out, BUNDLE_MAX_BYTES);
	if (bundle_build(in, out, &error))
		fail_msg("%s", error.text);
}

static void write_text(char path[64], const char *name, const void *data,
		       size_t len)
{
	snprintf(path, 64, "%s/%s", folder, name);
	assert_int_equal(file_write(path, data, len, 0600, NULL), ERR_OK);
}

static int set_up(void **state)
{
	struct bundle_build in = inputs();
	(void)state;

	assert_non_null(mkdtemp(folder));
	write_text(rom_path, "rom.bin", rom, ROM_BYTES);
	write_text(key_path, "key.pem", key_pem, sizeof key_pem - 1);
	write_text(other_path, "other.pem", other_pem, sizeof other_pem - 1);
	assert_int_equal(image_public_key_load(key, key_path, NULL), ERR_OK);
	assert_int_equal(image_public_key_load(other, other_path, NULL),
			 ERR_OK);
	build(&in, &example);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	dbuf_fini(&example);
	unlink(rom_path);
	unlink(key_path);
	unlink(other_path);
	return rmdir(folder);
}

static enum err_code open_bytes(const uint8_t *bytes, size_t len,
				enum bundle_packing packing)
{
	struct bundle b;
	enum err_code rc = bundle_open(&b, bytes, len, packing, &error);

	bundle_close(&b);
	return rc;
}

/* Refused in words that hold these, and with the offset if it is ours. */
static void refuse(const struct dbuf *file, enum bundle_packing packing,
		   const char *words)
{
	assert_int_equal(open_bytes(file->data, file->len, packing),
			 ERR_INTEGRITY);
	if (!strstr(error.text, words) ||
	    (packing == BUNDLE_OURS && !strstr(error.text, " at 0x")))
		fail_msg("\"%s\" does not say \"%s\"", error.text, words);
}

/* -------- what is built -------- */

/* RFC 6979, A.2.5, "sample" with SHA-256 */
static void test_deterministic_signature(void **state)
{
	uint8_t digest[32], signature[64];
	char hex[129];
	struct signer *s;
	(void)state;

	mbedtls_sha256_ret((const uint8_t *)"sample", 6, digest, 0);
	assert_int_equal(signer_open(&s, key_path, NULL, NULL, &error), ERR_OK);
	assert_int_equal(signer_sign(s, digest, signature, &error), ERR_OK);
	assert_string_equal(hex_encode(hex, signature, sizeof signature),
			    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c3"
			    "4d0ea84eaf3716"
			    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064d"
			    "c4ab2f843acda8");
	signer_close(s);
}

static void test_example(void **state)
{
	uint8_t sha256[32];
	struct bundle b;
	char hex[65];
	(void)state;

	mbedtls_sha256_ret(example.data, example.len, sha256, 0);
	assert_string_equal(hex_encode(hex, sha256, 32), EXAMPLE_SHA256);
	assert_int_equal(
		bundle_open(&b, example.data, example.len, BUNDLE_OURS, &error),
		ERR_OK);
	assert_true(b.signer_id == 0x70ef1a0f079d083a);
	assert_int_equal(b.layer_count, 1);
	assert_int_equal(b.layers[0].data.len, ROM_BYTES);
	assert_memory_equal(b.layers[0].data.data, rom, ROM_BYTES);
	assert_int_equal(b.policy.minimum_check_in_s, 3600);
	assert_false(b.policy.has_debug || b.policy.has_crash);
	assert_int_equal(bundle_verify_signature(&b, key, &error), ERR_OK);
	bundle_close(&b);
}

static void test_policies(void **state)
{
	struct bundle_build in = inputs();
	struct dbuf file;
	struct bundle b;
	(void)state;

	in.policy = (struct bundle_policy){.minimum_restart_ms = 1,
					   .maximum_restart_ms = UINT32_MAX,
					   .stack_bytes = 3,
					   .maximum_politeness_s = 4,
					   .minimum_kernel_version = 5,
					   .connection_grace_s = 6,
					   .minimum_check_in_s = 7};
	in.debug_auth_path = key_path;
	in.crash_report_path = other_path;
	build(&in, &file);
	assert_int_equal(
		bundle_open(&b, file.data, file.len, BUNDLE_OURS, &error),
		ERR_OK);
	assert_int_equal(b.policy.minimum_restart_ms, 1);
	assert_true(b.policy.maximum_restart_ms == UINT32_MAX);
	assert_int_equal(b.policy.stack_bytes, 3);
	assert_int_equal(b.policy.maximum_politeness_s, 4);
	assert_int_equal(b.policy.minimum_kernel_version, 5);
	assert_int_equal(b.policy.connection_grace_s, 6);
	assert_int_equal(b.policy.minimum_check_in_s, 7);
	assert_memory_equal(b.policy.debug_auth.bytes, key, sizeof key);
	assert_memory_equal(b.policy.crash_report.bytes, other, sizeof other);
	bundle_close(&b);
	dbuf_fini(&file);
}

static void test_options_that_clash(void **state)
{
	struct bundle_build in = inputs();
	struct dbuf file;
	(void)state;

	dbuf_init(&file, BUNDLE_MAX_BYTES);
	in.policy.stack_bytes = 100;
	assert_int_equal(bundle_build(&in, &file, &error), ERR_USAGE);
	in = inputs();
	in.policy.minimum_restart_ms = 2;
	in.policy.maximum_restart_ms = 1;
	assert_int_equal(bundle_build(&in, &file, &error), ERR_USAGE);
	in = inputs();
	in.debug_auth_path = rom_path;
	assert_int_equal(bundle_build(&in, &file, &error), ERR_INPUT);
	in = inputs();
	in.key = other_path; /* a public key cannot sign */
	assert_int_equal(bundle_build(&in, &file, &error), ERR_INPUT);
	assert_int_equal(file.len, 0);
	dbuf_fini(&file);
}

static void test_signer(void **state)
{
	struct bundle_build in = inputs();
	struct dbuf file;
	struct bundle b;
	(void)state;

	bundle_open(&b, example.data, example.len, BUNDLE_OURS, NULL);
	assert_int_equal(bundle_verify_signature(&b, other, &error),
			 ERR_INTEGRITY);
	assert_non_null(strstr(error.text, "signed by 70ef1a0f079d083a, not"));
	b.signer_id = bundle_signer_id(other); /* a lie about the id */
	assert_int_equal(bundle_verify_signature(&b, other, &error),
			 ERR_INTEGRITY);
	assert_non_null(strstr(error.text, "signature does not match"));
	bundle_close(&b);

	in.key = NULL;
	build(&in, &file);
	assert_int_equal(
		bundle_open(&b, file.data, file.len, BUNDLE_OURS, &error),
		ERR_OK);
	assert_int_equal(b.signer_id, 0);
	assert_int_equal(bundle_verify_signature(&b, key, &error),
			 ERR_INTEGRITY);
	assert_non_null(strstr(error.text, "not signed"));
	bundle_close(&b);
	dbuf_fini(&file);
}

/* -------- altered bytes -------- */

static void flip(struct dbuf *file, size_t at, uint8_t mask)
{
	file->data[at] ^= mask;
	if (open_bytes(file->data, file->len, BUNDLE_OURS) != ERR_INTEGRITY)
		fail_msg("byte 0x%zx, mask 0x%02x: not refused", at, mask);
	if (!strstr(error.text, " at 0x"))
		fail_msg("byte 0x%zx: no place in \"%s\"", at, error.text);
	file->data[at] ^= mask;
}

static void test_every_bit(void **state)
{
	(void)state;
	for (size_t at = 0; at < example.len; at++) {
		for (unsigned bit = 0; bit < 8; bit++)
			flip(&example, at, (uint8_t)(1u << bit));
		flip(&example, at, 0xFF);
	}
}

/* Content that deflate can write in many ways: text with repetitions. */
static void test_every_byte_of_deflate(void **state)
{
	struct bundle_build in = inputs();
	uint8_t big[6000];
	struct dbuf file;
	char path[64];
	(void)state;

	memcpy(big, rom, ROM_BYTES);
	for (size_t i = ROM_BYTES; i < sizeof big; i++)
		big[i] = (uint8_t)("push pop bl bx "[i % 15] + (i / 999 % 3) +
				   (i * i % 7 == 3));
	write_text(path, "big.bin", big, sizeof big);
	in.rom_path = path;
	build(&in, &file);
	for (size_t at = 0; at < file.len; at++) {
		flip(&file, at, (uint8_t)(1u << at % 8));
		flip(&file, at, (uint8_t)(1u << (at + 3) % 8));
	}
	unlink(path);
	dbuf_fini(&file);
}

static void test_every_length(void **state)
{
	uint8_t *longer = malloc(example.len + 1);
	(void)state;

	for (size_t len = 0; len < example.len; len++) {
		/* of its own size, so that ASan sees a read behind it */
		uint8_t *cut = malloc(len ? len : 1);

		assert_non_null(cut);
		memcpy(cut, example.data, len);
		if (open_bytes(cut, len, BUNDLE_OURS) != ERR_INTEGRITY ||
		    !strstr(error.text, " at 0x"))
			fail_msg("%zu bytes: %s", len, error.text);
		free(cut);
	}
	assert_non_null(longer);
	memcpy(longer, example.data, example.len);
	longer[example.len] = 0;
	assert_int_equal(open_bytes(longer, example.len + 1, BUNDLE_OURS),
			 ERR_INTEGRITY);
	assert_non_null(strstr(error.text, "archive at 0x00000200: 1 bytes"));
	free(longer);
}

static void test_oversized(void **state)
{
	struct dbuf file;
	(void)state;

	dbuf_init(&file, BUNDLE_MAX_BYTES + 1);
	while (file.len <= BUNDLE_MAX_BYTES)
		if (dbuf_add(&file, example.data,
			     file.len + example.len <= BUNDLE_MAX_BYTES
				     ? example.len
				     : 1))
			break;
	assert_int_equal(file.len, BUNDLE_MAX_BYTES + 1);
	refuse(&file, BUNDLE_OURS, "archive at 0x01000000: a bundle has at");
	dbuf_fini(&file);
}

/* -------- manifests that lie -------- */

/* A bundle to be spoilt: two layers, all right so far. */
struct spoil {
	struct bundle b;
	struct bundle_archive a;
};

static void measure(struct bundle_layer *l)
{
	mbedtls_sha256_ret(l->data.data, l->data.len, l->fetch_sha256, 0);
	if (l->data.len < l->size)
		layer_measure(l, l->measured_sha256);
}

static void spoil_init(struct spoil *s)
{
	memset(s, 0, sizeof *s);
	s->b.layer_count = 2;
	for (unsigned i = 0; i < 2; i++) {
		struct bundle_layer *l = &s->b.layers[i];

		dbuf_init(&l->data, 4096);
		dbuf_add(&l->data, rom, ROM_BYTES - i);
		l->start = i * 0x80000;
		l->size = 0x80000;
		measure(l);
	}
}

static void spoil_fini(struct spoil *s)
{
	dbuf_fini(&s->a.entries[s->a.count - 1].data);
	bundle_close(&s->b);
}

/* Pack it as it is. */
static void spoil_pack(struct spoil *s, struct dbuf *file)
{
	struct bundle_entry *last = &s->a.entries[s->b.layer_count];

	s->a.count = s->b.layer_count + 1;
	for (size_t i = 0; i < s->b.layer_count; i++) {
		hex_encode(s->a.entries[i].name, s->b.layers[i].fetch_sha256,
			   BUNDLE_HASH_BYTES);
		s->a.entries[i].data = s->b.layers[i].data;
	}
	strcpy(last->name, BUNDLE_MANIFEST_NAME);
	dbuf_init(&last->data, BUNDLE_MANIFEST_BYTES);
	assert_int_equal(manifest_encode_body(&s->b, &error), ERR_OK);
	assert_int_equal(manifest_encode(&s->b, &last->data, &error), ERR_OK);
	dbuf_init(file, BUNDLE_MAX_BYTES);
	assert_int_equal(archive_write(&s->a, file, &error), ERR_OK);
}

static void spoilt(struct spoil *s, const char *place, const char *words)
{
	struct dbuf file;

	spoil_pack(s, &file);
	refuse(&file, BUNDLE_OURS, place);
	refuse(&file, BUNDLE_OURS, words);
	refuse(&file, BUNDLE_FOREIGN, words);
	dbuf_fini(&file);
	spoil_fini(s);
}

static void test_two_layers(void **state)
{
	struct dbuf file;
	struct spoil s;
	(void)state;

	spoil_init(&s);
	s.b.layers[1].external = true; /* may then begin anywhere */
	s.b.layers[1].start = 0xFFF80000;
	spoil_pack(&s, &file);
	if (open_bytes(file.data, file.len, BUNDLE_OURS))
		fail_msg("%s", error.text);
	dbuf_fini(&file);
	spoil_fini(&s);
}

static void test_regions(void **state)
{
	struct spoil s;
	(void)state;

	spoil_init(&s);
	s.b.layers[1].start = 0x7FFFF;
	spoilt(&s, "manifest at 0x", "layers 0 and 1 overlap");
	spoil_init(&s);
	s.b.layers[1].start = 0x80001;
	spoilt(&s, "manifest at 0x",
	       "layer 1: region 0x80001, 0x80000 bytes, does not fit");
	spoil_init(&s);
	s.b.layers[1].start = UINT32_MAX;
	spoilt(&s, "manifest at 0x",
	       "layer 1: region 0xffffffff, 0x80000 bytes, does not fit");
	spoil_init(&s);
	s.b.layers[0].size = 0;
	spoilt(&s, "manifest at 0x",
	       "layer 0: region 0x0, 0x0 bytes, does not fit");
	spoil_init(&s);
	s.b.layers[0].size = ROM_BYTES; /* strictly smaller */
	spoilt(&s, "layer 0 at 0x0000005e: ", "24 bytes do not fit");
	spoil_init(&s);
	s.b.layers[1].external = true;
	s.b.layers[1].start = 0xFFF80001;
	spoilt(&s, "manifest at 0x", "does not fit into the SPI flash");
}

static void test_hashes(void **state)
{
	struct spoil s;
	(void)state;

	spoil_init(&s);
	s.b.layers[1].measured_sha256[31] ^= 1;
	spoilt(&s, "layer 1 at 0x000000d6: ",
	       "its content does not match its "
	       "measurement hash");
	spoil_init(&s);
	s.b.layers[0].fetch_sha256[0] ^= 1;
	spoilt(&s, "layer 0 at 0x0000005e: ",
	       "its content does not match its "
	       "fetch hash");
	spoil_init(&s);
	s.b.layers[1].key_id = 0xABC;
	spoilt(&s, "layer 1 at 0x000000d6: ",
	       "encrypted with key 0000000000000abc");
}

static void test_signature_shape(void **state)
{
	struct dbuf file, bytes;
	struct spoil s;
	struct bundle b;
	(void)state;

	spoil_init(&s);
	spoil_pack(&s, &file);
	memset(&b, 0, sizeof b);
	/* signer id 1, field 1 varint, and no signature: put in front */
	dbuf_init(&bytes, BUNDLE_MANIFEST_BYTES);
	dbuf_add(&bytes, "\10\1", 2);
	dbuf_add(&bytes, s.a.entries[2].data.data, s.a.entries[2].data.len);
	assert_int_equal(manifest_decode(&b, bytes.data, bytes.len, &error),
			 ERR_INTEGRITY);
	assert_non_null(strstr(error.text, "with a signature of 0 bytes"));
	bundle_close(&b);
	dbuf_fini(&bytes);
	dbuf_fini(&file);
	spoil_fini(&s);
}

static void decode_fails(const void *bytes, size_t len, const char *words)
{
	struct bundle b = {0};

	assert_int_equal(manifest_decode(&b, bytes, len, &error),
			 ERR_INTEGRITY);
	if (!strstr(error.text, words))
		fail_msg("\"%s\" does not say \"%s\"", error.text, words);
	bundle_close(&b);
}

/* Behind a good manifest: what protobuf readers skip or merge. */
static void test_manifest_form(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} tails[] = {
		{"\170\1", 2},	   /* field 15, unknown */
		{"\10\0", 2},	   /* signer id again, its default */
		{"\32\0", 2},	   /* signature, empty but there */
		{"\22\2\42\0", 4}, /* another body: the last one counts */
	};
	struct dbuf file, bytes;
	struct spoil s;
	(void)state;

	spoil_init(&s);
	spoil_pack(&s, &file);
	for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
		dbuf_init(&bytes, BUNDLE_MANIFEST_BYTES);
		dbuf_add(&bytes, s.a.entries[2].data.data,
			 s.a.entries[2].data.len);
		dbuf_add(&bytes, tails[i].bytes, tails[i].len);
		decode_fails(bytes.data, bytes.len,
			     i < 3 ? "unknown, doubled or in another form"
				   : "1 to 8 layers");
		dbuf_fini(&bytes);
	}
	decode_fails("", 0, "1 to 16384 bytes");
	decode_fails("\0", 1, "no protobuf message");
	decode_fails("\22\1\0", 3, "body is no application's");
	decode_fails("\22\0", 2, "1 to 8 layers");
	decode_fails("\22\2\12\0", 4, "no flash region");
	dbuf_fini(&file);
	spoil_fini(&s);
}

/* The same fields in the same length: the signer's id behind the rest. */
static void test_manifest_order(void **state)
{
	struct dbuf bytes, moved;
	struct bundle b;
	(void)state;

	bundle_open(&b, example.data, example.len, BUNDLE_OURS, NULL);
	dbuf_init(&bytes, BUNDLE_MANIFEST_BYTES);
	dbuf_init(&moved, BUNDLE_MANIFEST_BYTES);
	assert_int_equal(bundle_manifest(&b, &bytes, &error), ERR_OK);
	assert_int_equal(bytes.data[10], 0x12); /* the body's tag */
	dbuf_add(&moved, bytes.data + 10, bytes.len - 10);
	dbuf_add(&moved, bytes.data, 10);
	decode_fails(moved.data, moved.len, "in another form");
	dbuf_fini(&moved);
	dbuf_fini(&bytes);
	bundle_close(&b);
}

static void test_manifest_limits(void **state)
{
	static const uint8_t zeros[BUNDLE_MANIFEST_BYTES + 1];
	/* a layer with a region and without hashes */
	static const char layer[6] = "\12\4\12\2\12";
	uint8_t bytes[2 + 9 * sizeof layer] = {0x12};
	(void)state;

	decode_fails(zeros, BUNDLE_MANIFEST_BYTES, "no protobuf message");
	decode_fails(zeros, sizeof zeros, "1 to 16384 bytes");
	for (size_t i = 0; i < 9; i++)
		memcpy(bytes + 2 + i * sizeof layer, layer, sizeof layer);
	bytes[1] = 8 * sizeof layer;
	decode_fails(bytes, 2 + 8 * sizeof layer, "hash is not 32 bytes");
	bytes[1] = 9 * sizeof layer;
	decode_fails(bytes, sizeof bytes, "1 to 8 layers");
}

static void test_policy_keys(void **state)
{
	struct spoil s;
	(void)state;

	spoil_init(&s);
	s.b.policy.has_debug = true;
	s.b.policy.debug_auth.bytes[0] = 4;
	s.b.policy.debug_auth.len = BUNDLE_PUBLIC_KEY_BYTES - 1;
	spoilt(&s, "manifest at 0x", "its debugging key is no P-256 key");
	spoil_init(&s);
	s.b.policy.has_crash = true;
	s.b.policy.crash_report.bytes[0] = 2; /* compressed */
	s.b.policy.crash_report.len = BUNDLE_PUBLIC_KEY_BYTES;
	spoilt(&s, "manifest at 0x", "its crash report key is no P-256 key");
}

/* -------- archives of other tools -------- */

static void test_foreign_order(void **state)
{
	struct bundle_entry manifest;
	struct dbuf file;
	struct spoil s;
	(void)state;

	spoil_init(&s);
	spoil_pack(&s, &file);
	manifest = s.a.entries[2];
	s.a.entries[2] = s.a.entries[0];
	s.a.entries[0] = manifest;
	dbuf_clear(&file);
	assert_int_equal(archive_write(&s.a, &file, &error), ERR_OK);
	assert_int_equal(open_bytes(file.data, file.len, BUNDLE_FOREIGN),
			 ERR_OK);
	refuse(&file, BUNDLE_OURS, "directory");
	s.a.entries[2] = manifest; /* for spoil_fini() */
	dbuf_fini(&file);
	spoil_fini(&s);
}

/* Right in all parts, but not as we pack: told where that begins. */
static void test_layers_the_other_way_round(void **state)
{
	struct bundle_entry first;
	struct dbuf file;
	struct spoil s;
	(void)state;

	spoil_init(&s);
	spoil_pack(&s, &file);
	first = s.a.entries[0];
	s.a.entries[0] = s.a.entries[1];
	s.a.entries[1] = first;
	dbuf_clear(&file);
	assert_int_equal(archive_write(&s.a, &file, &error), ERR_OK);
	assert_int_equal(open_bytes(file.data, file.len, BUNDLE_FOREIGN),
			 ERR_OK);
	refuse(&file, BUNDLE_OURS, "layer 0 at 0x0000000e: the content is");
	dbuf_fini(&file);
	spoil_fini(&s);
}

static void test_entries(void **state)
{
	struct dbuf file;
	struct spoil s;
	(void)state;

	spoil_init(&s);
	spoil_pack(&s, &file);
	s.b.layers[1].fetch_sha256[0] ^= 1;
	hex_encode(s.a.entries[1].name, s.b.layers[1].fetch_sha256, 32);
	dbuf_clear(&file);
	assert_int_equal(archive_write(&s.a, &file, &error), ERR_OK);
	refuse(&file, BUNDLE_OURS, "layer 1, ");

	s.a.entries[0] = s.a.entries[2]; /* only a manifest */
	s.a.count = 1;
	dbuf_clear(&file);
	assert_int_equal(archive_write(&s.a, &file, &error), ERR_OK);
	refuse(&file, BUNDLE_OURS, "lists 2 layers, but the archive holds 0");
	strcpy(s.a.entries[0].name, "../../etc/passwd");
	dbuf_clear(&file);
	assert_int_equal(archive_write(&s.a, &file, &error), ERR_OK);
	refuse(&file, BUNDLE_OURS, "header 0 at 0x0000001a");
	refuse(&file, BUNDLE_FOREIGN, "no manifest");
	dbuf_fini(&file);
	spoil_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deterministic_signature),
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_options_that_clash),
		cmocka_unit_test(test_signer),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_every_byte_of_deflate),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_oversized),
		cmocka_unit_test(test_two_layers),
		cmocka_unit_test(test_regions),
		cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_signature_shape),
		cmocka_unit_test(test_manifest_form),
		cmocka_unit_test(test_manifest_order),
		cmocka_unit_test(test_manifest_limits),
		cmocka_unit_test(test_policy_keys),
		cmocka_unit_test(test_foreign_order),
		cmocka_unit_test(test_layers_the_other_way_round),
		cmocka_unit_test(test_entries),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
