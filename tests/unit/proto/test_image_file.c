/* Images as files: every byte of a small one, sampled bits of a large one,
 * what a manifest may say, versions, and two releases side by side. */
#include "tests/unit/proto/image_maker.h"

#include "proto/base/file.h"
#include "proto/bundle/bundle.h"
#include "proto/image/compare.h"

#include <fcntl.h>
#include <mbedtls/sha256.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define DATA_BYTES (8u << 20)

static struct image_maker made;

static int set_up(void **state)
{
	(void)state;
	image_maker_init(&made);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	image_maker_fini(&made);
	return 0;
}

static void build(const struct image_build *b, enum made to)
{
	struct err e;

	if (image_build_file(b, made.paths[to], NULL, &e) != ERR_OK)
		fail_msg("%s", e.text);
}

static enum err_code verify(const char *path, struct err *e)
{
	struct image_file f;
	enum err_code rc = image_file_open(&f, path, e);

	if (!rc)
		rc = image_file_verify(&f, made.release_public, e);
	image_file_close(&f);
	return rc;
}

/* -------- every byte -------- */

static bool read_bytes(void *arg, uint32_t offset, void *buf, size_t len)
{
	const struct dbuf *b = arg;

	assert_true(offset <= b->len && len <= b->len - offset);
	memcpy(buf, b->data + offset, len);
	return true;
}

/* What the portable reader says of the bytes; the signature last, since only
 * the signature's own bytes leave all else right. */
static enum image_error judge(struct dbuf *b, struct image_fault *f)
{
	struct image im;
	enum image_error error = image_open(&im, read_bytes, b, b->len, f);

	if (error == IMAGE_OK)
		error = image_verify_all(&im, f);
	if (error == IMAGE_OK)
		error = image_verify_signature(&im, made.release_public, f);
	return error;
}

static void test_every_byte(void **state)
{
	struct image_build b = image_maker_inputs(&made);
	struct image_fault f;
	struct dbuf image;
	struct image im;
	(void)state;

	dbuf_init(&image, IMAGE_MAX_BYTES);
	assert_int_equal(image_build(&b, &image, NULL), ERR_OK);
	assert_int_equal(judge(&image, &f), IMAGE_OK);
	assert_int_equal(image_open(&im, read_bytes, &image, image.len, NULL),
			 IMAGE_OK);
	for (size_t at = 0; at < image.len; at++) {
		image.data[at] ^= (uint8_t)(1u << at % 8);
		if (judge(&image, &f) == IMAGE_OK)
			fail_msg("a change at 0x%zx is not seen", at);
		image.data[at] ^= (uint8_t)(1u << at % 8);
		if (at < im.header_bytes)
			continue;
		/* in this block, at or before the byte; and in whose part */
		assert_true(f.offset <= at);
		assert_int_equal(f.part, image_part_at(&im, (uint32_t)at));
	}
	dbuf_fini(&image);
}

static void flip(const char *path, off_t at, uint8_t bit)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= bit;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void test_sampled_bits_of_a_large_image(void **state)
{
	struct image_build b = image_maker_inputs(&made);
	const char *path = made.paths[MADE_IMAGE];
	uint32_t random = 20260101, size;
	struct image_file f;
	struct err e;
	(void)state;

	image_maker_data(made.paths[MADE_DATA], DATA_BYTES + 777, 1);
	b.data_path = made.paths[MADE_DATA];
	b.align = 0;
	b.nor_min_bytes = 0;
	build(&b, MADE_IMAGE);
	assert_int_equal(image_file_open(&f, path, &e), ERR_OK);
	size = f.image.image_bytes;
	assert_int_equal(f.image.align, IMAGE_BLOCK_BYTES);
	assert_int_equal(f.image.nor_min_bytes, size);
	for (uint32_t i = 0; i < f.image.part_count; i++)
		if (f.image.parts[i].type < IMAGE_MANIFEST)
			assert_int_equal(
				f.image.parts[i].offset % IMAGE_BLOCK_BYTES, 0);
	image_file_close(&f);
	assert_int_equal(verify(path, &e), ERR_OK);
	for (unsigned i = 0; i < 150; i++) {
		random = random * 1664525u + 1013904223u;
		off_t at = (off_t)((uint64_t)random * size >> 32);
		uint8_t bit = (uint8_t)(1u << i % 8);

		flip(path, at, bit);
		if (verify(path, &e) != ERR_INTEGRITY)
			fail_msg("a change at 0x%lx is not seen", (long)at);
		assert_non_null(strstr(e.text, "image at 0x"));
		flip(path, at, bit);
	}
	assert_int_equal(verify(path, &e), ERR_OK);
}

static void test_cut_names_the_part(void **state)
{
	struct image_build b = image_maker_inputs(&made);
	const char *path = made.paths[MADE_IMAGE];
	struct image_file f;
	uint32_t kernel, size;
	struct err e;
	(void)state;

	build(&b, MADE_IMAGE);
	assert_int_equal(image_file_open(&f, path, &e), ERR_OK);
	kernel = image_part(&f.image, IMAGE_KERNEL)->offset;
	size = f.image.image_bytes;
	image_file_close(&f);
	assert_int_equal(truncate(path, size + 3), 0);
	assert_int_equal(verify(path, &e), ERR_INTEGRITY);
	assert_non_null(strstr(e.text, "(app): 3 bytes behind its end"));
	assert_int_equal(truncate(path, kernel + 5), 0);
	assert_int_equal(verify(path, &e), ERR_INTEGRITY);
	assert_non_null(strstr(e.text, "(kernel): is cut short"));
	assert_int_equal(truncate(path, 4097), 0);
	assert_int_equal(verify(path, &e), ERR_INTEGRITY);
	assert_non_null(strstr(e.text, "0x00001001 (header): is cut short"));
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(verify(path, &e), ERR_INTEGRITY);
	assert_int_equal(verify("/dev/null", &e), ERR_INPUT);
}

/* The hook and the portable way give the same. */
static void test_hook_gives_the_same_hashes(void **state)
{
	struct image_build b = image_maker_inputs(&made);
	uint8_t quick[32], slow[32];
	struct image_file f;
	struct err e;
	(void)state;

	build(&b, MADE_IMAGE);
	assert_int_equal(image_file_open(&f, made.paths[MADE_IMAGE], &e),
			 ERR_OK);
	assert_non_null(f.image.sha256);
	for (uint32_t i = 0; i < f.image.block_count; i++) {
		image_block_actual(&f.image, i, quick, NULL);
		f.image.sha256 = NULL;
		image_block_actual(&f.image, i, slow, NULL);
		f.image.sha256 = image_window_sha256;
		assert_memory_equal(quick, slow, 32);
	}
	image_file_close(&f);
}

/* -------- bundles and data -------- */

static void test_bundle_comes_out_again(void **state)
{
	struct image_build b = image_maker_inputs(&made);
	struct dbuf manifest, layer, archive, want;
	struct image_file f;
	struct bundle bundle;
	struct err e;
	(void)state;

	build(&b, MADE_IMAGE);
	dbuf_init(&manifest, IMAGE_MANIFEST_BYTES);
	dbuf_init(&layer, LAYOUT_APP_BYTES);
	dbuf_init(&archive, BUNDLE_MAX_BYTES);
	dbuf_init(&want, BUNDLE_MAX_BYTES);
	image_file_open(&f, made.paths[MADE_IMAGE], &e);
	image_file_part(&f, image_part(&f.image, IMAGE_APP_BUNDLE), &manifest,
			&e);
	image_file_part(&f, image_part(&f.image, IMAGE_APP), &layer, &e);
	assert_int_equal(bundle_assemble(&bundle, manifest.data, manifest.len,
					 layer.data, layer.len, &e),
			 ERR_OK);
	assert_int_equal(bundle_pack(&bundle, &archive, &e), ERR_OK);
	file_read(made.paths[MADE_APP_ZIP], &want, &e);
	assert_int_equal(archive.len, want.len);
	assert_memory_equal(archive.data, want.data, want.len);
	bundle_close(&bundle);
	layer.data[100] ^= 1; /* another program under this manifest */
	assert_int_equal(bundle_assemble(&bundle, manifest.data, manifest.len,
					 layer.data, layer.len, &e),
			 ERR_INTEGRITY);
	bundle_close(&bundle);
	image_file_close(&f);
	dbuf_fini(&want);
	dbuf_fini(&archive);
	dbuf_fini(&layer);
	dbuf_fini(&manifest);
}

/* What the header's hashes vouch for, but nobody would accept. */
static void expect_mismatch(const struct image *im, const char *text)
{
	struct err e = {0};

	assert_int_equal(image_check_manifests(im, &e), ERR_INTEGRITY);
	if (!strstr(e.text, text))
		fail_msg("\"%s\" does not tell \"%s\"", e.text, text);
}

static void test_bundle_must_be_the_one_told(void **state)
{
	struct image_build b = image_maker_inputs(&made);
	struct image_part *manifest, *last;
	struct dbuf bytes;
	struct image im;
	struct err e;
	(void)state;

	dbuf_init(&bytes, IMAGE_MAX_BYTES);
	assert_int_equal(image_build(&b, &bytes, NULL), ERR_OK);
	image_open(&im, read_bytes, &bytes, bytes.len, NULL);
	assert_int_equal(image_check_manifests(&im, &e), ERR_OK);
	manifest = (struct image_part *)image_part(&im, IMAGE_APP_BUNDLE);

	bytes.data[manifest->offset + 40] ^= 1; /* of the bundle's manifest */
	expect_mismatch(&im, "(app-bundle): ");
	bytes.data[manifest->offset + 40] ^= 1;
	bytes.data[image_part(&im, IMAGE_APP)->offset + 100] ^= 1;
	expect_mismatch(&im, "(app-bundle): ");
	bytes.data[image_part(&im, IMAGE_APP)->offset + 100] ^= 1;
	manifest->version[0] ^= 1;
	expect_mismatch(&im, "(app-bundle): is not the bundle");
	manifest->version[0] ^= 1;
	assert_int_equal(image_check_manifests(&im, &e), ERR_OK);
	/* left out of the table */
	last = &im.parts[--im.part_count];
	*manifest = *last;
	memset(last, 0, sizeof *last);
	expect_mismatch(&im, "(app): the manifest of its bundle is missing");
	dbuf_fini(&bytes);
}

static void expect_refused(const struct image_build *b, enum err_code rc,
			   const char *text)
{
	struct err e = {0};

	unlink(made.paths[MADE_IMAGE_2]);
	assert_int_equal(
		image_build_file(b, made.paths[MADE_IMAGE_2], NULL, &e), rc);
	if (!strstr(e.text, text))
		fail_msg("\"%s\" does not tell \"%s\"", e.text, text);
	assert_int_equal(access(made.paths[MADE_IMAGE_2], F_OK), -1);
}

static void test_damaged_bundles_are_refused(void **state)
{
	struct image_build b = image_maker_inputs(&made);
	(void)state;

	flip(made.paths[MADE_APP_ZIP], 200, 1);
	expect_refused(&b, ERR_INTEGRITY, "app: ");
	flip(made.paths[MADE_APP_ZIP], 200, 1);
	b.app_path = made.paths[MADE_APP_TEST_ZIP]; /* whole, but not it */
	expect_refused(&b, ERR_INPUT, "no app program");
	b = image_maker_inputs(&made);
	b.kernel_path = made.paths[MADE_APP_ZIP];
	expect_refused(&b, ERR_INPUT, "");
	b = image_maker_inputs(&made);
	b.data_path = made.folder;
	expect_refused(&b, ERR_INPUT, "no file with content");
	b.data_path = made.paths[MADE_DATA];
	image_maker_data(b.data_path, 100, 1);
	assert_int_equal(truncate(b.data_path, IMAGE_MAX_BYTES), 0);
	expect_refused(&b, ERR_TOO_BIG, "at most");
}

/* -------- product manifest -------- */

static void expect_wrong(const char *json)
{
	struct image_build b = image_maker_inputs(&made);

	b.expect_path = made.paths[MADE_DATA];
	file_write(b.expect_path, json, strlen(json), 0644, NULL);
	expect_refused(&b, ERR_INPUT, b.expect_path);
}

static void test_wrong_expectations(void **state)
{
	(void)state;
	expect_wrong("[]");
	expect_wrong("{");
	expect_wrong("{\"limits\":{}}");
	expect_wrong("{\"limits\":{\"a\":{}}}");
	expect_wrong("{\"limits\":{\"a b\":{\"min\":1}}}");
	expect_wrong("{\"limits\":{\"a\":{\"min\":2,\"max\":1}}}");
	expect_wrong("{\"limits\":{\"a\":{\"min\":1,\"most\":2}}}");
	expect_wrong("{\"limits\":{\"a\":{\"min\":1}},\"limits\":{}}");
	expect_wrong("{\"limits\":{\"a\":{\"max\":1000000000000000}}}");
	expect_wrong("{\"limits\":{\"a\":{\"min\":-1000000000000000}}}");
	expect_wrong("{\"limits\":{\"a\":{\"min\":1,\"unit\":\"furlongs!\"}}}");
	expect_wrong("{\"nor\":{\"jedec_ids\":[\"EF4017\"]}}");
	expect_wrong("{\"nor\":{\"jedec_ids\":[\"ef4017\",\"ef4017\"]}}");
	expect_wrong("{\"nor\":{\"min_bytes\":1}}");
	expect_wrong("{\"harness\":{}}");
	expect_wrong("{\"harness\":{\"swclk_max_hz\":1}}");
	expect_wrong("{\"harness\":{\"modules\":[\"modem\",3]}}");
	expect_wrong("{\"other\":{}}");
}

/* A text in place of the image's own manifest. */
static enum err_code parse(const char *text, size_t len, struct err *e)
{
	struct product_bundle bundles[2];
	struct image_file f;
	enum err_code rc = image_file_open(&f, made.paths[MADE_IMAGE], e);

	if (!rc)
		rc = product_parse(&f.image, (const uint8_t *)text, len,
				   bundles, NULL, e);
	image_file_close(&f);
	return rc;
}

static bool between(const char *text, const char *at, const char *from,
		    const char *to)
{
	const char *begin = strstr(text, from);

	while (begin && begin < at) {
		const char *end = strstr(begin, to);

		if (end && at < end)
			return true;
		begin = strstr(begin + 1, from);
	}
	return false;
}

static bool is_free(const char *text, size_t i)
{
	return between(text, text + i, "\"harness\": {", "\"parts\"") ||
	       between(text, text + i, "\"bundle\": {", "}");
}

static void test_manifest_has_one_text(void **state)
{
	struct image_build b = image_maker_inputs(&made);
	struct dbuf text;
	struct image_file f;
	struct err e;
	char *changed;
	(void)state;

	build(&b, MADE_IMAGE);
	dbuf_init(&text, IMAGE_MANIFEST_BYTES);
	image_file_open(&f, made.paths[MADE_IMAGE], &e);
	image_file_part(&f, image_part(&f.image, IMAGE_MANIFEST), &text, &e);
	image_file_close(&f);
	assert_int_equal(parse(dbuf_text(&text), text.len, &e), ERR_OK);
	assert_int_equal(parse(dbuf_text(&text), text.len - 1, &e),
			 ERR_INTEGRITY);
	/* every byte: no JSON any more, another content, or another way to
	 * write it. What the header does not know may change: expectations,
	 * and the hashes of archives that are not there. */
	changed = strdup(dbuf_text(&text));
	for (size_t i = 0; i < text.len; i++) {
		changed[i] ^= 1;
		if (parse(changed, text.len, &e) != ERR_INTEGRITY)
			assert_true(is_free(dbuf_text(&text), i));
		changed[i] ^= 1;
	}
	free(changed);
	dbuf_fini(&text);
}

/* -------- versions -------- */

static void test_versions(void **state)
{
	static const char *const rising[] = {
		"0.9",	 "1.0-rc1", "1.0-rc2", "1.0-rc10", "1.0",
		"1.0.1", "1.0.9",   "1.0.10",  "1.1-a",	   "1.1",
		"2",	 "2.0",	    "10",      "2026.1",   "2026.1.01a"};
	const unsigned n = sizeof(rising) / sizeof(rising[0]);
	(void)state;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < n; k++) {
			int order = image_version_compare(rising[i], rising[k]);

			if ((order < 0) != (i < k) || (order > 0) != (i > k))
				fail_msg("%s and %s: %d", rising[i], rising[k],
					 order);
		}
	assert_int_equal(image_version_compare("v1.2", "1.2+build.7"), 0);
	assert_int_equal(image_version_compare("1.02", "1.2"), 0);
	assert_true(image_version_compare("1.0~rc1", "1.0") < 0);
	assert_true(image_version_compare("1.0~rc1", "1.0.1") < 0);
}

/* -------- two releases -------- */

static const struct compare_row *row(const struct comparison *c, uint32_t type)
{
	for (unsigned i = 0; i < c->count; i++)
		if (c->rows[i].type == type)
			return &c->rows[i];
	return NULL;
}

/* MADE_IMAGE against MADE_IMAGE_2, and the bytes as a plain count has them */
static void compare(struct comparison *c, struct image_file *a,
		    struct image_file *b)
{
	uint8_t x, y;
	uint32_t bytes = 0;
	struct err e;

	assert_int_equal(image_file_open(a, made.paths[MADE_IMAGE], &e),
			 ERR_OK);
	assert_int_equal(image_file_open(b, made.paths[MADE_IMAGE_2], &e),
			 ERR_OK);
	assert_int_equal(image_compare(a, b, c, &e), ERR_OK);
	for (uint32_t at = 0; at < b->image.image_bytes; at++) {
		x = 0xFF;
		if (at < a->image.image_bytes)
			image_window_read(&a->window, at, &x, 1);
		image_window_read(&b->window, at, &y, 1);
		bytes += x != y;
	}
	assert_int_equal(c->all.bytes, bytes);
}

static void test_compare(void **state)
{
	struct image_build b = image_maker_inputs(&made);
	struct image_file old, new;
	struct comparison c;
	struct err e;
	(void)state;

	b.align = 0;
	build(&b, MADE_IMAGE);
	build(&b, MADE_IMAGE_2);
	compare(&c, &old, &new);
	assert_int_equal(c.all.bytes + c.all.blocks + c.all.sectors, 0);
	for (unsigned i = 0; i < c.count; i++)
		assert_int_equal(c.rows[i].state, COMPARE_SAME);
	image_file_close(&old);
	image_file_close(&new);

	/* the kernel's version rises, the application stays away from its
	 * bundle, data comes */
	image_maker_program(made.paths[MADE_KERNEL], LAYOUT_PROGRAM_KERNEL,
			    1200, "1.4");
	image_maker_data(made.paths[MADE_DATA], 70000, 2);
	b.version = "2026.2";
	b.app_path = made.paths[MADE_APP];
	b.data_path = made.paths[MADE_DATA];
	build(&b, MADE_IMAGE_2);
	compare(&c, &old, &new);
	assert_int_equal(row(&c, IMAGE_KERNEL)->state, COMPARE_CHANGED);
	assert_int_equal(row(&c, IMAGE_KERNEL)->cost.bytes, 1);
	assert_int_equal(row(&c, IMAGE_KERNEL)->cost.sectors, 1);
	assert_int_equal(row(&c, IMAGE_KERNEL)->cost.blocks, 1);
	assert_int_equal(row(&c, IMAGE_TEST)->state, COMPARE_SAME);
	assert_int_equal(row(&c, IMAGE_APP)->state, COMPARE_SAME);
	assert_int_equal(row(&c, IMAGE_APP)->cost.bytes, 0);
	assert_int_equal(row(&c, IMAGE_APP_BUNDLE)->state, COMPARE_GONE);
	assert_int_equal(row(&c, IMAGE_DATA)->state, COMPARE_NEW);
	assert_int_equal(row(&c, IMAGE_DATA)->cost.blocks, 2);
	assert_int_equal(row(&c, IMAGE_DATA)->cost.sectors, 18);
	assert_int_equal(row(&c, IMAGE_DATA)->cost.erased, 0);
	/* block 0, the kernel's, two of data */
	assert_int_equal(c.all.blocks, 4);
	assert_int_equal(image_not_older(&new.image, &old.image, &e), ERR_OK);
	assert_int_equal(image_not_older(&old.image, &new.image, &e),
			 ERR_INTEGRITY);
	assert_non_null(strstr(e.text, "0x00000048 (header)"));
	/* a newer release with an older kernel */
	strcpy(old.image.version, "2026.3");
	assert_int_equal(image_not_older(&old.image, &new.image, &e),
			 ERR_INTEGRITY);
	assert_non_null(strstr(e.text, "(kernel): version 1.3 is older"));
	strcpy(new.image.product, "other");
	assert_int_equal(image_not_older(&new.image, &old.image, &e),
			 ERR_INTEGRITY);
	image_file_close(&old);
	image_file_close(&new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_sampled_bits_of_a_large_image),
		cmocka_unit_test(test_cut_names_the_part),
		cmocka_unit_test(test_hook_gives_the_same_hashes),
		cmocka_unit_test(test_bundle_comes_out_again),
		cmocka_unit_test(test_bundle_must_be_the_one_told),
		cmocka_unit_test(test_damaged_bundles_are_refused),
		cmocka_unit_test(test_wrong_expectations),
		cmocka_unit_test(test_manifest_has_one_text),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_compare),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
