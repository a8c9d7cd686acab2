/* Boards that are not good, images and licences that are not right, resets at
 * bad moments, noise: the firmware says what is wrong with the right code, or
 * gets to the end all the same. */
#include "tests/unit/firmware/rig.h"
#include "tests/unit/firmware/station.h"

#include "proto/board/layout.h"
#include "proto/image/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define DIALOGUE_MS 120000u

static struct rig rig;
static struct station st;

/* A whole dialogue with such a board; it stays for a closer look. */
static void run(const struct rig_board *b)
{
	rig_board(&rig, b);
	station_init(&st);
	station_talk(&st, &rig, DIALOGUE_MS);
}

static void expect_fail(const char *code)
{
	assert_string_equal(st.fail, code);
	assert_false(st.done);
}

static bool flash_blank(uint32_t offset, size_t len)
{
	size_t size;
	const uint8_t *flash = chip_flash(rig.chip, &size);

	for (size_t i = 0; i < len; i++)
		if (flash[offset + i] != 0xFF)
			return false;
	return true;
}

/* -------- peripherals -------- */

static void peripheral(const char *fault, const char *code, unsigned tests)
{
	const char *const faults[] = {fault, NULL};

	run(&(struct rig_board){.faults = faults});
	expect_fail(code);
	assert_int_equal(st.tests, tests);
	assert_string_equal(st.installed, "hardware-test");
	assert_int_equal(st.csr_len, 0);
	rig_board_free(&rig);
}

static void test_peripherals(void **state)
{
	(void)state;
	peripheral("modem-fail", "modem", 7);
	peripheral("sim-fail", "sim", 8);
	peripheral("wifi-fail", "wifi", 10);
	/* bytes without end are no answer either: every wait has its budget */
	peripheral("firmware-hang", "wifi", 9);
}

static void test_application_test(void **state)
{
	const char *const faults[] = {"app-test-fail", NULL};
	(void)state;

	run(&(struct rig_board){.faults = faults});
	assert_true(st.have_status);
	assert_int_equal(st.status, 3);
	assert_false(st.done);
	assert_string_equal(st.installed, "hardware-test kernel");
	/* the test runs again on a reset, and nothing else does */
	station_init(&st);
	rig_reset(&rig);
	station_talk(&st, &rig, DIALOGUE_MS);
	assert_string_equal(st.boots, "kernel");
	assert_int_equal(st.status, 3);
	assert_false(st.done);
	rig_board_free(&rig);
}

static void test_attestation_damaged(void **state)
{
	const char *const faults[] = {"csr-bad-signature", NULL};
	(void)state;

	run(&(struct rig_board){.faults = faults});
	assert_false(st.attest_good);
	rig_board_free(&rig);
}

/* -------- licence and image -------- */

static void test_licence(void **state)
{
	(void)state;
	run(&(struct rig_board){.licence_flip = 100});
	expect_fail("licence-rejected");
	assert_true(flash_blank(LAYOUT_TEST, 4096));
	assert_true(flash_blank(LAYOUT_BOOT_RECORD, LAYOUT_PAGE_BYTES));
	rig_board_free(&rig);
	run(&(struct rig_board){.firmware_id = "another-firmware"});
	expect_fail("licence-rejected");
	rig_board_free(&rig);
}

static bool read_image(void *arg, uint32_t offset, void *buf, size_t len)
{
	memcpy(buf, ((const struct dbuf *)arg)->data + offset, len);
	return true;
}

static const struct image_part *part_of(enum layout_program type)
{
	static struct image im;

	assert_int_equal(
		image_open(&im, read_image, &rig.image, rig.image.len, NULL),
		IMAGE_OK);
	return image_part(&im, type);
}

static void damaged_image(uint32_t at, const char *code)
{
	struct dbuf image;

	dbuf_init(&image, IMAGE_MAX_BYTES);
	dbuf_add(&image, rig.image.data, rig.image.len);
	image.data[at] ^= 0x20;
	run(&(struct rig_board){.image = &image});
	expect_fail(code);
	rig_board_free(&rig);
	dbuf_fini(&image);
}

static void test_image_damaged(void **state)
{
	(void)state;
	damaged_image(0, "image-rejected");
	damaged_image(IMAGE_AT_VERSION, "image-rejected");
	damaged_image(IMAGE_AT_GCM_TAG, "image-rejected");
	damaged_image(part_of(LAYOUT_PROGRAM_TEST)->offset + 9000,
		      "image-rejected");
	damaged_image(part_of(LAYOUT_PROGRAM_KERNEL)->offset + 100,
		      "kernel-install");
	damaged_image(part_of(LAYOUT_PROGRAM_APP)->offset, "app-install");
}

/* A genuine image, but made with another SFI key. */
static void test_image_of_another_card(void **state)
{
	static struct rig other;
	(void)state;

	rig_init(&other, &rig_bench);
	run(&(struct rig_board){.image = &other.image});
	expect_fail("image-rejected");
	assert_true(flash_blank(LAYOUT_TEST, 4096));
	rig_board_free(&rig);
	rig_fini(&other);
}

/* The NOR is exchanged after the loader has accepted what was in it. */
static void test_image_exchanged(void **state)
{
	static struct rig other;
	uint8_t *nor;
	size_t len;
	(void)state;

	rig_init(&other, &rig_bench);
	rig_board(&rig, NULL);
	station_init(&st);
	st.stop_at = "INSTALLED program=hardware-test";
	station_talk(&st, &rig, DIALOGUE_MS);
	nor = (uint8_t *)(uintptr_t)chip_nor(rig.chip, &len);
	memcpy(nor, other.image.data, other.image.len);
	st.stop_at = NULL;
	station_talk(&st, &rig, DIALOGUE_MS);
	expect_fail("qspi");
	rig_board_free(&rig);
	rig_fini(&other);
}

static void test_certificate_of_another_key(void **state)
{
	(void)state;
	rig_board(&rig, NULL);
	station_init(&st);
	st.wrong_certificate = true;
	station_talk(&st, &rig, DIALOGUE_MS);
	expect_fail("certificate-store");
	assert_false(st.stored);
	assert_true(flash_blank(LAYOUT_IDENTITY + LAYOUT_PAGE_BYTES,
				LAYOUT_PAGE_BYTES));
	rig_board_free(&rig);
}

/* -------- resets and noise -------- */

/* Reset the board wait_ms after a line with this text; it must get to the end
 * all the same. */
static void reset_after(const char *text, unsigned wait_ms, bool key_kept)
{
	uint8_t key_before[LAYOUT_PAGE_BYTES];
	const uint8_t *flash;
	size_t size;

	rig_board(&rig, NULL);
	station_init(&st);
	st.stop_at = text;
	station_talk(&st, &rig, DIALOGUE_MS);
	chip_advance(rig.chip, wait_ms * 1000000ull);
	flash = chip_flash(rig.chip, &size);
	memcpy(key_before, flash + LAYOUT_IDENTITY, sizeof(key_before));
	rig_reset(&rig);
	station_init(&st);
	station_talk(&st, &rig, DIALOGUE_MS);
	if (st.fail[0] != '\0')
		fail_msg("reset after %s: %s %s", text, st.fail, st.fail_text);
	assert_true(st.done);
	if (key_kept)
		assert_memory_equal(flash + LAYOUT_IDENTITY, key_before,
				    sizeof(key_before));
	rig_board_free(&rig);
}

static void test_resets(void **state)
{
	(void)state;
	reset_after("STAGE name=decrypt percent=0", 25, false);
	reset_after("STAGE name=decrypt percent=0", 120, false);
	reset_after("INSTALLED program=hardware-test", 0, false);
	reset_after("STAGE name=keygen", 72, false);
	reset_after("IDENTITY", 5, true);
	reset_after("READY want=certificate", 4, true);
	reset_after("STORED", 0, true);
	reset_after("STAGE name=install percent=0", 8, true);
	reset_after("INSTALLED program=kernel", 0, true);
	reset_after("APP_TEST status=0", 12, true);
}

static void test_noise(void **state)
{
	(void)state;
	rig_board(&rig, NULL);
	station_init(&st);
	rig.flip_every = 307; /* every second certificate line */
	station_talk(&st, &rig, DIALOGUE_MS);
	rig.flip_every = 0;
	if (st.fail[0] != '\0')
		fail_msg("%s: %s", st.fail, st.fail_text);
	assert_true(st.done);
	assert_true(st.csr_good && st.attest_good && st.stored);
	assert_true(st.resends > 0);
	rig_board_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peripherals),
		cmocka_unit_test(test_application_test),
		cmocka_unit_test(test_attestation_damaged),
		cmocka_unit_test(test_licence),
		cmocka_unit_test(test_image_damaged),
		cmocka_unit_test(test_image_of_another_card),
		cmocka_unit_test(test_image_exchanged),
		cmocka_unit_test(test_certificate_of_another_key),
		cmocka_unit_test(test_resets),
		cmocka_unit_test(test_noise),
	};
	int failed;

	rig_init(&rig, &rig_bench);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rig_fini(&rig);
	return failed;
}
