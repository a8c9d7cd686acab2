/* The attempt's state machine over a board, a card and a controller in
 * memory, with the real spool, cache, keeper and dialogue. */
#include "agent/flow/attempt.h"
#include "agent/flow/cardbox.h"
#include "agent/flow/harness.h"
#include "agent/flow/keeper.h"
#include "agent/flow/limits.h"
#include "agent/flow/resume.h"
#include "agent/flow/steps.h"
#include "proto/base/hex.h"
#include "proto/base/log.h"
#include "tests/unit/agent/fake_image.h"
#include "tests/unit/agent/fake_line.h"

#include <mbedtls/sha256.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>

static struct dbuf image;
static char image_hash[65];
static uint8_t loader[100];
static struct product_expect expected; /* nothing, unless a test says so */

/* ---- one station, made anew for each test ---- */

static struct {
	char dir[64];
	struct station st;
	struct keeper keeper;
	struct target *target;
	bool up;
} world;

static void open_world(void)
{
	const char *names[] = {"h1"};
	char path[96];
	struct err e;
	struct spool *spool;

	snprintf(path, sizeof(path), "%s/spool.db", world.dir);
	if (spool_open(&spool, path, &e) != ERR_OK)
		fail_msg("%s", e.text);
	assert_int_equal(resume_recover(spool, &e), ERR_OK);
	station_init(&world.st, names, 1);
	world.st.spool = spool;
	world.st.link = (struct link *)1; /* the fake needs none */
	world.st.harness[0].loader = loader;
	world.st.harness[0].loader_len = sizeof(loader);
	world.st.silence_ms = 1000; /* beyond a repeat or two */
	assert_int_equal(cache_new(&world.st.cache, world.dir, 64u << 20,
				   world.st.link, &e),
			 ERR_OK);
	assert_int_equal(cardbox_start(&world.st.cards, "*PCD*", &e), ERR_OK);
	assert_int_equal(keeper_start(&world.keeper, &world.st, &e), ERR_OK);
	assert_int_equal(target_open(&world.target, NULL, &e), ERR_OK);
	world.up = true;
}

static void close_world(void)
{
	if (!world.up)
		return;
	station_stop(&world.st);
	keeper_join(&world.keeper);
	cardbox_stop(world.st.cards);
	cache_free(world.st.cache);
	spool_close(world.st.spool);
	station_fini(&world.st);
	world.up = false;
}

static int set_up(void **state)
{
	(void)state;
	fake_reset();
	memset(&expected, 0, sizeof(expected));
	fake.image = image.data;
	fake.image_len = image.len;
	strcpy(world.dir, "/tmp/provline-flow-XXXXXX");
	assert_non_null(mkdtemp(world.dir));
	open_world();
	return 0;
}

static int tear_down(void **state)
{
	char command[96];

	(void)state;
	close_world();
	snprintf(command, sizeof(command), "rm -rf %s", world.dir);
	return system(command);
}

static struct msg_ASSIGNMENT job(void)
{
	struct msg_ASSIGNMENT a = {.lot = "L1", .lot_state = "running"};

	memcpy(a.image_sha256, image_hash, sizeof(a.image_sha256));
	a.image_len = image.len;
	strcpy(a.fwid, "fw-1");
	return a;
}

static struct attempt_end run(void)
{
	struct msg_ASSIGNMENT order = job();
	struct attempt_end end;
	struct err e;

	if (!fake.away && cache_ensure(world.st.cache, 0, image_hash, image.len,
				       mono_after_ms(1000), &e) != ERR_OK)
		fail_msg("%s", e.text);
	if (attempt_run(&world.st, 0, world.target, &order, &expected, &end,
			&e) != ERR_OK)
		fail_msg("%s", e.text);
	return end;
}

/* Until the controller has this many results. */
static void await_results(unsigned n)
{
	struct mono deadline = mono_after_ms(5000);

	while (fake.results < n && !mono_passed(deadline))
		mono_sleep_ms(5);
	assert_int_equal(fake.results, n);
}

/* Run; the attempt must fail with this code in this step. */
static struct attempt_end run_failing(enum failure f, enum step step)
{
	unsigned before = fake.results;
	struct attempt_end end = run();

	assert_string_equal(failure_code(end.failure), failure_code(f));
	assert_int_equal(end.outcome, OUTCOME_FAIL);
	await_results(before + 1);
	assert_string_equal(fake.result.outcome, "fail");
	assert_string_equal(fake.result.failure_code, failure_code(f));
	assert_string_equal(fake.result.failure_step, step_name(step));
	return end;
}

/* ---- table ---- */

static void table_follows_steps_def(void **state)
{
	(void)state;
	for (int s = 0; s < STEP_COUNT; s++) {
		assert_int_equal(flow_steps[s].step, s);
		assert_int_equal(flow_steps[s].irreversible,
				 step_irreversible((enum step)s));
		assert_int_equal(flow_steps[s].run == NULL, s == STEP_RECORD);
		assert_int_equal(flow_steps[s].budget_ms > 0, s != STEP_RECORD);
	}
}

/* ---- passing ---- */

static void passes(void **state)
{
	struct attempt_end end = run();

	(void)state;
	assert_int_equal(end.outcome, OUTCOME_PASS);
	assert_true(end.recorded);
	assert_int_equal(fake.results, 1);
	assert_int_equal(fake.counter, 49);
	assert_int_equal(fake.licences_recorded, 1);
	assert_string_equal(fake.result.outcome, "pass");
	assert_string_equal(fake.result.failure_code, "");
	assert_string_equal(fake.result.nor_sha256, image_hash);
	assert_int_equal(fake.result.counter_before, 50);
	assert_int_equal(fake.result.counter_after, 49);
	assert_int_equal(fake.result.app_test_status, 0);
	assert_int_equal(fake.result.steps_n, STEP_RECORD);
	for (size_t i = 0; i < fake.result.steps_n; i++)
		assert_string_equal(fake.result.steps[i].state, "done");
	assert_int_equal(fake.result.measurements_n, 2);
	assert_int_equal(strlen(fake.result.cert_sha256), 64);
	/* the DUT's text is data: no terminal is driven by it */
	assert_non_null(strstr(fake.result.log, "hello \\x1b[2J operator"));
	assert_null(strchr(fake.result.log, '\x1b'));
}

/* What the harness counts, what the steps measure, and a rest that makes the
 * cycle time of it. */
static void time_is_accounted(void **state)
{
	const struct msg_RESULT *r = &fake.result;
	int64_t sum = 0;

	(void)state;
	fake.counts = (struct target_counts){.wire_ns = 7000000000u,
					     .usb_ns = 9000000000u};
	fake.csr_ms = 300;
	assert_int_equal(run().outcome, OUTCOME_PASS);
#define ACCOUNT(name, what) sum += (int64_t)r->name;
#include "proto/account.def"
#undef ACCOUNT
	assert_int_equal(sum + r->rest_ms, r->cycle_ms);
	assert_int_equal(r->wire_ms, FAKE_NOR_WIRE_MS);
	assert_int_equal(r->usb_ms, FAKE_NOR_USB_MS);
	assert_in_range(r->cloud_ms, 300, 2000);
	assert_in_range(r->wait_ms, 100, 101); /* contact, five looks */
}

static void second_attempt_reuses_licence(void **state)
{
	(void)state;
	fake.test_pass_flag = false;
	run_failing(FAILURE_MODEM, STEP_HARDWARE_TEST);
	fake.test_pass_flag = true;
	fake.locked = false; /* repaired and erased */
	assert_int_equal(run().outcome, OUTCOME_PASS);
	assert_int_equal(fake.counter, 49);
	assert_int_equal(fake.licences_recorded, 1);
	assert_int_equal(fake.result.counter_before, -1);
	assert_int_equal(strlen(fake.result.licence_id), 16);
}

/* ---- each way to fail ---- */

static void fails_flapping(void **state)
{
	(void)state;
	fake.flapping = true;
	assert_true(run_failing(FAILURE_NO_CONTACT, STEP_DETECT).retry ==
		    false); /* no permit, so no word about a retest */
}

static void fails_foreign(void **state)
{
	(void)state;
	fake.dev_id = 0x481;
	run_failing(FAILURE_FOREIGN_CHIP, STEP_IDENTIFY);
	assert_int_equal(fake.permits, 0);
	memset(fake.uid, 0, sizeof(fake.uid)); /* unread */
	run_failing(FAILURE_FOREIGN_CHIP, STEP_IDENTIFY);
	assert_string_equal(fake.result.uid, "");
}

static void fails_rdp(void **state)
{
	(void)state;
	fake.rdp = 0xDC;
	run_failing(FAILURE_RDP_LOCKED, STEP_IDENTIFY);
}

static void fails_locked_elsewhere(void **state)
{
	(void)state;
	fake.locked = true;
	run_failing(FAILURE_RDP_LOCKED, STEP_PERMIT);
	assert_int_equal(fake.permits, 0);
}

static void fails_half_locked_elsewhere(void **state)
{
	(void)state;
	fake.tzen = true;
	run_failing(FAILURE_RDP_LOCKED, STEP_PERMIT);
	assert_int_equal(fake.permits, 0);
}

static void fails_permit(void **state)
{
	(void)state;
	fake.permit_error = ERR_QUOTA;
	run_failing(FAILURE_PERMIT_REFUSED, STEP_PERMIT);
	assert_non_null(strstr(fake.result.failure_text, "set by the test"));
	fake.permit_error = ERR_EXISTS;
	run_failing(FAILURE_PROVISIONED, STEP_PERMIT);
}

static void fails_nor(void **state)
{
	(void)state;
	fake.nor_error = ERR_NOT_FOUND;
	run_failing(FAILURE_NOR_MISSING, STEP_SPI_FLASH);
	fake.nor_error = ERR_OK;
	fake.nor_bytes = 4u << 20;
	run_failing(FAILURE_NOR_WRONG_SIZE, STEP_SPI_FLASH);
	fake.nor_bytes = 8u << 20;
	fake.program_error = ERR_TIMEOUT;
	run_failing(FAILURE_NOR_STUCK, STEP_SPI_FLASH);
	fake.program_error = ERR_INTEGRITY;
	run_failing(FAILURE_NOR_VERIFY, STEP_SPI_FLASH);
	fake.program_error = ERR_OK;
	fake.nor_other_bytes = true;
	run_failing(FAILURE_NOR_VERIFY, STEP_SPI_FLASH);
	assert_int_equal(fake.counter, 50);
}

/* Before a byte of it is erased or written. */
static void fails_wrong_nor_part(void **state)
{
	(void)state;
	memcpy(fake.nor_id, "\xef\x40\x17", 3);
	memcpy(expected.jedec_ids, "\xc2\x28\x17\xef\x40\x18", 6);
	expected.id_n = 2;
	run_failing(FAILURE_NOR_WRONG_PART, STEP_SPI_FLASH);
	assert_string_equal(fake.result.failure_text,
			    "JEDEC id ef4017, the product is built with "
			    "c22817, ef4018");
	assert_int_equal(fake.programmed_to, 0);
	assert_int_equal(fake.counter, 50);
	/* half the size is what it fails by, whatever its name */
	fake.nor_bytes = 4u << 20;
	run_failing(FAILURE_NOR_WRONG_SIZE, STEP_SPI_FLASH);
	fake.nor_bytes = 8u << 20;
	memcpy(fake.nor_id, "\xef\x40\x18", 3);
	assert_int_equal(run().outcome, OUTCOME_PASS);
}

/* Altered before: fetched anew. Altered while it is read for the board: not a
 * byte of the block goes there, and one clear failure ends the attempt. */
static void fails_altered_image(void **state)
{
	char path[200];
	FILE *f;

	(void)state;
	assert_int_equal(run().outcome, OUTCOME_PASS);
	snprintf(path, sizeof(path), "%s/images/%s.pli", world.dir, image_hash);
	f = fopen(path, "r+b");
	assert_non_null(f);
	assert_int_equal(fseek(f, 9999, SEEK_SET), 0);
	fputc(image.data[9999] ^ 1, f);
	fclose(f);
	fake.locked = false;
	fake.uid[0] ^= 1;
	assert_int_equal(run().outcome, OUTCOME_PASS);
	assert_int_equal(fake.image_served, 2 * image.len);
	fake.locked = false;
	fake.uid[0] ^= 2;
	fake.alter_path = path;
	fake.alter_at = image.len - 3000;
	run_failing(FAILURE_IMAGE_ALTERED, STEP_SPI_FLASH);
	assert_non_null(strstr(fake.result.failure_text, "near byte"));
	assert_true(fake.programmed_to <= fake.alter_at);
	assert_true(fake.programmed_to + 5096 > fake.alter_at);
}

static void fails_card(void **state)
{
	(void)state;
	fake.card_there = false;
	assert_true(run_failing(FAILURE_CARD_MISSING, STEP_LICENCE).retry);
	fake.card_there = true;
	fake.counter = 0;
	run_failing(FAILURE_CARD_EMPTY, STEP_LICENCE);
	fake.counter = 50;
	fake.card_fwid[3] = '2';
	run_failing(FAILURE_CARD_WRONG, STEP_LICENCE);
	fake.card_fwid[3] = '1';
	fake.card_operational = false;
	run_failing(FAILURE_CARD_WRONG, STEP_LICENCE);
	fake.card_operational = true;
	fake.cert_error = ERR_TARGET_FAULT;
	run_failing(FAILURE_CHIP_CERTIFICATE, STEP_LICENCE);
	assert_int_equal(fake.counter, 50);
	assert_int_equal(fake.licences_recorded, 0);
}

static void lost_licence_is_indeterminate(void **state)
{
	struct attempt_end end;

	(void)state;
	fake.licence_lost = true;
	end = run();
	assert_int_equal(end.outcome, OUTCOME_INDETERMINATE);
	await_results(1);
	assert_string_equal(fake.result.outcome, "indeterminate");
	assert_int_equal(fake.result.counter_after, 49);
}

static void unrecorded_licence_is_not_used(void **state)
{
	(void)state;
	fake.licence_record_error = ERR_CONFLICT;
	run_failing(FAILURE_PERMIT_REFUSED, STEP_LICENCE);
	assert_false(fake.locked);
}

static void fails_flash(void **state)
{
	(void)state;
	fake.flash_error = ERR_INTEGRITY;
	run_failing(FAILURE_FLASH_WRITE, STEP_SFI_LOAD);
}

static void fails_lock(void **state)
{
	(void)state;
	fake.lock_stays_open = true;
	run_failing(FAILURE_LOCK_FAILED, STEP_LOCK_DOWN);
	fake.lock_error = ERR_STATE;
	run_failing(FAILURE_LOCK_FAILED, STEP_LOCK_DOWN);
}

static void lost_in_lock_down_is_indeterminate(void **state)
{
	struct attempt_end end;

	(void)state;
	fake.lock_error = ERR_PROBE_GONE;
	end = run();
	assert_int_equal(end.outcome, OUTCOME_INDETERMINATE);
	assert_int_equal(end.failure, FAILURE_PROBE_LOST);
}

/* fault at an item of the DUT's script, and what must come of it */
static void expect(enum dut_item at, enum dut_fault fault, enum failure f,
		   enum step step)
{
	fake.at = at;
	fake.fault = fault;
	fake.uid[11]++; /* another unit each time */
	fake.locked = false;
	run_failing(f, step);
}

static void fails_silent(void **state)
{
	(void)state;
	expect(DUT_BOOT_LOADER, DUT_HANG, FAILURE_NO_BOOT, STEP_SFI_INSTALL);
	expect(DUT_INSTALLED_TEST, DUT_HANG, FAILURE_UART_LOST,
	       STEP_SFI_INSTALL);
	expect(DUT_TEST_2, DUT_HANG, FAILURE_UART_LOST, STEP_HARDWARE_TEST);
	expect(DUT_CSR_2, DUT_HANG, FAILURE_UART_LOST, STEP_IDENTITY);
	expect(DUT_INSTALLED_KERNEL, DUT_HANG, FAILURE_UART_LOST,
	       STEP_MICROVISOR_INSTALL);
	expect(DUT_BOOT_KERNEL, DUT_HANG, FAILURE_NO_BOOT, STEP_APP_TEST);
	expect(DUT_APP_TEST, DUT_HANG, FAILURE_APP_TEST_TIMEOUT, STEP_APP_TEST);
	expect(DUT_DONE, DUT_HANG, FAILURE_UART_LOST, STEP_APP_INSTALL);
}

static void fails_as_the_dut_says(void **state)
{
	(void)state;
	fake.fail_code = "wifi";
	expect(DUT_TEST_2, DUT_FAIL, FAILURE_WIFI, STEP_HARDWARE_TEST);
	assert_string_equal(fake.result.failure_text, "seen \\x1b[31m");
	fake.fail_code = "licence-rejected";
	expect(DUT_STAGE, DUT_FAIL, FAILURE_LICENCE_REJECTED, STEP_SFI_INSTALL);
	fake.fail_code = "no-such-code";
	expect(DUT_READY, DUT_FAIL, FAILURE_FIRMWARE_UNKNOWN,
	       STEP_HARDWARE_TEST);
	fake.fail_code = "certificate-store";
	expect(DUT_STORED, DUT_FAIL, FAILURE_CERT_STORE, STEP_CERTIFICATE);
}

/* Another unit passes, whatever is expected of it. */
static void survives_expected(void)
{
	fake.at = DUT_NOWHERE;
	fake.uid[11]++;
	fake.locked = false;
	assert_int_equal(run().outcome, OUTCOME_PASS);
}

static void judges_limits_itself(void **state)
{
	(void)state;
	fake.test_value = "21"; /* limits 5 to 20, and the DUT says pass */
	expect(DUT_NOWHERE, DUT_HANG, FAILURE_MODEM, STEP_HARDWARE_TEST);
	fake.test_value = "1e1";
	expect(DUT_NOWHERE, DUT_HANG, FAILURE_MODEM, STEP_HARDWARE_TEST);
}

static struct product_limit *expect_limit(const char *name, int64_t min,
					  int64_t max)
{
	struct product_limit *l = &expected.limits[expected.limit_n++];

	snprintf(l->name, sizeof(l->name), "%s", name);
	l->has_min = l->has_max = true;
	l->min = min;
	l->max = max;
	return l;
}

static void judges_by_the_product_too(void **state)
{
	const struct msg_MEASUREMENT *m = &fake.result.measurements[1];
	struct product_limit *l = expect_limit("modem", 11, 30);

	(void)state; /* modem is 10, its own limits 5 to 20 */
	expect(DUT_NOWHERE, DUT_HANG, FAILURE_MODEM, STEP_HARDWARE_TEST);
	assert_string_equal(m->low, "11");
	assert_string_equal(m->high, "20");
	assert_false(m->pass);
	assert_string_equal(fake.result.failure_text,
			    "modem is 10 , limits 11 to 20");
	l->min = 3;
	survives_expected();
	assert_string_equal(m->low, "5");
	assert_true(m->pass);
	strcpy(l->unit, "dB");
	expect(DUT_NOWHERE, DUT_HANG, FAILURE_MODEM, STEP_HARDWARE_TEST);
	assert_non_null(strstr(fake.result.failure_text, "are in \"dB\""));
}

/* Unknown is never pass; what was measured before a reset does not count. */
static void fails_what_was_not_measured(void **state)
{
	(void)state;
	expect_limit("rng", 0, 100);
	expect_limit("rail-mv", 3000, 3600);
	expect(DUT_NOWHERE, DUT_HANG, FAILURE_FIRMWARE_UNKNOWN,
	       STEP_HARDWARE_TEST);
	assert_non_null(
		strstr(fake.result.failure_text, "rail-mv was not measured"));
	assert_int_equal(fake.result.measurements_n, 2);
	strcpy(expected.limits[1].name, "wifi-networks");
	expect(DUT_READY, DUT_RESET, FAILURE_WIFI, STEP_HARDWARE_TEST);
	expected.limit_n = 1;
	strcpy(expected.modules[0], "sim");
	expected.module_n = 1;
	expect(DUT_NOWHERE, DUT_HANG, FAILURE_SIM, STEP_HARDWARE_TEST);
	strcpy(expected.modules[0], "modem");
	survives_expected();
}

static void limits(void **state)
{
	(void)state;
	assert_true(limits_hold("x", "", ""));
	assert_true(limits_hold("5", "5", "5"));
	assert_true(limits_hold("-1.5", "-2", ""));
	assert_false(limits_hold("-2.5", "-2", ""));
	assert_false(limits_hold("5.01", "", "5"));
	assert_false(limits_hold("", "1", ""));
	assert_false(limits_hold("nan", "1", "2"));
	assert_false(limits_hold("0x2", "1", "3"));
	assert_false(limits_hold("2 ", "1", "3"));
	assert_true(limits_hold("READY", "READY", ""));
	assert_false(limits_hold("READYX", "READY", ""));
	assert_false(limits_hold("READY", "READY", "1"));
}

static void checks_what_the_dut_reports(void **state)
{
	(void)state;
	fake.installed_other = true;
	expect(DUT_NOWHERE, DUT_HANG, FAILURE_IMAGE_REJECTED, STEP_SFI_INSTALL);
	fake.installed_other = false;
	fake.device_id = "PVffffffffffffffffffffffffffffffff";
	expect(DUT_NOWHERE, DUT_HANG, FAILURE_IDENTITY_WRONG, STEP_IDENTITY);
	fake.device_id = "PV00112233445566778899aabbccddeeff";
	fake.stored_other = true;
	expect(DUT_NOWHERE, DUT_HANG, FAILURE_CERT_STORE, STEP_CERTIFICATE);
	fake.stored_other = false;
	fake.app_test_status = 3;
	expect(DUT_NOWHERE, DUT_HANG, FAILURE_APP_TEST, STEP_APP_TEST);
	assert_int_equal(fake.result.app_test_status, 3);
}

static void fails_certificate(void **state)
{
	(void)state;
	fake.csr_error = ERR_INTEGRITY;
	expect(DUT_NOWHERE, DUT_HANG, FAILURE_CSR_INVALID, STEP_CERTIFICATE);
	fake.csr_error = ERR_CLOUD;
	expect(DUT_NOWHERE, DUT_HANG, FAILURE_CLOUD_DOWN, STEP_CERTIFICATE);
	fake.csr_error = ERR_REFUSED;
	expect(DUT_NOWHERE, DUT_HANG, FAILURE_CSR_REFUSED, STEP_CERTIFICATE);
}

static void sees_the_board_go(void **state)
{
	(void)state;
	world.st.silence_ms = 4000;
	expect(DUT_STAGE, DUT_GONE, FAILURE_CONTACT_LOST, STEP_SFI_INSTALL);
	fake.present = true;
	fake.program_error = ERR_NO_TARGET;
	expect(DUT_NOWHERE, DUT_HANG, FAILURE_CONTACT_LOST, STEP_SPI_FLASH);
}

/* ---- what must not disturb ---- */

static void survives(enum dut_item at, enum dut_fault fault)
{
	fake.at = at;
	fake.fault = fault;
	fake.uid[11]++;
	fake.locked = false;
	assert_int_equal(run().outcome, OUTCOME_PASS);
	assert_int_equal(fake.result.measurements_n, 2);
	assert_int_equal(fake.result.steps_n, STEP_RECORD);
}

static void survives_noise_and_doubles(void **state)
{
	(void)state;
	for (int at = 0; at < DUT_END; at++) {
		if (at == DUT_APP_LOG)
			continue;
		survives((enum dut_item)at, DUT_NOISE);
		survives((enum dut_item)at, DUT_TWICE);
	}
}

static void a_busy_host_is_no_silence(void **state)
{
	(void)state;
	fake.at = DUT_STORED;
	fake.fault = DUT_NOISE; /* an answer gets lost: the line is quiet */
	fake.stall_ms = 1500;
	assert_int_equal(run().outcome, OUTCOME_PASS);
	assert_int_equal(fake.stall_ms, 0);
}

static void survives_reset_of_the_dut(void **state)
{
	static const enum dut_item at[] = {DUT_INSTALLED_TEST,	DUT_TEST_2,
					   DUT_IDENTITY,	DUT_CSR_2,
					   DUT_STORED,		DUT_APP_TEST,
					   DUT_INSTALLED_KERNEL};

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		survives(at[i], DUT_RESET);
}

/* ---- the controller ---- */

/* A DUT that is not listened to stops after its repeats: it must have nothing
 * to say while the cloud is asked. */
static void cloud_may_take_its_time(void **state)
{
	(void)state;
	fake.csr_ms = 3500;
	assert_int_equal(run().outcome, OUTCOME_PASS);
}

static void *come_back(void *arg)
{
	(void)arg;
	mono_sleep_ms(700);
	fake.result_away = false;
	return NULL;
}

static void waits_for_the_record(void **state)
{
	struct mono started = mono_now();
	pthread_t thread;

	(void)state;
	fake.result_away = true;
	fake.light = TARGET_LIGHT_BUSY;
	assert_int_equal(pthread_create(&thread, NULL, come_back, NULL), 0);
	assert_true(run().recorded);
	assert_true(mono_diff_ms(mono_now(), started) >= 650);
	assert_int_equal(fake.results, 1);
	pthread_join(thread, NULL);
}

static void stops_when_the_lease_is_lost(void **state)
{
	(void)state;
	fake.renew_refused = true; /* and the lease is 900 ms */
	world.st.silence_ms = 2000;
	expect(DUT_READY, DUT_SLOW, FAILURE_PERMIT_REFUSED, STEP_CERTIFICATE);
	assert_string_equal(fake.result.cert_sha256, "");
}

/* ---- dying and coming back ---- */

/* The linker puts these around the journal. */
typeof(spool_attempt_step) __real_spool_attempt_step, __wrap_spool_attempt_step;
typeof(spool_attempt_end) __real_spool_attempt_end, __wrap_spool_attempt_end;

enum err_code __wrap_spool_attempt_step(struct spool *s, const char *attempt,
					const char *uid, enum step step,
					bool irreversible, const char *result,
					struct err *e)
{
	enum err_code rc;

	if (!irreversible && fake.dies_in == step && fake.dies_before)
		fake_die();
	rc = __real_spool_attempt_step(s, attempt, uid, step, irreversible,
				       result, e);
	if (!irreversible && fake.dies_in == step)
		fake_die();
	return rc;
}

enum err_code __wrap_spool_attempt_end(struct spool *s, const char *attempt,
				       const char *uid, enum outcome outcome,
				       const char *result, int64_t *id,
				       struct err *e)
{
	enum err_code rc;

	if (fake.dies_in == STEP_RECORD && fake.dies_before)
		fake_die();
	rc = __real_spool_attempt_end(s, attempt, uid, outcome, result, id, e);
	if (fake.dies_in == STEP_RECORD)
		fake_die();
	return rc;
}

/* Run one attempt in a process that dies at the point that is set; then come
 * back here. Board, card and controller are as it left them. */
static void die(void)
{
	pid_t child;
	int status = 0;

	close_world();
	fake_outlive();
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		open_world();
		(void)run();
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 9);
	fake_come_back();
	open_world();
	await_results(1);
}

static void die_at(enum crash c)
{
	fake.crash = c;
	die();
}

/* The board goes to another station, once this one has told the controller all
 * it knows: nothing of its disk is there. */
static void go_elsewhere(void)
{
	close_world();
	assert_int_equal(tear_down(NULL), 0);
	strcpy(world.dir, "/tmp/provline-flow-XXXXXX");
	assert_non_null(mkdtemp(world.dir));
	open_world();
}

static void recovers_outside(void **state)
{
	(void)state;
	die_at(CRASH_NOR);
	assert_string_equal(fake.result.outcome, "fail");
	assert_string_equal(fake.result.failure_code, "station");
	assert_string_equal(fake.result.failure_step, "spi-flash");
	assert_int_equal(run().outcome, OUTCOME_PASS);
	assert_int_equal(fake.results, 2);
}

static void recovers_in_licence(void **state)
{
	(void)state;
	die_at(CRASH_CARD);
	assert_string_equal(fake.result.outcome, "indeterminate");
	assert_string_equal(fake.result.failure_step, "licence");
	assert_string_equal(fake.result.card_serial, "CARD0001");
	assert_int_equal(fake.result.steps_n, 5);
	assert_string_equal(fake.result.steps[4].state, "unknown");
}

static void recovers_in_lock_down(void **state)
{
	(void)state;
	die_at(CRASH_LOCK);
	assert_string_equal(fake.result.outcome, "indeterminate");
	/* the licence is used again */
	assert_int_equal(run().outcome, OUTCOME_PASS);
	assert_int_equal(fake.result.counter_before, -1);
}

static void resumes(enum crash c, enum dut_item runs_from, const char *outcome)
{
	die_at(c);
	assert_string_equal(fake.result.outcome, outcome);
	fake.locked = true;
	fake.runs_from = runs_from;
	assert_int_equal(run().outcome, OUTCOME_PASS);
	assert_string_equal(fake.permit_asked.condition, "resumed");
	assert_string_equal(fake.result.nor_sha256, image_hash);
	assert_int_equal(strlen(fake.result.licence_id), 16);
	assert_int_equal(fake.counter, 49);
}

/* Died with TrustZone on and RDP still 0: lock-down is done again. */
static void resumes_half_locked(void **state)
{
	(void)state;
	die_at(CRASH_LOCK);
	assert_string_equal(fake.result.outcome, "indeterminate");
	fake.tzen = true;
	assert_int_equal(run().outcome, OUTCOME_PASS);
	assert_true(fake.locked);
	assert_string_equal(fake.permit_asked.condition, "resumed");
	assert_int_equal(fake.counter, 49);
}

static void resumes_in_loader(void **state)
{
	(void)state;
	resumes(CRASH_LOCK, DUT_BOOT_LOADER, "indeterminate");
}

static void resumes_in_test(void **state)
{
	(void)state;
	resumes(CRASH_TEST, DUT_BOOT_TEST, "fail");
}

static void resumes_in_certificate(void **state)
{
	(void)state;
	resumes(CRASH_CSR, DUT_BOOT_TEST, "indeterminate");
}

static void resumes_in_kernel(void **state)
{
	(void)state;
	resumes(CRASH_CSR, DUT_BOOT_KERNEL, "indeterminate");
}

static void result_survives(void **state)
{
	(void)state;
	die_at(CRASH_RESULT);
	assert_string_equal(fake.result.outcome, "pass");
	assert_int_equal(fake.results, 1);
	/* still in the harness: shown again, counted once */
	fake.locked = true;
	fake.runs_from = DUT_BOOT_KERNEL;
	assert_true(run().nothing);
	assert_int_equal(fake.results, 1);
	assert_int_equal(fake.permits, 1);
}

/* The spool keeps passes longer than messages that were recorded. */
static void a_pass_outlives_its_message(void **state)
{
	char path[96];
	sqlite3 *db;

	(void)state;
	assert_int_equal(run().outcome, OUTCOME_PASS);
	await_results(1);
	close_world();
	snprintf(path, sizeof(path), "%s/spool.db", world.dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "DELETE FROM spool WHERE fate = 1",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	assert_true(sqlite3_changes(db) > 0);
	sqlite3_close(db);
	open_world();
	fake.locked = true;
	fake.runs_from = DUT_BOOT_APP;
	assert_true(run().nothing);
	assert_int_equal(fake.permits, 1);
}

static void remake(void **state)
{
	assert_int_equal(tear_down(state), 0);
	assert_int_equal(set_up(state), 0);
}

/* A SIGKILL right before or after a step enters the journal; then the same
 * board again, here or at another station. It passes, once, with one count of
 * the card and one licence. */
static void killed(void **state, enum step s, bool before, bool elsewhere)
{
	bool passed = s == STEP_RECORD && !before;
	struct attempt_end end;

	print_message("killed %s %s, then %s\n", before ? "before" : "in",
		      step_name(s), elsewhere ? "another station" : "here");
	remake(state);
	fake.dies_in = s;
	fake.dies_before = before;
	die();
	assert_string_equal(fake.result.outcome,
			    passed ? "pass"
			    : before && s > 0 && flow_steps[s - 1].irreversible
				    ? "indeterminate"
				    : "fail");
	if (elsewhere)
		go_elsewhere();
	end = run();
	assert_int_equal(end.nothing, passed && !elsewhere);
	if (passed && elsewhere)
		assert_int_equal(end.failure, FAILURE_PROVISIONED);
	else if (!passed)
		assert_int_equal(end.outcome, OUTCOME_PASS);
	assert_int_equal(fake.passes, 1);
	assert_int_equal(fake.counter, 49);
	assert_int_equal(fake.licences_recorded, 1);
}

static void killed_at_every_step(void **state)
{
	for (int s = 0; s < STEP_COUNT; s++) {
		killed(state, (enum step)s, true, false);
		killed(state, (enum step)s, false, false);
	}
}

static void killed_and_moved_to_another_station(void **state)
{
	for (int s = STEP_LICENCE; s < STEP_COUNT; s++)
		killed(state, (enum step)s, false, true);
}

/* The application was installed while the agent was dead. */
static void application_that_ran_ahead(void **state)
{
	(void)state;
	fake.dies_in = STEP_APP_INSTALL;
	die();
	assert_int_equal(fake.result.app_test_status, 0);
	fake.runs_from = DUT_BOOT_APP;
	assert_int_equal(run().outcome, OUTCOME_PASS);
	assert_int_equal(fake.result.app_test_status, 0);
	assert_string_equal(fake.result.app_version, "1.5");
	assert_string_equal(fake.result.steps[fake.result.steps_n - 2].step,
			    "app-test");
	assert_string_equal(fake.result.steps[fake.result.steps_n - 2].state,
			    "skipped");
	assert_non_null(strstr(fake.result.log, "in attempt 1"));
}

static void application_that_nobody_saw_tested(void **state)
{
	(void)state;
	die_at(CRASH_TEST);
	fake.runs_from = DUT_BOOT_APP;
	run_failing(FAILURE_APP_INSTALL, STEP_APP_TEST);
	assert_int_equal(fake.result.app_test_status, -1);
}

static void programs_of_another_image(void **state)
{
	(void)state;
	die_at(CRASH_TEST);
	fake.other_version = true;
	fake.runs_from = DUT_BOOT_KERNEL;
	run_failing(FAILURE_KERNEL, STEP_SFI_INSTALL);
	fake.runs_from = DUT_BOOT_APP;
	run_failing(FAILURE_APP_INSTALL, STEP_SFI_INSTALL);
}

/* The DUT is not let go on before the journal has it: when the agent dies with
 * the word in its memory only, the test runs again. */
static void journal_comes_before_the_acknowledgement(void **state)
{
	(void)state;
	fake.dies_in = STEP_APP_INSTALL;
	fake.dies_before = true;
	die();
	assert_int_equal(fake.result.app_test_status, -1);
	assert_int_equal(fake.runs_from, DUT_BOOT_KERNEL);
	remake(state);
	fake.dies_in = STEP_MICROVISOR_INSTALL;
	fake.dies_before = true;
	die();
	assert_string_equal(fake.result.cert_sha256, "");
	assert_int_equal(fake.runs_from, DUT_BOOT_TEST);
}

/* ---- the harness ---- */

static bool shows(const char *state, const char *note)
{
	bool same;

	pthread_mutex_lock(&world.st.lock);
	same = strcmp(world.st.harness[0].shown.state, state) == 0 &&
	       strstr(world.st.harness[0].shown.note, note) != NULL;
	pthread_mutex_unlock(&world.st.lock);
	return same;
}

/* Run a harness until it shows an error with this note or, with note NULL, has
 * begun with the board that is in all the time. */
static bool harness_ends(const char *fixture, const char *note)
{
	const struct target_config config = {.probe_serial = "P"};
	struct mono deadline = mono_after_ms(60000);
	bool seen = false;
	struct harness h;
	struct err e;

	fake.order = job();
	strcpy(fake.order.harness, "h1");
	assert_int_equal(
		harness_start(&h, &world.st, 0, &config, NULL, fixture, &e),
		ERR_OK);
	while (!seen && !mono_passed(deadline)) {
		mono_sleep_ms(5);
		seen = note != NULL ? shows("error", note) : fake.permits > 0;
	}
	station_stop(&world.st);
	harness_cancel(&h);
	harness_join(&h);
	return seen;
}

/* Another image in place of the usual one. */
static void order_image(const char *expect)
{
	char folder[] = "/tmp/provline-image-XXXXXX", command[64];

	assert_non_null(mkdtemp(folder));
	dbuf_fini(&image);
	fake_image_make(folder, expect, &image, image_hash);
	fake.image = image.data;
	fake.image_len = image.len;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	assert_int_equal(system(command), 0);
}

#define FIXTURE_A "{\"harness\":{\"fixture\":\"A 1\",\"swclk_max_hz\":4000000}}"

static void refuses_another_fixture(void **state)
{
	(void)state;
	order_image(FIXTURE_A);
	assert_true(harness_ends("", "fixture \"A 1\" needed, none"));
	assert_int_equal(fake.identified + fake.permits, 0);
	close_world();
	open_world();
	assert_true(
		harness_ends("A 2", "fixture \"A 1\" needed, this is \"A 2\""));
	assert_int_equal(fake.identified + fake.permits, 0);
	assert_int_equal(fake.limit_hz, 0);
	close_world();
	open_world();
	assert_true(harness_ends("A 1", NULL));
	assert_int_equal(fake.permits, 1);
	assert_int_equal(fake.limit_hz, 4000000);
	order_image(NULL);
}

/* The file is what was ordered, its manifest is not what its header says. */
static void refuses_an_altered_manifest(void **state)
{
	uint8_t hash[32];

	(void)state;
	order_image(FIXTURE_A);
	image.data[IMAGE_AT_BLOCK_TABLE + IMAGE_SECTOR_BYTES] ^= 1;
	(void)mbedtls_sha256_ret(image.data, image.len, hash, 0);
	hex_encode(image_hash, hash, sizeof(hash));
	assert_true(harness_ends(
		"A 1", "image-altered: stop the line, call the engineer (image "
		       "at 0x00002000 (manifest)"));
	assert_int_equal(fake.identified + fake.permits, 0);
	order_image(NULL);
}

static void stopping_ends_the_attempt(void **state)
{
	struct attempt_end end;

	(void)state;
	station_stop(&world.st);
	target_cancel(world.target);
	end = run();
	assert_int_equal(end.outcome, OUTCOME_FAIL);
	assert_int_equal(end.failure, FAILURE_STATION);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(table_follows_steps_def),
		T(passes),
		T(time_is_accounted),
		T(second_attempt_reuses_licence),
		T(fails_flapping),
		T(fails_foreign),
		T(fails_rdp),
		T(fails_locked_elsewhere),
		T(fails_half_locked_elsewhere),
		T(fails_permit),
		T(fails_nor),
		T(fails_wrong_nor_part),
		T(fails_altered_image),
		T(fails_card),
		T(lost_licence_is_indeterminate),
		T(unrecorded_licence_is_not_used),
		T(fails_flash),
		T(fails_lock),
		T(lost_in_lock_down_is_indeterminate),
		T(fails_silent),
		T(fails_as_the_dut_says),
		T(judges_limits_itself),
		T(judges_by_the_product_too),
		T(fails_what_was_not_measured),
		T(limits),
		T(checks_what_the_dut_reports),
		T(fails_certificate),
		T(sees_the_board_go),
		T(survives_noise_and_doubles),
		T(a_busy_host_is_no_silence),
		T(survives_reset_of_the_dut),
		T(cloud_may_take_its_time),
		T(waits_for_the_record),
		T(stops_when_the_lease_is_lost),
		T(recovers_outside),
		T(recovers_in_licence),
		T(recovers_in_lock_down),
		T(resumes_half_locked),
		T(resumes_in_loader),
		T(resumes_in_test),
		T(resumes_in_certificate),
		T(resumes_in_kernel),
		T(result_survives),
		T(a_pass_outlives_its_message),
		T(refuses_another_fixture),
		T(refuses_an_altered_manifest),
		T(killed_at_every_step),
		T(killed_and_moved_to_another_station),
		T(application_that_ran_ahead),
		T(application_that_nobody_saw_tested),
		T(programs_of_another_image),
		T(journal_comes_before_the_acknowledgement),
		T(stopping_ends_the_attempt),
	};
	char folder[] = "/tmp/provline-image-XXXXXX", command[64];
	int rc;

	log_init("test", LOG_ERROR);
	if (mkdtemp(folder) == NULL)
		return 1;
	fake_image_make(folder, NULL, &image, image_hash);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	dbuf_fini(&image);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) == 0 ? rc : 1;
}
