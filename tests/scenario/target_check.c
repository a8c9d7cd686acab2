/* agent/target against virtual boards, through libftdi1: started by target.sh,
 * which runs the bench daemon and sets PROVLINE_BENCH_SOCKET, LD_LIBRARY_PATH
 * and PROVLINE_BENCH_CONTROL. Probes PV0001 (resistor) and PV0002 (output
 * enable). What the agent claims is checked against what the bench holds. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "proto/card/card.h"
#include "agent/target/target.h"
#include "proto/base/log.h"
#include "proto/base/mono.h"
#include "proto/board/layout.h"
#include "proto/board/sfi.h"

#include <mbedtls/sha256.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define IMAGE_BYTES (300u * 1024u + 60u)

static uint8_t image[IMAGE_BYTES];
static struct err e;

/* -------- the bench, seen from outside -------- */

static void control(const char *fmt, ...)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char line[512], reply[4096];
	size_t len = 0;
	va_list ap;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	va_start(ap, fmt);
	vsnprintf(line, sizeof line - 1, fmt, ap);
	va_end(ap);
	strcat(line, "\n");
	snprintf(a.sun_path, sizeof a.sun_path, "%s",
		 getenv("PROVLINE_BENCH_CONTROL"));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	while (len < sizeof reply - 1 && memchr(reply, '\n', len) == NULL) {
		ssize_t n = read(fd, reply + len, sizeof reply - 1 - len);

		assert_true(n > 0);
		len += (size_t)n;
	}
	reply[len] = '\0';
	close(fd);
	if (strstr(reply, "\"ok\":true") == NULL &&
	    strstr(reply, "\"ok\": true") == NULL)
		fail_msg("%s -> %s", line, reply);
}

/* What "nor" or "flash" of the board holds from offset on. */
static void dump(const char *what, const char *board, size_t offset, void *out,
		 size_t len)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/dump", getenv("PROVLINE_BENCH_DIR"));
	control("{\"cmd\":\"%s\",\"board\":\"%s\",\"file\":\"%s\"}", what,
		board, path);
	f = fopen(path, "rb");
	assert_non_null(f);
	assert_int_equal(fseek(f, (long)offset, SEEK_SET), 0);
	assert_int_equal(fread(out, 1, len, f), len);
	fclose(f);
}

static void insert(const char *probe, const char *serial, const char *faults)
{
	control("{\"cmd\":\"insert\",\"probe\":\"%s\",\"board\":{\"serial\":"
		"\"%s\",\"faults\":[%s]}}",
		probe, serial, faults);
}

static void take_out(const char *probe)
{
	control("{\"cmd\":\"remove\",\"probe\":\"%s\"}", probe);
}

/* -------- an image -------- */

/* Random, with blank stretches: a third of it. */
static void make_image(void)
{
	uint32_t x = 2024;

	for (size_t i = 0; i < IMAGE_BYTES; i++) {
		x = x * 1664525u + 1013904223u;
		image[i] = i / 8192 % 3 == 1 ? 0xFF : (uint8_t)(x >> 24);
	}
}

static enum err_code read_image(void *arg, uint64_t offset, void *buf,
				size_t len, struct err *err)
{
	(void)arg;
	if (offset > IMAGE_BYTES || len > IMAGE_BYTES - offset)
		return err_set(err, ERR_BUG, "read beyond the image");
	memcpy(buf, image + offset, len);
	return ERR_OK;
}

static unsigned act_at_percent;
static char act_command[128];
static struct target *act_cancel;

static void on_progress(void *arg, unsigned percent)
{
	unsigned *last = arg;

	assert_true(percent >= *last && percent <= 100);
	*last = percent;
	if (act_at_percent != 0 && percent >= act_at_percent) {
		act_at_percent = 0;
		if (act_command[0] != '\0')
			control("%s", act_command);
		if (act_cancel != NULL)
			target_cancel(act_cancel);
	}
}

static enum err_code program(struct target *t, struct target_nor_report *r)
{
	unsigned last = 0;

	return target_nor_program(t, IMAGE_BYTES, read_image, NULL, on_progress,
				  &last, r, &e);
}

/* -------- helpers -------- */

#define ok(call)                                                       \
	do {                                                           \
		enum err_code ok_rc = (call);                          \
		if (ok_rc != ERR_OK)                                   \
			fail_msg("%s: %s: %s", #call, err_name(ok_rc), \
				 e.text);                              \
	} while (0)

static struct target *open_probe(const char *serial, enum target_layout layout)
{
	const struct target_config c = {
		.probe_serial = serial, .layout = layout, .uart_baud = 115200};
	struct target *t;
	enum err_code rc = target_open(&t, &c, &e);

	/* One that was plugged in just now takes a moment to be enumerated. */
	for (int i = 0; i < 100 && rc == ERR_PROBE_GONE; i++) {
		usleep(20000);
		rc = target_open(&t, &c, &e);
	}
	ok(rc);
	return t;
}

static struct target *open_with(const char *serial, const char *faults,
				struct target_identity *id)
{
	struct target *t = open_probe("PV0001", TARGET_LAYOUT_RESISTOR);

	insert("PV0001", serial, faults);
	ok(target_identify(t, id, &e));
	return t;
}

static void finish(struct target *t)
{
	target_close(t);
	take_out("PV0001");
}

static void check_nor(const char *serial, const struct target_nor_report *r)
{
	static uint8_t held[IMAGE_BYTES];
	uint8_t sha[32];

	dump("nor", serial, 0, held, sizeof held);
	assert_memory_equal(held, image, sizeof held);
	assert_int_equal(mbedtls_sha256_ret(image, sizeof image, sha, 0), 0);
	assert_memory_equal(r->sha256, sha, 32);
}

/* -------- tests -------- */

static void presence(void **state)
{
	struct target *t = open_probe("PV0001", TARGET_LAYOUT_RESISTOR);
	bool present = true;

	(void)state;
	ok(target_present(t, &present, &e));
	assert_false(present);
	insert("PV0001", "P1", "");
	ok(target_present(t, &present, &e));
	assert_true(present);
	ok(target_light(t, TARGET_LIGHT_PASS, &e));
	take_out("PV0001");
	ok(target_present(t, &present, &e));
	assert_false(present);
	target_close(t);
}

static void identity(void **state)
{
	struct target_identity id;
	struct target *t = open_with("I1", "", &id);
	struct target_nor nor;
	uint8_t zero[12] = {0};

	(void)state;
	assert_int_equal(id.dpidr, 0x0BE12477u);
	assert_int_equal(id.dev_id, 0x482);
	assert_int_equal(id.flash_kib, 2048);
	assert_int_equal(id.rdp, 0xAA);
	assert_false(id.tzen);
	assert_int_equal(id.lock, TARGET_OPEN);
	assert_memory_not_equal(id.uid, zero, 12);
	ok(target_nor_identify(t, &nor, &e));
	assert_string_equal(nor.part, "W25Q64JV");
	assert_int_equal(nor.size_bytes, 8u << 20);
	finish(t);
}

static void no_probe(void **state)
{
	const struct target_config c = {.probe_serial = "PV9999",
					.uart_baud = 115200};
	struct target *t;

	(void)state;
	assert_int_equal(target_open(&t, &c, &e), ERR_PROBE_GONE);
	assert_null(t);
}

static void image_and_again(void **state)
{
	struct target_identity id;
	struct target *t = open_with("N1", "", &id);
	struct target_nor_report r;
	uint8_t sha[32];

	(void)state;
	make_image();
	ok(program(t, &r));
	check_nor("N1", &r);
	assert_int_equal(r.bytes_erased, 0);
	ok(program(t, &r));
	assert_int_equal(r.bytes_programmed, 0);
	assert_int_equal(r.bytes_skipped, IMAGE_BYTES);
	image[70000] ^= 0xFF;
	ok(program(t, &r));
	check_nor("N1", &r);
	assert_int_equal(r.bytes_erased, 4096);
	assert_true(r.bytes_programmed <= 4096);
	ok(target_nor_sha256(t, IMAGE_BYTES, sha, &e));
	assert_memory_equal(sha, r.sha256, 32);
	finish(t);
}

/* Four bytes in a block that is blank otherwise are easily overlooked. */
static void not_as_blank_as_it_looks(void **state)
{
	struct target_identity id;
	struct target *t = open_with("N2", "", &id);
	struct target_nor_report r;

	(void)state;
	memset(image, 0xFF, sizeof image);
	memset(image + 5000, 0x00, 4);
	ok(program(t, &r));
	check_nor("N2", &r);
	make_image();
	ok(program(t, &r));
	check_nor("N2", &r);
	assert_true(r.bytes_erased >= 4096);
	finish(t);
}

static void output_enable_layout(void **state)
{
	struct target *t = open_probe("PV0002", TARGET_LAYOUT_OUTPUT_ENABLE);
	struct target_identity id;
	struct target_nor_report r;

	(void)state;
	insert("PV0002", "OE1", "");
	make_image();
	ok(target_identify(t, &id, &e));
	ok(program(t, &r));
	check_nor("OE1", &r);
	target_close(t);
	take_out("PV0002");
}

static void certificate(void **state)
{
	struct target_identity id;
	struct target *t = open_with("C1", "", &id);
	uint8_t cert[SFI_CHIP_CERT_BYTES], again[SFI_CHIP_CERT_BYTES];

	(void)state;
	ok(target_chip_certificate(t, cert, &e));
	assert_memory_equal(cert, SFI_PRODUCT_ID, 8);
	ok(target_chip_certificate(t, again, &e));
	assert_memory_equal(cert, again, sizeof cert);
	finish(t);
}

/* -------- the card -------- */

/* pcscd looks for cards a few times a second. */
static void reader_shows(bool present)
{
	struct mono deadline = mono_after_ms(5000);
	struct card_reader r[CARD_READERS_MAX];
	size_t n = 0;

	do {
		mono_sleep_ms(50);
		ok(card_readers(r, &n, &e));
	} while (!(n > 0 && r[0].present == present) && !mono_passed(deadline));
	assert_int_equal(n > 0 && r[0].present, present);
}

static void insert_card(const char *file)
{
	control("{\"cmd\":\"card-insert\",\"reader\":\"SFI\",\"file\":\"%s/"
		"%s\"}",
		getenv("PROVLINE_BENCH_DIR"), file);
	reader_shows(true);
}

static void remove_card(void)
{
	control("{\"cmd\":\"card-remove\",\"reader\":\"SFI\"}");
	reader_shows(false);
}

/* A call for a licence that loses the card on its second APDU, the first
 * being INFO. Somebody puts the card back within the 2 s that card.h allows. */
static void cut(struct card *c, const uint8_t *cert, const char *how,
		enum card_count want)
{
	struct card_licence l;
	enum err_code rc;
	pid_t hand;

	control("{\"cmd\":\"card-fault\",\"reader\":\"SFI\",\"fault\":"
		"\"%s\",\"apdu\":2}",
		how);
	hand = fork();
	if (hand == 0) {
		mono_sleep_ms(500);
		control("{\"cmd\":\"card-insert\",\"reader\":\"SFI\",\"file\":"
			"\"%s/card\"}",
			getenv("PROVLINE_BENCH_DIR"));
		_exit(0);
	}
	rc = card_issue_licence(c, cert, &l, &e);
	assert_int_equal(waitpid(hand, NULL, 0), hand);
	if (rc != ERR_NO_CARD || l.count != want)
		fail_msg("%s: %s (%s), count %d", how, err_name(rc), e.text,
			 (int)l.count);
	assert_int_equal(l.after.counter, want == CARD_COUNT_SPENT ? 3 : 4);
}

static void licences(void **state)
{
	struct target_identity id;
	struct target *t = open_with("K1", "", &id);
	uint8_t cert[SFI_CHIP_CERT_BYTES];
	struct card_licence l;
	struct card_info info;
	struct card *c;

	(void)state;
	ok(target_chip_certificate(t, cert, &e));
	finish(t);
	assert_int_equal(card_open(&c, NULL, &e), ERR_NO_CARD);
	insert_card("card");
	ok(card_open(&c, NULL, &e));
	ok(card_read_info(c, &info, &e));
	assert_string_equal(info.serial, "PVCARD01");
	assert_int_equal(info.counter, 5);
	ok(card_issue_licence(c, cert, &l, &e));
	assert_int_equal(l.count, CARD_COUNT_SPENT);
	assert_int_equal(l.after.counter, 4);
	cert[20] ^= 1;
	assert_int_equal(card_issue_licence(c, cert, &l, &e), ERR_CARD);
	assert_int_equal(card_last_refusal(c), CARD_REFUSAL_NOT_GENUINE);
	assert_int_equal(l.count, CARD_COUNT_KEPT);
	cert[20] ^= 1;
	cut(c, cert, "lose-command", CARD_COUNT_KEPT);
	cut(c, cert, "lose-reply", CARD_COUNT_SPENT);
	card_close(c);
	remove_card();
	insert_card("empty");
	ok(card_open(&c, NULL, &e));
	assert_int_equal(card_issue_licence(c, cert, &l, &e), ERR_CARD);
	assert_int_equal(card_last_refusal(c), CARD_REFUSAL_EMPTY);
	remove_card();
	assert_int_equal(card_read_info(c, &info, &e), ERR_NO_CARD);
	card_close(c);
}

static void flash_then_lock(void **state)
{
	static uint8_t program_bytes[20000], held[20000];
	struct target_identity id;
	struct target *t = open_with("L1", "", &id);
	enum target_lock lock;
	uint8_t licence[SFI_LICENCE_BYTES];

	(void)state;
	make_image();
	memcpy(program_bytes, image, sizeof program_bytes);
	memset(licence, 0x4C, sizeof licence);
	ok(target_flash_write(t, LAYOUT_LOADER, program_bytes,
			      sizeof program_bytes, &e));
	ok(target_flash_write(t, LAYOUT_LICENCE, licence, sizeof licence, &e));
	dump("flash", "L1", 0, held, sizeof held);
	assert_memory_equal(held, program_bytes, sizeof held);
	dump("flash", "L1", LAYOUT_LICENCE, held, sizeof licence);
	assert_memory_equal(held, licence, sizeof licence);
	ok(target_flash_erase(t, LAYOUT_LICENCE, LAYOUT_PAGE_BYTES, &e));
	dump("flash", "L1", LAYOUT_LICENCE, held, 16);
	assert_int_equal(held[0], 0xFF);
	assert_int_equal(target_flash_write(t, 4096, licence, 16, &e),
			 ERR_INPUT);
	ok(target_lock_state(t, &lock, &e));
	assert_int_equal(lock, TARGET_OPEN);
	ok(target_identify(t, &id, &e));
	ok(target_lock_down(t, &e));
	ok(target_lock_state(t, &lock, &e));
	assert_int_equal(lock, TARGET_LOCKED);
	ok(target_hold_reset(t, false, &e));
	assert_int_equal(target_flash_write(t, 0, licence, 16, &e), ERR_STATE);
	ok(target_identify(t, &id, &e));
	assert_int_equal(id.lock, TARGET_LOCKED);
	assert_int_equal(id.dev_id, 0x482);
	finish(t);
}

static void faulty_boards(void **state)
{
	struct target_identity id;
	struct target_nor nor;
	struct target_nor_report r;
	struct target *t = open_with("F1", "\"nor-missing\"", &id);
	uint8_t page[16] = {1};

	(void)state;
	make_image();
	assert_int_equal(target_nor_identify(t, &nor, &e), ERR_NOT_FOUND);
	finish(t);
	t = open_with("F2", "\"nor-wrong-size\"", &id);
	ok(target_nor_identify(t, &nor, &e));
	assert_int_equal(nor.size_bytes, 4u << 20);
	finish(t);
	t = open_with("F3", "\"nor-stuck-busy\"", &id);
	assert_int_equal(program(t, &r), ERR_TIMEOUT);
	finish(t);
	t = open_with("F4", "\"nor-bit-error\"", &id);
	assert_int_equal(program(t, &r), ERR_INTEGRITY);
	finish(t);
	t = open_with("F5", "\"foreign-chip\"", &id);
	assert_int_equal(id.dev_id, 0x481);
	finish(t);
	t = open_with("F6", "\"rdp1\"", &id);
	assert_int_equal(id.lock, TARGET_LOCKED);
	assert_int_equal(program(t, &r), ERR_STATE);
	finish(t);
	t = open_with("F7", "\"flash-worn\"", &id);
	assert_int_equal(target_flash_write(t, 0, page, sizeof page, &e),
			 ERR_INTEGRITY);
	finish(t);
	t = open_with("F8", "\"option-bytes-stuck\"", &id);
	assert_int_equal(target_lock_down(t, &e), ERR_STATE);
	finish(t);
}

/* A hand faster than the flow: what was learnt of one board is not done to the
 * next. */
static void board_swapped(void **state)
{
	struct target_identity id;
	struct target *t = open_with("W1", "", &id);
	struct target_nor_report r;
	bool present;

	(void)state;
	take_out("PV0001");
	insert("PV0001", "W2", "");
	assert_int_equal(target_lock_down(t, &e), ERR_STATE);
	ok(target_present(t, &present, &e));
	assert_true(present);
	assert_int_equal(program(t, &r), ERR_STATE);
	ok(target_identify(t, &id, &e));
	assert_int_equal(id.lock, TARGET_OPEN);
	assert_int_equal(id.rdp, 0xAA);
	finish(t);
}

static void noise_on_the_wire(void **state)
{
	struct target_identity id;
	struct target *t = open_with("S1", "\"swd-noise\"", &id);
	struct target_nor_report r;
	uint8_t cert[SFI_CHIP_CERT_BYTES];

	(void)state;
	make_image();
	ok(program(t, &r));
	check_nor("S1", &r);
	ok(target_chip_certificate(t, cert, &e));
	ok(target_flash_write(t, 0, image, 20000, &e));
	ok(target_lock_down(t, &e));
	finish(t);
}

static void cable_too_long_for_30_mhz(void **state)
{
	struct target_identity id;
	struct target *t = open_with("S2", "\"swd-slow-cable\"", &id);
	struct target_nor_report r;

	(void)state;
	make_image();
	ok(program(t, &r));
	check_nor("S2", &r);
	finish(t);
}

static void board_taken_out(void **state)
{
	struct target_identity id;
	struct target *t = open_with("R1", "", &id);
	struct target_nor_report r;
	bool present = true;

	(void)state;
	make_image();
	act_at_percent = 30;
	snprintf(act_command, sizeof act_command,
		 "{\"cmd\":\"remove\",\"probe\":\"PV0001\"}");
	assert_int_equal(program(t, &r), ERR_NO_TARGET);
	act_command[0] = '\0';
	ok(target_present(t, &present, &e));
	assert_false(present);
	insert("PV0001", "R1", "");
	ok(target_identify(t, &id, &e));
	ok(program(t, &r));
	check_nor("R1", &r);
	finish(t);
}

static void probe_unplugged(void **state)
{
	struct target_identity id;
	struct target *t = open_with("U1", "", &id);
	struct target_nor_report r;
	uint8_t byte;
	size_t got;

	(void)state;
	make_image();
	act_at_percent = 30;
	snprintf(act_command, sizeof act_command,
		 "{\"cmd\":\"unplug\",\"probe\":\"PV0001\"}");
	assert_int_equal(program(t, &r), ERR_PROBE_GONE);
	act_command[0] = '\0';
	assert_int_equal(target_uart_read(t, &byte, 1, &got, 10, &e),
			 ERR_PROBE_GONE);
	target_close(t);
	control("{\"cmd\":\"plug\",\"probe\":\"PV0001\"}");
	t = open_probe("PV0001", TARGET_LAYOUT_RESISTOR);
	ok(target_identify(t, &id, &e));
	ok(program(t, &r));
	check_nor("U1", &r);
	finish(t);
}

static void cancelled(void **state)
{
	struct target_identity id;
	struct target *t = open_with("X1", "", &id);
	struct target_nor_report r;

	(void)state;
	make_image();
	act_at_percent = 30;
	act_cancel = t;
	assert_int_equal(program(t, &r), ERR_CANCELLED);
	act_cancel = NULL;
	assert_int_equal(program(t, &r), ERR_CANCELLED);
	target_resume(t);
	ok(target_identify(t, &id, &e));
	ok(program(t, &r));
	check_nor("X1", &r);
	finish(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_probe),
		cmocka_unit_test(presence),
		cmocka_unit_test(identity),
		cmocka_unit_test(certificate),
		cmocka_unit_test(licences),
		cmocka_unit_test(image_and_again),
		cmocka_unit_test(not_as_blank_as_it_looks),
		cmocka_unit_test(output_enable_layout),
		cmocka_unit_test(flash_then_lock),
		cmocka_unit_test(faulty_boards),
		cmocka_unit_test(board_swapped),
		cmocka_unit_test(noise_on_the_wire),
		cmocka_unit_test(cable_too_long_for_30_mhz),
		cmocka_unit_test(board_taken_out),
		cmocka_unit_test(probe_unplugged),
		cmocka_unit_test(cancelled),
	};

	log_init("target-check", LOG_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
