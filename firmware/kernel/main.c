/* The kernel stand-in: loads the customer's test from the NOR, runs it, and on
 * success puts the application in its place. Once the application is
 * installed, every start goes straight to it. */
#include "firmware/common/dialogue.h"
#include "firmware/common/install.h"
#include "firmware/common/program.h"
#include "firmware/common/record.h"
#include "firmware/hal/hal.h"
#include "firmware/kernel/syscalls.h"

PROGRAM_HEADER(LAYOUT_PROGRAM_KERNEL);

static struct image image;
static bool test_mode;

static enum mv_status testing_complete(uint32_t status);

static enum mv_status test_log(const uint8_t *message, uint16_t length_bytes)
{
	if (message == NULL && length_bytes > 0)
		return MV_STATUS_PARAMETERFAULT;
	if (length_bytes > MV_TEST_LOG_MAX_BYTES)
		return MV_STATUS_LOGMESSAGETOOLONG;
	dialogue_log((const char *)message, length_bytes);
	return MV_STATUS_OKAY;
}

static const struct syscalls table = {
	.magic = SYSCALLS_MAGIC,
	.version = 1,
	.mvTestingComplete = testing_complete,
	.mvTestLog = test_log,
	.mvMilliseconds = hal_ms,
};

/* An application's entry returns when its main function does. */
static void run_application(void)
{
	typedef void entry_fn(const struct syscalls *);
	const uint32_t *vectors = hal_flash(LAYOUT_APP);

	__asm volatile("dsb\n\tisb" ::: "memory");
	((entry_fn *)(uintptr_t)vectors[1])(&table);
}

static void install_application(void)
{
	struct uart_sentence s = {.type = UART_DONE};
	const struct image_part *app = image_part(&image, LAYOUT_PROGRAM_APP);

	install_copy(&image, LAYOUT_PROGRAM_APP, FAILURE_APP_INSTALL);
	if (!record_boot_append(LAYOUT_PROGRAM_APP, app->length))
		dialogue_fail(FAILURE_APP_INSTALL, "flash: boot record");
	dialogue_set_text(s.u.DONE.program, sizeof(s.u.DONE.program), "app");
	dialogue_set_text(s.u.DONE.version, sizeof(s.u.DONE.version),
			  record_program_header(LAYOUT_PROGRAM_APP)->version);
	dialogue_say(&s);
}

static enum mv_status testing_complete(uint32_t status)
{
	struct uart_sentence s = {.type = UART_APP_TEST};

	if (!test_mode)
		return MV_STATUS_UNAVAILABLE;
	test_mode = false;
	s.u.APP_TEST.status = status;
	dialogue_say(&s);
	if (status != 0)
		hal_stop();
	install_application();
	run_application();
	hal_stop();
}

static void run_test(void)
{
	dialogue_begin(&program_header);
	install_open_image(&image, FAILURE_APP_TEST);
	install_copy(&image, LAYOUT_PROGRAM_APP_TEST, FAILURE_APP_TEST);
	test_mode = true;
	run_application();
	/* returned without a word: there is no status to show */
	dialogue_fail(FAILURE_APP_TEST_TIMEOUT,
		      "the test ended without status");
}

int program_main(const void *unused)
{
	struct layout_boot_entry e;

	(void)unused;
	if (!hal_init())
		hal_stop();
	if (record_boot_last(&e) && e.program == LAYOUT_PROGRAM_APP &&
	    record_program_valid(LAYOUT_PROGRAM_APP)) {
		/* A station that has lost its place learns what it holds. */
		dialogue_announce(record_program_header(LAYOUT_PROGRAM_APP));
		run_application();
	} else {
		run_test();
	}
	hal_stop();
}
